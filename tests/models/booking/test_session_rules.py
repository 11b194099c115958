"""What a plan of sessions may say, which of them make a day, and until when a place is sold. Pure."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.booking.limits import Limits
from models.booking.rules import SlotStatus
from models.booking.session_rules import (
    Plan,
    SessionFacts,
    TicketPrice,
    check_on_sale,
    check_plan,
    check_together,
    last_sale,
    lifeguards_needed,
    plans_on,
    status_of,
    swimmers_at_most,
    ticket_of,
    time_of,
)
from models.errors import BadInput, DomainError, ErrorCode
from models.venues.days import Day, DayKind, WindowDays, day_of

ADULT = TicketPrice("ADULT", "MARKET", 3000, "DEMONSTRATION")
LIMITS = Limits(2, 120, 7, 480, 15, 30)
START = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)


def plan(**columns: Any) -> Plan:
    return Plan(
        **{
            "sport_code": "SWIMMING",
            "name": "大众池",
            "day_kind": "ALL",
            "from_minute": 840,
            "to_minute": 960,
            "area_m2": 100,
            "lifeguards": 3,
            "capacity": 40,
            "places_a_person_a_day": 4,
            "valid_from": date(2026, 1, 1),
            "valid_to": None,
            "prices": (ADULT,),
            **columns,
        }
    )


def session(**columns: Any) -> SessionFacts:
    return SessionFacts(
        **{
            "id": 1,
            "public_id": "ses_1",
            "venue_id": 1,
            "sport_code": "SWIMMING",
            "name": "大众池",
            "day": date(2026, 11, 21),
            "starts_at": START,
            "ends_at": START + timedelta(hours=2),
            "capacity": 10,
            "taken": 0,
            "counted": 0,
            "is_open": True,
            "places_a_person_a_day": 4,
            "prices": (ADULT,),
            **columns,
        }
    )


def test_a_plan_that_keeps_the_standard_is_accepted() -> None:
    check_plan(plan())


@pytest.mark.parametrize(
    ("columns", "field", "said"),
    [
        ({"capacity": 41}, "capacity", "最多容纳40人"),
        ({"lifeguards": 2}, "lifeguards", "至少要有3名救生员"),
        ({"from_minute": 1380, "to_minute": 1500}, "toMinute", "不能跨过零点"),
        ({"from_minute": 1380, "to_minute": 60}, "toMinute", "不能跨过零点"),
        ({"from_minute": 840, "to_minute": 840}, "toMinute", "同一天内开始和结束"),
        ({"capacity": 0}, "capacity", "容量应为"),
        ({"area_m2": 0, "sport_code": "BADMINTON"}, "areaM2", "请填写面积"),
        ({"places_a_person_a_day": 0}, "placesAPersonADay", "每人每天的名额"),
        ({"valid_to": date(2026, 1, 1)}, "validTo", "结束日期"),
        ({"prices": ()}, "prices", "还没有票价"),
        ({"prices": (ADULT, ADULT)}, "prices", "写了两次"),
        ({"prices": (ADULT._replace(price_fen=0),)}, "prices", "只有免费场次的价格是0元"),
        ({"prices": (ADULT._replace(kind="FREE"),)}, "prices", "只有免费场次的价格是0元"),
        ({"prices": (ADULT._replace(price_fen=-1),)}, "prices", "的价格是"),
    ],
)
def test_what_cannot_be_is_refused_when_it_is_saved(columns: dict[str, Any], field: str, said: str) -> None:
    with pytest.raises(BadInput) as refused:
        check_plan(plan(**columns))
    assert refused.value.field == field
    assert said in refused.value.message


def test_a_hall_is_bound_by_neither_water_nor_lifeguards() -> None:
    check_plan(plan(sport_code="BADMINTON", capacity=500, lifeguards=0))


@pytest.mark.parametrize(("area_m2", "needed"), [(1, 3), (250, 3), (251, 4), (500, 4), (501, 5), (1250, 7)])
def test_lifeguards_are_three_and_one_more_for_each_further_250_square_metres(area_m2: int, needed: int) -> None:
    assert lifeguards_needed(area_m2) == needed


@given(st.integers(1, 5000))
def test_whoever_swims_has_two_and_a_half_square_metres_and_one_more_would_not(area_m2: int) -> None:
    most = swimmers_at_most(area_m2)
    assert most * 5 <= area_m2 * 2 < (most + 1) * 5


DAYS = st.builds(
    lambda ordinal, notice: day_of(date.fromordinal(ordinal), notice=notice, year_known=True),
    st.integers(date(2026, 1, 1).toordinal(), date(2027, 12, 31).toordinal()),
    st.sampled_from([None, "HOLIDAY", "MAKEUP_WORKDAY"]),
)
PLANS = st.builds(
    lambda name, days, start, length: plan(
        name=name, day_kind=days, from_minute=start, to_minute=min(1440, start + length)
    ),
    st.sampled_from(["大众池", "训练池"]),
    st.sampled_from([*WindowDays, "EVERY:WED", "NTH:1:SUN", "DATE:08-08"]),
    st.integers(0, 47).map(lambda half: half * 30),
    st.integers(1, 6).map(lambda half: half * 30),
)


@given(st.lists(PLANS, max_size=8), DAYS)
def test_no_two_sessions_of_one_pool_overlap_on_any_day(plans: list[Plan], day: Day) -> None:
    made = [each for _, each in plans_on([(None, each) for each in plans], day)]
    for name in ("大众池", "训练池"):
        spans = sorted((each.from_minute, each.to_minute) for each in made if each.name == name)
        assert all(before[1] <= after[0] for before, after in pairwise(spans))


@given(st.lists(PLANS, max_size=8, unique=True), DAYS)
def test_what_no_narrower_plan_stands_in_the_way_of_is_made(plans: list[Plan], day: Day) -> None:
    made = [each for _, each in plans_on([(None, each) for each in plans], day)]
    for name in ("大众池", "训练池"):
        of_pool = [each for each in made if each.name == name]
        for left_out in {each for each in plans if each.name == name and each.day_kind == "ALL"} - set(of_pool):
            assert any(
                each.from_minute < left_out.to_minute and left_out.from_minute < each.to_minute for each in of_pool
            )


def test_a_day_given_away_stands_before_the_usual_plan_and_leaves_the_rest_of_the_day() -> None:
    usual, evening = plan(), plan(from_minute=1140, to_minute=1260)
    free = plan(day_kind="DATE:08-08", prices=(TicketPrice("ADULT", "FREE", 0, "PUBLISHED"),))
    planned = [(1, usual), (2, evening), (3, free)]
    on_8_august = plans_on(planned, Day(date(2026, 8, 8), DayKind.WEEKEND))
    assert [mark for mark, _ in on_8_august] == [3, 2]
    assert [mark for mark, _ in plans_on(planned, Day(date(2026, 8, 9), DayKind.WEEKEND))] == [1, 2]


def test_a_new_version_begins_where_the_old_one_ends() -> None:
    old, new = plan(valid_to=date(2026, 12, 1)), plan(valid_from=date(2026, 12, 1), capacity=30)
    check_together([old, new])
    days = [Day(date(2026, 11, 30), DayKind.WORKDAY), Day(date(2026, 12, 1), DayKind.WORKDAY)]
    assert [plans_on([(None, old), (None, new)], day) for day in days] == [[(None, old)], [(None, new)]]


def test_two_sessions_of_one_pool_at_once_are_refused_with_both_times() -> None:
    with pytest.raises(BadInput, match="14:00–16:00和15:00–17:00"):
        check_together([plan(), plan(from_minute=900, to_minute=1020)])
    check_together([plan(), plan(name="训练池"), plan(from_minute=960, to_minute=1080)])


def test_a_session_has_one_id_however_often_it_is_made() -> None:
    assert time_of(plan(), "CQ013", START.date()) == time_of(plan(capacity=1), "CQ013", START.date())
    assert time_of(plan(), "CQ013", START.date()) != time_of(plan(name="训练池"), "CQ013", START.date())
    made = time_of(plan(from_minute=1320, to_minute=1440), "CQ013", date(2026, 11, 21))
    assert made.ends_at == datetime(2026, 11, 21, 16, 0, tzinfo=UTC)


@given(st.integers(1, 20), st.integers(0, 20), st.integers(0, 40))
def test_what_is_free_is_never_below_nothing_nor_above_the_capacity(
    capacity: int, taken: int, counted: int
) -> None:
    free = session(capacity=capacity, taken=min(taken, capacity), counted=counted).free
    assert 0 <= free <= capacity
    assert free == 0 or free + min(taken, capacity) + counted == capacity


@given(st.integers(1, 600), st.integers(-600, 1200))
def test_places_are_sold_until_half_an_hour_before_the_end_or_the_middle_of_a_short_one(
    minutes: int, after: int
) -> None:
    ends_at = START + timedelta(minutes=minutes)
    until = last_sale(START, ends_at)
    assert START < until < ends_at
    now = START + timedelta(minutes=after)
    status = status_of(session(ends_at=ends_at), limits=LIMITS, now=now)
    assert (status is SlotStatus.PAST) == (now >= until)


def test_a_session_says_why_it_cannot_be_had_and_when_it_can() -> None:
    early = START - timedelta(days=30)
    with pytest.raises(DomainError) as refused:
        check_on_sale(session(), people=1, limits=LIMITS, now=early)
    assert (refused.value.code, refused.value.next_step) == (
        ErrorCode.SLOT_NOT_RELEASED,
        "请在11月14日 08:00之后再来。",
    )
    with pytest.raises(DomainError) as refused:
        check_on_sale(session(), people=1, limits=LIMITS, now=START + timedelta(minutes=90))
    assert refused.value.message == "大众池 11月21日 14:00–16:00已经停止售票（11月21日 15:30 停售）。"
    with pytest.raises(BadInput):
        check_on_sale(session(), people=0, limits=LIMITS, now=START)
    with pytest.raises(DomainError) as refused:
        check_on_sale(session(is_open=False), people=1, limits=LIMITS, now=START)
    assert refused.value.code == ErrorCode.SESSION_UNKNOWN
    check_on_sale(session(), people=1, limits=LIMITS, now=START + timedelta(minutes=89))


def test_a_ticket_that_is_not_sold_is_refused_with_those_that_are() -> None:
    assert ticket_of(session(), "ADULT") == ADULT
    with pytest.raises(DomainError, match="只有成人票") as refused:
        ticket_of(session(), "SENIOR")
    assert refused.value.code == ErrorCode.TICKET_UNKNOWN


def test_a_full_session_is_taken_and_a_closed_one_too() -> None:
    now = START - timedelta(days=1)
    assert status_of(session(), limits=LIMITS, now=now) is SlotStatus.AVAILABLE
    assert status_of(session(taken=10), limits=LIMITS, now=now) is SlotStatus.TAKEN
    assert status_of(session(counted=12), limits=LIMITS, now=now) is SlotStatus.TAKEN
    assert status_of(session(is_open=False), limits=LIMITS, now=now) is SlotStatus.TAKEN
    assert status_of(session(), limits=LIMITS, now=START - timedelta(days=30)) is SlotStatus.NOT_RELEASED
