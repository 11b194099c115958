"""How full a venue will be, hour by hour, from the same weekdays of past weeks. Pure.

A forecast says how sure it is: between which figures the weeks lay, and how many they were. Fewer than four weeks are
no ground, and a holiday is not like the ordinary days before it, so then there is none, and a sentence that says why.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median
from typing import NamedTuple

from models.venues.days import Day, DayKind

WEEKS_NEEDED = 4
WEEKS_LOOKED_BACK = 8
HOURS = 24


class HourCounted(NamedTuple):
    """What gates counted in an hour of a day (models.footfall.tables.HourlyOccupancy)."""

    most_inside: int
    last_inside: int


class HourForecast(NamedTuple):
    """How many will be inside in an hour of the local clock: as usual, and at the least and most of the weeks."""

    hour: int
    expected: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """`hours` is empty when there is no ground for one. `basis` says on what it rests, or why there is none."""

    day: date
    weeks: int
    hours: tuple[HourForecast, ...]
    basis: str


def days_looked_at(day: date) -> list[date]:
    """The same weekday of the weeks before, the latest first."""
    return [day - timedelta(weeks=back) for back in range(1, WEEKS_LOOKED_BACK + 1)]


def forecast(day: Day, past: Mapping[Day, Mapping[int, HourCounted]]) -> Forecast:
    """`past`: of the days of `days_looked_at` what was counted, by hour; nothing where no gate counted."""
    if day.kind in (DayKind.STATUTORY_HOLIDAY, DayKind.MAKEUP_WORKDAY):
        said = "节假日" if day.kind == DayKind.STATUTORY_HOLIDAY else "调休上班日"
        return Forecast(day.date, 0, (), f"{said}的客流与平日不同，暂不预测。")
    comparable = [counted for other, counted in past.items() if counted and _is_like(other, day)]
    if len(comparable) < WEEKS_NEEDED:
        return Forecast(
            day.date,
            len(comparable),
            (),
            f"可比的日子只有{len(comparable)}个，满{WEEKS_NEEDED}周后才能预测。",
        )
    first = min(min(counted) for counted in comparable)
    last = max(max(counted) for counted in comparable)
    curves = [_whole_day(counted) for counted in comparable]
    hours = tuple(_of_hour(hour, sorted(curve[hour] for curve in curves)) for hour in range(first, last + 1))
    doubt = "" if day.known else "当年放假安排尚未公布，按星期几计。"
    return Forecast(day.date, len(comparable), hours, f"根据过去{len(comparable)}周同一天的闸机人数。{doubt}")


def _is_like(other: Day, day: Day) -> bool:
    return (
        other.date.weekday() == day.date.weekday()
        and other.kind == day.kind
        and other.in_school_holiday == day.in_school_holiday
    )


def _of_hour(hour: int, counted: list[int]) -> HourForecast:
    return HourForecast(hour, int(median(counted) + 0.5), counted[0], counted[-1])


def _whole_day(counted: Mapping[int, HourCounted]) -> list[int]:
    """The most inside in each hour; while nobody came or went, as many as before."""
    most, inside = [], 0
    for hour in range(HOURS):
        if hour in counted:
            most.append(counted[hour].most_inside)
            inside = counted[hour].last_inside
        else:
            most.append(inside)
    return most
