"""The report on how a venue opens, for its manager and for the office above it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from models import database
from models.audit.deeds import concerning
from models.calendar import business_day
from models.staff import powers
from models.staff.rules import Power, StaffSignedIn
from models.venues.checking import CourtNamed
from models.venues.concession_rules import rules_at
from models.venues.hours_versions import hours_on
from models.venues.openness import SOURCE as SOURCE
from models.venues.openness import Facts, Found, report, warnings
from models.venues.rules import Opening, Window
from models.venues.working_days import known_days


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueReport:
    """By the tariff and the hours in force on `as_of`, for the year of that day."""

    venue_id: str
    venue_name: str
    as_of: date
    tariff_version: int
    """0: the files'."""
    found: Sequence[Found]
    warnings: Sequence[str]


async def venue_report(*, clerk: StaffSignedIn, venue_id: str, now: datetime) -> VenueReport:
    """`venue_id` is public. Raises NOT_ALLOWED, also for a venue that is none. Five statements."""
    await powers.demand(clerk, Power.READ_VENUE_REPORT, venue_id=venue_id)
    concerning("VENUE", venue_id, venue_id=venue_id, reading=True)
    today = business_day(now)
    found = await database.row(_FACTS, venue_id, today, date(today.year, 1, 1))
    assert found is not None
    facts = await _facts(found, today)
    return VenueReport(
        venue_id=venue_id,
        venue_name=found["name"],
        as_of=today,
        tariff_version=int(found["version"] or 0),
        found=report(facts),
        warnings=warnings(facts),
    )


async def _facts(found: Any, today: date) -> Facts:
    openings = database.gathered(found["openings"])
    return Facts(
        today=today,
        courts=[CourtNamed(*court) for court in database.gathered(found["courts"])],
        openings=[Opening(*opening[:4]) for opening in openings],
        openings_published=bool(openings) and all(opening[4] == "PUBLISHED" for opening in openings),
        windows=[Window(*window) for window in database.gathered(found["windows"])],
        concessions=await rules_at(found["id"], today),
        notices=await known_days(today, date(today.year + 1, 12, 31)),
        school_holidays=[
            (date.fromisoformat(first), date.fromisoformat(end))
            for first, end in database.gathered(found["school_holidays"])
        ],
    )


_IN_FORCE = """FROM tariff_version WHERE venue_id = venue.id AND from_day <= $2 AND (to_day IS NULL OR to_day > $2)
                ORDER BY number DESC LIMIT 1"""
_FACTS = f"""
SELECT venue.id, venue.name, (SELECT number {_IN_FORCE}) AS version,
       (SELECT json_agg(json_build_array(sport_code, name)) FROM court
         WHERE venue_id = venue.id AND is_open) AS courts,
       (SELECT json_agg(json_build_array(weekday, opens_minute, closes_minute, sport_code, provenance))
          FROM {hours_on("venue.id", "$2")}) AS openings,
       COALESCE((SELECT windows::json {_IN_FORCE}),
                (SELECT json_agg(json_build_array(day_kind, from_minute, to_minute, kind, price_fen_per_hour,
                        window_provenance, price_provenance, sport_code, court_name))
                   FROM tariff_window WHERE venue_id = venue.id)) AS windows,
       (SELECT json_agg(json_build_array(from_day, to_day)) FROM school_holiday
         WHERE province_code = venue.province_code AND to_day > $3) AS school_holidays
  FROM venue WHERE venue.public_id = $1
"""
