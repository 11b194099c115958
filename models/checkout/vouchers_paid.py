"""Where orders meet vouchers: what of an order they pay, what cancelling lines does to them, and in what words.

Nothing here asks the database anything about an order without vouchers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from models import database
from models.money import shares
from models.orders.rules import OrderStatus, RefundParty
from models.orders.tables import Order, OrderLine
from models.vouchers import reserving, taking_back
from models.vouchers.taking_back import Cancelling


async def unwind_vouchers(order: Order, lines: Sequence[OrderLine], party: RefundParty, now: datetime) -> None:
    """These lines are cancelled, or the order ends unpaid."""
    if order.voucher_fen == 0:
        return
    by_venue = party is RefundParty.VENUE
    if order.status == OrderStatus.PENDING_PAYMENT:
        await reserving.free(order, by_venue=by_venue, now=now)
    else:
        await taking_back.take_back(await _cancelling(order, lines, party), now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Freed:
    """What cancelling lines means where vouchers paid a part: so much of the citizen's own money pays for nothing any
    more, before what the refund rules keep of it; and what becomes of each voucher, in words."""

    money_fen: int
    told: str


async def freed_by(order: Order, lines: Sequence[OrderLine], party: RefundParty, now: datetime) -> Freed:
    asked = await _cancelling(order, lines, party)
    found, money_fen = await taking_back.outcomes(asked, now=now)
    titles = await _titles([outcome.voucher.kind_id for outcome in found])
    told = [
        taking_back.words(outcome, title=titles[outcome.voucher.kind_id], by_venue=asked.by_venue, now=now)
        for outcome in found
    ]
    return Freed(money_fen=money_fen, told="".join(told))


async def own_money_in(order: Order, line: OrderLine) -> int:
    """What of a standing line's price is the citizen's own money. What vouchers pay is each line's by its price, and not
    what it was when the order was placed: as lines go, a voucher pays for fewer, or for none."""
    if order.voucher_fen == 0:
        return int(line.price_fen)
    standing = await OrderLine.filter(order_id=order.id, cancelled_at=None).order_by("line_no")
    by_vouchers = shares(await taking_back.paid_for(order.id), [each.price_fen for each in standing])
    return int(line.price_fen) - by_vouchers[[each.id for each in standing].index(line.id)]


async def _cancelling(order: Order, lines: Sequence[OrderLine], party: RefundParty) -> Cancelling:
    """The same before and inside the act, in which the lines are marked as cancelled already."""
    ids = {line.id for line in lines}
    remaining = [
        line for line in await OrderLine.filter(order_id=order.id, cancelled_at=None) if line.id not in ids
    ]
    remaining_fen = sum(line.price_fen for line in remaining)
    return Cancelling(
        order_id=order.id,
        standing_fen=remaining_fen + sum(line.price_fen for line in lines),
        remaining_fen=remaining_fen,
        starts_at=min(line.starts_at for line in lines),
        by_venue=party is RefundParty.VENUE,
        first_line_no=min(line.line_no for line in lines),
    )


async def _titles(kind_ids: Sequence[int]) -> dict[int, str]:
    found = await database.rows(
        "SELECT id, title FROM voucher_kind WHERE id = ANY($1::bigint[])", sorted(set(kind_ids))
    )
    return {kind["id"]: kind["title"] for kind in found}


async def paid_by_vouchers(order: Order) -> int:
    """What vouchers pay of it as it stands now."""
    if order.voucher_fen == 0:
        return 0
    found = await database.row(
        """SELECT COALESCE(SUM(used_fen), 0) AS fen FROM voucher_use
            WHERE order_id = $1 AND state IN ('WAITING', 'HELD', 'DONE')""",
        order.id,
    )
    assert found is not None
    return int(found["fen"])
