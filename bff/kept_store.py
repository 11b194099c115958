"""What processes keep together, in Valkey: the `Store` of `plans.keeping`, and the keeper of one process.

Each version of the code has names of its own, since while one is rolled out two of them run side by side and may mean
different things by the same bytes. The generation is everybody's.
"""

import asyncio
import heapq
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import TypeVar

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bff.ending import ended
from bff.impatient import impatient
from plans.keeping import Keeper, new_name

T = TypeVar("T")

PREFIX = "kept:"
GENERATION = f"{PREFIX}generation"
TIMEOUT_SECONDS = 0.25
"""Somebody waits for an answer that could be made without Valkey."""
OPERATORS_TIMEOUT_SECONDS = 3.0
AWAY_SECONDS = 1.0
"""After a failure nobody waits for Valkey again that soon."""
MOST_BYTES_LENT = 64 * 1024 * 1024
"""That one process has in Valkey at once. It serves the queue and the rates too, and strangers choose what is asked."""
LONGEST_KEY = 200
WHAT_MAKES_IT = ("maps", "models", "plans", "resolvers")

log = structlog.get_logger("bff.kept_store")


class KeptStore:
    """Opens its connections when they are needed. Nothing here raises because Valkey is away."""

    def __init__(
        self,
        redis_url: str,
        *,
        most_bytes: int = MOST_BYTES_LENT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = impatient(redis_url, TIMEOUT_SECONDS)
        self._clock = clock
        self._lent = _Lent(most_bytes)
        self._away_until = 0.0

    async def get(self, key: str) -> tuple[bytes, float] | None:
        name = _name_of(key)

        async def ask() -> tuple[bytes | None, int]:
            async with self._redis.pipeline(transaction=False) as both:
                both.get(name)
                both.pttl(name)
                value, left = await both.execute()
            return value, left

        value, left = await self._ask(ask) or (None, 0)
        return None if value is None or left <= 0 else (value, left / 1000)

    async def put(self, key: str, value: bytes, seconds: float) -> None:
        milliseconds = int(seconds * 1000)
        if milliseconds > 0 and self._lent.has_room(len(value), seconds, now=self._clock()):
            await self._ask(lambda: self._redis.set(_name_of(key), value, px=milliseconds))

    async def generation(self) -> str | None:
        async def ask() -> bytes:
            async with self._redis.pipeline(transaction=False) as both:
                both.set(GENERATION, new_name(), nx=True)
                both.get(GENERATION)
                _, name = await both.execute()
            return bytes(name)

        name = await self._ask(ask)
        return None if name is None else name.decode()

    async def next_generation(self, name: str) -> bool:
        return bool(await self._ask(lambda: self._redis.set(GENERATION, name)))

    async def close(self) -> None:
        await self._redis.aclose(close_connection_pool=True)

    async def _ask(self, question: Callable[[], Awaitable[T]]) -> T | None:
        """None when Valkey is away, at once while it is known to be."""
        if self._clock() < self._away_until:
            return None
        try:
            answer = await question()
        except (RedisError, OSError) as error:
            if not self._away_until:
                log.warning("valkey is away; this process keeps things alone", error=type(error).__name__)
            self._away_until = self._clock() + AWAY_SECONDS
            return None
        if self._away_until:
            log.info("valkey is back; what is kept is shared again")
            self._away_until = 0.0
        return answer


class SharedKeeper(Keeper):
    """One process's share of what all keep."""

    def __init__(self, redis_url: str) -> None:
        self._valkey = KeptStore(redis_url)
        super().__init__(self._valkey)

    @asynccontextmanager
    async def sharing(self) -> AsyncIterator[None]:
        """While it is open, things are shared, and this process hears of what others forget within a second."""
        await self.listen()
        watching = asyncio.create_task(self.watch())
        try:
            yield
        finally:
            await ended(watching)
            await self._valkey.close()


async def forget_everywhere(redis_url: str) -> bool:
    """From a process that keeps nothing itself: what others keep is not given again. False when Valkey is away."""
    patience = OPERATORS_TIMEOUT_SECONDS
    async with Redis.from_url(redis_url, socket_timeout=patience, socket_connect_timeout=patience) as redis:
        try:
            await redis.set(GENERATION, new_name())
        except (RedisError, OSError):
            return False
    return True


class _Lent:
    """How many bytes are in Valkey, as far as this process put them there and knows when they go."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._sum = 0
        self._until: list[tuple[float, int]] = []

    def has_room(self, size: int, seconds: float, *, now: float) -> bool:
        """Takes it, if there is."""
        while self._until and self._until[0][0] <= now:
            self._sum -= heapq.heappop(self._until)[1]
        if self._sum + size > self._most:
            return False
        self._sum += size
        heapq.heappush(self._until, (now + seconds, size))
        return True


def _name_of(key: str) -> str:
    """Keys may hold what strangers wrote, of any length."""
    if len(key) > LONGEST_KEY:
        key = blake2b(key.encode(), digest_size=24).hexdigest()
    return f"{PREFIX}{version()}:{key}"


@cache
def version() -> str:
    """Of the code by which kept things are made and read."""
    house = Path(__file__).parents[1]
    said = blake2b(digest_size=6)
    for package in WHAT_MAKES_IT:
        for file in sorted((house / package).rglob("*.py")):
            said.update(str(file.relative_to(house)).encode() + b"\0" + file.read_bytes() + b"\0")
    return said.hexdigest()
