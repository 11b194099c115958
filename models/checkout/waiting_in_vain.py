"""Whoever waits for what no longer is: their court was retired, or nothing is open any more in the time they named. They
are told and leave the line, once.

A closure is another matter: it ends, or is withdrawn, and the line with it stays as it is.
"""

from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Any, NamedTuple

from models import database
from models.booking.queries import timetable
from models.booking.rules import grid
from models.booking.tables import WaitingEntry
from models.booking.timetables import Timetable
from models.booking.waiting_rules import WaitingState
from models.calendar import instant_of, moment_text, span_text
from models.errors import DomainError, ErrorCode
from models.members.standing import MemberGone, lock_living
from models.messages.operations import tell


class Wish(NamedTuple):
    """What somebody waits for on a day."""

    sport_code: str
    court_id: int | None
    starts_from: datetime
    starts_until: datetime
    people: int


async def leave_in_vain(*, now: datetime) -> int:
    """Looks at the lines of every venue whose courts or hours staff edited. Gives how many entries left; may die anywhere
    and run again, and any number of workers may do this at once."""
    left = 0
    found = await database.rows(_WAITING, now)
    for (venue_id, day), entries in groupby(
        found, lambda row: (row["venue_id"], database.day(row["business_day"]))
    ):
        table = await _of_day(venue_id, day)
        if table is not None:
            left += await _leave_all([row for row in entries if not can_come(table, _wish(row))], now)
    return left


def can_come(table: Timetable, wish: Wish) -> bool:
    """Whether that day has a slot that somebody could give up for them. Pure."""
    return any(
        wish.starts_from <= instant_of(table.day.date, start) < wish.starts_until
        for court in table.courts
        if court.sport_code == wish.sport_code
        and wish.court_id in (None, court.id)
        and wish.people <= court.max_people
        for start, _ in grid(table.openings_of(court), court.slot_minutes)
    )


def _wish(row: Any) -> Wish:
    starts_from, starts_until = database.utc(row["starts_from"]), database.utc(row["starts_until"])
    return Wish(row["sport_code"], row["court_id"], starts_from, starts_until, row["people"])


async def _of_day(venue_id: str, day: date) -> Timetable | None:
    """None for a venue that is closed altogether: it may open again."""
    try:
        return await timetable(venue_id=venue_id, sport=None, day=day)
    except DomainError as refusal:
        if refusal.code is ErrorCode.VENUE_CLOSED:
            return None
        raise


async def _leave_all(rows: Sequence[Any], now: datetime) -> int:
    left = 0
    for row in rows:
        try:
            left += await _leave(row, now=now)
        except MemberGone:  # joined or deleted meanwhile: whoever it is now is found by the next run
            continue
    return left


@database.operation
async def _leave(row: Any, *, now: datetime) -> bool:
    """Whether they left now: somebody who was offered a slot meanwhile, or left by themselves, is told nothing."""
    await lock_living(row["member_id"])
    entry = await WaitingEntry.select_for_update().get(id=row["id"])
    if entry.state != WaitingState.WAITING or entry.member_id != row["member_id"]:
        return False
    entry.state, entry.ended_at = WaitingState.LEFT, now
    await entry.save(update_fields=["state", "ended_at"])
    starts_from = database.utc(row["starts_from"])
    await tell(
        member_id=entry.member_id,
        template="WAITING_IN_VAIN",
        values={
            "venue": row["venue_name"],
            "what": f"{row['sport_name']}{span_text(starts_from, database.utc(row['starts_until']))}",
            "when": moment_text(starts_from),
        },
        about_no=entry.public_id,
        now=now,
    )
    return True


_WAITING = """
SELECT entry.id, entry.member_id, entry.sport_code, entry.court_id, entry.business_day, entry.starts_from,
       entry.starts_until, entry.people, venue.public_id AS venue_id, venue.name AS venue_name,
       COALESCE((SELECT name FROM sport WHERE code = entry.sport_code), '') AS sport_name
  FROM waiting_entry entry JOIN venue ON venue.id = entry.venue_id
 WHERE entry.state = 'WAITING' AND entry.starts_until > $1
   AND entry.venue_id IN (SELECT venue_id FROM court_version UNION SELECT venue_id FROM hours_version)
 ORDER BY entry.venue_id, entry.business_day, entry.id"""
