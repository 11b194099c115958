"""When a venue is open and what an hour costs. Pure.

Prices are painted, broadest window first, onto the 48 half hours of a day: the narrowest window that fits is the
one that shows. A court is narrower than a sport, a sport than the venue; then a kind of weekday (Monday) is
narrower than workday and holiday, and these are narrower than every day.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from models.calendar import CELL_MINUTES

DAY_MINUTES = 24 * 60


class DayKind(StrEnum):
    """What a calendar day is, by the State Council's yearly notice and the weekday."""

    WORKDAY = "WORKDAY"
    MAKEUP_WORKDAY = "MAKEUP_WORKDAY"
    WEEKEND = "WEEKEND"
    STATUTORY_HOLIDAY = "STATUTORY_HOLIDAY"


@dataclass(frozen=True, slots=True)
class Day:
    """A day and its kind. Not `known`: no notice for that year is loaded, only the weekday spoke: tell staff."""

    date: date
    kind: DayKind
    known: bool = True


def day_of(day: date, *, notice: str | None, year_known: bool) -> Day:
    """`notice` is what the holiday table says of the day: HOLIDAY, MAKEUP_WORKDAY or nothing."""
    if notice == "HOLIDAY":
        kind = DayKind.STATUTORY_HOLIDAY
    elif notice == "MAKEUP_WORKDAY":
        kind = DayKind.MAKEUP_WORKDAY
    else:
        kind = DayKind.WEEKEND if day.weekday() >= 5 else DayKind.WORKDAY
    return Day(day, kind, year_known)


class WindowDays(StrEnum):
    """The days a tariff window is for. Three partitions: of each, exactly one kind fits a day (data/README.md)."""

    ALL = "ALL"
    WORKDAY = "WORKDAY"  # worked, make-up workdays included
    HOLIDAY = "HOLIDAY"  # not worked: statutory holidays, and weekends that are not made up for
    MON = "MON"
    TUE_FRI = "TUE_FRI"
    WEEKEND_STATUTORY = "WEEKEND_STATUTORY"  # every Saturday and Sunday, and statutory holidays


def window_days_of(day: Day) -> tuple[WindowDays, WindowDays, WindowDays]:
    """The three kinds of window that fit a day, narrowest first."""
    off = day.kind in (DayKind.WEEKEND, DayKind.STATUTORY_HOLIDAY)
    if day.kind == DayKind.STATUTORY_HOLIDAY or day.date.weekday() >= 5:
        weekday = WindowDays.WEEKEND_STATUTORY
    else:
        weekday = WindowDays.MON if day.date.weekday() == 0 else WindowDays.TUE_FRI
    return weekday, WindowDays.HOLIDAY if off else WindowDays.WORKDAY, WindowDays.ALL


@dataclass(frozen=True, slots=True)
class Window:
    """An hour's price from one local minute to another, half-open. An empty sport or court name means each."""

    days: str
    from_minute: int
    to_minute: int
    kind: str  # FREE, LOW, MARKET
    price_fen_per_hour: int
    window_provenance: str  # who says that the window exists: PUBLISHED or DEMONSTRATION
    price_provenance: str  # and who says its price
    sport_code: str = ""
    court_name: str = ""
    source: str = ""

    @property
    def published(self) -> bool:
        """Both the window and its price."""
        return self.window_provenance == self.price_provenance == "PUBLISHED"


def windows_of_court(windows: Iterable[Window], sport_code: str, court_name: str) -> tuple[Window, ...]:
    """Of a venue's windows those that can decide for this court."""
    return tuple(
        window
        for window in windows
        if window.sport_code in ("", sport_code) and window.court_name in ("", court_name)
    )


HalfHours = tuple[Window | None, ...]


