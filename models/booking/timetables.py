"""A venue's day as its row tells it: who plays where, when it is open, what an hour costs; what each court offers. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import starmap
from typing import Any, NamedTuple

from models import database
from models.booking.closure_rules import Closed, closed_in
from models.booking.draw_rules import DrawOfDay
from models.booking.limits import Limits, Rule, governing, released_at, rules_in
from models.booking.rules import CourtFacts, Offer, Time, grid, half_hour_bits, offers, times, too_late_at
from models.calendar import CELL_MINUTES, instant_of
from models.venues.rules import (
    DAY_MINUTES,
    Day,
    HalfHours,
    Opening,
    Window,
    day_of,
    half_hours,
    openings_on,
    windows_of_court,
)

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


class DaySheet:
    """A venue's timetable, with what every court of it offers worked out once, for as long as it is the same."""

    def __init__(self, told: tuple[Any, ...], day: date) -> None:
        """`told`: the row of TIMETABLE, which is plain enough for JSON."""
        self.told = told
        self.table = timetable_of(told, day)
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


def timetable_of(told: Sequence[Any], day: date) -> Timetable:
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
        courts=courts_in(database.gathered(courts), database.gathered(versions)),
        openings=tuple(starmap(Opening, database.gathered(openings))),
        windows=tuple(starmap(Window, database.gathered(windows))),
        rules=rules_in(database.gathered(rules)),
        draws=tuple(starmap(DrawOfDay, database.gathered(draws))),
        closures=closed_in(database.gathered(closures)),
    )


def courts_in(covers: Sequence[Any], versions: Sequence[Any]) -> tuple[CourtFacts, ...]:
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
