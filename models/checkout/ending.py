"""How an order ends without being used: its hold ran out, or the member cancelled.

Before a slot is given to somebody else, nobody may be able to pay for it any more, so the order is closed at the
channel first. Every way out of here is harmless the second time.
"""

import logging
from collections.abc import Mapping
from datetime import datetime

from models import database
from models.admissions import operations as admissions
from models.asyncpg_engine import DatabaseAway
from models.checkout.fulfilling import give_up, tell_platform
from models.checkout.refunding import send_refund
from models.checkout.settling import settle_known
from models.errors import DomainError, ErrorCode
from models.orders.operations import intend_refund, lock_order, order_id_of
from models.orders.rules import LIVE_PAYMENTS, CloseReason, OrderStatus, PaymentStatus, RefundReason
from models.orders.tables import Order, OrderLine, Payment
from payments.port import CloseResult, PaymentChannel, PaymentError

log = logging.getLogger(__name__)

HOLDS_A_RUN = 100


async def end_overdue_holds(*, channels: Mapping[str, PaymentChannel], now: datetime) -> int:
    """Ends every unpaid hold whose time is over, however long nobody was here to do it. Returns how many ended."""
    overdue = await database.rows(
        """SELECT id FROM orders WHERE status = 'PENDING_PAYMENT' AND hold_expires_at <= $1
           ORDER BY hold_expires_at LIMIT $2""",
        now,
        HOLDS_A_RUN,
    )
    ended = 0
    for found in overdue:
        try:
            ended += await end_hold(order_id=found["id"], channels=channels, now=now)
        except DatabaseAway:
            raise
        except Exception:  # one order that nobody understands must not keep all the others' slots
            log.exception("hold of order %s could not be ended", found["id"])
    return ended


async def end_hold(*, order_id: int, channels: Mapping[str, PaymentChannel], now: datetime) -> bool:
    """Ends one overdue hold. True when its slots are free now; False when it isn't overdue, or was paid after
    all, or the channel can't be reached (then the next sweep tries again)."""
    order = await Order.get_or_none(id=order_id)
    if order is None or order.status != OrderStatus.PENDING_PAYMENT or order.hold_expires_at > now:
        return False
    if not await _close_at_channels(order, channels, now):
        return False
    return await _close(order_id, CloseReason.EXPIRED, now=now)


async def cancel_order(
    *, member_id: int, order_no: str, channels: Mapping[str, PaymentChannel], now: datetime
) -> None:
    """The member gives up an order: an unpaid one is closed, a paid one is refunded in full before it starts.

    Raises ORDER_UNKNOWN for a stranger's, ORDER_STARTED once it began or somebody entered, OUTSIDE_UNAVAILABLE
    when the channel can't say whether it was just paid. Cancelling twice is the same as once.
    """
    order = await Order.get(id=await order_id_of(member_id=member_id, order_no=order_no))
    if order.status == OrderStatus.PENDING_PAYMENT:
        if await _close_at_channels(order, channels, now):
            await _close(order.id, CloseReason.CANCELLED, now=now)
        order = await Order.get(id=order.id)
        if order.status == OrderStatus.PENDING_PAYMENT:  # the channel is away, or they just began to pay again
            raise channel_away()
    refund_no = await _cancel_paid(order.id, now=now)
    if refund_no:
        await send_refund(refund_no=refund_no, channels=channels, now=now)


async def _close_at_channels(order: Order, channels: Mapping[str, PaymentChannel], now: datetime) -> bool:
    """Makes sure that no attempt can be paid any more. False: one was paid (and is settled now), or unknown."""
    for payment in await Payment.filter(order_id=order.id, status__in=LIVE_PAYMENTS):
        if not await _close_attempt(payment, channels[payment.channel], now):
            return False
    return True


async def _close_attempt(payment: Payment, channel: PaymentChannel, now: datetime) -> bool:
    try:
        if await channel.close(payment.payment_no) is CloseResult.ALREADY_PAID:
            known = await channel.query(payment.payment_no)
            if known is not None:
                await settle_known(known, channel=payment.channel, now=now)
            return False
    except PaymentError as error:
        log.warning("close of payment %s postponed: %s", payment.payment_no, error.code)
        return False
    except DomainError as error:  # paid, but not what we asked for: the slots stay until somebody has looked
        log.error("payment %s cannot be settled: %s", payment.payment_no, error.code)
        return False
    await mark_closed(payment.payment_no)
    return True


@database.operation
async def mark_closed(payment_no: str) -> None:
    """The channel will take no money for this attempt any more."""
    await database.rows(
        """UPDATE payment SET status = 'CLOSED', next_check_at = NULL
            WHERE payment_no = $1 AND status IN ('INTENDED', 'WAITING') RETURNING id""",
        payment_no,
    )


@database.operation
async def _close(order_id: int, reason: CloseReason, *, now: datetime) -> bool:
    order = await lock_order(order_id)
    if order.status != OrderStatus.PENDING_PAYMENT:
        return False
    if await Payment.filter(order_id=order_id, status__in=LIVE_PAYMENTS).exists():
        return False  # the member began to pay meanwhile; that attempt must be closed first
    await give_up(order, reason, now)
    return True


@database.operation
async def _cancel_paid(order_id: int, *, now: datetime) -> str | None:
    """Revokes, releases and writes down the refund in one act. Returns its number, None when nothing is due."""
    order = await lock_order(order_id)
    if order.status != OrderStatus.PAID:
        return None
    lines = await OrderLine.filter(order_id=order.id).order_by("line_no")
    if min(line.starts_at for line in lines) <= now or await admissions.anybody_entered(order.id):
        raise DomainError(
            "预订的时段已经开始或已有人入场，不能取消。",
            code=ErrorCode.ORDER_STARTED,
            next_step="如有特殊情况，请联系场馆前台。",
            field="orderNo",
        )
    await admissions.revoke(order.id, now=now)
    await give_up(order, CloseReason.CANCELLED, now)
    await tell_platform(order, lines=lines, state="CANCELLED", now=now)
    payment = await Payment.select_for_update().get_or_none(order_id=order.id, status=PaymentStatus.SETTLED)
    if payment is None:
        return None
    refund = await intend_refund(
        payment=payment,
        amount_fen=payment.amount_fen - payment.refunded_fen,
        reason=RefundReason.CANCELLED,
        now=now,
    )
    return refund.refund_no


def channel_away() -> DomainError:
    return DomainError(
        "支付渠道暂时没有回应。",
        code=ErrorCode.OUTSIDE_UNAVAILABLE,
        next_step="请稍后再试，不会重复扣款。",
    )
