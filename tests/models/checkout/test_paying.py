"""Paying: the intent is written before WeChat Pay is asked, and asking again pays once."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest

from models.checkout.cancelling import cancel_order
from models.checkout.ending import end_overdue_holds
from models.checkout.paying import PaymentWanted, check_due_payments, pay_order
from models.errors import DomainError, ErrorCode
from models.orders.tables import FinanceEvent, Order, Payment
from payments.port import PaymentChannel, Way
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


async def an_unpaid_order(now: datetime) -> tuple[Order, Person]:
    hall, person = await a_hall(), await a_person()
    return await an_order(person, wanted(hall.badminton, at(9)), now=now), person


async def refused(
    outside: Outside,
    order: Order,
    person: Person,
    *,
    now: datetime,
    channels: Mapping[str, PaymentChannel] | None = None,
) -> DomainError:
    before = await census()
    with pytest.raises(DomainError) as refusal:
        await invoke_payment(outside, order, person, now=now, channels=channels)
    assert await census() == before
    return refusal.value


async def test_the_payment_sheet_opens_with_what_was_asked_for(
    db: Database, outside: Outside, now: datetime
) -> None:
    order, person = await an_unpaid_order(now)
    invocation = await invoke_payment(outside, order, person, now=now)
    payment = await Payment.get(order_id=order.id)
    assert (payment.status, payment.amount_fen, payment.payer) == ("WAITING", 4000, person.openid)
    assert invocation["package"] == f"prepay_id={payment.reference}"
    (booked,) = (await outside.books())["orders"]
    assert (booked["out_trade_no"], booked["total_fen"]) == (payment.payment_no, 4000)
    assert datetime.fromisoformat(booked["expires_at"]) == order.hold_expires_at
    await outside.pay(invocation, openid=person.openid)  # the sandbox checks our signature


async def test_the_intent_is_written_before_wechat_pay_is_asked(
    db: Database, outside: Outside, now: datetime
) -> None:
    order, person = await an_unpaid_order(now)
    seen = []

    async def look() -> None:
        seen.append((await Payment.get(order_id=order.id)).status)

    channels = {WECHAT_PAY: Meddled(outside.channel, before={"prepay": look})}
    await invoke_payment(outside, order, person, now=now, channels=channels)
    assert seen == ["INTENDED"]


@pytest.mark.parametrize("fault", ["http_500", "http_500_after", "drop_connection"])
async def test_a_failed_prepayment_is_asked_for_again_under_the_same_number(
    db: Database, outside: Outside, now: datetime, fault: str
) -> None:
    order, person = await an_unpaid_order(now)
    await outside.switch_on(**{fault: True})
    with pytest.raises(DomainError, match="支付渠道") as refusal:
        await invoke_payment(outside, order, person, now=now)
    assert refusal.value.code == ErrorCode.OUTSIDE_UNAVAILABLE
    intended = await Payment.get(order_id=order.id)
    assert intended.status == "INTENDED"
    await outside.switch_on()
    await outside.pay(await invoke_payment(outside, order, person, now=now))
    assert (await Payment.get(order_id=order.id)).payment_no == intended.payment_no
    assert len((await outside.books())["orders"]) == 1


async def test_a_process_killed_while_asking_leaves_an_order_that_can_be_paid(
    db: Database, outside: Outside, now: datetime
) -> None:
    order, person = await an_unpaid_order(now)
    for meddled in (
        Meddled(outside.channel, before={"prepay": killed}),
        Meddled(outside.channel, after={"prepay": killed}),
    ):
        with pytest.raises(Killed):
            await invoke_payment(outside, order, person, now=now, channels={WECHAT_PAY: meddled})
    await outside.pay(await invoke_payment(outside, order, person, now=now))
    assert await Payment.filter(order_id=order.id).count() == 1


async def test_asking_to_pay_twice_pays_once(db: Database, outside: Outside, now: datetime) -> None:
    order, person = await an_unpaid_order(now)
    first = await invoke_payment(outside, order, person, now=now)
    second = await invoke_payment(outside, order, person, now=now)
    await outside.pay(first)
    assert (await outside.try_to_pay(second)).json()["code"] == "ORDER_PAID"
    assert await Payment.filter(order_id=order.id).count() == 1


async def test_a_strangers_order_is_unknown(db: Database, outside: Outside, now: datetime) -> None:
    order, _ = await an_unpaid_order(now)
    refusal = await refused(outside, order, await a_person(), now=now)
    assert refusal.code == ErrorCode.ORDER_UNKNOWN
    order.order_no = "O20261120NOBODY"
    assert (await refused(outside, order, await a_person(), now=now)).code == ErrorCode.ORDER_UNKNOWN


async def test_an_order_is_paid_by_the_account_that_began_to_pay(
    db: Database, outside: Outside, now: datetime
) -> None:
    order, person = await an_unpaid_order(now)
    await invoke_payment(outside, order, person, now=now)
    other_account = Person(person.member_id, "oSomebodyElse")
    assert (await refused(outside, order, other_account, now=now)).code == ErrorCode.NOT_ALLOWED


async def test_a_paid_order_is_not_paid_again(db: Database, outside: Outside, now: datetime) -> None:
    hall, person = await a_hall(), await a_person()
    order = await a_paid_order(outside, person, wanted(hall.badminton, at(9)))
    assert (await refused(outside, order, person, now=now)).code == ErrorCode.ORDER_ALREADY_PAID


async def test_a_free_order_needs_no_payment(db: Database, outside: Outside, now: datetime) -> None:
    hall, person = await a_hall(free_mornings=True), await a_person()
    order = await an_order(person, wanted(hall.badminton, at(8)), now=now)
    assert (await refused(outside, order, person, now=now)).code == ErrorCode.ORDER_FREE


async def test_an_order_whose_hold_has_ended_is_not_paid(db: Database, outside: Outside, now: datetime) -> None:
    order, person = await an_unpaid_order(now)
    for minutes in (14.5, 15, 10_000):
        refusal = await refused(outside, order, person, now=now + timedelta(minutes=minutes))
        assert refusal.code == ErrorCode.ORDER_CLOSED
    await end_overdue_holds(channels=outside.channels, now=now + timedelta(minutes=15))
    assert (await refused(outside, order, person, now=now)).code == ErrorCode.ORDER_CLOSED
    assert (await outside.books())["orders"] == []


@pytest.mark.parametrize(
    ("channel", "way"),
    [
        ("CASH", Way.IN_APP),  # at the desk only
        ("ALIPAY", Way.MOBILE_WEB),  # not set up here
        (WECHAT_PAY, Way.DESKTOP_WEB),
        (WECHAT_PAY, Way.PAYER_CODE),  # a desk's act
    ],
)
async def test_a_channel_or_a_way_that_we_do_not_have_is_refused(
    db: Database, outside: Outside, now: datetime, channel: str, way: Way
) -> None:
    order, person = await an_unpaid_order(now)
    with pytest.raises(DomainError) as refusal:
        await pay_order(
            member_id=person.member_id,
            order_no=order.order_no,
            wanted=PaymentWanted(channel=channel, way=way),
            channels=outside.channels,
            now=now,
        )
    assert refusal.value.code == ErrorCode.BAD_INPUT
    assert await Payment.all().count() == 0


async def test_an_attempt_that_is_closed_at_the_channel_only_is_followed_by_a_new_one(
    db: Database, outside: Outside, now: datetime
) -> None:
    """The process was killed after WeChat Pay closed the payment and before that was written down."""
    order, person = await an_unpaid_order(now)
    await invoke_payment(outside, order, person, now=now)
    meddled = Meddled(outside.channel, after={"close": killed})
    with pytest.raises(Killed):
        await cancel_order(
            member_id=person.member_id, order_no=order.order_no, channels={WECHAT_PAY: meddled}, now=now
        )
    await outside.pay(await invoke_payment(outside, order, person, now=now))
    first, second = await Payment.filter(order_id=order.id).order_by("id")
    assert (first.status, second.status) == ("CLOSED", "WAITING")
    assert first.payment_no != second.payment_no


async def test_paying_again_after_a_lost_notice_finds_the_payment(
    db: Database, outside: Outside, now: datetime
) -> None:
    order, person = await an_unpaid_order(now)
    await outside.pay(await invoke_payment(outside, order, person, now=now))
    with pytest.raises(DomainError) as refusal:
        await invoke_payment(outside, order, person, now=now)
    assert refusal.value.code == ErrorCode.ORDER_ALREADY_PAID
    assert (await Order.get(id=order.id)).status == "PAID"


async def test_nobody_can_pay_an_order_that_was_cancelled_while_its_payment_was_prepared(
    db: Database, outside: Outside, now: datetime
) -> None:
    order, person = await an_unpaid_order(now)

    async def cancel() -> None:
        await cancel_order(member_id=person.member_id, order_no=order.order_no, channels=outside.channels, now=now)

    meddled = Meddled(outside.channel, before={"prepay": cancel})
    with pytest.raises(DomainError) as refusal:
        await invoke_payment(outside, order, person, now=now, channels={WECHAT_PAY: meddled})
    assert refusal.value.code == ErrorCode.ORDER_CLOSED
    (booked,) = (await outside.books())["orders"]
    assert booked["state"] == "CLOSED"


async def test_a_lost_notice_is_found_by_asking(db: Database, outside: Outside, now: datetime) -> None:
    order, person = await an_unpaid_order(now)
    await outside.switch_on(lost_notices=True)
    await outside.pay(await invoke_payment(outside, order, person, now=now))
    assert await check_due_payments(channels=outside.channels, now=now + timedelta(seconds=14)) == 0
    assert await check_due_payments(channels=outside.channels, now=now + timedelta(seconds=15)) == 1
    assert (await Order.get(id=order.id)).status == "PAID"
    assert (await FinanceEvent.get(kind="PAID")).amount_fen == 4000
    assert await check_due_payments(channels=outside.channels, now=now + timedelta(days=1)) == 0


async def test_an_attempt_that_waits_is_asked_about_ever_more_rarely(
    db: Database, outside: Outside, now: datetime
) -> None:
    order, person = await an_unpaid_order(now)
    await invoke_payment(outside, order, person, now=now)
    asked = []
    for _ in range(8):
        payment = await Payment.get(order_id=order.id)
        assert payment.next_check_at is not None
        asked.append((payment.next_check_at - now).total_seconds())
        now = payment.next_check_at
        await check_due_payments(channels=outside.channels, now=now)
    assert asked == [15, 30, 60, 120, 240, 480, 600, 600]
    assert (await Order.get(id=order.id)).status == "PENDING_PAYMENT"


async def test_a_channel_that_is_away_leaves_the_question_for_later(
    db: Database, outside: Outside, now: datetime
) -> None:
    order, person = await an_unpaid_order(now)
    await outside.pay(await invoke_payment(outside, order, person, now=now))
    await outside.switch_on(http_500=True)
    later = now + timedelta(minutes=1)
    assert await check_due_payments(channels=outside.channels, now=later) == 0
    await outside.switch_on()
    assert await check_due_payments(channels=outside.channels, now=later + timedelta(minutes=1)) == 1


async def test_one_attempt_that_nobody_understands_does_not_keep_the_others_waiting(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall = await a_hall()
    orders = []
    for court in (hall.badminton, hall.badminton_2):
        person = await a_person()
        order = await an_order(person, wanted(court, at(9)), now=now)
        await outside.pay(await invoke_payment(outside, order, person, now=now))
        orders.append(order)
    await Payment.filter(order_id=orders[0].id).update(channel="GONE", next_check_at=now + timedelta(seconds=1))
    assert await check_due_payments(channels=outside.channels, now=now + timedelta(minutes=1)) == 1
    assert (await Order.get(id=orders[1].id)).status == "PAID"
