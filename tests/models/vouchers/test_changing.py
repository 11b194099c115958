"""An open campaign is changed after its effect was shown; what was given stays given, and budgets stay whole."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from models import database
from models.errors import DomainError, ErrorCode
from models.vouchers.campaigns import campaign_step
from models.vouchers.change import Change, RoundChange
from models.vouchers.changing import preview_change
from models.vouchers.effects import Effect
from models.vouchers.proposing import decide_change, propose_change
from models.vouchers.reading import terms_of
from models.vouchers.rules import CampaignState, ClaimLimits, Terms, Validity, VoucherState, Where
from models.vouchers.tables import (
    CampaignStep,
    Voucher,
    VoucherCampaign,
    VoucherKind,
    VoucherPool,
    VoucherRound,
    VoucherTerms,
)
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.campaigns import CHENGDU, Office, a_kind, a_round, an_office, drafted
from tests.factories.feedback import a_regulator, a_venue_in
from tests.factories.people import a_member
from tests.factories.places import a_court
from tests.factories.vouchers import ACampaign, a_campaign, a_voucher

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STRICTER = replace(Terms(), limits=ClaimLimits(a_round=1, a_week=1), validity=Validity(days=3))


async def _proposed(
    office: Office, campaign_id: str, change: Change, *, version: int = 1, key: str = "change-1", **asked: Any
) -> str:
    return await propose_change(
        clerk=asked.pop("clerk", office.planner),
        campaign_id=campaign_id,
        change=change,
        expected_version=version,
        reason=asked.pop("reason", "市民反馈"),
        idempotency_key=key,
        now=asked.pop("now", NOW),
    )


async def _approved(office: Office, change_id: str) -> None:
    await decide_change(clerk=office.reviewer, change_id=change_id, approves=True, now=NOW)


async def _change(office: Office, campaign_id: str, change: Change, **asked: Any) -> None:
    """Proposed by one, put in force by the other."""
    await _approved(office, await _proposed(office, campaign_id, change, **asked))


async def _preview(office: Office, campaign_id: str, change: Change, *, version: int = 1) -> Effect:
    return await preview_change(
        clerk=office.planner, campaign_id=campaign_id, change=change, expected_version=version, now=NOW
    )


async def _whole() -> tuple[Any, ...]:
    """All that a change could touch."""
    return tuple(
        [
            await table.all().order_by("id").values()
            for table in (VoucherPool, VoucherKind, VoucherRound, VoucherTerms)
        ]
        + [await VoucherCampaign.all().values(), await Voucher.all().order_by("id").values()]
        + [await CampaignStep.all().count()]
    )


async def _refusal(office: Office, campaign_id: str, change: Change, **asked: Any) -> DomainError:
    before = await _whole()
    with pytest.raises(DomainError) as refused:
        await _change(office, campaign_id, change, **asked)
    assert await _whole() == before
    return refused.value


async def _ours(**columns: Any) -> ACampaign:
    return await a_campaign(region_key=CHENGDU, **columns)


async def test_the_preview_says_what_changes_and_who_keeps_the_old_terms_and_writes_nothing(db: Database) -> None:
    office, campaign = await an_office(), await _ours(budget_fen=5_000_00)
    first, _ = await a_member()
    second, _ = await a_member()
    await a_voucher(first, campaign)
    await a_voucher(first, campaign, VoucherState.RESERVED)
    await a_voucher(second, campaign)
    await a_voucher(second, campaign, VoucherState.EXPIRED)
    before = await _whole()
    change = Change(
        terms=STRICTER,
        reserve_fen=100_00,
        budgets=(("总资金", 6_000_00),),
        rounds=(RoundChange(round_id=campaign.round_public_id, quantity=150, closes_at=NOW + 2 * DAY),),
        new_rounds=((campaign.kind_public_id, (a_round(opens_at=NOW + 3 * DAY, quantity=10),)),),
        new_kinds=(("总资金", a_kind(a_round(quantity=2), title="满100减50", face_fen=50_00, spend_fen=100_00)),),
    )
    effect = await _preview(office, campaign.public_id, change)
    assert await _whole() == before
    assert effect.sentences == [
        "“每人每周限领”由“不限”改为“1”。",
        "“领取后有效天数”由“7”改为“3”。",
        "2人手上的3张券不受影响，仍按领取时的规则使用。",
        "资金池“总资金”增加1000.00元，共6000.00元。",
        "预备金由0.00元改为100.00元。",
        "“满40减20”11月20日 09:00的一轮由100张改为150张，其中4张已领走。",
        "“满40减20”11月20日 09:00的一轮改为11月22日 10:00结束。",
        "“满40减20”新增1轮，共10张。",
        "新增面额“满100减50”，1轮，共2张。",
    ]
    assert (effect.budget_moved_fen, effect.vouchers_added) == (1_000_00, 62)
    assert (effect.holders, effect.held) == (2, 3)


async def test_places_and_sports_are_called_by_their_names(db: Database) -> None:
    office, campaign = await an_office(), await _ours()
    venue = await a_venue_in("510107", "武侯馆")
    await a_court(venue, sport="BADMINTON")
    where = Where(
        venues=frozenset({venue.public_id}), regions=frozenset({CHENGDU}), sports=frozenset({"BADMINTON"})
    )
    effect = await _preview(office, campaign.public_id, Change(terms=replace(Terms(), where=where)))
    assert effect.sentences == [
        "“适用场馆”由“不限”改为“武侯馆”。",
        "“适用地区”由“不限”改为“成都市”。",
        "“适用项目”由“不限”改为“羽毛球”。",
    ]


async def test_a_change_is_what_was_shown_and_binds_from_now_on(db: Database) -> None:
    office, campaign = await an_office(), await _ours(budget_fen=5_000_00)
    member_id, _ = await a_member()
    voucher = await a_voucher(member_id, campaign)
    change = Change(
        terms=STRICTER,
        budgets=(("总资金", 6_000_00),),
        rounds=(RoundChange(round_id=campaign.round_public_id, quantity=150),),
        new_rounds=((campaign.kind_public_id, (a_round(opens_at=NOW + 3 * DAY, quantity=10),)),),
        new_kinds=(("总资金", a_kind(a_round(quantity=2), title="满100减50", face_fen=50_00, spend_fen=100_00)),),
    )
    for _ in range(2):  # the second time changes nothing
        await _change(office, campaign.public_id, change)
    row = await VoucherCampaign.get(id=campaign.id)
    assert (row.terms_version, row.state) == (2, "OPEN")
    versions = await VoucherTerms.all().order_by("version")
    assert [terms_of(version.terms) for version in versions] == [Terms(), STRICTER]
    assert versions[1].made_by_id == office.planner.staff_id
    pool = await VoucherPool.get(id=campaign.pool_id)
    assert (pool.budget_fen, pool.free_fen) == (6_000_00, 5_980_00)
    offered = await VoucherRound.get(id=campaign.round_id)
    assert (offered.quantity, offered.remaining) == (150, 149)
    assert sorted(await VoucherRound.all().values_list("quantity", flat=True)) == [2, 10, 150]
    kept = await Voucher.get(id=voucher.id)
    assert (kept.terms_version, kept.state, kept.valid_until) == (1, "CLAIMED", voucher.valid_until)
    last = await CampaignStep.all().order_by("-id").first()
    assert last is not None
    assert (last.from_state, last.to_state, last.terms_version, last.reason) == ("OPEN", "OPEN", 2, "市民反馈")


async def test_a_round_is_reduced_to_what_was_claimed_of_it_and_no_further(db: Database) -> None:
    office, campaign = await an_office(), await _ours(quantity=10)
    for _ in range(3):
        await a_voucher((await a_member())[0], campaign)
    too_far = Change(rounds=(RoundChange(round_id=campaign.round_public_id, quantity=2),))
    refused = await _refusal(office, campaign.public_id, too_far)
    assert (refused.code, refused.field) == (ErrorCode.TERMS_INVALID, "change.rounds.quantity")
    assert "已领走3张" in refused.message
    await _change(
        office, campaign.public_id, Change(rounds=(RoundChange(round_id=campaign.round_public_id, quantity=3),))
    )
    offered = await VoucherRound.get(id=campaign.round_id)
    assert (offered.quantity, offered.remaining) == (3, 0)
    assert await Voucher.filter(state="CLAIMED").count() == 3


async def test_a_pool_keeps_what_its_vouchers_hold_and_its_rounds_promise(db: Database) -> None:
    office, campaign = await an_office(), await _ours(quantity=10, budget_fen=1_000_00)
    await a_voucher((await a_member())[0], campaign)
    for budget_fen, words in ((19_99, "已有20.00元发给市民"), (199_99, "各轮共需180.00元，超出可用的179.99元")):
        refused = await _refusal(office, campaign.public_id, Change(budgets=(("总资金", budget_fen),)))
        assert words in refused.message
    await _change(office, campaign.public_id, Change(budgets=(("总资金", 200_00),)))
    pool = await VoucherPool.get(id=campaign.pool_id)
    assert (pool.budget_fen, pool.free_fen) == (200_00, 180_00)


async def test_a_round_that_is_over_promises_nothing_unless_it_rolls_over(db: Database) -> None:
    office = await an_office()
    over = (NOW - 2 * DAY, NOW - DAY, 10)
    later = a_round(opens_at=NOW + DAY, quantity=10)
    plain = await _ours(budget_fen=200_00, rounds=[over])
    await _change(office, plain.public_id, Change(new_rounds=((plain.kind_public_id, (later,)),)))
    rolling = await _ours(budget_fen=200_00, rounds=[over], terms=Terms(rolls_over=True))
    refused = await _refusal(
        office, rolling.public_id, Change(new_rounds=((rolling.kind_public_id, (later,)),)), key="change-2"
    )
    assert "各轮共需400.00元" in refused.message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Change(), "没有任何改动"),
        (Change(terms=Terms()), "没有任何改动"),
        (Change(budgets=(("别的", 1),)), "没有叫“别的”的资金池"),
        (Change(budgets=(("总资金", 0),)), "应为1到"),
        (Change(reserve_fen=49_99), "预备金已用掉50.00元"),
        (Change(rounds=(RoundChange(round_id="vrd_NOBODY", quantity=1),)), "没有这一轮"),
        (Change(new_rounds=(("vkd_NOBODY", (a_round(),)),)), "没有这种面额"),
        (Change(new_kinds=(("总资金", a_kind()),)), "已经有“满40减20”"),
        (Change(new_kinds=(("总资金", a_kind(title="满2减3", face_fen=3_00, spend_fen=2_00)),)), "高于最低消费"),
        (Change(terms=replace(Terms(), where=Where(sports=frozenset({"CHESS"})))), "没有这个项目：CHESS"),
        (Change(terms=replace(Terms(), venue_cap_fen=19_99)), "没有场馆能收"),
        (Change(terms=replace(Terms(), validity=Validity(until_day=NOW.date()))), "领到的券用不了"),
    ],
)
async def test_what_cannot_be_is_refused_in_the_preview_and_in_the_act(
    db: Database, change: Change, words: str
) -> None:
    office, campaign = await an_office(), await _ours(reserve_fen=100_00)
    await VoucherCampaign.filter(id=campaign.id).update(reserve_used_fen=50_00)
    with pytest.raises(DomainError, match=words):
        await _preview(office, campaign.public_id, change)
    refused = await _refusal(office, campaign.public_id, change)
    assert refused.code is ErrorCode.TERMS_INVALID
    assert words in refused.message


async def test_rounds_of_a_kind_never_overlap_and_one_that_is_over_is_not_changed(db: Database) -> None:
    office, campaign = await an_office(), await _ours(rounds=[(NOW - 2 * DAY, NOW - DAY, 5), (NOW, NOW + DAY, 5)])
    second = await VoucherRound.get(kind_id=campaign.kind_id, opens_at=NOW)
    for change, words in (
        (Change(rounds=(RoundChange(round_id=campaign.round_public_id, quantity=9),)), "已经结束"),
        (Change(new_rounds=((campaign.kind_public_id, (a_round(opens_at=NOW + HOUR),)),)), "两轮同时开放"),
        (Change(rounds=(RoundChange(round_id=second.public_id, closes_at=NOW),)), "开始之后结束"),
        (
            Change(rounds=(RoundChange(round_id=second.public_id, quantity=0, closes_at=NOW - DAY),)),
            "开始之后结束",
        ),
        (Change(rounds=(RoundChange(round_id=second.public_id, quantity=9),) * 2), "同一轮改了两次"),
        (
            Change(rounds=(RoundChange(round_id=second.public_id, closes_at=NOW.replace(tzinfo=None)),)),
            "缺少时区",
        ),
        (Change(budgets=(("总资金", 1),) * 2), "同一个资金池改了两次"),
    ):
        assert words in (await _refusal(office, campaign.public_id, change)).message


async def test_only_the_version_that_was_seen_is_changed_and_only_with_a_reason(db: Database) -> None:
    office, campaign = await an_office(), await _ours()
    change = Change(budgets=(("总资金", 20_000_00),))
    await _change(office, campaign.public_id, change)
    again = Change(budgets=(("总资金", 30_000_00),))
    assert (await _refusal(office, campaign.public_id, again, key="change-2")).code is ErrorCode.CAMPAIGN_CHANGED
    with pytest.raises(DomainError) as refused:
        await _preview(office, campaign.public_id, again, version=1)
    assert refused.value.code is ErrorCode.CAMPAIGN_CHANGED
    assert (await _refusal(office, campaign.public_id, again, version=2, reason="")).code is ErrorCode.BAD_INPUT
    reused = await _refusal(office, campaign.public_id, again, version=2, key="change-1")
    assert reused.code is ErrorCode.IDEMPOTENCY_KEY_REUSED


async def test_a_draft_and_a_closed_campaign_are_not_changed_and_neither_is_another_regions(db: Database) -> None:
    office = await an_office()
    change = Change(budgets=(("总资金", 20_000_00),))
    draft_id = await drafted(office)
    assert (await _refusal(office, draft_id, change)).code is ErrorCode.CAMPAIGN_STATE
    closed = await _ours(state=CampaignState.CLOSED)
    assert (await _refusal(office, closed.public_id, change)).code is ErrorCode.CAMPAIGN_STATE
    open_one = await _ours()
    stranger = await a_regulator("500000")
    assert (await _refusal(office, open_one.public_id, change, clerk=stranger)).code is ErrorCode.CAMPAIGN_UNKNOWN
    with pytest.raises(DomainError) as refused:
        await preview_change(
            clerk=stranger, campaign_id=open_one.public_id, change=change, expected_version=1, now=NOW
        )
    assert refused.value.code is ErrorCode.CAMPAIGN_UNKNOWN


async def test_a_paused_campaign_is_changed_and_stays_paused(db: Database) -> None:
    office, campaign = await an_office(), await _ours(state=CampaignState.PAUSED)
    await _change(office, campaign.public_id, Change(terms=STRICTER))
    assert (await VoucherCampaign.get(id=campaign.id)).state == "PAUSED"


async def _claim(campaign: ACampaign, member_id: int) -> bool:
    """As the rush does it: the campaign's row is the lock, and of round and pool nothing is taken that is not there."""

    @database.operation
    async def once() -> bool:
        row = await VoucherCampaign.select_for_update().get(id=campaign.id)
        left = await VoucherRound.get(id=campaign.round_id)
        if row.state != "OPEN" or not left.remaining:
            return False
        await a_voucher(member_id, campaign)
        return True

    return await once()


