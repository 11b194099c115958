"""What is stored of refunds, for those who decide, and for those who look."""

from collections.abc import Sequence
from typing import Any

from models import database
from models.orders.refund_policy import Terms
from models.orders.rules import RefundParty
from models.orders.tables import Payment


async def terms_of(venue_id: int, party: RefundParty) -> list[Terms]:
    """The rules that may decide here: the venue's own and the house's."""
    found = await database.rows(
        """SELECT minutes_before, kept_percent, kept_fen, venue_id IS NOT NULL AS of_venue FROM refund_rule
            WHERE party = $1 AND (venue_id = $2 OR venue_id IS NULL) ORDER BY minutes_before""",
        party.value,
        venue_id,
    )
    return [
        Terms(rule["minutes_before"], rule["kept_percent"], rule["kept_fen"], bool(rule["of_venue"]))
        for rule in found
    ]


async def left_to_give_back(payments: Sequence[Payment]) -> int:
    """Of all that paid an order."""
    return sum(await lefts_to_give_back(payments))


async def lefts_to_give_back(payments: Sequence[Payment]) -> list[int]:
    """Of each payment what was paid, less what was given back or is on its way, and less what the channel closed and is
    still owed."""
    if not payments:
        return []
    found = await database.rows(
        f"""SELECT payment_id, SUM(amount_fen) AS fen FROM refund
             WHERE payment_id IN ({database.parameters(len(payments))}) AND status = 'CLOSED'
               AND NOT EXISTS (SELECT 1 FROM refund AS again WHERE again.replaces_id = refund.id)
             GROUP BY payment_id""",
        *(payment.id for payment in payments),
    )
    owed = {row["payment_id"]: int(row["fen"]) for row in found}  # sums are numeric
    return [payment.amount_fen - payment.refunded_fen - owed.get(payment.id, 0) for payment in payments]


async def lines_of_refunds(order_ids: Sequence[int]) -> Sequence[Any]:
    """Of all refunds of these orders, which part is for which line."""
    places = database.parameters(len(order_ids))
    return await database.rows(
        f"""SELECT refund_line.refund_id, order_line.line_no, refund_line.amount_fen, refund_line.kept_fen,
                   refund_line.explanation
              FROM refund_line JOIN order_line ON order_line.id = refund_line.order_line_id
             WHERE order_line.order_id IN ({places}) ORDER BY refund_line.refund_id, order_line.line_no""",
        *order_ids,
    )


async def abnormal() -> int:
    """How many refunds will not arrive unless somebody does something: ABNORMAL, or closed and not asked for again."""
    found = await database.row(
        """SELECT COUNT(*) AS refunds FROM refund
            WHERE status = 'ABNORMAL'
               OR status = 'CLOSED' AND NOT EXISTS (SELECT 1 FROM refund AS again WHERE again.replaces_id = refund.id)"""
    )
    assert found is not None
    return int(found["refunds"])
