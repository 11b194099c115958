"""Whatever happens in whatever order, nobody pays for nothing and no court is given twice.

A machine places, pays, cancels, enters, jumps in time, hands in notices twice or never, kills processes around
calls to WeChat Pay and lets other things happen during them. The sandbox's own books are the judge. `SOAK=1` runs
many times as long.
"""

import asyncio
import contextlib
import os
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from models import database
from models.admissions.operations import pass_door
from models.admissions.tables import Admission
from models.booking.tables import BookingRule, HeldCell
from models.calendar import business_day, instant_of
from models.checkout.ending import cancel_order, end_overdue_holds
from models.checkout.paying import check_due_payments
from models.checkout.refunding import send_due_refunds
from models.codes import rules as codes
from models.codes.rules import CodeVersions
from models.errors import DomainError
from models.forwarding.tables import OutboxRow
from models.orders.rules import LIVE_PAYMENTS
from models.orders.tables import FinanceEvent, Order, OrderLine, Payment, Refund
from payments.port import PaymentChannel
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.booking import (
    WHAT_AN_ACT_WRITES,
    Hall,
    Person,
    a_hall,
    a_person,
    an_order,
    invoke_payment,
    wanted,
)
from tests.factories.people import CODE_KEYS
from tests.outside import WECHAT_PAY, Killed, Meddled, Outside, Stage, killed

T = TypeVar("T")
SOAK = bool(os.environ.get("SOAK"))
JUMPS = (20, 20, 5 * 60, 5 * 60, 15 * 60, 16 * 60, 14 * 3600)
TROUBLES = ("killed before", "killed after", "http_500", "http_500_after", *("before", "after") * 2)

Channels = Mapping[str, PaymentChannel]


@dataclass(frozen=True)
class Trouble:
    """What goes wrong, or comes in between, around one kind of call to WeChat Pay."""

    kind: str
    call: str
    meanwhile: str  # what another request or worker does with the same order, when the kind is before or after


NONE = Trouble("none", "", "")


def trouble_around(*calls: str) -> st.SearchStrategy[Trouble]:
    """Half of the time none, else one around one of the calls that the act may make."""
    return st.just(NONE) | st.builds(
        Trouble,
        st.sampled_from(TROUBLES),
        st.sampled_from(calls),
        st.sampled_from(["pay", "cancel", "cancel", "press", "press", "sweep"]),
    )


recent = st.sampled_from((-1, -1, -1, -2, -3, -4))  # which of the orders or sheets: mostly the latest


@dataclass(frozen=True)
class World:
    """What all runs share: a loop, a hall and its people, the stage for a sandbox of each run's own."""

    loop: asyncio.AbstractEventLoop
    stage: Stage
    folder: Path
    hall: Hall
    people: tuple[Person, ...]


@pytest.fixture
async def world(db: Database, stage: Stage, tmp_path: Path) -> World:
    hall = await a_hall(free_mornings=True)
    await BookingRule.all().update(courts_a_person_a_day=99, minutes_a_court_a_day=999)  # they shall meet often
    people = [await a_person() for _ in range(3)]
    return World(asyncio.get_running_loop(), stage, tmp_path, hall, tuple(people))


