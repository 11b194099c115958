"""A day is forecast from the same weekdays of past weeks, says how sure it is, and is not where there is no ground."""

from datetime import date, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import BadInput, DomainError, ErrorCode
from models.footfall.forecast_rules import (
    WEEKS_LOOKED_BACK,
    WEEKS_NEEDED,
    HourCounted,
    days_looked_at,
    forecast,
)
from models.footfall.forecasting import forecast_of
from models.footfall.tables import HourlyOccupancy
from models.venues.days import Day, DayKind, day_of
from models.venues.tables import Holiday, SchoolHoliday
from tests.databases import Database
from tests.factories.booking import TOMORROW
from tests.factories.places import a_venue

SATURDAY = date(2026, 11, 21)
ORDINARY = Day(SATURDAY, DayKind.WEEKEND)

COUNTED = st.builds(lambda last, more: HourCounted(last + more, last), st.integers(0, 500), st.integers(0, 100))
DAY = st.dictionaries(st.integers(6, 22), COUNTED, min_size=1, max_size=8)
WEEKS = st.lists(DAY, min_size=WEEKS_NEEDED, max_size=WEEKS_LOOKED_BACK)


def past(days: list[dict[int, HourCounted]]) -> dict[Day, dict[int, HourCounted]]:
    return {
        Day(day, DayKind.WEEKEND): counted for day, counted in zip(days_looked_at(SATURDAY), days, strict=False)
    }


@given(WEEKS)
def test_what_is_expected_lies_between_the_weeks_and_they_are_counted(days: list[dict[int, HourCounted]]) -> None:
    told = forecast(ORDINARY, past(days))
    assert told.weeks == len(days)
    assert [each.hour for each in told.hours] == list(range(min(map(min, days)), max(map(max, days)) + 1))
    for each in told.hours:
        assert 0 <= each.low <= each.expected <= each.high
        seen = [day[each.hour].most_inside for day in days if each.hour in day]
        assert all(each.low <= most <= each.high for most in seen)


@given(WEEKS, st.randoms())
def test_the_order_of_the_weeks_is_no_matter(days: list[dict[int, HourCounted]], chance: Random) -> None:
    shuffled = list(days)
    chance.shuffle(shuffled)
    assert forecast(ORDINARY, past(days)) == forecast(ORDINARY, past(shuffled))


@given(DAY, st.integers(WEEKS_NEEDED, WEEKS_LOOKED_BACK))
def test_weeks_that_were_the_same_leave_no_spread(day: dict[int, HourCounted], weeks: int) -> None:
    for each in forecast(ORDINARY, past([day] * weeks)).hours:
        assert each.low == each.expected == each.high


@given(st.lists(DAY, max_size=WEEKS_NEEDED - 1))
def test_fewer_than_four_weeks_are_no_ground(days: list[dict[int, HourCounted]]) -> None:
    told = forecast(ORDINARY, past(days))
    assert (told.hours, told.weeks) == ((), len(days))
    assert "满4周" in told.basis


@given(WEEKS, st.sampled_from([DayKind.STATUTORY_HOLIDAY, DayKind.MAKEUP_WORKDAY]))
def test_a_holiday_is_not_forecast_from_ordinary_days_nor_they_from_it(
    days: list[dict[int, HourCounted]], kind: DayKind
) -> None:
    assert forecast(Day(SATURDAY, kind), past(days)).hours == ()
    holidays = {Day(day.date, kind): counted for day, counted in past(days).items()}
    assert forecast(ORDINARY, holidays).weeks == 0
    in_term = {Day(day.date, day.kind, True, True): counted for day, counted in past(days).items()}
    assert forecast(ORDINARY, in_term).weeks == 0


def test_a_day_on_which_no_gate_counted_is_no_evidence_and_a_quiet_hour_keeps_who_is_inside() -> None:
    busy = {9: HourCounted(8, 6), 11: HourCounted(7, 2)}
    told = forecast(ORDINARY, past([busy, {}, busy, busy, busy]))
    assert told.weeks == 4
    assert [(each.hour, each.expected) for each in told.hours] == [(9, 8), (10, 6), (11, 7)]


def test_a_year_without_its_notice_is_forecast_by_the_weekday_and_says_so() -> None:
    unknown = day_of(date(2027, 1, 2), notice=None, year_known=False)
    days = {Day(day, DayKind.WEEKEND): {9: HourCounted(5, 5)} for day in days_looked_at(unknown.date)}
    told = forecast(unknown, days)
    assert told.weeks == WEEKS_LOOKED_BACK
    assert told.basis.endswith("当年放假安排尚未公布，按星期几计。")


async def counted(venue_id: int, day: date, most: int) -> None:
    await HourlyOccupancy.create(venue_id=venue_id, business_day=day, hour=10, most_inside=most, last_inside=most)


async def test_a_venues_day_is_forecast_from_what_its_own_gates_counted(db: Database, now: datetime) -> None:
    venue, other = await a_venue(), await a_venue()
    await Holiday.create(date=date(2026, 10, 1), kind="HOLIDAY", name="国庆节")
    weeks = days_looked_at(TOMORROW)
    for most, day in zip((10, 20, 30), weeks, strict=False):
        await counted(venue.id, day, most)
    await counted(venue.id, weeks[0] + timedelta(days=1), 99)
    await counted(other.id, weeks[3], 99)

    async def told() -> tuple[int, list[tuple[int, int, int, int]]]:
        found = await forecast_of(venue_id=venue.public_id, day=TOMORROW, now=now)
        return found.weeks, [tuple(each) for each in found.hours]  # type: ignore[misc]

    assert await told() == (3, [])
    await counted(venue.id, weeks[3], 41)
    assert await told() == (4, [(10, 25, 10, 41)])
    await SchoolHoliday.create(
        province_code="510000", from_day=weeks[3], to_day=weeks[2], name="演示", source="演示"
    )
    assert await told() == (3, [])


@pytest.mark.parametrize("ahead", [-1, 8, 400])
async def test_only_today_and_the_week_after_it_are_forecast(db: Database, now: datetime, ahead: int) -> None:
    venue = await a_venue()
    with pytest.raises(BadInput):
        await forecast_of(venue_id=venue.public_id, day=now.date() + timedelta(days=ahead), now=now)
    with pytest.raises(DomainError) as refused:
        await forecast_of(venue_id="ven_nowhere", day=TOMORROW, now=now)
    assert refused.value.code == ErrorCode.VENUE_UNKNOWN


def test_eight_weeks_are_looked_back_on_the_same_weekday() -> None:
    days = days_looked_at(SATURDAY)
    assert {day.weekday() for day in days} == {5}
    assert (max(days), len(days)) == (SATURDAY - timedelta(weeks=1), 8)
