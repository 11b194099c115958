"""Codes at a venue's desk: one that the payer scans, or the payer's own one that the desk scans (付款码).

A payer's code is charged under a number made of the clerk's key. Whatever became of a call whose answer was lost, the
same number is asked for first; a further code is charged only once the attempt before it is closed.
"""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from models import database
from models.checkout.at_desk import Number, check_payable_here, checked_key, order_of_mine, stop_others
from models.checkout.ending import channel_away, mark_closed
from models.checkout.paying import PaymentWanted, check_payment, open_payment, record_waiting, request_for
from models.checkout.settling import settle_known
from models.errors import BadInput, DomainError, ErrorCode
from models.orders.operations import FIRST_CHECK, lock_order
from models.orders.rules import PAYABLE, UNDECIDED, Channel, PaymentStatus
from models.orders.tables import Order, Payment
from models.shifts.operations import open_shift_id
from models.staff.powers import venues_where
from models.staff.rules import Power, StaffSignedIn
from payments.port import ChannelPayment, PaymentChannel, PaymentError, PaymentState, PrepayRequest, Way

log = logging.getLogger(__name__)

# 付款码规则: WeChat Pay's have 18 digits and begin with 10–15 (pay.weixin.qq.com, 付款码支付), Alipay's have 16–24 and
# begin with 25–30 (opendocs.alipay.com, alipay.trade.pay, auth_code).
_PAYER_CODES = {
    Channel.WECHAT_PAY: re.compile(r"1[0-5][0-9]{16}"),
    Channel.ALIPAY: re.compile(r"(?:2[5-9]|30)[0-9]{14,22}"),
}


class Standing(StrEnum):
    """How a payment by code stands, for the desk."""

    PAID = "PAID"
    WAITING = "WAITING"  # the payer must still scan or confirm
    GIVEN_BACK = "GIVEN_BACK"  # paid, but not needed any more: it goes back by itself
    ENDED = "ENDED"  # nothing was paid, and can be no more


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskPayment:
    """A payment by code and how it stands, in words for the clerk."""

    payment_no: str
    order_no: str
    channel: Channel
    amount_fen: int
    standing: Standing
    is_scanned: bool
    """The desk scanned the payer's code; else the payer scans ours."""

    @property
    def says(self) -> str:
        shown, scanned = "等待顾客扫码付款。", "请顾客在手机上确认付款。"
        return {
            Standing.PAID: "已收款，请顾客在手机上出示入场码。",
            Standing.WAITING: scanned if self.is_scanned else shown,
            Standing.GIVEN_BACK: "这张订单已用别的方式付过，这笔款会自动原路退回。",
            Standing.ENDED: "这笔付款没有完成，也没有扣款。请重新收款。",
        }[self.standing]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCode:
    """A code for the payer to scan, good until the order's hold ends."""

    payment_no: str
    code: str
    channel: Channel
    amount_fen: int
    expires_at: datetime


def channel_of(payer_code: str) -> Channel:
    """Whose code it is, by its digits. Raises PAYER_CODE_UNKNOWN."""
    for channel, pattern in _PAYER_CODES.items():
        if pattern.fullmatch(payer_code):
            return channel
    raise DomainError(
        "这不是微信或支付宝的付款码。",
        code=ErrorCode.PAYER_CODE_UNKNOWN,
        next_step="请顾客打开微信或支付宝的“收付款”，出示付款码后再扫。",
        field="payerCode",
    )


async def show_code(
    *,
    clerk: StaffSignedIn,
    order_no: str,
    channel: str,
    channels: Mapping[str, PaymentChannel],
    now: datetime,
) -> ShownCode:
    """A code over this channel for a whole order of the clerk's venues. Asking again shows the same attempt.

    Raises ORDER_UNKNOWN, ORDER_ALREADY_PAID, ORDER_FREE, ORDER_CLOSED, BAD_INPUT, OUTSIDE_UNAVAILABLE.
    """
    order_id, _ = await order_of_mine(clerk, order_no)
    await check_payable_here(await Order.get(id=order_id), now)
    wanted = PaymentWanted(channel=channel, way=Way.CODE)
    opened = await open_payment(order_id=order_id, wanted=wanted, channels=channels, now=now)
    payment = await _of_shift(opened.payment_no, clerk)
    assert opened.invocation.code is not None
    return ShownCode(
        payment_no=payment.payment_no,
        code=opened.invocation.code,
        channel=Channel(payment.channel),
        amount_fen=payment.amount_fen,
        expires_at=payment.expires_at,
    )


async def charge_payer_code(
    *,
    clerk: StaffSignedIn,
    order_no: str,
    payer_code: str,
    key: str,
    channels: Mapping[str, PaymentChannel],
    now: datetime,
) -> DeskPayment:
    """Charges a whole order to the code that a payer shows. The same key never charges twice.

    Raises ORDER_UNKNOWN, ORDER_ALREADY_PAID, ORDER_FREE, ORDER_CLOSED, PAYER_CODE_UNKNOWN, PAYER_CODE_REFUSED (nothing
    was charged), PAYMENT_PENDING while an attempt before this one may still succeed, BAD_INPUT, OUTSIDE_UNAVAILABLE.
    """
    order_id, _ = await order_of_mine(clerk, order_no)
    name = channel_of(payer_code)
    channel = channels.get(name)
    if channel is None or Way.PAYER_CODE not in channel.ways:
        raise BadInput("这里不能扫这种付款码。", next_step="请换一种方式付款。", field="payerCode")
    number = Number.of("P", clerk.staff_id, order_id, checked_key(key), name, "PAYER_CODE")
    await stop_others(order_id, number, channels, now=now)
    request = await _intend(order_id, clerk, name, channel.appid, number, now=now)
    if request is None:
        return await _as_it_stands(await number.find(order_id), channels, now=now)
    try:
        known = await channel.charge(request, payer_code)
    except PaymentError as error:
        log.warning("charge of payment %s failed: %s", request.payment_no, error.code)
        if not error.may_have_happened:
            await mark_closed(request.payment_no)
            raise _refused(error) from error
        await record_waiting(request.payment_no, "")
        return await _as_it_stands(await number.find(order_id), channels, now=now)
    return await _record(known, name, now=now)


