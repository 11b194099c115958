"""What a member may ask about their orders."""

from collections.abc import Sequence
from typing import Any

from models import database

_ORDER = """
SELECT orders.id, orders.order_no, orders.status, orders.total_fen, orders.voucher_fen, orders.placed_at,
       orders.hold_expires_at, orders.paid_at, orders.closed_at, orders.close_reason, orders.placed_by_id, orders.split_at,
       orders.member_province, venue.province_code AS venue_province, organisation.name AS organisation_name,
       venue.public_id AS venue_id, venue.name AS venue_name,
       (SELECT SUM(CASE WHEN kind IN ('CHARGED', 'REFUNDED') THEN amount_fen ELSE -amount_fen END)
          FROM finance_event WHERE order_id = orders.id) AS due_fen,
       (SELECT SUM(amount_fen) FROM finance_event WHERE order_id = orders.id AND kind = 'PAID') AS paid_fen,
       (SELECT SUM(amount_fen) FROM finance_event WHERE order_id = orders.id AND kind = 'REFUNDED') AS refunded_fen
  FROM orders JOIN venue ON venue.id = orders.venue_id
  LEFT JOIN organisation ON organisation.id = orders.organisation_id
"""


Row = dict[str, Any]


async def order_of(*, member_id: int, order_no: str) -> Row | None:
    """One order of this member; a stranger's order is as unknown as one that never was."""
    found = await database.row(
        _ORDER + "WHERE orders.member_id = $1 AND orders.order_no = $2", member_id, order_no
    )
    return None if found is None else _order(found)


async def orders_of(*, member_id: int, first: int, before_id: int | None) -> list[Row]:
    """A member's orders, the latest first; one more than asked tells whether there are further ones."""
    found = await database.rows(
        _ORDER + "WHERE orders.member_id = $1 AND orders.id < $2 ORDER BY orders.id DESC LIMIT $3",
        member_id,
        before_id or 2**62,
        first + 1,
    )
    return [_order(row) for row in found]


def _order(found: Any) -> Row:
    row = database.with_instants(found, "placed_at", "hold_expires_at", "paid_at", "closed_at")
    return row | {
        sum_: int(row[sum_] or 0) for sum_ in ("due_fen", "paid_fen", "refunded_fen")
    }  # sums are numeric


async def lines_of(order_ids: Sequence[int]) -> list[Row]:
    places = database.parameters(len(order_ids))
    found = await database.rows(
        f"""SELECT order_line.*, court.public_id AS court_public_id, session.public_id AS session_public_id,
                   COALESCE(court.name, session.name) AS court_name, attendance.state AS attendance,
                   attendance.late_at AS come_by
              FROM order_line LEFT JOIN court ON court.id = order_line.court_id
                              LEFT JOIN session ON session.id = order_line.session_id
                              LEFT JOIN attendance ON attendance.order_line_id = order_line.id
             WHERE order_line.order_id IN ({places}) ORDER BY order_line.order_id, order_line.line_no""",
        *order_ids,
    )
    return [database.with_instants(row, "starts_at", "ends_at", "cancelled_at", "come_by") for row in found]


async def refunds_of(order_ids: Sequence[int]) -> list[Row]:
    places = database.parameters(len(order_ids))
    found = await database.rows(
        f"""SELECT id, order_id, refund_no, amount_fen, party, reason, reason_text, status, created_at, finished_at
              FROM refund WHERE order_id IN ({places}) ORDER BY id""",
        *order_ids,
    )
    return [database.with_instants(row, "created_at", "finished_at") for row in found]
