"""What staff wrote of courts and hours comes true: `court` says each day what is so, and who had booked what is no more
is asked.

A booking that was being made while its court was retired, or its hours were shortened, may still come in; it is found
here, on the job's next run, as those of before were. Each is given a closure over its own time only, or the part of it
that is not open: other courts on the same floor stay open. A session of which somebody has places is closed by itself;
that it is sold no more is `session_making`'s.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from models import database
from models.booking.closure_rules import ClosureKind, days_of
from models.booking.closures import JOB
from models.booking.hours_rules import outside
from models.booking.plan_versions import plans_version_on
from models.booking.tables import Closure
from models.calendar import business_day, step_of
from models.ids import new_id
from models.venues.hours_versions import version_on
from models.venues.rules import Opening
from models.venues.tables import Venue

WAKES = "turn_courts"
"""The job that looks for whom staff's edits leave with nothing: bookings (here) and people in line (checkout.waiting)."""
COURT_RETIRED, NOT_OPEN, NOT_PLANNED = "场地调整", "开放时间调整", "场次安排调整"


async def turn_courts(*, now: datetime) -> int:
    """For every venue whose courts, hours or sessions staff edited. Gives how many rows that touched; may die anywhere and run
    again."""
    touched = 0
    for venue in await database.rows(_EDITED):
        touched += await _turn(venue["id"], venue["public_id"], bool(venue["courts"]), now=now)
    return touched


@database.operation
async def _turn(venue_id: int, public_id: str, courts: bool, *, now: datetime) -> int:
    await database.alone_with(f"courts of {public_id}")
    turned = await turn_courts_of(venue_id, now=now) if courts else 0
    return turned + await close_booked(venue_id, now=now)


async def turn_courts_of(venue_id: int, *, now: datetime) -> int:
    """A plain function, alone with the venue's courts: each as its last version up to today says, and the list of what is
    played there, from which lists of venues choose."""
    turned = await database.rows(_TURN, venue_id, business_day(now))
    venue = await Venue.get(id=venue_id)
    plays = [row["code"] for row in await database.rows(_PLAYS, venue_id)]
    written = {row["sport_code"] for row in await database.rows(_WRITTEN, venue_id, business_day(now))}
    elsewhere = [code for code in venue.sport_codes if code not in written and code not in plays]
    if venue.sport_codes != [*plays, *elsewhere]:
        await Venue.filter(id=venue_id).update(sport_codes=[*plays, *elsewhere])
    return len(turned)


class _Span(NamedTuple):
    court_id: int
    starts_at: datetime
    ends_at: datetime
    staff_id: int
    """Who retired it, or wrote the hours."""
    reason: str


class _Sold(NamedTuple):
    """A session that lies outside the hours, if only in part, or is in no plan any more, and of which somebody has
    places."""

    session_id: int
    sport_code: str
    starts_at: datetime
    ends_at: datetime
    staff_id: int


async def close_booked(venue_id: int, *, now: datetime) -> int:
    """A plain function, alone with the venue's courts: announces a closure over whatever is booked on a court that is
    retired on that day, outside the hours that staff wrote for it, or of a session that staff planned otherwise, and was
    not asked about yet. Gives how many."""
    spans = list(_joined([*await _on_retired(venue_id, now), *await _outside_hours(venue_id, now)]))
    for span in spans:
        await _announce(venue_id, span, now, court_id=span.court_id, reason=span.reason)
    closed = len(spans)
    for found, reason in ((_sold_outside_hours, NOT_OPEN), (_sold_and_not_planned, NOT_PLANNED)):
        for each in await found(venue_id, now):  # the second finds none of which the first has spoken
            shut = {"session_id": each.session_id, "sport_code": each.sport_code, "reason": reason}
            await _announce(venue_id, each, now, **shut)
            closed += 1
    if closed:
        database.ring(JOB)
    return closed


