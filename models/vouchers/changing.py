"""Changing a campaign that was opened already: first what it would do, then doing it, under the lock of its row.

Nobody claims between the look and the write, so what the change says of claimed vouchers is true when it is written.
The pools' rows are locked too, since whoever gives a voucher back touches those alone.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import orjson

from models import database
from models.audit.deeds import concerning
from models.database import utc
from models.errors import DomainError
from models.ids import request_hash
from models.staff.powers import not_allowed
from models.staff.rules import Power, StaffSignedIn
from models.vouchers.campaigns import (
    STATE_WORDS,
    CampaignStateRefused,
    CampaignUnknown,
    campaign_called,
    check_version,
    checked_key,
    checked_reason,
    done_before,
    locked_campaign,
    may_for,
    note_step,
)
from models.vouchers.effects import Change, Effect, KindNow, Picture, PoolNow, RoundNow, effect_of
from models.vouchers.places import check_regions, check_where
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
    return await _worked_out(campaign, change, expected_version, now)


async def change_campaign(
    *,
    clerk: StaffSignedIn,
    campaign_id: str,
    change: Change,
    expected_version: int,
    reason: str,
    idempotency_key: str,
    now: datetime,
) -> None:
    """Does what `preview_change` showed and makes the next version of the terms, which binds whoever claims from now
    on. The same again changes nothing.

    Raises what the preview raises, IDEMPOTENCY_KEY_REUSED, and BAD_INPUT without a reason.
    """
    reason = checked_reason(reason, needed=True)
    await _change(clerk, campaign_id, change, expected_version, reason, checked_key(idempotency_key), now)


@database.operation
async def _change(
    clerk: StaffSignedIn,
    campaign_id: str,
    change: Change,
    expected_version: int,
    reason: str,
    key: str,
    now: datetime,
) -> None:
    campaign = await locked_campaign(clerk, campaign_id, Power.PLAN_VOUCHERS)
    asked = request_hash("change", *change.said(), expected_version, reason)
    if await done_before(campaign.id, clerk, key, asked):
        return
    effect = await _worked_out(campaign, change, expected_version, now, locked=True)
    await _write(campaign, effect)
    campaign.reserve_fen = effect.reserve_fen
    await new_version(campaign, effect.terms, staff_id=clerk.staff_id, now=now)
    await note_step(campaign, campaign.state, clerk, reason=reason, key=key, asked=asked, now=now)
    concerning("CAMPAIGN", campaign_id, detail=f"version {campaign.terms_version}")


async def _worked_out(
    campaign: VoucherCampaign, change: Change, expected_version: int, now: datetime, *, locked: bool = False
) -> Effect:
    if campaign.state not in CHANGEABLE:
        raise _not_changeable(campaign)
    check_version(campaign, expected_version)
    if change.terms is not None:
        await check_where(change.terms.where)
        await check_regions(change.terms.who.regions)
    return effect_of(await _picture(campaign, locked=locked), change, now=now)


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
        rounds=await _rounds(campaign.id),
        holders=held["holders"],
        held=held["vouchers"],
    )


async def _rounds(campaign_id: int) -> list[RoundNow]:
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


# What a round leaves over.


async def roll_over(*, now: datetime, most: int = 100) -> int:
    """Moves what ended rounds left to their kinds' next rounds, where the terms say so; gives how many vouchers moved.

    Each campaign in a transaction of its own, under its lock. A round hands on once: it has nothing left afterwards.
    """
    moved = 0
    for campaign_id in await _with_leftovers(now, most):
        moved += await _roll_over(campaign_id, now)
    return moved


async def _with_leftovers(now: datetime, most: int) -> Collection[int]:
    found = await database.rows(
        """SELECT campaign.id, terms.terms
             FROM voucher_campaign campaign
             JOIN voucher_terms terms ON terms.campaign_id = campaign.id AND terms.version = campaign.terms_version
            WHERE campaign.state IN ('OPEN', 'PAUSED') AND EXISTS (
              SELECT 1 FROM voucher_round ended JOIN voucher_round later ON later.kind_id = ended.kind_id
               WHERE ended.campaign_id = campaign.id AND ended.closes_at <= $1 AND ended.remaining > 0
                 AND later.opens_at > ended.opens_at AND later.closes_at > $1)
            ORDER BY campaign.id""",
        now,
    )
    return [row["id"] for row in found if terms_of(orjson.loads(row["terms"])).rolls_over][:most]


@database.operation
async def _roll_over(campaign_id: int, now: datetime) -> int:
    campaign = await VoucherCampaign.select_for_update().get(id=campaign_id)
    if campaign.state not in CHANGEABLE or not (await terms_now(campaign)).rolls_over:
        return 0
    moved, rounds = 0, await _rounds(campaign_id)
    for ended in rounds:
        if ended.closes_at > now or not ended.remaining:
            continue
        later = (one for one in rounds if one.kind_id == ended.kind_id and one.closes_at > now)
        following = min(later, key=lambda one: one.opens_at, default=None)
        if following is not None:
            await _hand_on(ended, following, now)
            moved += ended.remaining
    return moved


async def _hand_on(ended: RoundNow, following: RoundNow, now: datetime) -> None:
    """All that one round has left; together they are as many as before."""
    await database.rows(
        "UPDATE voucher_round SET quantity = quantity - remaining, remaining = 0, rolled_over_at = $2 WHERE id = $1",
        ended.id,
        now,
    )
    await database.rows(
        "UPDATE voucher_round SET quantity = quantity + $2, remaining = remaining + $2 WHERE id = $1",
        following.id,
        ended.remaining,
    )
