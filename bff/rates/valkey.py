"""Counting together with the other processes, in Valkey, by its clock: each bucket is one key that holds the moment
at which it will be empty, and that is gone then.

Two ways. `share` adds in the background, several times a second, what this process has let through, and learns what all
have: no request waits for it. `take` asks before the act, atomically, for what must never be let through twice.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson
import structlog
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError

from bff.ending import ended
from bff.impatient import impatient
from bff.logging import report
from bff.rates.meters import Charge, Exhausted, Limit, Meters, Standing

EVERY_SECONDS = 0.25
TIMEOUT_SECONDS = 1.0
"""Long enough that a busy moment of our own is not taken for an outage."""
AWAY_SECONDS = 1.0
"""After a failure nobody waits for Valkey again that soon."""
KEYS_AT_ONCE = 1_000
"""In one call: a millisecond or two during which Valkey answers nobody else."""

_READ = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local told, all = cjson.decode(ARGV[1]), {}
local function used(key, most)  -- microseconds until the bucket is empty; `most` in case Valkey's clock was set back
  return math.min(math.max((tonumber(redis.call('GET', key)) or 0) - now, 0), most)
end
local function keep(key, filled)
  redis.call('SET', key, string.format('%.0f', now + filled), 'PX', math.ceil(filled / 1000) + 1)
end
"""

SHARE = (
    _READ
    + """
for i, key in ipairs(KEYS) do
  all[i] = used(key, 2 * told[2 * i]) + told[2 * i - 1]
  keep(key, all[i])
end
return cjson.encode(all)
"""
)
"""KEYS are buckets; ARGV[1], for each: microseconds to add, microseconds that it holds. Gives how full they are now."""

TAKE = (
    _READ
    + """
local fits = true
for i, key in ipairs(KEYS) do
  all[i] = used(key, 2 * told[2 * i]) + told[2 * i - 1]
  if all[i] > told[2 * i] then fits = false end
end
if fits then
  for i, key in ipairs(KEYS) do keep(key, all[i]) end
end
return cjson.encode({fits, all})
"""
)
"""The same, all of it or nothing. Gives whether it fits, and how full each bucket is or would have been."""

log = structlog.get_logger("bff.rates")


class Away(Exception):
    """Valkey does not answer."""


class Valkey:
    """Opens its connections when they are needed. Its time-outs are short: requests wait for `take`."""

    def __init__(self, redis_url: str, meters: Meters) -> None:
        self._redis = impatient(redis_url, TIMEOUT_SECONDS)
        self._meters = meters
        self._share = self._redis.register_script(SHARE)
        self._take = self._redis.register_script(TAKE)
        self._away_until = 0.0

    async def take(self, charges: Sequence[Charge]) -> Standing:
        """Counts all of it or raises Exhausted. Raises Away when nobody can say.

        What Valkey has said is remembered here, so who goes on after a refusal is refused without asking it again.
        """
        self._meters.look(charges)
        arguments = [part for limit, _, units in charges for part in _spoken(limit, units * limit.step)]
        fits, filled = await self._ask(self._take, [charge.key for charge in charges], arguments)
        after = [
            Standing(charge.limit, microseconds / 1e6)
            for charge, microseconds in zip(charges, filled, strict=True)
        ]
        for (limit, key, units), (_, used) in zip(charges, after, strict=True):
            self._meters.learn(limit, key, used if fits else max(used - units * limit.step, 0.0))
        if fits:
            return min(after, key=lambda standing: standing.left)
        fullest = max(after, key=lambda standing: standing.used - standing.limit.window)
        raise Exhausted(fullest.limit, fullest.used - fullest.limit.window)

    @asynccontextmanager
    async def sharing(self) -> AsyncIterator[None]:
        """While it is open, what is counted here is shared."""
        task = asyncio.create_task(self._go_on_sharing())
        try:
            yield
        finally:
            await ended(task)
            await self.close()

    async def share(self) -> None:
        """Adds what was counted here since last time and learns the sums. Without Valkey each process counts alone:
        what could not be added now is not added later either, since it stays counted here."""
        added = [(key, *told) for key, told in self._meters.harvest().items()]
        for start in range(0, len(added), KEYS_AT_ONCE):
            some = added[start : start + KEYS_AT_ONCE]
            arguments = [part for _, limit, seconds in some for part in _spoken(limit, seconds)]
            try:
                filled = await self._ask(self._share, [key for key, _, _ in some], arguments)
            except Away:
                return
            for (key, limit, _), microseconds in zip(some, filled, strict=True):
                self._meters.learn(limit, key, microseconds / 1e6)

    async def close(self) -> None:
        await self._redis.aclose(close_connection_pool=True)

    async def _go_on_sharing(self) -> None:
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            try:
                await self.share()
            except Exception as error:  # a bug must not end the sharing in silence
                report(error, path="rates")

    async def _ask(self, script: AsyncScript, keys: list[str], told: list[int]) -> Any:
        """Raises Away, at once while it is known to be. One argument of JSON is packed in half the time of many."""
        if time.monotonic() < self._away_until:
            raise Away
        try:
            answer = await script(keys=keys, args=[orjson.dumps(told)])
        except (RedisError, OSError) as error:
            if not self._away_until:
                log.warning("valkey is away; this process counts alone", error=type(error).__name__)
            self._away_until = time.monotonic() + AWAY_SECONDS
            raise Away from error
        if self._away_until:
            log.info("valkey is back; rates are shared again")
            self._away_until = 0.0
        return orjson.loads(answer)


def _spoken(limit: Limit, seconds: float) -> tuple[int, int]:
    return int(seconds * 1e6), round(limit.window * 1e6)  # rounded up, the last unit of a bucket would not fit
