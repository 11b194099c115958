"""Staff edit the sessions of a pool or hall with their tickets from a day on: first seen as a preview, then written as what
was seen.

All sessions of a pool are one version; what came before stays. A session of which somebody has places and that is in
the plan no more goes the way of one outside new opening hours: it is sold no more (`session_making`), and a closure of
that session alone asks whoever has a ticket (`turning`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from models import database
from models.booking import plan_rules as rules
from models.booking.closure_rules import ClosureKind, notice_text
from models.booking.editing import KEY, demand_editing
from models.booking.plan_fates import Fates, SoldTicket, fates, promise
from models.booking.plan_rules import Hours, PlansWanted, Standing
from models.booking.plan_versions import number_on
from models.booking.session_making import hours_of, make_for, plan_in, versions_of
from models.booking.session_rules import TicketPrice
from models.booking.tables import SessionPlan, SessionPlanVersion, SessionPrice
from models.booking.turning import WAKES, close_booked
from models.calendar import business_day
from models.errors import BadInput, KeyReused
from models.ids import request_hash
from models.staff.rules import StaffSignedIn
from models.venues.days import Day
from models.venues.kinds_of_days import kinds_of
from models.venues.writing import preview_changed

MOST_LISTED = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class PlansPreview:
    """What writing would do now; what it would be refused with, the preview is refused with."""

    from_day: date
    to_day: date | None
    changes: Sequence[str]
    bookings: int
    """Order lines with places of the pool's sessions, on these days."""
    bookings_without: int
    """Of them, whose session would be held no more."""
    bookings_otherwise: int
    """Of them, whose session would cost something else now, or end at another time. They keep what they have."""
    listed: Sequence[SoldTicket]
    """Those whose session would be held no more, the earliest first, at most MOST_LISTED."""
    promise: str
    change_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Before:
    """What sessions would be held against."""

    venue_id: int
    stands: Standing
    hours: Sequence[Hours]
    days: Sequence[Day]
    """On which they would hold, a year of them at most."""
    fates: Fates
    """Of what is sold."""


async def preview_plans(
    *, clerk: StaffSignedIn, venue_id: str, wanted: PlansWanted, now: datetime
) -> PlansPreview:
    """Raises NOT_ALLOWED, also for a venue that is none, and BAD_INPUT. Ten statements at most."""
    await demand_editing(clerk, venue_id)
    before = await _checked(venue_id, wanted, now)
    found = before.fates
    return PlansPreview(
        from_day=wanted.from_day,
        to_day=wanted.to_day,
        changes=list(_changes(before, wanted, now)),
        bookings=found.bookings,
        bookings_without=len(found.without),
        bookings_otherwise=len(found.otherwise),
        listed=found.without[:MOST_LISTED],
        promise=promise(found),
        change_hash=_hash(before, wanted),
    )


@database.operation
async def write_plans(
    *,
    clerk: StaffSignedIn,
    venue_id: str,
    wanted: PlansWanted,
    expected_change: str,
    idempotency_key: str,
    now: datetime,
) -> int:
    """The number of the new version. The same again under its key changes nothing.

    Raises what the preview raises, PREVIEW_CHANGED and IDEMPOTENCY_KEY_REUSED.
    """
    await demand_editing(clerk, venue_id)
    if not KEY.fullmatch(idempotency_key):
        raise BadInput("幂等键应为8到64个英文字符或数字。", next_step="请刷新页面后再试。", field="idempotencyKey")
    await database.alone_with(f"courts of {venue_id}")  # with whom its hours are written, which bind the sessions
    asked = request_hash(*_asked(wanted), wanted.note)
    repeated = await _written_before(venue_id, idempotency_key, asked)
    if repeated:
        return repeated
    before = await _checked(venue_id, wanted, now)
    if expected_change != _hash(before, wanted):
        raise preview_changed()
    number = before.stands.last_number + 1
    await SessionPlanVersion.create(
        venue_id=before.venue_id,
        number=number,
        sport_code=wanted.sport_code,
        name=wanted.name.strip(),
        from_day=wanted.from_day,
        to_day=wanted.to_day,
        note=wanted.note.strip(),
        request_key=idempotency_key,
        request_hash=asked,
        written_by_id=clerk.staff_id,
        written_at=now,
    )
    await _put(before.venue_id, number, wanted, staff_id=clerk.staff_id, now=now)
    await make_for(before.venue_id, now=now)
    await close_booked(before.venue_id, now=now)
    database.ring(WAKES)
    return number


async def _put(venue_id: int, number: int, wanted: PlansWanted, *, staff_id: int, now: datetime) -> None:
    """What a venue says itself is published."""
    for plan in wanted.plans():
        columns = {name: value for name, value in plan._asdict().items() if name != "prices"}
        row = await SessionPlan.create(
            **columns,
            venue_id=venue_id,
            version=number,
            provenance="PUBLISHED",
            source=wanted.note.strip(),
            written_at=now,
            written_by_id=staff_id,
        )
        await SessionPrice.bulk_create(SessionPrice(plan_id=row.id, **price._asdict()) for price in plan.prices)


