"""What was bought with something else than money is unwound by that thing's own rules.

A voucher, points, a pass: whoever lets an order be paid with such a thing puts its function into `TENDERS`. It is
called inside the act that cancels lines of an order or closes an unpaid one, once, under the order's lock, before
money is given back; what it raises undoes the whole act. Nothing is such a thing yet.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from models.orders.tables import Order, OrderLine

Unwind = Callable[[Order, Sequence[OrderLine], datetime], Awaitable[None]]
"""Frees what these lines of the order took of the thing. The lines are cancelled, or their order is closed unpaid."""

TENDERS: dict[str, Unwind] = {}
"""By kind of tender."""


async def unwind(order: Order, lines: Sequence[OrderLine], now: datetime) -> None:
    for kind in sorted(TENDERS):  # in one order for everybody, as they may lock
        await TENDERS[kind](order, lines, now)
