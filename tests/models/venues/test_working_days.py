"""Working days, make-up workdays counted, and years that nobody has announced yet."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.venues.tables import Holiday
from models.venues.working_days import WorkingDay, counted_out, is_working_day, working_days_after
from tests.data import rows
from tests.databases import Database

ANNOUNCED = {date.fromisoformat(row["date"]): row["kind"] for row in rows("holidays.csv")}


def after(day: str, count: int) -> str:
    found = counted_out(date.fromisoformat(day), count, ANNOUNCED)
    assert found.is_certain
    return found.day.isoformat()


def test_the_day_itself_does_not_count_and_a_weekend_does_not_either() -> None:
    assert after("2026-11-20", 1) == "2026-11-23"  # from a Friday
    assert after("2026-11-21", 1) == "2026-11-23"  # from a Saturday
    assert after("2026-11-20", 5) == "2026-11-27"


def test_new_year_2026_is_over_on_a_sunday_that_is_worked() -> None:
    assert after("2025-12-31", 1) == "2026-01-04"
    assert after("2025-12-31", 2) == "2026-01-05"


def test_spring_festival_2026_takes_nine_days_and_gives_back_two_saturdays() -> None:
    assert after("2026-02-13", 1) == "2026-02-14"  # a Saturday, worked
    assert after("2026-02-14", 1) == "2026-02-24"  # over nine days off
    assert after("2026-02-13", 7) == "2026-03-02"  # 14, 24, 25, 26, 27, Saturday 28, Monday 2
    assert after("2026-02-13", 15) == "2026-03-12"


def test_national_day_2026_takes_seven_days_and_gives_back_a_saturday() -> None:
    assert after("2026-09-30", 3) == "2026-10-10"  # 8, 9, and Saturday 10
    assert after("2026-09-30", 7) == "2026-10-15"
    assert after("2026-09-18", 1) == "2026-09-20"  # the Sunday that is worked for it


def test_a_year_that_was_not_announced_is_said_to_be_uncertain() -> None:
    assert counted_out(date(2026, 12, 30), 1, ANNOUNCED) == WorkingDay(date(2026, 12, 31), is_certain=True)
    assert counted_out(date(2026, 12, 30), 2, ANNOUNCED) == WorkingDay(date(2027, 1, 1), is_certain=False)
    assert counted_out(date(2026, 12, 31), 15, ANNOUNCED) == WorkingDay(date(2027, 1, 21), is_certain=False)
    without = {day: kind for day, kind in ANNOUNCED.items() if day.year != 2026}
    found = counted_out(date(2025, 12, 30), 300, without | {date(2027, 1, 1): "HOLIDAY"})
    assert (found.day.year, found.is_certain) == (2027, False), "a gap on the way is as unknown as an end"


KINDS = st.dictionaries(
    st.dates(date(2025, 1, 1), date(2028, 12, 31)), st.sampled_from(["HOLIDAY", "MAKEUP_WORKDAY"]), max_size=60
)


@given(day=st.dates(date(2025, 1, 1), date(2028, 6, 30)), count=st.integers(1, 60), kinds=KINDS)
def test_counting_agrees_with_a_list_of_every_single_day(day: date, count: int, kinds: dict[date, str]) -> None:
    every = [day + timedelta(days=number) for number in range(1, 400)]
    worked = [
        each
        for each in every
        if kinds.get(each) == "MAKEUP_WORKDAY" or (each not in kinds and each.strftime("%a") not in ("Sat", "Sun"))
    ]
    wanted = worked[count - 1]
    found = counted_out(day, count, kinds)
    assert found.day == wanted
    passed = {each.year for each in every if each <= wanted}
    assert found.is_certain == all(any(known.year == year for known in kinds) for year in passed)


@given(day=st.dates(date(2025, 1, 1), date(2026, 9, 30)), first=st.integers(1, 20), second=st.integers(1, 20))
def test_counting_on_from_where_one_stopped_is_counting_through(day: date, first: int, second: int) -> None:
    midway = counted_out(day, first, ANNOUNCED)
    assert counted_out(midway.day, second, ANNOUNCED).day == counted_out(day, first + second, ANNOUNCED).day
    assert counted_out(day, first, ANNOUNCED).day < counted_out(day, first + 1, ANNOUNCED).day


async def test_what_the_table_says_is_what_counts(db: Database) -> None:
    await Holiday.bulk_create(Holiday(date=day, kind=kind, name="假日") for day, kind in ANNOUNCED.items())
    assert await working_days_after(date(2026, 2, 13), 7) == WorkingDay(date(2026, 3, 2), is_certain=True)
    assert await working_days_after(date(2026, 12, 25), 15) == WorkingDay(date(2027, 1, 15), is_certain=False)
    assert await is_working_day(date(2026, 2, 14))
    assert not await is_working_day(date(2026, 10, 7))
    assert not await is_working_day(date(2026, 11, 21))
    for count in (0, -1, 61):
        with pytest.raises(ValueError, match="working days"):
            await working_days_after(date(2026, 11, 20), count)


async def test_without_any_row_weekends_are_off_and_nothing_is_certain(db: Database) -> None:
    assert await working_days_after(date(2026, 9, 30), 3) == WorkingDay(date(2026, 10, 5), is_certain=False)
