"""How an unpaid order ends: its hold ran out, or it is given up (models.checkout.cancelling).

Before a slot is given to somebody else, nobody may be able to pay for it any more, so the order is closed at the
channel first. Every way out of here is harmless the second time.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from models import database
from models.asyncpg_engine import DatabaseAway
from models.checkout import telling
from models.checkout.letting_go import give_up
from models.checkout.resting import lasted, resting
from models.checkout.settling import settle_known
from models.errors import DomainError, ErrorCode
from models.orders.operations import lock_order
from models.orders.rules import UNDECIDED, CloseReason, OrderStatus, PaymentStatus, RefundParty
from models.orders.tables import Order, OrderLine, Payment
from payments.port import MAY_STILL_BE_PAID, CloseResult, PaymentChannel, PaymentError, Way

log = logging.getLogger(__name__)

HOLDS_A_RUN = 100
BEING_CHARGED = timedelta(seconds=30)
"""For so long somebody may still be asking the channel for a charge that is only intended."""
REVERSAL_TAKES = timedelta(seconds=30)
"""A question and a reversal take less, however slow the channel is."""


async def end_overdue_holds(*, channels: Mapping[str, PaymentChannel], now: datetime) -> int:
    """Ends every unpaid hold whose time is over, however long nobody was here to do it. Returns how many ended.

    First those about which nobody has to be asked, then each channel's own: one that is away keeps only its own
    waiting.
    """
    overdue = [each for channel in (None, *channels) for each in await _overdue(channel, now)]
    return await end_holds(overdue, channels=channels, now=now)


async def end_holds(order_ids: Sequence[int], *, channels: Mapping[str, PaymentChannel], now: datetime) -> int:
    """Ends each of these that is overdue. Returns how many ended."""
    ended, channels = 0, resting(channels)
    for order_id in order_ids:
        try:
            ended += await end_hold(order_id=order_id, channels=channels, now=now)
        except DatabaseAway:
            raise
        except Exception:  # one order that nobody understands must not keep all the others' slots
            log.exception("hold of order %s could not be ended", order_id)
    return ended


async def _overdue(channel: str | None, now: datetime) -> list[int]:
    """Orders whose hold is over: those with an attempt over this channel, or (None) without any."""
    is_asked_about = """EXISTS (SELECT 1 FROM payment WHERE payment.order_id = orders.id AND payment.channel = $3
                                   AND payment.status IN ('INTENDED', 'WAITING', 'REVERSING'))"""
    nobody_is_asked = """NOT EXISTS (SELECT 1 FROM payment WHERE payment.order_id = orders.id
                                        AND payment.status IN ('INTENDED', 'WAITING', 'REVERSING'))"""
    found = await database.rows(
        f"""SELECT id FROM orders WHERE status = 'PENDING_PAYMENT' AND hold_expires_at <= $1
               AND {is_asked_about if channel else nobody_is_asked} ORDER BY hold_expires_at LIMIT $2""",
        *(now, HOLDS_A_RUN, *([channel] if channel else [])),
    )
    return [order["id"] for order in found]


async def end_hold(*, order_id: int, channels: Mapping[str, PaymentChannel], now: datetime) -> bool:
    """Ends one overdue hold. True when its slots are free now; False when it isn't overdue, or was paid after
    all, or the channel can't be reached (then the next sweep tries again)."""
    order = await Order.get_or_none(id=order_id)
    if order is None or order.status != OrderStatus.PENDING_PAYMENT or order.hold_expires_at > now:
        return False
    if not await close_at_channels(order, channels, now=now):
        return False
    return await close_unpaid(order_id, CloseReason.EXPIRED, now=now)


async def close_at_channels(
    order: Order, channels: Mapping[str, PaymentChannel], *, now: datetime, abandoning: bool = False
) -> bool:
    """Makes sure that no attempt can be paid any more. False: one was paid (and is settled now), or unknown.

    `abandoning`: an attempt that only time can close is left behind; what is paid on it after all is given back.
    """
    attempts = await Payment.filter(order_id=order.id, status__in=UNDECIDED)
    return await close_attempts(attempts, channels, now=now, abandoning=abandoning)


async def close_attempts(
    attempts: Sequence[Payment],
    channels: Mapping[str, PaymentChannel],
    *,
    now: datetime,
    abandoning: bool = False,
) -> bool:
    """The same for these. That a share of an order was just paid is no obstacle: it settled that share only."""
    channels = resting(channels)
    for payment in attempts:
        channel = channels.get(payment.channel)
        if channel is None:
            log.error("payment %s: nobody speaks to %s here any more", payment.payment_no, payment.channel)
            return False
        if await close_attempt(payment, channel, now=now, abandoning=abandoning):
            continue
        if payment.share_id is None or await Payment.filter(id=payment.id, status__in=UNDECIDED).exists():
            return False
    return True