class OrderMoney(RuleBasedStateMachine):
    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.now = NOW
        self.orders: list[tuple[Order, Person]] = []
        self.at_hand = 0  # the order that the running act is about
        self.sheets: list[tuple[int, Mapping[str, str]]] = []  # order, wx.requestPayment parameters on a phone
        self.notices: list[Any] = []
        self.unread = 0
        self.stack = contextlib.AsyncExitStack()
        self.run(self.begin())
        self.buy(0, "full", 9, 2, "pressed", NONE)

    def run(self, act: Coroutine[Any, Any, T]) -> T:
        return self.world.loop.run_until_complete(act)

    async def begin(self) -> None:
        for table in reversed(WHAT_AN_ACT_WRITES):
            await database.rows(f"DELETE FROM {table}")
        house = self.world.stage.wechat_pay(self.world.folder / secrets.token_hex(8), now=self.now)
        self.outside: Outside = await self.stack.enter_async_context(house)
        await self.outside.switch_on(refund_seconds=0)

    # what people do

    @rule(
        who=st.integers(0, 2),
        court=st.sampled_from(["full", "left", "right", "badminton"]),
        hour=st.sampled_from([8, 9, 9, 10, 11, 12]),
        people=st.integers(1, 3),
        until=st.sampled_from(["placed", "pressed", "paid", "settled", "settled"]),
        trouble=trouble_around("close", "prepay", "prepay"),
    )
    def buy(self, who: int, court: str, hour: int, people: int, until: str, trouble: Trouble) -> None:
        person = self.world.people[who]
        starts_at = instant_of(business_day(self.now) + timedelta(days=1), hour * 60)
        line = wanted(getattr(self.world.hall, court), starts_at, people=people)

        async def act(channels: Channels) -> None:
            self.orders.append((await an_order(person, line, channels=channels, now=self.now), person))
            if until != "placed":
                await self.open_sheet(-1, channels)
            if until in ("paid", "settled"):
                await self.pay(-1, late=False)
            if until == "settled":
                await self.read_letters()
                await self.deliver(-1)

        self.run(self.in_trouble(trouble, act))

    @precondition(lambda self: self.orders)
    @rule(which=recent, trouble=trouble_around("prepay", "query", "close"))
    def press_pay(self, which: int, trouble: Trouble) -> None:
        self.run(self.in_trouble(trouble, lambda channels: self.open_sheet(which, channels)))

    @precondition(lambda self: self.sheets)
    @rule(which=recent, late=st.booleans())
    def confirm(self, which: int, late: bool) -> None:
        self.run(self.pay(which, late=late))

    @precondition(lambda self: self.orders)
    @rule(which=recent, trouble=trouble_around("close", "query", "refund"))
    def cancel(self, which: int, trouble: Trouble) -> None:
        self.run(self.in_trouble(trouble, lambda channels: self.give_up(which, channels)))

    @rule(
        court=st.sampled_from(["full", "left", "right", "badminton"]),
        hour=st.sampled_from([9, 10, 11, 12]),
        until=st.sampled_from(["placed", "pressed", "paid", "settled"]),
        trouble=trouble_around("prepay", "close", "query", "refund"),
    )
    def regret(self, court: str, hour: int, until: str, trouble: Trouble) -> None:
        """Buys in peace, and changes their mind in trouble."""
        self.buy(1, court, hour, 1, until, NONE)
        self.cancel(-1, trouble)

    @precondition(lambda self: self.orders)
    @rule(which=recent)
    def enter(self, which: int) -> None:
        self.run(self.go_in(which))

    # what time and machines do

    @rule(seconds=st.sampled_from(JUMPS))
    def wait(self, seconds: int) -> None:
        self.run(self.jump_to(self.now + timedelta(seconds=seconds)))

    @precondition(lambda self: self.notices)
    @rule(which=st.integers(0, 30), times=st.integers(1, 2))
    def hand_in(self, which: int, times: int) -> None:
        for _ in range(times):
            self.run(self.deliver(which))

    @rule(
        sweep=st.sampled_from([end_overdue_holds, check_due_payments, send_due_refunds]),
        trouble=trouble_around("close", "query", "refund", "query_refund"),
    )
    def sweep(self, sweep: Callable[..., Awaitable[int]], trouble: Trouble) -> None:
        async def act(channels: Channels) -> None:
            await sweep(channels=channels, now=self.now)

        self.run(self.in_trouble(trouble, act))

    # how

    def take_up(self, which: int) -> tuple[Order, Person]:
        self.at_hand = which % len(self.orders)
        return self.orders[self.at_hand]

    async def open_sheet(self, which: int, channels: Channels) -> None:
        order, person = self.take_up(which)
        sheet = await invoke_payment(self.outside, order, person, now=self.now, channels=channels)
        self.sheets.append((order.id, sheet))

    async def pay(self, which: int, *, late: bool) -> None:
        _, sheet = self.sheets[which % len(self.sheets)]
        await self.outside.try_to_pay(sheet, late=late)

    async def give_up(self, which: int, channels: Channels) -> None:
        order, person = self.take_up(which)
        await cancel_order(member_id=person.member_id, order_no=order.order_no, channels=channels, now=self.now)

    async def go_in(self, which: int) -> None:
        admission = await Admission.filter(order_id=self.orders[which % len(self.orders)][0].id).first()
        if admission is not None:
            venue = self.world.hall.venue
            if admission.opens_at > self.now:
                await self.jump_to(admission.opens_at)
            code = codes.make_rotating(
                CODE_KEYS,
                handle=admission.handle,
                venue=venue.public_id,
                day=admission.business_day,
                versions=CodeVersions(0, 0),
                at=self.now,
            )
            await database.operation(pass_door)(
                code=code,
                venue_id=venue.id,
                direction="ENTRY",
                door="东门",
                at_gate=True,
                id_checked=False,
                keys=CODE_KEYS,
                now=self.now,
            )

    async def jump_to(self, instant: datetime) -> None:
        self.now = instant
        await self.outside.travel(instant)

    async def deliver(self, which: int) -> None:
        if self.notices:
            await self.outside.take(self.notices[which % len(self.notices)], now=self.now)

    async def sweep_all(self, channels: Channels) -> None:
        for sweep in (check_due_payments, end_overdue_holds, send_due_refunds):
            await sweep(channels=channels, now=self.now)

    async def in_trouble(self, trouble: Trouble, act: Callable[[Channels], Awaitable[None]]) -> None:
        """Does it with this trouble, and lives on as the next request or the restarted process would."""
        meddled = Meddled(self.outside.channel)
        point = meddled.after if trouble.kind.endswith("after") else meddled.before
        if trouble.kind.startswith("killed"):
            point[trouble.call] = killed
        elif trouble.kind in ("before", "after"):
            point[trouble.call] = lambda: self.meanwhile(trouble, point)
        elif trouble.kind != "none":
            await self.outside.switch_on(refund_seconds=0, **{trouble.kind: True})
        with contextlib.suppress(DomainError, Killed):
            await act({WECHAT_PAY: meddled})
        await self.outside.switch_on(refund_seconds=0)

    async def meanwhile(self, trouble: Trouble, point: dict[str, Any]) -> None:
        """Another request or worker, once, while the first one waits for WeChat Pay."""
        del point[trouble.call]
        order_id = self.orders[self.at_hand][0].id if self.orders else 0
        with contextlib.suppress(DomainError):
            if trouble.meanwhile == "pay":
                for sheet in [sheet for about, sheet in self.sheets if about == order_id]:
                    await self.outside.try_to_pay(sheet, late=True)
            elif trouble.meanwhile == "sweep" or not self.orders:
                await self.sweep_all(self.outside.channels)
            elif trouble.meanwhile == "cancel":
                await self.give_up(self.at_hand, self.outside.channels)
            else:
                await self.open_sheet(self.at_hand, self.outside.channels)

    # what must always hold

    @invariant()
    def the_books_agree(self) -> None:
        self.run(self.read_letters())
        self.run(self.check())

    async def read_letters(self) -> None:
        await self.outside.quiet()
        for letter in self.outside.letters[self.unread :]:
            self.notices.append(await self.outside.read(letter))
        self.unread = len(self.outside.letters)

    async def check(self) -> None:
        books, orders = await self.outside.books(), {order.id: order for order in await Order.all()}
        await check_cells(orders, self.world.hall)
        payments, refunds = await Payment.all(), await Refund.all()
        settled = Counter(payment.order_id for payment in payments if payment.status == "SETTLED")
        told = Counter((row.subject, row.payload["state"]) for row in await OutboxRow.filter(kind="orders"))
        for order in orders.values():
            counts = settled[order.id]
            was_paid = counts == 1 or order.total_fen == 0
            assert counts <= 1
            assert was_paid or order.status != "PAID"
            assert told[f"order:{order.order_no}", "PAID"] == was_paid
            assert told[f"order:{order.order_no}", "CANCELLED"] == (was_paid and order.status == "CLOSED")
        check_money(books, await FinanceEvent.all(), payments, refunds)
        for admission in await Admission.filter(first_entered_at__isnull=False):
            assert admission.revoked_at is None
            assert orders[admission.order_id].status == "PAID"

    # how it all ends

    def teardown(self) -> None:
        try:
            self.run(self.settle_everything())
        finally:
            self.run(self.stack.aclose())

    async def settle_everything(self) -> None:
        """Nothing goes wrong any more, no further notice arrives, the worker sweeps: all must end well."""
        for _ in range(4):
            await self.jump_to(self.now + timedelta(minutes=20))
            await self.sweep_all(self.outside.channels)
            await self.outside.quiet()
        await self.check()
        await check_everybody_is_square(await self.outside.books())


