"""A venue held against 体规字〔2021〕7号."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from models.venues.checking import CourtNamed
from models.venues.concessions import Rule
from models.venues.openness import Facts, Found, OpenRule, Verdict, report, warnings
from models.venues.reading_concessions import GROUPS
from models.venues.rules import Opening, Window
from tests.models.venues.test_published_windows import venues
from tests.models.venues.test_writing import a_window

TODAY = date(2026, 11, 20)
NOTICES = {date(2026, 10, 1): "HOLIDAY", date(2026, 10, 10): "MAKEUP_WORKDAY", date(2027, 1, 1): "HOLIDAY"}
EVERY_DAY = [Opening(weekday, 480, 1320) for weekday in range(7)]
GOOD = Facts(
    today=TODAY,
    courts=[CourtNamed("BADMINTON", "1号场"), CourtNamed("TENNIS", "网球场")],
    openings=EVERY_DAY,
    openings_published=True,
    windows=[
        a_window("ALL", 8, 14, 14, kind="LOW"),
        a_window("ALL", 14, 22, 20),
        a_window("DATE:08-08", 8, 22, 0),
    ],
    concessions=[Rule(kind, 50) for kind in GROUPS],
    notices=NOTICES,
    school_holidays=[(date(2026, 7, 4), date(2026, 9, 1)), (date(2027, 1, 23), date(2027, 2, 22))],
)


def found(rule: OpenRule, **changes: Any) -> tuple[Verdict, str | None]:
    each = next(each for each in report(replace(GOOD, **changes)) if each.rule is rule)
    assert each.text.endswith("。")
    return each.verdict, each.figure


def test_all_rules_are_reported_in_their_order_and_a_good_venue_meets_what_can_be_known() -> None:
    rules = report(GOOD)
    assert [each.rule for each in rules] == list(OpenRule)
    unknown = {OpenRule.OUTDOOR, OpenRule.PUBLIC_BENEFIT, OpenRule.CLOSURE_NOTICE}
    for each in rules:
        assert each.verdict == (Verdict.UNKNOWN if each.rule in unknown else Verdict.MET), each
        assert (each.figure is None) == (each.rule in unknown)
    assert warnings(GOOD) == []


@pytest.mark.parametrize(
    ("windows", "verdict", "figure"),
    [
        ([a_window("ALL", 8, 13, 14, kind="LOW"), a_window("ALL", 13, 22, 20)], Verdict.MET, "35小时"),
        ([a_window("ALL", 8, 12.5, 14, kind="LOW"), a_window("ALL", 12.5, 22, 20)], Verdict.NOT_MET, "31.5小时"),
        ([a_window("WORKDAY", 8, 15, 0), a_window("ALL", 8, 22, 20)], Verdict.MET, "35小时"),
        ([a_window("EVERY:WED", 8, 22, 0), a_window("ALL", 8, 22, 20)], Verdict.NOT_MET, "14小时"),
        ([a_window("NTH:1:MON", 8, 22, 0), a_window("ALL", 8, 22, 20)], Verdict.NOT_MET, "0小时"),
        (
            [a_window("ALL", 8, 22, 20), a_window("ALL", 8, 13, 0, sport_code="TENNIS")],
            Verdict.PARTLY,
            "0小时–35小时",
        ),
    ],
)
def test_35_hours_a_week_are_counted_for_each_court_without_holidays_and_single_days(
    windows: list[Window], verdict: Verdict, figure: str
) -> None:
    assert found(OpenRule.WEEKLY_HOURS, windows=windows) == (verdict, figure)


def test_a_venue_that_is_closed_on_mondays_is_open_for_313_days_and_shut_on_a_monday_holiday() -> None:
    closed = [opening for opening in EVERY_DAY if opening.weekday != 0]
    assert found(OpenRule.DAYS_A_YEAR, openings=closed) == (Verdict.NOT_MET, "313天")
    assert found(OpenRule.WEEKENDS, openings=closed) == (Verdict.MET, "14小时")
    assert found(OpenRule.STATUTORY_HOLIDAYS, openings=closed)[0] is Verdict.MET  # 1 October 2026 is a Thursday
    monday = {**NOTICES, date(2026, 10, 5): "HOLIDAY"}
    assert found(OpenRule.STATUTORY_HOLIDAYS, openings=closed, notices=monday) == (Verdict.NOT_MET, "0小时")
    assert found(OpenRule.SCHOOL_HOLIDAYS, openings=closed) == (Verdict.NOT_MET, "0小时")


def test_29_february_is_a_day_of_its_year() -> None:
    assert found(OpenRule.DAYS_A_YEAR, today=date(2028, 3, 1)) == (Verdict.MET, "366天")
    assert found(OpenRule.DAYS_A_YEAR) == (Verdict.MET, "365天")


def test_eight_hours_at_weekends_are_counted_on_the_shorter_day() -> None:
    short = [Opening(5, 540, 990), *EVERY_DAY[:5], EVERY_DAY[6]]
    assert found(OpenRule.WEEKENDS, openings=short) == (Verdict.NOT_MET, "7.5小时")


def test_a_year_whose_holidays_are_not_known_is_not_judged_and_staff_are_warned() -> None:
    assert found(OpenRule.STATUTORY_HOLIDAYS, notices={}) == (Verdict.UNKNOWN, None)
    told = warnings(replace(GOOD, notices={date(2026, 1, 1): "HOLIDAY"}))
    assert told == ["2027年放假安排尚未导入：这一年的节假日和调休按星期几计价，请在国务院办公厅通知公布后导入。"]


def test_school_holidays_that_nobody_published_are_not_judged_and_staff_are_warned() -> None:
    assert found(OpenRule.SCHOOL_HOLIDAYS, school_holidays=[]) == (Verdict.UNKNOWN, None)
    assert len(warnings(replace(GOOD, school_holidays=[]))) == 1


def test_on_8_august_everything_is_free_or_part_of_it_or_nothing() -> None:
    *usual, free_day = GOOD.windows
    assert found(OpenRule.FREE_DAY) == (Verdict.MET, "2/2")
    assert found(OpenRule.FREE_DAY, windows=usual) == (Verdict.NOT_MET, "0/2")
    tennis = free_day._replace(sport_code="TENNIS")
    some = [*usual, tennis, a_window("ALL", 8, 22, 9, sport_code="BADMINTON")]
    assert found(OpenRule.FREE_DAY, windows=some)[0] is Verdict.PARTLY
    closed = [opening for opening in EVERY_DAY if opening.weekday != 5]  # 8 August 2026 is a Saturday
    assert found(OpenRule.FREE_DAY, openings=closed) == (Verdict.NOT_MET, "0/2")


@pytest.mark.parametrize(
    ("low", "verdict", "figure"),
    [(14, Verdict.MET, "70%"), (15, Verdict.NOT_MET, "75%"), (7, Verdict.MET, "35%")],
)
def test_a_low_price_is_at_most_70_percent_of_the_same_courts_market_price(
    low: int, verdict: Verdict, figure: str
) -> None:
    windows = [a_window("ALL", 8, 14, low, kind="LOW"), a_window("ALL", 14, 22, 20)]
    assert found(OpenRule.LOW_PRICE, windows=windows) == (verdict, figure)


def test_a_low_price_without_a_market_price_is_not_judged_and_none_at_all_needs_no_judgement() -> None:
    low, free = a_window("ALL", 8, 22, 14, kind="LOW"), a_window("ALL", 8, 22, 0)
    assert found(OpenRule.LOW_PRICE, windows=[low]) == (Verdict.UNKNOWN, None)
    assert found(OpenRule.LOW_PRICE, windows=[free]) == (Verdict.NOT_APPLICABLE, None)


def test_each_group_pays_half_at_most_and_who_is_missing_is_named() -> None:
    four = [Rule(kind, 50) for kind in GROUPS[:-1]]
    dear = [*four, Rule(GROUPS[-1], 60)]
    assert found(OpenRule.CONCESSIONS, concessions=four) == (Verdict.PARTLY, "最高付100%")
    assert found(OpenRule.CONCESSIONS, concessions=dear) == (Verdict.PARTLY, "最高付60%")
    assert found(OpenRule.CONCESSIONS, concessions=[]) == (Verdict.NOT_MET, "最高付100%")


def test_what_is_made_up_is_counted_and_judged_by_nobody() -> None:
    made_up = [window._replace(window_provenance="DEMONSTRATION") for window in GOOD.windows]
    assert found(OpenRule.WEEKLY_HOURS, windows=made_up) == (Verdict.UNKNOWN, "42小时")
    assert found(OpenRule.DAYS_A_YEAR, openings_published=False) == (Verdict.UNKNOWN, "365天")
    prices = [window._replace(price_provenance="DEMONSTRATION") for window in GOOD.windows]
    assert found(OpenRule.LOW_PRICE, windows=prices) == (Verdict.UNKNOWN, "70%")
    assert found(OpenRule.WEEKLY_HOURS, windows=prices) == (Verdict.MET, "42小时")


def test_a_venue_without_courts_is_unknown() -> None:
    for rule in (OpenRule.WEEKLY_HOURS, OpenRule.FREE_DAY):
        assert found(rule, courts=[]) == (Verdict.UNKNOWN, None)


def of_real(ref: str) -> dict[OpenRule, Found]:
    venue = venues()[ref]
    facts = replace(
        GOOD,
        courts=[CourtNamed(court.columns["sport_code"], court.columns["name"]) for court in venue.courts],
        openings=[opening for opening, _ in venue.openings],
        openings_published=all(said == "PUBLISHED" for _, said in venue.openings),
        windows=venue.windows,
    )
    return {each.rule: each for each in report(facts)}


def test_gaoxin_as_published_is_free_or_low_for_44_hours_a_week_and_open_for_313_days() -> None:
    gaoxin = of_real("SC007")
    weekly, days, low = (
        gaoxin[rule] for rule in (OpenRule.WEEKLY_HOURS, OpenRule.DAYS_A_YEAR, OpenRule.LOW_PRICE)
    )
    assert (weekly.verdict, weekly.figure) == (Verdict.MET, "44小时")
    assert (days.verdict, days.figure) == (Verdict.NOT_MET, "313天")
    assert (low.verdict, low.figure) == (Verdict.UNKNOWN, "50%")  # its prices are made up


def test_datianwan_is_not_judged_by_hours_that_nobody_published() -> None:
    assert of_real("CQ002")[OpenRule.WEEKLY_HOURS].verdict is Verdict.UNKNOWN
