"""Payer, member, workers and the next taker at the same moment. Only PostgreSQL can show it."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

from models import database
from models.booking.tables import HeldCell
from models.checkout.cancelling import cancel_order
from models.checkout.ending import end_overdue_holds
from models.checkout.paying import check_due_payments
from models.checkout.refunding import send_due_refunds
from models.errors import DomainError
from models.forwarding.tables import OutboxRow
from models.orders.operations import intend_refund
from models.orders.rules import RefundParty, RefundReason
from models.orders.tables import Order, Payment, Refund
from tests.databases import Database
from tests.factories.booking import a_hall, a_paid_order, a_person, an_order, at, invoke_payment, wanted
from tests.outside import WECHAT_PAY, Killed, Meddled, Outside, killed

pytestmark = pytest.mark.postgres

QUARTER = timedelta(minutes=15)


async def refusals_aside(*acts: Any) -> None:
    for result in await asyncio.gather(*acts, return_exceptions=True):
        if isinstance(result, BaseException) and not isinstance(result, DomainError):
            raise result


async def test_a_payment_and_the_end_of_its_hold_at_once_leave_a_court_or_the_money(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall = await a_hall()
    await outside.switch_on(refund_seconds=0)
    for number in range(8):
        person = await a_person()
        line = wanted([hall.full, hall.badminton][number % 2], at(8 + number // 2))
        order = await an_order(person, line, now=now)
        invocation = await invoke_payment(outside, order, person, now=now)
        later = now + QUARTER
        workers = [end_overdue_holds(channels=outside.channels, now=later) for _ in range(2)]
        sweeps = [check_due_payments(channels=outside.channels, now=later) for _ in range(2)]
        taker = an_order(await a_person(), line, channels=outside.channels, now=later)
        await refusals_aside(*workers, taker, outside.try_to_pay(invocation, late=True), *sweeps)
    final = now + 3 * QUARTER
    for _ in range(2):
        await end_overdue_holds(channels=outside.channels, now=final)
        await check_due_payments(channels=outside.channels, now=final)
        await send_due_refunds(channels=outside.channels, now=final)
        await outside.quiet()
    await everybody_is_square(outside)


async def test_refunds_asked_for_at_once_never_exceed_the_payment(
    db: Database, outside: Outside, now: datetime
) -> None:
    await a_paid_order(outside, await a_person(), wanted((await a_hall()).badminton, at(9)))

    @database.operation
    async def give_back(amount_fen: int) -> None:
        payment = await Payment.select_for_update().get()
        await intend_refund(
            payment=payment,
            amount_fen=amount_fen,
            party=RefundParty.MEMBER,
            reason=RefundReason.CANCELLED,
            now=now,
        )

    await refusals_aside(*(give_back(900) for _ in range(20)))
    assert [refund.amount_fen for refund in await Refund.all()] == [900] * 4  # of 4000
    assert (await Payment.get()).refunded_fen == 3600


async def test_cancelling_and_paying_at_once_leave_a_court_or_the_money(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall = await a_hall()
    await outside.switch_on(refund_seconds=0)

    async def pay(order: Order, person: Any) -> None:
        await outside.try_to_pay(await invoke_payment(outside, order, person, now=now))

    for number in range(8):
        person = await a_person()
        order = await an_order(person, wanted([hall.full, hall.badminton][number % 2], at(8 + number // 2)))
        cancels = [
            cancel_order(member_id=person.member_id, order_no=order.order_no, channels=outside.channels, now=now)
            for _ in range(2)
        ]
        await refusals_aside(pay(order, person), *cancels, pay(order, person))
    final = now + QUARTER
    for _ in range(2):
        await check_due_payments(channels=outside.channels, now=final)
        await end_overdue_holds(channels=outside.channels, now=final)
        await send_due_refunds(channels=outside.channels, now=final)
        await outside.quiet()
    await everybody_is_square(outside)


async def test_whoever_is_announced_just_after_the_channel_knew_nothing_of_them_cannot_pay_what_was_cancelled(
    db: Database, outside: Outside, now: datetime
) -> None:
    """Intended, not announced yet; cancelled, of which the channel never heard; announced, and shown to the payer; and
    only then the first answer is written down. No notice comes."""
    person = await a_person()
    order = await an_order(person, wanted((await a_hall()).badminton, at(9)))
    invoked = []

    async def invoke() -> None:
        if not invoked:
            invoked.append(await invoke_payment(outside, order, person, now=now))

    dying = {WECHAT_PAY: Meddled(outside.channel, before={"prepay": killed})}
    with pytest.raises(Killed):
        await invoke_payment(outside, order, person, now=now, channels=dying)
    channels = {WECHAT_PAY: Meddled(outside.channel, after={"close": invoke})}
    await refusals_aside(
        cancel_order(member_id=person.member_id, order_no=order.order_no, channels=channels, now=now)
    )
    await outside.try_to_pay(*invoked)
    await outside.quiet()
    later = now + QUARTER
    await check_due_payments(channels=outside.channels, now=later)
    await end_overdue_holds(channels=outside.channels, now=later)
    await everybody_is_square(outside)


async def everybody_is_square(outside: Outside) -> None:
    """Whoever is charged has their court, nobody else has one, and the platform heard of each once."""
    assert not await Order.filter(status="PENDING_PAYMENT").exists()
    paid_orders = await Order.filter(status="PAID")
    lines = Counter([cell.order_line_id for cell in await HeldCell.all()])
    assert len(lines) == len(paid_orders)
    books = await outside.books()
    assert books["sums"]["kept_fen"] == sum(order.total_fen for order in paid_orders)
    given_back = [row["out_trade_no"] for row in books["refunds"]]
    assert len(set(given_back)) == len(given_back)
    for row in books["payments"]:
        payment = await Payment.get(payment_no=row["out_trade_no"]).prefetch_related("order")
        has_their_court = payment.order.status == "PAID" and payment.status == "SETTLED"
        assert has_their_court != (row["out_trade_no"] in given_back)
    told = Counter([row.subject for row in await OutboxRow.all() if row.payload["state"] == "PAID"])
    assert set(told.values()) <= {1}
    assert {f"order:{order.order_no}" for order in paid_orders} <= set(told)
    assert not await Refund.exclude(status="SUCCESS").exists()