@pytest.mark.postgres
async def test_a_reduction_against_claims_never_takes_back_what_was_claimed(db: Database) -> None:
    office, campaign = await an_office(), await _ours(quantity=40, budget_fen=800_00)
    members = [(await a_member())[0] for _ in range(24)]
    reduce = Change(
        budgets=(("总资金", 200_00),), rounds=(RoundChange(round_id=campaign.round_public_id, quantity=10),)
    )
    reduction = await _proposed(office, campaign.public_id, reduce)
    answers = await asyncio.gather(
        *(_claim(campaign, member_id) for member_id in members[:8]),
        _approved(office, reduction),
        *(_claim(campaign, member_id) for member_id in members[8:]),
        return_exceptions=True,
    )
    changed = answers[8] is None
    claimed = [*answers[:8], *answers[9:]].count(True)
    offered = await VoucherRound.get(id=campaign.round_id)
    pool = await VoucherPool.get(id=campaign.pool_id)
    assert await Voucher.all().count() == claimed
    assert offered.quantity - offered.remaining == claimed
    assert pool.budget_fen - pool.free_fen == claimed * 20_00
    if changed:
        assert (offered.quantity, claimed, pool.budget_fen) == (10, 10, 200_00)
    else:
        assert isinstance(answers[8], DomainError)
        assert answers[8].code is ErrorCode.TERMS_INVALID
        assert (offered.quantity, claimed, pool.budget_fen) == (40, 24, 800_00)


