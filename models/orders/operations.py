"""The money side of an order: entries that are added, attempts to pay, refunds that never exceed what was paid.

Plain functions: they run inside the acts of `models.checkout`, which holds the order's lock.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from models import database
from models.errors import DomainError, ErrorCode
from models.ids import new_no
from models.orders.rules import (
    AT_THE_DESK,
    LIVE_PAYMENTS,
    REASON_TEXTS,
    SHARE_TEXTS,
    FinanceKind,
    PaymentStatus,
    RefundParty,
    RefundReason,
    RefundStatus,
)
from models.orders.tables import Order, Payment, PaymentShare, Refund
from payments.port import Way

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


async def charge(order: Order, about_no: str, now: datetime) -> None:
    """The order asks for what vouchers leave of its total: when it is placed, and again when it takes its slots
    again."""
    if order.to_pay_fen:
        await book(order, FinanceKind.CHARGED, order.to_pay_fen, about_no, now)


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


async def live_payment(order: Order, channel: str, way: Way, share: PaymentShare | None = None) -> Payment | None:
    """The attempt over this channel in this way that may still be paid: of the whole order, or of this share of it."""
    share_id = share.id if share else None
    return await Payment.filter(
        order_id=order.id, channel=channel, way=way, share_id=share_id, status__in=LIVE_PAYMENTS
    ).first()


async def settled_payments(order_id: int) -> list[Payment]:
    """What has paid the order: one payment, or one for each share of an order that is split. None for what was free."""
    return await Payment.filter(order_id=order_id, status=PaymentStatus.SETTLED).order_by("id")


async def lock_settled_payments(order_id: int) -> list[Payment]:
    """The same, locked after their order until the transaction ends."""
    return await Payment.select_for_update().filter(order_id=order_id, status=PaymentStatus.SETTLED).order_by("id")


async def intend_payment(
    *,
    order: Order,
    share: PaymentShare | None = None,
    channel: str,
    way: Way,
    appid: str,
    payer: str,
    now: datetime,
) -> Payment:
    """Writes down that we are about to ask the channel, before we ask."""
    return await Payment.create(
        payment_no=new_no("P", now),
        order_id=order.id,
        share_id=share.id if share else None,
        channel=channel,
        way=way,
        appid=appid,
        payer=payer,
        amount_fen=share.amount_fen if share else order.to_pay_fen,
        status=PaymentStatus.INTENDED,
        created_at=now,
        expires_at=order.hold_expires_at,
        next_check_at=now + FIRST_CHECK,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderedBy:
    """The clerk behind a refund, why, and the number of their act: the same number is the same act."""

    staff_id: int
    note: str
    request_key: str | None = None


async def intend_refund(
    *,
    payment: Payment,
    amount_fen: int,
    party: RefundParty,
    reason: RefundReason,
    now: datetime,
    by: OrderedBy | None = None,
    replaces_id: int | None = None,
) -> Refund:
    """Writes down a refund before the channel is asked; the payment's row must be locked. What was paid at a desk
    waits there. `replaces_id` is the refund that the channel closed, and in whose place this one is.

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
    at_desk = payment.channel in AT_THE_DESK
    return await Refund.create(
        refund_no=new_no("R", now),
        payment_id=payment.id,
        order_id=payment.order_id,
        amount_fen=amount_fen,
        party=party,
        reason=reason,
        reason_text=(REASON_TEXTS if payment.share_id is None else SHARE_TEXTS)[reason],
        status=RefundStatus.AT_DESK if at_desk else RefundStatus.INTENDED,
        staff_id=by.staff_id if by else None,
        staff_note=by.note if by else "",
        request_key=by.request_key if by else None,
        replaces_id=replaces_id,
        created_at=now,
        next_check_at=None if at_desk else now,
    )


def next_check(checks: int, now: datetime) -> datetime:
    """When to ask the channel again: 15 s, 30 s, 1 min … at most every 10 minutes."""
    return now + min(FIRST_CHECK * int(2 ** min(checks, 10)), LONGEST_CHECK)
