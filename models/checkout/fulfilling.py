"""What an order was placed for begins: admissions are issued, the platform will hear of it, and the booking that was moved
to it is given up.

A plain function inside the acts of this room; the order's row is locked.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from models import database
from models.admissions import operations as admissions
from models.attendance import expecting
from models.checkout import moved, telling
from models.checkout.letting_go import tell_platform
from models.orders.rules import OrderStatus
from models.orders.tables import Order, OrderLine
from models.vouchers import reserving


async def fulfil(order: Order, *, lines: Sequence[OrderLine], now: datetime) -> None:
    """Confirms a paid or free order: its vouchers are used, one admission per person, one outbox row."""
    leaving = await moved.take_up(order, now=now) if order.moves_line_id is not None else None
    order.status = OrderStatus.PAID
    order.paid_at = now
    order.closed_at = None
    order.close_reason = ""
    await database.rows(
        "UPDATE orders SET status = 'PAID', paid_at = $1, closed_at = NULL, close_reason = '' WHERE id = $2",
        now,
        order.id,
    )
    if order.voucher_fen:
        await reserving.use(order, now=now)
    limits = await expecting.limits_of(order.id)
    early = {line_id: timedelta(minutes=each.entry_opens_minutes_before) for line_id, each in limits.items()}
    await admissions.issue(order, lines=lines, opens_before=early)
    await expecting.expect(order, lines, limits, now)
    venue_name = await tell_platform(order, lines=lines, state="PAID", now=now)
    await telling.confirmed(order, lines, venue_name=venue_name, now=now)
    if leaving is not None:
        await moved.leave(leaving, now=now)
