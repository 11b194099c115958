"""The queue, as thin as it can be: it wakes a job by name. What is to be done stands in the database.

arq is in maintenance only, so this module and `bff/worker.py` are the only ones that know it.
"""

import asyncio
import time
from typing import Any

import orjson
import structlog
from arq.connections import ArqRedis
from redis.asyncio import BlockingConnectionPool
from redis.exceptions import RedisError

AWAY_SECONDS = 5  # after a failure nobody waits for the queue again that soon; the worker's timers wake the jobs
TIMEOUT_SECONDS = 1.0
GATHERED_SECONDS = 0.2

log = structlog.get_logger("jobs.queue")


def serialize(job: dict[str, Any]) -> bytes:
    """arq's default is pickle, which would let whoever can write to Valkey run code here."""
    return orjson.dumps(job, default=str)


deserialize = orjson.loads


class Queue:
    """Wakes jobs in whichever worker hears it first. Opens its connections when they are needed."""

    def __init__(self, redis_url: str) -> None:
        pool: BlockingConnectionPool = BlockingConnectionPool.from_url(
            redis_url,
            max_connections=10,
            timeout=TIMEOUT_SECONDS,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
        )
        self.redis = ArqRedis(pool, job_serializer=serialize, job_deserializer=deserialize)
        self._away_until = 0.0
        self._rung: set[str] = set()
        self._on_their_way: set[asyncio.Task[None]] = set()

    def ring(self, name: str) -> None:
        """`wake`, without waiting for it: for what happens so often that its wakes are gathered into one."""
        if name not in self._rung:
            self._rung.add(name)
            task = asyncio.create_task(self._wake_in_a_moment(name))
            self._on_their_way.add(task)
            task.add_done_callback(self._on_their_way.discard)

    async def _wake_in_a_moment(self, name: str) -> None:
        await asyncio.sleep(GATHERED_SECONDS)
        self._rung.discard(name)  # what is rung from now on may have come too late for this wake
        await self.wake(name)

    async def wake(self, name: str) -> None:
        """Have the job run soon. Waking it twice before it starts is once. Never fails: a lost queue costs only
        the seconds until the worker's own timer."""
        if time.monotonic() < self._away_until:
            return
        try:
            await self.redis.enqueue_job(name, _job_id=name)
        except (RedisError, OSError) as error:
            if not self._away_until:
                log.warning("the queue is away; timers carry on", error=type(error).__name__)
            self._away_until = time.monotonic() + AWAY_SECONDS
        else:
            self._away_until = 0.0

    async def ping(self) -> None:
        """Raises RedisError or OSError when the queue does not answer."""
        await self.redis.ping()

    async def close(self) -> None:
        """What was rung and not yet sent is left to the timer."""
        for task in self._on_their_way:
            task.cancel()
        await asyncio.gather(*self._on_their_way, return_exceptions=True)
        await self.redis.aclose(close_connection_pool=True)
