"""What staff do with campaigns: drafted, reviewed, opened, stopped, changed."""

import strawberry

from models.settlement.closing import step_campaign
from models.vouchers import campaigns, proposing
from models.vouchers.rules import CampaignState
from resolvers.context import Info
from resolvers.errors import UserError, act, user_errors
from resolvers.voucher_campaigns.managed import ManagedCampaign
from resolvers.voucher_campaigns.queries import managed
from resolvers.voucher_campaigns.wanted import CampaignChangeInput, VoucherCampaignInput, change_of, draft_of

KEY = "The same again under its key changes nothing."


@strawberry.type
class CampaignPayload:
    campaign: ManagedCampaign | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class VoucherCampaignActs:
    @act(CampaignPayload, f"Write a new campaign, which waits for its review. {KEY}")
    async def draft_campaign(
        self, info: Info, idempotency_key: str, campaign: VoucherCampaignInput
    ) -> CampaignPayload:
        campaign_id = await campaigns.draft_campaign(
            clerk=await info.context.staff(),
            draft=draft_of(campaign),
            idempotency_key=idempotency_key,
            now=info.context.now,
        )
        return CampaignPayload(campaign=await managed(info, campaign_id))

    @act(CampaignPayload, f"Put this in the place of all that a draft says. {KEY}")
    async def save_campaign_draft(
        self,
        info: Info,
        idempotency_key: str,
        campaign_id: strawberry.ID,
        expected_version: int,
        campaign: VoucherCampaignInput,
    ) -> CampaignPayload:
        await campaigns.save_draft(
            clerk=await info.context.staff(),
            campaign_id=campaign_id,
            draft=draft_of(campaign),
            expected_version=expected_version,
            idempotency_key=idempotency_key,
            now=info.context.now,
        )
        return CampaignPayload(campaign=await managed(info, campaign_id))

    @act(
        CampaignPayload,
        "Move a campaign on: review it (never one's own), open, pause, close or settle it, or send it back to its "
        f"draft. {KEY}",
    )
    async def step_campaign(
        self,
        info: Info,
        idempotency_key: str,
        campaign_id: strawberry.ID,
        to_state: CampaignState,
        expected_version: int,
        reason: str = "",
    ) -> CampaignPayload:
        await step_campaign(
            clerk=await info.context.staff(),
            campaign_id=campaign_id,
            to_state=to_state,
            expected_version=expected_version,
            reason=reason,
            idempotency_key=idempotency_key,
            now=info.context.now,
        )
        return CampaignPayload(campaign=await managed(info, campaign_id))

    @act(
        CampaignPayload,
        "Propose a change of an open or paused campaign. It waits for somebody else, and its effect is kept as it is now. "
        + KEY,
    )
    async def propose_campaign_change(
        self,
        info: Info,
        idempotency_key: str,
        campaign_id: strawberry.ID,
        expected_version: int,
        change: CampaignChangeInput,
        reason: str,
    ) -> CampaignPayload:
        await proposing.propose_change(
            clerk=await info.context.staff(),
            campaign_id=campaign_id,
            change=change_of(change),
            expected_version=expected_version,
            reason=reason,
            idempotency_key=idempotency_key,
            now=info.context.now,
        )
        return CampaignPayload(campaign=await managed(info, campaign_id))

    @act(
        CampaignPayload,
        "Put a colleague's change in force (never one's own), or refuse it; of one's own a no takes it back. Refused if by "
        "now it is worse than what was shown. Vouchers that were claimed keep their terms.",
    )
    async def decide_campaign_change(
        self, info: Info, change_id: strawberry.ID, approves: bool, reason: str = ""
    ) -> CampaignPayload:
        campaign_id = await proposing.decide_change(
            clerk=await info.context.staff(),
            change_id=change_id,
            approves=approves,
            reason=reason,
            now=info.context.now,
        )
        return CampaignPayload(campaign=await managed(info, campaign_id))
