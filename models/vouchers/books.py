"""The budget identity, pool by pool, as the database has it: `budget = free + claimed + reserved + used + forfeited +
expired_not_returned`, at every instant, since every act that moves a voucher moves its pool in the same transaction.

One statement sees one instant, so what it says is the truth and not a sum of several.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models import database
from models.vouchers.rules import Budget

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
       COALESCE(SUM(CASE WHEN voucher.state = 'USED' AND live.id IS NULL THEN 1
                         WHEN voucher.state = 'USED' AND live.state = 'WAITING' THEN 1
                         WHEN voucher.state NOT IN ('USED', 'RESERVED') AND live.id IS NOT NULL THEN 1 END), 0) AS odd
  FROM voucher_pool pool JOIN voucher_campaign ON voucher_campaign.id = pool.campaign_id
       LEFT JOIN voucher ON voucher.pool_id = pool.id
       LEFT JOIN voucher_use live ON live.voucher_id = voucher.id AND live.state IN ('WAITING', 'HELD', 'DONE')
 WHERE ($1::bigint = 0 OR pool.campaign_id = $1::bigint)
 GROUP BY pool.id, pool.name, pool.campaign_id, voucher_campaign.public_id, voucher_campaign.title,
          pool.budget_fen, pool.free_fen, pool.is_off
 ORDER BY pool.id
"""


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
    return [_pool(row) for row in await database.rows(_POOLS, campaign_id or 0)]


async def check() -> Sequence[PoolBudget]:
    """The pools whose fen do not add up; there are none, or somebody must look at once. What is found is noted at the
    pool, for `off` and for whoever looks at its campaign."""
    found = await budgets()
    for pool in found:
        if pool.balances == pool.was_off:
            await _note(pool.pool_id, is_off=not pool.balances)
    return [pool for pool in found if not pool.balances]


@database.operation
async def _note(pool_id: int, *, is_off: bool) -> None:
    await database.rows("UPDATE voucher_pool SET is_off = $1 WHERE id = $2", is_off, pool_id)


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
