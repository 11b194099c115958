"""What an hour costs and when a venue is open: the rules alone."""

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.venues.days import day_rules_of, window_days_of
from models.venues.rules import (
    Day,
    DayKind,
    Opening,
    PricedSlot,
    PriceKind,
    Window,
    WindowDays,
    day_of,
    half_hours,
    openings_on,
    price_of,
    windows_of_court,
)

FRIDAY = Day(date(2026, 11, 20), DayKind.WORKDAY)


def a_window(
    from_minute: int = 0, to_minute: int = 1440, price: int = 4000, days: str = "ALL", **more: str
) -> Window:
    kind = more.pop("kind", "MARKET" if price else "FREE")
    return Window(days, from_minute, to_minute, kind, price, "PUBLISHED", "PUBLISHED", **more)


# Days


@pytest.mark.parametrize(
    ("day", "notice", "kind"),
    [
        (date(2026, 11, 20), None, DayKind.WORKDAY),
        (date(2026, 11, 21), None, DayKind.WEEKEND),
        (date(2026, 10, 1), "HOLIDAY", DayKind.STATUTORY_HOLIDAY),
        (date(2026, 10, 10), "MAKEUP_WORKDAY", DayKind.MAKEUP_WORKDAY),
        (date(2028, 2, 29), None, DayKind.WORKDAY),
    ],
)
def test_a_day_is_what_the_notice_says_else_what_the_weekday_says(
    day: date, notice: str | None, kind: DayKind
) -> None:
    assert day_of(day, notice=notice, year_known=True) == Day(day, kind, known=True)


def test_a_year_without_a_notice_falls_back_to_the_weekday_and_says_so() -> None:
    new_year = day_of(date(2031, 1, 1), notice=None, year_known=False)
    assert new_year.kind is DayKind.WORKDAY
    assert not new_year.known


@pytest.mark.parametrize(
    ("day", "kind", "fits"),
    [
        (date(2026, 11, 16), DayKind.WORKDAY, ("MON", "WORKDAY", "ALL")),
        (date(2026, 11, 20), DayKind.WORKDAY, ("TUE_FRI", "WORKDAY", "ALL")),
        (date(2026, 11, 21), DayKind.WEEKEND, ("WEEKEND_STATUTORY", "HOLIDAY", "ALL")),
        (date(2026, 10, 10), DayKind.MAKEUP_WORKDAY, ("MAKEUP_WORKDAY", "WEEKEND_STATUTORY", "WORKDAY", "ALL")),
        (
            date(2026, 10, 5),
            DayKind.STATUTORY_HOLIDAY,
            ("STATUTORY_HOLIDAY", "WEEKEND_STATUTORY", "HOLIDAY", "ALL"),
        ),
    ],
)
def test_of_each_partition_one_kind_of_window_fits_a_day_and_what_the_notice_named_is_narrower(
    day: date, kind: DayKind, fits: tuple[str, ...]
) -> None:
    assert window_days_of(Day(day, kind)) == fits


# Which window decides