async def _checked(venue_id: str, wanted: PlansWanted, now: datetime) -> _Before:
    """What stands, after every rule was asked."""
    venue = await database.row(_VENUE, venue_id)
    assert venue is not None
    sports = {*database.gathered(venue["sport_codes"]), *database.gathered(venue["planned"])}
    rules.check_itself(wanted, sports, business_day(now))
    stands = await _standing(venue["id"], wanted)
    rules.check_new(wanted, stands)
    hours = await hours_of(venue["id"], wanted.from_day)
    days = await kinds_of(wanted.days(), venue["province_code"])
    rules.check_days(wanted, days, hours)
    sold = await _sold(venue["id"], wanted, now)
    found = fates(wanted, sold, {day.date: day for day in days}, hours)
    return _Before(venue_id=venue["id"], stands=stands, hours=hours, days=days, fates=found)


async def _standing(venue_id: int, wanted: PlansWanted) -> Standing:
    name, day = wanted.name.strip(), wanted.from_day
    versions = await versions_of(venue_id)
    number = number_on(versions, wanted.sport_code, name, day)
    rows = await database.rows(_PLANS, venue_id, wanted.sport_code, name, number)
    plans = [
        plan_in(row)._replace(prices=tuple(TicketPrice(*price) for price in database.gathered(row["prices"])))
        for row in rows
    ]
    of_pool = [each for each in versions if (each.sport_code, each.name) == (wanted.sport_code, name)]
    return Standing(
        number,
        next((each.to_day for each in of_pool if each.number == number), None),
        [plan for plan in plans if plan.is_valid_on(day)],
        max((each.number for each in versions), default=0),
        sorted(each for each in of_pool if each.from_day > day),
    )


def _changes(before: _Before, wanted: PlansWanted, now: datetime) -> Iterator[str]:
    yield from rules.sentences(wanted, before.stands)
    shut = rules.shut_weekdays(wanted, before.days, before.hours)
    if shut is not None:
        yield shut
    if without := before.fates.without:
        yield notice_text(ClosureKind.OTHER, without[0].starts_at, now)


def _asked(wanted: PlansWanted) -> Sequence[Any]:
    return sorted(map(_told, wanted.plans())), str(wanted.from_day), str(wanted.to_day)


def _told(plan: Any) -> list[str]:
    return [str(value) for value in plan]


def _hash(before: _Before, wanted: PlansWanted) -> str:
    """Another one as soon as what would be written, or anything that it would be held against, is another."""
    return request_hash(
        *_asked(wanted),
        sorted(map(_told, before.stands.plans)),
        [before.stands.number, before.stands.last_number],
        sorted(
            [each.number, str(each.from_day), str(each.to_day), sorted(each.openings)] for each in before.hours
        ),
    )


async def _sold(venue_id: int, wanted: PlansWanted, now: datetime) -> list[SoldTicket]:
    """Whatever holds places of the pool's sessions on these days."""
    found = await database.rows(
        _SOLD,
        *(venue_id, wanted.sport_code, wanted.name.strip()),
        *(wanted.from_day, wanted.days()[-1] + timedelta(days=1), now),
    )
    return [
        SoldTicket(
            row["order_no"],
            row["name"],
            database.day(row["business_day"]),
            database.utc(row["starts_at"]),
            database.utc(row["ends_at"]),
            row["ticket"],
            row["people"],
            row["price_fen"],
            row["status"] == "PAID",
        )
        for row in found
    ]


async def _written_before(venue_id: str, key: str, asked: str) -> int | None:
    found = await database.row(
        """SELECT version.number, version.request_hash
             FROM session_plan_version version JOIN venue ON venue.id = version.venue_id
            WHERE venue.public_id = $1 AND version.request_key = $2""",
        venue_id,
        key,
    )
    if found is None:
        return None
    if found["request_hash"] != asked:
        raise KeyReused("一次修改")
    return int(found["number"])


_VENUE = """
SELECT id, province_code, sport_codes,
       (SELECT json_agg(sport_code) FROM session_plan WHERE venue_id = venue.id) AS planned
  FROM venue WHERE public_id = $1"""
_PLANS = """
SELECT plan.*, (SELECT json_agg(json_build_array(ticket, kind, price_fen, provenance)) FROM session_price
                 WHERE plan_id = plan.id) AS prices
  FROM session_plan plan
 WHERE venue_id = $1 AND sport_code = $2 AND name = $3 AND version = $4 ORDER BY id"""
_SOLD = """
SELECT orders.order_no, session.name, session.business_day, line.starts_at, line.ends_at, line.ticket, line.people,
       line.price_fen + line.concession_fen AS price_fen, orders.status
  FROM session JOIN held_place ON held_place.session_id = session.id
  JOIN order_line line ON line.id = held_place.order_line_id JOIN orders ON orders.id = line.order_id
 WHERE session.venue_id = $1 AND session.sport_code = $2 AND session.name = $3
   AND session.business_day >= $4 AND session.business_day < $5 AND line.starts_at > $6
 ORDER BY line.starts_at, line.id"""