@pytest.mark.postgres
async def test_what_comes_back_to_a_pool_while_it_is_changed_is_not_lost(db: Database) -> None:
    office, campaign = await an_office(), await _ours(budget_fen=5_000_00)
    for _ in range(12):
        await a_voucher((await a_member())[0], campaign)
    held = [voucher.id for voucher in await Voucher.all()]

    @database.operation
    async def give_back(voucher_id: int) -> None:
        """As the end of a voucher does it: the voucher's row, then the pool's, and never the campaign's."""
        voucher = await Voucher.select_for_update().get(id=voucher_id)
        voucher.state = VoucherState.RETURNED
        await voucher.save(update_fields=["state"])
        await database.rows(
            "UPDATE voucher_pool SET free_fen = free_fen + $2 WHERE id = $1", voucher.pool_id, voucher.face_fen
        )

    more = await _proposed(office, campaign.public_id, Change(budgets=(("总资金", 6_000_00),)))
    await asyncio.gather(
        *(give_back(voucher_id) for voucher_id in held[:6]),
        _approved(office, more),
        *(give_back(voucher_id) for voucher_id in held[6:]),
    )
    pool = await VoucherPool.get(id=campaign.pool_id)
    assert (pool.budget_fen, pool.free_fen) == (6_000_00, 6_000_00)


