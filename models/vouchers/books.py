"""The budget identity, pool by pool, as the database has it: `budget = free + claimed + reserved + used + forfeited +
expired_not_returned`, at every instant, since every act that moves a voucher moves its pool in the same transaction.

One statement sees one instant, so what it says of a pool is the truth and not a sum of several. The check looks at the
pools whose turn it is: the statement reads all that a pool ever gave, and a programme of millions of vouchers must not be
read every five minutes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from models import database
from models.vouchers.rules import Budget

CHECKED_A_RUN = 200_000
"""Vouchers. Of so many at most the pools are checked in one run, and of one pool at least."""
SETTLED_EVERY = timedelta(days=1)
"""In a settled campaign nothing moves any more; one look a day notices whoever moves something all the same."""

_POOLS = """
SELECT pool.id, pool.name, pool.campaign_id, voucher_campaign.public_id, voucher_campaign.title,
       pool.budget_fen, pool.free_fen, pool.is_off,
       COALESCE(SUM(CASE WHEN voucher.state = 'CLAIMED' THEN voucher.face_fen END), 0) AS claimed,
       COALESCE(SUM(CASE WHEN voucher.state = 'RESERVED' THEN voucher.face_fen END), 0) AS reserved,
       COALESCE(SUM(CASE WHEN voucher.state = 'USED' THEN live.used_fen END), 0) AS used,
       COALESCE(SUM(CASE WHEN voucher.state = 'FORFEITED' THEN voucher.face_fen - voucher.returned_fen
                         WHEN voucher.state = 'USED'
                         THEN voucher.face_fen - voucher.returned_fen - live.used_fen END), 0) AS forfeited,
       COALESCE(SUM(CASE WHEN voucher.state = 'EXPIRED' THEN voucher.face_fen END), 0) AS expired,
       COALESCE(SUM(CASE WHEN voucher.pool_id <> pool.id OR voucher.kind_id <> kind.id THEN 1
                         WHEN voucher.state = 'USED' AND live.id IS NULL THEN 1
                         WHEN voucher.state = 'USED' AND live.state = 'WAITING' THEN 1
                         WHEN voucher.state NOT IN ('USED', 'RESERVED') AND live.id IS NOT NULL THEN 1 END), 0) AS odd
  FROM voucher_pool pool JOIN voucher_campaign ON voucher_campaign.id = pool.campaign_id
       LEFT JOIN voucher_kind kind ON kind.pool_id = pool.id
       LEFT JOIN voucher_round ON voucher_round.kind_id = kind.id
       LEFT JOIN voucher ON voucher.round_id = voucher_round.id
       LEFT JOIN voucher_use live ON live.voucher_id = voucher.id AND live.state IN ('WAITING', 'HELD', 'DONE')
 {which}
 GROUP BY pool.id, pool.name, pool.campaign_id, voucher_campaign.public_id, voucher_campaign.title,
          pool.budget_fen, pool.free_fen, pool.is_off
 ORDER BY pool.id
"""
"""By way of the rounds, of whose vouchers there is an index."""
_ALL, _OF_CAMPAIGN, _ONE = (
    _POOLS.format(which=which) for which in ("", "WHERE pool.campaign_id = $1", "WHERE pool.id = $1")
)

_DUE = """
SELECT pool.id, COALESCE(SUM(voucher_round.quantity - voucher_round.remaining), 0) AS given
  FROM voucher_pool pool JOIN voucher_campaign ON voucher_campaign.id = pool.campaign_id
       LEFT JOIN voucher_kind kind ON kind.pool_id = pool.id
       LEFT JOIN voucher_round ON voucher_round.kind_id = kind.id
 WHERE pool.is_off OR pool.checked_at IS NULL OR voucher_campaign.state <> 'SETTLED' OR pool.checked_at <= $1
 GROUP BY pool.id, pool.is_off, pool.checked_at
 ORDER BY pool.is_off DESC, pool.checked_at IS NOT NULL, pool.checked_at, pool.id
"""
"""Those that were off, then those at which nobody looked for longest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolBudget:
    """A pool's fen by what they are. `odd`: vouchers whose state and whose use contradict each other."""

    pool_id: int
    name: str
    campaign_id: int
    campaign_public_id: str
    campaign_title: str
    budget: Budget
    odd: int
    was_off: bool

    @property
    def balances(self) -> bool:
        return self.budget.balances and self.odd == 0


async def budgets(campaign_id: int | None = None) -> Sequence[PoolBudget]:
    """Of every pool, or of one campaign's."""
    found = await (database.rows(_ALL) if campaign_id is None else database.rows(_OF_CAMPAIGN, campaign_id))
    return [_pool(row) for row in found]


async def check(*, now: datetime | None = None, most: int = CHECKED_A_RUN) -> Sequence[PoolBudget]:
    """The pools whose fen do not add up, of those whose turn it is; there are none, or somebody must look at once. What
    is found is noted at the pool, for `off` and for whoever looks at its campaign. Without `now`: of all, at once."""
    if now is None:
        found = await budgets()
    else:
        found = [_pool(row) for pool_id in await _due(now, most) for row in await database.rows(_ONE, pool_id)]
    for pool in found:
        if now is not None or pool.balances == pool.was_off:
            await _note(pool.pool_id, is_off=not pool.balances, now=now)
    return [pool for pool in found if not pool.balances]


async def _due(now: datetime, most: int) -> Sequence[int]:
    turn: list[int] = []
    vouchers = 0
    for row in await database.rows(_DUE, now - SETTLED_EVERY):
        vouchers += row["given"]
        if turn and vouchers > most:
            break
        turn.append(row["id"])
    return turn


@database.operation
async def _note(pool_id: int, *, is_off: bool, now: datetime | None) -> None:
    await database.rows(
        "UPDATE voucher_pool SET is_off = $1, checked_at = COALESCE($2, checked_at) WHERE id = $3",
        is_off,
        now,
        pool_id,
    )


async def off() -> int:
    """How many pools the last check found off."""
    found = await database.row("SELECT COUNT(*) AS pools FROM voucher_pool WHERE is_off")
    assert found is not None
    return int(found["pools"])


def _pool(row: Any) -> PoolBudget:
    return PoolBudget(
        pool_id=row["id"],
        name=row["name"],
        campaign_id=row["campaign_id"],
        campaign_public_id=row["public_id"],
        campaign_title=row["title"],
        budget=Budget(
            budget=int(row["budget_fen"]),
            free=int(row["free_fen"]),
            claimed=int(row["claimed"]),
            reserved=int(row["reserved"]),
            used=int(row["used"]),
            forfeited=int(row["forfeited"]),
            expired_not_returned=int(row["expired"]),
        ),
        odd=int(row["odd"]),
        was_off=bool(row["is_off"]),
    )
