"""What can be asked about venues. Hot reads of one statement each, without models.

The list of venues nearby has a file of its own: `nearby.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any, TypedDict, cast

from models import database
from models.venues.rules import Day, Opening, Window, day_of


class SportRow(TypedDict):
    code: str
    name: str


class BookingRuleRow(TypedDict):
    """A venue's own booking rule, or the one of all venues that have none."""

    courts_a_person_a_day: int
    minutes_a_court_a_day: int
    days_ahead: int
    release_minute: int
    hold_minutes: int
    entry_opens_minutes_before: int
    provenance: str
    source: str


@dataclass(frozen=True, slots=True)
class OpenCourt:
    """A court that can be booked. Two courts that share a part exclude each other."""

    id: int
    public_id: str
    venue_id: int
    name: str
    sport_code: str
    slot_minutes: int
    max_people: int
    provenance: str
    part_ids: tuple[int, ...]


async def sports() -> list[SportRow]:
    """All sports, in the order to show them."""
    found = await database.rows("SELECT code, name FROM sport ORDER BY position, code")
    return [{"code": row["code"], "name": row["name"]} for row in found]


async def courts_of(venue_id: int, sport: str | None = None) -> list[OpenCourt]:
    """The open courts of a venue (of one sport, if named), in the order to show them."""
    found = await database.rows(
        f"{_COURTS} WHERE court.venue_id = $1 AND court.is_open"
        f"{' AND court.sport_code = $2' if sport else ''} ORDER BY court.position, court.id, court_cover.part_id",
        *((venue_id, sport) if sport else (venue_id,)),
    )
    return [_court(list(covers)) for _, covers in groupby(found, key=lambda row: row["id"])]


_COURTS = """SELECT court.id, court.public_id, court.venue_id, court.name, court.sport_code, court.slot_minutes,
                    court.max_people, court.provenance, court_cover.part_id
               FROM court JOIN court_cover ON court_cover.court_id = court.id"""


def _court(covers: Sequence[Any]) -> OpenCourt:
    court = covers[0]
    return OpenCourt(
        id=court["id"],
        public_id=court["public_id"],
        venue_id=court["venue_id"],
        name=court["name"],
        sport_code=court["sport_code"],
        slot_minutes=court["slot_minutes"],
        max_people=court["max_people"],
        provenance=court["provenance"],
        part_ids=tuple(cover["part_id"] for cover in covers),
    )


async def openings_of(venue_id: int) -> tuple[Opening, ...]:
    """The week of a venue: `rules.openings_on` tells a day."""
    found = await database.rows(
        """SELECT weekday, opens_minute, closes_minute, sport_code FROM opening_hours
            WHERE venue_id = $1 ORDER BY sport_code, weekday, opens_minute""",
        venue_id,
    )
    return tuple(
        Opening(row["weekday"], row["opens_minute"], row["closes_minute"], row["sport_code"]) for row in found
    )


async def tariff_windows_of(venue_id: int) -> tuple[Window, ...]:
    """All windows of a venue: `rules.windows_of_court` chooses a court's."""
    found = await database.rows(
        """SELECT day_kind, from_minute, to_minute, kind, price_fen_per_hour, window_provenance, price_provenance,
                  sport_code, court_name, source
             FROM tariff_window WHERE venue_id = $1 ORDER BY sport_code, court_name, day_kind, from_minute""",
        venue_id,
    )
    return tuple(Window(*row) for row in found)


async def booking_rule_of(venue_id: int) -> BookingRuleRow:
    """The limits that hold at a venue. Raises LookupError when nothing was imported."""
    found = await database.row(
        """SELECT courts_a_person_a_day, minutes_a_court_a_day, days_ahead, release_minute, hold_minutes,
                  entry_opens_minutes_before, provenance, source
             FROM booking_rule WHERE venue_id = $1 OR venue_id IS NULL ORDER BY venue_id IS NULL LIMIT 1""",
        venue_id,
    )
    if found is None:
        raise LookupError("there is no booking rule for all venues: import the places first")
    return cast(BookingRuleRow, dict(found))


async def day_kind(day: date) -> Day:
    """Workday, make-up workday, weekend or statutory holiday; `known` is False for a year without a notice."""
    found = await database.row(
        """SELECT (SELECT kind FROM holiday WHERE date = $1) AS notice,
                  EXISTS (SELECT 1 FROM holiday WHERE date >= $2 AND date <= $3) AS year_known""",
        day,
        date(day.year, 1, 1),
        date(day.year, 12, 31),
    )
    assert found is not None  # a SELECT without FROM has one row
    return day_of(day, notice=found["notice"], year_known=bool(found["year_known"]))
