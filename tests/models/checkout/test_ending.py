"""How orders end unused: holds that run out, and who may come in between. Of those given up: test_cancelling.py."""

from datetime import datetime, timedelta

import pytest

from models.admissions.tables import Admission
from models.booking.tables import HeldCell
from models.checkout import ending
from models.checkout.ending import end_hold, end_overdue_holds
from models.checkout.paying import check_due_payments
from models.errors import DomainError, ErrorCode
from models.forwarding.tables import OutboxRow
from models.orders.tables import Order, Payment
from tests.databases import Database
from tests.factories.booking import (
    a_hall,
    a_person,
    an_order,
    at,
    invoke_payment,
    wanted,
)
from tests.outside import WECHAT_PAY, Killed, Meddled, Outside, killed

QUARTER = timedelta(minutes=15)


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


async def test_a_channel_that_is_away_keeps_no_hold_that_nobody_began_to_pay(
    db: Database, outside: Outside, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ending, "HOLDS_A_RUN", 1)
    hall, person = await a_hall(), await a_person()
    begun = await an_order(person, wanted(hall.full, at(9)), now=now)
    await invoke_payment(outside, begun, person, now=now)
    await an_order(await a_person(), wanted(hall.badminton, at(9)), now=now + timedelta(seconds=1))
    await outside.switch_on(http_500=True)
    assert await end_overdue_holds(channels=outside.channels, now=now + timedelta(hours=1)) == 1
    assert (await Order.get(id=begun.id)).status == "PENDING_PAYMENT"


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
