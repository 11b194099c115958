"""Where a complaint belongs, and which clock runs there."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from models import database
from models.calendar import business_day
from models.errors import BadInput, DomainError, ErrorCode
from models.feedback.rules import ComplaintKind, Division, Level, Place
from models.venues.working_days import WorkingDay, working_days_after

DIVISIONS = """
  region.key AS region_key, region.level AS region_level, region.name AS region_name, region.parent_key,
  above.level AS above_level, above.name AS above_name, above.parent_key AS top_key,
  top.level AS top_level, top.name AS top_name"""
ABOVE = """
  LEFT JOIN region above ON above.key = region.parent_key LEFT JOIN region top ON top.key = above.parent_key"""
_NEXT_UP = {Level.DISTRICT: Level.CITY, Level.CITY: Level.PROVINCE, Level.PROVINCE: Level.PROVINCE}


async def place_of_venue(venue_id: str, *, field: str = "venueId") -> Place:
    """The venue with this public id, open or closed. Raises VENUE_UNKNOWN."""
    found = await database.row(
        f"""SELECT venue.id AS venue_id, venue.public_id AS venue_public_id, venue.name AS venue_name, {DIVISIONS}
              FROM venue JOIN region ON region.id = venue.region_id {ABOVE} WHERE venue.public_id = $1""",
        venue_id,
    )
    if found is None:
        raise DomainError(
            "没有找到这个场馆。", code=ErrorCode.VENUE_UNKNOWN, next_step="请返回列表重新选择。", field=field
        )
    return place_in(found)


async def place_of_region(region_key: str, *, on_day: date) -> Place:
    """A division that exists on that day. Raises BAD_INPUT."""
    found = await database.row(
        f"""SELECT NULL AS venue_id, NULL AS venue_public_id, NULL AS venue_name, {DIVISIONS}
              FROM region {ABOVE}
             WHERE region.key = $1 AND (region.valid_from IS NULL OR region.valid_from <= $2)
               AND (region.valid_to > $2 OR (region.valid_to IS NULL AND region.successor_key = ''))""",
        region_key,
        on_day,
    )
    if found is None:
        raise BadInput("没有这个区划，或已经调整。", next_step="请重新选择地区。", field="regionKey")
    return place_in(found)


def place_in(row: Mapping[str, Any]) -> Place:
    """From a row with the venue's columns and DIVISIONS. A division that the table lacks still has its height."""
    district = Division(key=row["region_key"], level=row["region_level"], name=row["region_name"])
    divisions = [district]
    for key, level, name in (
        (row["parent_key"], row["above_level"], row["above_name"]),
        (row["top_key"], row["top_level"], row["top_name"]),
    ):
        if key:
            divisions.append(Division(key=key, level=level or _NEXT_UP[Level(divisions[-1].level)], name=name))
    return Place(
        venue_id=row["venue_id"],
        venue_public_id=row["venue_public_id"],
        venue_name=row["venue_name"],
        divisions=divisions,
    )


async def clock_days(kind: ComplaintKind, place: Place) -> int:
    """Within how many working days an answer is due there: the nearest division that has a clock, else the default.

    A house without any has not been given its data: `python -m bff import`.
    """
    nearest = [*(division.key for division in place.divisions), ""]
    found = await database.rows(
        f"""SELECT region_key, working_days FROM complaint_clock
             WHERE kind = $1 AND region_key IN ({database.parameters(len(nearest), first=2)})""",
        kind,
        *nearest,
    )
    days = {row["region_key"]: int(row["working_days"]) for row in found}
    for key in nearest:
        if key in days:
            return days[key]
    raise LookupError("complaint_clock is empty: data/ was not imported")


async def due(days: int, now: datetime) -> WorkingDay:
    """The last day on which an answer is in time."""
    return await working_days_after(business_day(now), days)
