"""The published windows of 成都高新体育中心 and 大田湾体育场, half hour by half hour, the day that the nation gives, and nobody
else's.

Expectations are written from the publications (data/README.md names them), not from the files under test.
"""

from datetime import date, timedelta
from functools import cache
from pathlib import Path

import pytest

from models.regions.files import read_csv
from models.venues.reading import VenueInFiles, read_places
from models.venues.rules import Day, DayKind, Window, half_hours, openings_on, windows_of_court
from models.venues.schedules import window_sets
from tests.factories.places import DATA

MONDAY, TUESDAY, FRIDAY = date(2026, 11, 16), date(2026, 11, 17), date(2026, 11, 20)
SATURDAY, NATIONAL_DAY_MONDAY, MAKEUP_SATURDAY = date(2026, 11, 21), date(2026, 10, 5), date(2026, 10, 10)
WORKDAYS = [Day(TUESDAY, DayKind.WORKDAY), Day(FRIDAY, DayKind.WORKDAY)]
HOLIDAYS = [Day(SATURDAY, DayKind.WEEKEND), Day(date(2026, 10, 1), DayKind.STATUTORY_HOLIDAY)]


@cache
def venues() -> dict[str, VenueInFiles]:
    places = read_places(DATA, today=date(2026, 11, 20))
    return {venue.columns["ref"]: venue for venue in places.venues}


