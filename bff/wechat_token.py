"""WeChat's access token, one for all our processes, kept in Valkey."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from redis.asyncio import Redis
from redis.exceptions import LockError, RedisError

LOCK_SECONDS = 20  # longer than asking WeChat takes; frees itself when its holder dies


class SharedToken:
    """A `wechat.mini_program.TokenStore`.

    Without Valkey each process keeps the token to itself, which WeChat's stable_token allows: asked again within
    the token's life, it gives the same one.
    """

    def __init__(self, redis: Redis, *, appid: str) -> None:
        self._redis = redis
        self._key = f"wechat:access-token:{appid}"
        self._mine: tuple[str, float] | None = None
        self._one_at_a_time = asyncio.Lock()

    async def get(self) -> str | None:
        try:
            shared = await self._redis.get(self._key)
        except (RedisError, OSError):
            return self._mine[0] if self._mine and time.monotonic() < self._mine[1] else None
        return shared.decode() if shared else None

    async def set(self, token: str, life: timedelta) -> None:
        self._mine = (token, time.monotonic() + life.total_seconds())
        try:
            await self._redis.set(self._key, token, px=life)
        except (RedisError, OSError):
            return

    @asynccontextmanager
    async def lock(self) -> AsyncIterator[None]:
        shared = self._redis.lock(f"{self._key}:lock", timeout=LOCK_SECONDS, blocking_timeout=LOCK_SECONDS)
        async with self._one_at_a_time:
            try:
                held = await shared.acquire()
            except (RedisError, OSError):
                held = False
            try:
                yield
            finally:
                if held:
                    await _release(shared)


async def _release(lock: object) -> None:
    try:
        await lock.release()  # type: ignore[attr-defined]
    except (LockError, RedisError, OSError):  # it ended by itself, or Valkey went away; either way it is free
        return
