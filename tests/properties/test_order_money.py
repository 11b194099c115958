"""Whatever happens in whatever order, nobody pays for nothing, nothing is given away, and no court is given twice.

A machine places, pays over both channels and at the desk, splits prices among friends, cancels and moves whole orders and lines, gives back, enters, jumps in
time, hands in notices twice or never, kills processes around calls to the channels and lets other things happen during
them. The sandboxes' own books are the judge. `make soak` runs it for about as long as it is told.
"""

import asyncio
import contextlib
import os
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from models import database
from models.admissions.operations import pass_door
from models.admissions.tables import Admission
from models.booking.tables import BookingRule
from models.calendar import business_day, instant_of
from models.checkout.at_desk import MoneyGiven, take_money
from models.checkout.cancelling import cancel_order
from models.checkout.ending import end_overdue_holds
from models.checkout.handing_out import hand_out_refund
from models.checkout.moving import open_move
from models.checkout.paying import check_due_payments
from models.checkout.refunding import send_due_refunds
from models.checkout.splitting import split_order, take_over_shares
from models.checkout.staff_refunding import give_back
from models.codes import rules as codes
from models.codes.rules import CodeVersions
from models.errors import DomainError
from models.orders.rules import Channel
from models.orders.tables import Order, Refund, RefundRule
from models.shifts.operations import open_shift
from models.staff.rules import StaffSignedIn
from payments.port import Invocation, PaymentChannel, Way
from tests.conftest import NOW
from tests.databases import KIND, Database
from tests.factories.accounts import ID_KEYS
from tests.factories.booking import (
    WHAT_AN_ACT_WRITES,
    Hall,
    Person,
    a_hall,
    a_person,
    an_order,
    invoke_alipay,
    invoke_payment,
    wanted,
)
from tests.factories.people import CODE_KEYS, a_clerk
from tests.factories.splitting import share_page, share_sheet, tie
from tests.outside import Killed, Meddled, Outside, Stage, killed
from tests.properties.order_money_books import check, check_everybody_is_square

T = TypeVar("T")
SOAK_SECONDS = int(os.environ.get("SOAK_SECONDS", "0"))
RUNS_A_SECOND = 2
STEPS_AT_LEAST = 700
JUMPS = (20, 20, 5 * 60, 5 * 60, 15 * 60, 16 * 60, 14 * 3600)
TROUBLES = ("killed before", "killed after", "http_500", "http_500_after", *("before", "after") * 2)
COURTS = ("full", "left", "right", "badminton")
UNTIL = ("placed", "pressed", "paid", "settled", "settled")

Channels = Mapping[str, PaymentChannel]


@dataclass(frozen=True)
class Trouble:
    """What goes wrong, or comes in between, around one kind of call to a channel."""

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
class Sheet:
    """With what somebody can pay one attempt: in the mini-program, on Alipay's page or by its code."""

    order_id: int
    opened: Mapping[str, str] | Invocation

    async def pay(self, outside: Outside, *, late: bool) -> httpx.Response:
        if not isinstance(self.opened, Invocation):
            return await outside.try_to_pay(self.opened, late=late)
        assert outside.alipay
        return await outside.alipay.try_to_pay(self.opened, late=late)


@dataclass(frozen=True)
class World:
    """What all runs share: a loop, a hall and its people, the stage for sandboxes of each run's own."""

    loop: asyncio.AbstractEventLoop
    stage: Stage
    folder: Path
    hall: Hall
    people: tuple[Person, ...]
    clerk: StaffSignedIn
    ties: Mapping[tuple[int, int], str]  # of any two of the people, by their places among them
    steps: list[str] = field(default_factory=list)


