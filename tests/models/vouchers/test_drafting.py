"""A draft that cannot be is refused when it is saved, by what is wrong with it; nothing of it is left behind."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from models.errors import DomainError, ErrorCode
from models.vouchers.campaigns import draft_campaign, save_draft
from models.vouchers.drafting import Draft, PoolWanted, Schedule, check_draft, rounds_of
from models.vouchers.reading import TermsInvalid
from models.vouchers.rules import CampaignState, Terms, Validity, Where, Who
from models.vouchers.tables import (
    CampaignStep,
    VoucherCampaign,
    VoucherKind,
    VoucherPool,
    VoucherRound,
    VoucherTerms,
)
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.campaigns import a_draft, a_kind, a_round, an_office, drafted, step
from tests.factories.feedback import a_manager, a_regulator, a_venue_in
from tests.factories.places import a_court

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TODAY = date(2026, 11, 20)


def _pool(*kinds: object, name: str = "总资金", budget_fen: int = 10_000_00) -> PoolWanted:
    return PoolWanted(name=name, budget_fen=budget_fen, kinds=kinds)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("draft", "field", "words"),
    [
        (a_draft(title=""), "title", "活动名称"),
        (a_draft(title=" 券"), "title", "首尾不留空格"),
        (a_draft(reserve_fen=-1), "reserve", "预备金"),
        (a_draft(pools=()), "pools", "1到10个资金池"),
        (a_draft(pools=(_pool(a_kind()), _pool(a_kind(title="另一种")))), "pools", "两个资金池都叫“总资金”"),
        (a_draft(a_kind(), a_kind()), "pools", "两个面额都叫“满40减20”"),
        (a_draft(pools=(_pool(),)), "pools.0.kinds", "没有面额"),
        (a_draft(budget_fen=0), "pools.0.budget", "资金池金额"),
        (a_draft(a_kind(face_fen=0)), "pools.0.kinds.0.faceValue", "面额"),
        (
            a_draft(a_kind(face_fen=40_01)),
            "pools.0.kinds.0.faceValue",
            "“满40减20”的面额40.01元高于最低消费40.00元。",
        ),
        (a_draft(replace(a_kind(), rounds=())), "pools.0.kinds.0.rounds", "没有发放轮次"),
        (a_draft(a_kind(a_round(hours=0))), "pools.0.kinds.0.rounds", "开始之后结束"),
        (a_draft(a_kind(a_round(hours=24 * 93))), "pools.0.kinds.0.rounds", "92天"),
        (a_draft(a_kind(a_round(hours=1))), "pools.0.kinds.0.rounds", "已经过去"),
        (a_draft(a_kind(a_round(opens_at=NOW + 800 * DAY))), "pools.0.kinds.0.rounds", "两年"),
        (a_draft(a_kind(a_round(quantity=0))), "pools.0.kinds.0.rounds", "数量"),
        (
            a_draft(a_kind(a_round(), a_round(opens_at=NOW + 22 * HOUR)), budget_fen=10**8),
            "pools.0.kinds.0.rounds",
            "11月21日 08:00有两轮同时开放",
        ),
        (
            a_draft(a_kind(a_round(quantity=501))),
            "pools.0.budget",
            "共需10020.00元，超出可用的10000.00元",
        ),
        (
            a_draft(terms=Terms(validity=Validity(days=None, until_day=TODAY))),
            "terms.validity.untilDay",
            "领到的券用不了",
        ),
        (
            a_draft(terms=Terms(validity=Validity(days=7, from_day=TODAY + 8 * DAY))),
            "terms.validity.fromDay",
            "之前就已过期",
        ),
        (a_draft(terms=Terms(venue_cap_fen=19_99)), "terms.venueCap", "没有场馆能收"),
    ],
)
def test_a_draft_that_cannot_be_is_refused_by_what_is_wrong(draft: Draft, field: str, words: str) -> None:
    with pytest.raises(TermsInvalid) as refused:
        check_draft(draft, now=NOW)
    assert refused.value.field == field
    assert words in refused.value.message


@pytest.mark.parametrize(
    "draft",
    [
        a_draft(),
        a_draft(a_kind(a_round(quantity=500))),  # to the last fen
        a_draft(a_kind(face_fen=40_00)),
        a_draft(a_kind(a_round(), a_round(opens_at=NOW + 23 * HOUR)), budget_fen=4_000_00),  # one ends, one begins
        a_draft(terms=Terms(validity=Validity(days=None, until_day=TODAY + DAY))),
        a_draft(terms=Terms(validity=Validity(days=7, from_day=TODAY + 7 * DAY))),
        a_draft(terms=Terms(venue_cap_fen=16_00, venue_share_percent=20)),
    ],
)
def test_what_is_just_possible_is_accepted(draft: Draft) -> None:
    check_draft(draft, now=NOW)


def test_a_schedule_is_a_round_on_each_of_its_days_and_times() -> None:
    schedule = Schedule(
        from_day=date(2026, 12, 4),
        until_day=date(2026, 12, 13),
        weekdays=frozenset({5, 6}),
        minutes=(18 * 60, 10 * 60),
        open_minutes=90,
        quantity=7,
    )
    rounds = rounds_of(schedule)
    assert [one.opens_at.isoformat() for one in rounds] == [
        f"2026-12-{day:02d}T{hour:02d}:00:00+00:00" for day in (5, 6, 12, 13) for hour in (2, 10)
    ]
    assert {one.closes_at - one.opens_at for one in rounds} == {timedelta(minutes=90)}
    assert {one.quantity for one in rounds} == {7}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"until_day": TODAY - DAY}, "晚于结束日期"),
        ({"until_day": TODAY + 3000 * DAY}, "跨度太长"),
        ({"from_day": date.min}, "日期不正确"),
        ({"until_day": date.max}, "日期不正确"),
        ({"minutes": ()}, "开始时间"),
        ({"minutes": (1440,)}, "开始时间"),
        ({"weekdays": frozenset({7})}, "星期"),
        ({"weekdays": frozenset()}, "一轮也不会开放"),
        ({"weekdays": frozenset({5})}, "一轮也不会开放"),  # the 20th is a Friday
        ({"open_minutes": 0}, "时长"),
        ({"until_day": TODAY + 700 * DAY, "minutes": tuple(range(0, 1440, 30))}, "最多1000轮"),
    ],
)
def test_a_schedule_that_says_nothing_or_far_too_much_is_refused(wrong: dict[str, object], words: str) -> None:
    schedule = Schedule(from_day=TODAY, until_day=TODAY, minutes=(600,), open_minutes=60, quantity=1)
    with pytest.raises(TermsInvalid, match=words):
        rounds_of(replace(schedule, **wrong))  # type: ignore[arg-type]


async def test_a_draft_is_its_pools_kinds_rounds_and_terms_with_who_wrote_it(db: Database) -> None:
    office = await an_office()
    campaign_id = await drafted(office)
    campaign = await VoucherCampaign.get(public_id=campaign_id)
    assert (campaign.state, campaign.terms_version, campaign.provenance) == ("DRAFT", 1, "PUBLISHED")
    assert campaign.drafted_by_id == office.planner.staff_id
    pool = await VoucherPool.get(campaign_id=campaign.id)
    assert (pool.budget_fen, pool.free_fen) == (10_000_00, 10_000_00)
    offered = await VoucherRound.get(campaign_id=campaign.id)
    assert (offered.quantity, offered.remaining, offered.opens_at) == (100, 100, NOW - HOUR)
    terms = await VoucherTerms.get(campaign_id=campaign.id)
    assert (terms.version, terms.made_by_id) == (1, office.planner.staff_id)


async def test_the_same_key_is_the_same_draft_and_another_content_under_it_is_refused(db: Database) -> None:
    office = await an_office()
    campaign_id = await drafted(office)
    assert await drafted(office, now=NOW + 5 * DAY) == campaign_id  # though its round is over by then
    with pytest.raises(DomainError) as refused:
        await drafted(office, a_draft(title="别的"))
    assert refused.value.code is ErrorCode.IDEMPOTENCY_KEY_REUSED
    assert await VoucherCampaign.all().count() == 1
    assert await draft_campaign(clerk=office.reviewer, draft=a_draft(), idempotency_key="draft-1", now=NOW) != (
        campaign_id
    )


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        (Terms(where=Where(regions=frozenset({"519999"}))), "terms.where.regions"),
        (Terms(where=Where(venues=frozenset({"ven_NOBODY"}))), "terms.where.venues"),
        (Terms(where=Where(sports=frozenset({"CHESS"}))), "terms.where.sports"),
        (Terms(who=Who(regions=frozenset({"519999"}))), "terms.who.regions"),
        (Terms(where=Where(regions=frozenset({"500103"}))), "terms.where"),  # there is no venue
        (Terms(where=Where(sports=frozenset({"TENNIS"}), regions=frozenset({"510107"}))), "terms.where"),
    ],
)
async def test_places_that_there_are_not_and_places_that_leave_no_venue_are_refused(
    db: Database, terms: Terms, field: str
) -> None:
    office = await an_office()
    await a_court(await a_venue_in("510107", "武侯馆"), sport="BADMINTON")
    await a_court(await a_venue_in("510104", "锦江馆"), sport="TENNIS")
    with pytest.raises(TermsInvalid) as refused:
        await drafted(office, a_draft(terms=terms))
    assert refused.value.field == field
    for table in (VoucherCampaign, VoucherPool, VoucherKind, VoucherRound, VoucherTerms, CampaignStep):
        assert await table.all().count() == 0


async def test_a_place_that_leaves_one_venue_is_accepted(db: Database) -> None:
    office = await an_office()
    venue = await a_venue_in("510107", "武侯馆")
    await a_court(venue, sport="BADMINTON")
    where = Where(
        venues=frozenset({venue.public_id}), regions=frozenset({"510000"}), sports=frozenset({"BADMINTON"})
    )
    assert await drafted(office, a_draft(terms=Terms(where=where)))


async def test_who_plans_in_one_city_plans_nothing_for_another_or_for_all(db: Database) -> None:
    office = await an_office()
    for region_key in ("500000", "510000", ""):
        with pytest.raises(DomainError) as refused:
            await drafted(office, a_draft(region_key=region_key))
        assert refused.value.code is ErrorCode.NOT_ALLOWED
    manager = await a_manager(await a_venue_in("510107", "武侯馆"))
    with pytest.raises(DomainError) as refused:
        await draft_campaign(clerk=manager, draft=a_draft(), idempotency_key="k", now=NOW)
    assert refused.value.code is ErrorCode.NOT_ALLOWED
    assert await VoucherCampaign.all().count() == 0
    of_both = await a_regulator("")
    for region_key in ("500000", ""):
        assert await draft_campaign(
            clerk=of_both, draft=a_draft(region_key=region_key), idempotency_key=f"k{region_key}", now=NOW
        )


async def test_saving_a_draft_puts_the_new_content_in_the_old_ones_place_as_a_new_version(db: Database) -> None:
    office = await an_office()
    campaign_id = await drafted(office)
    richer = a_draft(
        a_kind(title="满100减50", face_fen=50_00, spend_fen=100_00), budget_fen=5_000_00, title="新名"
    )
    for _ in range(2):  # the second time changes nothing
        await save_draft(
            clerk=office.planner,
            campaign_id=campaign_id,
            draft=richer,
            expected_version=1,
            idempotency_key="save-1",
            now=NOW,
        )
    campaign = await VoucherCampaign.get(public_id=campaign_id)
    assert (campaign.title, campaign.terms_version) == ("新名", 2)
    assert [kind.title for kind in await VoucherKind.all()] == ["满100减50"]
    assert [pool.budget_fen for pool in await VoucherPool.all()] == [5_000_00]
    assert await VoucherRound.all().count() == 1
    assert [terms.version for terms in await VoucherTerms.all().order_by("version")] == [1, 2]


async def test_a_stale_or_reviewed_draft_is_not_saved(db: Database) -> None:
    office = await an_office()
    campaign_id = await drafted(office)

    async def save(version: int) -> ErrorCode:
        with pytest.raises(DomainError) as refused:
            await save_draft(
                clerk=office.planner,
                campaign_id=campaign_id,
                draft=a_draft(title="新名"),
                expected_version=version,
                idempotency_key="save-1",
                now=NOW,
            )
        return refused.value.code

    assert await save(7) is ErrorCode.CAMPAIGN_CHANGED
    await step(office.reviewer, campaign_id, CampaignState.REVIEWED)
    assert await save(1) is ErrorCode.CAMPAIGN_STATE
    campaign = await VoucherCampaign.get(public_id=campaign_id)
    assert (campaign.title, campaign.terms_version) == ("成都全民健身消费券", 1)
