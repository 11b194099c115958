"""What is asked about campaigns: by everybody, and by the staff who plan and review them."""

import strawberry

from models.calendar import business_day
from models.errors import BadInput
from models.venues.queries import FURTHEST_M, venues_near
from models.vouchers import changing, queries
from models.vouchers.rules import CampaignState
from plans.costs import ListSize, Weight
from plans.public import Public
from resolvers.context import Context, Info
from resolvers.paging import checked_size, page_of, read_cursor
from resolvers.venues import PointInput, point_of
from resolvers.voucher_campaigns.citizens import Campaign, CampaignConnection, CampaignEdge
from resolvers.voucher_campaigns.managed import (
    CampaignEffect,
    ManagedCampaign,
    ManagedCampaignConnection,
    ManagedCampaignEdge,
    ManagedCampaignSummary,
)
from resolvers.voucher_campaigns.wanted import CampaignChangeInput, change_of

MOST_ROWS = 20
KEPT_SECONDS = 1


@strawberry.type
class VoucherCampaignQueries:
    @strawberry.field(
        directives=[
            ListSize(assumed_size=MOST_ROWS, slicing_arguments=["first"], sized_fields=["edges"]),
            Weight(weight=1000),
            Public(max_age=KEPT_SECONDS),
        ],
        description="Campaigns that give out vouchers, the latest first: all, or those whose vouchers can be used in a "
        f"region, or in the city where the venue nearest to a point is. At most {KEPT_SECONDS} s old.",
    )
    async def voucher_campaigns(
        self,
        info: Info,
        near: PointInput | None = None,
        region_key: str | None = None,
        first: int = 10,
        after: str | None = None,
    ) -> CampaignConnection:
        now = info.context.now
        found = await queries.campaigns_shown(
            region_key=await _region(info.context, near, region_key),
            first=checked_size(first, MOST_ROWS),
            before_id=read_cursor(after, "v"),
            now=now,
        )
        edges = [CampaignEdge(node=Campaign.of(view, now), cursor=f"v{view.id}") for view in found[:first]]
        return CampaignConnection(edges=edges, page_info=page_of(edges, found, after))

    @strawberry.field(
        directives=[Weight(weight=500), Public(max_age=KEPT_SECONDS)],
        description="One campaign that was opened, with its rounds; null when there is none. At most "
        f"{KEPT_SECONDS} s old.",
    )
    async def voucher_campaign(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 - the argument's name in the schema
    ) -> Campaign | None:
        found = await queries.campaign_shown(campaign_id=id, now=info.context.now)
        return None if found is None else Campaign.of(found, info.context.now)

    @strawberry.field(
        directives=[
            ListSize(assumed_size=MOST_ROWS, slicing_arguments=["first"], sized_fields=["edges"]),
            Weight(weight=1000),
        ],
        description="Campaigns of the regions of the signed-in staff person, drafts too, the latest first.",
    )
    async def managed_campaigns(
        self, info: Info, state: CampaignState | None = None, first: int = 10, after: str | None = None
    ) -> ManagedCampaignConnection:
        now = info.context.now
        found = await queries.campaigns_managed(
            clerk=await info.context.staff(),
            state=state,
            first=checked_size(first, MOST_ROWS),
            before_id=read_cursor(after, "v"),
            now=now,
        )
        edges = [
            ManagedCampaignEdge(node=ManagedCampaignSummary.of(view, now), cursor=f"v{view.campaign.id}")
            for view in found[:first]
        ]
        return ManagedCampaignConnection(edges=edges, page_info=page_of(edges, found, after))

    @strawberry.field(
        directives=[Weight(weight=1000)],
        description="One of them with all its rounds and steps; null when there is none.",
    )
    async def managed_campaign(self, info: Info, campaign_id: strawberry.ID) -> ManagedCampaign | None:
        return await managed(info, campaign_id)

    @strawberry.field(
        directives=[Weight(weight=1000)],
        description="What a change of an open or paused campaign would do. Nothing is written.",
    )
    async def preview_campaign_change(
        self, info: Info, campaign_id: strawberry.ID, expected_version: int, change: CampaignChangeInput
    ) -> CampaignEffect:
        effect = await changing.preview_change(
            clerk=await info.context.staff(),
            campaign_id=campaign_id,
            change=change_of(change),
            expected_version=expected_version,
            now=info.context.now,
        )
        return CampaignEffect.of(effect.shown)


async def managed(info: Info, campaign_id: str) -> ManagedCampaign | None:
    now = info.context.now
    found = await queries.campaign_managed(clerk=await info.context.staff(), campaign_id=campaign_id, now=now)
    return None if found is None else ManagedCampaign.of(found, now)


async def _region(context: Context, near: PointInput | None, region_key: str | None) -> str | None:
    if near is None:
        return region_key
    if region_key is not None:
        raise BadInput("位置和地区只能选一个。", next_step="请去掉其中一个。", field="regionKey")
    page = await venues_near(
        point=point_of(near),
        radius_m=FURTHEST_M,
        today=business_day(context.now),
        first=1,
        keep=context.services.keep,
    )
    return await queries.city_of_venue(page.rows[0].venue.id) if page.rows else None