def half_hours(windows: Iterable[Window], day: Day) -> HalfHours:
    """Which of a court's windows decides each of the day's 48 half hours; None where nothing is priced.

    Two windows that are equally narrow never overlap (the import refuses them), so the order is no matter.
    """
    days = window_days_of(day)
    fitting = [window for window in windows if window.days in days]
    fitting.sort(key=lambda w: (w.court_name != "", w.sport_code != "", -days.index(WindowDays(w.days))))
    painted: list[Window | None] = [None] * (DAY_MINUTES // CELL_MINUTES)
    for window in fitting:
        first, last = window.from_minute // CELL_MINUTES, window.to_minute // CELL_MINUTES
        painted[first:last] = [window] * (last - first)
    return tuple(painted)


class PriceKind(StrEnum):
    FREE = "FREE"
    LOW = "LOW"
    MARKET = "MARKET"
    MIXED = "MIXED"
    NOT_PRICED = "NOT_PRICED"


LABELS = {
    PriceKind.FREE: "免费时段",
    PriceKind.LOW: "低收费",
    PriceKind.MARKET: "市场价",
    PriceKind.NOT_PRICED: "暂未定价",
}
"""Of a mixed price the labels are strung together: 免费时段＋市场价."""


class PricePart(NamedTuple):
    """What one window adds to a slot's price."""

    from_minute: int
    to_minute: int
    window: Window
    price_fen: int


class PricedSlot(NamedTuple):
    """A slot's price and its explanation: `parts` in order of time, adding up to `price_fen`.

    `not_priced`: some half hour has no window. The slot cannot be sold, and `price_fen` (0) means nothing.
    """

    price_fen: int
    kind: PriceKind
    label: str
    provenance: str
    parts: tuple[PricePart, ...]

    @property
    def not_priced(self) -> bool:
        return self.kind is PriceKind.NOT_PRICED


_NOT_PRICED = PricedSlot(0, PriceKind.NOT_PRICED, LABELS[PriceKind.NOT_PRICED], "", ())


def price_slot(windows: Iterable[Window], day: Day, from_minute: int, to_minute: int) -> PricedSlot:
    """The price of one court from one local minute to another; `windows` are that court's."""
    return price_of(half_hours(windows, day), from_minute, to_minute)


def price_of(deciding: HalfHours, from_minute: int, to_minute: int) -> PricedSlot:
    """The same for many slots of one court and day, whose half hours were found once.

    Hourly prices of the half hours are summed and halved once, so an hour in one window costs exactly the hour's
    price, and half a fen can be left only in a slot with an odd number of half hours at odd prices: it is rounded
    up. A part is what the slot costs up to its end less what it costs up to its beginning.
    """
    if from_minute % CELL_MINUTES or to_minute % CELL_MINUTES or not 0 <= from_minute < to_minute <= DAY_MINUTES:
        raise ValueError(f"not a span of whole half hours within a day: {from_minute}–{to_minute}")
    parts: list[PricePart] = []
    begins, twice, spent = from_minute, 0, 0
    for minute in range(from_minute, to_minute, CELL_MINUTES):
        window = deciding[minute // CELL_MINUTES]
        if window is None:
            return _NOT_PRICED
        twice += window.price_fen_per_hour
        ends = minute + CELL_MINUTES
        if ends == to_minute or deciding[ends // CELL_MINUTES] is not window:
            price = (twice + 1) // 2
            parts.append(PricePart(begins, ends, window, price - spent))
            begins, spent = ends, price
    return _explained(tuple(parts), spent)


def _explained(parts: tuple[PricePart, ...], price_fen: int) -> PricedSlot:
    provenance = "PUBLISHED" if all(part.window.published for part in parts) else "DEMONSTRATION"
    if len(parts) == 1:
        kind = PriceKind[parts[0].window.kind]
        return PricedSlot(price_fen, kind, LABELS[kind], provenance, parts)
    kinds = list(dict.fromkeys(PriceKind[part.window.kind] for part in parts))
    kind = kinds[0] if len(kinds) == 1 else PriceKind.MIXED
    return PricedSlot(price_fen, kind, "＋".join(LABELS[each] for each in kinds), provenance, parts)


@dataclass(frozen=True, slots=True)
class Opening:
    """One opening of one weekday (0 is Monday), local minutes, half-open."""

    weekday: int
    opens_minute: int
    closes_minute: int
    sport_code: str = ""


def openings_on(openings: Sequence[Opening], weekday: int, sport_code: str = "") -> tuple[tuple[int, int], ...]:
    """When a sport can be played on a weekday: by its own hours if it has any in the week, else by the venue's."""
    own = sport_code if any(opening.sport_code == sport_code for opening in openings) else ""
    return tuple(
        sorted(
            (opening.opens_minute, opening.closes_minute)
            for opening in openings
            if opening.sport_code == own and opening.weekday == weekday
        )
    )