async def _announce(venue_id: int, lies: _Span | _Sold, now: datetime, **columns: Any) -> None:
    first_day, last_day = days_of(lies.starts_at, lies.ends_at)
    public_id = new_id("clo")
    await Closure.create(
        public_id=public_id,
        venue_id=venue_id,
        starts_at=lies.starts_at,
        ends_at=lies.ends_at,
        first_day=first_day,
        last_day=last_day,
        kind=ClosureKind.OTHER.value,
        announced_at=now,
        announced_by_id=lies.staff_id,
        idempotency_key=public_id,
        request_hash="",
        **columns,
    )


async def _on_retired(venue_id: int, now: datetime) -> list[_Span]:
    found = await database.rows(_BOOKED_ON_RETIRED, venue_id, step_of(now), now)
    return [
        _Span(
            line["court_id"],
            database.utc(line["starts_at"]),
            database.utc(line["ends_at"]),
            line["written_by_id"],
            COURT_RETIRED,
        )
        for line in found
    ]


async def _outside_hours(venue_id: int, now: datetime) -> list[_Span]:
    """Of each booking on a day whose hours staff wrote the parts that are not open and have no closure."""
    lines = await database.rows(_BOOKED_BY_WRITTEN_HOURS, venue_id, step_of(now), now)
    if not lines:
        return []
    openings = await _written_hours(venue_id)
    asked = [
        (row["court_id"], database.utc(row["starts_at"]), database.utc(row["ends_at"]))
        for row in await database.rows(_ASKED, venue_id, now)
    ]
    return [
        _Span(line["court_id"], starts_at, ends_at, line["written_by_id"], NOT_OPEN)
        for line in lines
        for starts_at, ends_at in outside(
            openings.get(line["number"], ()),
            line["sport_code"],
            database.utc(line["starts_at"]),
            database.utc(line["ends_at"]),
            database.day(line["business_day"]),
        )
        if not any(
            court == line["court_id"] and first <= starts_at and ends_at <= end for court, first, end in asked
        )
    ]


async def _sold_outside_hours(venue_id: int, now: datetime) -> list[_Sold]:
    sessions = await database.rows(_SOLD_BY_WRITTEN_HOURS, venue_id, now)
    openings = await _written_hours(venue_id) if sessions else {}
    return [
        _Sold(row["id"], row["sport_code"], starts_at, ends_at, row["written_by_id"])
        for row in sessions
        for starts_at, ends_at in [(database.utc(row["starts_at"]), database.utc(row["ends_at"]))]
        if outside(
            openings.get(row["number"], ()),
            *(row["sport_code"], starts_at, ends_at, database.day(row["business_day"])),
        )
    ]


async def _sold_and_not_planned(venue_id: int, now: datetime) -> list[_Sold]:
    """A session that is held stands in the version of its day (`session_making`); one that stands in another is not."""
    return [
        _Sold(
            row["id"],
            row["sport_code"],
            database.utc(row["starts_at"]),
            database.utc(row["ends_at"]),
            row["written_by_id"],
        )
        for row in await database.rows(_SOLD_AND_NOT_PLANNED, venue_id, now)
    ]


async def _written_hours(venue_id: int) -> dict[int, list[Opening]]:
    """By the number of their version."""
    openings: dict[int, list[Opening]] = {}
    for number, *opening in await database.rows(_WRITTEN_HOURS, venue_id):
        openings.setdefault(number, []).append(Opening(*opening))
    return openings


def _joined(spans: Iterable[_Span]) -> Iterator[_Span]:
    """Times of one court that follow one another without a pause, or lie over one another, are one."""
    last: _Span | None = None
    for span in sorted(spans):
        if last is not None and last.court_id == span.court_id and span.starts_at <= last.ends_at:
            last = last._replace(ends_at=max(last.ends_at, span.ends_at))
            continue
        if last is not None:
            yield last
        last = span
    if last is not None:
        yield last


_EDITED = """
SELECT id, public_id, EXISTS (SELECT 1 FROM court_version WHERE venue_id = venue.id) AS courts FROM venue
 WHERE id IN (SELECT venue_id FROM court_version UNION SELECT venue_id FROM hours_version
               UNION SELECT venue_id FROM session_plan_version) ORDER BY id"""
