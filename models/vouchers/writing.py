"""The rows of a campaign: its pools, kinds and rounds, and the versions of its terms. Inside the caller's transaction."""

from collections.abc import Iterable
from datetime import datetime

from models.ids import new_id
from models.vouchers.drafting import Draft, KindWanted, RoundWanted
from models.vouchers.reading import terms_json
from models.vouchers.rules import CampaignState, Terms
from models.vouchers.tables import VoucherCampaign, VoucherKind, VoucherPool, VoucherRound, VoucherTerms

_BATCH = 200


async def new_campaign(
    draft: Draft,
    *,
    public_id: str,
    state: CampaignState,
    staff_id: int | None,
    now: datetime,
    provenance: str = "PUBLISHED",
) -> VoucherCampaign:
    """The rows of a campaign in its first version."""
    campaign = await VoucherCampaign.create(
        public_id=public_id,
        title=draft.title,
        region_key=draft.region_key,
        state=state,
        reserve_fen=draft.reserve_fen,
        terms_version=0,
        provenance=provenance,
        drafted_by_id=staff_id,
        created_at=now,
    )
    await new_version(campaign, draft.terms, staff_id=staff_id, now=now)
    await write_pools(campaign.id, draft)
    return campaign


async def new_version(campaign: VoucherCampaign, terms: Terms, *, staff_id: int | None, now: datetime) -> None:
    """Adds the next version of the terms; those before it stay, for whoever claimed under them."""
    campaign.terms_version += 1
    await VoucherTerms.create(
        campaign_id=campaign.id,
        version=campaign.terms_version,
        terms=terms_json(terms),
        made_by_id=staff_id,
        made_at=now,
    )
    await campaign.save()


async def write_kind(campaign_id: int, pool_id: int, kind: KindWanted) -> None:
    row = await VoucherKind.create(
        public_id=new_id("vkd"),
        campaign_id=campaign_id,
        pool_id=pool_id,
        title=kind.title,
        face_fen=kind.face_fen,
        minimum_spend_fen=kind.minimum_spend_fen,
    )
    await write_rounds(campaign_id, row.id, kind.rounds)


async def write_rounds(campaign_id: int, kind_id: int, rounds: Iterable[RoundWanted]) -> None:
    await VoucherRound.bulk_create(
        [
            VoucherRound(
                public_id=new_id("vrd"),
                campaign_id=campaign_id,
                kind_id=kind_id,
                opens_at=offered.opens_at,
                closes_at=offered.closes_at,
                quantity=offered.quantity,
                remaining=offered.quantity,
            )
            for offered in rounds
        ],
        batch_size=_BATCH,
    )


async def write_pools(campaign_id: int, draft: Draft) -> None:
    for pool in draft.pools:
        row = await VoucherPool.create(
            campaign_id=campaign_id, name=pool.name, budget_fen=pool.budget_fen, free_fen=pool.budget_fen
        )
        for kind in pool.kinds:
            await write_kind(campaign_id, row.id, kind)
