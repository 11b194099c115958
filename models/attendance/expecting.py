"""Of a confirmed order: under which rules its lines stand, and until when somebody has to come. Plain functions inside
the act that confirms it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from models import database
from models.attendance.rules import late_at
from models.booking.limits import RULE_COLUMNS, Limits, governing, rules_in
from models.calendar import instant_of
from models.real_names.queries import person_key


async def limits_of(order_id: int) -> dict[int, Limits]:
    """By line (its row's id): the limits of its sport for its day. One statement."""
    found = await database.rows(_LIMITS, order_id)
    return {
        row["id"]: governing(rules_in(orjson.loads(row["rules"] or "[]")), row["sport_code"] or "")
        for row in found
    }


async def expect(order: Any, lines: Sequence[Any], limits: Mapping[int, Limits], now: datetime) -> None:
    """Courts to which somebody has to come in time are written down, with the terms as they stand now."""
    waited = [
        (line, limits[line.id], late)
        for line in lines
        if line.court_id is not None
        and (late := late_at(line.starts_at, line.ends_at, limits[line.id], confirmed_at=now)) is not None
    ]
    if not waited:
        return
    member_id = await answers_for(order)
    person_id = await person_key(member_id)
    values: list[Any] = [member_id, person_id, order.venue_id]
    places = []
    for line, terms, late in waited:
        places.append(f"($1, $2, $3, {database.parameters(9, first=len(values) + 1)}, 'EXPECTED', false)")
        values += (line.id, line.business_day, instant_of(line.business_day, 0), line.ends_at, late)
        values.append(terms.no_show_kept_percent)
        values += (terms.no_shows, terms.no_show_days, terms.pause_days)
    await database.rows(
        f"""INSERT INTO attendance (member_id, person_id, venue_id, order_line_id, business_day, day_starts_at, ends_at, late_at,
                                   kept_percent, pause_after, pause_within_days, pause_days, state, was_released)
            VALUES {", ".join(places)} ON CONFLICT (order_line_id) DO NOTHING""",
        *values,
    )


async def answers_for(order: Any) -> int:
    """Whose no-show it would be: the member's whose order it is. A child's is its guardian's who booked: a child under
    14 neither books nor comes alone. A helper's bookings are the other's, as their limits are."""
    if order.placed_by_id is None or not await is_guardian(order.placed_by_id, order.member_id):
        return int(order.member_id)
    return int(order.placed_by_id)


async def is_guardian(guardian_id: int, ward_id: int) -> bool:
    return bool(
        await database.row(
            "SELECT id FROM guardianship WHERE guardian_id = $1 AND ward_id = $2 AND ended_at IS NULL",
            guardian_id,
            ward_id,
        )
    )


_LIMITS = f"""
SELECT order_line.id, COALESCE(court.sport_code, session.sport_code) AS sport_code,
       (SELECT json_agg(json_build_array({", ".join(RULE_COLUMNS)}))
          FROM booking_rule WHERE (venue_id = orders.venue_id OR venue_id IS NULL) AND replaced_at IS NULL
           AND from_day <= order_line.business_day
           AND (to_day IS NULL OR to_day > order_line.business_day)) AS rules
  FROM order_line JOIN orders ON orders.id = order_line.order_id
                  LEFT JOIN court ON court.id = order_line.court_id
                  LEFT JOIN session ON session.id = order_line.session_id
 WHERE order_line.order_id = $1
"""


async def no_shows_of(order_id: int) -> frozenset[int]:
    """The ids of the order's lines to which nobody came."""
    found = await database.rows(
        """SELECT order_line_id FROM attendance JOIN order_line ON order_line.id = attendance.order_line_id
            WHERE order_line.order_id = $1 AND attendance.state = 'NO_SHOW'""",
        order_id,
    )
    return frozenset(row["order_line_id"] for row in found)
