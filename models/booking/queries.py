"""The court × time grid of a venue's day, and what placing an order needs to know of a slot.

Two statements whatever the size of the venue: its timetable as one row with JSON inside, and the held cells. For those
who look the timetable may be kept for a moment; what is held, and whatever hangs on the hour, never is. Where money is
at stake nothing is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import starmap
from typing import Any, NamedTuple

import orjson

from models import database
from models.booking.closure_rules import Closed, closed_in, refuse_closed
from models.booking.draw_rules import DrawOfDay, pending
from models.booking.limits import RULE_COLUMNS, Limits, Rule, for_groups, governing, released_at, rules_in
from models.booking.rules import (
    CourtFacts,
    Offer,
    Slot,
    SlotStatus,
    Time,
    check_bookable,
    check_day,
    grid,
    half_hour_bits,
    offers,
    slot_title,
    times,
    too_late_at,
)
from models.calendar import CELL_MINUTES, business_day, instant_of, step_of
from models.errors import DomainError, ErrorCode
from models.keeping import Keep
from models.venues.concessions import TakenOff
from models.venues.explaining import PricePart, parts_of
from models.venues.rules import (
    DAY_MINUTES,
    Day,
    HalfHours,
    Opening,
    Window,
    day_of,
    half_hours,
    openings_on,
    price_of,
    windows_of_court,
)


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
          FROM opening_hours WHERE venue_id = venue.id) AS openings,
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
         WHERE closure.venue_id = venue.id AND closure.withdrawn_at IS NULL
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
_HALF_HOUR = timedelta(minutes=CELL_MINUTES)
_NEVER = datetime.max.replace(tzinfo=UTC)


class CourtKind(NamedTuple):
    """What decides a court's slots and prices: courts of one kind have the same ones."""

    sport_code: str
    slot_minutes: int
    name: str  # empty unless a tariff window is for this very court


@dataclass(frozen=True, slots=True)
class Timetable:
    """A venue's day: who plays where, when it is open, what an hour costs, who may hold how much."""

    venue_id: int
    day: Day
    courts: tuple[CourtFacts, ...]
    openings: tuple[Opening, ...]
    windows: tuple[Window, ...]
    rules: tuple[Rule, ...]
    closures: tuple[Closed, ...] = ()
    draws: tuple[DrawOfDay, ...] = ()

    def draw_of(self, court: CourtFacts, start: int, end: int) -> DrawOfDay | None:
        """The draw that gives out any cell of this court between these local minutes."""
        span = half_hour_bits(start, end)
        return next(
            (
                draw
                for draw in self.draws
                for part, bits in self.drawn_half_hours(draw).items()
                if part in court.part_ids and bits & span
            ),
            None,
        )

    def drawn_half_hours(self, draw: DrawOfDay) -> dict[int, int]:
        """Of each part that a draw gives out the half hours, as bits (see `Offer`)."""
        drawn: dict[int, int] = {}
        for court in self.courts:
            for start, end in grid(self.openings_of(court), court.slot_minutes):
                if draw.has(court.id, court.sport_code, start):
                    for part in court.part_ids:
                        drawn[part] = drawn.get(part, 0) | half_hour_bits(start, end)
        return drawn

    def limits_of(self, sport_code: str) -> Limits:
        return governing(self.rules, sport_code)

    def kinds(self) -> list[CourtKind]:
        """Of each court, in their order."""
        named = {window.court_name for window in self.windows}
        return [
            CourtKind(court.sport_code, court.slot_minutes, court.name if court.name in named else "")
            for court in self.courts
        ]

    def openings_of(self, court: CourtFacts) -> tuple[tuple[int, int], ...]:
        return openings_on(self.openings, self.day.date.weekday(), court.sport_code)

    def prices_of(self, court: CourtFacts) -> HalfHours:
        return half_hours(windows_of_court(self.windows, court.sport_code, court.name), self.day)


class CourtDay(NamedTuple):
    """One row of the grid: a court and its slots of the day."""

    court_id: str
    court_name: str
    max_people: int
    slots: list[Slot]


@dataclass(frozen=True, slots=True)
class BookableSlot:
    """A slot that passed every rule of the book but one: whether it is still free decides the constraint."""

    venue_id: int
    court: CourtFacts
    day: date
    starts_at: datetime
    ends_at: datetime
    people: int
    price_fen: int
    """What is asked for it: after the concession of whoever it is for, if they have one."""
    price_label: str
    price_parts: tuple[PricePart, ...]
    limits: Limits
    concession: TakenOff | None = None

    @property
    def general_fen(self) -> int:
        """What somebody without a concession pays, as the grid shows it."""
        return self.price_fen + (self.concession.fen if self.concession else 0)

    @property
    def title(self) -> str:
        return slot_title(self.court.name, self.starts_at, self.ends_at)


