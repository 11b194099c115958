"""The rows of the coming days' sessions, made from the plans ahead of time.

A session is a row, and not worked out of its plan when it is asked for, because its capacity needs one place that can
be locked: two people who want the last place meet at that row. Each venue is one short transaction; a session made
twice is made once (its id and its unique key say so), so the job may die anywhere and run as often as it likes.
"""

import logging
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from models import database
from models.booking.plan_rules import Hours, fits, hours_on
from models.booking.plan_versions import PlansVersion, number_on
from models.booking.session_rules import Plan, SessionTime, plans_on, time_of
from models.calendar import business_day
from models.venues.kinds_of_days import kinds_of
from models.venues.rules import Opening

log = logging.getLogger(__name__)

DAYS_MADE = 31
"""Today and the thirty days after it; no venue releases farther ahead."""


async def make_sessions(*, now: datetime) -> int:
    """Makes what is missing and brings what is there in line with the plans. Gives how many rows that touched.

    A plan that changed changes only sessions that have not begun: never below what is sold. What no plan wants any
    more is closed, and what lies outside the opening hours that staff wrote for its day (or, where staff wrote the plan,
    anybody's hours); whoever has a place there keeps it until staff close the session, or is asked (`turning`); until
    that closure is withdrawn it stays closed.
    """
    touched = 0
    for venue in await database.rows("SELECT DISTINCT venue_id FROM session_plan ORDER BY venue_id"):
        touched += await _make_for(venue["venue_id"], now=now)
    return touched


@database.operation
async def _make_for(venue_id: int, *, now: datetime) -> int:
    return await make_for(venue_id, now=now)


async def make_for(venue_id: int, *, now: datetime) -> int:
    """`make_sessions` for one venue: a plain function."""
    await database.alone_with(f"sessions of venue {venue_id}")
    today = business_day(now)
    wanted = await _wanted(venue_id, [today + timedelta(days=ahead) for ahead in range(DAYS_MADE)])
    there = await database.rows(
        """SELECT id, plan_id, sport_code, name, starts_at, ends_at, capacity, taken, is_open,
                  EXISTS (SELECT 1 FROM closure WHERE session_id = session.id AND withdrawn_at IS NULL) AS is_closed
             FROM session WHERE venue_id = $1 AND business_day >= $2""",
        *(venue_id, today),
    )
    known = {(row["sport_code"], row["name"], database.utc(row["starts_at"])): row for row in there}
    touched = 0
    for plan_id, plan, day, time in wanted:
        key = (plan.sport_code, plan.name, time.starts_at)
        if key in known and known[key]["is_closed"]:
            continue  # whoever has a place is asked, and whoever bought one now would be
        row = known.pop(key, None)
        if time.starts_at > now:
            touched += await (
                _insert(venue_id, plan_id, plan, day, time) if row is None else _align(row, plan_id, plan, time)
            )
    for row in known.values():
        if row["is_open"] and database.utc(row["starts_at"]) > now:
            await database.rows("UPDATE session SET is_open = false WHERE id = $1", row["id"])
            log.info("session %s is in no plan any more and was closed; %s places sold", row["id"], row["taken"])
            touched += 1
    return touched


async def _insert(venue_id: int, plan_id: int, plan: Plan, day: date, time: SessionTime) -> int:
    made = await database.rows(
        """INSERT INTO session (public_id, plan_id, venue_id, sport_code, name, business_day, starts_at, ends_at,
                                capacity, taken, is_open, counted_inside)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, true, 0)
           ON CONFLICT (venue_id, sport_code, name, starts_at) DO NOTHING RETURNING id""",
        *(time.public_id, plan_id, venue_id, plan.sport_code, plan.name, day),
        *(time.starts_at, time.ends_at, plan.capacity),
    )
    return len(made)


