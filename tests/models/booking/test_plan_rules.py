"""All sessions of a pool as staff want them: what is refused, what is said, and what becomes of a ticket."""

from datetime import date, timedelta
from typing import Any

import pytest

from models.booking import plan_rules
from models.booking.plan_fates import SoldTicket, fates, promise
from models.booking.plan_rules import Hours, PlannedSession, PlansWanted, Standing
from models.booking.plan_versions import PlansVersion, number_on
from models.booking.session_rules import TicketPrice
from models.calendar import instant_of
from models.errors import BadInput
from models.venues.days import Day, day_of
from models.venues.rules import Opening

TODAY = date(2026, 11, 20)
MONDAY = date(2026, 11, 23)
PAID = (TicketPrice("ADULT", "MARKET", 3000, "PUBLISHED"),)
FREE = (TicketPrice("ADULT", "FREE", 0, "PUBLISHED"),)
ALL_DAY = [Hours(0, TODAY, None, [Opening(weekday, 480, 1320, "") for weekday in range(7)])]


def a_time(first: int, end: int, days: str = "ALL", **more: Any) -> PlannedSession:
    """In hours."""
    return PlannedSession(**{
        "day_kind": days, "from_minute": first * 60, "to_minute": end * 60, "capacity": 40, "prices": PAID, **more
    })  # fmt: skip


def wanted(*times: PlannedSession, **more: Any) -> PlansWanted:
    """Of one winter, without an 8 August."""
    return PlansWanted(**{
        "sport_code": "SWIMMING", "name": "大众池", "area_m2": 100, "lifeguards": 3, "places_a_person_a_day": 4,
        "sessions": times, "from_day": MONDAY, "to_day": MONDAY + timedelta(days=90), "note": "冬季", **more,
    })  # fmt: skip


def days_of(plans: PlansWanted) -> list[Day]:
    return [day_of(day, notice=None, year_known=True) for day in plans.days()]


def check(plans: PlansWanted, hours: list[Hours] = ALL_DAY) -> None:
    plan_rules.check_itself(plans, {"SWIMMING", "BADMINTON"}, TODAY)
    plan_rules.check_days(plans, days_of(plans), hours)


def test_a_plan_that_can_be_is_not_refused() -> None:
    check(wanted(a_time(8, 10), a_time(10, 12), a_time(9, 11, "EVERY:WED", prices=FREE)))
    year = wanted(a_time(14, 16), a_time(14, 16, "DATE:08-08", prices=FREE), to_day=None)
    check(year)
    assert len(year.days()) == 366
    check(wanted(a_time(5, 6)), [])  # nobody said when it is open


