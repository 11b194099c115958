"""When a venue is open and what an hour costs. Pure.

Prices are painted, broadest window first, onto the 48 half hours of a day: the narrowest window that fits is the
one that shows. A day that a rule of the calendar gives (every Wednesday, 8 August) is narrower than anything else; then
a court is narrower than a sport, a sport than the venue; then a kind of day is narrower than another (`days`).
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from models.calendar import CELL_MINUTES
from models.venues.days import Day as Day
from models.venues.days import DayKind as DayKind
from models.venues.days import WindowDays as WindowDays
from models.venues.days import day_of as day_of
from models.venues.days import day_rules_of, window_days_of

DAY_MINUTES = 24 * 60


class Window(NamedTuple):
    """An hour's price from one local minute to another, half-open. An empty sport or court name means each."""

    days: str  # a WindowDays or a rule of the calendar
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

    Two windows that are equally narrow never overlap (import and saving refuse them). Should they, the order of the
    rows is still no matter.
    """
    rank: dict[str, tuple[int, int]] = {days: (0, -place) for place, days in enumerate(window_days_of(day))}
    rank |= {rule: (3 - place, 0) for place, rule in enumerate(day_rules_of(day.date))}
    fitting = [window for window in windows if window.days in rank]
    fitting.sort(key=lambda w: (rank[w.days][0], w.court_name != "", w.sport_code != "", rank[w.days][1], w))
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
