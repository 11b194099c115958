"""What staff see before they edit: a venue's hours, courts, tariffs, rules and plans of sessions, and who wrote which
when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from models import database
from models.audit.deeds import concerning
from models.booking.editing import demand_editing
from models.booking.limits import LIMIT_COLUMNS, Limits, limits_in
from models.booking.plan_versions import plans_version_on
from models.booking.rules import check_day
from models.booking.session_rules import Ticket, TicketPrice
from models.errors import wrong_cursor
from models.staff.rules import StaffSignedIn
from models.venues.concessions import Rule
from models.venues.court_versions import COURT_NAME, MAX_PEOPLE, SLOT_MINUTES, STANDS, courts_on
from models.venues.hours_versions import version_on
from models.venues.rules import Opening, Window
from models.venues.tariff_changes import standing

MOST_VERSIONS = 10
"""Coming ones that are shown; older ones stand in the history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TariffSeen:
    """A version of the tariff. 0 is the files', which nobody of the staff wrote."""

    number: int
    from_day: date | None
    to_day: date | None
    windows: Sequence[Window]
    concessions: Sequence[Rule] | None
    """None: as before."""
    note: str = ""
    written_by: str = ""
    written_at: datetime | None = None


_THE_FILES = TariffSeen(number=0, from_day=None, to_day=None, windows=(), concessions=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursSeen:
    """A version of the opening hours. 0 is the files'."""

    number: int
    from_day: date | None
    to_day: date | None
    openings: Sequence[Opening]
    note: str = ""
    written_by: str = ""
    written_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesSeen:
    """A version of the booking rules that stands."""

    sport_code: str
    of_venue: bool
    from_day: date
    to_day: date | None
    version: int
    limits: Limits
    provenance: str
    source: str
    written_by: str
    written_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueSettings:
    """As of a day: what holds then, and what is written for later."""

    venue_id: str
    on: date
    hours: HoursSeen
    coming_hours: Sequence[HoursSeen]
    courts: Sequence[Mapping[str, Any]]
    tariff: TariffSeen
    coming_tariffs: Sequence[TariffSeen]
    rules: Sequence[RulesSeen]
    plans: Sequence[Mapping[str, Any]]


async def venue_settings(*, clerk: StaffSignedIn, venue_id: str, on: date, now: datetime) -> VenueSettings:
    """Raises NOT_ALLOWED, also for a venue that is none; BAD_INPUT for a silly day. Nine statements."""
    await demand_editing(clerk, venue_id)
    concerning("VENUE", venue_id, venue_id=venue_id, reading=True)
    check_day(on, now)
    stands = await standing(venue_id, on)
    versions = [_tariff(row) for row in await database.rows(_TARIFFS, stands.id, on, MOST_VERSIONS + 1)]
    in_force = next((each for each in versions if each.number == stands.number), None)
    hours, coming_hours = await _hours(stands.id, on)
    return VenueSettings(
        venue_id=venue_id,
        on=on,
        hours=hours,
        coming_hours=coming_hours,
        courts=await database.rows(_COURTS, stands.id, on),
        tariff=replace(
            in_force or _THE_FILES, number=stands.number, windows=stands.windows, concessions=stands.concessions
        ),
        coming_tariffs=[each for each in versions if each.from_day and each.from_day > on][:MOST_VERSIONS],
        rules=[_rules(row) for row in await database.rows(_RULES, stands.id, on)],
        plans=[_plan(row) for row in await database.rows(_PLANS, stands.id, on)],
    )


async def _hours(venue_id: int, on: date) -> tuple[HoursSeen, list[HoursSeen]]:
    """Those of that day, and those that begin later."""
    openings: dict[int, list[Opening]] = {}
    for number, *opening in await database.rows(_OPENINGS, venue_id):
        openings.setdefault(number, []).append(Opening(*opening))
    found = [
        HoursSeen(
            number=row["number"],
            from_day=database.day(row["from_day"]),
            to_day=row["to_day"] and database.day(row["to_day"]),
            openings=openings.get(row["number"], ()),
            note=row["note"],
            written_by=row["display_name"],
            written_at=database.utc(row["written_at"]),
        )
        for row in await database.rows(_HOURS, venue_id, on, MOST_VERSIONS + 1)
    ]
    files = HoursSeen(number=0, from_day=None, to_day=None, openings=openings.get(0, ()))
    holding = [each for each in found if each.from_day and each.from_day <= on]
    coming = [each for each in found if each.from_day and each.from_day > on][:MOST_VERSIONS]
    return max(holding, key=lambda each: each.number, default=files), coming


def _tariff(row: Any) -> TariffSeen:
    rules = row["concessions"]
    return TariffSeen(
        number=row["number"],
        from_day=database.day(row["from_day"]),
        to_day=row["to_day"] and database.day(row["to_day"]),
        windows=[Window(*window) for window in database.gathered(row["windows"])],
        concessions=None if rules is None else [Rule(*rule) for rule in database.gathered(rules)],
        note=row["note"],
        written_by=row["display_name"],
        written_at=database.utc(row["written_at"]),
    )


def _rules(row: Any) -> RulesSeen:
    return RulesSeen(
        sport_code=row["sport_code"],
        of_venue=bool(row["of_venue"]),
        from_day=database.day(row["from_day"]),
        to_day=row["to_day"] and database.day(row["to_day"]),
        version=row["version"],
        limits=limits_in([row[column] for column in LIMIT_COLUMNS]),
        provenance=row["provenance"],
        source=row["source"],
        written_by=row["display_name"] or "",
        written_at=row["made_at"] and database.utc(row["made_at"]),
    )


def _plan(row: Any) -> Mapping[str, Any]:
    """It holds until its own end, or until staff's next version of the pool begins."""
    order = list(Ticket)
    prices = [TicketPrice(*price) for price in database.gathered(row["prices"])]
    ends = [database.day(row[name]) for name in ("valid_to", "next_from") if row[name]]
    return {
        **row,
        "prices": sorted(prices, key=lambda price: order.index(Ticket(price.ticket))),
        "valid_from": database.day(row["valid_from"]),
        "valid_to": min(ends, default=None),
        "written_at": database.utc(row["written_at"]) if row["version"] else None,
    }


async def settings_history(
    *, clerk: StaffSignedIn, venue_id: str, first: int, after: str | None
) -> Sequence[Mapping[str, Any]]:
    """What staff wrote of a venue, the latest first, with the id of the audit line of its writing; one more than asked
    tells whether there are further ones. `after`: the `key` of the last line of the page before. Raises NOT_ALLOWED,
    BAD_INPUT for a place that is none."""
    await demand_editing(clerk, venue_id)
    concerning("VENUE", venue_id, venue_id=venue_id, reading=True)
    if after and await database.row(f"{_WRITTEN} SELECT key FROM written WHERE key = $2", venue_id, after) is None:
        raise wrong_cursor()
    found = await database.rows(
        f"""{_WRITTEN}
        SELECT written.*, (SELECT line.public_id FROM audit_line line
                            WHERE line.venue_id = $1 AND line.at = written.at AND line.act = written.act
                              AND line.actor_id = written.staff_id ORDER BY line.id LIMIT 1) AS audit_id
          FROM written
         WHERE $2 = '' OR (at, key) < (SELECT place.at, place.key FROM written place WHERE place.key = $2)
         ORDER BY at DESC, key DESC LIMIT $3""",
        venue_id,
        after or "",
        first + 1,
    )
    return [
        {
            **row,
            "at": database.utc(row["at"]),
            "from_day": database.day(row["from_day"]),
            "to_day": row["to_day"] and database.day(row["to_day"]),
        }
        for row in found
    ]


_TARIFFS = """
SELECT tariff.number, tariff.from_day, tariff.to_day, tariff.windows, tariff.concessions, tariff.note,
       tariff.written_at, staff_member.display_name
  FROM tariff_version tariff JOIN staff_member ON staff_member.id = tariff.written_by_id
 WHERE tariff.venue_id = $1 AND (tariff.to_day IS NULL OR tariff.to_day > $2)
 ORDER BY tariff.from_day > $2 DESC, tariff.number DESC LIMIT $3"""
_HOURS = f"""
SELECT hours.number, hours.from_day, hours.to_day, hours.note, hours.written_at, staff_member.display_name
  FROM hours_version hours JOIN staff_member ON staff_member.id = hours.written_by_id
 WHERE hours.venue_id = $1 AND (hours.from_day > $2 OR hours.number = {version_on("$1", "$2")})
 ORDER BY hours.from_day, hours.number LIMIT $3"""
_OPENINGS = """
SELECT version, weekday, opens_minute, closes_minute, sport_code FROM opening_hours
 WHERE venue_id = $1 ORDER BY sport_code, weekday, opens_minute"""
_COURTS = f"""
SELECT court.public_id, {COURT_NAME} AS name, court.sport_code, {SLOT_MINUTES} AS slot_minutes,
       {MAX_PEOPLE} AS max_people, {STANDS} AS is_open, court.provenance,
       (SELECT COUNT(*) FROM court_cover WHERE court_id = court.id) AS parts
  FROM court {courts_on("$2")} WHERE court.venue_id = $1 ORDER BY court.position, court.id"""
_RULES = f"""
SELECT rule.sport_code, rule.venue_id IS NOT NULL AS of_venue, rule.from_day, rule.to_day, rule.version, rule.provenance,
       rule.source, rule.made_at, staff_member.display_name, {", ".join(LIMIT_COLUMNS)}
  FROM booking_rule rule LEFT JOIN staff_member ON staff_member.id = rule.made_by_id
 WHERE (rule.venue_id = $1 OR rule.venue_id IS NULL) AND rule.replaced_at IS NULL
   AND (rule.to_day IS NULL OR rule.to_day > $2)
 ORDER BY rule.venue_id IS NULL, rule.sport_code, rule.from_day"""
_PLANS = f"""
SELECT plan.name, plan.sport_code, day_kind, from_minute, to_minute, capacity, area_m2, lifeguards, places_a_person_a_day,
       valid_from, valid_to, plan.version, plan.provenance, plan.source, plan.written_at, staff_member.display_name,
       (SELECT json_agg(json_build_array(ticket, kind, price_fen, provenance)) FROM session_price
         WHERE plan_id = plan.id) AS prices,
       (SELECT MIN(next.from_day) FROM session_plan_version next
         WHERE next.venue_id = plan.venue_id AND next.sport_code = plan.sport_code AND next.name = plan.name
           AND next.number > plan.version AND next.from_day > plan.valid_from AND next.from_day > $2) AS next_from
  FROM session_plan plan LEFT JOIN staff_member ON staff_member.id = plan.written_by_id
 WHERE plan.venue_id = $1 AND (valid_to IS NULL OR valid_to > $2)
   AND plan.version = {plans_version_on("plan", "CASE WHEN valid_from > $2 THEN valid_from ELSE $2 END")}
 ORDER BY plan.sport_code, plan.name, valid_from > $2, day_kind, from_minute, valid_from LIMIT 80"""
_WRITTEN = """
WITH written AS (
SELECT 'T' || tariff.number AS key, 'TARIFF' AS what, '' AS sport_code, tariff.number AS version, tariff.from_day,
       tariff.to_day, tariff.note, tariff.written_at AS at, staff.display_name, staff.public_id AS staff_id,
       'writeTariff' AS act
  FROM tariff_version tariff JOIN staff_member staff ON staff.id = tariff.written_by_id
  JOIN venue ON venue.id = tariff.venue_id WHERE venue.public_id = $1
 UNION ALL
SELECT 'R' || rule.id, 'RULES', rule.sport_code, rule.version, rule.from_day, rule.to_day, rule.source, rule.made_at,
       staff.display_name, staff.public_id, 'writeBookingRules'
  FROM booking_rule rule JOIN staff_member staff ON staff.id = rule.made_by_id
  JOIN venue ON venue.id = rule.venue_id WHERE venue.public_id = $1
 UNION ALL
SELECT 'C' || court_version.id, 'COURT', court.sport_code, court_version.number, court_version.from_day, NULL,
       court_version.note, court_version.written_at, staff.display_name, staff.public_id, 'writeCourt'
  FROM court_version JOIN court ON court.id = court_version.court_id
  JOIN staff_member staff ON staff.id = court_version.written_by_id
  JOIN venue ON venue.id = court_version.venue_id WHERE venue.public_id = $1
 UNION ALL
SELECT 'H' || hours.id, 'HOURS', '', hours.number, hours.from_day, hours.to_day, hours.note, hours.written_at,
       staff.display_name, staff.public_id, 'writeOpeningHours'
  FROM hours_version hours JOIN staff_member staff ON staff.id = hours.written_by_id
  JOIN venue ON venue.id = hours.venue_id WHERE venue.public_id = $1
 UNION ALL
SELECT 'S' || plans.id, 'SESSIONS', plans.sport_code, plans.number, plans.from_day, plans.to_day, plans.note,
       plans.written_at, staff.display_name, staff.public_id, 'writeSessionPlan'
  FROM session_plan_version plans JOIN staff_member staff ON staff.id = plans.written_by_id
  JOIN venue ON venue.id = plans.venue_id WHERE venue.public_id = $1)"""
