"""Taking places of sessions and giving them back; counting who comes by a gate without a code.

Plain functions: they run inside the act of whoever sells, cancels or counts. The session's row is the lock and its
`taken` the truth, so whoever comes first gets the place; a row of `held_place` says what a line has, and whoever takes
that row away gives its places back, once.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from models import database
from models.booking.session_rules import LIVE_FOR

GONE_AFTER = timedelta(minutes=30)
"""So long after its end people still leave a session through the gate."""


@dataclass(frozen=True, slots=True)
class PlacesWanted:
    """The places of one order line, of the session as it was when that was told: until that end."""

    order_line_id: int
    session_id: int
    places: int
    ends_at: datetime


async def hold_places(wanted: Sequence[PlacesWanted], *, now: datetime) -> int | None:
    """Takes all places or none; gives the id of the first session that has not so many, or ends at another time since it
    was planned otherwise; none when it succeeded.

    Sessions are locked in one order for everybody. Whom a gate counts inside without a code takes a place as well, for
    as long as that count is live.
    """
    by_session = _summed((each.session_id, each.places) for each in wanted)
    ends = {each.session_id: each.ends_at for each in wanted}
    for session_id, places in by_session.items():
        if not await _take(session_id, places, ends[session_id], now):
            before = dict(list(by_session.items())[: list(by_session).index(session_id)])
            await _give_back(before)
            return session_id
    values = ", ".join(f"(${n}, ${n + 1}, ${n + 2})" for n in range(1, 3 * len(wanted), 3))
    await database.rows(
        f"INSERT INTO held_place (order_line_id, session_id, places) VALUES {values}",
        *(value for each in wanted for value in (each.order_line_id, each.session_id, each.places)),
    )
    return None


async def release_places(order_line_ids: Sequence[int]) -> None:
    """Gives back whatever places these lines hold; harmless when they hold none."""
    numbers = database.parameters(len(order_line_ids))
    held = await database.rows(
        f"DELETE FROM held_place WHERE order_line_id IN ({numbers}) RETURNING session_id, places", *order_line_ids
    )
    await _give_back(_summed((row["session_id"], row["places"]) for row in held))


async def _take(session_id: int, places: int, ends_at: datetime, now: datetime) -> bool:
    found = await database.rows(
        """UPDATE session SET taken = taken + $1
            WHERE id = $2 AND is_open AND ends_at = $4
              AND taken + $1 + CASE WHEN counted_at >= $3 THEN counted_inside ELSE 0 END <= capacity RETURNING id""",
        places,
        session_id,
        now - LIVE_FOR,
        ends_at,
    )
    return bool(found)


async def _give_back(by_session: Mapping[int, int]) -> None:
    for session_id, places in by_session.items():
        await database.rows("UPDATE session SET taken = taken - $1 WHERE id = $2", places, session_id)


def _summed(places: Iterable[tuple[int, int]]) -> dict[int, int]:
    """By session, in the order in which everybody locks them."""
    by_session: Counter[int] = Counter()
    for session_id, count in places:
        by_session[session_id] += count
    return dict(sorted(by_session.items()))


async def count_inside(*, venue_id: int, sport_code: str, people: int, at: datetime) -> None:
    """So many more (or, below zero, fewer) inside the session that a gate without codes leads to.

    Who comes belongs to the session under way, else to the next one that begins within half an hour; who leaves, to the
    earliest that still counts somebody. Where there is none, nobody is counted. The gate lets people in whatever we
    think, so this is never refused; it only leaves fewer places to sell.
    """
    entering = people > 0
    order = "starts_at > $3, starts_at" if entering else "counted_inside = 0, starts_at"
    await database.rows(
        f"""UPDATE session SET counted_inside = CASE WHEN counted_inside + $1 < 0 THEN 0 ELSE counted_inside + $1 END,
                   counted_at = CASE WHEN counted_at > $3 THEN counted_at ELSE $3 END
             WHERE id = (SELECT id FROM session
                          WHERE venue_id = $2 AND sport_code = $4 AND starts_at <= $5 AND ends_at > $6
                          ORDER BY {order} LIMIT 1)""",
        *(people, venue_id, at, sport_code, at + GONE_AFTER, at if entering else at - GONE_AFTER),
    )
