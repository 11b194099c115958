"""The court × time grid of a venue's day, and its timetable as it is now.

Two statements whatever the size of the venue: its timetable as one row with JSON inside, and the held cells. For those
who look the timetable may be kept for a moment; what is held, and whatever hangs on the hour, never is. Where money is
at stake nothing is.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from models import database
from models.booking.limits import RULE_COLUMNS
from models.booking.rules import CourtFacts, Offer, Slot, SlotStatus, check_day
from models.booking.timetables import DaySheet, Timetable, timetable_of
from models.calendar import CELL_MINUTES, step_of
from models.errors import DomainError, ErrorCode
from models.keeping import Keep
from models.venues.hours_versions import hours_on
from models.venues.queries import require_sport
from models.venues.rules import DAY_MINUTES


def _told_of(day: str, year_begins: str, year_ends: str, courts: str) -> str:
    """What a venue's row says of a day, and which courts it names: all in SQL."""
    return f"""venue.id, venue.public_id, venue.name, venue.is_open,
       (SELECT json_agg(json_build_array(court.id, court.public_id, court.name, court.sport_code,
                        court.slot_minutes, court.max_people, court.position, court_cover.part_id))
          FROM court JOIN court_cover ON court_cover.court_id = court.id
         WHERE court.venue_id = venue.id AND {courts}
           AND (court.is_open OR EXISTS (SELECT 1 FROM court_version
                                          WHERE court_id = court.id AND from_day <= {day}))) AS courts,
       (SELECT json_agg(json_build_array(court_id, number, name, slot_minutes, max_people, retired))
          FROM court_version WHERE venue_id = venue.id AND from_day <= {day}) AS versions,
       (SELECT json_agg(json_build_array(weekday, opens_minute, closes_minute, sport_code))
          FROM {hours_on("venue.id", day)}) AS openings,
       COALESCE((SELECT windows::json FROM tariff_version
                  WHERE venue_id = venue.id AND from_day <= {day} AND (to_day IS NULL OR to_day > {day})
                  ORDER BY number DESC LIMIT 1),
                (SELECT json_agg(json_build_array(day_kind, from_minute, to_minute, kind, price_fen_per_hour,
                        window_provenance, price_provenance, sport_code, court_name))
                   FROM tariff_window WHERE venue_id = venue.id)) AS windows,
       (SELECT json_agg(json_build_array({", ".join(RULE_COLUMNS)}))
          FROM booking_rule WHERE (venue_id = venue.id OR venue_id IS NULL) AND replaced_at IS NULL
           AND from_day <= {day} AND (to_day IS NULL OR to_day > {day})) AS rules,
       (SELECT json_agg(json_build_array(public_id, sport_code, court_ids, from_minute, until_minute, opens_at, closes_at))
          FROM slot_draw WHERE venue_id = venue.id AND business_day = {day} AND state <> 'DONE') AS draws,
       (SELECT kind FROM holiday WHERE date = {day}) AS notice,
       EXISTS (SELECT 1 FROM holiday WHERE date >= {year_begins} AND date <= {year_ends}) AS year_known,
       EXISTS (SELECT 1 FROM school_holiday WHERE province_code = venue.province_code
                  AND from_day <= {day} AND to_day > {day}) AS in_school_holiday,
       (SELECT json_agg(json_build_array(closure.id, closure.sport_code, court_cover.part_id, closure.starts_at,
                        closure.ends_at, closure.kind, closure.reason))
          FROM closure LEFT JOIN court_cover ON court_cover.court_id = closure.court_id
         WHERE closure.venue_id = venue.id AND closure.withdrawn_at IS NULL AND closure.session_id IS NULL
           AND closure.first_day <= {day} AND closure.last_day >= {day}) AS closures"""


_OF_A_SPORT = "($2::text = '' OR court.sport_code = $2::text)"
_WITH_A_PART_OF_ONE = """court.id IN (
         SELECT theirs.court_id FROM court_cover theirs JOIN court_cover its ON its.part_id = theirs.part_id
                                     JOIN court one ON one.id = its.court_id WHERE one.public_id = $2)"""
TIMETABLE = f"SELECT {_told_of('$3', '$4', '$5', _OF_A_SPORT)} FROM venue WHERE venue.public_id = $1"
_YEAR = "substr(each.value, 1, 4)"
_TIMETABLES = f"""
SELECT {_told_of("each.value::date", f"({_YEAR} || '-01-01')::date", f"({_YEAR} || '-12-31')::date", _WITH_A_PART_OF_ONE)},
       each.value AS of_day
  FROM venue, json_array_elements_text($3::json) AS each WHERE venue.public_id = $1"""
HELD = "SELECT part_id, step FROM held_cell WHERE venue_id = $1 AND step >= $2 AND step < $3"
"""It and TIMETABLE are public for `make bench`, whose bare route runs the same texts."""

KEPT_SECONDS = 10
SHEETS_KNOWN = 64
WEIGHS = 15.0


class CourtDay(NamedTuple):
    """One row of the grid: a court and its slots of the day."""

    court_id: str
    court_name: str
    max_people: int
    slots: list[Slot]


