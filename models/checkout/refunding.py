"""Money on its way back: the intent is written, then the channel is asked, always with the same number."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta

from models import database
from models.asyncpg_engine import DatabaseAway
from models.checkout import telling
from models.checkout.resting import resting
from models.orders.operations import book, lock_order, next_check
from models.orders.rules import FinanceKind, RefundStatus
from models.orders.tables import Order, Payment, Refund
from payments.port import ChannelRefund, PaymentChannel, PaymentError, RefundRequest, RefundState

log = logging.getLogger(__name__)

REFUNDS_A_RUN = 50
REFUSED_CHECK = timedelta(hours=1)
"""A channel that said no for good is asked again, but seldom: staff may have put it right there."""
_UNFINISHED = (RefundStatus.INTENDED, RefundStatus.PROCESSING, RefundStatus.ABNORMAL)
"""An abnormal one too: once staff have acted at the channel it arrives, and that notice can get lost as well. What
waits at a desk is nobody's to send (models.checkout.handing_out)."""


async def send_due_refunds(*, channels: Mapping[str, PaymentChannel], now: datetime) -> int:
    """Sends or queries every refund that is due; returns how many were looked at. What is due later than we ever
    wait was written by a clock that ran ahead: it is due now."""
    due = await database.rows(
        """SELECT refund_no FROM refund WHERE status IN ('INTENDED', 'PROCESSING', 'ABNORMAL')
              AND (next_check_at <= $1 OR next_check_at > $2)
           ORDER BY next_check_at LIMIT $3""",
        now,
        now + REFUSED_CHECK,
        REFUNDS_A_RUN,
    )
    channels = resting(channels)
    for found in due:
        try:
            await send_refund(refund_no=found["refund_no"], channels=channels, now=now)
        except DatabaseAway:
            raise
        except Exception:  # one refund that nobody understands must not keep all the others waiting
            log.exception("refund %s could not be sent", found["refund_no"])
            await _postpone(found["refund_no"], now=now)
    return len(due)


async def send_refund(*, refund_no: str, channels: Mapping[str, PaymentChannel], now: datetime) -> None:
    """Asks the channel for one refund, or how it stands. A failure leaves it for the next sweep, which comes seldom
    where the channel refuses for good; by then staff see it too (models.checkout.staff_refunding)."""
    refund = await Refund.get(refund_no=refund_no)
    if refund.status not in _UNFINISHED:
        return
    payment = await Payment.get(id=refund.payment_id)
    try:
        known = await _ask(channels[payment.channel], refund, payment)
    except PaymentError as error:
        if error.retryable:
            log.warning("refund %s not done yet: %s", refund_no, error.code)
            await _postpone(refund_no, asked=refund.next_check_at, now=now)
        else:
            log.error("refund %s is refused by the channel: %s", refund_no, error)
            await _postpone(refund_no, asked=refund.next_check_at, now=now, wait=REFUSED_CHECK)
        return
    await record_refund(known, asked=refund.next_check_at, now=now)


async def _ask(channel: PaymentChannel, refund: Refund, payment: Payment) -> ChannelRefund:
    known = None
    if refund.status != RefundStatus.INTENDED:
        known = await channel.query_refund(refund.refund_no, payment.payment_no)
    if known is not None:
        return known
    request = RefundRequest(
        payment_no=payment.payment_no,
        refund_no=refund.refund_no,
        amount_fen=refund.amount_fen,
        payment_amount_fen=payment.amount_fen,
        reason=refund.reason_text,
    )
    try:
        return await channel.refund(request)
    except PaymentError as error:
        if error.retryable:
            raise
        # refused for good now; but we may have asked before, and not heard that it was taken
        known = await channel.query_refund(refund.refund_no, payment.payment_no)
        if known is None:
            raise
        return known


