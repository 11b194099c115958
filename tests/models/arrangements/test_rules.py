"""The days of a series, and what is refused before anything is looked up: pure."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.arrangements.rules import (
    GroupLine,
    SeriesWanted,
    check_people,
    checked_days,
    checked_words,
    hold_minutes,
    occurrences,
    starts_of,
)
from models.booking.limits import Limits
from models.calendar import business_day, minute_of_day
from models.errors import DomainError, ErrorCode
from tests.conftest import NOW

TODAY = date(2026, 11, 20)
LIMITS = Limits(2, 120, 7, 480, 15, 30, series_weeks=12)
DAYS = st.dates(min_value=date(1990, 1, 1), max_value=date(2120, 12, 31))


@given(weekday=st.integers(1, 7), first=DAYS, length=st.integers(-3, 900))
def test_occurrences_are_all_days_of_the_weekday_in_the_range_each_once(
    weekday: int, first: date, length: int
) -> None:
    last = first + timedelta(days=length)
    days = list(occurrences(weekday, first, last))
    by_looking_at_each = [
        day for day in (first + timedelta(days=n) for n in range(length + 1)) if day.isoweekday() == weekday
    ]
    assert days == by_looking_at_each
    assert all(later - earlier == timedelta(days=7) for earlier, later in pairwise(days))


def test_a_series_meets_the_29th_of_february_where_there_is_one_and_goes_over_the_year() -> None:
    assert date(2028, 2, 29).isoweekday() == 2
    tuesdays = list(occurrences(2, date(2027, 12, 21), date(2028, 3, 7)))
    assert date(2028, 2, 29) in tuesdays
    assert tuesdays[1:3] == [date(2027, 12, 28), date(2028, 1, 4)]
    assert all(day.month != 2 or day.day < 29 for day in occurrences(1, date(2027, 1, 1), date(2027, 12, 31)))


@given(day=DAYS, from_minute=st.integers(0, 40).map(lambda n: n * 30), slots=st.integers(1, 4))
def test_the_slots_of_a_date_follow_one_another_on_its_day(day: date, from_minute: int, slots: int) -> None:
    starts = starts_of(day, from_minute, slots, 60)
    inside = [at for number, at in enumerate(starts) if from_minute + number * 60 < 1440]
    assert [minute_of_day(at) for at in inside] == [from_minute + 60 * n for n in range(len(inside))]
    assert {business_day(at) for at in inside} == {day}


@given(ahead=st.integers(1, 9999))
def test_who_is_told_has_as_long_as_the_rule_says_and_never_past_the_start(ahead: int) -> None:
    held = hold_minutes(LIMITS, NOW + timedelta(minutes=ahead), NOW)
    assert held == min(ahead, LIMITS.arranged_hold_minutes)


def _wanted(**more: object) -> SeriesWanted:
    usual = {
        "court_id": "crt_1",
        "weekday": 3,
        "from_minute": 540,
        "first_day": TODAY,
        "last_day": date(2026, 12, 20),
    }
    return SeriesWanted(**{**usual, **more})  # type: ignore[arg-type]


def test_a_series_is_as_long_as_the_venue_allows_and_the_refusal_says_until_when() -> None:
    assert checked_days(_wanted(), LIMITS, TODAY)[0] == date(2026, 11, 25)
    last = date(2027, 2, 10)  # the twelfth Wednesday
    assert len(checked_days(_wanted(last_day=last), LIMITS, TODAY)) == 12
    with pytest.raises(DomainError, match="最长12周，您选了13周") as refusal:
        checked_days(_wanted(last_day=last + timedelta(days=7)), LIMITS, TODAY)
    assert refusal.value.code is ErrorCode.SERIES_TOO_LONG
    assert "2月10日" in (refusal.value.next_step or "")
    with pytest.raises(DomainError) as refusal:
        checked_days(_wanted(), LIMITS._replace(series_weeks=None), TODAY)
    assert refusal.value.code is ErrorCode.SERIES_NOT_OFFERED


@pytest.mark.parametrize(
    "wrong",
    [
        {"weekday": 0},
        {"weekday": 8},
        {"from_minute": 545},
        {"from_minute": 1440},
        {"slots": 0},
        {"slots": 5},
        {"first_day": TODAY - timedelta(days=1)},
        {"last_day": TODAY - timedelta(days=1)},
        {"last_day": date(2029, 1, 1)},
        {"last_day": date(2026, 11, 24)},  # no Wednesday until then
    ],
)
def test_what_is_no_series_is_refused_by_its_field(wrong: dict[str, object]) -> None:
    with pytest.raises(DomainError) as refusal:
        checked_days(_wanted(**wrong), LIMITS, TODAY)
    assert refusal.value.code is ErrorCode.BAD_INPUT
    assert refusal.value.field


def test_at_no_time_do_more_play_than_come() -> None:
    lines = [GroupLine(f"crt_{n}", "", "09:00" if n < 2 else "10:00", "", 10, 0) for n in range(3)]
    check_people(20, lines)
    with pytest.raises(DomainError, match="20人，多于总人数19人"):
        check_people(19, lines)
    for people in (0, 2001):
        with pytest.raises(DomainError, match="总人数应为"):
            check_people(people, lines)
    assert checked_words(" 年会 ", 200, "purpose") == "年会"
    for text in (" ", "两\n行", "长" * 201):
        with pytest.raises(DomainError, match="不能换行"):
            checked_words(text, 200, "purpose")
