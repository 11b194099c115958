"""A rule that nobody can keep is refused when it is saved, with a sentence; every other one lets somebody book."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.booking.contradictions import Place, check_rule, contradictions
from models.booking.limits import Booked, Limits, check_counts, released_at
from models.booking.rules import CourtFacts, check_bookable
from models.calendar import instant_of
from models.errors import DomainError, ErrorCode
from tests.house import SENTENCE

DAY = date(2026, 11, 23)
USUAL = Limits(2, 120, 7, 480, 15, 30, check_in_minutes=15, no_shows=3, no_show_days=90, pause_days=30)


def a_place(
    slot_minutes: int = 60, max_people: int = 6, openings: tuple[tuple[int, int], ...] = ((540, 1320),)
) -> Place:
    return Place([(CourtFacts(1, "crt_1", "1号场", "BADMINTON", slot_minutes, max_people, (1,)), openings)])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"courts_a_person_a_day": 0}, "每人每天的场地数不能小于1，否则谁也订不了。"),
        ({"minutes_a_court_a_day": 30}, "每人每天在同一片场地最多30分钟，而最短的时段也有60分钟，谁也订不了。"),
        ({"minutes_a_person_a_day": 90}, "每人每天最多90分钟，少于同一片场地每天最多的120分钟，互相矛盾。"),
        (
            {"minutes_a_person_a_day": 240, "minutes_a_person_a_week": 180},
            "每人每周最多180分钟，少于每人每天最多的240分钟，互相矛盾。",
        ),
        ({"courts_a_person_a_week": 1}, "每人每周最多1片场地，少于每人每天最多的2片，互相矛盾。"),
        ({"fewest_players": 4, "most_players": 3}, "最多3人，少于最少的4人，谁也订不了。"),
        ({"fewest_players": 7}, "至少要7人，而最大的场地只容6人，谁也订不了。"),
        ({"check_in_minutes": 60}, "签到时间60分钟，不短于最短的时段60分钟，场地没有可以释放的时间。"),
        ({"pause_days": None}, "未到场次数、统计天数和暂停天数要么都填，要么都不填。"),
        ({"check_in_minutes": None}, "没有规定签到时间，就无法统计未到场，互相矛盾。"),
        ({"no_show_kept_percent": 101}, "未到场的扣款比例不能大于100。"),
        (
            {"cancel_free_minutes": 60},
            "免费取消的截止时间和过时取消的扣款比例要么都填，要么都不填。",
        ),
        (
            {"days_ahead": 1, "cancel_free_minutes": 2881, "cancel_kept_percent": 50},
            "提前1天才开放预订，却要提前2天1分钟才能免费取消，谁也来不及。",
        ),
        ({"release_minute": 1440}, "开放预订的时刻应在一天之内。"),
        (
            {"days_ahead": 0, "release_minute": 1380},
            "预订在当天23:00开放，却要提前0分钟预订，谁也订不了。",
        ),
        (
            {"days_ahead": 1, "notice_minutes": 3000},
            "预订在提前1天的08:00开放，却要提前2天2小时预订，谁也订不了。",
        ),
    ],
)
def test_what_nobody_can_keep_is_refused_with_a_sentence(changes: dict[str, Any], said: str) -> None:
    limits = USUAL._replace(**changes)
    with pytest.raises(DomainError) as refused:
        check_rule(limits, a_place(), from_day=DAY, to_day=None)
    assert refused.value.code is ErrorCode.RULES_INVALID
    assert refused.value.message == said
    assert SENTENCE.fullmatch(refused.value.sentence())


def test_a_rule_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(DomainError, match="结束日期应晚于开始日期"):
        check_rule(USUAL, a_place(), from_day=DAY, to_day=DAY)
    check_rule(USUAL, a_place(), from_day=DAY, to_day=DAY + timedelta(days=1))


@given(
    courts=st.integers(1, 5), on_court=st.integers(1, 8), day=st.none() | st.integers(1, 12),
    week=st.none() | st.integers(1, 30), week_courts=st.none() | st.integers(1, 9), days_ahead=st.integers(0, 9),
    release=st.integers(0, 1439), notice=st.integers(0, 3 * 1440), fewest=st.integers(1, 9),
    most=st.none() | st.integers(1, 9), slot=st.integers(1, 4), opens=st.integers(0, 40),
)  # fmt: skip
def test_whatever_is_not_refused_lets_somebody_book_something(
    courts: int, on_court: int, day: int | None, week: int | None, week_courts: int | None, days_ahead: int,
    release: int, notice: int, fewest: int, most: int | None, slot: int, opens: int,
) -> None:  # fmt: skip
    limits = Limits(
        courts, on_court * 30, days_ahead, release, 15, 30, day and day * 30, week_courts, week and week * 30,
        fewest_players=fewest, most_players=most, notice_minutes=notice,
    )  # fmt: skip
    place = a_place(slot * 30, 6, ((opens * 30, 1440),))
    if next(contradictions(limits, place, from_day=DAY, to_day=None), None) is not None:
        return
    ((court, openings),) = place.courts
    last = max(range(openings[0][0], 1440 - court.slot_minutes + 1, court.slot_minutes), default=None)
    if last is None:
        return  # never open long enough: that is no rule's fault
    check_bookable(
        court=court,
        starts_at=instant_of(DAY, last),
        people=fewest,
        openings=openings,
        limits=limits,
        now=released_at(DAY, limits),
    )
    check_counts(limits, held=[], wanted=[Booked(1, "BADMINTON", DAY, court.slot_minutes)])
