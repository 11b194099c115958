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


class Window(NamedTuple):
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
    fitting.sort(key=lambda w: (w.court_name != "", w.sport_code != "", -days.index(w.days)))
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


class PricedSlot(NamedTuple):
    """What a slot costs, and why.

    `not_priced`: some half hour has no window. The slot cannot be sold, and `price_fen` (0) means nothing.
    """

    price_fen: int
    kind: PriceKind
    label: str
    provenance: str

    @property
    def not_priced(self) -> bool:
        return self.kind is PriceKind.NOT_PRICED


_NOT_PRICED = PricedSlot(0, PriceKind.NOT_PRICED, LABELS[PriceKind.NOT_PRICED], "")


def price_of(deciding: HalfHours, from_minute: int, to_minute: int) -> PricedSlot:
    """The price of one court from one local minute to another.

    Hourly prices of the half hours are summed and halved once, so an hour in one window costs exactly the hour's
    price, and half a fen can be left only in a slot with an odd number of half hours at odd prices: it is rounded
    up.
    """
    if from_minute % CELL_MINUTES or to_minute % CELL_MINUTES or not 0 <= from_minute < to_minute <= DAY_MINUTES:
        raise ValueError(f"not a span of whole half hours within a day: {from_minute}–{to_minute}")
    twice, published = 0, True
    kinds: dict[str, None] = {}  # in order of time
    for window in deciding[from_minute // CELL_MINUTES : to_minute // CELL_MINUTES]:
        if window is None:
            return _NOT_PRICED
        twice += window.price_fen_per_hour
        published = published and window.published
        kinds[window.kind] = None
    provenance = "PUBLISHED" if published else "DEMONSTRATION"
    named = [PriceKind[kind] for kind in kinds]
    kind = named[0] if len(named) == 1 else PriceKind.MIXED
    return PricedSlot((twice + 1) // 2, kind, "＋".join(LABELS[each] for each in named), provenance)


class Opening(NamedTuple):
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
