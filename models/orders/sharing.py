"""The shares of an order that is split: written, paid, taken over, given back.

Plain functions: they run inside the acts of `models.checkout`, which holds the order's lock.
"""

from collections.abc import Sequence
from datetime import datetime

from models import database
from models.errors import DomainError, ErrorCode
from models.orders.operations import intend_refund
from models.orders.rules import CloseReason, PaymentStatus, RefundParty, RefundReason
from models.orders.share_rules import ShareState
from models.orders.tables import Order, Payment, PaymentShare


async def write_shares(order: Order, members: Sequence[int], amounts_fen: Sequence[int], now: datetime) -> None:
    """From here on several pay the order."""
    await PaymentShare.bulk_create(
        PaymentShare(
            order_id=order.id,
            share_no=number,
            member_id=member_id,
            amount_fen=amount_fen,
            state=ShareState.OPEN,
            asked_at=now,
        )
        for number, (member_id, amount_fen) in enumerate(zip(members, amounts_fen, strict=True), start=1)
    )
    order.split_at = now
    await order.save(update_fields=["split_at"])


async def shares_of(order: Order, *states: ShareState) -> list[PaymentShare]:
    """In their order; those in these states, or without any all of them."""
    found = PaymentShare.filter(order_id=order.id).order_by("share_no")
    return await (found.filter(state__in=states) if states else found)


async def open_share(share_id: int) -> PaymentShare:
    """A share that is about to be paid; its order is locked. Raises SHARE_TAKEN_OVER, ORDER_ALREADY_PAID."""
    share = await PaymentShare.get(id=share_id)
    if share.state == ShareState.TAKEN_OVER:
        raise DomainError(
            "您的这份已由预订人补齐，不需要再付。",
            code=ErrorCode.SHARE_TAKEN_OVER,
            next_step="请向预订人确认。",
            field="orderNo",
        )
    if share.state == ShareState.PAID:
        raise DomainError(
            "您的这份已经付过了。",
            code=ErrorCode.ORDER_ALREADY_PAID,
            next_step="请等其他人付齐，到时会自动订成。",
            field="orderNo",
        )
    return share


async def take_over(order: Order, missing: Sequence[PaymentShare], *, now: datetime) -> PaymentShare:
    """What nobody has paid yet is one share, of whoever booked."""
    await _end(missing, ShareState.TAKEN_OVER, now)
    last_no = max(share.share_no for share in await shares_of(order))
    return await PaymentShare.create(
        order_id=order.id,
        share_no=last_no + 1,
        member_id=order.member_id,
        amount_fen=sum(share.amount_fen for share in missing),
        state=ShareState.OPEN,
        asked_at=now,
    )


async def give_back_shares(order: Order, reason: CloseReason, *, now: datetime) -> None:
    """Nothing came of the order: each paid share goes back whole, to where it was paid. What is written here a job sends
    off (models.checkout.refunding)."""
    by_venue = reason is CloseReason.CANCELLED_BY_VENUE
    for payment in (
        await Payment.select_for_update().filter(order_id=order.id, status=PaymentStatus.SETTLED).order_by("id")
    ):
        payment.status = PaymentStatus.SURPLUS
        await payment.save(update_fields=["status"])
        await intend_refund(
            payment=payment,
            amount_fen=payment.amount_fen,
            party=RefundParty.VENUE if by_venue else RefundParty.HOUSE,
            reason=RefundReason.CANCELLED_BY_VENUE if by_venue else RefundReason.SPLIT_UNFINISHED,
            now=now,
        )
    await _end(await shares_of(order, ShareState.PAID), ShareState.GIVEN_BACK, now)
    await _end(await shares_of(order, ShareState.OPEN), ShareState.LAPSED, now)


async def pay(share: PaymentShare, now: datetime) -> None:
    await _end([share], ShareState.PAID, now)


async def payer_of(order: Order, payment: Payment) -> int:
    """Whose money it is: the member of the share that it paid, or the order's."""
    if payment.share_id is None:
        return order.member_id
    found = await database.row("SELECT member_id FROM payment_share WHERE id = $1", payment.share_id)
    assert found is not None
    return int(found["member_id"])


async def _end(shares: Sequence[PaymentShare], state: ShareState, now: datetime) -> None:
    for share in shares:
        share.state, share.ended_at = state, now
        await share.save(update_fields=["state", "ended_at"])
