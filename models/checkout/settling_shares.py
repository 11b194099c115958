"""A share of an order that is split is paid: the last one confirms the order, as one payment for all of it would.

Plain functions inside the act that settles (models/checkout/settling.py); the order's row is locked, so of two notices at
once exactly one is the last. An order that ended is never taken up again, since its shares went back already.
"""

from collections.abc import Sequence
from datetime import datetime

from models import database
from models.orders.rules import CloseReason, OrderStatus, RefundReason
from models.orders.share_rules import ShareState
from models.orders.sharing import pay, shares_of
from models.orders.tables import Order, OrderLine, Payment, PaymentShare


async def why_not_needed(
    order: Order, payment: Payment, lines: Sequence[OrderLine], now: datetime
) -> tuple[PaymentShare | None, RefundReason | None]:
    """The share that the money pays, or why it goes back: the order ended or is booked, the share was paid otherwise or
    taken over, or the money was for all of it, from before it was split."""
    if order.status == OrderStatus.PAID:
        return None, RefundReason.PAID_TWICE
    if order.status == OrderStatus.CLOSED:
        by_venue = order.close_reason == CloseReason.CANCELLED_BY_VENUE
        return None, RefundReason.CANCELLED_BY_VENUE if by_venue else RefundReason.SPLIT_UNFINISHED
    if any(line.ends_at <= now for line in lines):
        return None, RefundReason.PAID_TOO_LATE
    share = await PaymentShare.get_or_none(id=payment.share_id, state=ShareState.OPEN)
    return share, None if share else RefundReason.PAID_TWICE


async def pay_share(order: Order, share: PaymentShare, now: datetime) -> bool:
    """Whether it was the last, and the order is paid."""
    await pay(share, now)
    if not await shares_of(order, ShareState.OPEN):
        return True
    await database.rows(  # nobody should pay this share by another attempt any more: the next sweep closes it
        "UPDATE payment SET next_check_at = $1 WHERE share_id = $2 AND status IN ('INTENDED', 'WAITING')",
        now,
        share.id,
    )
    return False
