"""How orders end unused: holds that run out, members who cancel, and who may come in between."""

import asyncio
from datetime import datetime, timedelta

import pytest

from models.admissions.tables import Admission
from models.booking.tables import HeldCell
from models.checkout.ending import cancel_order, end_hold, end_overdue_holds
from models.checkout.paying import check_due_payments
from models.checkout.refunding import send_due_refunds
from models.errors import DomainError, ErrorCode
from models.forwarding.tables import OutboxRow
from models.orders.tables import FinanceEvent, Order, Payment, Refund
from tests.databases import Database
from tests.factories.booking import (
    Person,
    a_hall,
    a_paid_order,
    a_person,
    an_order,
    at,
    census,
    invoke_payment,
    wanted,
)
from tests.outside import WECHAT_PAY, Killed, Meddled, Outside, killed

QUARTER = timedelta(minutes=15)


async def cancel(outside: Outside, order: Order, person: Person, now: datetime) -> None:
    await cancel_order(member_id=person.member_id, order_no=order.order_no, channels=outside.channels, now=now)


async def refused(outside: Outside, order: Order, person: Person, now: datetime) -> DomainError:
    before = await census()
    with pytest.raises(DomainError) as refusal:
        await cancel(outside, order, person, now)
    assert await census() == before
    return refusal.value