@pytest.mark.parametrize(
    ("wrong", "field", "said"),
    [
        (wanted(), "sessions", "大众池一周里没有任何场次。"),
        (wanted(a_time(8, 10), a_time(9, 11)), "fromMinute", "两个场次重叠：08:00–10:00和09:00–11:00（每天）"),
        (wanted(a_time(7, 9)), "sessions", "每天07:00–09:00不在开放时间之内：11月23日（周一）08:00–22:00开放。"),
        (wanted(a_time(21, 23)), "sessions", "不在开放时间之内"),
        (wanted(a_time(22, 25)), "toMinute", "不能跨过零点"),
        (wanted(a_time(8, 10, capacity=41)), "capacity", "最多容纳40人"),
        (wanted(a_time(8, 10), lifeguards=2), "lifeguards", "至少要有3名救生员"),
        (wanted(a_time(8, 10, prices=(TicketPrice("ADULT", "MARKET", 0, "PUBLISHED"),))), "prices", "只有免费场次"),
        (wanted(a_time(8, 10, prices=(TicketPrice("ADULT", "FREE", 100, "PUBLISHED"),))), "prices", "只有免费场次"),
        (wanted(a_time(8, 10, prices=())), "prices", "还没有票价"),
        (wanted(a_time(8, 10), to_day=None), "prices", "在8月8日收费"),
        (wanted(a_time(8, 10, "DATE:08-08", prices=FREE)), "sessions", "一场也开不出来"),
        (wanted(a_time(8, 10, "DATE:02-29")), "days", "没有这样的日子"),
        (wanted(*[a_time(8, 10)] * 31), "sessions", "最多写30个场次"),
        (wanted(a_time(8, 10), to_day=MONDAY), "untilDay", "结束日期要晚于开始日期"),
        (wanted(a_time(8, 10), from_day=TODAY - timedelta(days=1)), "fromDay", "从今天起"),
        (wanted(a_time(8, 10), sport_code="TENNIS"), "sport", "本馆没有这个项目"),
        (wanted(a_time(8, 10), name=" "), "name", "哪个泳池"),
        (wanted(a_time(8, 10), note=" "), "note", "要有说明"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_a_sentence_and_its_field(
    wrong: PlansWanted, field: str, said: str
) -> None:
    with pytest.raises(BadInput) as refusal:
        check(wrong)
    assert refusal.value.field == field
    assert said in refusal.value.message
    assert refusal.value.next_step


def test_hours_that_are_written_for_later_bind_the_days_on_which_they_hold() -> None:
    later = Hours(1, MONDAY + timedelta(days=7), None, [Opening(weekday, 600, 1320, "") for weekday in range(7)])
    own = Hours(
        2,
        MONDAY + timedelta(days=7),
        None,
        [*later.openings, *[Opening(n, 360, 1320, "SWIMMING") for n in range(7)]],
    )
    early = wanted(a_time(8, 10))
    check(wanted(a_time(8, 10), to_day=later.from_day), [*ALL_DAY, later])
    with pytest.raises(BadInput, match="11月30日（周一）10:00–22:00开放"):
        check(early, [*ALL_DAY, later])
    check(early, [*ALL_DAY, later, own])  # the pool has hours of its own


def test_a_day_on_which_nothing_is_open_has_no_session_and_staff_are_told() -> None:
    closed = [Hours(0, TODAY, None, [Opening(weekday, 480, 1320, "") for weekday in range(6)])]
    plan = wanted(a_time(8, 10))
    check(plan, closed)
    assert plan_rules.shut_weekdays(plan, days_of(plan), closed) == "周日不开放，没有场次。"
    assert plan_rules.shut_weekdays(plan, days_of(plan), ALL_DAY) is None
    with pytest.raises(BadInput, match="一场也开不出来"):
        check(wanted(a_time(8, 10, "EVERY:SUN")), closed)


def test_the_latest_version_that_reaches_over_a_day_holds_then_and_only_for_its_pool() -> None:
    versions = [
        PlansVersion(1, "SWIMMING", "大众池", MONDAY, None),
        PlansVersion(2, "SWIMMING", "训练池", MONDAY, None),
        PlansVersion(3, "SWIMMING", "大众池", MONDAY + timedelta(days=7), MONDAY + timedelta(days=14)),
    ]
    at = [
        number_on(versions, "SWIMMING", "大众池", MONDAY + timedelta(days=days)) for days in (-1, 0, 6, 7, 13, 14)
    ]
    assert at == [0, 1, 1, 3, 3, 1]
    assert number_on(versions, "TENNIS", "大众池", MONDAY) == 0


def test_sentences_say_old_and_new_and_what_was_written_for_later() -> None:
    now = wanted(a_time(8, 10), a_time(10, 12)).plans()
    next_one = PlansVersion(4, "SWIMMING", "大众池", MONDAY + timedelta(days=7), None)
    stands = Standing(0, None, now, 4, [next_one])
    wish = wanted(a_time(8, 11, prices=FREE), a_time(19, 21, "WORKDAY"), lifeguards=4, places_a_person_a_day=2)
    assert list(plan_rules.sentences(wish, stands)) == [
        "每天08:00–10:00：结束 10:00 → 11:00；救生员 3名 → 4名；每人每天 4个名额 → 2个名额；成人票30.00元 → 成人票免费。",
        "新增工作日19:00–21:00：40人，成人票30.00元。",
        "不再有每天10:00–12:00。",
        "第4版场次安排原定11月30日开始，到2月21日之前改按新的安排。",
    ]
    new = Standing(0, None, [], 4, [])
    assert next(plan_rules.sentences(wish, new)) == "大众池是新的，以前没有场次。"
    with pytest.raises(BadInput, match="和现在一样"):
        plan_rules.check_new(wanted(a_time(10, 12), a_time(8, 10), to_day=None), stands)
    plan_rules.check_new(wanted(a_time(10, 12), a_time(8, 10)), stands)  # for a winter only, and then as before


def sold(first: int, end: int, fen: int = 3000, ticket: str = "ADULT") -> SoldTicket:
    at = instant_of(MONDAY, first * 60), instant_of(MONDAY, end * 60)
    return SoldTicket(f"O{first}", "大众池", MONDAY, *at, ticket, 2, fen * 2, paid=True)


def test_a_ticket_keeps_its_session_or_is_asked_about_and_never_stands_in_the_next_ones_way() -> None:
    days = {MONDAY: day_of(MONDAY, notice=None, year_known=True)}
    wish = wanted(a_time(8, 10), a_time(10, 12), a_time(14, 15), a_time(18, 20))
    same, dearer, ends, child, gone = (
        sold(8, 10),
        sold(10, 12, 2000),
        sold(14, 16),
        sold(18, 20, ticket="CHILD"),
        sold(16, 18),
    )
    found = fates(wish, [same, dearer, ends, child, gone], days, ALL_DAY)
    assert found == (5, [gone], [dearer, ends, child])
    assert promise(fates(wish, [same], days, ALL_DAY)) == "已售的票不受影响。"
    assert fates(wish, [same], days, [Hours(1, TODAY, None, [Opening(0, 540, 1320, "")])]).without == [same]
    with pytest.raises(BadInput, match="会和新安排的下一场重叠"):
        fates(wish, [sold(8, 11)], days, ALL_DAY)
