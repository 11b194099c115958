"""What was bought with something else than money is unwound by that thing's own rules.

A voucher, points, a pass: whoever lets an order be paid with such a thing puts its function into `TENDERS`. It is
called inside the act that cancels lines of an order or closes an unpaid one, once, under the order's lock, before
money is given back; what it raises undoes the whole act.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from models.checkout.vouchers_paid import unwind_vouchers
from models.orders.rules import RefundParty
from models.orders.tables import Order, OrderLine

Unwind = Callable[[Order, Sequence[OrderLine], RefundParty, datetime], Awaitable[None]]
"""Frees what these lines of the order took of the thing. The lines are cancelled, or their order is closed unpaid; by
whom is told."""

TENDERS: dict[str, Unwind] = {"VOUCHER": unwind_vouchers}
"""By kind of tender."""


async def unwind(order: Order, lines: Sequence[OrderLine], party: RefundParty, now: datetime) -> None:
    for kind in sorted(TENDERS):  # in one order for everybody, as they may lock
        await TENDERS[kind](order, lines, party, now)