async def close_attempt(
    payment: Payment, channel: PaymentChannel, *, now: datetime, abandoning: bool = False
) -> bool:
    """One attempt, as `close_at_channels` does with each."""
    ours_until = None
    if payment.way == Way.PAYER_CODE:
        ours_until = await _begin_reversal(payment.payment_no, now=now + lasted(channel))
        if ours_until is None:
            return False
    try:
        closed = await channel.close(payment.payment_no, Way(payment.way), payment.expires_at)
        if closed is CloseResult.UNKNOWN and not await _mark_never_announced(payment.payment_no):
            closed = await channel.close(payment.payment_no, Way(payment.way), payment.expires_at)
        if closed is CloseResult.ALREADY_PAID:
            await _end_reversal(payment.payment_no, ours_until)
            known = await channel.query(payment.payment_no)
            if known is not None:
                await settle_known(known, channel=payment.channel, now=now)
            return False
    except PaymentError as error:
        if abandoning and error.code == MAY_STILL_BE_PAID:
            await _mark_abandoned(payment.payment_no)
            return True
        log.warning("close of payment %s postponed: %s", payment.payment_no, error.code)
        if not error.may_have_happened:
            await _end_reversal(payment.payment_no, ours_until)
        return False
    except DomainError as error:  # paid, but not what we asked for: the slots stay until somebody has looked
        log.error("payment %s cannot be settled: %s", payment.payment_no, error.code)
        return False
    await mark_closed(payment.payment_no)
    return True


@database.operation
async def _begin_reversal(payment_no: str, *, now: datetime) -> datetime | None:
    """Reversing a payer's code asks whether it was paid and then gives back whatever was paid since. So from here on
    nothing that anybody hears settles it, until the reversal has ended. Gives until when it is ours alone, which also tells
    our reversal from another's.

    None: it is settled, or on its way to the channel just now, or somebody else is reversing it. Whoever dies over
    it is followed after REVERSAL_TAKES by the sweep (models.checkout.paying), and not before: of two who reverse at once
    one may find it paid and confirm the order, and then the other gives its money back. So `now` is of this moment, and
    not of a run that has lasted for a while.
    """
    ours_until = now + REVERSAL_TAKES
    begun = await database.rows(
        """UPDATE payment SET status = 'REVERSING', next_check_at = $2
            WHERE payment_no = $1
              AND (status IN ('WAITING', 'ABANDONED') OR status = 'INTENDED' AND created_at <= $3
                   OR status = 'REVERSING' AND next_check_at <= $4) RETURNING id""",
        payment_no,
        ours_until,
        now - BEING_CHARGED,
        now,
    )
    return ours_until if begun else None


@database.operation
async def _end_reversal(payment_no: str, ours_until: datetime | None) -> None:
    """It was paid before it was reversed, and is as any other that was paid; unless somebody else is reversing it by now."""
    await database.rows(
        """UPDATE payment SET status = 'WAITING'
            WHERE payment_no = $1 AND status = 'REVERSING' AND next_check_at = $2 RETURNING id""",
        payment_no,
        ours_until,
    )


@database.operation
async def _mark_never_announced(payment_no: str) -> bool:
    """The channel has not heard of this attempt. Whoever may be asking for it now is told nothing with which it could be
    paid, since it is closed. False: they were told already, so that the channel must close it by now."""
    payment = await Payment.select_for_update().get(payment_no=payment_no)
    if payment.status == PaymentStatus.WAITING:
        return False
    if payment.status == PaymentStatus.INTENDED:
        payment.status, payment.next_check_at = PaymentStatus.CLOSED, None
        await payment.save(update_fields=["status", "next_check_at"])
    return True


@database.operation
async def mark_closed(payment_no: str) -> None:
    """The channel will take no money for this attempt any more."""
    await database.rows(
        """UPDATE payment SET status = 'CLOSED', next_check_at = NULL
            WHERE payment_no = $1 AND status IN ('INTENDED', 'WAITING', 'REVERSING', 'ABANDONED') RETURNING id""",
        payment_no,
    )


@database.operation
async def _mark_abandoned(payment_no: str) -> None:
    await database.rows(
        """UPDATE payment SET status = 'ABANDONED'
            WHERE payment_no = $1 AND status IN ('INTENDED', 'WAITING') RETURNING id""",
        payment_no,
    )


@database.operation
async def close_unpaid(order_id: int, reason: CloseReason, *, note: str = "", now: datetime) -> bool:
    """Lets an unpaid order go, once nobody can pay it any more. False: it was paid, or somebody is about to. The
    member is told of what the venue did, with its reason (`note`), not of what they did themselves or let pass."""
    order = await lock_order(order_id)
    if order.status != OrderStatus.PENDING_PAYMENT:
        return False
    if await Payment.filter(order_id=order_id, status__in=UNDECIDED).exists():
        return False  # the member began to pay meanwhile; that attempt must be closed first
    await give_up(order, reason, now)
    if reason is CloseReason.CANCELLED_BY_VENUE:
        lines = await OrderLine.filter(order_id=order.id).order_by("line_no")
        await telling.cancelled(
            order, lines, party=RefundParty.VENUE, note=note, refund_fen=0, payments=[], now=now
        )
    return True


def channel_away() -> DomainError:
    return DomainError(
        "支付渠道暂时没有回应。",
        code=ErrorCode.OUTSIDE_UNAVAILABLE,
        next_step="请稍后再试，不会重复扣款。",
    )