async def check_cells(orders: Mapping[int, Order], hall: Hall) -> None:
    """Who pays or has paid holds exactly the cells of their lines; who does not holds none. (Twice cannot be.)"""
    held = Counter([cell.order_line_id for cell in await HeldCell.all()])
    for line in await OrderLine.all():
        parts = 2 if line.court_id == hall.full.id else 1
        assert held[line.id] == (0 if orders[line.order_id].status == "CLOSED" else 2 * parts)


def check_money(books: Any, entries: list[FinanceEvent], payments: list[Payment], refunds: list[Refund]) -> None:
    """What we booked happened there, to the fen; no payment is given back twice or above itself."""
    paid_there = {row["out_trade_no"]: row["total_fen"] for row in books["payments"]}
    refunded_there = {row["out_refund_no"]: row["refund_fen"] for row in books["refunds"]}
    for entry in entries:
        there = paid_there if entry.kind == "PAID" else refunded_there
        assert there[entry.about_no] == entry.amount_fen
    assert max(Counter(row["out_trade_no"] for row in books["refunds"]).values(), default=0) <= 1
    for payment in payments:
        given_back = sum(refund.amount_fen for refund in refunds if refund.payment_id == payment.id)
        assert payment.refunded_fen == given_back <= payment.amount_fen
        assert (payment.status in ("SETTLED", "SURPLUS")) == any(
            entry.about_no == payment.payment_no for entry in entries
        )
    assert set(paid_there) <= {payment.payment_no for payment in payments}