@pytest.fixture
async def world(db: Database, stage: Stage, tmp_path: Path) -> World:
    hall = await a_hall(free_mornings=True)
    await BookingRule.all().update(courts_a_person_a_day=99, minutes_a_court_a_day=999)  # they shall meet often
    for minutes, percent in ((120, 0), (0, 20)):
        await RefundRule.create(
            party="MEMBER", minutes_before=minutes, kept_percent=percent, kept_fen=0, provenance="TEST", source=""
        )
    people = [await a_person() for _ in range(3)]
    clerk = await a_clerk(hall.venue.public_id)
    await open_shift(clerk=clerk, venue_id=hall.venue.public_id, float_fen=10_000, now=NOW)
    ties = {(one, other): await tie(people[one], people[other]) for one, other in combinations(range(3), 2)}
    ties |= {(other, one): key for (one, other), key in ties.items()}
    return World(asyncio.get_running_loop(), stage, tmp_path, hall, tuple(people), clerk, ties)


class OrderMoney(RuleBasedStateMachine):
    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.now = NOW
        self.orders: list[tuple[Order, Person]] = []
        self.at_hand = 0  # the order that the running act is about
        self.sheets: list[Sheet] = []
        self.notices: list[tuple[str, Any]] = []  # the channel's name, and what it told
        self.unread = 0
        self.stack = contextlib.AsyncExitStack()
        self.run(self.begin())
        self.buy(0, "full", 9, 2, 1, "pressed", False, NONE)

    def run(self, act: Coroutine[Any, Any, T]) -> T:
        return self.world.loop.run_until_complete(act)

    async def begin(self) -> None:
        for table in reversed(WHAT_AN_ACT_WRITES):
            await database.rows(f"DELETE FROM {table}")
        house = self.world.stage.wechat_pay(self.world.folder / secrets.token_hex(8), now=self.now)
        self.outside: Outside = await self.stack.enter_async_context(house)
        await self.stack.enter_async_context(self.world.stage.alipay(self.outside))
        await self.peace()

    # what people do

    @rule(
        who=st.integers(0, 2),
        court=st.sampled_from(COURTS),
        hour=st.sampled_from([8, 9, 9, 10, 11, 12]),
        people=st.integers(1, 3),
        lines=st.sampled_from([1, 1, 2, 3]),
        until=st.sampled_from(UNTIL),
        by_alipay=st.booleans(),
        trouble=trouble_around("close", "prepay", "prepay"),
    )
    def buy(
        self,
        who: int,
        court: str,
        hour: int,
        people: int,
        lines: int,
        until: str,
        by_alipay: bool,
        trouble: Trouble,
    ) -> None:
        person = self.world.people[who]
        day = business_day(self.now) + timedelta(days=1)
        asked = [
            wanted(getattr(self.world.hall, court), instant_of(day, (hour + each) * 60), people=people)
            for each in range(lines)
        ]

        async def act(channels: Channels) -> None:
            self.orders.append((await an_order(person, *asked, channels=channels, now=self.now), person))
            if until != "placed":
                await (self.open_page if by_alipay else self.open_sheet)(-1, channels)
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

    @precondition(lambda self: self.orders)
    @rule(
        which=recent,
        way=st.sampled_from([Way.MOBILE_WEB, Way.DESKTOP_WEB, Way.CODE]),
        trouble=trouble_around("prepay", "query", "close"),
    )
    def press_alipay(self, which: int, way: Way, trouble: Trouble) -> None:
        self.run(self.in_trouble(trouble, lambda channels: self.open_page(which, channels, way)))

    @precondition(lambda self: self.sheets)
    @rule(which=recent, late=st.booleans())
    def confirm(self, which: int, late: bool) -> None:
        self.run(self.pay(which, late=late))

    @precondition(lambda self: self.orders)
    @rule(which=recent)
    def pay_twice(self, which: int) -> None:
        """In the mini-program and on Alipay's page, before anybody has heard of either."""
        self.run(self.both(which))

    @precondition(lambda self: self.orders)
    @rule(which=recent, trouble=trouble_around("close", "query"))
    def pay_cash(self, which: int, trouble: Trouble) -> None:
        async def act(channels: Channels) -> None:
            order, _ = self.take_up(which)
            await take_money(
                clerk=self.world.clerk,
                order_no=order.order_no,
                money=MoneyGiven(channel=Channel.CASH, given_fen=20_000),
                key=f"cash-{order.order_no}",
                channels=channels,
                now=self.now,
            )

        self.run(self.in_trouble(trouble, act))

    @precondition(lambda self: self.orders)
    @rule(
        which=recent,
        lines=st.sampled_from([None, None, (1,), (2,), (1, 2)]),
        trouble=trouble_around("close", "query", "refund"),
    )
    def cancel(self, which: int, lines: tuple[int, ...] | None, trouble: Trouble) -> None:
        self.run(self.in_trouble(trouble, lambda channels: self.give_up(which, channels, lines)))

    @precondition(lambda self: self.orders)
    @rule(
        which=recent,
        court=st.sampled_from(COURTS),
        hour=st.sampled_from([8, 8, 13, 14]),
        until=st.sampled_from(UNTIL),
        trouble=trouble_around("close", "prepay", "refund"),
    )
    def move(self, which: int, court: str, hour: int, until: str, trouble: Trouble) -> None:
        """To a free hour at once, or to one that has to be paid for first."""
        to = wanted(
            getattr(self.world.hall, court), instant_of(business_day(self.now) + timedelta(days=1), hour * 60)
        )

        async def act(channels: Channels) -> None:
            order, person = self.take_up(which)
            order_no = await open_move(
                member_id=person.member_id,
                order_no=order.order_no,
                line_no=1,
                to=to,
                key=secrets.token_hex(8),
                keys=ID_KEYS,
                channels=channels,
                now=self.now,
            )
            self.orders.append((await Order.get(order_no=order_no), person))
            if until != "placed":
                await self.open_sheet(-1, channels)
            if until in ("paid", "settled"):
                await self.pay(-1, late=False)
            if until == "settled":
                await self.read_letters()
                await self.deliver(-1)

        self.run(self.in_trouble(trouble, act))

    @rule(
        who=st.integers(0, 2),
        court=st.sampled_from(COURTS),
        hour=st.sampled_from([9, 10, 11, 12]),
        until=st.lists(st.sampled_from(UNTIL), max_size=3),
        pressed=st.booleans(),
        trouble=trouble_around("close", "prepay"),
    )
    def go_dutch(self, who: int, court: str, hour: int, until: list[str], pressed: bool, trouble: Trouble) -> None:
        """Buys, perhaps begins to pay, splits it with both others, and some of them pay more or less of the way."""
        self.buy(who, court, hour, 3, 2, "pressed" if pressed else "placed", False, NONE)

        async def act(channels: Channels) -> None:
            await self.split(-1, who, channels)
            for person, how_far in enumerate(until):
                if how_far != "placed":
                    await self.open_share(-1, person, channels)
                if how_far in ("paid", "settled"):
                    await self.pay(-1, late=False)
                if how_far == "settled":
                    await self.read_letters()
                    await self.deliver(-1)

        self.run(self.in_trouble(trouble, act))

    @precondition(lambda self: self.orders)
    @rule(
        which=recent,
        who=st.integers(0, 2),
        by_alipay=st.booleans(),
        trouble=trouble_around("prepay", "query", "close"),
    )
    def press_share(self, which: int, who: int, by_alipay: bool, trouble: Trouble) -> None:
        self.run(
            self.in_trouble(trouble, lambda channels: self.open_share(which, who, channels, by_alipay=by_alipay))
        )

    @precondition(lambda self: self.orders)
    @rule(which=recent, trouble=trouble_around("close", "query"))
    def take_over(self, which: int, trouble: Trouble) -> None:
        async def act(channels: Channels) -> None:
            order, person = self.take_up(which)
            asked = {"member_id": person.member_id, "order_no": order.order_no}
            await take_over_shares(**asked, channels=channels, now=self.now)  # type: ignore[arg-type]
            await self.open_sheet_of_share(order, person, channels)

        self.run(self.in_trouble(trouble, act))

    @rule(
        court=st.sampled_from(COURTS),
        hour=st.sampled_from([9, 10, 11, 12]),
        until=st.sampled_from(UNTIL[:4]),
        by_alipay=st.booleans(),
        trouble=trouble_around("prepay", "close", "query", "refund"),
    )
    def regret(self, court: str, hour: int, until: str, by_alipay: bool, trouble: Trouble) -> None:
        """Buys in peace, and changes their mind in trouble."""
        self.buy(1, court, hour, 1, 2, until, by_alipay, NONE)
        self.cancel(-1, None, trouble)

    @precondition(lambda self: self.orders)
    @rule(which=recent, amount_fen=st.integers(1, 3000), trouble=trouble_around("refund", "query_refund"))
    def be_kind(self, which: int, amount_fen: int, trouble: Trouble) -> None:
        async def act(channels: Channels) -> None:
            await give_back(
                clerk=self.world.clerk,
                order_no=self.take_up(which)[0].order_no,
                amount_fen=amount_fen,
                note="灯光故障",
                key=f"kind-{secrets.token_hex(8)}",
                channels=channels,
                now=self.now,
            )

        self.run(self.in_trouble(trouble, act))

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

    @rule()
    def hand_out(self) -> None:
        self.run(self.hand_out_everything())

    # how

    def take_up(self, which: int) -> tuple[Order, Person]:
        self.at_hand = which % len(self.orders)
        return self.orders[self.at_hand]

    async def open_sheet(self, which: int, channels: Channels) -> None:
        order, person = self.take_up(which)
        sheet = await invoke_payment(self.outside, order, person, now=self.now, channels=channels)
        self.sheets.append(Sheet(order.id, sheet))

    async def open_page(self, which: int, channels: Channels, way: Way = Way.MOBILE_WEB) -> None:
        order, person = self.take_up(which)
        page = await invoke_alipay(self.outside, order, person, way=way, now=self.now, channels=channels)
        self.sheets.append(Sheet(order.id, page))

    async def split(self, which: int, who: int, channels: Channels) -> None:
        order, person = self.take_up(which)
        ties = [self.world.ties[who, other] for other in range(3) if other != who]
        await split_order(
            member_id=person.member_id,
            order_no=order.order_no,
            companion_ids=ties,
            channels=channels,
            now=self.now,
        )

    async def open_share(self, which: int, who: int, channels: Channels, *, by_alipay: bool = False) -> None:
        order, person = self.take_up(which)[0], self.world.people[who]
        if not by_alipay:
            return await self.open_sheet_of_share(order, person, channels)
        page = await share_page(self.outside, order, person, now=self.now, channels=channels)
        self.sheets.append(Sheet(order.id, page))
        return None

    async def open_sheet_of_share(self, order: Order, person: Person, channels: Channels) -> None:
        sheet = await share_sheet(self.outside, order, person, now=self.now, channels=channels)
        self.sheets.append(Sheet(order.id, sheet))

    async def both(self, which: int) -> None:
        with contextlib.suppress(DomainError):
            await self.open_sheet(which, self.outside.channels)
            await self.open_page(which, self.outside.channels)
            await self.pay(-1, late=True)
            await self.pay(-2, late=True)

    async def pay(self, which: int, *, late: bool) -> None:
        await self.sheets[which % len(self.sheets)].pay(self.outside, late=late)

    async def give_up(self, which: int, channels: Channels, lines: tuple[int, ...] | None = None) -> None:
        order, person = self.take_up(which)
        await cancel_order(
            member_id=person.member_id, order_no=order.order_no, line_nos=lines, channels=channels, now=self.now
        )

    async def hand_out_everything(self) -> None:
        for refund in await Refund.filter(status="AT_DESK"):
            await hand_out_refund(
                clerk=self.world.clerk,
                refund_no=refund.refund_no,
                slip_no="",
                key=f"out-{refund.refund_no}",
                now=self.now,
            )

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
            channel, told = self.notices[which % len(self.notices)]
            await self.outside.take(told, channel=channel, now=self.now)

    async def sweep_all(self, channels: Channels) -> None:
        for sweep in (check_due_payments, end_overdue_holds, send_due_refunds):
            await sweep(channels=channels, now=self.now)

    async def in_trouble(self, trouble: Trouble, act: Callable[[Channels], Awaitable[None]]) -> None:
        """Does it with this trouble, and lives on as the next request or the restarted process would."""
        before: dict[str, Any] = {}
        after: dict[str, Any] = {}
        meddled = {name: Meddled(channel, before, after) for name, channel in self.outside.channels.items()}
        point = after if trouble.kind.endswith("after") else before
        if trouble.kind.startswith("killed"):
            point[trouble.call] = killed
        elif trouble.kind in ("before", "after"):
            point[trouble.call] = lambda: self.meanwhile(trouble, point)
        elif trouble.kind != "none":
            await self.peace(**{trouble.kind: True})
        with contextlib.suppress(DomainError, Killed):
            await act(meddled)
        await self.peace()

    async def peace(self, **but: bool) -> None:
        """Both channels do what they should, but for these faults."""
        assert self.outside.alipay
        await self.outside.switch_on(refund_seconds=0, **but)
        await self.outside.alipay.switch_on(**but)

    async def meanwhile(self, trouble: Trouble, point: dict[str, Any]) -> None:
        """Another request or worker, once, while the first one waits for WeChat Pay."""
        del point[trouble.call]
        order_id = self.orders[self.at_hand][0].id if self.orders else 0
        with contextlib.suppress(DomainError):
            if trouble.meanwhile == "pay":
                for sheet in [sheet for sheet in self.sheets if sheet.order_id == order_id]:
                    await sheet.pay(self.outside, late=True)
            elif trouble.meanwhile == "sweep" or not self.orders:
                await self.sweep_all(self.outside.channels)
            elif trouble.meanwhile == "cancel":
                await self.give_up(self.at_hand, self.outside.channels)
            else:
                await self.open_sheet(self.at_hand, self.outside.channels)

    # what must always hold

    @invariant()
    def the_books_agree(self) -> None:
        self.world.steps.append("")
        self.run(self.read_letters())
        self.run(check(self.outside, self.world.hall))

    async def read_letters(self) -> None:
        await self.outside.quiet()
        for letter in self.outside.letters[self.unread :]:
            self.notices.append((self.outside.channel_of(letter), await self.outside.read(letter)))
        self.unread = len(self.outside.letters)

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
        for _ in range(10):  # WeChat Pay takes one refund of an order a minute
            if not await Refund.exclude(status__in=("SUCCESS", "AT_DESK")).exists():
                break
            await self.jump_to(self.now + timedelta(minutes=10))
            await self.sweep_all(self.outside.channels)
            await self.outside.quiet()
        await self.hand_out_everything()
        await check(self.outside, self.world.hall)
        await check_everybody_is_square(self.outside)


def test_nobody_pays_for_nothing_and_no_court_is_given_twice(world: World) -> None:
    run_state_machine_as_test(
        lambda: OrderMoney(world),  # type: ignore[arg-type] # a maker of machines is as good as their class
        settings=settings(
            max_examples=(30 if KIND == "postgres" else 15) + RUNS_A_SECOND * SOAK_SECONDS,
            stateful_step_count=60 if SOAK_SECONDS else 30,
            deadline=None,
            derandomize=not SOAK_SECONDS,  # what it is to have seen, it sees each time
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
    assert len(world.steps) >= STEPS_AT_LEAST or KIND == "sqlite"  # there it is for SQLite's sake, and shorter