async def slots(
    *, venue_id: str, sport: str | None, day: date, now: datetime, keep: Keep | None = None
) -> list[CourtDay]:
    """The grid of a day, court by court; a court without slots has no row in it.

    With `keep` courts, hours and prices may be KEPT_SECONDS old. Raises VENUE_UNKNOWN, VENUE_CLOSED, BAD_INPUT for a
    silly day.
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
        if not sport or court.sport_code == sport
    ]
    return [row for row in rows if row.slots]


class DaySheet:
    """A venue's timetable, with what every court of it offers worked out once, for as long as it is the same."""

    def __init__(self, told: tuple[Any, ...], day: date) -> None:
        """`told`: the row of TIMETABLE, which is plain enough for JSON."""
        self.told = told
        self.table = _timetable(told, day)
        self.midnight = instant_of(day, 0)
        self.kinds_and_courts = list(zip(self.table.kinds(), self.table.courts, strict=True))
        self.drawn: dict[int, int] = {}
        for draw in self.table.draws:
            for part, bits in self.table.drawn_half_hours(draw).items():
                self.drawn[part] = self.drawn.get(part, 0) | bits
        self._limits = {court.sport_code: self.table.limits_of(court.sport_code) for court in self.table.courts}
        self._released = {sport: released_at(day, limits) for sport, limits in self._limits.items()}
        self._offered: dict[CourtKind, list[Offer]] = {}
        self._from = self._until = _NEVER

    def offered(self, now: datetime) -> Mapping[CourtKind, Sequence[Offer]]:
        """Twenty courts, priced once. What a status says changes when a slot begins or the day is released."""
        if not self._from <= now < self._until:
            grids: dict[tuple[Any, ...], list[Time]] = {}
            one_of_each = dict(self.kinds_and_courts)
            self._offered = {
                kind: offers(
                    self._times(court, now, grids),
                    self.table.prices_of(court),
                    year_known=self.table.day.known,
                )
                for kind, court in one_of_each.items()
            }
            changes = [time.starts_at for grid_times in grids.values() for time in grid_times]
            changes += self._released.values()
            changes += [
                too_late_at(time.starts_at, timedelta(minutes=known[-1]))
                for known, grid_times in grids.items()
                for time in grid_times
            ]
            self._from, self._until = now, min((at for at in changes if at > now), default=_NEVER)
        return self._offered

    def closed(self, court: CourtFacts) -> int:
        """The half hours of the day that closures touch on this court, as bits (see `Offer`)."""
        bits = 0
        for closure in self.table.closures:
            if closure.over_court(court):
                first = max(closure.starts_at - self.midnight, timedelta()) // _HALF_HOUR
                last = min(-((self.midnight - closure.ends_at) // _HALF_HOUR), DAY_MINUTES // CELL_MINUTES)
                bits |= (1 << max(last, first)) - (1 << first)
        return bits

    def _times(self, court: CourtFacts, now: datetime, grids: dict[tuple[Any, ...], list[Time]]) -> list[Time]:
        """Kinds of court that differ only in price have the same grid."""
        openings = self.table.openings_of(court)
        released, notice = self._released[court.sport_code], self._limits[court.sport_code].notice_minutes
        known = (openings, court.slot_minutes, released, notice)
        if known not in grids:
            grids[known] = times(
                midnight=self.midnight,
                openings=openings,
                slot_minutes=court.slot_minutes,
                released=released,
                notice=timedelta(minutes=notice),
                now=now,
            )
        return grids[known]


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


async def bookable_slots(
    wanted: Sequence[tuple[str, datetime, int]],
    *,
    despite_draw: bool = False,
    for_group: bool = False,
    now: datetime,
) -> list[BookableSlot]:
    """For each (court's public id, start, people) the slot with its price of today, or the refusal of the first.

    `despite_draw`: for whoever was drawn, or stands in line; to all others what is drawn for is DRAW_PENDING.
    `for_group`: as early as the venue lets groups ask; raises GROUPS_NOT_TAKEN where it does not."""
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
        slot = bookable_in(tables[key], court_id, starts_at, people, for_group=for_group, now=now)
        if not despite_draw:
            check_not_drawn(tables[key], slot, now)
        booked.append(slot)
    return booked


def bookable_in(
    table: Timetable, court_id: str, starts_at: datetime, people: int, *, for_group: bool = False, now: datetime
) -> BookableSlot:
    """The slot as the timetable of its day has it, or why not, but for who holds it and for draws. Pure."""
    court = next((court for court in table.courts if court.public_id == court_id), None)
    if court is None:
        raise _court_unknown()
    limits = table.limits_of(court.sport_code)
    start, end = check_bookable(
        court=court,
        starts_at=starts_at,
        people=people,
        openings=table.openings_of(court),
        limits=for_groups(limits) if for_group else limits,
        now=now,
    )
    ends_at = instant_of(table.day.date, end)
    closures = [closure for closure in table.closures if closure.over_court(court)]
    refuse_closed(slot_title(court.name, starts_at, ends_at), closures, starts_at=starts_at, ends_at=ends_at)
    deciding = table.prices_of(court)
    price = price_of(deciding, start, end)
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
        people=people,
        price_fen=price.price_fen,
        price_label=price.label,
        price_parts=parts_of(deciding, start, end, year_known=table.day.known),
        limits=limits,
    )


def check_not_drawn(table: Timetable, slot: BookableSlot, now: datetime) -> None:
    midnight, minute = instant_of(table.day.date, 0), timedelta(minutes=1)
    draw = table.draw_of(slot.court, (slot.starts_at - midnight) // minute, (slot.ends_at - midnight) // minute)
    if draw is not None:
        opens_at, closes_at = map(datetime.fromisoformat, (draw.opens_at, draw.closes_at))
        raise pending(slot.title, opens_at, closes_at, now)


async def timetable(*, venue_id: str, sport: str | None, day: date) -> Timetable:
    """One venue's day in one statement, as it is now. Raises VENUE_UNKNOWN, VENUE_CLOSED."""
    return _sheet_of(await _told(venue_id, sport, day), day).table


async def timetables(*, venue_id: str, court_id: str, days: Sequence[date]) -> dict[date, Timetable]:
    """Of many days in one statement, whatever their number, what is about one court: of the others only those that share
    a part with it. Raises VENUE_UNKNOWN, VENUE_CLOSED."""
    found = await database.rows(_TIMETABLES, venue_id, court_id, orjson.dumps(days).decode())
    told = {date.fromisoformat(row["of_day"]): tuple(_open(row))[:-1] for row in found}
    return {day: _timetable(told[day], day) for day in days}


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


def _timetable(told: Sequence[Any], day: date) -> Timetable:
    (
        venue_id,
        _public_id,
        _name,
        _is_open,
        courts,
        versions,
        openings,
        windows,
        rules,
        draws,
        notice,
        year_known,
        no_school,
        closures,
    ) = told
    return Timetable(
        venue_id=venue_id,
        day=day_of(day, notice=notice, year_known=bool(year_known), in_school_holiday=bool(no_school)),
        courts=_courts(_json(courts), _json(versions)),
        openings=tuple(starmap(Opening, _json(openings))),
        windows=tuple(starmap(Window, _json(windows))),
        rules=rules_in(_json(rules)),
        draws=tuple(starmap(DrawOfDay, _json(draws))),
        closures=closed_in(_json(closures)),
    )


def _courts(covers: Sequence[Any], versions: Sequence[Any]) -> tuple[CourtFacts, ...]:
    """Rows of one court × one part, gathered into courts in the order to show them, each as its last version says."""
    parts: dict[int, list[int]] = {}
    rows: dict[int, Any] = {}
    for cover in covers:
        rows[cover[0]] = cover
        parts.setdefault(cover[0], []).append(cover[7])
    in_order = sorted(rows.values(), key=lambda court: (court[6], court[0]))
    courts = (
        CourtFacts(court_id, public_id, name, sport_code, slot_minutes, max_people, tuple(sorted(parts[court_id])))
        for court_id, public_id, name, sport_code, slot_minutes, max_people, *_ in in_order
    )
    if not versions:
        return tuple(courts)
    stands = {court_id: version for court_id, _, *version in sorted(versions)}
    return tuple(
        _as_written(court, stands.get(court.id)) for court in courts if not _retired(stands.get(court.id))
    )


def _retired(version: Sequence[Any] | None) -> bool:
    return version is not None and bool(version[3])


def _as_written(court: CourtFacts, version: Sequence[Any] | None) -> CourtFacts:
    if version is None:
        return court
    name, slot_minutes, max_people, _ = version
    return court._replace(name=name, slot_minutes=slot_minutes, max_people=max_people)


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