def test_a_window_of_the_court_goes_before_one_of_the_sport_and_that_before_one_of_the_venue() -> None:
    of_venue = a_window(price=1000)
    of_sport = a_window(540, 1200, price=2000, sport_code="BADMINTON")
    of_court = a_window(600, 720, price=3000, sport_code="BADMINTON", court_name="1号场")
    deciding = half_hours((of_court, of_venue, of_sport), FRIDAY)
    assert [deciding[minute // 30] for minute in (510, 540, 570, 600, 690, 720, 1200)] == [
        of_venue, of_sport, of_sport, of_court, of_court, of_sport, of_venue,
    ]  # fmt: skip


def test_a_kind_of_weekday_goes_before_workday_and_that_before_every_day() -> None:
    always, workday = a_window(price=1000), a_window(480, 720, price=2000, days="WORKDAY")
    tuesday_to_friday = a_window(480, 600, price=3000, days="TUE_FRI")
    monday = a_window(price=9000, days="MON")
    deciding = half_hours((tuesday_to_friday, monday, workday, always), FRIDAY)
    assert [deciding[minute // 30] for minute in (450, 480, 600, 720)] == [
        always,
        tuesday_to_friday,
        workday,
        always,
    ]


def test_a_narrow_court_decides_even_against_a_narrower_day_of_the_venue() -> None:
    of_court = a_window(price=1000, court_name="1号场")
    of_day = a_window(price=2000, days="TUE_FRI")
    assert set(half_hours((of_day, of_court), FRIDAY)) == {of_court}


def test_windows_of_other_courts_and_sports_decide_nothing() -> None:
    mine = a_window(sport_code="BADMINTON", court_name="1号场")
    others = (a_window(sport_code="TENNIS"), a_window(sport_code="BADMINTON", court_name="2号场"))
    assert windows_of_court((mine, *others), "BADMINTON", "1号场") == (mine,)


# Prices


def price_slot(windows: Sequence[Window], day: Day, from_minute: int, to_minute: int) -> PricedSlot:
    return price_of(half_hours(windows, day), from_minute, to_minute)


def test_a_free_hour_costs_nothing_and_says_why() -> None:
    free = a_window(price=0)
    priced = price_slot((free,), FRIDAY, 540, 600)
    assert (priced.price_fen, priced.kind, priced.label) == (0, PriceKind.FREE, "免费时段")


def test_a_slot_across_two_windows_is_mixed_and_names_both() -> None:
    low, market = a_window(0, 600, price=2000, kind="LOW"), a_window(600, 1440, price=4000)
    priced = price_slot((low, market), FRIDAY, 570, 630)
    assert (priced.price_fen, priced.kind, priced.label) == (3000, PriceKind.MIXED, "低收费＋市场价")


def test_two_windows_of_one_kind_are_not_mixed() -> None:
    priced = price_slot((a_window(0, 600, price=2000), a_window(600, 1440, price=4000)), FRIDAY, 570, 630)
    assert (priced.kind, priced.label) == (PriceKind.MARKET, "市场价")


def test_a_slot_that_reaches_beyond_the_windows_has_no_price() -> None:
    priced = price_slot((a_window(540, 600),), FRIDAY, 570, 630)
    assert priced.not_priced
    assert (priced.kind, priced.label) == (PriceKind.NOT_PRICED, "暂未定价")


def test_a_price_is_published_only_if_window_and_price_both_are() -> None:
    price_made_up = Window("ALL", 0, 1440, "LOW", 1500, "PUBLISHED", "DEMONSTRATION")
    assert price_slot((price_made_up,), FRIDAY, 0, 30).provenance == "DEMONSTRATION"
    assert price_slot((a_window(),), FRIDAY, 0, 30).provenance == "PUBLISHED"
    assert price_slot((a_window(0, 30), price_made_up), FRIDAY, 0, 60).provenance == "DEMONSTRATION"


def test_half_a_fen_is_rounded_up_once_a_slot() -> None:
    odd = a_window(price=1001)
    assert [price_slot((odd,), FRIDAY, 0, minutes).price_fen for minutes in (30, 60, 90, 120)] == [
        501,
        1001,
        1502,
        2002,
    ]


@pytest.mark.parametrize(
    ("begins", "ends"), [(600, 600), (630, 600), (-30, 30), (1410, 1470), (605, 635), (600, 645)]
)
def test_a_span_that_is_not_of_half_hours_within_a_day_is_a_mistake(begins: int, ends: int) -> None:
    with pytest.raises(ValueError, match="half hours"):
        price_slot((a_window(),), FRIDAY, begins, ends)


@st.composite
def spans(draw: st.DrawFn) -> tuple[int, int]:
    begins = draw(st.integers(0, 47))
    return begins * 30, draw(st.integers(begins + 1, 48)) * 30


RULES = ("EVERY:MON", "EVERY:WED", "EVERY:SAT", "NTH:1:MON", "NTH:2:WED", "DATE:01-05", "DATE:01-10")
days = st.builds(
    lambda offset, kind, school: Day(date(2026, 1, 5) + timedelta(days=offset), kind, in_school_holiday=school),
    st.integers(0, 13),
    st.sampled_from(DayKind),
    st.booleans(),
)


@st.composite
def some_windows(draw: st.DrawFn) -> Window:
    begins, ends = draw(spans())
    price = draw(st.one_of(st.just(0), st.integers(1, 10_000_000)))
    court_name = draw(st.sampled_from(["", "1号场"]))
    sport_code = draw(st.sampled_from(["", "BADMINTON"]))
    days_of_window = draw(st.sampled_from([*WindowDays, *RULES]))
    kind = draw(st.sampled_from(["LOW", "MARKET"])) if price else "FREE"
    return a_window(begins, ends, price, days_of_window, kind=kind, court_name=court_name, sport_code=sport_code)


@given(st.lists(some_windows(), max_size=12), days, spans())
def test_a_slot_costs_half_of_what_its_half_hours_cost_by_the_hour(
    windows: list[Window], day: Day, span: tuple[int, int]
) -> None:
    covered = half_hours(windows, day)[span[0] // 30 : span[1] // 30]
    priced = price_slot(windows, day, *span)
    assert priced.not_priced == (None in covered)
    if not priced.not_priced:
        twice = sum(window.price_fen_per_hour for window in covered if window)
        assert priced.price_fen == -(-twice // 2)


@given(st.lists(some_windows(), max_size=12), days)
def test_what_decides_fits_the_day_and_nothing_narrower_was_passed_over(windows: list[Window], day: Day) -> None:
    rules, kinds = day_rules_of(day.date), list(map(str, window_days_of(day)))
    fits = [*rules, *kinds]

    def narrowness(window: Window) -> tuple[int, bool, bool, int]:
        rule = window.days in rules
        return (
            3 - rules.index(window.days) if rule else 0,
            bool(window.court_name),
            bool(window.sport_code),
            0 if rule else -kinds.index(window.days),
        )

    for index, decides in enumerate(half_hours(windows, day)):
        there = [w for w in windows if w.days in fits and w.from_minute <= index * 30 < w.to_minute]
        assert (decides is None) == (not there)
        if decides:
            assert decides in there
            assert narrowness(decides) == max(narrowness(window) for window in there)


@given(st.lists(some_windows(), max_size=12), days, st.randoms())
def test_what_decides_does_not_hang_on_the_order_of_the_rows(
    windows: list[Window], day: Day, chance: Random
) -> None:
    before = half_hours(windows, day)
    chance.shuffle(windows)
    assert half_hours(windows, day) == before


def test_a_day_given_free_is_narrower_than_the_narrowest_ordinary_window() -> None:
    of_court = a_window(price=6000, days="STATUTORY_HOLIDAY", sport_code="BADMINTON", court_name="1号场")
    wednesday = a_window(8 * 60, 22 * 60, 0, "EVERY:WED")
    holiday = Day(date(2026, 11, 18), DayKind.STATUTORY_HOLIDAY)
    deciding = half_hours((of_court, wednesday), holiday)
    assert set(deciding[16:44]) == {wednesday}
    assert {*deciding[:16], *deciding[44:]} == {of_court}


def test_of_rules_of_the_calendar_the_date_is_narrower_than_the_nth_and_that_than_every_weekday() -> None:
    day = Day(date(2026, 8, 8), DayKind.WEEKEND)
    date_, nth, every = (
        a_window(price=fen, days=days, court_name=court)
        for fen, days, court in ((0, "DATE:08-08", ""), (10, "NTH:2:SAT", ""), (20, "EVERY:SAT", "1号场"))
    )
    assert set(half_hours((every, nth, date_), day)) == {date_}
    assert set(half_hours((every, nth), day)) == {nth}
    assert set(half_hours((every,), day)) == {every}


@given(st.integers(0, 10_000_000), st.integers(1, 24), st.integers(0, 23))
def test_whole_hours_inside_one_window_cost_hours_times_the_price(price: int, hours: int, begins: int) -> None:
    hours = min(hours, 24 - begins)
    priced = price_slot((a_window(price=price),), FRIDAY, begins * 60, (begins + hours) * 60)
    assert priced.price_fen == hours * price


# Opening hours


def test_a_sport_with_hours_of_its_own_keeps_only_those() -> None:
    week = (Opening(0, 540, 720), Opening(0, 840, 1320), Opening(0, 480, 960, "GATEBALL"))
    assert openings_on(week, 0) == ((540, 720), (840, 1320))
    assert openings_on(week, 0, "BADMINTON") == ((540, 720), (840, 1320))
    assert openings_on(week, 0, "GATEBALL") == ((480, 960),)


def test_a_sport_with_hours_of_its_own_on_other_days_is_closed_today() -> None:
    week = (Opening(0, 540, 1320), Opening(1, 480, 960, "GATEBALL"))
    assert openings_on(week, 0, "GATEBALL") == ()
    assert openings_on(week, 1) == ()
