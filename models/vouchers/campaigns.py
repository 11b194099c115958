"""A campaign on its way: drafted, reviewed by somebody else, opened, paused, closed, settled.

Each act locks the campaign's row, which is also the lock under which its vouchers are given out; so whoever pauses it
knows that nothing is claimed afterwards. Each is one row of `campaign_step`, and the same request again changes
nothing. How an open one is changed: changing.py.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime

from models import database
from models.audit.deeds import concerning
from models.errors import BadInput, DomainError, ErrorCode, wrong_key
from models.ids import request_hash, stable_id
from models.staff.powers import has_everywhere, may, not_allowed
from models.staff.rules import Power, StaffSignedIn
from models.vouchers.drafting import Draft, check_draft, said
from models.vouchers.places import check_places
from models.vouchers.rules import STEPS, CampaignState
from models.vouchers.tables import (
    CampaignStep,
    VoucherCampaign,
    VoucherKind,
    VoucherPool,
    VoucherRound,
    VoucherTerms,
)
from models.vouchers.writing import new_campaign, new_version, write_pools

STATE_WORDS = {
    CampaignState.DRAFT: "草稿",
    CampaignState.REVIEWED: "已复核",
    CampaignState.OPEN: "进行中",
    CampaignState.PAUSED: "已暂停",
    CampaignState.CLOSED: "已结束",
    CampaignState.SETTLED: "已结清",
}
SHORTEST_REASON, LONGEST_REASON = 2, 200
LONGEST_ID = 32
BooksClosed = Callable[[int], Awaitable[None]]
"""Raises what still stands in the way of settling the campaign with this id; its row is locked."""
WANT_REASON = frozenset({CampaignState.DRAFT, CampaignState.PAUSED, CampaignState.CLOSED})


class CampaignUnknown(DomainError):
    """Also one outside the regions of whoever asks."""

    code = ErrorCode.CAMPAIGN_UNKNOWN

    def __init__(self) -> None:
        super().__init__("没有找到这个消费券活动。", next_step="请从列表里重新打开。", field="campaignId")


class CampaignChanged(DomainError):
    code = ErrorCode.CAMPAIGN_CHANGED

    def __init__(self) -> None:
        super().__init__(
            "您看到的内容之后，这个活动又有改动。", next_step="请刷新后核对再提交。", field="expectedVersion"
        )


class CampaignStateRefused(DomainError):
    code = ErrorCode.CAMPAIGN_STATE

    def __init__(self, message: str, next_step: str = "请刷新后查看。") -> None:
        super().__init__(message, next_step=next_step, field="campaignId")


class KeyReused(DomainError):
    code = ErrorCode.IDEMPOTENCY_KEY_REUSED

    def __init__(self) -> None:
        super().__init__("这次提交与之前的内容不同。", next_step="请刷新页面后重新提交。", field="idempotencyKey")


async def draft_campaign(*, clerk: StaffSignedIn, draft: Draft, idempotency_key: str, now: datetime) -> str:
    """Writes a new draft and gives its public id; the same key gives the same one. Raises NOT_ALLOWED, TERMS_INVALID,
    IDEMPOTENCY_KEY_REUSED."""
    await demand_for(clerk, draft.region_key, Power.PLAN_VOUCHERS)
    return await _draft(clerk, draft, checked_key(idempotency_key), now)


async def save_draft(
    *,
    clerk: StaffSignedIn,
    campaign_id: str,
    draft: Draft,
    expected_version: int,
    idempotency_key: str,
    now: datetime,
) -> None:
    """Puts this in the place of a draft's whole content, as its next version. Raises NOT_ALLOWED, TERMS_INVALID,
    CAMPAIGN_UNKNOWN, CAMPAIGN_STATE once it was reviewed, CAMPAIGN_CHANGED, IDEMPOTENCY_KEY_REUSED."""
    await demand_for(clerk, draft.region_key, Power.PLAN_VOUCHERS)
    await _save(clerk, campaign_id, draft, expected_version, checked_key(idempotency_key), now)


async def campaign_step(
    *,
    clerk: StaffSignedIn,
    campaign_id: str,
    to_state: CampaignState,
    expected_version: int,
    reason: str = "",
    idempotency_key: str,
    now: datetime,
    books_closed: BooksClosed | None = None,
) -> None:
    """Moves a campaign to its next state, as it stands in `expected_version`: who reviews, reviews what they saw. Only
    who brings `books_closed` settles one: `models/settlement/closing.py` does.

    Raises NOT_ALLOWED, also to whoever would review what they wrote themselves; CAMPAIGN_UNKNOWN, CAMPAIGN_STATE,
    CAMPAIGN_CHANGED, IDEMPOTENCY_KEY_REUSED, BAD_INPUT.
    """
    await _step(
        clerk,
        campaign_id,
        to_state,
        expected_version,
        checked_reason(reason, needed=to_state in WANT_REASON),
        checked_key(idempotency_key),
        now,
        books_closed,
    )


@database.operation
async def _draft(clerk: StaffSignedIn, draft: Draft, key: str, now: datetime) -> str:
    public_id = stable_id("cam", f"{clerk.public_id}:{key}")  # the same key is the same campaign
    asked = request_hash("draft", *said(draft))
    await database.alone_with(public_id)
    known = await VoucherCampaign.get_or_none(public_id=public_id)
    if known is not None:
        await done_before(known.id, clerk, key, asked)
        return public_id
    check_draft(draft, now=now)
    await check_places(draft)
    campaign = await new_campaign(
        draft, public_id=public_id, state=CampaignState.DRAFT, staff_id=clerk.staff_id, now=now
    )
    await note_step(campaign, "", clerk, key=key, asked=asked, now=now)
    concerning("CAMPAIGN", public_id, detail="version 1")
    return public_id


@database.operation
async def _save(
    clerk: StaffSignedIn, campaign_id: str, draft: Draft, expected_version: int, key: str, now: datetime
) -> None:
    campaign = await locked_campaign(clerk, campaign_id, Power.PLAN_VOUCHERS)
    asked = request_hash("save", *said(draft), expected_version)
    if await done_before(campaign.id, clerk, key, asked):
        return
    if campaign.state != CampaignState.DRAFT:
        raise CampaignStateRefused(
            f"这个活动{STATE_WORDS[CampaignState(campaign.state)]}，不能再改草稿。", "如需修改，请先退回草稿。"
        )
    check_version(campaign, expected_version)
    check_draft(draft, now=now)
    await check_places(draft)
    for table in (VoucherRound, VoucherKind, VoucherPool):  # nothing of a draft was ever given to anybody
        await table.filter(campaign_id=campaign.id).delete()
    campaign.title, campaign.region_key, campaign.reserve_fen = draft.title, draft.region_key, draft.reserve_fen
    await new_version(campaign, draft.terms, staff_id=clerk.staff_id, now=now)
    await write_pools(campaign.id, draft)
    await note_step(campaign, campaign.state, clerk, key=key, asked=asked, now=now)
    concerning("CAMPAIGN", campaign_id, detail=f"version {campaign.terms_version}")


@database.operation
async def _step(
    clerk: StaffSignedIn,
    campaign_id: str,
    to_state: CampaignState,
    expected_version: int,
    reason: str,
    key: str,
    now: datetime,
    books_closed: BooksClosed | None,
) -> None:
    campaign = await locked_campaign(clerk, campaign_id, *_powers_for(to_state))
    asked = request_hash("step", to_state, expected_version, reason)
    if await done_before(campaign.id, clerk, key, asked):
        return
    from_state = CampaignState(campaign.state)
    if to_state not in STEPS[from_state]:
        raise CampaignStateRefused(
            f"这个活动现在是“{STATE_WORDS[from_state]}”，不能改为“{STATE_WORDS[to_state]}”。"
        )
    check_version(campaign, expected_version)
    if to_state is CampaignState.REVIEWED:
        await _refuse_own_draft(campaign, clerk)
    if to_state is CampaignState.OPEN:
        await _refuse_nothing_left(campaign, now)
    if to_state is CampaignState.SETTLED:
        if books_closed is None:
            raise TypeError("whoever keeps the books of what venues are owed must say that they are closed")
        await _refuse_unsettled(campaign)
        await books_closed(campaign.id)
    campaign.state = to_state
    await campaign.save(update_fields=["state"])
    await note_step(campaign, from_state, clerk, reason=reason, key=key, asked=asked, now=now)
    concerning("CAMPAIGN", campaign_id, detail=f"{from_state} → {to_state}")


def _powers_for(to_state: CampaignState) -> tuple[Power, ...]:
    if to_state is CampaignState.REVIEWED:
        return (Power.REVIEW_VOUCHERS,)
    if to_state is CampaignState.DRAFT:  # the reviewer sends it back, or the planner takes it back
        return (Power.PLAN_VOUCHERS, Power.REVIEW_VOUCHERS)
    return (Power.PLAN_VOUCHERS,)


async def _refuse_own_draft(campaign: VoucherCampaign, clerk: StaffSignedIn) -> None:
    """Four eyes: nobody reviews what they wrote, in this version or an earlier one."""
    wrote = campaign.drafted_by_id == clerk.staff_id or await VoucherTerms.exists(
        campaign_id=campaign.id, made_by_id=clerk.staff_id
    )
    if wrote:
        raise DomainError(
            "这个活动是您拟定或改过的，不能由您自己复核。",
            code=ErrorCode.NOT_ALLOWED,
            next_step="请由另一位有复核权限的同事办理。",
        )


async def _refuse_nothing_left(campaign: VoucherCampaign, now: datetime) -> None:
    if not await VoucherRound.exists(campaign_id=campaign.id, closes_at__gt=now, remaining__gt=0):
        raise CampaignStateRefused("这个活动的各轮都已过去或发完。", "请先增加轮次，再开放。")


async def _refuse_unsettled(campaign: VoucherCampaign) -> None:
    """While somebody holds a voucher or a use waits for a decision, money can still move."""
    moving = await database.row(
        """SELECT (SELECT count(*) FROM voucher
                    WHERE campaign_id = $1 AND state IN ('CLAIMED', 'RESERVED')) AS held,
                  (SELECT count(*) FROM voucher_use
                    WHERE campaign_id = $1 AND state IN ('WAITING', 'HELD')) AS undecided""",
        campaign.id,
    )
    assert moving is not None
    if moving["held"]:
        raise CampaignStateRefused(f"还有{moving['held']}张券没有用完或过期，不能结清。", "请等它们用完或过期。")
    if moving["undecided"]:
        raise CampaignStateRefused(f"还有{moving['undecided']}笔核销没有定论，不能结清。", "请先核查这些核销。")


# What other acts on campaigns need, inside their transactions.


async def demand_for(clerk: StaffSignedIn, region_key: str, power: Power) -> None:
    """Raises NOT_ALLOWED unless the clerk has the power over all of a region; "" is both provinces."""
    if not await may_for(clerk, region_key, power):
        raise not_allowed(power)


async def may_for(clerk: StaffSignedIn, region_key: str, *powers: Power) -> bool:
    """Whether the clerk has one of the powers over all of a region."""
    for power in powers:
        if has_everywhere(clerk, power):
            return True
        if region_key and await may(clerk, power, region_key=region_key):
            return True
    return False


async def locked_campaign(clerk: StaffSignedIn, campaign_id: str, *powers: Power) -> VoucherCampaign:
    """Locked for the rest of the transaction. Raises CAMPAIGN_UNKNOWN, NOT_ALLOWED."""
    if not any(clerk.has(power) for power in powers):
        raise not_allowed(powers[0])
    campaign = await campaign_called(campaign_id, lock=True)
    if campaign is None or not await may_for(clerk, campaign.region_key, *powers):
        raise CampaignUnknown
    concerning("CAMPAIGN", campaign_id)
    return campaign


async def campaign_called(campaign_id: str, *, lock: bool = False) -> VoucherCampaign | None:
    """Whatever somebody typed: Tortoise does not look for what is longer than the column, it raises."""
    if len(campaign_id) > LONGEST_ID:
        return None
    found = VoucherCampaign.filter(public_id=campaign_id)
    return await (found.select_for_update() if lock else found).first()


def check_version(campaign: VoucherCampaign, expected_version: int) -> None:
    if campaign.terms_version != expected_version:
        raise CampaignChanged


async def done_before(campaign_id: int, clerk: StaffSignedIn, key: str, asked: str) -> bool:
    """Whether this very act was done already. Raises IDEMPOTENCY_KEY_REUSED when its key was another act's."""
    step = await CampaignStep.get_or_none(campaign_id=campaign_id, request_key=key)
    if step is None:
        return False
    if (step.staff_id, step.request_hash) != (clerk.staff_id, asked):
        raise KeyReused
    return True


async def note_step(
    campaign: VoucherCampaign,
    from_state: str,
    clerk: StaffSignedIn | None,
    *,
    reason: str = "",
    key: str,
    asked: str = "",
    now: datetime,
) -> None:
    await CampaignStep.create(
        campaign_id=campaign.id,
        from_state=from_state,
        to_state=campaign.state,
        terms_version=campaign.terms_version,
        staff_id=None if clerk is None else clerk.staff_id,
        reason=reason,
        request_key=key,
        request_hash=asked,
        happened_at=now,
    )


def checked_key(key: str) -> str:
    if not (1 <= len(key) <= 64 and key.isascii() and key.isprintable()):
        raise wrong_key()
    return key


def checked_reason(reason: str, *, needed: bool) -> str:
    """Why a campaign is stopped, sent back or changed: whoever reads it later wants to know."""
    said = reason.strip()
    if len(said) > LONGEST_REASON or (said and not said.isprintable()) or (needed and len(said) < SHORTEST_REASON):
        raise BadInput(
            "请填写原因。", next_step=f"用{SHORTEST_REASON}到{LONGEST_REASON}个字说明原因。", field="reason"
        )
    return said
