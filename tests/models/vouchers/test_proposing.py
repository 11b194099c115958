"""A change of an opened campaign is two people's, and what is put in force is never worse than what was shown."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tortoise.exceptions import IntegrityError

from models.errors import DomainError, ErrorCode
from models.staff.rules import StaffSignedIn
from models.vouchers.change import Change, RoundChange, Shown, change_of
from models.vouchers.proposing import changes_of, decide_change, propose_change
from models.vouchers.rolling import roll_over
from models.vouchers.rules import CampaignState, ClaimLimits, Terms, Validity
from models.vouchers.tables import CampaignChange, CampaignStep, VoucherCampaign, VoucherPool, VoucherRound
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.campaigns import CHENGDU, Office, a_kind, a_round, an_office, step
from tests.factories.feedback import a_regulator
from tests.factories.vouchers import ACampaign, a_campaign

HOUR = timedelta(hours=1)
MORE = Change(budgets=(("总资金", 20_000_00),))
SHOWN = Shown(sentences=("…",), budget_moved_fen=100, vouchers_added=50, holders=1, held=1)


async def _proposed(office: Office, campaign: ACampaign, change: Change = MORE, **asked: Any) -> str:
    return await propose_change(
        **{
            "clerk": office.planner,
            "campaign_id": campaign.public_id,
            "change": change,
            "expected_version": 1,
            "reason": "市民反馈",
            "idempotency_key": "change-1",
            "now": NOW,
            **asked,
        }
    )


async def _refusal(
    clerk: StaffSignedIn, change_id: str, *, approves: bool = True, reason: str = "", now: Any = NOW
) -> DomainError:
    before = [
        await table.all().order_by("id").values() for table in (CampaignChange, VoucherCampaign, VoucherPool)
    ]
    with pytest.raises(DomainError) as refused:
        await decide_change(clerk=clerk, change_id=change_id, approves=approves, reason=reason, now=now)
    after = [await table.all().order_by("id").values() for table in (CampaignChange, VoucherCampaign, VoucherPool)]
    assert after == before
    return refused.value


def test_what_is_proposed_is_read_back_to_the_same() -> None:
    change = Change(
        terms=replace(Terms(), limits=ClaimLimits(a_week=1), validity=Validity(days=3)),
        reserve_fen=100_00,
        budgets=(("总资金", 6_000_00),),
        rounds=(RoundChange(round_id="vrd_A", quantity=0), RoundChange(round_id="vrd_B", closes_at=NOW)),
        new_rounds=(("vkd_A", (a_round(quantity=10),)),),
        new_kinds=(("总资金", a_kind(title="满100减50", face_fen=50_00, spend_fen=100_00)),),
    )
    assert change_of(change.said()) == change
    assert change_of(Change().said()) == Change()
    assert Shown.from_json(SHOWN.as_json()) == replace(SHOWN, sentences=["…"])


@pytest.mark.parametrize(
    ("now", "worse"),
    [
        (replace(SHOWN, holders=900, held=1000, sentences=("other",)), None),
        (replace(SHOWN, budget_moved_fen=99, vouchers_added=51), None),
        (replace(SHOWN, budget_moved_fen=101), "资金增加的数额由1.00元变成了1.01元"),
        (replace(SHOWN, vouchers_added=49), "增加的张数由50张变成了49张"),
    ],
)
def test_more_money_or_fewer_vouchers_than_were_shown_are_worse_and_more_holders_are_not(
    now: Shown, worse: str | None
) -> None:
    assert SHOWN.worse(now) == worse


async def test_a_change_waits_for_somebody_else_and_is_theirs_and_the_proposers_on_record(db: Database) -> None:
    office, campaign = await an_office(), await a_campaign(region_key=CHENGDU)
    change_id = await _proposed(office, campaign)
    assert await _proposed(office, campaign) == change_id  # the same again
    assert (await VoucherPool.get(id=campaign.pool_id)).budget_fen == 10_000_00
    (waiting,) = await changes_of(campaign.id)
    assert (waiting.state, waiting.decided_by, waiting.shown.budget_moved_fen) == ("PROPOSED", None, 10_000_00)
    assert waiting.shown.sentences == ["资金池“总资金”增加10000.00元，共20000.00元。"]

    own = await _refusal(office.planner, change_id)
    assert (own.code, own.message) == (ErrorCode.NOT_ALLOWED, "这项变更是您提交的，不能由您自己复核。")
    for _ in range(2):
        done = await decide_change(clerk=office.reviewer, change_id=change_id, approves=True, now=NOW + HOUR)
        assert done == campaign.public_id
    pool = await VoucherPool.get(id=campaign.pool_id)
    assert (pool.budget_fen, pool.free_fen) == (20_000_00, 20_000_00)
    (made,) = await changes_of(campaign.id)
    assert (made.state, made.decided_at) == ("IN_FORCE", NOW + HOUR)
    last = await CampaignStep.all().order_by("-id").first()
    assert last is not None
    assert (last.staff_id, last.terms_version, last.reason) == (office.reviewer.staff_id, 2, "市民反馈")
    assert await CampaignStep.filter(campaign_id=campaign.id, terms_version=2).count() == 1


async def test_a_no_leaves_all_as_it_was_and_whoever_proposed_it_takes_it_back(db: Database) -> None:
    office, campaign = await an_office(), await a_campaign(region_key=CHENGDU)
    first = await _proposed(office, campaign)
    assert (await _refusal(office.reviewer, first, approves=False)).code is ErrorCode.BAD_INPUT
    await decide_change(clerk=office.reviewer, change_id=first, approves=False, reason="太多了", now=NOW)
    second = await _proposed(office, campaign, idempotency_key="change-2")
    await decide_change(clerk=office.planner, change_id=second, approves=False, reason="再想想", now=NOW)
    assert [(each.state, each.note) for each in await changes_of(campaign.id)] == [
        ("WITHDRAWN", "再想想"),
        ("REFUSED", "太多了"),
    ]
    for change_id in (first, second):
        assert (await _refusal(office.reviewer, change_id)).code is ErrorCode.CAMPAIGN_STATE
    row = await VoucherCampaign.get(id=campaign.id)
    assert (row.terms_version, (await VoucherPool.get(id=campaign.pool_id)).budget_fen) == (1, 10_000_00)


async def test_a_campaign_has_one_open_proposal_and_the_database_holds_both_rules(db: Database) -> None:
    office, campaign = await an_office(), await a_campaign(region_key=CHENGDU)
    await _proposed(office, campaign)
    for clerk in (office.planner, office.reviewer):
        with pytest.raises(DomainError, match="已有一项变更等待复核") as refused:
            await _proposed(office, campaign, clerk=clerk, idempotency_key="change-2")
        assert refused.value.code is ErrorCode.CAMPAIGN_STATE
    proposal = await CampaignChange.get()
    (row,) = await CampaignChange.all().values()
    twin = {name: value for name, value in row.items() if name != "id"}
    with pytest.raises(IntegrityError):
        await CampaignChange.create(**{**twin, "public_id": "chg_TWIN"})
    with pytest.raises(IntegrityError):
        await CampaignChange.filter(id=proposal.id).update(state="IN_FORCE", decided_by_id=office.planner.staff_id)


async def test_what_has_become_worse_than_what_was_shown_is_not_put_in_force(db: Database) -> None:
    office = await an_office()
    campaign = await a_campaign(
        region_key=CHENGDU,
        terms=Terms(rolls_over=True),
        rounds=[(NOW - HOUR, NOW + HOUR, 6), (NOW + 3 * HOUR, NOW + 5 * HOUR, 7)],
    )
    later = await VoucherRound.get(campaign_id=campaign.id, quantity=7)
    change_id = await _proposed(
        office, campaign, Change(rounds=(RoundChange(round_id=later.public_id, quantity=10),))
    )
    assert await roll_over(now=NOW + 2 * HOUR) == 6  # by now the later round has 13, and 10 would be 3 fewer
    refused = await _refusal(office.reviewer, change_id, now=NOW + 2 * HOUR)
    assert refused.code is ErrorCode.CAMPAIGN_CHANGED
    assert refused.message == "提交之后情况有变：增加的张数由3张变成了-3张。"
    later = await VoucherRound.get(id=later.id)
    assert (later.quantity, later.remaining) == (13, 13)


async def test_nothing_is_put_in_force_in_a_campaign_that_is_over_or_by_another_region(db: Database) -> None:
    office, campaign = await an_office(), await a_campaign(region_key=CHENGDU)
    change_id = await _proposed(office, campaign)
    stranger = await a_regulator("500000")
    for approves in (True, False):
        unknown = await _refusal(stranger, change_id, approves=approves, reason="看看")
        none = await _refusal(stranger, "chg_NOBODY", approves=approves, reason="看看")
        assert (
            (unknown.code, unknown.message)
            == (none.code, none.message)
            == ("CAMPAIGN_UNKNOWN", "没有找到这项变更。")
        )
    await step(office.planner, campaign.public_id, CampaignState.CLOSED)
    assert (await _refusal(office.reviewer, change_id)).code is ErrorCode.CAMPAIGN_STATE
    await decide_change(clerk=office.reviewer, change_id=change_id, approves=False, reason="已结束", now=NOW)
    assert (await CampaignChange.get()).state == "REFUSED"


@pytest.mark.postgres
async def test_of_a_yes_a_no_and_a_withdrawal_at_once_one_is_the_decision(db: Database) -> None:
    office, campaign = await an_office(), await a_campaign(region_key=CHENGDU)
    change_id = await _proposed(office, campaign)
    second = await a_regulator(CHENGDU)

    async def decide(clerk: StaffSignedIn, *, approves: bool) -> str:
        return await decide_change(clerk=clerk, change_id=change_id, approves=approves, reason="决定", now=NOW)

    answers = await asyncio.gather(
        decide(office.reviewer, approves=True),
        decide(second, approves=True),
        decide(second, approves=False),
        decide(office.planner, approves=False),
        return_exceptions=True,
    )
    assert answers.count(campaign.public_id) == 1
    proposal, row = await CampaignChange.get(), await VoucherCampaign.get(id=campaign.id)
    assert (row.terms_version == 2) == (proposal.state == "IN_FORCE")
    assert (await VoucherPool.get(id=campaign.pool_id)).budget_fen == (
        20_000_00 if row.terms_version == 2 else 10_000_00
    )
