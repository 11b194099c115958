"""What a round leaves over goes on to its kind's next round, where the campaign's terms say so."""

from collections.abc import Collection
from datetime import datetime

import orjson

from models import database
from models.vouchers.changing import CHANGEABLE, rounds_now, terms_now
from models.vouchers.effects import RoundNow
from models.vouchers.reading import terms_of
from models.vouchers.tables import VoucherCampaign


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
    moved, rounds = 0, await rounds_now(campaign_id)
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
