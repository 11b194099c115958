"""Settling: once, whatever comes twice, at once, out of order, late, or wrong."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from models.admissions.tables import Admission
from models.booking.tables import HeldCell
from models.checkout.cancelling import cancel_order
from models.checkout.ending import end_overdue_holds
from models.checkout.refunding import send_due_refunds
from models.checkout.settling import settle_known, settle_notice
from models.errors import DomainError, ErrorCode
from models.forwarding.tables import OutboxRow
from models.orders.queries import order_of, refunds_of
from models.orders.tables import FinanceEvent, Order, Payment, PaymentNotice, Refund
from payments.port import CloseResult, PaymentState, Way
from payments.port import PaymentNotice as Notice
from tests.databases import Database
from tests.factories.booking import Hall, Person, a_hall, a_person, an_order, at, census, invoke_payment, wanted
from tests.outside import WECHAT_PAY, Meddled, Outside

QUARTER = timedelta(minutes=15)


class ForgetfulClose(Meddled):
    """Says that a payment is closed and forgets to do it: the worst that a channel can do to us."""

    async def close(self, payment_no: str, way: Way, expires_at: datetime) -> CloseResult:
        return CloseResult.CLOSED


async def paid_at_wechat(outside: Outside, now: datetime) -> tuple[Hall, Person, Order, Notice]:
    """Paid there; we have the notice in hand and have not read it."""
    hall, person = await a_hall(), await a_person()
    order = await an_order(person, wanted(hall.badminton, at(9), people=2), now=now)
    await outside.pay(await invoke_payment(outside, order, person, now=now))
    notice = await outside.read((await outside.wait_for_letters(1))[0])
    assert isinstance(notice, Notice)
    return hall, person, order, notice


async def ended_but_payable(outside: Outside, now: datetime) -> tuple[Hall, Person, Order, Any]:
    """An order whose hold ended though its payment sheet still works."""
    hall, person = await a_hall(), await a_person()
    order = await an_order(person, wanted(hall.full, at(9), people=2), now=now)
    invocation = await invoke_payment(outside, order, person, now=now)
    forgetful = ForgetfulClose(outside.channel)
    assert await end_overdue_holds(channels={WECHAT_PAY: forgetful}, now=now + QUARTER) == 1
    return hall, person, order, invocation


async def paid_late(outside: Outside, invocation: Any) -> Notice:
    await outside.pay(invocation, late=True)
    notice = await outside.read((await outside.wait_for_letters(1)).pop())
    assert isinstance(notice, Notice)
    return notice


async def settle(outside: Outside, notice: Notice, now: datetime) -> str:
    return await settle_notice(notice, channel=WECHAT_PAY, mchid=outside.mchid, now=now)


async def test_a_notice_settles_the_order(db: Database, outside: Outside, now: datetime) -> None:
    _, _, order, notice = await paid_at_wechat(outside, now)
    assert await settle(outside, notice, now) == "SETTLED"
    settled = await Order.get(id=order.id)
    assert (settled.status, settled.paid_at) == ("PAID", now)
    payment = await Payment.get(order_id=order.id)
    assert (payment.status, payment.channel_trade_no) == ("SETTLED", notice.payment.channel_trade_no)
    entry = await FinanceEvent.get(kind="PAID")
    assert (entry.kind, entry.amount_fen, entry.about_no) == ("PAID", 4000, payment.payment_no)
    assert await Admission.filter(order_id=order.id).count() == 2
    told = await OutboxRow.get()
    assert (told.payload["state"], told.payload["amountFen"]) == ("PAID", 4000)
    remembered = await PaymentNotice.get()
    assert (remembered.notice_id, remembered.outcome) == (notice.notice_id, "SETTLED")


async def test_a_notice_that_comes_again_changes_nothing(db: Database, outside: Outside, now: datetime) -> None:
    _, _, _, notice = await paid_at_wechat(outside, now)
    await settle(outside, notice, now)
    before = await census()
    assert await settle(outside, notice, now + timedelta(hours=1)) == "ALREADY"
    another = replace(notice, notice_id="another")
    assert await settle(outside, another, now) == "ALREADY"
    assert await settle_known(notice.payment, channel=WECHAT_PAY, now=now) == "ALREADY"
    assert await census() == before | {"payment_notice": 2}


async def test_notices_at_once_settle_once(db: Database, outside: Outside, now: datetime) -> None:
    _, _, order, notice = await paid_at_wechat(outside, now)
    outcomes = await asyncio.gather(
        *(settle(outside, notice, now) for _ in range(10)),
        *(settle_known(notice.payment, channel=WECHAT_PAY, now=now) for _ in range(10)),
    )
    assert sorted(outcomes) == ["ALREADY"] * 19 + ["SETTLED"]
    assert await FinanceEvent.filter(kind="PAID").count() == await OutboxRow.all().count() == 1
    assert await Admission.filter(order_id=order.id).count() == 2


@pytest.mark.parametrize("wrong", [{"amount_fen": 4001}, {"amount_fen": 3999}, {"amount_fen": None}])
async def test_an_amount_that_differs_by_one_fen_settles_nothing(
    db: Database, outside: Outside, now: datetime, wrong: dict[str, Any]
) -> None:
    await a_wrong_notice_changes_nothing(outside, now, **wrong)


@pytest.mark.parametrize("wrong", [{"appid": "wxother"}, {"mchid": "1900000000"}, {"payer": "oStranger"}])
async def test_a_payment_to_or_from_somebody_else_settles_nothing(
    db: Database, outside: Outside, now: datetime, wrong: dict[str, Any]
) -> None:
    await a_wrong_notice_changes_nothing(outside, now, **wrong)


async def a_wrong_notice_changes_nothing(outside: Outside, now: datetime, **wrong: Any) -> None:
    _, _, order, notice = await paid_at_wechat(outside, now)
    before = await census()
    with pytest.raises(DomainError) as refusal:
        await settle(outside, replace(notice, payment=replace(notice.payment, **wrong)), now)
    assert refusal.value.code == ErrorCode.PAYMENT_MISMATCH
    assert await census() == before
    assert (await Order.get(id=order.id)).status == "PENDING_PAYMENT"
    assert (await Payment.get(order_id=order.id)).status == "WAITING"


async def test_a_notice_that_wechat_itself_signed_over_one_fen_too_much_is_refused(
    db: Database, outside: Outside, now: datetime
) -> None:
    await outside.switch_on(forged_amount=True)
    _, _, order, notice = await paid_at_wechat(outside, now)
    with pytest.raises(DomainError) as refusal:
        await settle(outside, notice, now)
    assert refusal.value.code == ErrorCode.PAYMENT_MISMATCH
    assert (await Order.get(id=order.id)).status == "PENDING_PAYMENT"


async def test_a_payment_that_is_not_ours_is_unknown(db: Database, outside: Outside, now: datetime) -> None:
    _, _, _, notice = await paid_at_wechat(outside, now)
    before = await census()
    for payment, channel in (
        (replace(notice.payment, payment_no="P20261120NOBODY"), WECHAT_PAY),
        (notice.payment, "ALIPAY"),
    ):
        with pytest.raises(DomainError) as refusal:
            await settle_known(payment, channel=channel, now=now)
        assert refusal.value.code == ErrorCode.PAYMENT_UNKNOWN
    assert await census() == before


async def test_what_is_not_paid_yet_settles_nothing(db: Database, outside: Outside, now: datetime) -> None:
    hall, person = await a_hall(), await a_person()
    order = await an_order(person, wanted(hall.badminton, at(9)), now=now)
    await invoke_payment(outside, order, person, now=now)
    known = await outside.channel.query((await Payment.get()).payment_no)
    assert known is not None
    assert await settle_known(known, channel=WECHAT_PAY, now=now) == "NOT_PAID"
    assert (await Order.get(id=order.id)).status == "PENDING_PAYMENT"


async def test_a_payment_before_the_hold_is_ended_pays_however_late_we_hear(
    db: Database, outside: Outside, now: datetime
) -> None:
    _, _, order, notice = await paid_at_wechat(outside, now)
    assert await settle(outside, notice, at(8)) == "SETTLED"  # nobody was here all night
    assert (await Order.get(id=order.id)).status == "PAID"


async def test_a_payment_that_we_hear_of_after_the_slot_is_given_back(
    db: Database, outside: Outside, now: datetime
) -> None:
    _, person, order, notice = await paid_at_wechat(outside, now)
    assert await settle(outside, notice, at(10)) == "SURPLUS"
    row = await order_of(member_id=person.member_id, order_no=order.order_no)
    assert row is not None
    assert (row["status"], row["close_reason"], row["paid_fen"]) == ("CLOSED", "EXPIRED", 4000)
    assert (await Refund.get()).reason == "PAID_TOO_LATE"
    assert await HeldCell.all().count() == await Admission.all().count() == await OutboxRow.all().count() == 0


async def test_paid_after_the_hold_ended_takes_the_slot_again_when_it_is_free(
    db: Database, outside: Outside, now: datetime
) -> None:
    _, _, order, invocation = await ended_but_payable(outside, now)
    assert await HeldCell.all().count() == 0
    notice = await paid_late(outside, invocation)
    assert await settle(outside, notice, now + QUARTER) == "SETTLED"
    settled = await Order.get(id=order.id)
    assert (settled.status, settled.closed_at, settled.close_reason) == ("PAID", None, "")
    assert await HeldCell.all().count() == 4
    assert await Admission.filter(order_id=order.id).count() == 2
    assert await Refund.all().count() == 0
    assert await settle(outside, notice, now + QUARTER) == "ALREADY"
    assert [(e.kind, e.amount_fen) for e in await FinanceEvent.all().order_by("id")] == [
        ("CHARGED", 4000),
        ("WAIVED", 4000),
        ("PAID", 4000),
        ("CHARGED", 4000),
    ]


@pytest.mark.parametrize("taken", ["full", "left"])
async def test_paid_after_the_slot_went_to_somebody_else_is_refunded_and_the_member_can_read_why(
    db: Database, outside: Outside, now: datetime, taken: str
) -> None:
    hall, person, order, invocation = await ended_but_payable(outside, now)
    other = await an_order(await a_person(), wanted(getattr(hall, taken), at(9)), now=now + QUARTER)
    cells = await HeldCell.all().count()
    notice = await paid_late(outside, invocation)
    assert await settle(outside, notice, now + QUARTER) == "SURPLUS"
    assert await settle(outside, notice, now + QUARTER) == "ALREADY"
    assert await HeldCell.all().count() == cells
    assert await Admission.all().count() == await OutboxRow.all().count() == 0
    assert (await Order.get(id=other.id)).status == "PENDING_PAYMENT"
    (explained,) = await refunds_of([order.id])
    assert explained["reason"] == "PAID_TOO_LATE"
    assert "已被他人预订" in explained["reason_text"]

    assert await send_due_refunds(channels=outside.channels, now=now + QUARTER) == 1
    assert await outside.hand_in((await outside.wait_for_letters(1))[0], now=now + QUARTER) is True
    row = await order_of(member_id=person.member_id, order_no=order.order_no)
    assert row is not None
    assert (row["status"], row["paid_fen"], row["refunded_fen"]) == ("CLOSED", 4000, 4000)
    (booked,) = (await outside.books())["refunds"]
    assert (booked["state"], booked["refund_fen"]) == ("SUCCESS", 4000)
    assert booked["out_refund_no"] == explained["refund_no"]


async def test_an_order_that_the_member_cancelled_is_not_revived_by_money(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person = await a_hall(), await a_person()
    order = await an_order(person, wanted(hall.full, at(9)), now=now)
    invocation = await invoke_payment(outside, order, person, now=now)
    await cancel_order(
        member_id=person.member_id,
        order_no=order.order_no,
        channels={WECHAT_PAY: ForgetfulClose(outside.channel)},
        now=now,
    )
    assert await settle(outside, await paid_late(outside, invocation), now) == "SURPLUS"
    assert (await Order.get(id=order.id)).close_reason == "CANCELLED"
    assert (await Refund.get()).reason == "CANCELLED"
    assert await HeldCell.all().count() == 0


async def test_a_second_payment_of_one_order_is_given_back(db: Database, outside: Outside, now: datetime) -> None:
    """The first attempt was thought to be closed, and both were paid."""
    hall, person = await a_hall(), await a_person()
    order = await an_order(person, wanted(hall.badminton, at(9)), now=now)
    first = await invoke_payment(outside, order, person, now=now)
    await Payment.filter(order_id=order.id).update(status="CLOSED")
    second = await invoke_payment(outside, order, person, now=now)
    assert await settle(outside, await paid_late(outside, first), now) == "SETTLED"
    assert await settle(outside, await paid_late(outside, second), now) == "SURPLUS"
    assert (await Order.get(id=order.id)).status == "PAID"
    assert (await Refund.get()).reason == "PAID_TWICE"
    assert await Admission.all().count() == await OutboxRow.all().count() == 1


async def test_money_that_somebody_gave_back_at_the_channel_before_we_heard_of_it_buys_nothing(
    db: Database, outside: Outside, now: datetime
) -> None:
    _, _, order, notice = await paid_at_wechat(outside, now)
    given_back = replace(notice.payment, state=PaymentState.REFUNDED)
    for _ in range(2):
        assert await settle_known(given_back, channel=WECHAT_PAY, now=now) == "GIVEN_BACK"
    assert (await Order.get(id=order.id)).status == "PENDING_PAYMENT"
    assert (await Payment.get(order_id=order.id)).status == "CLOSED"
    assert [entry.kind for entry in await FinanceEvent.all()] == ["CHARGED"]
    assert await Admission.all().count() == await Refund.all().count() == 0
