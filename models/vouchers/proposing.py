"""A change of an opened campaign is two people's: proposed by one, put in force by another.

Whoever proposes has seen its effect, and what they saw is kept. Whoever puts it in force makes the same computation run
once more, under the campaign's lock; if what comes out is worse than what was shown, nothing changes and it must be
proposed anew. A campaign has one open proposal. What cannot wait for a second person is pausing (campaigns.py), which
takes nothing from anybody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from models import database
from models.audit.deeds import concerning
from models.errors import DomainError, ErrorCode
from models.ids import request_hash, stable_id
from models.staff.powers import not_allowed
from models.staff.rules import Power, StaffSignedIn
from models.vouchers.campaigns import (
    CampaignStateRefused,
    KeyReused,
    campaign_called,
    checked_key,
    checked_reason,
    locked_campaign,
    may_for,
    note_step,
)
from models.vouchers.change import Change, Shown, change_of
from models.vouchers.changing import put_in_force, worked_out
from models.vouchers.rules import ChangeState
from models.vouchers.tables import CampaignChange, VoucherCampaign

MOST_CHANGES_SHOWN = 5
LONGEST_ID = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeView:
    """A proposal as staff see it, with the effect that was shown to whoever made it."""

    public_id: str
    state: ChangeState
    version: int
    shown: Shown
    reason: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    note: str


async def propose_change(
    *,
    clerk: StaffSignedIn,
    campaign_id: str,
    change: Change,
    expected_version: int,
    reason: str,
    idempotency_key: str,
    now: datetime,
) -> str:
    """Writes down a change, and what it would do now; gives its public id. The same again is the same proposal.

    Raises NOT_ALLOWED, CAMPAIGN_UNKNOWN, CAMPAIGN_STATE for a campaign that is not open or paused or has an open
    proposal already, CAMPAIGN_CHANGED, TERMS_INVALID, IDEMPOTENCY_KEY_REUSED, and BAD_INPUT without a reason.
    """
    why = checked_reason(reason, needed=True)
    return await _propose(clerk, campaign_id, change, expected_version, why, checked_key(idempotency_key), now)


async def decide_change(
    *, clerk: StaffSignedIn, change_id: str, approves: bool, reason: str = "", now: datetime
) -> str:
    """Puts a colleague's change in force, or refuses it; a no of whoever proposed it withdraws it. Gives the campaign's
    public id. The same decision of the same person again changes nothing.

    Raises NOT_ALLOWED without REVIEW_VOUCHERS there and to whoever approves their own, CAMPAIGN_UNKNOWN, CAMPAIGN_STATE
    once it was decided otherwise or the campaign is over, CAMPAIGN_CHANGED when it has become worse than what was
    shown or the campaign is in another version, TERMS_INVALID when it cannot be done any more, BAD_INPUT for a no
    without a reason.
    """
    return await _decide(clerk, change_id, approves, checked_reason(reason, needed=not approves), now)


async def changes_of(campaign_id: int) -> Sequence[ChangeView]:
    """The last ones of a campaign (its row's id), the latest first."""
    found = (
        await CampaignChange.filter(campaign_id=campaign_id)
        .order_by("-id")
        .limit(MOST_CHANGES_SHOWN)
        .prefetch_related("proposed_by", "decided_by")
    )
    return [
        ChangeView(
            public_id=each.public_id,
            state=ChangeState(each.state),
            version=each.terms_version,
            shown=Shown.from_json(each.shown),
            reason=each.reason,
            proposed_by=each.proposed_by.display_name,
            proposed_at=each.proposed_at,
            decided_by=each.decided_by.display_name if each.decided_by else None,
            decided_at=each.decided_at,
            note=each.decision_note,
        )
        for each in found
    ]


@database.operation
async def _propose(
    clerk: StaffSignedIn,
    campaign_id: str,
    change: Change,
    expected_version: int,
    reason: str,
    key: str,
    now: datetime,
) -> str:
    campaign = await locked_campaign(clerk, campaign_id, Power.PLAN_VOUCHERS)
    public_id = stable_id("chg", f"{clerk.public_id}:{campaign_id}:{key}")
    asked = request_hash("propose", *change.said(), expected_version, reason)
    known = await CampaignChange.get_or_none(public_id=public_id)
    if known is not None:
        if known.request_hash != asked:
            raise KeyReused
        return public_id
    if await CampaignChange.exists(campaign_id=campaign.id, state=ChangeState.PROPOSED):
        raise CampaignStateRefused("这个活动已有一项变更等待复核。", "请先请同事复核那一项，或由提交人撤回。")
    effect = await worked_out(campaign, change, expected_version, now)
    await CampaignChange.create(
        public_id=public_id,
        campaign_id=campaign.id,
        terms_version=expected_version,
        state=ChangeState.PROPOSED,
        change=change.said(),
        shown=effect.shown.as_json(),
        reason=reason,
        proposed_by_id=clerk.staff_id,
        proposed_at=now,
        request_hash=asked,
    )
    concerning("CAMPAIGN", campaign_id, detail=f"{public_id} proposed")
    return public_id


@database.operation
async def _decide(clerk: StaffSignedIn, change_id: str, approves: bool, reason: str, now: datetime) -> str:
    campaign, proposal = await _locked(clerk, change_id)
    is_own = proposal.proposed_by_id == clerk.staff_id
    if approves and is_own:
        raise DomainError(
            "这项变更是您提交的，不能由您自己复核。",
            code=ErrorCode.NOT_ALLOWED,
            next_step="请由另一位有复核权限的同事办理。",
        )
    if not is_own and not await may_for(clerk, campaign.region_key, Power.REVIEW_VOUCHERS):
        raise not_allowed(Power.REVIEW_VOUCHERS)
    decided = ChangeState.IN_FORCE if approves else ChangeState.WITHDRAWN if is_own else ChangeState.REFUSED
    if proposal.state != ChangeState.PROPOSED:
        said_before = (proposal.state, proposal.decided_by_id, proposal.decision_note)
        if said_before == (decided, clerk.staff_id, reason):
            return campaign.public_id
        raise CampaignStateRefused("这项变更已经有了结果。")
    if approves:
        await _put_in_force(clerk, campaign, proposal, now)
    proposal.state, proposal.decided_by_id = decided, clerk.staff_id
    proposal.decided_at, proposal.decision_note = now, reason
    await proposal.save(update_fields=["state", "decided_by_id", "decided_at", "decision_note"])
    concerning("CAMPAIGN", campaign.public_id, detail=f"{change_id} {decided}")
    return campaign.public_id


async def _locked(clerk: StaffSignedIn, change_id: str) -> tuple[VoucherCampaign, CampaignChange]:
    """The campaign with its row locked, under which everything about its proposals is done, and the proposal."""
    if not any(clerk.has(power) for power in _MAY_DECIDE):
        raise not_allowed(Power.REVIEW_VOUCHERS)
    known = await CampaignChange.get_or_none(public_id=change_id) if len(change_id) <= LONGEST_ID else None
    whose = None if known is None else await VoucherCampaign.get(id=known.campaign_id)
    if known is None or whose is None or not await may_for(clerk, whose.region_key, *_MAY_DECIDE):
        raise DomainError(
            "没有找到这项变更。",
            code=ErrorCode.CAMPAIGN_UNKNOWN,
            next_step="请从活动里重新打开。",
            field="changeId",
        )
    campaign = await campaign_called(whose.public_id, lock=True)
    assert campaign is not None
    concerning("CAMPAIGN", campaign.public_id)
    return campaign, await CampaignChange.get(id=known.id)


_MAY_DECIDE = (Power.REVIEW_VOUCHERS, Power.PLAN_VOUCHERS)
"""Whoever planned it may withdraw their own."""


async def _put_in_force(
    clerk: StaffSignedIn, campaign: VoucherCampaign, proposal: CampaignChange, now: datetime
) -> None:
    effect = await worked_out(campaign, change_of(proposal.change), proposal.terms_version, now, locked=True)
    worse = Shown.from_json(proposal.shown).worse(effect.shown)
    if worse is not None:
        raise DomainError(
            f"提交之后情况有变：{worse}。",
            code=ErrorCode.CAMPAIGN_CHANGED,
            next_step="请退回这项变更，看过新的影响后重新提交。",
            field="changeId",
        )
    await put_in_force(campaign, effect, made_by=proposal.proposed_by_id, now=now)
    await note_step(
        campaign,
        campaign.state,
        clerk,
        reason=proposal.reason,
        key=proposal.public_id,
        asked=proposal.request_hash,
        now=now,
    )
