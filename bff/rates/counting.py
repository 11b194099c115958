"""Counting: one call that knows which limits are counted how."""

from collections.abc import Sequence

from bff.rates.meters import MOST_KEYS, Charge, Counting, Limit, Meters, Standing
from bff.rates.valkey import Away, Valkey


class MayNotCount(Exception):
    """Valkey is away, and this limit's acts may not happen uncounted. Nothing was counted."""

    def __init__(self, limit: Limit) -> None:
        super().__init__(limit.name)
        self.limit = limit


class Counter:
    """One process's."""

    def __init__(self, redis_url: str, *, most_keys: int = MOST_KEYS) -> None:
        self.meters = Meters(most=most_keys)
        self.valkey = Valkey(redis_url, self.meters)

    async def take(self, charges: Sequence[Charge]) -> Standing:
        """Counts all of it and gives the tightest, or counts nothing: raises Exhausted or MayNotCount."""
        exact = [charge for charge in charges if charge.limit.counting is not Counting.SHARED]
        if not exact:
            return self.meters.take(charges)
        shared = [charge for charge in charges if charge.limit.counting is Counting.SHARED]
        before = [self.meters.look(shared)] if shared else []
        standing = await self._take_exactly(exact)
        self.meters.add(shared)
        return min(standing, *before, key=lambda each: each.left) if before else standing

    async def _take_exactly(self, charges: Sequence[Charge]) -> Standing:
        try:
            return await self.valkey.take(charges)
        except Away:
            for charge in charges:
                if charge.limit.counting is Counting.EXACT_ELSE_NOT:
                    raise MayNotCount(charge.limit) from None
            return self.meters.take(charges)
