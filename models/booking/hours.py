"""Staff edit a venue's opening hours from a day on: first seen as a preview, then written as what was seen.

The hours of a day are one version, wholly; what came before stays. Bookings that would lie outside go the way of those
on a court that is retired: a closure over exactly the time that is not open (`turning`). What else they reach is in
`hours_reach` and `draw_cuts`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from models import database
from models.booking import hours_rules as rules
from models.booking.closure_rules import ClosureKind, notice_text
from models.booking.draw_cuts import DrawCut, Slots, draw_cuts, slots_of_court
from models.booking.editing import KEY, demand_editing
from models.booking.hours_reach import sessions_shut
from models.booking.hours_rules import Booked, HoursWanted, Standing
from models.booking.plan_versions import plans_version_on
from models.booking.queries import timetable
from models.booking.rules import CourtFacts
from models.booking.session_making import make_for
from models.booking.timetables import Timetable
from models.booking.turning import WAKES, close_booked
from models.calendar import business_day, clock_text, instant_of, step_of
from models.errors import KeyReused, wrong_key
from models.ids import request_hash
from models.staff.rules import StaffSignedIn
from models.venues.checking import CourtNamed, gap
from models.venues.hours_versions import version_on
from models.venues.rules import Opening
from models.venues.tables import HoursVersion, OpeningHours
from models.venues.writing import preview_changed, tell_lists

MOST_LISTED = 50
_NEVER = date(9000, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursPreview:
    """What writing would do now; what it would be refused with, the preview is refused with."""

    from_day: date
    to_day: date | None
    changes: Sequence[str]
    bookings: int
    """Of courts and sessions, on these days."""
    bookings_outside: int
    listed: Sequence[Booked]
    """Those outside, the earliest first, at most MOST_LISTED."""
    promise: str
    draws: Sequence[DrawCut]
    change_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Before:
    """What hours would be held against: their venue on their first day."""

    table: Timetable
    stands: Standing
    sports: dict[str, str]
    """Of the courts and the sessions, with their names."""
    plans: Sequence[tuple[str, str, int, int]]


async def preview_hours(
    *, clerk: StaffSignedIn, venue_id: str, wanted: HoursWanted, now: datetime
) -> HoursPreview:
    """Raises NOT_ALLOWED, also for a venue that is none; VENUE_CLOSED, BAD_INPUT, RULES_INVALID. Six statements at
    most."""
    await demand_editing(clerk, venue_id)
    before = await _checked(venue_id, wanted, now)
    count, out = await _booked(before, wanted, now)
    return HoursPreview(
        from_day=wanted.from_day,
        to_day=wanted.to_day,
        changes=[*_changes(before, wanted, out, now), *await _sessions_said(before, wanted, now)],
        bookings=count,
        bookings_outside=len(out),
        listed=out[:MOST_LISTED],
        promise=rules.promise(len(out)),
        draws=await _cut(before, wanted),
        change_hash=_hash(before, wanted),
    )


@database.operation
async def write_hours(
    *,
    clerk: StaffSignedIn,
    venue_id: str,
    wanted: HoursWanted,
    expected_change: str,
    idempotency_key: str,
    now: datetime,
) -> int:
    """The number of the new version. The same again under its key changes nothing.

    Raises what the preview raises, PREVIEW_CHANGED and IDEMPOTENCY_KEY_REUSED.
    """
    await demand_editing(clerk, venue_id)
    if not KEY.fullmatch(idempotency_key):
        raise wrong_key(fewest=8)
    await database.alone_with(
        f"courts of {venue_id}"
    )  # whose slots hang on the hours, and the hours' check on them
    asked = request_hash(*_asked(wanted), wanted.note)
    repeated = await _written_before(venue_id, idempotency_key, asked)
    if repeated:
        return repeated
    before = await _checked(venue_id, wanted, now)
    if expected_change != _hash(before, wanted):
        raise preview_changed()
    row_id, number = before.table.venue_id, before.stands.last_number + 1
    await HoursVersion.create(
        venue_id=row_id,
        number=number,
        from_day=wanted.from_day,
        to_day=wanted.to_day,
        note=wanted.note.strip(),
        request_key=idempotency_key,
        request_hash=asked,
        written_by_id=clerk.staff_id,
        written_at=now,
    )
    await OpeningHours.bulk_create(
        OpeningHours(venue_id=row_id, version=number, provenance="PUBLISHED", **opening._asdict())
        for opening in wanted.openings
    )
    if wanted.from_day == business_day(now):
        courts = [CourtNamed(court.sport_code, court.name) for court in before.table.courts]
        await tell_lists(row_id, before.table.windows, courts, wanted.openings)
    await make_for(row_id, now=now)
    await close_booked(row_id, now=now)
    database.ring(WAKES)
    return number


async def _checked(venue_id: str, wanted: HoursWanted, now: datetime) -> _Before:
    """What stands, after every rule was asked."""
    before = await _before(venue_id, wanted)
    rules.check_itself(wanted, before.sports, business_day(now))
    rules.check_new(wanted, before.stands)
    limits = {sport: before.table.limits_of(sport) for sport in before.sports}
    rules.check_courts(wanted, before.table.courts, limits)
    return before


def _changes(before: _Before, wanted: HoursWanted, out: Sequence[Booked], now: datetime) -> Iterator[str]:
    yield from rules.sentences(wanted, before.stands, before.sports)
    courts = [CourtNamed(court.sport_code, court.name) for court in before.table.courts]
    missing = gap(before.table.windows, courts, wanted.openings)
    if missing is not None:
        court, _, minute = missing
        yield f"{court.name}{clock_text(minute)}开放，还没有定价；写好价目之前，没有定价的时段不能预订。"
    short = rules.too_short(wanted.openings, before.sports)
    if short is not None:
        yield short
    if out:
        yield notice_text(ClosureKind.OTHER, out[0].starts_at, now)


async def _sessions_said(before: _Before, wanted: HoursWanted, now: datetime) -> list[str]:
    shut = await sessions_shut(before.table.venue_id, wanted, wanted.to_day or _NEVER, now)
    if shut is None and (never := rules.plans_outside(wanted.openings, before.plans)):
        shut = f"{'、'.join(never[:3])}的场次安排不在新的开放时间之内，不会开场售票。"
    return [shut] if shut else []


async def _cut(before: _Before, wanted: HoursWanted) -> list[DrawCut]:
    def remaining(day: date, court: CourtFacts, _: Sequence[Opening]) -> Slots:
        return slots_of_court(day, court, wanted.openings)

    return await draw_cuts(before.table.venue_id, wanted.from_day, wanted.to_day or _NEVER, remaining)


def _asked(wanted: HoursWanted) -> Sequence[Any]:
    return sorted(wanted.openings), str(wanted.from_day), str(wanted.to_day)


def _hash(before: _Before, wanted: HoursWanted) -> str:
    """Another one as soon as what would be written, or anything that it would be held against, is another."""
    return request_hash(
        *_asked(wanted),
        sorted((*court[:6], list(court.part_ids)) for court in before.table.courts),
        sorted(before.table.windows),
        [before.table.limits_of(sport) for sport in sorted(before.sports)],
        [before.stands.number, before.stands.last_number, sorted(before.stands.openings)],
    )


async def _before(venue_id: str, wanted: HoursWanted) -> _Before:
    table = await timetable(venue_id=venue_id, sport=None, day=wanted.from_day)
    found = await database.row(_STANDING, table.venue_id, wanted.from_day)
    assert found is not None
    plans = [tuple(plan) for plan in database.gathered(found["plans"])]
    played = {court.sport_code for court in table.courts} | {sport for sport, *_ in plans}
    return _Before(
        table=table,
        stands=Standing(
            found["number"],
            found["to_day"] and database.day(found["to_day"]),
            table.openings,
            int(found["last_number"] or 0),
            sorted((number, date.fromisoformat(first)) for number, first in database.gathered(found["later"])),
        ),
        sports={code: name for code, name in database.gathered(found["sports"]) if code in played},
        plans=plans,
    )


async def _booked(before: _Before, wanted: HoursWanted, now: datetime) -> tuple[int, list[Booked]]:
    """How many bookings there are on these days, and those that would lie outside."""
    until = min(wanted.to_day or _NEVER, _NEVER)
    found = await database.rows(
        _BOOKED,
        before.table.venue_id,
        max(step_of(instant_of(wanted.from_day, 0)), step_of(now) + 1),
        step_of(instant_of(until, 0)),
        *(now, wanted.from_day, until),
    )
    out = []
    for row in found:
        starts_at, ends_at = database.utc(row["starts_at"]), database.utc(row["ends_at"])
        day = database.day(row["business_day"])
        if rules.outside(wanted.openings, row["sport_code"], starts_at, ends_at, day):
            out.append(
                Booked(row["order_no"], row["name"], starts_at, ends_at, row["people"], row["status"] == "PAID")
            )
    return len(found), out


async def _written_before(venue_id: str, key: str, asked: str) -> int | None:
    found = await database.row(
        """SELECT version.number, version.request_hash
             FROM hours_version version JOIN venue ON venue.id = version.venue_id
            WHERE venue.public_id = $1 AND version.request_key = $2""",
        venue_id,
        key,
    )
    if found is None:
        return None
    if found["request_hash"] != asked:
        raise KeyReused("一次修改")
    return int(found["number"])


_STANDING = f"""
SELECT stands.number, (SELECT to_day FROM hours_version WHERE venue_id = $1 AND number = stands.number) AS to_day,
       (SELECT MAX(number) FROM hours_version WHERE venue_id = $1) AS last_number,
       (SELECT json_agg(json_build_array(number, from_day)) FROM hours_version
         WHERE venue_id = $1 AND from_day > $2) AS later,
       (SELECT json_agg(json_build_array(code, name)) FROM sport) AS sports,
       (SELECT json_agg(json_build_array(sport_code, name, from_minute, to_minute)) FROM session_plan
         WHERE venue_id = $1 AND (valid_to IS NULL OR valid_to > $2)
           AND version = {plans_version_on("session_plan", "$2")}) AS plans
  FROM (SELECT {version_on("$1", "$2")} AS number) stands"""
_BOOKED = """
SELECT orders.order_no, COALESCE(court.name, session.name) AS name, line.starts_at, line.ends_at,
       COALESCE(court.sport_code, session.sport_code) AS sport_code, line.business_day, line.people, orders.status
  FROM order_line line JOIN orders ON orders.id = line.order_id
  LEFT JOIN court ON court.id = line.court_id LEFT JOIN session ON session.id = line.session_id
 WHERE line.id IN (SELECT order_line_id FROM held_cell
                    WHERE venue_id = $1 AND step >= $2 AND step < $3 AND order_line_id IS NOT NULL
                    UNION
                   SELECT held_place.order_line_id FROM session JOIN held_place ON held_place.session_id = session.id
                    WHERE session.venue_id = $1 AND session.business_day >= $5 AND session.business_day < $6)
   AND line.starts_at > $4
 ORDER BY line.starts_at, line.id"""
