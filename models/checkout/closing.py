"""What a closure means for those who booked: asked, given everything back, and never twice.

The job finds whatever a closure touches, also what slipped in while it was announced, and goes on where it stopped: a
line has one open offer at most, and cancelling it under the order's lock happens once.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from models import database
from models.admissions import operations as admissions
from models.asyncpg_engine import DatabaseAway
from models.attendance.expecting import no_shows_of
from models.audit.deeds import concerning
from models.booking.closure_rules import OfferState
from models.booking.closures import Lies, closure_unknown, standing, touched
from models.booking.tables import Closure
from models.calendar import moment_text
from models.checkout.cancelling import Cancellation, cancel
from models.checkout.ending import close_at_channels, close_unpaid
from models.checkout.resting import resting
from models.errors import BadInput, DomainError, ErrorCode
from models.messages.operations import tell
from models.orders.operations import lock_order, order_id_of
from models.orders.rules import CloseReason, OrderStatus, RefundParty
from models.orders.tables import Order, OrderLine
from models.staff import powers
from models.staff.rules import Power, StaffSignedIn
from payments.port import PaymentChannel

log = logging.getLogger(__name__)

LOOKED_BACK = timedelta(days=7)
"""For so long after its end a closure is still minded: nobody loses money because the worker was away."""
LINES_A_RUN = 200
LONGEST_WHY = 100


async def mind(*, channels: Mapping[str, PaymentChannel], now: datetime) -> int:
    """Asks whoever was not asked, ends unpaid orders, and gives back what nobody decided about in time. Gives how many
    lines it took up; any number of workers may do this at once, and each may stop anywhere."""
    await _settle(now)
    done, channels = 0, resting(channels)
    for closure in await standing(after=now - LOOKED_BACK):
        for line in (await touched(_lies(closure)))[:LINES_A_RUN]:
            done += await _guarded(_ask(closure, line, channels, now))
    for due in await _due(now):
        done += await _guarded(_give_back(due, channels, now))
    await _settle(now)
    return done


async def take_refund(
    *, member_id: int, order_no: str, channels: Mapping[str, PaymentChannel], now: datetime
) -> None:
    """All the money of what closures touch in this order, at once. Harmless the second time.

    Raises ORDER_UNKNOWN for a stranger's, CLOSURE_OVER where no closure asks anything of this order.
    """
    order_id = await order_id_of(member_id=member_id, order_no=order_no)
    asked = await database.rows(f"{_OFFERS} WHERE line.order_id = $1 ORDER BY line.line_no", order_id)
    if not any(each["state"] in (OfferState.OFFERED, OfferState.REFUNDED) for each in asked):
        raise DomainError(
            "这张订单没有因停用待退款的时段。",
            code=ErrorCode.CLOSURE_OVER,
            next_step="请刷新订单；需要取消时请在订单里办理。",
            field="orderNo",
        )
    for each in asked:
        if each["state"] == OfferState.OFFERED:
            await _give_back(each, channels, now)
    await _settle(now)


async def withdraw(*, clerk: StaffSignedIn, closure_id: str, why: str, now: datetime) -> None:
    """It is open after all: what nobody chose yet stands, and they are told. Harmless the second time.

    Raises CLOSURE_UNKNOWN, also for a closure that is not theirs to withdraw, BAD_INPUT without a reason, CLOSURE_OVER
    after its end.
    """
    why = why.strip()
    found = await database.row(
        """SELECT closure.id, venue.public_id FROM closure JOIN venue ON venue.id = closure.venue_id
            WHERE closure.public_id = $1""",
        closure_id,
    )
    if found is None or not await powers.may(clerk, Power.MANAGE_CLOSURES, venue_id=found["public_id"]):
        if not clerk.has(Power.MANAGE_CLOSURES):
            raise powers.not_allowed(Power.MANAGE_CLOSURES)
        raise closure_unknown()
    if not (1 <= len(why) <= LONGEST_WHY and why.isprintable()):
        raise BadInput("请写明撤销停用的原因。", next_step=f"请填写1到{LONGEST_WHY}个字。", field="why")
    concerning("VENUE", found["public_id"], venue_id=found["public_id"])
    await _withdraw(found["id"], clerk.staff_id, why, now=now)


@database.operation
async def _withdraw(closure_id: int, staff_id: int, why: str, *, now: datetime) -> None:
    closure = await Closure.select_for_update().get(id=closure_id)
    if closure.withdrawn_at is not None:
        return
    if closure.ends_at <= now:
        raise DomainError(
            "这次停用已经结束，不能撤销。",
            code=ErrorCode.CLOSURE_OVER,
            next_step="不需要再办理。",
            field="id",
        )
    closure.withdrawn_at, closure.withdrawn_by_id, closure.withdrawn_why = now, staff_id, why
    await closure.save(update_fields=["withdrawn_at", "withdrawn_by_id", "withdrawn_why"])
    freed = await database.rows(
        """UPDATE closure_offer SET state = 'WITHDRAWN', ended_at = $1
            WHERE closure_id = $2 AND state = 'OFFERED'
              AND order_line_id IN (SELECT id FROM order_line WHERE cancelled_at IS NULL) RETURNING order_line_id""",
        *(now, closure_id),
    )
    for each in freed:
        line = await OrderLine.get(id=each["order_line_id"]).select_related("order")
        await _tell("CLOSURE_WITHDRAWN", closure, line.order, line, now)


async def _ask(closure: Closure, line: Any, channels: Mapping[str, PaymentChannel], now: datetime) -> int:
    if line["status"] == OrderStatus.PAID:
        return int(await _offer(closure.id, line["id"], line["order_id"], now=now))
    order = await Order.get(id=line["order_id"])
    if order.status != OrderStatus.PENDING_PAYMENT:
        return 0  # paid or ended meanwhile: the next run sees which
    if await close_at_channels(order, channels, now=now, abandoning=True):
        await close_unpaid(order.id, CloseReason.CANCELLED_BY_VENUE, note=closure.reason, now=now)
        return 1
    return 0


@database.operation
async def _offer(closure_id: int, line_id: int, order_id: int, *, now: datetime) -> bool:
    order = await lock_order(order_id)
    closure = await Closure.select_for_update().get(id=closure_id)
    line = await OrderLine.get(id=line_id)
    if closure.withdrawn_at is not None or order.status != OrderStatus.PAID or line.cancelled_at is not None:
        return False
    used = line.id in await admissions.entered(order.id) or line.id in await no_shows_of(order.id)
    state = OfferState.USED if used else OfferState.OFFERED
    written = await database.rows(
        """INSERT INTO closure_offer (closure_id, order_line_id, state, offered_at, ended_at)
           VALUES ($1, $2, $3, $4::timestamptz, $5::timestamptz) ON CONFLICT DO NOTHING RETURNING id""",
        *(closure_id, line_id, state.value, now, now if used else None),
    )
    if written and not used:
        await _tell("CLOSURE_OFFER", closure, order, line, now)
    return bool(written)


async def _give_back(offer: Any, channels: Mapping[str, PaymentChannel], now: datetime) -> int:
    """Everything of this line, as when the venue cancels. Who entered has used it."""
    asked = Cancellation(
        order_id=offer["order_id"],
        line_nos=frozenset([offer["line_no"]]),
        party=RefundParty.VENUE,
        note=offer["reason"],
    )
    try:
        await cancel(asked, channels=channels, now=now)
    except DomainError as refusal:
        if refusal.code != ErrorCode.ORDER_STARTED:
            raise
        await _used(offer["id"], now=now)
    return 1


async def _due(now: datetime) -> Sequence[Any]:
    return await database.rows(
        f"{_OFFERS} WHERE offer.state = 'OFFERED' AND line.starts_at <= $1 ORDER BY offer.id LIMIT {LINES_A_RUN}",
        now,
    )


@database.operation
async def _used(offer_id: int, *, now: datetime) -> None:
    await database.rows(
        "UPDATE closure_offer SET state = 'USED', ended_at = $1 WHERE id = $2 AND state = 'OFFERED'",
        *(now, offer_id),
    )


@database.operation
async def _settle(now: datetime) -> None:
    """What became of offers, their lines say: given up for another booking, or for their money."""
    await database.rows(
        """UPDATE closure_offer SET state = 'MOVED', ended_at = $1
            WHERE state = 'OFFERED' AND order_line_id IN (SELECT moves_line_id FROM orders WHERE paid_at IS NOT NULL)
              AND order_line_id IN (SELECT id FROM order_line WHERE cancelled_at IS NOT NULL)""",
        now,
    )
    await database.rows(
        """UPDATE closure_offer SET state = 'REFUNDED', ended_at = $1
            WHERE state = 'OFFERED' AND order_line_id IN (SELECT id FROM order_line WHERE cancelled_at IS NOT NULL)""",
        now,
    )


async def _guarded(step: Any) -> int:
    """One line that nobody understands, or a channel that is away, must not keep all the others waiting."""
    try:
        return int(await step)
    except DatabaseAway:
        raise
    except Exception:
        log.exception("a line under a closure could not be minded")
        return 0


async def _tell(template: str, closure: Closure, order: Order, line: OrderLine, now: datetime) -> None:
    venue = await database.row("SELECT name FROM venue WHERE id = $1", order.venue_id)
    assert venue is not None
    values = {
        "venue": venue["name"],
        "what": line.title,
        "when": moment_text(line.starts_at),
        "order_no": order.order_no,
    }
    if template == "CLOSURE_OFFER":
        values["why"] = closure.reason
    await tell(
        member_id=order.member_id,
        template=template,
        values=values,
        about_no=f"{closure.public_id}-{line.id}",
        now=now,
    )


def _lies(closure: Closure) -> Lies:
    return Lies(
        *(closure.venue_id, closure.sport_code, closure.court_id, closure.starts_at, closure.ends_at),
        closure_id=closure.id,
        session_id=closure.session_id,
    )


_OFFERS = """
SELECT offer.id, offer.state, line.order_id, line.line_no, closure.reason
  FROM closure_offer offer JOIN order_line line ON line.id = offer.order_line_id
                           JOIN closure ON closure.id = offer.closure_id"""