async def test_a_hold_ends_after_its_quarter_of_an_hour_and_not_before(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person = await a_hall(), await a_person()
    order = await an_order(person, wanted(hall.full, at(9)), now=now)
    almost = now + QUARTER - timedelta(seconds=1)
    assert await end_overdue_holds(channels=outside.channels, now=almost) == 0
    assert await end_hold(order_id=order.id, channels=outside.channels, now=almost) is False
    assert await end_overdue_holds(channels=outside.channels, now=now + QUARTER) == 1
    ended = await Order.get(id=order.id)
    assert (ended.status, ended.close_reason, ended.closed_at) == ("CLOSED", "EXPIRED", now + QUARTER)
    assert await HeldCell.all().count() == 0
    assert await OutboxRow.all().count() == 0
    assert await end_overdue_holds(channels=outside.channels, now=now + QUARTER) == 0


async def test_before_its_slot_is_released_an_order_is_closed_at_wechat(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person = await a_hall(), await a_person()
    order = await an_order(person, wanted(hall.full, at(9)), now=now)
    invocation = await invoke_payment(outside, order, person, now=now)
    held_while_closing = []

    async def look() -> None:
        held_while_closing.append(await HeldCell.all().count())

    channels = {WECHAT_PAY: Meddled(outside.channel, after={"close": look})}
    assert await end_overdue_holds(channels=channels, now=now + QUARTER) == 1
    assert held_while_closing == [4]
    (booked,) = (await outside.books())["orders"]
    assert booked["state"] == "CLOSED"
    assert (await outside.try_to_pay(invocation, late=True)).json()["code"] == "ORDER_CLOSED"
    assert (await Payment.get()).status == "CLOSED"


async def test_who_paid_before_the_hold_was_ended_keeps_the_slot(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person = await a_hall(), await a_person()
    order = await an_order(person, wanted(hall.full, at(9)), now=now)
    await outside.pay(await invoke_payment(outside, order, person, now=now))
    assert await end_overdue_holds(channels=outside.channels, now=now + QUARTER) == 0
    assert (await Order.get(id=order.id)).status == "PAID"
    assert await HeldCell.all().count() == 4
    assert await Admission.all().count() == await OutboxRow.all().count() == 1


async def test_a_slot_is_kept_while_wechat_cannot_be_asked(db: Database, outside: Outside, now: datetime) -> None:
    hall, person = await a_hall(), await a_person()
    order = await an_order(person, wanted(hall.full, at(9)), now=now)
    await invoke_payment(outside, order, person, now=now)
    for fault in ("http_500", "http_500_after"):
        await outside.switch_on(**{fault: True})
        assert await end_overdue_holds(channels=outside.channels, now=now + QUARTER) == 0
        assert await HeldCell.all().count() == 4
    with pytest.raises(DomainError) as refusal:
        await an_order(await a_person(), wanted(hall.full, at(9)), channels=outside.channels, now=now + QUARTER)
    assert refusal.value.code == ErrorCode.SLOT_TAKEN
    await outside.switch_on()
    assert await end_overdue_holds(channels=outside.channels, now=now + QUARTER) == 1


async def test_one_hold_that_nobody_understands_does_not_keep_the_others(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person = await a_hall(), await a_person()
    odd = await an_order(person, wanted(hall.full, at(9)), now=now)
    await invoke_payment(outside, odd, person, now=now)
    await Payment.all().update(channel="GONE")
    await an_order(await a_person(), wanted(hall.badminton, at(9)), now=now + timedelta(seconds=1))
    assert await end_overdue_holds(channels=outside.channels, now=now + timedelta(hours=1)) == 1
    assert (await Order.get(id=odd.id)).status == "PENDING_PAYMENT"


async def test_a_hold_whose_payment_does_not_match_is_kept_until_somebody_has_looked(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person = await a_hall(), await a_person()
    order = await an_order(person, wanted(hall.full, at(9)), now=now)
    await outside.pay(await invoke_payment(outside, order, person, now=now))
    await Payment.all().update(amount_fen=3999)
    assert await end_overdue_holds(channels=outside.channels, now=now + QUARTER) == 0
    assert await check_due_payments(channels=outside.channels, now=now + QUARTER) == 0
    assert (await Order.get(id=order.id)).status == "PENDING_PAYMENT"
    assert await HeldCell.all().count() == 4


@pytest.mark.parametrize("point", ["before", "after"])
async def test_a_worker_killed_while_closing_is_followed_by_the_next(
    db: Database, outside: Outside, now: datetime, point: str
) -> None:
    hall, person = await a_hall(), await a_person()
    order = await an_order(person, wanted(hall.full, at(9)), now=now)
    await invoke_payment(outside, order, person, now=now)
    meddled = Meddled(outside.channel)
    getattr(meddled, point)["close"] = killed
    with pytest.raises(Killed):
        await end_overdue_holds(channels={WECHAT_PAY: meddled}, now=now + QUARTER)
    assert await HeldCell.all().count() == 4
    assert await end_overdue_holds(channels=outside.channels, now=now + QUARTER) == 1


async def test_a_payment_that_comes_while_the_hold_is_being_ended_wins(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person = await a_hall(), await a_person()
    order = await an_order(person, wanted(hall.full, at(9)), now=now)
    invocation = await invoke_payment(outside, order, person, now=now)

    async def pay() -> None:
        await outside.pay(invocation, late=True)

    channels = {WECHAT_PAY: Meddled(outside.channel, before={"close": pay})}
    assert await end_overdue_holds(channels=channels, now=now + QUARTER) == 0
    assert (await Order.get(id=order.id)).status == "PAID"


async def test_an_unpaid_order_is_cancelled_at_wechat_too(db: Database, outside: Outside, now: datetime) -> None:
    hall, person = await a_hall(), await a_person()
    order = await an_order(person, wanted(hall.full, at(9)), now=now)
    invocation = await invoke_payment(outside, order, person, now=now)
    await cancel(outside, order, person, now)
    cancelled = await Order.get(id=order.id)
    assert (cancelled.status, cancelled.close_reason) == ("CLOSED", "CANCELLED")
    assert await HeldCell.all().count() == 0
    assert (await outside.try_to_pay(invocation)).json()["code"] == "ORDER_CLOSED"
    assert await OutboxRow.all().count() == await Refund.all().count() == 0


async def test_cancelling_when_wechat_is_away_changes_nothing(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person = await a_hall(), await a_person()
    order = await an_order(person, wanted(hall.full, at(9)), now=now)
    await invoke_payment(outside, order, person, now=now)
    await outside.switch_on(http_500=True)
    assert (await refused(outside, order, person, now)).code == ErrorCode.OUTSIDE_UNAVAILABLE
    assert (await Order.get(id=order.id)).status == "PENDING_PAYMENT"


async def test_cancelling_while_a_new_payment_begins_leaves_the_order_to_it(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person = await a_hall(), await a_person()
    order = await an_order(person, wanted(hall.full, at(9)), now=now)
    await invoke_payment(outside, order, person, now=now)
    opened = []

    async def pay_again() -> None:
        opened.append(await invoke_payment(outside, order, person, now=now))

    channels = {WECHAT_PAY: Meddled(outside.channel, after={"close": pay_again})}
    with pytest.raises(DomainError) as refusal:
        await cancel_order(member_id=person.member_id, order_no=order.order_no, channels=channels, now=now)
    assert refusal.value.code == ErrorCode.OUTSIDE_UNAVAILABLE
    await outside.pay(opened[0])
    assert await outside.hand_in((await outside.wait_for_letters(1))[0], now=now) == "SETTLED"


async def test_a_paid_order_is_cancelled_and_refunded_in_full_once(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person = await a_hall(), await a_person()
    order = await a_paid_order(outside, person, wanted(hall.full, at(9), people=3))
    await cancel(outside, order, person, now)
    cancelled = await Order.get(id=order.id)
    assert (cancelled.status, cancelled.close_reason) == ("CLOSED", "CANCELLED")
    assert await HeldCell.all().count() == 0
    assert await Admission.filter(revoked_at=now).count() == 3
    told = await OutboxRow.filter(subject=f"order:{order.order_no}").order_by("id")
    assert [row.payload["state"] for row in told] == ["PAID", "CANCELLED"]
    refund = await Refund.get()
    assert (refund.amount_fen, refund.reason, refund.status) == (4000, "CANCELLED", "PROCESSING")
    before = await census()
    for _ in range(2):
        await cancel(outside, order, person, now)
    assert await census() == before
    await outside.hand_in((await outside.wait_for_letters(1))[0], now=now)
    assert (await Refund.get()).status == "SUCCESS"
    assert sorted([(e.kind, e.amount_fen) for e in await FinanceEvent.all()]) == [
        ("PAID", 4000),
        ("REFUNDED", 4000),
    ]
    assert (await outside.books())["sums"]["kept_fen"] == 0
    assert len((await outside.books())["refunds"]) == 1


async def test_cancelling_a_paid_order_at_once_refunds_once(db: Database, outside: Outside, now: datetime) -> None:
    hall, person = await a_hall(), await a_person()
    order = await a_paid_order(outside, person, wanted(hall.full, at(9)))
    await asyncio.gather(*(cancel(outside, order, person, now) for _ in range(8)))
    assert await Refund.all().count() == 1
    assert len((await outside.books())["refunds"]) == 1
    assert (await Payment.get()).refunded_fen == 4000


async def test_cancelling_an_order_whose_payment_we_have_not_heard_of_refunds_it(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person = await a_hall(), await a_person()
    order = await an_order(person, wanted(hall.full, at(9)), now=now)
    await outside.pay(await invoke_payment(outside, order, person, now=now))
    await cancel(outside, order, person, now)
    assert (await Order.get(id=order.id)).close_reason == "CANCELLED"
    assert (await Refund.get()).amount_fen == 4000
    late = (await outside.wait_for_letters(1))[0]
    assert await outside.hand_in(late, now=now) == "ALREADY"
    assert (await Order.get(id=order.id)).status == "CLOSED"


async def test_a_free_order_is_cancelled_without_a_refund(db: Database, outside: Outside, now: datetime) -> None:
    hall, person = await a_hall(free_mornings=True), await a_person()
    order = await an_order(person, wanted(hall.badminton, at(8)), now=now)
    await cancel(outside, order, person, now)
    assert (await Order.get(id=order.id)).status == "CLOSED"
    assert await Admission.filter(revoked_at=None).count() == 0
    assert await Refund.all().count() == await HeldCell.all().count() == 0


async def test_an_order_that_has_begun_is_not_cancelled(db: Database, outside: Outside, now: datetime) -> None:
    hall, person = await a_hall(), await a_person()
    order = await a_paid_order(outside, person, wanted(hall.full, at(9)), wanted(hall.full, at(10)))
    assert (await refused(outside, order, person, at(9))).code == ErrorCode.ORDER_STARTED
    await cancel(outside, order, person, at(9) - timedelta(seconds=1))


async def test_an_order_with_somebody_inside_is_not_cancelled(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person = await a_hall(), await a_person()
    order = await a_paid_order(outside, person, wanted(hall.full, at(9), people=2))
    await Admission.filter(seat=2).update(first_entered_at=at(8, 45), is_inside=False)
    assert (await refused(outside, order, person, at(8, 50))).code == ErrorCode.ORDER_STARTED
    assert (await Order.get(id=order.id)).status == "PAID"


async def test_a_strangers_order_cannot_be_cancelled(db: Database, outside: Outside, now: datetime) -> None:
    hall = await a_hall()
    order = await an_order(await a_person(), wanted(hall.full, at(9)), now=now)
    assert (await refused(outside, order, await a_person(), now)).code == ErrorCode.ORDER_UNKNOWN
    assert (await Order.get(id=order.id)).status == "PENDING_PAYMENT"


async def test_a_process_killed_before_the_refund_was_asked_for_is_followed_by_the_sweep(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person = await a_hall(), await a_person()
    order = await a_paid_order(outside, person, wanted(hall.full, at(9)))
    before = Meddled(outside.channel, before={"refund": killed})
    with pytest.raises(Killed):
        await cancel_order(
            member_id=person.member_id, order_no=order.order_no, channels={WECHAT_PAY: before}, now=now
        )
    after = Meddled(outside.channel, after={"refund": killed})
    with pytest.raises(Killed):
        await send_due_refunds(channels={WECHAT_PAY: after}, now=now)
    assert (await Refund.get()).status == "INTENDED"
    assert await send_due_refunds(channels=outside.channels, now=now) == 1
    assert len((await outside.books())["refunds"]) == 1
