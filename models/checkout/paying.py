"""Paying an order: the intent is committed, the channel is asked, the answer is recorded."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tortoise.expressions import Q

from models import database
from models.asyncpg_engine import DatabaseAway
from models.calendar import clock_text, minute_of_day
from models.checkout.ending import channel_away, close_attempt, mark_closed
from models.checkout.resting import resting
from models.checkout.settling import Settled, postpone_check, settle_known
from models.errors import BadInput, DomainError, ErrorCode
from models.orders.operations import LONGEST_CHECK, intend_payment, live_payment, lock_order, order_id_of
from models.orders.rules import LIVE_PAYMENTS, PAYABLE, OrderStatus, PaymentStatus
from models.orders.sharing import open_share
from models.orders.tables import Order, Payment, PaymentShare
from payments.port import (
    Invocation,
    PaymentChannel,
    PaymentError,
    PaymentState,
    PrepayRequest,
    Way,
)

log = logging.getLogger(__name__)

PAYMENTS_A_RUN = 50
SHORTEST_TIME_TO_PAY = timedelta(minutes=1)  # WeChat Pay v3 refuses a time_expire that is nearer


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentWanted:
    """How somebody wants to pay an order. `appid` and `payer` say who must pay in which app of ours, where the way
    is an app; `payer_address` is their IP address and `return_url` where a browser comes back to."""

    channel: str
    way: Way
    appid: str = ""
    payer: str = ""
    payer_address: str = ""
    return_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedPayment:
    """An attempt that the channel expects, and with what the payer goes on."""

    payment_no: str
    invocation: Invocation


async def pay_order(
    *,
    member_id: int,
    order_no: str,
    wanted: PaymentWanted,
    channels: Mapping[str, PaymentChannel],
    now: datetime,
) -> OpenedPayment:
    """Opens a payment for a member's order. Asking twice pays once; what is paid twice over two channels is given
    back (models.checkout.settling).

    Raises ORDER_UNKNOWN, ORDER_CLOSED, ORDER_ALREADY_PAID, ORDER_FREE, OUTSIDE_UNAVAILABLE, NOT_ALLOWED for the
    payment sheet of an app in which they did not sign in, or BAD_INPUT for a channel or a way that we don't have.
    """
    order_id = await order_id_of(member_id=member_id, order_no=order_no)
    return await open_payment(order_id=order_id, wanted=wanted, channels=channels, now=now)


async def open_payment(
    *,
    order_id: int,
    share_id: int | None = None,
    wanted: PaymentWanted,
    channels: Mapping[str, PaymentChannel],
    now: datetime,
) -> OpenedPayment:
    """The same, for whoever may see the order: its member, or a desk that shows a code for it; or for a share of it."""
    channel = channels.get(wanted.channel)
    if channel is None:
        raise BadInput("不支持这种支付渠道。", next_step="请选择微信支付或支付宝。", field="channel")
    if wanted.way not in channel.ways or wanted.way is Way.PAYER_CODE:
        raise BadInput("这个渠道不支持这种支付方式。", next_step="请换一种方式支付。", field="way")
    if (
        wanted.way is Way.IN_APP and not wanted.payer
    ):  # they came by phone or from Alipay: no openid that could pay
        raise DomainError(
            "这次登录不是从微信进来的，不能直接调起微信支付。",
            code=ErrorCode.NOT_ALLOWED,
            next_step="请从微信小程序或公众号登录后支付，或换成扫码、手机网页支付。",
            field="way",
        )
    if wanted.way is not Way.IN_APP:
        wanted = replace(wanted, appid=channel.appid, payer="")
    return await _prepay(order_id, share_id, wanted, channels, now=now)


async def _prepay(
    order_id: int,
    share_id: int | None,
    wanted: PaymentWanted,
    channels: Mapping[str, PaymentChannel],
    *,
    now: datetime,
    once_more: bool = True,
) -> OpenedPayment:
    """A live attempt. When the channel knows better how the attempt stands, it is tried once more.

    That happens after a killed process or a lost notice: the attempt was closed there, or is paid already. And
    when the order ended while we asked, nobody may be handed what they could still pay with.
    """
    request = await intend_attempt(order_id, wanted, share_id=share_id, now=now)
    channel = channels[wanted.channel]
    try:
        prepayment = await channel.prepay(request)
        if await record_waiting(request.payment_no, prepayment.reference):
            return OpenedPayment(payment_no=request.payment_no, invocation=prepayment.invocation)
        await channel.close(request.payment_no, request.way, request.expires_at)
    except PaymentError as error:
        log.warning("prepayment %s failed: %s", request.payment_no, error.code)
        if error.retryable or not once_more:
            raise channel_away() from error
        await _make_way(request.payment_no, channels, now=now)
    if not once_more:
        raise channel_away()
    return await _prepay(order_id, share_id, wanted, channels, now=now, once_more=False)


async def _make_way(payment_no: str, channels: Mapping[str, PaymentChannel], *, now: datetime) -> None:
    """The channel refuses this attempt for good: it knows better how it stands, or it was asked otherwise at first (the
    payer's address is another since their phone left the Wi-Fi). Then it is closed, and another takes its place."""
    payment = await Payment.get(payment_no=payment_no)
    await check_payment(payment, channels=channels, now=now)
    await payment.refresh_from_db()
    if payment.status in LIVE_PAYMENTS:
        await close_attempt(payment, channels[payment.channel], now=now)


@database.operation
async def intend_attempt(
    order_id: int, wanted: PaymentWanted, *, share_id: int | None = None, now: datetime
) -> PrepayRequest:
    """The live attempt over this channel in this way, or a new one, as the channel will be asked for it."""
    order = await lock_order(order_id)
    if share_id is None:
        check_payable(order, now)
    else:
        check_held(order, now)
    share = await open_share(share_id) if share_id is not None else None
    payment = await live_payment(order, wanted.channel, wanted.way, share)
    if payment is None:
        payment = await intend_payment(
            order=order,
            share=share,
            channel=wanted.channel,
            way=wanted.way,
            appid=wanted.appid,
            payer=wanted.payer,
            now=now,
        )
    elif payment.payer != wanted.payer:
        raise DomainError(
            "这张订单正在另一个微信账号上支付。",
            code=ErrorCode.NOT_ALLOWED,
            next_step="请用原来的账号支付，或取消后重新预订。",
            field="orderNo",
        )
    return await request_for(payment, order, wanted)


async def request_for(payment: Payment, order: Order, wanted: PaymentWanted) -> PrepayRequest:
    """An attempt in the words in which channels are asked."""
    venue = await database.row("SELECT name, ref FROM venue WHERE id = $1", order.venue_id)
    assert venue is not None
    return PrepayRequest(
        payment_no=payment.payment_no,
        description=f"{venue['name']}场地预订"[:40],
        amount_fen=payment.amount_fen,
        way=wanted.way,
        appid=payment.appid,
        expires_at=payment.expires_at,
        payer=payment.payer,
        payer_address=wanted.payer_address,
        return_url=wanted.return_url,
        venue=venue["ref"],
    )


def check_payable(order: Order, now: datetime) -> None:
    """What `check_held` raises, and ORDER_SPLIT where several pay it."""
    check_held(order, now)
    if order.split_at is not None:
        raise DomainError(
            "这张订单由几个人分摊付款，不能一次付全款。",
            code=ErrorCode.ORDER_SPLIT,
            next_step="请各人在手机上付自己的那份，或由预订人补齐没付的部分。",
            field="orderNo",
        )


def check_held(order: Order, now: datetime) -> None:
    """Raises ORDER_ALREADY_PAID, ORDER_FREE or ORDER_CLOSED where there is nothing to pay any more."""
    if order.status == OrderStatus.PAID:
        free = order.to_pay_fen == 0
        why = "是免费时段" if order.total_fen == 0 else "已用消费券全额抵扣"
        raise DomainError(
            f"这张订单{why}，不需要支付。" if free else "这张订单已经支付过了。",
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
async def record_waiting(payment_no: str, reference: str) -> bool:
    """The channel expects the citizen. False when the attempt came to its end while we asked."""
    recorded = await database.rows(
        """UPDATE payment SET reference = $1, status = 'WAITING'
            WHERE payment_no = $2 AND status IN ('INTENDED', 'WAITING') RETURNING id""",
        reference,
        payment_no,
    )
    return bool(recorded)


async def check_due_payments(*, channels: Mapping[str, PaymentChannel], now: datetime) -> int:
    """Asks the channel about every attempt from which we should have heard; returns how many were settled.

    What is to be asked later than we ever wait was written by a clock that ran ahead: it is asked now.
    """
    due = (
        await Payment.filter(
            Q(next_check_at__lte=now) | Q(next_check_at__gt=now + LONGEST_CHECK), status__in=PAYABLE
        )
        .order_by("next_check_at")
        .limit(PAYMENTS_A_RUN)
    )
    settled, channels = 0, resting(channels)
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
    if payment.status == PaymentStatus.REVERSING:  # whoever began it died, or the channel did not answer
        await close_attempt(payment, channel, now=now)
        return Settled.NOT_PAID
    try:
        known = await channel.query(payment.payment_no)
        if known is not None and known.state in (PaymentState.SUCCEEDED, PaymentState.REFUNDED):
            return await settle_known(known, channel=payment.channel, now=now)
        if known is not None and known.state is PaymentState.CLOSED:
            await mark_closed(payment.payment_no)
            return Settled.NOT_PAID
        if not await _is_wanted(payment):
            await close_attempt(payment, channel, now=now, abandoning=True)  # paid otherwise, or given up
    except PaymentError as error:
        log.warning("query of payment %s failed: %s", payment.payment_no, error.code)
    except DomainError as error:
        log.error("query of payment %s: %s", payment.payment_no, error.code)
    await postpone_check(payment.payment_no, now=now)
    return Settled.NOT_PAID


async def _is_wanted(payment: Payment) -> bool:
    """Whether it would pay the order, or its share of it."""
    order = await Order.get(id=payment.order_id)
    if order.status != OrderStatus.PENDING_PAYMENT or (order.split_at is None) != (payment.share_id is None):
        return False
    return payment.share_id is None or await PaymentShare.filter(id=payment.share_id, state="OPEN").exists()
