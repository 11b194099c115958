"""Whether a tariff makes sense, before anybody is charged by it. Pure: what is wrong is found here, and said by whoever
asked, the import to its developer (`schedules`) and saving to staff (`writing`)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

from models.calendar import CELL_MINUTES
from models.venues.days import Day, DayKind, day_rules_of, is_day_rule
from models.venues.rules import Opening, PriceKind, Window, half_hours, openings_on, windows_of_court

_MONDAY = date(2024, 1, 1)
EVERY_KIND_OF_DAY = [
    Day(_MONDAY + timedelta(days=weekday), kind)
    for weekday in range(7)
    for kind in (
        (DayKind.WORKDAY, DayKind.STATUTORY_HOLIDAY)
        if weekday < 5
        else (DayKind.WEEKEND, DayKind.MAKEUP_WORKDAY, DayKind.STATUTORY_HOLIDAY)
    )
]


def usual(windows: Iterable[Window]) -> list[Window]:
    """Without those of single days, on which nobody may rely for the others: the 1st Sunday, 8 August."""
    return [window for window in windows if not is_day_rule(window.days) or window.days.startswith("EVERY:")]


def overlapping(windows: Sequence[Window]) -> tuple[Window, Window] | None:
    """Two equally narrow windows that overlap: nobody could say which of them decides."""
    last: Window | None = None
    for window in sorted(windows, key=lambda w: (w.days, w.sport_code, w.court_name, w.from_minute, w.to_minute)):
        if last is not None and _narrowness(last) == _narrowness(window) and window.from_minute < last.to_minute:
            return last, window
        last = window
    return None


def _narrowness(window: Window) -> tuple[str, str, str]:
    return window.days, window.sport_code, window.court_name


Decided = Iterator[tuple[Day, int, Window | None]]


def decided(windows: Iterable[Window], open_all_week: Sequence[tuple[tuple[int, int], ...]]) -> Decided:
    """Of a court what decides each half hour (its first minute) in which it is open, on each kind of day; None: nothing
    does."""
    windows = usual(windows)
    for day in EVERY_KIND_OF_DAY:
        deciding = half_hours(windows, day)
        for opens, closes in open_all_week[day.date.weekday()]:
            for minute in range(opens, closes, CELL_MINUTES):
                yield day, minute, deciding[minute // CELL_MINUTES]


class CourtNamed(NamedTuple):
    sport_code: str
    name: str


def gap(
    windows: Sequence[Window], courts: Iterable[CourtNamed], openings: Sequence[Opening]
) -> tuple[CourtNamed, Day, int] | None:
    """A court, a kind of day and a minute at which it is open and nothing is priced."""
    for court, week in _one_of_each(windows, courts, openings):
        for day, minute, window in decided(windows_of_court(windows, *court), week):
            if window is None:
                return court, day, minute
    return None


def never_deciding(
    windows: Sequence[Window], courts: Iterable[CourtNamed], openings: Sequence[Opening]
) -> Window | None:
    """A window that no half hour will ever be sold by: nothing is open then, or something narrower always decides."""
    left = dict.fromkeys(windows)
    for court, week in _one_of_each(windows, courts, openings):
        for window in list(left):
            if _decides(window, windows_of_court(windows, *court), week):
                del left[window]
    return next(iter(left), None)


def _decides(window: Window, of_court: Sequence[Window], week: Sequence[tuple[tuple[int, int], ...]]) -> bool:
    return window in of_court and any(
        window in half_hours(of_court, day)[opens // CELL_MINUTES : closes // CELL_MINUTES]
        for day in _days_of(window.days)
        for opens, closes in week[day.date.weekday()]
    )


def _days_of(days: str) -> Sequence[Day]:
    """Days on which a window could decide."""
    return _days_of_rule(days) if is_day_rule(days) else _EVERY_KIND_IN_TERM_AND_HOLIDAY


_EVERY_KIND_IN_TERM_AND_HOLIDAY = [
    replace(day, in_school_holiday=school) for day in EVERY_KIND_OF_DAY for school in (False, True)
]


@lru_cache(maxsize=512)
def _days_of_rule(rule: str) -> Sequence[Day]:
    """A date until it has fallen on each weekday; a weekday for two years."""
    if rule.startswith("DATE:"):
        found = [date.fromisoformat(f"{year}-{rule[5:]}") for year in range(2024, 2024 + 11)]
    else:
        found = [day for day in (_MONDAY + timedelta(days=n) for n in range(731)) if rule in day_rules_of(day)]
    return tuple(Day(day, DayKind.WORKDAY) for day in found)


def _one_of_each(
    windows: Sequence[Window], courts: Iterable[CourtNamed], openings: Sequence[Opening]
) -> list[tuple[CourtNamed, tuple[tuple[tuple[int, int], ...], ...]]]:
    """A court for all that have the same windows, and the week in which it is open."""
    named = {window.court_name for window in windows}
    kinds = {(court.sport_code, court.name if court.name in named else ""): court for court in courts}
    return [
        (court, tuple(openings_on(openings, weekday, court.sport_code) for weekday in range(7)))
        for court in kinds.values()
    ]


NATIONAL_FREE_DAY = "DATE:08-08"
"""全民健身日: free everywhere (体规字〔2021〕7号)."""


def charged_on_the_free_day(
    windows: Sequence[Window], courts: Iterable[CourtNamed], openings: Sequence[Opening]
) -> tuple[CourtNamed, int] | None:
    """A court and a minute at which it would cost something on 8 August, on whatever weekday that falls."""
    for court, week in _one_of_each(windows, courts, openings):
        for day in _days_of(NATIONAL_FREE_DAY):
            deciding = half_hours(windows_of_court(windows, *court), day)
            for opens, closes in week[day.date.weekday()]:
                for half, window in enumerate(deciding[opens // CELL_MINUTES : closes // CELL_MINUTES]):
                    if window is None or window.kind != PriceKind.FREE:
                        return court, opens + half * CELL_MINUTES
    return None
