"""What of a court can be decided without a database: which names tariffs have, and that a day's grid ends with the day."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.booking.court_rules import (
    Booked,
    CourtWanted,
    Tariff,
    check_can_be_booked,
    named_by_tariffs,
    otherwise,
)
from models.booking.rules import CourtFacts, check_bookable, grid
from models.calendar import instant_of
from models.errors import DomainError, ErrorCode
from models.venues.days import day_of
from models.venues.rules import Opening, PriceKind, Window, half_hours, price_of
from tests.models.booking.test_contradictions import USUAL

DAY = date(2026, 12, 1)
LEAP = date(2028, 2, 29)
COURT = CourtFacts(1, "crt_1", "1号场", "TENNIS", 60, 4, (1,))


def a_tariff(number: int, first: int, last: int | None, court: str, sport: str = "TENNIS") -> Tariff:
    window = Window("ALL", 0, 1440, "MARKET", 100, "PUBLISHED", "PUBLISHED", sport, court)
    day = DAY + timedelta(days=first)
    return Tariff(number, day, None if last is None else DAY + timedelta(days=last), [window])


@pytest.mark.parametrize(
    ("versions", "files", "named"),
    [
        ([], [("TENNIS", "1号场"), ("BADMINTON", "2号场"), ("", "3号场"), ("TENNIS", "")], {"1号场", "3号场"}),
        ([a_tariff(1, -9, None, "")], [("TENNIS", "1号场")], set()),
        ([a_tariff(1, -9, 5, "")], [("TENNIS", "1号场")], {"1号场"}),
        ([a_tariff(1, 7, None, "1号场")], [], {"1号场"}),
        ([a_tariff(1, 7, None, "1号场"), a_tariff(2, 3, None, "")], [], set()),
        ([a_tariff(1, 7, None, "1号场"), a_tariff(2, 3, 9, "")], [], {"1号场"}),
        ([a_tariff(1, 7, None, "1号场", "BADMINTON")], [], set()),
    ],
)
def test_the_names_in_tariffs_are_those_of_every_one_that_holds_then_or_later(
    versions: list[Tariff], files: list[tuple[str, str]], named: set[str]
) -> None:
    assert named_by_tariffs(versions, files, sport_code="TENNIS", from_day=DAY) == named


OPENINGS = st.integers(0, 47).flatmap(
    lambda first: st.integers(first + 1, 48).map(lambda last: (first * 30, last * 30))
)


@given(opening=OPENINGS, steps=st.integers(1, 16), minute=st.integers(0, 47).map(lambda half: half * 30))
def test_no_slot_goes_over_midnight_and_a_court_that_is_taken_has_one_that_can_be_booked(
    opening: tuple[int, int], steps: int, minute: int
) -> None:
    court = COURT._replace(slot_minutes=30 * steps)
    slots = list(grid([opening], court.slot_minutes))
    assert all(opening[0] <= start < end <= opening[1] <= 24 * 60 for start, end in slots)
    limits = USUAL._replace(days_ahead=7, minutes_a_court_a_day=480, minutes_a_person_a_day=480, check_in_minutes=None,
                            no_shows=None, no_show_days=None, pause_days=None, minutes_a_person_a_week=None)  # fmt: skip
    week = [Opening(weekday, *opening) for weekday in range(7)]
    if not slots:
        with pytest.raises(DomainError, match="排不下"):
            check_can_be_booked(court, week, limits, DAY)
        return
    now = instant_of(DAY - timedelta(days=1), 12 * 60)
    asked = {
        "court": court,
        "starts_at": instant_of(DAY, minute),
        "people": 2,
        "openings": [opening],
        "limits": limits,
    }
    if minute in dict(slots):
        assert check_bookable(**asked, now=now) == (minute, dict(slots)[minute])  # type: ignore[arg-type]
    else:
        with pytest.raises(DomainError) as refused:
            check_bookable(**asked, now=now)  # type: ignore[arg-type]
        assert refused.value.code is ErrorCode.SLOT_UNKNOWN


def test_29_february_is_booked_and_priced_as_the_weekday_that_it_is() -> None:
    tuesday = day_of(LEAP, notice=None, year_known=True)
    windows = [
        Window("ALL", 0, 1440, "MARKET", 4000, "PUBLISHED", "PUBLISHED"),
        Window("EVERY:TUE", 600, 660, "FREE", 0, "PUBLISHED", "PUBLISHED"),
        Window("DATE:02-28", 0, 1440, "LOW", 2000, "PUBLISHED", "PUBLISHED"),
        Window("DATE:03-01", 0, 1440, "LOW", 2000, "PUBLISHED", "PUBLISHED"),
    ]
    deciding = half_hours(windows, tuesday)
    assert price_of(deciding, 600, 660).kind is PriceKind.FREE
    assert price_of(deciding, 660, 720).price_fen == 4000, "its neighbours' days are not its own"
    slot = check_bookable(
        court=COURT, starts_at=instant_of(LEAP, 600), people=2, openings=[(540, 1320)],
        limits=USUAL._replace(days_ahead=7), now=instant_of(date(2028, 2, 27), 600),
    )  # fmt: skip
    assert slot == (600, 660)


def test_what_is_booked_is_otherwise_when_its_hour_or_its_people_no_longer_fit() -> None:
    booked = [
        Booked("O1", instant_of(LEAP, hour * 60), instant_of(LEAP, (hour + 1) * 60), people, True)
        for hour, people in ((9, 2), (10, 2), (9, 4))
    ]
    wanted = CourtWanted(name="1号场", slot_minutes=60, max_people=3, from_day=DAY, note="改")
    hours = [Opening(weekday, 540, 1320) for weekday in range(7)]
    assert otherwise(wanted, booked, hours, "TENNIS") == 1
    half_later = [hour._replace(opens_minute=570) for hour in hours]
    assert otherwise(wanted, booked, half_later, "TENNIS") == 3
