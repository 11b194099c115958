"""How much one person may book: what is counted, which rule governs, and that a refusal's way out is one."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from models.booking.limits import (
    LIMIT_COLUMNS,
    LOOK_AHEAD_DAYS,
    Booked,
    Limits,
    Rule,
    check_counts,
    governing,
    released_at,
    rules_in,
    week_of,
)
from models.booking.rules import CourtFacts, check_bookable
from models.calendar import day_text, instant_of
from models.errors import DomainError, ErrorCode
from tests.conftest import NOW
from tests.house import SENTENCE

MONDAY = date(2026, 11, 23)
USUAL = Limits(2, 120, 7, 480, 15, 30)


def refusal_of(limits: Limits, held: list[Booked], wanted: list[Booked], who: str = "") -> DomainError | None:
    try:
        check_counts(limits, held=held, wanted=wanted, who=who)
    except DomainError as refusal:
        return refusal
    return None


def booked(court: int, days: int = 0, minutes: int = 60, sport: str = "BADMINTON") -> Booked:
    return Booked(court, sport, MONDAY + timedelta(days=days), minutes, f"{court}号场")


@pytest.mark.parametrize(
    ("limits", "held", "said"),
    [
        (USUAL, [booked(1), booked(2)], "每人每天在本馆最多订2片场地"),
        (USUAL, [booked(3, minutes=120)], "3号场订不了：每人每天在同一片场地最多120分钟"),
        (USUAL._replace(minutes_a_person_a_day=90), [booked(1)], "每人每天在本馆最多订90分钟"),
        (
            USUAL._replace(courts_a_person_a_week=3),
            [booked(1, 1), booked(1, 2), booked(1, 6)],
            "每人每周在本馆最多订3片",
        ),
        (
            USUAL._replace(minutes_a_person_a_week=180),
            [booked(1, 1, 120), booked(1, 6)],
            "每人每周在本馆最多订180分钟",
        ),
    ],
)
def test_each_limit_refuses_by_its_name_and_its_figure(limits: Limits, held: list[Booked], said: str) -> None:
    refusal = refusal_of(limits, held, [booked(3)])
    assert refusal is not None
    assert refusal.message.startswith(said)
    assert refusal.code in (ErrorCode.TOO_MANY_COURTS, ErrorCode.TOO_MANY_HOURS)
    assert SENTENCE.fullmatch(refusal.sentence())
    theirs = refusal_of(limits, held, [booked(3)], who="王**")
    assert theirs is not None
    assert theirs.message == f"球友王**已到上限：{refusal.message}"
    assert refusal_of(limits, held[:-1], [booked(3)]) is None


def test_sunday_belongs_to_the_week_and_the_next_monday_does_not() -> None:
    weekly = USUAL._replace(courts_a_person_a_week=1)
    assert refusal_of(weekly, [booked(1, 6)], [booked(1, 0)]) is not None
    assert refusal_of(weekly, [booked(1, 7)], [booked(1, 0)]) is None
    assert week_of(MONDAY + timedelta(days=6)) == week_of(MONDAY) == (MONDAY, MONDAY + timedelta(days=7))


amounts = st.integers(1, 5)
minutes = st.integers(1, 8).map(lambda half_hours: half_hours * 30)
limits_with = st.builds(
    lambda courts, court, day, week_courts, week: Limits(
        courts, court, 7, 480, 15, 30, minutes_a_person_a_day=day, courts_a_person_a_week=week_courts,
        minutes_a_person_a_week=week,
    ),
    amounts, minutes, st.none() | minutes, st.none() | amounts, st.none() | minutes,
)  # fmt: skip
some_booked = st.builds(
    booked, st.integers(1, 4), st.integers(0, 20), minutes, st.sampled_from(["BADMINTON", "TENNIS"])
)


@settings(deadline=None, max_examples=60)
@given(
    limits=limits_with,
    held=st.lists(some_booked, max_size=12),
    wanted=st.lists(some_booked, min_size=1, max_size=3),
)
def test_on_the_day_that_a_refusal_names_the_same_passes(
    limits: Limits, held: list[Booked], wanted: list[Booked]
) -> None:
    refusal = refusal_of(limits, held, wanted)
    assume(refusal is not None)
    assert refusal is not None
    assert refusal.next_step is not None
    first = min(each.day for each in wanted)
    for days in range(1, LOOK_AHEAD_DAYS + 1):
        later = [each._replace(day=each.day + timedelta(days=days)) for each in wanted]
        fits = refusal_of(limits, held, later) is None
        named = f"可以改订{day_text(first + timedelta(days=days))}" in refusal.next_step
        assert named is fits, "the first day that fits, and no other"
        if fits:
            return
    assert "可以改订" not in refusal.next_step


@given(
    limits=limits_with,
    held=st.lists(some_booked, max_size=8),
    wanted=st.lists(some_booked, min_size=1, max_size=3),
)
def test_more_is_never_allowed_where_less_is_refused(
    limits: Limits, held: list[Booked], wanted: list[Booked]
) -> None:
    if refusal_of(limits, held[:-1], wanted) is not None:
        assert refusal_of(limits, held, wanted) is not None
    looser = limits._replace(courts_a_person_a_day=9, minutes_a_court_a_day=999, minutes_a_person_a_day=None,
                             courts_a_person_a_week=None, minutes_a_person_a_week=None)  # fmt: skip
    few = [each._replace(minutes=30) for each in wanted[:1]]
    assert refusal_of(looser, [], few) is None


# Which rule governs


def a_rule(sport: str = "", *, of_venue: bool = False, from_day: str = "2000-01-01", courts: int) -> Rule:
    return Rule(sport, of_venue, from_day, USUAL._replace(courts_a_person_a_day=courts))


def test_the_narrowest_rule_governs_and_of_those_the_one_that_began_last() -> None:
    rules = [
        a_rule(courts=1),
        a_rule(from_day="2026-11-01", courts=2),
        a_rule(of_venue=True, courts=3),
        a_rule("TENNIS", of_venue=True, courts=4),
        a_rule("TENNIS", of_venue=True, from_day="2026-11-01", courts=5),
    ]
    assert governing(rules, "BADMINTON").courts_a_person_a_day == 3
    assert governing(rules, "TENNIS").courts_a_person_a_day == 5
    assert governing(rules[:2], "TENNIS").courts_a_person_a_day == 2
    with pytest.raises(ValueError, match="empty"):
        governing([], "TENNIS")


def test_a_sport_with_a_rule_of_its_own_is_counted_by_itself() -> None:
    rules = [a_rule(courts=1), a_rule("TENNIS", of_venue=True, courts=1)]
    tennis, others = governing(rules, "TENNIS"), governing(rules, "BADMINTON")
    playing_both = [booked(1, sport="TENNIS"), booked(2, sport="BADMINTON")]
    assert refusal_of(tennis, [playing_both[1]], [playing_both[0]]) is None
    assert refusal_of(others, [playing_both[0]], [playing_both[1]]) is None
    assert refusal_of(others, [booked(3, sport="BASKETBALL")], [playing_both[1]]) is not None


def test_rows_are_read_as_either_database_gives_them() -> None:
    numbers: list[Any] = [*USUAL._replace(check_in_minutes=15)[: len(LIMIT_COLUMNS) - 2]]
    rows = [["TENNIS", 1, "2026-11-01", *numbers, 1, 0], ["TENNIS", True, "2026-11-01", *numbers, True, False]]
    sqlite, postgres = rules_in(rows)
    assert repr(sqlite) == repr(postgres)
    assert sqlite.limits.check_in_minutes == 15
    assert sqlite.limits.companions_named is True
    assert sqlite.limits.real_name_needed is False


# When it lifts

COURT = CourtFacts(1, "crt_1", "羽毛球1号场", "BADMINTON", 60, 6, (1,))
OPENINGS = ((0, 24 * 60),)


def bookable(limits: Limits, starts_at: datetime, people: int, now: datetime) -> DomainError | None:
    try:
        check_bookable(court=COURT, starts_at=starts_at, people=people, openings=OPENINGS, limits=limits, now=now)
    except DomainError as refusal:
        return refusal
    return None


@given(
    days_ahead=st.integers(0, 10),
    release=st.integers(0, 24 * 60 - 1),
    notice=st.integers(0, 48 * 60),
    fewest=st.integers(1, 4),
    people=st.integers(0, 8),
    hour=st.integers(0, 23),
    days=st.integers(-1, 12),
    at=st.integers(0, 24 * 3600 * 10**6),
)
def test_when_a_refusal_says_to_come_back_the_same_passes_and_not_a_moment_before(
    days_ahead: int, release: int, notice: int, fewest: int, people: int, hour: int, days: int, at: int
) -> None:
    limits = USUAL._replace(
        days_ahead=days_ahead, release_minute=release, notice_minutes=notice, fewest_players=fewest
    )
    starts_at = instant_of(MONDAY + timedelta(days=days), hour * 60)
    now = instant_of(MONDAY, 0) + timedelta(microseconds=at)
    refusal = bookable(limits, starts_at, people, now)
    if refusal is None:
        assert released_at(MONDAY + timedelta(days=days), limits) <= now <= starts_at - timedelta(minutes=notice)
        return
    assert SENTENCE.fullmatch(refusal.sentence())
    if refusal.retry_after is None:
        assert refusal.code is not ErrorCode.SLOT_NOT_RELEASED
        return
    back = now + timedelta(seconds=refusal.retry_after)
    assert bookable(limits, starts_at, people, back) is None
    before = bookable(limits, starts_at, people, back - timedelta(seconds=1))
    assert before is not None
    assert before.code is ErrorCode.SLOT_NOT_RELEASED


def test_who_comes_too_late_hears_by_when_and_from_when_on_they_could() -> None:
    limits = USUAL._replace(notice_minutes=90)
    starts_at = NOW + timedelta(minutes=60)
    refusal = bookable(limits, starts_at, 1, NOW)
    assert refusal is not None
    assert refusal.code is ErrorCode.BOOKED_TOO_LATE
    assert "最晚提前1小时30分钟预订" in refusal.message
    assert "11月20日 11:31之后开始的时段" in (refusal.next_step or "")
    assert bookable(limits, NOW + timedelta(minutes=120), 1, NOW) is None
    assert bookable(USUAL, starts_at, 1, NOW) is None


@pytest.mark.parametrize(
    ("people", "code"), [(1, ErrorCode.TOO_FEW_PEOPLE), (2, None), (4, None), (5, ErrorCode.TOO_MANY_PEOPLE)]
)
def test_a_court_takes_so_few_and_so_many(people: int, code: ErrorCode | None) -> None:
    refusal = bookable(USUAL._replace(fewest_players=2, most_players=4), NOW + timedelta(hours=1), people, NOW)
    assert (refusal.code if refusal else None) is code
