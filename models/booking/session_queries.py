"""The sessions of a venue's day with their free places, and what placing an order needs to know of them.

Two statements whatever the size of the venue: its timetable, for the limits, and the sessions with their prices and the
people inside. Nothing here is kept: a place that is free now may be gone in a second.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import orjson

from models import database
from models.booking.closure_rules import refuse_closed
from models.booking.limits import Limits
from models.booking.queries import timetable
from models.booking.rules import SlotStatus, check_day
from models.booking.session_rules import (
    LIVE_FOR,
    SessionFacts,
    Ticket,
    TicketPrice,
    check_on_sale,
    status_of,
    ticket_of,
)
from models.booking.timetables import Timetable
from models.errors import DomainError, ErrorCode
from models.money import yuan_text
from models.venues.explaining import PartKind, PricePart
from models.venues.queries import require_sport

EARLY_IN = timedelta(minutes=30)
"""Before a session begins nobody asks who is inside."""

_FACTS = """
SELECT session.id, session.public_id, session.venue_id, session.sport_code, session.name, session.business_day,
       session.starts_at, session.ends_at, session.capacity, session.taken, session.counted_inside, session.counted_at,
       session.is_open, session_plan.places_a_person_a_day, venue.public_id AS venue_public_id,
       (SELECT json_agg(json_build_array(ticket, kind, price_fen, provenance))
          FROM session_price WHERE plan_id = session.plan_id) AS prices"""
_FROM = """
  FROM session JOIN session_plan ON session_plan.id = session.plan_id JOIN venue ON venue.id = session.venue_id"""
_INSIDE = """,
       (SELECT COUNT(*) FROM held_place JOIN admission ON admission.order_line_id = held_place.order_line_id
         WHERE held_place.session_id = session.id AND admission.is_inside
           AND session.starts_at <= $3 AND session.ends_at > $4) AS inside,
       (SELECT MAX(passage.passed_at) FROM held_place
          JOIN admission ON admission.order_line_id = held_place.order_line_id
          JOIN passage ON passage.admission_id = admission.id
         WHERE held_place.session_id = session.id AND session.starts_at <= $3 AND session.ends_at > $4) AS passed_at"""


class SessionInside(NamedTuple):
    """How many are inside a session by its codes and its gates, and when somebody last came or went."""

    inside: int
    counted_at: datetime


class SessionOnDay(NamedTuple):
    """A session as people see it. `inside` is None unless it is under way and somebody has come."""

    facts: SessionFacts
    status: SlotStatus
    inside: SessionInside | None


@dataclass(frozen=True, slots=True)
class BookableSession:
    """So many places of a session that passed every rule of the book but two: whether they are free says the row."""

    session: SessionFacts
    ticket: TicketPrice
    people: int
    limits: Limits
    concession: None = None  # a ticket's price is its group's already

    @property
    def venue_id(self) -> int:
        return self.session.venue_id

    @property
    def day(self) -> date:
        return self.session.day

    @property
    def starts_at(self) -> datetime:
        return self.session.starts_at

    @property
    def ends_at(self) -> datetime:
        return self.session.ends_at

    @property
    def title(self) -> str:
        return self.session.title

    @property
    def price_fen(self) -> int:
        return self.people * self.ticket.price_fen

    @property
    def general_fen(self) -> int:
        return self.price_fen

    @property
    def price_label(self) -> str:
        return self.ticket.label

    @property
    def price_parts(self) -> tuple[PricePart, ...]:
        """成人票·低收费15.00元×2人"""
        each = yuan_text(self.ticket.price_fen) if self.ticket.price_fen else ""
        text = f"{self.ticket.label}{each}×{self.people}人"
        return (PricePart(PartKind.TICKET, text, self.price_fen, self.ticket.provenance != "PUBLISHED"),)


async def sessions(*, venue_id: str, sport: str | None, day: date, now: datetime) -> list[SessionOnDay]:
    """A venue's sessions of a day, the earliest first. Those that are closed are not among them.

    Raises VENUE_UNKNOWN, VENUE_CLOSED, SPORT_UNKNOWN, BAD_INPUT for a silly day.
    """
    check_day(day, now)
    table = await timetable(venue_id=venue_id, sport=sport, day=day)
    found = await database.rows(
        f"""{_FACTS}{_INSIDE}{_FROM}
             WHERE session.venue_id = $1 AND session.business_day = $2 AND session.is_open
               AND ($5::text = '' OR session.sport_code = $5::text)
             ORDER BY session.starts_at, session.id""",
        *(table.venue_id, day, now + EARLY_IN, now, sport or ""),
    )
    limits: dict[str, Limits] = {}
    shown = []
    for row in found:
        facts = _facts(row, now)
        of_sport = limits.get(facts.sport_code) or limits.setdefault(
            facts.sport_code, table.limits_of(facts.sport_code)
        )
        status = status_of(facts, limits=of_sport, now=now)
        closed = any(
            closure.over_sport(facts.sport_code) and closure.during(facts.starts_at, facts.ends_at)
            for closure in table.closures
        )
        if closed and status is not SlotStatus.PAST:
            status = SlotStatus.CLOSED
        shown.append(SessionOnDay(facts, status, _inside(row, now)))
    if not found and sport is not None:
        await require_sport(sport)
    return shown


async def bookable_sessions(wanted: Sequence[tuple[str, str, int]], *, now: datetime) -> list[BookableSession]:
    """For each (session's public id, ticket, people) what is sold, at its price of now, or the refusal of the first.

    Raises SESSION_UNKNOWN, TICKET_UNKNOWN, SLOT_PAST, SLOT_NOT_RELEASED, BAD_INPUT, VENUE_CLOSED.
    """
    ids = sorted({public_id for public_id, _, _ in wanted})
    found = await database.rows(
        f"{_FACTS}{_FROM} WHERE session.public_id IN ({database.parameters(len(ids))})", *ids
    )
    known = {row["public_id"]: row for row in found}
    tables: dict[tuple[str, date], Timetable] = {}
    booked = []
    for public_id, ticket, people in wanted:
        row = known.get(public_id)
        if row is None:
            raise _session_unknown()
        facts = _facts(row, now)
        key = (row["venue_public_id"], facts.day)
        if key not in tables:
            tables[key] = await timetable(venue_id=key[0], sport=None, day=key[1])
        limits = tables[key].limits_of(facts.sport_code)
        check_on_sale(facts, people=people, limits=limits, now=now)
        closures = [each for each in tables[key].closures if each.over_sport(facts.sport_code)]
        refuse_closed(facts.title, closures, starts_at=facts.starts_at, ends_at=facts.ends_at)
        booked.append(BookableSession(facts, ticket_of(facts, ticket), people, limits))
    return booked


async def places_held(
    *,
    member_id: int,
    person_id: int | None,
    venue_id: int,
    sport_code: str,
    day: date,
    but_line_id: int | None = None,
) -> int:
    """How many places of a sport's sessions somebody has at a venue on a day, over orders that are not closed and but for
    one line: by this account, and, where their real name is known, by any."""
    found = await database.row(
        """SELECT COALESCE(SUM(order_line.people), 0) AS people
             FROM order_line JOIN orders ON orders.id = order_line.order_id
                             JOIN session ON session.id = order_line.session_id
            WHERE (orders.member_id = $1 OR orders.person_id = $5) AND orders.venue_id = $2
              AND order_line.business_day = $3 AND session.sport_code = $4 AND orders.status <> 'CLOSED'
              AND order_line.cancelled_at IS NULL AND order_line.id <> $6""",
        *(member_id, venue_id, day, sport_code, person_id, but_line_id or 0),
    )
    return int(found["people"]) if found else 0


async def free_places(session_id: int, *, now: datetime) -> int:
    """How many can be sold of it at this moment."""
    row = await database.row(f"{_FACTS}{_FROM} WHERE session.id = $1", session_id)
    return _facts(row, now).free if row is not None else 0


async def refuse_replanned(session: SessionFacts) -> None:
    """Raises SESSION_UNKNOWN where a session is held no more, or until another time than was told."""
    found = await database.row("SELECT ends_at, is_open FROM session WHERE id = $1", session.id)
    if found is None or not found["is_open"] or database.utc(found["ends_at"]) != session.ends_at:
        raise DomainError(
            f"{session.title}刚刚改了安排。",
            code=ErrorCode.SESSION_UNKNOWN,
            next_step="请在场次表里重新选择。",
            field="lines",
        )


async def overdue_orders(session_ids: Sequence[int], *, now: datetime) -> list[int]:
    """Unpaid orders whose hold is over and that still have places of these sessions."""
    found = await database.rows(
        f"""SELECT DISTINCT orders.id FROM held_place
              JOIN order_line ON order_line.id = held_place.order_line_id JOIN orders ON orders.id = order_line.order_id
             WHERE orders.status = 'PENDING_PAYMENT' AND orders.hold_expires_at <= $1
               AND held_place.session_id IN ({database.parameters(len(session_ids), first=2)}) ORDER BY orders.id""",
        now,
        *session_ids,
    )
    return [row["id"] for row in found]


def _facts(row: Any, now: datetime) -> SessionFacts:
    counted_at = row["counted_at"] and database.utc(row["counted_at"])
    is_live = counted_at is not None and counted_at >= now - LIVE_FOR
    prices = [TicketPrice(*each) for each in orjson.loads(row["prices"] or "[]")]
    order = list(Ticket)
    return SessionFacts(
        id=row["id"],
        public_id=row["public_id"],
        venue_id=row["venue_id"],
        sport_code=row["sport_code"],
        name=row["name"],
        day=database.day(row["business_day"]),
        starts_at=database.utc(row["starts_at"]),
        ends_at=database.utc(row["ends_at"]),
        capacity=row["capacity"],
        taken=row["taken"],
        counted=row["counted_inside"] if is_live else 0,
        is_open=bool(row["is_open"]),
        places_a_person_a_day=row["places_a_person_a_day"],
        prices=tuple(sorted(prices, key=lambda price: order.index(Ticket(price.ticket)))),
    )


def _inside(row: Mapping[str, Any], now: datetime) -> SessionInside | None:
    """While it is under way, those who came by a code and those whom a gate counted; both as old as the later."""
    starts_at, ends_at = database.utc(row["starts_at"]), database.utc(row["ends_at"])
    moved = [database.utc(row[column]) for column in ("counted_at", "passed_at") if row[column]]
    if not moved or not starts_at - EARLY_IN <= now < ends_at:
        return None
    return SessionInside(row["inside"] + row["counted_inside"], max(moved))


def _session_unknown() -> DomainError:
    return DomainError(
        "没有找到这个场次。",
        code=ErrorCode.SESSION_UNKNOWN,
        next_step="请在场次表里重新选择。",
        field="lines",
    )
