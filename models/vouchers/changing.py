"""What changing a campaign that was opened would do, and doing it, under the lock of its row.

Nobody claims between the look and the write, so what the change says of claimed vouchers is true when it is written.
The pools' rows are locked too, since whoever gives a voucher back touches those alone.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson

from models import database
from models.database import utc
from models.errors import DomainError
from models.staff.powers import not_allowed
from models.staff.rules import Power, StaffSignedIn
from models.vouchers.campaigns import (
    STATE_WORDS,
    CampaignStateRefused,
    CampaignUnknown,
    campaign_called,
    check_version,
    may_for,
)
from models.vouchers.change import Change
from models.vouchers.effects import Effect, KindNow, Picture, PoolNow, RoundNow, effect_of
from models.vouchers.places import check_regions, check_where, names_of
from models.vouchers.reading import terms_of
from models.vouchers.rules import CampaignState, Terms
from models.vouchers.tables import VoucherCampaign, VoucherPool, VoucherRound
from models.vouchers.writing import new_version, write_kind, write_rounds

CHANGEABLE = frozenset({CampaignState.OPEN, CampaignState.PAUSED})


async def preview_change(
    *, clerk: StaffSignedIn, campaign_id: str, change: Change, expected_version: int, now: datetime
) -> Effect:
    """What the change would do, if it were made now; nothing is written. Raises NOT_ALLOWED, CAMPAIGN_UNKNOWN,
    CAMPAIGN_STATE, CAMPAIGN_CHANGED, TERMS_INVALID."""
    if not clerk.has(Power.PLAN_VOUCHERS):
        raise not_allowed(Power.PLAN_VOUCHERS)
    campaign = await campaign_called(campaign_id)
    if campaign is None or not await may_for(clerk, campaign.region_key, Power.PLAN_VOUCHERS):
        raise CampaignUnknown
    return await worked_out(campaign, change, expected_version, now)


async def put_in_force(campaign: VoucherCampaign, effect: Effect, *, made_by: int, now: datetime) -> None:
    """Does it, and makes the next version of the terms, which binds whoever claims from now on. Inside the act of
    whoever decides (proposing.py), which holds the campaign's row."""
    await _write(campaign, effect)
    campaign.reserve_fen = effect.reserve_fen
    await new_version(campaign, effect.terms, staff_id=made_by, now=now)


async def worked_out(
    campaign: VoucherCampaign, change: Change, expected_version: int, now: datetime, *, locked: bool = False
) -> Effect:
    """What it would do now. `locked`: the caller holds the campaign's row, and the pools' are to be locked too."""
    if campaign.state not in CHANGEABLE:
        raise _not_changeable(campaign)
    check_version(campaign, expected_version)
    if change.terms is not None:
        await check_where(change.terms.where)
        await check_regions(change.terms.who.regions)
    picture = await _picture(campaign, locked=locked)
    if change.terms is not None:
        picture = replace(picture, names=await names_of({*_named(picture.terms), *_named(change.terms)}))
    return effect_of(picture, change, now=now)


def _named(terms: Terms) -> Iterator[str]:
    yield from terms.who.regions
    yield from terms.where.venues
    yield from terms.where.regions
    yield from terms.where.sports


def _not_changeable(campaign: VoucherCampaign) -> DomainError:
    state = CampaignState(campaign.state)
    way_out = {
        CampaignState.DRAFT: "请直接修改草稿。",
        CampaignState.REVIEWED: "请先退回草稿再修改。",
    }
    return CampaignStateRefused(
        f"这个活动现在是“{STATE_WORDS[state]}”，不能变更。", way_out.get(state, "已结束的活动不再变更。")
    )


async def _picture(campaign: VoucherCampaign, *, locked: bool) -> Picture:
    pools = VoucherPool.filter(campaign_id=campaign.id).order_by("id")
    held = await database.row(
        """SELECT count(*) AS vouchers, count(DISTINCT member_id) AS holders FROM voucher
            WHERE campaign_id = $1 AND state IN ('CLAIMED', 'RESERVED')""",
        campaign.id,
    )
    assert held is not None
    kinds = await database.rows(
        "SELECT id, public_id, pool_id, title, face_fen FROM voucher_kind WHERE campaign_id = $1 ORDER BY id",
        campaign.id,
    )
    return Picture(
        terms=await terms_now(campaign),
        reserve_fen=campaign.reserve_fen,
        reserve_used_fen=campaign.reserve_used_fen,
        pools=[
            PoolNow(id=pool.id, name=pool.name, budget_fen=pool.budget_fen, free_fen=pool.free_fen)
            for pool in await (pools.select_for_update() if locked else pools)
        ],
        kinds=[KindNow(**dict(kind)) for kind in kinds],
        rounds=await rounds_now(campaign.id),
        holders=held["holders"],
        held=held["vouchers"],
    )


async def rounds_now(campaign_id: int) -> list[RoundNow]:
    """All of a campaign's, the earliest first."""
    found = await database.rows(
        """SELECT id, public_id, kind_id, opens_at, closes_at, quantity, remaining, rolled_over_at
             FROM voucher_round WHERE campaign_id = $1 ORDER BY opens_at, id""",
        campaign_id,
    )
    return [_round(row) for row in found]


def _round(row: Any) -> RoundNow:
    return RoundNow(
        id=row["id"],
        public_id=row["public_id"],
        kind_id=row["kind_id"],
        opens_at=utc(row["opens_at"]),
        closes_at=utc(row["closes_at"]),
        quantity=row["quantity"],
        remaining=row["remaining"],
        rolled_over=row["rolled_over_at"] is not None,
    )


async def terms_now(campaign: VoucherCampaign) -> Terms:
    """Those in force."""
    found = await database.row(
        "SELECT terms FROM voucher_terms WHERE campaign_id = $1 AND version = $2",
        campaign.id,
        campaign.terms_version,
    )
    assert found is not None
    return terms_of(orjson.loads(found["terms"]))


async def _write(campaign: VoucherCampaign, effect: Effect) -> None:
    for pool in effect.pools:
        await VoucherPool.filter(id=pool.id).update(budget_fen=pool.budget_fen, free_fen=pool.free_fen)
    for one in effect.rounds:
        await VoucherRound.filter(id=one.id).update(
            quantity=one.quantity, remaining=one.remaining, closes_at=one.closes_at
        )
    for kind_id, offered in effect.new_rounds:
        await write_rounds(campaign.id, kind_id, offered)
    for pool_id, kind in effect.new_kinds:
        await write_kind(campaign.id, pool_id, kind)