async def refresh(
    *, clerk: StaffSignedIn, payment_no: str, channels: Mapping[str, PaymentChannel], now: datetime
) -> DeskPayment:
    """Asks the channel now how a payment by code stands. Raises PAYMENT_UNKNOWN, for another venue's too."""
    found = await database.row(
        f"""SELECT payment.id FROM payment JOIN orders ON orders.id = payment.order_id
                  JOIN venue ON venue.id = orders.venue_id
            WHERE {venues_where(Power.TAKE_MONEY)}
              AND payment.payment_no = $2 AND payment.way IN ('CODE', 'PAYER_CODE')""",
        clerk.staff_id,
        payment_no.strip().upper(),
    )
    if found is None:
        raise DomainError(
            "没有找到这笔付款。",
            code=ErrorCode.PAYMENT_UNKNOWN,
            next_step="请重新输入订单号查看。",
            field="paymentNo",
        )
    return await _as_it_stands(await Payment.get(id=found["id"]), channels, now=now)


@database.operation
async def _intend(
    order_id: int, clerk: StaffSignedIn, channel: Channel, appid: str, number: Number, *, now: datetime
) -> PrepayRequest | None:
    """Writes down that we are about to charge. None when this was done before, under the same key."""
    order = await lock_order(order_id)
    if await number.find(order_id) is not None:
        return None
    await check_payable_here(order, now)
    if await Payment.filter(order_id=order_id, way=Way.PAYER_CODE, status__in=UNDECIDED).exists():
        raise DomainError(
            "上一个付款码还没有结果。",
            code=ErrorCode.PAYMENT_PENDING,
            next_step="请让顾客在手机上确认，或稍等几秒再扫新的付款码。",
            field="payerCode",
        )
    payment = await Payment.create(
        payment_no=number.dated(now),
        order_id=order.id,
        channel=channel,
        way=Way.PAYER_CODE,
        appid=appid,
        payer="",
        amount_fen=order.to_pay_fen,
        status=PaymentStatus.INTENDED,
        created_at=now,
        expires_at=order.hold_expires_at,
        next_check_at=now + FIRST_CHECK,
        shift_id=await open_shift_id(staff_id=clerk.staff_id, venue_id=order.venue_id),
    )
    return await request_for(payment, order, PaymentWanted(channel=channel, way=Way.PAYER_CODE))


async def _record(known: ChannelPayment, channel: Channel, *, now: datetime) -> DeskPayment:
    """What the channel answered to a charge: paid, or the payer must still confirm."""
    if known.state is PaymentState.PENDING:
        await record_waiting(known.payment_no, "")
    else:
        await settle_known(known, channel=channel, now=now)
    return await _view(await Payment.get(payment_no=known.payment_no))


async def _as_it_stands(
    payment: Payment | None, channels: Mapping[str, PaymentChannel], *, now: datetime
) -> DeskPayment:
    assert payment is not None
    if payment.status in PAYABLE:
        await check_payment(payment, channels=channels, now=now)
        await payment.refresh_from_db()
    return await _view(payment)


async def _view(payment: Payment) -> DeskPayment:
    order = await Order.get(id=payment.order_id)
    standing = {
        PaymentStatus.SETTLED: Standing.PAID,
        PaymentStatus.SURPLUS: Standing.GIVEN_BACK,
        PaymentStatus.CLOSED: Standing.ENDED,
    }.get(PaymentStatus(payment.status), Standing.WAITING)
    return DeskPayment(
        payment_no=payment.payment_no,
        order_no=order.order_no,
        channel=Channel(payment.channel),
        amount_fen=payment.amount_fen,
        standing=standing,
        is_scanned=payment.way == Way.PAYER_CODE,
    )


@database.operation
async def _of_shift(payment_no: str, clerk: StaffSignedIn) -> Payment:
    """Notes at whose desk a code is shown, if there is a shift; nothing goes through a drawer."""
    payment = await Payment.select_for_update().get(payment_no=payment_no)
    order = await Order.get(id=payment.order_id)
    shift_id = await open_shift_id(staff_id=clerk.staff_id, venue_id=order.venue_id)
    if shift_id is not None:
        payment.shift_id = shift_id
        await payment.save(update_fields=["shift_id"])
    return payment


_TOO_LITTLE = ("NOT_ENOUGH", "NOTENOUGH", "BALANCE_NOT_ENOUGH", "AMOUNT_OVER_LIMIT")
_STALE = ("AUTH_CODE", "AUTHCODE")


def _refused(error: PaymentError) -> DomainError:
    """The channels' many words in a few of ours. Nothing was charged."""
    if error.retryable and not any(word in error.code for word in (*_TOO_LITTLE, *_STALE)):
        return channel_away()
    message, next_step = "渠道没有完成收款，没有扣款。", "请顾客刷新付款码后再扫，或换一种方式付款。"
    if any(word in error.code for word in _TOO_LITTLE):
        message, next_step = "顾客的余额或限额不够，没有扣款。", "请顾客换一张卡付款，或换一种方式。"
    elif any(word in error.code for word in _STALE):
        message, next_step = "付款码已过期或已用过，没有扣款。", "请顾客刷新付款码后再扫。"
    return DomainError(message, code=ErrorCode.PAYER_CODE_REFUSED, next_step=next_step, field="payerCode")
