"""What kind of day it is, and the days that a tariff window is for. Pure.

A window is for one kind of day, or follows a rule of the calendar. Kinds, from broad to narrow: every day; worked or
not; the three weekday kinds; school holidays; make-up workdays and statutory holidays, of which the State Council
spoke by date. A rule (every Wednesday, the first Sunday of a month, 8 August) is narrower than any kind, since whoever
gives such a day away means it whatever else it is: EVERY < NTH < DATE.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class DayKind(StrEnum):
    """What a calendar day is, by the State Council's yearly notice and the weekday."""

    WORKDAY = "WORKDAY"
    MAKEUP_WORKDAY = "MAKEUP_WORKDAY"
    WEEKEND = "WEEKEND"
    STATUTORY_HOLIDAY = "STATUTORY_HOLIDAY"


@dataclass(frozen=True, slots=True)
class Day:
    """A day and its kind. Not `known`: no notice for that year is loaded, only the weekday spoke: tell staff.

    `in_school_holiday` says that a published period covers it; where none is loaded it is False and nothing is known.
    """

    date: date
    kind: DayKind
    known: bool = True
    in_school_holiday: bool = False


def day_of(day: date, *, notice: str | None, year_known: bool, in_school_holiday: bool = False) -> Day:
    """`notice` is what the holiday table says of the day: HOLIDAY, MAKEUP_WORKDAY or nothing."""
    if notice == "HOLIDAY":
        kind = DayKind.STATUTORY_HOLIDAY
    elif notice == "MAKEUP_WORKDAY":
        kind = DayKind.MAKEUP_WORKDAY
    else:
        kind = DayKind.WEEKEND if day.weekday() >= 5 else DayKind.WORKDAY
    return Day(day, kind, year_known, in_school_holiday)


class WindowDays(StrEnum):
    """The kinds of day that a window is for. The first six are three partitions: of each, exactly one fits a day
    (data/README.md). The others fit some days only, so none of them can be a whole tariff."""

    ALL = "ALL"
    WORKDAY = "WORKDAY"  # worked, make-up workdays included
    HOLIDAY = "HOLIDAY"  # not worked: statutory holidays, and weekends that are not made up for
    MON = "MON"
    TUE_FRI = "TUE_FRI"
    WEEKEND_STATUTORY = "WEEKEND_STATUTORY"  # every Saturday and Sunday, and statutory holidays
    SCHOOL_HOLIDAY = "SCHOOL_HOLIDAY"
    MAKEUP_WORKDAY = "MAKEUP_WORKDAY"
    STATUTORY_HOLIDAY = "STATUTORY_HOLIDAY"


WORDS = {
    WindowDays.ALL: "每天",
    WindowDays.WORKDAY: "工作日",
    WindowDays.HOLIDAY: "周末和节假日",
    WindowDays.MON: "周一",
    WindowDays.TUE_FRI: "周二至周五",
    WindowDays.WEEKEND_STATUTORY: "周末和法定节假日",
    WindowDays.SCHOOL_HOLIDAY: "寒暑假",
    WindowDays.MAKEUP_WORKDAY: "调休上班日",
    WindowDays.STATUTORY_HOLIDAY: "法定节假日",
}
_WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_WEEKDAY_WORDS = "一二三四五六日"
_LEAP_YEAR = 2024


def window_days_of(day: Day) -> tuple[WindowDays, ...]:
    """The kinds of window that fit a day, narrowest first; the last three are of the partitions."""
    narrow = []
    if day.kind == DayKind.STATUTORY_HOLIDAY:
        narrow.append(WindowDays.STATUTORY_HOLIDAY)
    elif day.kind == DayKind.MAKEUP_WORKDAY:
        narrow.append(WindowDays.MAKEUP_WORKDAY)
    if day.in_school_holiday:
        narrow.append(WindowDays.SCHOOL_HOLIDAY)
    off = day.kind in (DayKind.WEEKEND, DayKind.STATUTORY_HOLIDAY)
    if day.kind == DayKind.STATUTORY_HOLIDAY or day.date.weekday() >= 5:
        weekday = WindowDays.WEEKEND_STATUTORY
    else:
        weekday = WindowDays.MON if day.date.weekday() == 0 else WindowDays.TUE_FRI
    return *narrow, weekday, WindowDays.HOLIDAY if off else WindowDays.WORKDAY, WindowDays.ALL


def day_rules_of(day: date) -> tuple[str, str, str]:
    """The rules of the calendar that fit a day, narrowest first."""
    weekday = _WEEKDAYS[day.weekday()]
    return f"DATE:{day:%m-%d}", f"NTH:{(day.day - 1) // 7 + 1}:{weekday}", f"EVERY:{weekday}"


def is_day_rule(days: str) -> bool:
    """Whether it is a rule of the calendar: EVERY:WED, NTH:1:SUN, DATE:08-08. 29 February is none: it comes once in
    four years, and nobody who wrote it meant that."""
    return days in _EVERY_DAY_RULE


_EVERY_DAY_RULE = {
    rule
    for ordinal in range(366)
    for rule in day_rules_of(date.fromordinal(date(_LEAP_YEAR, 1, 1).toordinal() + ordinal))
} - {"DATE:02-29"}


def days_text(days: str) -> str:
    """工作日, 每周三, 每月第1个周日, 每年8月8日."""
    if days in WORDS:
        return WORDS[WindowDays(days)]
    rule, *of = days.split(":")
    if rule == "DATE":
        month, day = of[0].split("-")
        return f"每年{int(month)}月{int(day)}日"
    weekday = f"周{_WEEKDAY_WORDS[_WEEKDAYS.index(of[-1])]}"
    return f"每{weekday}" if rule == "EVERY" else f"每月第{of[0]}个{weekday}"


def hangs_on_notice(days: str) -> bool:
    """Whether the State Council's notice of a year can change which days these are."""
    return days in WORDS and days not in (WindowDays.ALL, WindowDays.SCHOOL_HOLIDAY)
