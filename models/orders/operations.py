"""The money side of an order: entries that are added, attempts to pay, refunds that never exceed what was paid.

Plain functions: they run inside the acts of `models.checkout`, which holds the order's lock.
"""

from datetime import datetime, timedelta

from models import database
from models.errors import DomainError, ErrorCode
from models.ids import new_no
from models.orders.rules import (
    LIVE_PAYMENTS,
    REASON_TEXTS,
    FinanceKind,
    PaymentStatus,
    RefundReason,
    RefundStatus,
)
from models.orders.tables import Order, Payment, Refund

FIRST_CHECK = timedelta(seconds=15)
LONGEST_CHECK = timedelta(minutes=10)


async def order_id_of(*, member_id: int, order_no: str) -> int:
    """The id of this member's order. Raises ORDER_UNKNOWN, for a stranger's order too."""
    found = await database.row("SELECT id FROM orders WHERE order_no = $1 AND member_id = $2", order_no, member_id)
    if found is None:
        raise DomainError(
            "没有找到这张订单。", code=ErrorCode.ORDER_UNKNOWN, next_step="请在“我的订单”里查看。", field="orderNo"
        )
    return int(found["id"])


async def lock_order(order_id: int) -> Order:
    """The order, locked until the transaction ends. Every act on an order begins here, so they take turns."""
    return await Order.select_for_update().get(id=order_id)


async def book(order: Order, kind: FinanceKind, amount_fen: int, about_no: str, now: datetime) -> None:
    """Adds one entry; the second time for the same number changes nothing."""
    await database.rows(
        """INSERT INTO finance_event (order_id, kind, amount_fen, about_no, happened_at)
           VALUES ($1, $2, $3, $4, $5) ON CONFLICT (kind, about_no) DO NOTHING""",
        order.id,
        kind.value,
        amount_fen,
        about_no,
        now,
    )


async def live_payment(order: Order, channel: str) -> Payment | None:
    """The attempt over this channel that may still be paid."""
    return await Payment.filter(order_id=order.id, channel=channel, status__in=LIVE_PAYMENTS).first()


async def intend_payment(*, order: Order, channel: str, appid: str, openid: str, now: datetime) -> Payment:
    """Writes down that we are about to ask the channel, before we ask."""
    return await Payment.create(
        payment_no=new_no("P", now),
        order_id=order.id,
        channel=channel,
        appid=appid,
        payer_openid=openid,
        amount_fen=order.total_fen,
        status=PaymentStatus.INTENDED,
        created_at=now,
        expires_at=order.hold_expires_at,
        next_check_at=now + FIRST_CHECK,
    )


async def intend_refund(*, payment: Payment, amount_fen: int, reason: RefundReason, now: datetime) -> Refund:
    """Writes down a refund before the channel is asked; the payment's row must be locked.

    Raises REFUND_TOO_LARGE above what was paid and not yet given back; a CHECK in the database is the last guard.
    """
    if amount_fen <= 0 or payment.refunded_fen + amount_fen > payment.amount_fen:
        raise DomainError(
            "退款金额超过了可退金额。",
            code=ErrorCode.REFUND_TOO_LARGE,
            next_step="请核对已退款项。",
        )
    payment.refunded_fen += amount_fen
    await payment.save(update_fields=["refunded_fen"])
    return await Refund.create(
        refund_no=new_no("R", now),
        payment_id=payment.id,
        order_id=payment.order_id,
        amount_fen=amount_fen,
        reason=reason,
        reason_text=REASON_TEXTS[reason],
        status=RefundStatus.INTENDED,
        created_at=now,
        next_check_at=now,
    )


def next_check(checks: int, now: datetime) -> datetime:
    """When to ask the channel again: 15 s, 30 s, 1 min … at most every 10 minutes."""
    return now + min(FIRST_CHECK * int(2 ** min(checks, 10)), LONGEST_CHECK)
