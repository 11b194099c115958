"""Money on its way back: one number, never more than was paid, and known to have arrived."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tortoise.exceptions import BaseORMException

from models import database
from models.checkout.cancelling import cancel_order
from models.checkout.refunding import hasten_refund, record_refund, send_due_refunds, send_refund
from models.errors import DomainError, ErrorCode
from models.orders.operations import intend_refund
from models.orders.rules import RefundParty, RefundReason
from models.orders.tables import FinanceEvent, Payment, Refund
from payments.port import ChannelRefund, PaymentError, RefundNotice, RefundState
from tests.databases import Database
from tests.factories.booking import a_hall, a_paid_order, a_person, at, census, wanted
from tests.outside import WECHAT_PAY, Meddled, Outside

MINUTE = timedelta(minutes=1)


async def a_cancelled_order(outside: Outside, now: datetime, **faults: Any) -> Refund:
    """Paid and cancelled while these faults are on; the refund is written down, and asked for unless it failed."""
    hall, person = await a_hall(), await a_person()
    order = await a_paid_order(outside, person, wanted(hall.full, at(9)))
    await outside.switch_on(**faults)
    await cancel_order(member_id=person.member_id, order_no=order.order_no, channels=outside.channels, now=now)
    return await Refund.get()


async def the_channel_says(outside: Outside, refund: Refund) -> ChannelRefund:
    known = await outside.channel.query_refund(
        refund.refund_no, (await Payment.get(id=refund.payment_id)).payment_no
    )
    assert known is not None
    return known


async def refunded_fen() -> int:
    return sum(entry.amount_fen for entry in await FinanceEvent.filter(kind="REFUNDED"))


@pytest.mark.parametrize("fault", ["http_500_after", "drop_connection", "http_500"])
async def test_a_refund_whose_answer_was_lost_is_asked_for_again_under_the_same_number(
    db: Database, outside: Outside, now: datetime, fault: str
) -> None:
    refund = await a_cancelled_order(outside, now, **{fault: True})
    assert refund.status == "INTENDED"
    assert await send_due_refunds(channels=outside.channels, now=now) == 0  # not before its next time
    await outside.switch_on(refund_seconds=0)
    assert await send_due_refunds(channels=outside.channels, now=now + MINUTE) == 1
    (booked,) = (await outside.books())["refunds"]
    assert (booked["out_refund_no"], booked["refund_fen"]) == (refund.refund_no, 4000)
    await outside.quiet()
    await send_due_refunds(channels=outside.channels, now=now + 5 * MINUTE)
    assert (await Refund.get()).status == "SUCCESS"
    assert await refunded_fen() == 4000


async def test_a_refund_without_a_notice_is_asked_about_until_it_has_arrived(
    db: Database, outside: Outside, now: datetime
) -> None:
    await a_cancelled_order(outside, now, lost_notices=True, refund_seconds=600)
    await send_due_refunds(channels=outside.channels, now=now + MINUTE)
    assert (await Refund.get()).status == "PROCESSING"
    assert await refunded_fen() == 0
    await outside.travel(now + 11 * MINUTE)
    await outside.quiet()
    await send_due_refunds(channels=outside.channels, now=now + 11 * MINUTE)
    done = await Refund.get()
    assert (done.status, done.next_check_at) == ("SUCCESS", None)
    assert done.finished_at is not None
    assert await refunded_fen() == 4000
    assert await send_due_refunds(channels=outside.channels, now=now + 60 * MINUTE) == 0


async def test_a_refund_notice_that_comes_again_or_late_changes_nothing(
    db: Database, outside: Outside, now: datetime
) -> None:
    refund = await a_cancelled_order(outside, now)
    processing = await the_channel_says(outside, refund)
    notice = await outside.read((await outside.wait_for_letters(1))[0])
    assert isinstance(notice, RefundNotice)
    assert await record_refund(notice.refund, now=now) is True
    before = await census()
    assert await record_refund(notice.refund, now=now) is True
    stale = replace(processing, state=RefundState.PROCESSING, refunded_at=None)
    assert await record_refund(stale, now=now) is True
    assert await record_refund(replace(processing, state=RefundState.CLOSED), now=now) is True
    assert await census() == before
    assert (await Refund.get()).status == "SUCCESS"
    assert (await Payment.get()).refunded_fen == 4000


async def test_a_refund_that_is_not_ours_is_unknown(db: Database, outside: Outside, now: datetime) -> None:
    known = await the_channel_says(outside, await a_cancelled_order(outside, now))
    assert await record_refund(replace(known, refund_no="R20261120NOBODY"), now=now) is False


@pytest.mark.parametrize("wrong", [{"amount_fen": 3999}, {"payment_no": "P20261120OTHER"}])
async def test_a_refund_that_differs_from_what_we_asked_for_is_not_recorded(
    db: Database, outside: Outside, now: datetime, wrong: dict[str, Any]
) -> None:
    known = await the_channel_says(outside, await a_cancelled_order(outside, now))
    await record_refund(replace(known, state=RefundState.SUCCESS, **wrong), now=now)
    refund = await Refund.get()
    assert (refund.status, refund.next_check_at) == ("PROCESSING", now + timedelta(hours=1))  # seldom: others wait
    assert await refunded_fen() == 0


async def test_an_abnormal_refund_that_staff_mended_at_the_channel_is_found_to_have_arrived(
    db: Database, outside: Outside, now: datetime
) -> None:
    refund = await a_cancelled_order(outside, now)
    known = await the_channel_says(outside, refund)
    await record_refund(replace(known, state=RefundState.ABNORMAL), now=now)
    assert (await Refund.get()).status == "ABNORMAL"
    await outside.quiet()  # and we never open the letter
    await send_due_refunds(channels=outside.channels, now=now + 15 * MINUTE)
    assert (await Refund.get()).status == "SUCCESS"
    assert await refunded_fen() == 4000


async def test_a_refund_that_the_channel_closed_can_be_given_again_under_a_new_number(
    db: Database, outside: Outside, now: datetime
) -> None:
    refund = await a_cancelled_order(outside, now)
    known = await the_channel_says(outside, refund)
    await record_refund(replace(known, state=RefundState.CLOSED), now=now)
    payment = await Payment.get()
    assert (payment.refunded_fen, await refunded_fen()) == (0, 0)
    again = await intend_refund(
        payment=payment, amount_fen=4000, party=RefundParty.MEMBER, reason=RefundReason.CANCELLED, now=now
    )
    assert again.refund_no != refund.refund_no


async def test_one_refund_that_nobody_understands_does_not_keep_the_others_waiting(
    db: Database, outside: Outside, now: datetime
) -> None:
    refund = await a_cancelled_order(outside, now, http_500=True)
    await outside.switch_on()
    odd = (await Payment.all().values())[0] | {
        "id": 99,
        "payment_no": "P20261120ODD",
        "channel": "GONE",
        "channel_trade_no": "4200odd",
        "status": "SURPLUS",
        "refunded_fen": 0,
    }
    await intend_refund(
        payment=await Payment.create(**odd),
        amount_fen=1,
        party=RefundParty.MEMBER,
        reason=RefundReason.PAID_TWICE,
        now=now,
    )
    assert await send_due_refunds(channels=outside.channels, now=now + MINUTE) == 2
    assert (await Refund.get(id=refund.id)).status == "PROCESSING"


async def test_more_than_was_paid_is_never_refunded(db: Database, outside: Outside, now: datetime) -> None:
    hall, person = await a_hall(), await a_person()
    await a_paid_order(outside, person, wanted(hall.full, at(9)))
    payment = await Payment.get()
    for amount_fen in (4001, 0, -1, 10**30):
        with pytest.raises(DomainError) as refusal:
            await intend_refund(
                payment=payment,
                amount_fen=amount_fen,
                party=RefundParty.MEMBER,
                reason=RefundReason.CANCELLED,
                now=now,
            )
        assert refusal.value.code == ErrorCode.REFUND_TOO_LARGE
    await intend_refund(
        payment=payment, amount_fen=3000, party=RefundParty.MEMBER, reason=RefundReason.CANCELLED, now=now
    )
    with pytest.raises(DomainError):
        await intend_refund(
            payment=payment, amount_fen=1001, party=RefundParty.MEMBER, reason=RefundReason.CANCELLED, now=now
        )
    assert await Refund.all().count() == 1


@pytest.mark.parametrize("refunded", [4001, -1])
async def test_the_database_itself_refuses_a_refund_above_the_payment(
    db: Database, outside: Outside, now: datetime, refunded: int
) -> None:
    hall, person = await a_hall(), await a_person()
    await a_paid_order(outside, person, wanted(hall.full, at(9)))
    with pytest.raises(BaseORMException, match="payment_refunds_within_amount"):
        await database.rows("UPDATE payment SET refunded_fen = $1", refunded)
    assert (await Payment.get()).refunded_fen == 0


async def test_a_finished_refund_is_not_asked_for_again(db: Database, outside: Outside, now: datetime) -> None:
    refund = await a_cancelled_order(outside, now)
    await outside.hand_in((await outside.wait_for_letters(1))[0], now=now)
    await outside.switch_on(http_500=True)  # whoever asks now would fail
    await send_refund(refund_no=refund.refund_no, channels=outside.channels, now=now)
    assert (await Refund.get()).checks == 2


async def test_a_merchant_without_money_is_asked_again_later(
    db: Database, outside: Outside, now: datetime
) -> None:
    refund = await a_cancelled_order(outside, now, merchant_balance_empty=True)
    assert refund.status == "INTENDED"
    await outside.switch_on()
    await send_due_refunds(channels=outside.channels, now=now + MINUTE)
    assert (await Refund.get()).status == "PROCESSING"
    assert len((await outside.books())["refunds"]) == 1


async def refuse_for_good() -> None:
    raise PaymentError("INVALID_REQUEST", "订单已超过一年，不能退款", may_have_happened=False, retryable=False)


async def test_a_refund_that_the_channel_refuses_for_good_is_an_alarm_and_asked_again_but_seldom(
    db: Database, outside: Outside, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    refund = await a_cancelled_order(outside, now, http_500=True)
    await outside.switch_on()
    channels = {WECHAT_PAY: Meddled(outside.channel, before={"refund": refuse_for_good})}
    await send_due_refunds(channels=channels, now=now + MINUTE)
    refused = await Refund.get()
    assert (refused.status, refused.next_check_at) == ("INTENDED", now + 61 * MINUTE)
    assert f"refund {refund.refund_no} is refused by the channel: INVALID_REQUEST" in caplog.text
    assert [record.levelname for record in caplog.records if "is refused" in record.message] == ["ERROR"]
    await send_due_refunds(channels=outside.channels, now=now + 61 * MINUTE)
    assert (await Refund.get()).status == "PROCESSING"


async def test_a_refund_that_is_refused_although_it_was_taken_before_is_found_by_its_number(
    db: Database, outside: Outside, now: datetime
) -> None:
    await a_cancelled_order(outside, now, http_500_after=True)
    await outside.switch_on()
    channels = {WECHAT_PAY: Meddled(outside.channel, before={"refund": refuse_for_good})}
    await send_due_refunds(channels=channels, now=now + MINUTE)
    assert (await Refund.get()).status in ("PROCESSING", "SUCCESS")
    assert len((await outside.books())["refunds"]) == 1


async def test_a_hint_that_something_became_of_a_refund_makes_the_sweep_ask_at_once(
    db: Database, outside: Outside, now: datetime
) -> None:
    refund, payment = await a_cancelled_order(outside, now), await Payment.get()
    assert await send_due_refunds(channels=outside.channels, now=now) == 0
    assert await hasten_refund(refund.refund_no, payment.payment_no, now=now) is True
    await outside.quiet()
    assert await send_due_refunds(channels=outside.channels, now=now) == 1
    assert (await Refund.get()).status == "SUCCESS"
    assert await hasten_refund(refund.refund_no, payment.payment_no, now=now) is True
    assert (await Refund.get()).next_check_at is None  # finished is finished
    assert await hasten_refund(refund.refund_no, "P20261120OTHER", now=now) is False
    assert await hasten_refund("R20261120NOBODY", payment.payment_no, now=now) is False
