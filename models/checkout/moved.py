"""A booking that was moved: the order for its new slot is confirmed, and the old line is given up in the same act.

Plain functions inside the act that confirms the new order. Whoever holds the newer order's row locks the older one's, and
nobody the other way round (docs/decisions/0039-moving.md).
"""

from dataclasses import dataclass
from datetime import datetime

from models import database
from models.admissions import operations as admissions
from models.attendance.expecting import no_shows_of
from models.checkout import telling
from models.checkout.letting_go import end_lines, write_refund
from models.orders.operations import lock_order, lock_settled_payments
from models.orders.refund_policy import LineQuote, within
from models.orders.refund_queries import left_to_give_back
from models.orders.rules import OrderStatus, RefundParty, RefundReason
from models.orders.tables import MoveQuote, Order, OrderLine


@dataclass(frozen=True, slots=True)
class Leaving:
    """The old order, locked, and the line of it that goes, on the terms that were told when the move was asked for."""

    order: Order
    line: OrderLine
    terms: MoveQuote


async def take_up(order: Order, *, now: datetime) -> Leaving | None:
    """What is given up for this order, which is about to be confirmed and names a line that it moves.

    None when there is nothing to give up any more: it was cancelled or moved meanwhile, somebody went in by it, nobody
    came in time, or this order ran out before it was paid and the old slot has begun. Then the order is one like any
    other and moves nothing.
    """
    line = await OrderLine.get(id=order.moves_line_id)
    old = await lock_order(line.order_id)
    line = await OrderLine.get(id=line.id)
    if await _may_go(order, old, line, now):
        return Leaving(old, line, await MoveQuote.get(order_id=order.id))
    order.moves_line_id = None
    await database.rows("UPDATE orders SET moves_line_id = NULL WHERE id = $1", order.id)
    return None


async def leave(leaving: Leaving, *, now: datetime) -> None:
    """Gives the old line up: admissions, cells, the platform of its side of the border, and its money, which a job sends
    off should whoever confirms not do it (models.checkout.refunding)."""
    old, line, terms, party = leaving.order, leaving.line, leaving.terms, RefundParty(leaving.terms.party)
    payments = await lock_settled_payments(old.id)
    told = LineQuote(line.line_no, line.price_fen, terms.refund_fen, terms.kept_fen, terms.explanation)
    [quote] = within([told], await left_to_give_back(payments))
    await end_lines(old, [line], party, now)
    is_by_venue = party is RefundParty.VENUE
    await write_refund(
        old,
        payments,
        [(line, quote)],
        party=party,
        reason=RefundReason.CANCELLED_BY_VENUE if is_by_venue else RefundReason.MOVED,
        now=now,
    )
    await telling.cancelled(
        old,
        [line],
        party=party,
        note="您已改订其他时段" if is_by_venue else "",
        refund_fen=quote.refund_fen,
        payments=payments,
        now=now,
    )


async def _may_go(order: Order, old: Order, line: OrderLine, now: datetime) -> bool:
    if old.status != OrderStatus.PAID or line.cancelled_at is not None:
        return False
    if line.id in await admissions.entered(old.id) or line.id in await no_shows_of(old.id):
        return False
    if order.status != OrderStatus.CLOSED:
        return True
    another = Order.filter(moves_line_id=line.id, status__not=OrderStatus.CLOSED).exclude(id=order.id)
    return line.starts_at > now and not await another.exists()
