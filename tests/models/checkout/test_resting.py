"""A channel that does not answer costs a sweep one time-out, and takes nobody else's turn."""

from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from models.checkout.ending import end_overdue_holds
from models.checkout.paying import check_due_payments
from models.checkout.refunding import send_due_refunds
from models.checkout.resting import RESTING, resting
from models.orders.tables import Order, Payment, Refund
from payments.port import PaymentError, RefundRequest, Way
from tests.databases import Database
from tests.factories.booking import a_hall, a_person, an_order, at, invoke_alipay, invoke_payment, wanted
from tests.outside import ALIPAY, WECHAT_PAY, AlipayHouse, Meddled, Outside

MINUTE = timedelta(minutes=1)
OF_NOTHING = RefundRequest(
    payment_no="P20261120NOBODYKNOWS",
    refund_no="R20261120NOBODYKNOWS",
    amount_fen=1,
    payment_amount_fen=1,
    reason="测试",
)


@dataclass
class Silent(Meddled):
    """Does not answer, and counts how often it was asked."""

    asked: list[str] = field(default_factory=list)

    async def _do(self, name: str, call: Coroutine[Any, Any, Any]) -> Any:
        call.close()
        self.asked.append(name)
        raise PaymentError("NO_ANSWER", "", may_have_happened=True, retryable=True)


async def some_orders(outside: Outside, now: datetime) -> tuple[list[Order], Order]:
    """Four that are being paid by WeChat Pay, and one by Alipay."""
    hall = await a_hall()
    by_wechat = []
    for hour in (9, 10, 11, 12):
        person = await a_person()
        by_wechat.append(await an_order(person, wanted(hall.badminton, at(hour)), now=now))
        await invoke_payment(outside, by_wechat[-1], person, now=now)
    person = await a_person()
    by_alipay = await an_order(person, wanted(hall.badminton_2, at(9)), now=now)
    opened = await invoke_alipay(outside, by_alipay, person, way=Way.CODE, now=now)
    assert outside.alipay
    await outside.alipay.pay(opened)
    return by_wechat, by_alipay


async def test_lost_notices_of_the_other_channel_are_found_though_one_is_silent(
    db: Database, outside: Outside, alipay: AlipayHouse, now: datetime
) -> None:
    by_wechat, by_alipay = await some_orders(outside, now)
    silent = Silent(outside.channel)
    channels = {WECHAT_PAY: silent, ALIPAY: alipay.channel}
    assert await check_due_payments(channels=channels, now=now + MINUTE) == 1
    assert (await Order.get(id=by_alipay.id)).status == "PAID"
    assert silent.asked == ["query"]
    for order in by_wechat:
        waiting = await Payment.get(order_id=order.id)
        assert waiting.next_check_at is not None
        assert waiting.next_check_at > now + MINUTE


async def test_holds_of_a_silent_channel_stay_and_cost_one_question(
    db: Database, outside: Outside, alipay: AlipayHouse, now: datetime
) -> None:
    by_wechat, by_alipay = await some_orders(outside, now)
    silent, later = Silent(outside.channel), now + 16 * MINUTE
    await outside.travel(later)
    await end_overdue_holds(channels={WECHAT_PAY: silent, ALIPAY: alipay.channel}, now=later)
    assert silent.asked == ["close"]
    assert await Order.filter(id__in=[order.id for order in by_wechat], status="PENDING_PAYMENT").count() == 4
    assert (await Order.get(id=by_alipay.id)).status == "PAID"
    assert await end_overdue_holds(channels=outside.channels, now=later) == 4


async def test_refunds_of_a_silent_channel_are_postponed_under_their_numbers(
    db: Database, outside: Outside, alipay: AlipayHouse, now: datetime
) -> None:
    by_wechat, _ = await some_orders(outside, now)
    for number, order in enumerate(by_wechat):
        payment = await Payment.get(order_id=order.id)
        await Refund.create(
            refund_no=f"R20261120{number}",
            payment_id=payment.id,
            order_id=order.id,
            amount_fen=1,
            reason="GOODWILL",
            reason_text="",
            status="INTENDED",
            created_at=now,
            next_check_at=now,
        )
    silent = Silent(outside.channel)
    assert await send_due_refunds(channels={WECHAT_PAY: silent}, now=now) == 4
    assert silent.asked == ["refund"]
    assert await Refund.filter(status="INTENDED", next_check_at__gt=now).count() == 4


async def test_a_refusal_is_no_silence(outside: Outside) -> None:
    (rested,) = resting({WECHAT_PAY: outside.channel}).values()
    for _ in range(2):
        assert await rested.query("P20261120NOBODYKNOWS") is None
        with pytest.raises(PaymentError) as refusal:
            await rested.refund(OF_NOTHING)
        assert refusal.value.code != RESTING
    assert rested.mchid == outside.channel.mchid