def kinds_by_half_hour(ref: str, sport: str, court: str, day: Day) -> dict[int, Window]:
    """The window that decides each half hour in which the court is open."""
    venue = venues()[ref]
    deciding = half_hours(windows_of_court(venue.windows, sport, court), day)
    week = [opening for opening, _ in venue.openings]
    found = {
        minute: deciding[minute // 30]
        for opens, closes in openings_on(week, day.date.weekday(), sport)
        for minute in range(opens, closes, 30)
    }
    return {minute: window for minute, window in found.items() if window is not None}


def told(windows: dict[int, Window]) -> dict[int, str]:
    return {minute: window.kind for minute, window in windows.items()}


def hours(*spans: tuple[str, float, float]) -> dict[int, str]:
    return {minute: kind for kind, begins, ends in spans for minute in range(int(begins * 60), int(ends * 60), 30)}


# 成都高新体育中心


def courts(ref: str) -> list[tuple[str, str]]:
    return [(court.columns["sport_code"], court.columns["name"]) for court in venues()[ref].courts]


@pytest.mark.parametrize("day", [*WORKDAYS, Day(MAKEUP_SATURDAY, DayKind.MAKEUP_WORKDAY)])
def test_gaoxin_on_a_workday_is_free_until_15_low_until_18_and_market_until_22(day: Day) -> None:
    for court in courts("SC007"):
        windows = kinds_by_half_hour("SC007", *court, day)
        assert told(windows) == hours(("FREE", 9, 15), ("LOW", 15, 18), ("MARKET", 18, 22))
        assert {window.window_provenance for window in windows.values()} == {"PUBLISHED"}


@pytest.mark.parametrize("day", HOLIDAYS)
def test_gaoxin_on_a_holiday_is_free_until_11_low_until_13_and_market_until_22(day: Day) -> None:
    for court in courts("SC007"):
        windows = kinds_by_half_hour("SC007", *court, day)
        assert told(windows) == hours(("FREE", 9, 11), ("LOW", 11, 13), ("MARKET", 13, 22))
        assert {window.window_provenance for window in windows.values()} == {"PUBLISHED"}


def test_gaoxin_published_no_prices_but_free() -> None:
    for window in venues()["SC007"].windows:
        assert window.price_provenance == ("PUBLISHED" if window.kind == "FREE" else "DEMONSTRATION")


@pytest.mark.parametrize("kind", [DayKind.WORKDAY, DayKind.STATUTORY_HOLIDAY])
def test_gaoxin_is_closed_on_mondays(kind: DayKind) -> None:
    for court in courts("SC007"):
        assert kinds_by_half_hour("SC007", *court, Day(MONDAY, kind)) == {}


# 大田湾体育场

INNER = ("CQ002", "ATHLETICS", "内场")


@pytest.mark.parametrize(
    ("day", "free_until"),
    [
        (Day(MONDAY, DayKind.WORKDAY), 22),
        (Day(TUESDAY, DayKind.WORKDAY), 17),
        (Day(FRIDAY, DayKind.WORKDAY), 17),
        (Day(SATURDAY, DayKind.WEEKEND), 12),
        (Day(MAKEUP_SATURDAY, DayKind.MAKEUP_WORKDAY), 12),
        (Day(NATIONAL_DAY_MONDAY, DayKind.STATUTORY_HOLIDAY), 12),
    ],
)
def test_datianwan_inner_field_is_free_from_0630_as_published_and_made_up_after(day: Day, free_until: int) -> None:
    windows = kinds_by_half_hour(*INNER, day)
    assert told(windows) == hours(("FREE", 6.5, free_until), ("MARKET", free_until, 22))
    for minute, window in windows.items():
        assert window.window_provenance == ("PUBLISHED" if minute < free_until * 60 else "DEMONSTRATION")


@pytest.mark.parametrize("day", [*WORKDAYS, *HOLIDAYS, Day(MONDAY, DayKind.WORKDAY)])
def test_datianwan_table_tennis_gateball_and_two_basketball_courts(day: Day) -> None:
    tables = kinds_by_half_hour("CQ002", "TABLE_TENNIS", "室外乒乓球台1", day)
    gateball = kinds_by_half_hour("CQ002", "GATEBALL", "门球场", day)
    assert told(tables) == hours(("FREE", 6, 22))
    assert told(gateball) == hours(("FREE", 8, 16))
    assert all(window.published for window in (*tables.values(), *gateball.values()))
    for court in ("4号篮球场", "5号篮球场"):
        windows = kinds_by_half_hour("CQ002", "BASKETBALL", court, day)
        assert told(windows) == hours(("FREE", 6.5, 9), ("MARKET", 9, 22))
        assert {minute for minute, window in windows.items() if window.published} == set(range(390, 540, 30))


@pytest.mark.parametrize("day", [*WORKDAYS, Day(MONDAY, DayKind.WORKDAY)])
def test_datianwan_tennis_costs_30_yuan_from_8_to_10_on_workdays(day: Day) -> None:
    windows = kinds_by_half_hour("CQ002", "TENNIS", "网球场1", day)
    published = {minute: window for minute, window in windows.items() if window.published}
    assert set(published) == set(range(480, 600, 30))
    assert {(window.kind, window.price_fen_per_hour) for window in published.values()} == {("LOW", 3000)}


@pytest.mark.parametrize("day", HOLIDAYS)
def test_datianwan_tennis_published_nothing_for_holidays(day: Day) -> None:
    windows = kinds_by_half_hour("CQ002", "TENNIS", "网球场1", day)
    assert windows
    assert not any(window.window_provenance == "PUBLISHED" for window in windows.values())


# The day that the nation gives


@pytest.mark.parametrize("year", range(2024, 2035))
def test_every_court_of_every_venue_is_free_whenever_it_is_open_on_8_august(year: int) -> None:
    for weekend in (DayKind.WORKDAY, DayKind.WEEKEND):
        day = Day(date(year, 8, 8), weekend)
        for ref, venue in venues().items():
            kinds = {(sport, court if ref == "CQ002" else "") for sport, court in courts(ref)}
            for sport, court in kinds:
                windows = kinds_by_half_hour(ref, sport, court, day)
                assert {window.kind for window in windows.values()} <= {"FREE"}, (venue.columns["name"], sport)
                assert all(window.published for window in windows.values())


# Venues that are in no list of ours, and so set no tariff: what they published can be said, half hour by half hour


@cache
def elsewhere() -> dict[tuple[str, str, str], tuple[Window, ...]]:
    return window_sets(read_csv(Path(__file__).parents[2] / "data", "published_elsewhere.csv"))


def published_on(day: Day, venue: str, sport: str) -> dict[int, str]:
    deciding = half_hours(elsewhere()[(venue, sport, "")], day)
    return {30 * n: window.kind for n, window in enumerate(deciding) if window is not None}


YEAR = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
FREE_IN_YUBEI = {
    *(day for day in YEAR if day.isoweekday() == 3),
    *(date(2026, month, sunday) for month, sunday in enumerate((4, 1, 1, 5, 3, 7, 5, 2, 6, 4, 1, 6), start=1)),
    *(date(2026, month, saturday) for month, saturday in enumerate((17, 21, 21, 18, 16, 20, 18, 15, 19, 17, 21, 19), start=1)),
    date(2026, 8, 8),
}  # fmt: skip


@pytest.mark.parametrize("kind", DayKind)
def test_yubei_gives_wednesdays_first_sundays_third_saturdays_and_8_august_and_no_other_day(kind: DayKind) -> None:
    assert len(FREE_IN_YUBEI) == 52 + 12 + 12 + 1
    for day in YEAR:
        given = hours(("FREE", 8, 22)) if day in FREE_IN_YUBEI else {}
        assert published_on(Day(day, kind), "渝北", "") == given, day


@pytest.mark.parametrize(
    ("sport", "free_from"),
    [("BASKETBALL", 8), ("TENNIS", 8), ("FOOTBALL", 6), ("BADMINTON", 6), ("TABLE_TENNIS", 6)],
)
def test_shizishan_is_free_until_10_and_low_until_16_every_day(sport: str, free_from: int) -> None:
    for day in (*WORKDAYS, *HOLIDAYS, Day(MAKEUP_SATURDAY, DayKind.MAKEUP_WORKDAY)):
        assert published_on(day, "狮子山", sport) == hours(("FREE", free_from, 10), ("LOW", 10, 16))


def test_of_shizishans_low_prices_only_that_of_a_football_field_is_published() -> None:
    low = [(key[1], window) for key, windows in elsewhere().items() for window in windows if window.kind == "LOW"]
    assert [(sport, w.price_fen_per_hour) for sport, w in low if w.published] == [("FOOTBALL", 28000)]


# Everybody else


def test_no_other_venue_has_a_published_window_or_price_but_the_nations_day() -> None:
    others = [venue for ref, venue in venues().items() if ref not in ("SC007", "CQ002")]
    assert len(others) == 108
    for venue in others:
        if not venue.courts:  # booked elsewhere
            assert venue.windows == ()
            continue
        *own, national = venue.windows
        assert (national.days, national.kind, national.from_minute, national.to_minute) == (
            "DATE:08-08", "FREE", 0, 1440,
        )  # fmt: skip
        assert {w.window_provenance for w in own} == {"DEMONSTRATION"}
        assert {w.price_provenance for w in own} == {"DEMONSTRATION"}
        assert venue.columns["price_from_provenance"] == "DEMONSTRATION"
