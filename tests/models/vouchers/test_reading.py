"""Terms are read strictly: what is misspelt, out of range or impossible is refused by its name."""

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from models.errors import ErrorCode
from models.vouchers.reading import TermsInvalid, terms_json, terms_of
from models.vouchers.rules import AgeGroup, Challenge, ClaimLimits, OnRefund, Stacking, Terms, Validity, Where, Who

WHOLE = Terms(
    limits=ClaimLimits(a_round=1, a_day=2, a_week=3, a_month=4, in_all=5, held=6),
    who=Who(
        real_name=True,
        age_groups=frozenset({AgeGroup.ELDER, AgeGroup.ADULT}),
        regions=frozenset({"510107"}),
        first_timers=True,
        account_days=30,
        challenge=Challenge.WHEN_SUSPECT,
    ),
    where=Where(venues=frozenset({"ven_A"}), regions=frozenset({"510100"}), sports=frozenset({"BADMINTON"})),
    validity=Validity(days=7, from_day=date(2026, 12, 1), until_day=date(2026, 12, 31)),
    uses_a_day=2,
    uses_a_venue_a_day=2,
    stacking=Stacking.ANY,
    venue_share_percent=20,
    venue_cap_fen=100_000_00,
    on_refund=OnRefund.RETURNS_IN_TIME,
    refund_hours_before=24,
    expired_returns=False,
    rolls_over=True,
    undo_minutes=15,
    confirm_minutes=3,
)


@pytest.mark.parametrize("terms", [Terms(), WHOLE])
def test_what_was_written_is_read_back_to_the_same(terms: Terms) -> None:
    assert terms_of(json.loads(json.dumps(terms_json(terms)))) == terms


def test_what_is_written_is_whole_so_that_a_later_default_changes_no_promise() -> None:
    assert terms_json(Terms()).keys() == terms_json(WHOLE).keys()
    assert terms_json(Terms())["validity"] == {"days": 7, "from_day": None, "until_day": None}


def test_sets_are_written_in_one_order() -> None:
    assert terms_json(WHOLE)["who"]["age_groups"] == ["ADULT", "ELDER"]


def test_what_is_left_out_is_as_the_rules_have_it() -> None:
    assert terms_of({"limits": {"a_week": 3}}) == replace(Terms(), limits=ClaimLimits(a_week=3))


@pytest.mark.parametrize(
    ("said", "field", "words"),
    [
        ("", "terms", "格式"),
        ({"limit": {}}, "terms.limit", "没有“limit”"),
        ({"limits": {"a_weak": 3}}, "terms.limits.aWeak", "没有“a_weak”"),
        ({"limits": []}, "terms.limits", "格式"),
        ({"limits": {"a_week": 0}}, "terms.limits.aWeek", "“每人每周限领”应为1到10000的整数，不限请留空。"),
        ({"limits": {"a_week": True}}, "terms.limits.aWeek", "整数"),
        ({"limits": {"a_week": 1.0}}, "terms.limits.aWeek", "整数"),
        ({"limits": {"a_week": "3"}}, "terms.limits.aWeek", "整数"),
        ({"who": {"real_name": 1}}, "terms.who.realName", "是或否"),
        ({"who": {"age_groups": ["OLD"]}}, "terms.who.ageGroups", "CHILD、ADULT、ELDER之一"),
        ({"who": {"age_groups": [None]}}, "terms.who.ageGroups", "之一"),
        ({"who": {"regions": "510100"}}, "terms.who.regions", "列表"),
        ({"who": {"account_days": None}}, "terms.who.accountDays", "0到3650的整数。"),
        ({"where": {"venues": [""]}}, "terms.where.venues", "编号"),
        ({"where": {"venues": ["a"] * 1001}}, "terms.where.venues", "1000"),
        ({"validity": {"until_day": "2026-02-30"}}, "terms.validity.untilDay", "日期"),
        ({"validity": {"until_day": "9999-12-31"}}, "terms.validity.untilDay", "日期"),
        ({"validity": {"until_day": 20261231}}, "terms.validity.untilDay", "日期"),
        ({"stacking": "SOME"}, "terms.stacking", "NONE、SAME_CAMPAIGN、ANY之一"),
        ({"venue_share_percent": 101}, "terms.venueSharePercent", "0到100"),
        ({"venue_cap_fen": 0}, "terms.venueCap", "单个场馆"),
        ({"confirm_minutes": 0}, "terms.confirmMinutes", "1到1440"),
        # terms that nobody could satisfy
        ({"validity": {"days": None}}, "terms.validity", "没有到期日"),
        (
            {"validity": {"from_day": "2026-12-02", "until_day": "2026-12-01"}},
            "terms.validity.fromDay",
            "谁也用不了",
        ),
        ({"who": {"age_groups": ["ELDER"]}}, "terms.who.ageGroups", "实名"),
        ({"stacking": "SAME_CAMPAIGN"}, "terms.stacking", "无法叠加"),
        ({"refund_hours_before": 24}, "terms.refundHoursBefore", "按时退款"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(said: Any, field: str, words: str) -> None:
    with pytest.raises(TermsInvalid) as refused:
        terms_of(said)
    assert refused.value.code is ErrorCode.TERMS_INVALID
    assert refused.value.field == field
    assert words in refused.value.message
    assert refused.value.next_step
