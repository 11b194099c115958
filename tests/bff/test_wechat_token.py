"""WeChat's access token: one for all processes, and still there when Valkey is not."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from bff.wechat_token import SharedToken
from jobs.queue import Queue
from tests.bff.conftest import Valkey

LONG = timedelta(hours=2)


@pytest.fixture
async def two(valkey: Valkey) -> AsyncIterator[tuple[SharedToken, SharedToken]]:
    """The same token as two processes hold it."""
    queues = Queue(valkey.url), Queue(valkey.url)
    redises: list[Redis] = [queue.redis for queue in queues]
    yield SharedToken(redises[0], appid="wx1"), SharedToken(redises[1], appid="wx1")
    for queue in queues:
        await queue.close()


async def test_what_one_process_fetched_the_other_uses(two: tuple[SharedToken, SharedToken]) -> None:
    first, second = two
    assert await second.get() is None
    await first.set("t" * 512, LONG)
    assert await second.get() == "t" * 512


async def test_a_token_ends_with_its_life(two: tuple[SharedToken, SharedToken], valkey: Valkey) -> None:
    first, second = two
    await first.set("token", timedelta(milliseconds=50))
    await asyncio.sleep(0.1)
    assert await second.get() is None
    valkey.stop()
    assert await first.get() is None


async def test_one_process_refreshes_at_a_time(two: tuple[SharedToken, SharedToken]) -> None:
    inside = most = 0

    async def refresh(token: SharedToken) -> None:
        nonlocal inside, most
        async with token.lock():
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.02)
            inside -= 1

    await asyncio.gather(*(refresh(token) for token in two for _ in range(3)))
    assert most == 1


async def test_without_valkey_each_process_keeps_its_own(
    two: tuple[SharedToken, SharedToken], valkey: Valkey
) -> None:
    first, second = two
    valkey.stop()
    async with first.lock():
        await first.set("token", LONG)
    assert await first.get() == "token"
    assert await second.get() is None
