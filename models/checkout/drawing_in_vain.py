"""Whoever wished in a draw for what no longer can be played: a slot that is open no more, whose court was retired, or that
lies under a closure. They are told while they may still change their wishes, once; and their turn passes it over.

The entry stays: it is theirs to change, its other wishes go on, and the slot may be there again by then.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from models import database
from models.booking.bookable import bookable_in
from models.booking.draw_rules import EntryState, Wish
from models.booking.queries import timetable
from models.booking.tables import DrawEntry
from models.booking.timetables import Timetable
from models.calendar import day_text, moment_text
from models.errors import DomainError, ErrorCode
from models.ids import request_hash
from models.members.standing import MemberGone, lock_living
from models.messages.operations import tell

TEMPLATE = "DRAW_WISH_GONE"
GONE = (ErrorCode.SLOT_UNKNOWN, ErrorCode.COURT_UNKNOWN, ErrorCode.SLOT_CLOSED)
_LOOKED_UP = 200


def refusals(table: Timetable, wishes: Sequence[Wish], people: int, now: datetime) -> Iterator[DomainError | None]:
    """Of each wish why nobody can play there; None where somebody can, perhaps not this person. Pure."""
    for court, at in wishes:
        try:
            bookable_in(table, court, datetime.fromisoformat(at), people, now=now)
        except DomainError as refusal:
            yield refusal if refusal.code in GONE else None
        else:
            yield None


async def tell_in_vain(*, now: datetime) -> int:
    """Looks at the draws that collect entries, of venues whose courts or hours staff edited or closed. Gives how many
    people were told; may die anywhere and run again, and any number of workers may do this at once."""
    told = 0
    found = await database.rows(_ENTERED, now)
    for (venue_id, day), rows in groupby(found, lambda row: (row["venue_id"], database.day(row["business_day"]))):
        try:
            table = await timetable(venue_id=venue_id, sport=None, day=day)
        except DomainError as refusal:
            if refusal.code is ErrorCode.VENUE_CLOSED:  # altogether: it may open again
                continue
            raise
        told += await _tell_all([*_in_vain(table, rows, now)], now)
    return told


async def _tell_all(in_vain: Sequence[tuple[Any, list[DomainError], str]], now: datetime) -> int:
    told = 0
    for first in range(0, len(in_vain), _LOOKED_UP):
        some = in_vain[first : first + _LOOKED_UP]
        known = await _told_before([about for _, _, about in some])
        told += sum([await _tell_guarded(*each, now) for each in some if each[2] not in known])
    return told


def _in_vain(table: Timetable, rows: Any, now: datetime) -> Iterator[tuple[Any, list[DomainError], str]]:
    """Entries of a day, with what is said of their wishes, and what makes saying it once."""
    for row in rows:
        wishes = [(court, at) for court, at in database.gathered(row["wishes"])]
        said = [*refusals(table, wishes, row["people"], now)]
        gone = [wish for wish, refusal in zip(wishes, said, strict=True) if refusal is not None]
        if gone:
            about = f"{row['public_id']}-{request_hash(*gone)[:16]}"
            yield row, [refusal for refusal in said if refusal is not None], about


async def _told_before(abouts: Sequence[str]) -> set[str]:
    found = await database.rows(
        f"""SELECT about_no FROM message JOIN draw_entry entry ON entry.member_id = message.member_id
             WHERE message.template = '{TEMPLATE}' AND about_no IN ({database.parameters(len(abouts))})
               AND entry.public_id IN ({database.parameters(len(abouts), first=len(abouts) + 1)})""",
        *abouts,
        *(about.partition("-")[0] for about in abouts),
    )
    return {row["about_no"] for row in found}


async def _tell_guarded(row: Any, gone: Sequence[DomainError], about: str, now: datetime) -> bool:
    try:
        return await _tell(row, gone, about, now=now)
    except MemberGone:  # joined or deleted meanwhile: whoever it is now is found by the next run
        return False


@database.operation
async def _tell(row: Any, gone: Sequence[DomainError], about: str, *, now: datetime) -> bool:
    """Unless they chose otherwise meanwhile, or had their turn: under their row nobody changes their wishes."""
    await lock_living(row["member_id"])
    entry = await DrawEntry.get(id=row["id"])
    same = [list(wish) for wish in entry.wishes] == [list(wish) for wish in database.gathered(row["wishes"])]
    if entry.state != EntryState.ENTERED or entry.member_id != row["member_id"] or not same:
        return False
    await tell(
        member_id=entry.member_id,
        template=TEMPLATE,
        values={
            "venue": row["venue_name"],
            "what": day_text(database.day(row["business_day"])),
            "count": str(len(gone)),
            "why": gone[0].message,
            "until": moment_text(database.utc(row["closes_at"])),
            "draw": row["draw_id"],
        },
        about_no=about,
        now=now,
    )
    return True


_ENTERED = """
SELECT entry.id, entry.public_id, entry.member_id, entry.wishes, entry.people, slot_draw.public_id AS draw_id,
       slot_draw.business_day, slot_draw.closes_at, venue.public_id AS venue_id, venue.name AS venue_name
  FROM slot_draw JOIN venue ON venue.id = slot_draw.venue_id
  JOIN draw_entry entry ON entry.draw_id = slot_draw.id AND entry.state = 'ENTERED'
 WHERE slot_draw.state = 'PLANNED' AND slot_draw.closes_at > $1
   AND (slot_draw.venue_id IN (SELECT venue_id FROM court_version UNION SELECT venue_id FROM hours_version)
        OR EXISTS (SELECT 1 FROM closure WHERE closure.venue_id = slot_draw.venue_id AND closure.withdrawn_at IS NULL
                      AND closure.last_day >= slot_draw.business_day AND closure.first_day <= slot_draw.business_day))
 ORDER BY slot_draw.venue_id, slot_draw.business_day, entry.id"""
