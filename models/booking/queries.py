"""The court × time grid of a venue's day, and what placing an order needs to know of a slot.

Two statements whatever the size of the venue: its timetable as one row with JSON inside, and the held cells.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import orjson

from models import database
from models.booking.rules import (
    CourtFacts,
    Limits,
    SlotStatus,
    check_bookable,
    check_day,
    grid,
    released_at,
    slot_title,
    status_of,
)
from models.calendar import CELL_MINUTES, business_day, instant_of, step_of, steps_between
from models.errors import DomainError, ErrorCode
from models.venues.rules import (
    Day,
    HalfHours,
    Opening,
    PriceKind,
    Window,
    day_of,
    half_hours,
    openings_on,
    price_of,
    windows_of_court,
)

TIMETABLE = """
SELECT venue.id, venue.public_id, venue.name, venue.is_open,
       (SELECT json_agg(json_build_array(court.id, court.public_id, court.name, court.sport_code,
                        court.slot_minutes, court.max_people, court.position, court_cover.part_id))
          FROM court JOIN court_cover ON court_cover.court_id = court.id
         WHERE court.venue_id = venue.id AND court.is_open
           AND ($2::text = '' OR court.sport_code = $2::text)) AS courts,
       (SELECT json_agg(json_build_array(weekday, opens_minute, closes_minute, sport_code))
          FROM opening_hours WHERE venue_id = venue.id) AS openings,
       (SELECT json_agg(json_build_array(day_kind, from_minute, to_minute, kind, price_fen_per_hour,
                        window_provenance, price_provenance, sport_code, court_name))
          FROM tariff_window WHERE venue_id = venue.id) AS windows,
       (SELECT json_build_array(courts_a_person_a_day, minutes_a_court_a_day, days_ahead, release_minute,
                        hold_minutes, entry_opens_minutes_before)
          FROM booking_rule WHERE venue_id = venue.id OR venue_id IS NULL
         ORDER BY venue_id IS NULL LIMIT 1) AS limits,
       (SELECT kind FROM holiday WHERE date = $3) AS notice,
       EXISTS (SELECT 1 FROM holiday WHERE date >= $4 AND date <= $5) AS year_known
  FROM venue WHERE venue.public_id = $1
"""
HELD = "SELECT part_id, step FROM held_cell WHERE venue_id = $1 AND step >= $2 AND step < $3"
"""Both are public for `make bench`, whose bare route runs the same texts."""


@dataclass(frozen=True, slots=True)
class Timetable:
    """A venue's day: who plays where, when it is open, what an hour costs, who may hold how much."""

    venue_id: int
    day: Day
    courts: tuple[CourtFacts, ...]
    openings: tuple[Opening, ...]
    windows: tuple[Window, ...]
    limits: Limits

    def openings_of(self, court: CourtFacts) -> tuple[tuple[int, int], ...]:
        return openings_on(self.openings, self.day.date.weekday(), court.sport_code)

    def prices_of(self, court: CourtFacts) -> HalfHours:
        return half_hours(windows_of_court(self.windows, court.sport_code, court.name), self.day)


@dataclass(frozen=True, slots=True)
class Slot:
    """One cell of the grid that a citizen sees. An unpriced slot is not shown: it cannot be sold."""

    court_id: str
    court_name: str
    starts_at: datetime
    ends_at: datetime
    status: SlotStatus
    price_fen: int
    price_kind: PriceKind
    price_label: str
    price_provenance: str
    max_people: int


@dataclass(frozen=True, slots=True)
class BookableSlot:
    """A slot that passed every rule of the book but one: whether it is still free decides the constraint."""

    venue_id: int
    court: CourtFacts
    day: date
    starts_at: datetime
    ends_at: datetime
    price_fen: int
    price_label: str
    limits: Limits

    @property
    def title(self) -> str:
        return slot_title(self.court.name, self.starts_at, self.ends_at)


async def slots(*, venue_id: str, sport: str | None, day: date, now: datetime) -> list[Slot]:
    """The grid of a day, court by court. Raises VENUE_UNKNOWN, VENUE_CLOSED, BAD_INPUT for a silly day."""
    check_day(day, now)
    table = await timetable(venue_id=venue_id, sport=sport, day=day)
    held = await _held_cells(table)
    released = released_at(day, table.limits)
    return [slot for court in table.courts for slot in _slots_of(court, table, held, released, now)]