_BOOKED_BY_WRITTEN_HOURS = f"""
SELECT DISTINCT line.court_id, court.sport_code, line.business_day, line.starts_at, line.ends_at, hours.number,
       hours.written_by_id
  FROM hours_version hours JOIN held_cell ON held_cell.venue_id = hours.venue_id AND held_cell.step >= $2
  JOIN order_line line ON line.id = held_cell.order_line_id JOIN court ON court.id = line.court_id
 WHERE hours.venue_id = $1 AND line.starts_at > $3 AND hours.number = {version_on("$1", "line.business_day")}
 ORDER BY line.court_id, line.starts_at"""
_SOLD_BY_WRITTEN_HOURS = f"""
SELECT session.id, session.sport_code, session.business_day, session.starts_at, session.ends_at, hours.number,
       hours.written_by_id
  FROM hours_version hours JOIN session ON session.venue_id = hours.venue_id
 WHERE hours.venue_id = $1 AND session.starts_at > $2 AND session.taken > 0
   AND hours.number = {version_on("$1", "session.business_day")}
   AND NOT EXISTS (SELECT 1 FROM closure WHERE closure.venue_id = $1 AND closure.session_id = session.id)
 ORDER BY session.id"""
_SOLD_AND_NOT_PLANNED = f"""
SELECT session.id, session.sport_code, session.starts_at, session.ends_at, version.written_by_id
  FROM session_plan_version version JOIN session ON session.venue_id = version.venue_id
  JOIN session_plan plan ON plan.id = session.plan_id
 WHERE version.venue_id = $1 AND session.starts_at > $2 AND session.taken > 0 AND NOT session.is_open
   AND version.number = {plans_version_on("session", "session.business_day")} AND plan.version <> version.number
   AND NOT EXISTS (SELECT 1 FROM closure WHERE closure.venue_id = $1 AND closure.session_id = session.id)
 ORDER BY session.id"""
_WRITTEN_HOURS = """
SELECT version, weekday, opens_minute, closes_minute, sport_code FROM opening_hours
 WHERE venue_id = $1 AND version > 0"""
_ASKED = """
SELECT court_id, starts_at, ends_at FROM closure WHERE venue_id = $1 AND court_id IS NOT NULL AND ends_at > $2"""
_TURN = """
UPDATE court SET name = stands.name, slot_minutes = stands.slot_minutes, max_people = stands.max_people,
       is_open = NOT stands.retired
  FROM (SELECT court_id, name, slot_minutes, max_people, retired FROM court_version version
         WHERE venue_id = $1 AND number = (SELECT MAX(number) FROM court_version
                                            WHERE court_id = version.court_id AND from_day <= $2)) stands
 WHERE court.id = stands.court_id
   AND (court.name <> stands.name OR court.slot_minutes <> stands.slot_minutes
        OR court.max_people <> stands.max_people OR court.is_open = stands.retired)
RETURNING court.id"""
_PLAYS = """
SELECT code FROM sport
 WHERE code IN (SELECT sport_code FROM court WHERE venue_id = $1 AND is_open
                 UNION SELECT sport_code FROM session_plan WHERE venue_id = $1)
 ORDER BY position"""
_WRITTEN = """
SELECT DISTINCT court.sport_code FROM court JOIN court_version ON court_version.court_id = court.id
 WHERE court_version.venue_id = $1 AND court_version.from_day <= $2"""
_BOOKED_ON_RETIRED = """
SELECT DISTINCT line.court_id, line.starts_at, line.ends_at, version.written_by_id
  FROM court_version version JOIN court_cover ON court_cover.court_id = version.court_id
  JOIN held_cell ON held_cell.part_id = court_cover.part_id AND held_cell.step >= $2
  JOIN order_line line ON line.id = held_cell.order_line_id AND line.court_id = version.court_id
 WHERE version.venue_id = $1 AND version.retired AND line.starts_at > $3
   AND version.number = (SELECT MAX(number) FROM court_version
                          WHERE court_id = line.court_id AND from_day <= line.business_day)
   AND NOT EXISTS (SELECT 1 FROM closure WHERE closure.court_id = line.court_id
                      AND closure.starts_at <= line.starts_at AND closure.ends_at >= line.ends_at)
 ORDER BY line.court_id, line.starts_at"""