@pytest.mark.postgres
async def test_once_it_was_paused_nobody_claims(db: Database) -> None:
    office, campaign = await an_office(), await _ours(quantity=40)
    members = [(await a_member())[0] for _ in range(16)]

    async def pause() -> int:
        await campaign_step(
            clerk=office.planner,
            campaign_id=campaign.public_id,
            to_state=CampaignState.PAUSED,
            expected_version=1,
            reason="暂停发放",
            idempotency_key="pause",
            now=NOW,
        )
        return await Voucher.all().count()

    claims = [asyncio.create_task(_claim(campaign, member_id)) for member_id in members[:8]]
    at_the_pause = await pause()
    late = await asyncio.gather(*(_claim(campaign, member_id) for member_id in members[8:]))
    await asyncio.gather(*claims)
    assert late == [False] * 8
    assert await Voucher.all().count() == at_the_pause


@pytest.mark.postgres
async def test_of_many_proposals_at_once_one_waits_and_is_put_in_force_once(db: Database) -> None:
    office, campaign = await an_office(), await _ours()
    answers = await asyncio.gather(
        *(
            _proposed(
                office, campaign.public_id, Change(budgets=(("总资金", 20_000_00 + number),)), key=f"key-{number}"
            )
            for number in range(6)
        ),
        return_exceptions=True,
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["CampaignStateRefused"] * 5 + ["str"]
    won = next(number for number, answer in enumerate(answers) if isinstance(answer, str))
    assert await asyncio.gather(*(_approved(office, str(answers[won])) for _ in range(4))) == [None] * 4
    assert (await VoucherCampaign.get(id=campaign.id)).terms_version == 2
    assert (await VoucherPool.get(id=campaign.pool_id)).budget_fen == 20_000_00 + won