def _slots_of(
    court: CourtFacts, table: Timetable, held: set[tuple[int, int]], released: datetime, now: datetime
) -> Iterable[Slot]:
    prices = table.prices_of(court)
    midnight = instant_of(table.day.date, 0)
    first_step = step_of(midnight)
    for start, end in grid(table.openings_of(court), court.slot_minutes):
        price = price_of(prices, start, end)
        if price.not_priced:
            continue
        starts_at = midnight + timedelta(minutes=start)
        steps = range(first_step + start // CELL_MINUTES, first_step + end // CELL_MINUTES)
        taken = any((part, step) in held for part in court.part_ids for step in steps)
        yield Slot(
            court_id=court.public_id,
            court_name=court.name,
            starts_at=starts_at,
            ends_at=midnight + timedelta(minutes=end),
            status=status_of(starts_at=starts_at, taken=taken, released=released, now=now),
            price_fen=price.price_fen,
            price_kind=price.kind,
            price_label=price.label,
            price_provenance=price.provenance,
            max_people=court.max_people,
        )


async def _held_cells(table: Timetable) -> set[tuple[int, int]]:
    day = table.day.date
    steps = steps_between(instant_of(day, 0), instant_of(day, 24 * 60))
    found = await database.rows(HELD, table.venue_id, steps.start, steps.stop)
    return {(row["part_id"], row["step"]) for row in found}


async def bookable_slots(wanted: Sequence[tuple[str, datetime, int]], *, now: datetime) -> list[BookableSlot]:
    """For each (court's public id, start, people) the slot with its price of today, or the refusal of the first."""
    places = database.parameters(len(wanted))
    found = await database.rows(
        f"""SELECT court.public_id, venue.public_id AS venue_public_id FROM court
              JOIN venue ON venue.id = court.venue_id WHERE court.public_id IN ({places})""",
        *(court_id for court_id, _, _ in wanted),
    )
    venue_of = {row["public_id"]: row["venue_public_id"] for row in found}
    tables: dict[tuple[str, date], Timetable] = {}
    booked = []
    for court_id, starts_at, people in wanted:
        if court_id not in venue_of:
            raise _court_unknown()
        check_day(starts_at.date(), now)  # before its local day, which the last hours of the calendar lack
        key = (venue_of[court_id], business_day(starts_at))
        if key not in tables:
            tables[key] = await timetable(venue_id=key[0], sport=None, day=key[1])
        booked.append(_bookable(tables[key], court_id, starts_at, people, now))
    return booked


def _bookable(table: Timetable, court_id: str, starts_at: datetime, people: int, now: datetime) -> BookableSlot:
    court = next((court for court in table.courts if court.public_id == court_id), None)
    if court is None:
        raise _court_unknown()
    start, end = check_bookable(
        court=court,
        starts_at=starts_at,
        people=people,
        openings=table.openings_of(court),
        limits=table.limits,
        now=now,
    )
    ends_at = instant_of(table.day.date, end)
    price = price_of(table.prices_of(court), start, end)
    if price.not_priced:
        raise DomainError(
            f"{slot_title(court.name, starts_at, ends_at)}暂未定价，不能预订。",
            code=ErrorCode.SLOT_UNKNOWN,
            next_step="请选择其他时段，或联系场馆。",
            field="lines",
        )
    return BookableSlot(
        venue_id=table.venue_id,
        court=court,
        day=table.day.date,
        starts_at=starts_at,
        ends_at=ends_at,
        price_fen=price.price_fen,
        price_label=price.label,
        limits=table.limits,
    )


async def timetable(*, venue_id: str, sport: str | None, day: date) -> Timetable:
    """One venue's day in one statement. Raises VENUE_UNKNOWN, VENUE_CLOSED."""
    row = await database.row(TIMETABLE, venue_id, sport or "", day, date(day.year, 1, 1), date(day.year, 12, 31))
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
    return Timetable(
        venue_id=row["id"],
        day=day_of(day, notice=row["notice"], year_known=bool(row["year_known"])),
        courts=_courts(_json(row["courts"])),
        openings=tuple(Opening(*opening) for opening in _json(row["openings"])),
        windows=tuple(Window(*window) for window in _json(row["windows"])),
        limits=Limits(*_json(row["limits"])),
    )


def _courts(covers: Sequence[Any]) -> tuple[CourtFacts, ...]:
    """Rows of one court × one part, gathered into courts in the order to show them."""
    parts: dict[int, list[int]] = {}
    rows: dict[int, Any] = {}
    for cover in covers:
        rows[cover[0]] = cover
        parts.setdefault(cover[0], []).append(cover[7])
    in_order = sorted(rows.values(), key=lambda court: (court[6], court[0]))
    return tuple(
        CourtFacts(
            id=court[0],
            public_id=court[1],
            name=court[2],
            sport_code=court[3],
            slot_minutes=court[4],
            max_people=court[5],
            part_ids=tuple(sorted(parts[court[0]])),
        )
        for court in in_order
    )


def _json(text: str | None) -> Any:
    """PostgreSQL's json_agg of no rows is NULL, SQLite's is []."""
    return orjson.loads(text) if text else []


def _court_unknown() -> DomainError:
    return DomainError(
        "没有找到这片场地，或它暂停开放。",
        code=ErrorCode.COURT_UNKNOWN,
        next_step="请在场地时段表里重新选择。",
        field="lines",
    )