async def check_everybody_is_square(books: Any) -> None:
    """In the end: nothing is pending, the two houses' books are equal, and whoever is charged has their court."""
    assert not await Order.filter(status="PENDING_PAYMENT").exists()
    assert not await Payment.filter(status__in=LIVE_PAYMENTS).exists()
    assert not await Refund.exclude(status="SUCCESS").exists()
    entries = Counter((entry.kind, entry.about_no, entry.amount_fen) for entry in await FinanceEvent.all())
    assert entries == Counter(
        [("PAID", row["out_trade_no"], row["total_fen"]) for row in books["payments"]]
        + [("REFUNDED", row["out_refund_no"], row["refund_fen"]) for row in books["refunds"]]
    )
    given_back = {row["out_trade_no"] for row in books["refunds"] if row["state"] == "SUCCESS"}
    for row in books["payments"]:
        payment = await Payment.get(payment_no=row["out_trade_no"])
        order = await Order.get(id=payment.order_id)
        has_their_court = order.status == "PAID" and payment.status == "SETTLED"
        assert has_their_court != (row["out_trade_no"] in given_back)


def test_nobody_pays_for_nothing_and_no_court_is_given_twice(world: World) -> None:
    run_state_machine_as_test(
        lambda: OrderMoney(world),  # type: ignore[arg-type] # a maker of machines is as good as their class
        settings=settings(
            max_examples=1500 if SOAK else 35,
            stateful_step_count=60 if SOAK else 30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
