"""Kinds of days and rules of the calendar."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.venues.days import (
    Day,
    DayKind,
    WindowDays,
    day_of,
    day_rules_of,
    days_text,
    hangs_on_notice,
    is_day_rule,
    window_days_of,
)

any_date = st.dates(date(2024, 1, 1), date(2035, 12, 31))


@pytest.mark.parametrize(
    ("day", "rules"),
    [
        (date(2026, 8, 8), ("DATE:08-08", "NTH:2:SAT", "EVERY:SAT")),
        (date(2026, 11, 1), ("DATE:11-01", "NTH:1:SUN", "EVERY:SUN")),
        (date(2026, 11, 21), ("DATE:11-21", "NTH:3:SAT", "EVERY:SAT")),
        (date(2026, 11, 30), ("DATE:11-30", "NTH:5:MON", "EVERY:MON")),
        (date(2028, 2, 29), ("DATE:02-29", "NTH:5:TUE", "EVERY:TUE")),
    ],
)
def test_the_rules_of_the_calendar_that_fit_a_day_narrowest_first(day: date, rules: tuple[str, ...]) -> None:
    assert day_rules_of(day) == rules


@given(any_date, st.integers(1, 5), st.sampled_from(["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]))
def test_the_nth_weekday_of_a_month_is_the_one_with_so_many_of_it_before(
    day: date, nth: int, weekday: str
) -> None:
    fits = f"NTH:{nth}:{weekday}" in day_rules_of(day)
    same = [day.replace(day=1) + timedelta(days=n) for n in range(day.day)]
    count = sum(f"EVERY:{weekday}" in day_rules_of(each) for each in same)
    assert fits == (f"EVERY:{weekday}" in day_rules_of(day) and count == nth)


@given(any_date)
def test_every_rule_that_fits_a_day_can_be_written_but_29_february(day: date) -> None:
    for rule in day_rules_of(day):
        assert is_day_rule(rule) == (rule != "DATE:02-29")
        assert days_text(rule)


@pytest.mark.parametrize(
    "text", ["DATE:02-29", "DATE:02-30", "DATE:13-01", "NTH:0:SUN", "NTH:6:SUN", "EVERY:DAY", "EVERY", "ALL", ""]
)
def test_what_is_no_day_of_every_year_is_no_rule(text: str) -> None:
    assert not is_day_rule(text)


@pytest.mark.parametrize(
    ("days", "text"),
    [
        ("EVERY:WED", "每周三"),
        ("NTH:1:SUN", "每月第1个周日"),
        ("DATE:08-08", "每年8月8日"),
        ("TUE_FRI", "周二至周五"),
    ],
)
def test_days_are_told_in_plain_words(days: str, text: str) -> None:
    assert days_text(days) == text


def test_a_day_within_the_school_holidays_is_narrower_than_a_weekday_and_broader_than_a_statutory_holiday() -> (
    None
):
    new_year = day_of(date(2026, 2, 17), notice="HOLIDAY", year_known=True, in_school_holiday=True)
    assert window_days_of(new_year) == (
        "STATUTORY_HOLIDAY", "SCHOOL_HOLIDAY", "WEEKEND_STATUTORY", "HOLIDAY", "ALL",
    )  # fmt: skip
    monday = Day(date(2026, 2, 2), DayKind.WORKDAY, in_school_holiday=True)
    assert window_days_of(monday) == ("SCHOOL_HOLIDAY", "MON", "WORKDAY", "ALL")


@given(any_date, st.sampled_from(DayKind), st.booleans())
def test_of_each_partition_exactly_one_kind_fits_whatever_the_day(day: date, kind: DayKind, school: bool) -> None:
    fits = window_days_of(Day(day, kind, in_school_holiday=school))
    for partition in (("ALL",), ("WORKDAY", "HOLIDAY"), ("MON", "TUE_FRI", "WEEKEND_STATUTORY")):
        assert sum(days in partition for days in fits) == 1
    assert len(set(fits)) == len(fits)


def test_what_hangs_on_the_state_councils_notice_is_every_kind_that_it_can_move() -> None:
    assert [days for days in (*WindowDays, "EVERY:WED", "DATE:08-08") if not hangs_on_notice(days)] == [
        "ALL", "SCHOOL_HOLIDAY", "EVERY:WED", "DATE:08-08",
    ]  # fmt: skip