async def slots(
    *, venue_id: str, sport: str | None, day: date, now: datetime, keep: Keep | None = None
) -> list[CourtDay]:
    """The grid of a day, court by court; a court without slots has no row in it.

    With `keep` courts, hours and prices may be KEPT_SECONDS old. Raises VENUE_UNKNOWN, VENUE_CLOSED, SPORT_UNKNOWN,
    BAD_INPUT for a silly day.
    """
    check_day(day, now)
    if keep is None:
        async with database.Together():
            sheet = _sheet_of(await _told(venue_id, sport, day), day)
            held = await _held_half_hours(sheet)
    else:
        sheet = await _kept_sheet(keep, venue_id, day)
        held = await _held_half_hours(sheet)
    offered = sheet.offered(now)
    rows = [
        _closed_over(_court_day(court, offered[kind], held, sheet.drawn), offered[kind], sheet.closed(court))
        for kind, court in sheet.kinds_and_courts
        if sport is None or court.sport_code == sport
    ]
    shown = [row for row in rows if row.slots]
    if not shown and sport is not None:
        await require_sport(sport)
    return shown


@lru_cache(maxsize=SHEETS_KNOWN)
def _sheet_of(told: tuple[Any, ...], day: date) -> DaySheet:
    """The same row says the same: it is understood once, and asked of the database every time."""
    return DaySheet(told, day)


async def _kept_sheet(keep: Keep, venue_id: str, day: date) -> DaySheet:
    """Of the whole venue: whoever asks for one sport takes their courts from it."""

    async def look() -> DaySheet:
        return _sheet_of(await _told(venue_id, None, day), day)

    return await keep.get(
        f"timetable:{venue_id}:{day}",
        KEPT_SECONDS,
        look,
        dump=lambda sheet: orjson.dumps(sheet.told),
        load=lambda text: _sheet_of(tuple(orjson.loads(text)), day),
        weighs=WEIGHS,
    )


def _court_day(
    court: CourtFacts, offered: Sequence[Offer], held: Mapping[int, int], drawn: Mapping[int, int]
) -> CourtDay:
    in_use = in_draw = 0
    for part in court.part_ids:
        in_use |= held.get(part, 0)
        in_draw |= drawn.get(part, 0)
    row = (
        [
            offer.taken
            if offer.half_hours & in_use
            else offer.drawn_for()
            if offer.half_hours & in_draw
            else offer.free
            for offer in offered
        ]
        if in_draw
        else [taken if half_hours & in_use else free for half_hours, free, taken in offered]
    )
    return CourtDay(court.public_id, court.name, court.max_people, row)


def _closed_over(shown: CourtDay, offered: Sequence[Offer], closed: int) -> CourtDay:
    """With whatever lies under these half hours shown as closed, whoever has it."""
    if not closed:
        return shown
    row = [
        slot._replace(status=SlotStatus.CLOSED)
        if offer.half_hours & closed and slot.status is not SlotStatus.PAST
        else slot
        for offer, slot in zip(offered, shown.slots, strict=True)
    ]
    return shown._replace(slots=row)


async def _held_half_hours(sheet: DaySheet) -> dict[int, int]:
    """Of each part that somebody holds the half hours of the day, as bits (see `Offer`)."""
    first = step_of(sheet.midnight)
    held: dict[int, int] = {}
    for part, step in await database.rows(HELD, sheet.table.venue_id, first, first + DAY_MINUTES // CELL_MINUTES):
        held[part] = held.get(part, 0) | 1 << step - first
    return held


async def timetable(*, venue_id: str, sport: str | None, day: date) -> Timetable:
    """One venue's day in one statement, as it is now. Raises VENUE_UNKNOWN, VENUE_CLOSED."""
    return _sheet_of(await _told(venue_id, sport, day), day).table


async def timetables(*, venue_id: str, court_id: str, days: Sequence[date]) -> dict[date, Timetable]:
    """Of many days in one statement, whatever their number, what is about one court: of the others only those that share
    a part with it. Raises VENUE_UNKNOWN, VENUE_CLOSED."""
    found = await database.rows(_TIMETABLES, venue_id, court_id, orjson.dumps(days).decode())
    told = {date.fromisoformat(row["of_day"]): tuple(_open(row))[:-1] for row in found}
    return {day: timetable_of(told[day], day) for day in days}


async def _told(venue_id: str, sport: str | None, day: date) -> tuple[Any, ...]:
    """The row of TIMETABLE. Raises VENUE_UNKNOWN, VENUE_CLOSED."""
    row = await database.row(TIMETABLE, venue_id, sport or "", day, date(day.year, 1, 1), date(day.year, 12, 31))
    return tuple(_open(row))


def _open(row: Any) -> Any:
    """The same row. Raises VENUE_UNKNOWN for no row, VENUE_CLOSED."""
    if row is None:
        raise DomainError(
            "没有找到这个场馆。",
            code=ErrorCode.VENUE_UNKNOWN,
            next_step="请返回列表重新选择。",
            field="venueId",
        )
    if not row["is_open"]:
        raise DomainError(
            f"{row['name']}暂停开放。",
            code=ErrorCode.VENUE_CLOSED,
            next_step="请选择附近的其他场馆。",
            field="venueId",
        )
    return row
