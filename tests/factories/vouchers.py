"""Campaigns and vouchers for the other rooms' tests, with books that balance."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from models import database
from models.calendar import business_day
from models.ids import new_id, new_no
from models.members.tables import Member
from models.venues.tables import Venue
from models.vouchers.drafting import Draft, KindWanted, PoolWanted, RoundWanted
from models.vouchers.reading import terms_json, terms_of
from models.vouchers.rules import (
    CampaignState,
    ClaimWay,
    EventKind,
    Terms,
    UseState,
    UseWay,
    VoucherState,
    claim_hash,
)
from models.vouchers.tables import (
    Voucher,
    VoucherCampaign,
    VoucherEvent,
    VoucherKind,
    VoucherPool,
    VoucherRound,
    VoucherUse,
)
from models.vouchers.writing import new_campaign
from tests.conftest import NOW

HOLDS_NOTHING = (VoucherState.RETURNED,)
"""States of a voucher whose face value is in the pool again."""


@dataclass(frozen=True)
class ACampaign:
    """Ids of a campaign with one pool, one kind, and its first round."""

    id: int
    public_id: str
    pool_id: int
    kind_id: int
    kind_public_id: str
    round_id: int
    round_public_id: str


async def a_campaign(
    venue: Venue | None = None,
    *,
    state: CampaignState = CampaignState.OPEN,
    title: str = "",
    region_key: str = "",
    budget_fen: int = 10_000_00,
    reserve_fen: int = 0,
    face_fen: int = 20_00,
    minimum_spend_fen: int = 40_00,
    quantity: int = 100,
    rounds: Sequence[tuple[datetime, datetime, int]] = (),
    terms: Terms | None = None,
    now: datetime = NOW,
) -> ACampaign:
    """One pool, one kind (¥20 off ¥40), one round that is open from an hour ago for a day, or these `rounds` as (opens
    at, closes at, quantity). With a venue: valid there only."""
    terms = terms or Terms()
    if venue is not None:
        terms = replace(terms, where=replace(terms.where, venues=frozenset({venue.public_id})))
    terms = terms_of(terms_json(terms))  # refused as the product would refuse them
    rounds = rounds or [(now - timedelta(hours=1), now + timedelta(days=1), quantity)]
    kind = KindWanted(
        title=f"满{minimum_spend_fen // 100}减{face_fen // 100}",
        face_fen=face_fen,
        minimum_spend_fen=minimum_spend_fen,
        rounds=tuple(
            RoundWanted(opens_at=opens_at, closes_at=closes_at, quantity=many)
            for opens_at, closes_at, many in rounds
        ),
    )
    draft = Draft(
        title=title or f"全民健身消费券{secrets.token_hex(3)}",
        region_key=region_key,
        reserve_fen=reserve_fen,
        terms=terms,
        pools=(PoolWanted(name="总资金", budget_fen=budget_fen, kinds=(kind,)),),
    )
    campaign = await new_campaign(
        draft, public_id=new_id("cam"), state=state, staff_id=None, provenance="DEMONSTRATION", now=now
    )
    pool = await VoucherPool.get(campaign_id=campaign.id)
    made_kind = await VoucherKind.get(campaign_id=campaign.id)
    made = await VoucherRound.filter(campaign_id=campaign.id).order_by("id")
    return ACampaign(
        campaign.id, campaign.public_id, pool.id, made_kind.id, made_kind.public_id, made[0].id, made[0].public_id
    )


async def a_voucher(
    member_id: int,
    campaign: ACampaign,
    state: VoucherState = VoucherState.CLAIMED,
    *,
    venue: Venue | None = None,
    claimed_at: datetime = NOW,
    valid_until: datetime | None = None,
    now: datetime | None = None,
    **columns: Any,
) -> Voucher:
    """One voucher of the campaign's first round, taken out of round and pool; for seven days. One that is USED needs
    the venue where it was written off, at `now` or when it was claimed. `columns` go to the row as they are."""
    now = now or claimed_at
    member = await Member.get(id=member_id)
    kind = await VoucherKind.get(id=campaign.kind_id)
    terms_version = (await VoucherCampaign.get(id=campaign.id)).terms_version
    ended = state not in (VoucherState.CLAIMED, VoucherState.RESERVED)
    voucher = await Voucher.create(
        **{
            "public_id": new_id("vch"),
            "claim_hash": claim_hash(
                campaign_id=campaign.id, member_public_id=member.public_id, key=secrets.token_hex(8)
            ),
            "campaign_id": campaign.id,
            "kind_id": campaign.kind_id,
            "pool_id": campaign.pool_id,
            "round_id": campaign.round_id,
            "terms_version": terms_version,
            "member_id": member_id,
            "state": state,
            "face_fen": kind.face_fen,
            "minimum_spend_fen": kind.minimum_spend_fen,
            "claimed_at": claimed_at,
            "claim_day": business_day(claimed_at),
            "claim_way": ClaimWay.APP,
            "valid_from": claimed_at,
            "valid_until": valid_until or claimed_at + timedelta(days=7),
            "handle": f"{secrets.randbelow(10**10):010d}",
            "ended_at": now if ended else None,
            **columns,
        }
    )
    await database.rows("UPDATE voucher_round SET remaining = remaining - 1 WHERE id = $1", campaign.round_id)
    if state not in HOLDS_NOTHING:
        await database.rows(
            "UPDATE voucher_pool SET free_fen = free_fen - $2 WHERE id = $1", campaign.pool_id, voucher.face_fen
        )
    if state is VoucherState.USED:
        assert venue is not None, "where was it used?"
        await a_use(voucher, venue, now=now)
    return voucher


async def a_use(voucher: Voucher, venue: Venue, *, now: datetime = NOW, **columns: Any) -> VoucherUse:
    """The write-off of a USED voucher at a desk, whole and confirmed, with its entry in the books."""
    use = await VoucherUse.create(
        **{
            "use_no": new_no("V", now),
            "voucher_id": voucher.id,
            "campaign_id": voucher.campaign_id,
            "kind_id": voucher.kind_id,
            "member_id": voucher.member_id,
            "venue_id": venue.id,
            "way": UseWay.DESK,
            "device_id": "desk-1",
            "nonce": secrets.token_hex(8),
            "state": UseState.DONE,
            "bill_fen": voucher.minimum_spend_fen,
            "used_fen": voucher.face_fen,
            "used_at": now,
            "business_day": business_day(now),
            "confirmed_at": now,
            **columns,
        }
    )
    await VoucherEvent.create(
        kind=EventKind.USED,
        about_no=use.use_no,
        use_id=use.id,
        campaign_id=use.campaign_id,
        venue_id=use.venue_id,
        amount_fen=use.used_fen,
        venue_share_fen=use.venue_share_fen,
        happened_at=now,
    )
    return use