@database.operation
async def record_refund(known: ChannelRefund, *, asked: datetime | None = None, now: datetime) -> bool:
    """Writes down how a refund stands, by an answer or a genuine notice. A finished one stays finished, whatever
    comes late or twice. False when we don't know it (answer a notice with 5xx, it will come again).

    `asked`: the refund's `next_check_at` when the channel was asked, which changes with whatever is done about it; None
    for what the channel told without that.
    """
    found = await database.row("SELECT order_id, payment_id FROM refund WHERE refund_no = $1", known.refund_no)
    if found is None:
        return False
    order = await lock_order(found["order_id"])
    payment = await Payment.select_for_update().get(id=found["payment_id"])
    refund = await Refund.select_for_update().get(refund_no=known.refund_no)
    if (refund.amount_fen, payment.payment_no) != (known.amount_fen, known.payment_no):
        log.error(
            "refund %s: the channel reports another amount or payment; nothing was recorded", known.refund_no
        )
        if refund.status in _UNFINISHED:  # else it would be due at once again, and before all others
            refund.next_check_at = now + REFUSED_CHECK
            await refund.save(update_fields=["next_check_at"])
        return True
    if refund.status in _UNFINISHED and not _is_old_news(refund, known, asked):
        await _move(order, payment, refund, known, now)
    return True


def _is_old_news(refund: Refund, known: ChannelRefund, asked: datetime | None) -> bool:
    """That it is abnormal, said before staff sent it elsewhere, for all we know: the next sweep asks. Believed, it would
    be on its way to the payer again, and what comes back to us (`to_merchant`) would be booked as theirs."""
    if known.state is not RefundState.ABNORMAL or refund.status != RefundStatus.PROCESSING:
        return False
    return refund.staff_id is not None if asked is None else asked != refund.next_check_at


@database.operation
async def hasten_refund(refund_no: str, payment_no: str, *, now: datetime) -> bool:
    """Something became of it, a channel says, but not what: the next sweep asks. False when we don't know it."""
    found = await database.row(
        """SELECT refund.id FROM refund JOIN payment ON payment.id = refund.payment_id
            WHERE refund.refund_no = $1 AND payment.payment_no = $2""",
        refund_no,
        payment_no,
    )
    if found is None:
        return False
    await Refund.filter(id=found["id"], status__in=_UNFINISHED).update(next_check_at=now)
    return True


async def _move(order: Order, payment: Payment, refund: Refund, known: ChannelRefund, now: datetime) -> None:
    refund.channel_refund_no = known.channel_refund_no
    was, refund.status = refund.status, RefundStatus(known.state.value)
    refund.checks += 1
    refund.next_check_at = next_check(refund.checks, now) if refund.status in _UNFINISHED else None
    if known.state is RefundState.SUCCESS and refund.to_merchant:  # ours again: it waits to be handed out
        refund.status = RefundStatus.AT_DESK
    elif known.state is RefundState.SUCCESS:
        refund.finished_at = known.refunded_at or now
        await book(order, FinanceKind.REFUNDED, refund.amount_fen, refund.refund_no, now)
    elif known.state is RefundState.CLOSED:
        refund.finished_at = now
        payment.refunded_fen -= refund.amount_fen  # it was not given back, so it can be again, under a new number
        await payment.save(update_fields=["refunded_fen"])
        log.error("refund %s was closed by the channel: staff must refund again", refund.refund_no)
    elif known.state is RefundState.ABNORMAL and was != RefundStatus.ABNORMAL:
        refund.to_merchant = False
        log.error("refund %s is abnormal: staff must send it elsewhere", refund.refund_no)
    await refund.save()
    await telling.refund_moved(order, payment, refund, now=now)


@database.operation
async def _postpone(
    refund_no: str, *, asked: datetime | None = None, now: datetime, wait: timedelta | None = None
) -> None:
    """Unless somebody did something about it since the channel was `asked` (as in `record_refund`): then they have said
    when to ask next."""
    refund = await Refund.select_for_update().get(refund_no=refund_no)
    if asked not in (None, refund.next_check_at):
        return
    refund.checks += 1
    refund.next_check_at = next_check(refund.checks, now) if wait is None else now + wait
    await refund.save(update_fields=["checks", "next_check_at"])
