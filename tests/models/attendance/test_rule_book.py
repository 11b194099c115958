"""Every rule is a sentence with its figure before anybody books, and says whether somebody published it."""

import re
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.attendance.rule_book import RuleKind, booking_rules, told_limits
from models.booking.limits import LIMIT_COLUMNS, Limits
from models.errors import DomainError
from models.orders.refund_policy import Terms, told
from models.orders.tables import RefundRule
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.attendance import STRICT, a_rule
from tests.factories.booking import TOMORROW, a_hall
from tests.factories.places import a_court
from tests.house import SENTENCE

EVERYTHING = Limits(
    2, 120, 7, 480, 15, 30, 180, 6, 600, 2, 4, 60, 15, 50, 3, 90, 30, 12, 2, 60, 48, 1440, 120, 50, True, True
)


def test_every_limit_is_told_with_its_figure() -> None:
    told_rules = told_limits(EVERYTHING, frozenset(), most_people=6)
    assert [each.sentence for each in told_rules] == [
        "提前7天的08:00开放预订。",
        "最晚在开始前1小时预订。",
        "下单后15分钟内付款，过时场地让给别人。",
        "每人每天最多订2片场地。",
        "每人每天在同一片场地最多2小时。",
        "每人每天最多订3小时。",
        "每人每周（周一至周日）最多订6片场地。",
        "每人每周（周一至周日）最多订10小时。",
        "每片场地至少2人、最多4人。",
        "同场的每一位球友都要写明；球友的上限和暂停同样计算。",
        "实名场地：预订人和写明的球友都要先实名认证。",
        "开始前30分钟起可以入场。",
        "开始后15分钟内要到场，否则场地释放给别人，并记一次未到场。",
        "未到场的，扣除价格的50%，其余退回。",
        "90天内3次未到场，暂停预订30天；可以申诉一次。",
        "可以订每周固定场，最长12周，每人最多2个；每次开放预订时为您下单，收到通知后1天内付款。",
        "团体可以提前60天以内申请，场馆48小时内答复；同意的，收到通知后1天内付款。",
    ]
    assert {each.kind for each in told_rules} | {RuleKind.CANCEL} == set(RuleKind)
    assert all(each.is_demonstration for each in told_rules)
    published = told_limits(EVERYTHING, frozenset({"days_ahead", *LIMIT_COLUMNS[:1]}), most_people=6)
    assert [each.kind for each in published if not each.is_demonstration] == [RuleKind.COURTS_A_DAY]


def test_what_is_no_rule_is_not_told() -> None:
    bare = Limits(2, 120, 0, 480, 15, 0)
    said = [each.sentence for each in told_limits(bare, frozenset(), most_people=None)]
    assert said == [
        "当天08:00开放预订。",
        "下单后15分钟内付款，过时场地让给别人。",
        "每人每天最多订2片场地。",
        "每人每天在同一片场地最多2小时。",
        "到开始时间可以入场。",
    ]


@given(
    courts=st.integers(1, 20), check_in=st.none() | st.integers(1, 120), notice=st.integers(0, 3000),
    kept=st.integers(0, 100), week=st.none() | st.integers(1, 50),
)  # fmt: skip
def test_every_sentence_reads_as_one_and_holds_its_figure(
    courts: int, check_in: int | None, notice: int, kept: int, week: int | None
) -> None:
    limits = EVERYTHING._replace(
        courts_a_person_a_day=courts, check_in_minutes=check_in, notice_minutes=notice, no_show_kept_percent=kept,
        courts_a_person_a_week=week,
    )  # fmt: skip
    for each in told_limits(limits, frozenset(), most_people=6):
        assert SENTENCE.fullmatch(each.sentence)
        in_words = {RuleKind.NOTICE, RuleKind.MINUTES_A_COURT, RuleKind.MINUTES_A_DAY, RuleKind.MINUTES_A_WEEK}
        if each.figure and each.kind not in in_words and not (each.kind is RuleKind.NO_SHOW and kept == 100):
            assert str(each.figure) in re.findall(r"\d+", each.sentence)


def test_cancelling_is_told_from_the_earliest_on() -> None:
    assert told([Terms(120), Terms(0, kept_percent=20)]) == [
        "提前2小时以上取消：全额退款。",
        "提前不足2小时取消：手续费为价格的20%。",
    ]
    assert told([Terms(60, kept_fen=500, of_venue=True), Terms(0)]) == [
        "提前1小时以上取消：手续费为5.00元。",
        "开始前不足1小时不能取消。",
    ]
    assert told([]) == ["开始前取消：全额退款。"]


async def test_a_venues_book_is_of_the_day_and_of_the_sport(db: Database) -> None:
    hall = await a_hall()
    await a_rule(hall.venue, published="courts_a_person_a_day", courts_a_person_a_day=4, provenance="PUBLISHED")
    await a_rule(hall.venue, sport="BASKETBALL", from_day=TOMORROW, courts_a_person_a_day=1, **STRICT)
    await RefundRule.create(
        venue_id=None, party="MEMBER", minutes_before=0, kept_percent=20, kept_fen=0, provenance="DEMONSTRATION",
        source="演示",
    )  # fmt: skip

    async def courts(sport: str, day: date) -> tuple[int | None, bool]:
        found = await booking_rules(venue_id=hall.venue.public_id, sport=sport, day=day, now=NOW)
        (rule,) = [each for each in found if each.kind is RuleKind.COURTS_A_DAY]
        return rule.figure, rule.is_demonstration

    async def cancelling(sport: str, day: date) -> list[tuple[str, bool]]:
        found = await booking_rules(venue_id=hall.venue.public_id, sport=sport, day=day, now=NOW)
        return [(each.sentence, each.is_demonstration) for each in found if each.kind is RuleKind.CANCEL]

    await a_court(hall.venue, sport="TENNIS")
    await a_rule(
        hall.venue, sport="TENNIS", cancel_free_minutes=1440, cancel_kept_percent=50, provenance="PUBLISHED",
        published="cancel_free_minutes cancel_kept_percent",
    )  # fmt: skip
    assert await cancelling("TENNIS", TOMORROW) == [
        ("提前1天以上取消：全额退款。", False),
        ("提前不足1天取消：手续费为价格的50%。", False),
    ]
    assert await cancelling("BADMINTON", TOMORROW) == [("开始前取消：手续费为价格的20%。", True)]
    assert await courts("BADMINTON", TOMORROW) == (4, False)
    assert await courts("BASKETBALL", TOMORROW) == (1, True)
    assert await courts("BASKETBALL", TOMORROW - timedelta(days=1)) == (4, False)
    book = await booking_rules(venue_id=hall.venue.public_id, sport="BASKETBALL", day=TOMORROW, now=NOW)
    assert [each.sentence for each in book if each.kind is RuleKind.CANCEL] == ["开始前取消：手续费为价格的20%。"]
    assert "每片场地最多20人，小场地以时段表为准。" in [each.sentence for each in book]
    with pytest.raises(DomainError, match="没有找到这个场馆"):
        await booking_rules(venue_id="ven_X", sport="BADMINTON", day=TOMORROW, now=NOW)
    with pytest.raises(DomainError, match="没有这个运动项目"):
        await booking_rules(venue_id=hall.venue.public_id, sport="CURLING", day=TOMORROW, now=NOW)
