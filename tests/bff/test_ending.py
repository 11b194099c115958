"""A task of ours ends when it is told to, also where redis-py loses the first word."""

import asyncio
import sys

from bff.ending import ended
from jobs.queue import Queue
from tests.bff.conftest import Valkey

TURNS = 30
"""Of the event loop: more than a question to Valkey takes, so that some turn meets the end of what it waits for."""


async def asks_without_end(queue: Queue) -> None:
    """As whoever listens for what others rang, shared or forgot."""
    while True:
        await queue.ping()


async def asking_for(turns: int, queue: Queue) -> asyncio.Task[None]:
    """After so many turns of the loop."""
    await queue.ping()  # it is connected, so from here on a question always takes the same turns
    task = asyncio.create_task(asks_without_end(queue))
    for _ in range(turns):
        await asyncio.sleep(0)
    return task


async def test_redis_py_loses_a_cancellation_that_meets_the_end_of_what_it_waits_for(valkey: Valkey) -> None:
    """What `ended` is for. Where this no longer holds, `ended` may go."""
    queue = Queue(valkey.url)
    lost = []
    for turns in [*range(TURNS)] * 10:  # some ten in the first thirty, and on a busy day perhaps none
        task = await asking_for(turns, queue)
        task.cancel()
        await asyncio.wait([task], timeout=0.05)
        if not task.done():
            lost.append(turns)
            await ended(task)
            break
    await queue.close()
    assert bool(lost) == (sys.version_info < (3, 12))


async def test_whatever_the_moment_a_task_ends_when_it_is_told_to(valkey: Valkey) -> None:
    queue = Queue(valkey.url)
    for turns in range(TURNS):
        task = await asking_for(turns, queue)
        async with asyncio.timeout(10):  # a word in twenty is lost to whoever asks without a pause
            await ended(task)
        assert task.cancelled()
    assert await queue.redis.ping(), "and what it was asking through is whole"
    await queue.close()