async def _align(row: Any, plan_id: int, plan: Plan, time: SessionTime) -> int:
    """Whoever bought a place was told an end: it moves only while nobody has one."""
    ends_at = database.utc(row["ends_at"]) if row["taken"] else time.ends_at
    asked = (plan_id, max(plan.capacity, row["taken"]), ends_at, True)
    if asked == (row["plan_id"], row["capacity"], database.utc(row["ends_at"]), bool(row["is_open"])):
        return 0
    await database.rows(
        """UPDATE session SET plan_id = $2, capacity = CASE WHEN taken > $3 THEN taken ELSE $3 END,
                  ends_at = CASE WHEN taken > 0 THEN ends_at ELSE $4 END, is_open = true WHERE id = $1""",
        *(row["id"], plan_id, plan.capacity, ends_at),
    )
    return 1


async def _wanted(venue_id: int, days: Sequence[date]) -> list[tuple[int, Plan, date, SessionTime]]:
    (venue,) = await database.rows("SELECT ref, is_open, province_code FROM venue WHERE id = $1", venue_id)
    if not venue["is_open"]:
        return []
    plans = [
        ((row["id"], row["version"]), plan_in(row))
        for row in await database.rows("SELECT * FROM session_plan WHERE venue_id = $1 ORDER BY id", venue_id)
    ]
    versions = await versions_of(venue_id)
    hours = await hours_of(venue_id, days[0]) if plans else []
    return [
        (plan_id, plan, day.date, time_of(plan, venue["ref"], day.date))
        for day in await kinds_of(days, venue["province_code"])
        for (plan_id, version), plan in plans_on(_holding(plans, versions, day.date), day)
        if fits(plan, day.date, hours_on([each for each in hours if version or each.number], day.date))
    ]


_Marked = tuple[tuple[int, int], Plan]
"""A plan with its row's id and its version's number."""


def _holding(plans: Sequence[_Marked], versions: Sequence[PlansVersion], day: date) -> list[_Marked]:
    return [
        (mark, plan) for mark, plan in plans if mark[1] == number_on(versions, plan.sport_code, plan.name, day)
    ]


async def versions_of(venue_id: int) -> list[PlansVersion]:
    """All that staff wrote of a venue's pools, without their sessions."""
    found = await database.rows(
        "SELECT number, sport_code, name, from_day, to_day FROM session_plan_version WHERE venue_id = $1", venue_id
    )
    return [PlansVersion.of(row) for row in found]


async def hours_of(venue_id: int, after: date) -> list[Hours]:
    """A venue's opening hours on that day and later. Beside the files' (number 0) a session that is the files' too has
    times of its own."""
    return [
        Hours(
            row["number"],
            database.day(row["from_day"]),
            database.day(row["to_day"]) if row["to_day"] else None,
            [Opening(*each) for each in database.gathered(row["openings"])],
        )
        for row in await database.rows(_HOURS, venue_id, after)
    ]


_HOURS = """
SELECT hours.number, hours.from_day, hours.to_day,
       (SELECT json_agg(json_build_array(weekday, opens_minute, closes_minute, sport_code)) FROM opening_hours
         WHERE venue_id = $1 AND version = hours.number) AS openings
  FROM (SELECT number, from_day, to_day FROM hours_version WHERE venue_id = $1
         UNION ALL SELECT 0, $2, NULL) hours
 WHERE hours.to_day IS NULL OR hours.to_day > $2"""


def plan_in(row: Any) -> Plan:
    """A plan of its table's row, without its prices."""
    return Plan(
        sport_code=row["sport_code"],
        name=row["name"],
        day_kind=row["day_kind"],
        from_minute=row["from_minute"],
        to_minute=row["to_minute"],
        area_m2=row["area_m2"],
        lifeguards=row["lifeguards"],
        capacity=row["capacity"],
        places_a_person_a_day=row["places_a_person_a_day"],
        valid_from=database.day(row["valid_from"]),
        valid_to=database.day(row["valid_to"]) if row["valid_to"] else None,
    )
