"""The published windows of 成都高新体育中心 and 大田湾体育场, half hour by half hour, and nobody else's.

Expectations are written from the publications (data/README.md names them), not from the files under test.
"""

from datetime import date
from functools import cache

import pytest

from models.venues.reading import VenueInFiles, read_places
from models.venues.rules import Day, DayKind, Window, half_hours, openings_on, windows_of_court
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


# Everybody else


def test_no_other_venue_has_a_published_window_or_price() -> None:
    others = [venue for ref, venue in venues().items() if ref not in ("SC007", "CQ002")]
    assert len(others) == 108
    for venue in others:
        assert {w.window_provenance for w in venue.windows} <= {"DEMONSTRATION"}
        assert {w.price_provenance for w in venue.windows} <= {"DEMONSTRATION"}
        assert venue.columns["price_from_provenance"] == ("DEMONSTRATION" if venue.courts else "")
