"""Opening hours that contradict themselves are refused by what is wrong; what lies outside of them is exactly that."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.booking import hours_rules as rules
from models.booking.hours_rules import HoursWanted, Standing
from models.booking.limits import Limits
from models.booking.rules import CourtFacts
from models.calendar import instant_of
from models.errors import DomainError
from models.venues.rules import Opening, openings_on

MONDAY = date(2026, 11, 23)
TODAY = MONDAY - timedelta(days=3)
WEEK = tuple(Opening(weekday, 8 * 60, 22 * 60) for weekday in range(7))
FILES = Standing(0, None, WEEK, 0, ())
COURT = CourtFacts(1, "crt_1", "1号场", "BADMINTON", 60, 6, (1,))
LIMITS = Limits(
    courts_a_person_a_day=2, minutes_a_court_a_day=120, days_ahead=7, release_minute=480, hold_minutes=15,
    entry_opens_minutes_before=30,
)  # fmt: skip


def wanted(*openings: Opening, **more: Any) -> HoursWanted:
    return HoursWanted(**{"openings": openings or WEEK, "from_day": MONDAY, "note": "冬季时间", **more})


def a_week(opens: int, closes: int, sport: str = "") -> tuple[Opening, ...]:
    return tuple(Opening(weekday, opens, closes, sport) for weekday in range(7))


@pytest.mark.parametrize(
    ("wrong", "field", "says"),
    [
        (wanted(note=" "), "note", "要有说明"),
        (wanted(from_day=TODAY - timedelta(days=1)), "fromDay", "从今天起"),
        (wanted(from_day=TODAY + timedelta(days=367)), "fromDay", "一年之内"),
        (wanted(to_day=MONDAY), "untilDay", "没有一天用得上"),
        (wanted(Opening(7, 480, 600)), "openings", "周一到周日"),
        (wanted(Opening(-1, 480, 600)), "openings", "周一到周日"),
        (wanted(Opening(0, 485, 600)), "openings", "整点或半点"),
        (wanted(Opening(0, 480, 1470)), "openings", "0:00到24:00"),
        (wanted(Opening(4, 1320, 120)), "openings", "周五22:00–02:00：跨过了零点"),
        (wanted(*WEEK, Opening(0, 480, 600, "CHESS")), "openings", "没有这个项目"),
        (wanted(Opening(0, 480, 600, "BADMINTON")), "openings", "没有写全馆"),
        (wanted(*WEEK, Opening(2, 1200, 1380)), "openings", "周三08:00–22:00和周三20:00–23:00重叠"),
        (wanted(*(Opening(0, 480 + 90 * n, 540 + 90 * n) for n in range(5))), "openings", "最多分成4段"),
    ],
)
def test_what_is_wrong_with_hours_is_said_in_a_sentence(wrong: HoursWanted, field: str, says: str) -> None:
    with pytest.raises(DomainError) as refusal:
        rules.check_itself(wrong, {"BADMINTON"}, TODAY)
    assert refusal.value.field == field
    assert says in str(refusal.value)
    assert refusal.value.next_step


def test_the_same_hours_for_the_same_days_are_nothing_new_and_for_fewer_days_they_are() -> None:
    rules.check_itself(wanted(Opening(0, 480, 720), Opening(0, 720, 1440)), (), TODAY)
    with pytest.raises(DomainError, match="没有要改的"):
        rules.check_new(wanted(*reversed(WEEK)), FILES)
    rules.check_new(wanted(to_day=MONDAY + timedelta(days=7)), FILES)
    rules.check_new(wanted(*WEEK[:6]), FILES)


def test_hours_in_which_nobody_could_book_a_court_are_refused_by_its_name() -> None:
    rules.check_courts(wanted(Opening(6, 480, 540)), [COURT], {"BADMINTON": LIMITS})
    long = COURT._replace(slot_minutes=120)
    with pytest.raises(DomainError, match=r"1号场连一场（120分钟）也排不下") as refusal:
        rules.check_courts(wanted(Opening(6, 480, 570)), [long], {"BADMINTON": LIMITS})
    assert refusal.value.field == "openings"
    narrow = LIMITS._replace(minutes_a_court_a_day=60)
    with pytest.raises(DomainError) as refusal:
        rules.check_courts(wanted(), [long], {"BADMINTON": narrow})
    assert (refusal.value.code, refusal.value.field) == ("RULES_INVALID", "openings")


def test_days_with_the_same_change_are_one_sentence_and_a_sport_says_whose_hours_it_has() -> None:
    shorter = [Opening(weekday, 540, 1260 if weekday < 5 else 1320) for weekday in range(6)]
    stands = FILES._replace(later=[(3, MONDAY + timedelta(days=9))])
    told = list(rules.sentences(wanted(*shorter, Opening(5, 600, 720, "TENNIS")), stands, {"TENNIS": "网球"}))
    assert told == [
        "周一、周二、周三、周四、周五：08:00–22:00 → 09:00–21:00",
        "周六：08:00–22:00 → 09:00–22:00",
        "周日：08:00–22:00 → 不开放",
        "网球周一、周二、周三、周四、周五、周日：同全馆 → 不开放",
        "网球周六：同全馆 → 10:00–12:00",
        "第3版开放时间原定12月2日开始，之后也改按新的开放时间。",
    ]
    before_it = wanted(*shorter, to_day=MONDAY + timedelta(days=9))
    assert not any("第3版" in said for said in rules.sentences(before_it, stands, {}))


def test_a_week_that_is_too_short_for_the_rules_and_sessions_outside_of_it_are_said() -> None:
    assert rules.too_short(a_week(540, 840), {"BADMINTON"}) is None, "35 hours are enough"
    short = rules.too_short(a_week(540, 840)[1:], {"BADMINTON"})
    assert short is not None
    assert "每周只开放30小时" in short
    assert rules.too_short((*a_week(540, 600), *a_week(540, 900, "TENNIS")), {"BADMINTON", "TENNIS"}) is None
    plans = [("SWIMMING", "泳池", 540, 660), ("SWIMMING", "泳池", 1200, 1320), ("SWIMMING", "泳池", 1200, 1320)]
    assert rules.plans_outside(a_week(540, 1260), plans) == ["泳池20:00–22:00"]


HALF_HOURS = st.integers(0, 48).map(lambda half: half * 30)
SPANS = st.tuples(HALF_HOURS, HALF_HOURS).filter(lambda span: span[0] < span[1])


def minutes_of(first: datetime, end: datetime) -> set[int]:
    midnight = instant_of(MONDAY, 0)
    return set(range((first - midnight) // timedelta(minutes=30), (end - midnight) // timedelta(minutes=30)))


@given(open_=st.lists(SPANS, max_size=4), booked=SPANS)
def test_what_lies_outside_is_each_half_hour_that_is_booked_and_not_open(
    open_: list[tuple[int, int]], booked: tuple[int, int]
) -> None:
    openings = [Opening(0, *span) for span in open_]
    starts_at, ends_at = (instant_of(MONDAY, minute) for minute in booked)
    parts = rules.outside(openings, "BADMINTON", starts_at, ends_at, MONDAY)
    halves = [minutes_of(*part) for part in parts]
    shut = set(range(booked[0] // 30, booked[1] // 30)) - {
        half for opens, closes in openings_on(openings, 0) for half in range(opens // 30, closes // 30)
    }
    assert set().union(*halves) == shut
    assert sum(map(len, halves)) == len(shut), "no half hour is in two of them"
    assert parts == sorted(parts)
