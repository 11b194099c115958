"""Paying an order: the intent is committed, the channel is asked, the answer is recorded."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from models import database
from models.asyncpg_engine import DatabaseAway
from models.calendar import clock_text, minute_of_day
from models.checkout.ending import channel_away, mark_closed
from models.checkout.settling import Settled, postpone_check, settle_known
from models.errors import BadInput, DomainError, ErrorCode
from models.orders.operations import intend_payment, live_payment, lock_order, order_id_of
from models.orders.rules import LIVE_PAYMENTS, OrderStatus
from models.orders.tables import Order, Payment
from payments.port import PaymentChannel, PaymentError, PaymentState, PrepayRequest

log = logging.getLogger(__name__)

PAYMENTS_A_RUN = 50
SHORTEST_TIME_TO_PAY = timedelta(minutes=1)  # WeChat Pay v3 refuses a time_expire that is nearer


async def pay_order(
    *,
    member_id: int,
    order_no: str,
    channel: str,
    appid: str,
    openid: str,
    channels: Mapping[str, PaymentChannel],
    now: datetime,
) -> Mapping[str, str]:
    """The parameters with which the phone opens the channel's payment sheet. Asking twice pays once.

    Raises ORDER_UNKNOWN, ORDER_CLOSED, ORDER_ALREADY_PAID, ORDER_FREE, OUTSIDE_UNAVAILABLE.
    """
    if channel not in channels:
        raise BadInput("不支持这种支付方式。", next_step="请选择微信支付。", field="channel")
    asked = _Asked(member_id, order_no, channel, appid, openid)
    prepay_id = await _prepay(asked, channels, now=now)
    return channels[channel].invocation(prepay_id)


@dataclass(frozen=True, slots=True)
class _Asked:
    member_id: int
    order_no: str
    channel: str
    appid: str
    openid: str


async def _prepay(
    asked: _Asked, channels: Mapping[str, PaymentChannel], *, now: datetime, once_more: bool = True
) -> str:
    """A prepay_id for a live attempt. When the channel knows better how the attempt stands, it is tried once more.

    That happens after a killed process or a lost notice: the attempt was closed there, or is paid already. And
    when the order ended while we asked, nobody may be handed what they could still pay with.
    """
    request = await _intend(asked, now=now)
    channel = channels[asked.channel]
    try:
        prepayment = await channel.prepay(request)
        if await _record_prepayment(request.payment_no, prepayment.prepay_id):
            return prepayment.prepay_id
        await channel.close(request.payment_no)
    except PaymentError as error:
        log.warning("prepayment %s failed: %s", request.payment_no, error.code)
        if error.retryable or not once_more:
            raise channel_away() from error
        await check_payment(await Payment.get(payment_no=request.payment_no), channels=channels, now=now)
    if not once_more:
        raise channel_away()
    return await _prepay(asked, channels, now=now, once_more=False)


@database.operation
async def _intend(asked: _Asked, *, now: datetime) -> PrepayRequest:
    order = await lock_order(await order_id_of(member_id=asked.member_id, order_no=asked.order_no))
    _check_payable(order, now)
    payment = await live_payment(order, asked.channel)
    if payment is None:
        payment = await intend_payment(
            order=order, channel=asked.channel, appid=asked.appid, openid=asked.openid, now=now
        )
    elif payment.payer_openid != asked.openid:
        raise DomainError(
            "这张订单正在另一个微信账号上支付。",
            code=ErrorCode.NOT_ALLOWED,
            next_step="请用原来的账号支付，或取消后重新预订。",
            field="orderNo",
        )
    venue = await database.row("SELECT name FROM venue WHERE id = $1", order.venue_id)
    assert venue is not None
    return PrepayRequest(
        payment_no=payment.payment_no,
        description=f"{venue['name']}场地预订"[:40],
        amount_fen=payment.amount_fen,
        payer_openid=payment.payer_openid,
        expires_at=payment.expires_at,
    )


def _check_payable(order: Order, now: datetime) -> None:
    if order.status == OrderStatus.PAID:
        free = order.total_fen == 0
        raise DomainError(
            "这张订单是免费时段，不需要支付。" if free else "这张订单已经支付过了。",
            code=ErrorCode.ORDER_FREE if free else ErrorCode.ORDER_ALREADY_PAID,
            next_step="请在“我的订单”里查看入场码。",
            field="orderNo",
        )
    if order.status == OrderStatus.CLOSED or order.hold_expires_at <= now:
        raise DomainError(
            "这张订单已经关闭，场地已释放。",
            code=ErrorCode.ORDER_CLOSED,
            next_step="请重新选择时段下单。",
            field="orderNo",
        )
    if order.hold_expires_at - now < SHORTEST_TIME_TO_PAY:
        raise DomainError(
            f"保留时间只到 {clock_text(minute_of_day(order.hold_expires_at))}，已来不及支付。",
            code=ErrorCode.ORDER_CLOSED,
            next_step="请稍后重新下单。",
            field="orderNo",
        )


@database.operation
async def _record_prepayment(payment_no: str, prepay_id: str) -> bool:
    """False when the attempt came to its end while we asked."""
    recorded = await database.rows(
        """UPDATE payment SET prepay_id = $1, status = 'WAITING'
            WHERE payment_no = $2 AND status IN ('INTENDED', 'WAITING') RETURNING id""",
        prepay_id,
        payment_no,
    )
    return bool(recorded)


async def check_due_payments(*, channels: Mapping[str, PaymentChannel], now: datetime) -> int:
    """Asks the channel about every attempt from which we should have heard; returns how many were settled."""
    due = (
        await Payment.filter(status__in=LIVE_PAYMENTS, next_check_at__lte=now)
        .order_by("next_check_at")
        .limit(PAYMENTS_A_RUN)
    )
    settled = 0
    for payment in due:
        try:
            outcome = await check_payment(payment, channels=channels, now=now)
        except DatabaseAway:
            raise
        except Exception:  # one attempt that nobody understands must not keep all the others waiting
            log.exception("payment %s could not be checked", payment.payment_no)
            await postpone_check(payment.payment_no, now=now)
        else:
            settled += outcome in (Settled.SETTLED, Settled.SURPLUS)
    return settled


async def check_payment(payment: Payment, *, channels: Mapping[str, PaymentChannel], now: datetime) -> Settled:
    """A lost notice is found out here. A mismatch is left as it is, loudly (models.checkout.settling)."""
    channel = channels[payment.channel]
    try:
        known = await channel.query(payment.payment_no)
        if known is not None and known.state in (PaymentState.SUCCEEDED, PaymentState.REFUNDED):
            return await settle_known(known, channel=payment.channel, now=now)
        if known is not None and known.state is PaymentState.CLOSED:
            await mark_closed(payment.payment_no)
            return Settled.NOT_PAID
    except PaymentError as error:
        log.warning("query of payment %s failed: %s", payment.payment_no, error.code)
    except DomainError as error:
        log.error("query of payment %s: %s", payment.payment_no, error.code)
    await postpone_check(payment.payment_no, now=now)
    return Settled.NOT_PAID
