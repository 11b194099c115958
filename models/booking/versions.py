"""Writing rules: a new version of a venue's limits, for the days from–to, by whom and when; checked before it stands.

Nothing is edited: what is written anew replaces the version with the same first day, and both stay to be read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from models import database
from models.booking.contradictions import Place, check_rule
from models.booking.limits import LIMIT_COLUMNS, Limits
from models.booking.rules import CourtFacts
from models.booking.tables import BookingRule
from models.calendar import business_day
from models.errors import DomainError, ErrorCode
from models.venues.court_versions import COURT_NAME, MAX_PEOPLE, SLOT_MINUTES, STANDS, courts_on
from models.venues.hours_versions import version_on
from models.venues.rules import Opening, openings_on


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleKey:
    """Which versions replace one another: of a venue (its row's id; None: of all without their own), a sport (empty:
    every one), and a first day."""

    venue_id: int | None
    sport_code: str
    from_day: date


@database.operation
async def write_rule(
    key: RuleKey,
    limits: Limits,
    *,
    to_day: date | None = None,
    provenance: str,
    source: str,
    staff_id: int,
    replaces: int | None,
    now: datetime,
) -> int:
    """Writes a version and gives its number. `replaces` is the number of the one that was looked at, None where there was
    none: whoever looked at another is refused with RULES_CHANGED. The same again changes nothing.

    Raises RULES_INVALID for limits that nobody can keep or that contradict one another, and for days that are over.
    """
    check_from_day(key.from_day, now)
    check_rule(limits, await place_of(key), from_day=key.from_day, to_day=to_day)
    await database.alone_with(f"booking rules of {key.venue_id}")
    standing = await standing_version(key)
    columns = columns_of(limits) | {"to_day": to_day, "provenance": provenance, "source": source}
    columns["published"] = " ".join(LIMIT_COLUMNS) if provenance == "PUBLISHED" else ""
    if standing is not None and all(getattr(standing, name) == value for name, value in columns.items()):
        return int(standing.version)
    if (standing.version if standing else None) != replaces:
        raise DomainError(
            "这条规则刚刚被别人改过。",
            code=ErrorCode.RULES_CHANGED,
            next_step="请刷新后，在最新的规则上修改。",
            field="rule",
        )
    return await put(key, columns, standing, staff_id=staff_id, now=now)


def check_from_day(from_day: date, now: datetime) -> None:
    """Raises RULES_INVALID for days that are over."""
    if from_day < business_day(now):
        raise DomainError(
            "规则不能从已经过去的日子开始。",
            code=ErrorCode.RULES_INVALID,
            next_step="请选择今天或之后。",
            field="fromDay",
        )


async def put(
    key: RuleKey,
    columns: Mapping[str, Any],
    standing: BookingRule | None,
    *,
    staff_id: int | None,
    now: datetime,
) -> int:
    """The next version in place of the one that stands. A plain function, alone with the rules of this venue; `staff_id`
    is None where the files say it."""
    if standing is not None:
        await BookingRule.filter(id=standing.id).update(replaced_at=now)
    last = await database.row(
        f"SELECT MAX(version) AS version FROM booking_rule WHERE {_KEY}",
        *(key.venue_id or 0, key.sport_code, key.from_day),
    )
    version = int((last and last["version"]) or 0) + 1
    await BookingRule.create(
        venue_id=key.venue_id,
        sport_code=key.sport_code,
        from_day=key.from_day,
        version=version,
        made_at=now,
        made_by_id=staff_id,
        **columns,
    )
    return version


def columns_of(limits: Limits) -> dict[str, Any]:
    return {name: getattr(limits, name) for name in LIMIT_COLUMNS}


async def place_of(key: RuleKey) -> Place:
    """The courts for which a rule is on its first day, with the hours of each weekday; for everybody's rule those of every venue."""
    courts = await database.rows(
        f"""SELECT court.id, court.public_id, {COURT_NAME} AS name, court.sport_code, {SLOT_MINUTES} AS slot_minutes,
                  {MAX_PEOPLE} AS max_people, court.venue_id
             FROM court {courts_on("$3")}
            WHERE {STANDS} AND ($1 = 0 OR court.venue_id = $1) AND ($2 = '' OR court.sport_code = $2)""",
        key.venue_id or 0,
        key.sport_code,
        key.from_day,
    )
    hours = await database.rows(
        f"""SELECT venue_id, weekday, opens_minute, closes_minute, sport_code FROM opening_hours
            WHERE ($1 = 0 OR venue_id = $1) AND version = {version_on("opening_hours.venue_id", "$2")}""",
        *(key.venue_id or 0, key.from_day),
    )
    of_venue: dict[int, list[Opening]] = {}
    for row in hours:
        opening = Opening(row["weekday"], row["opens_minute"], row["closes_minute"], row["sport_code"])
        of_venue.setdefault(row["venue_id"], []).append(opening)
    return Place(
        [
            (
                CourtFacts._make([*tuple(row)[:6], ()]),
                [
                    each
                    for weekday in range(7)
                    for each in openings_on(of_venue.get(row["venue_id"], ()), weekday, row["sport_code"])
                ],
            )
            for row in courts
        ]
    )


async def standing_version(key: RuleKey) -> BookingRule | None:
    return await BookingRule.get_or_none(
        venue_id=key.venue_id, sport_code=key.sport_code, from_day=key.from_day, replaced_at=None
    )


_KEY = "COALESCE(venue_id, 0) = $1 AND sport_code = $2 AND from_day = $3"
