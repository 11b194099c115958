"""What somebody may ask about the lines in which they stand."""

from typing import Any

from models import database

MOST_WAITING_A_PAGE = 50

Row = dict[str, Any]


async def entries_of(*, member_id: int, first: int, before_id: int | None = None) -> list[Row]:
    """A member's entries, the latest first; one more than asked tells whether there are further ones. `ahead`: how many
    stand before them for one of the same slots; null once they wait no more."""
    return await _entries("entry.member_id = $1 AND entry.id < $2", first + 1, member_id, before_id or 2**62)


async def entry_of(*, member_id: int, entry_id: str) -> Row | None:
    found = await _entries("entry.member_id = $1 AND entry.public_id = $2", 1, member_id, entry_id)
    return found[0] if found else None


async def _entries(condition: str, limit: int, *values: Any) -> list[Row]:
    found = await database.rows(
        f"""SELECT entry.id, entry.public_id, entry.sport_code, entry.business_day, entry.starts_from,
                   entry.starts_until, entry.people, entry.state, entry.asked_at, venue.public_id AS venue_id,
                   venue.name AS venue_name, court.public_id AS court_id, court.name AS court_name,
                   orders.order_no, orders.hold_expires_at,
                   CASE WHEN entry.state = 'WAITING' THEN (
                     SELECT COUNT(*) FROM waiting_entry other
                      WHERE other.state = 'WAITING' AND other.venue_id = entry.venue_id AND other.id < entry.id
                        AND other.sport_code = entry.sport_code
                        AND (other.court_id IS NULL OR entry.court_id IS NULL OR other.court_id = entry.court_id)
                        AND other.starts_from < entry.starts_until AND other.starts_until > entry.starts_from
                   ) END AS ahead
              FROM waiting_entry entry JOIN venue ON venue.id = entry.venue_id
                   LEFT JOIN court ON court.id = entry.court_id LEFT JOIN orders ON orders.id = entry.order_id
             WHERE {condition} ORDER BY entry.id DESC LIMIT {limit}""",
        *values,
    )
    return [
        database.with_instants(row, "starts_from", "starts_until", "asked_at", "hold_expires_at")
        | {"business_day": database.day(row["business_day"])}
        for row in found
    ]
