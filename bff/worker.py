"""The worker: runs the jobs of `jobs.ALL`, each when it is woken and every few seconds in any case.

Every job has a loop of its own in this process, with its own timer. arq only carries the wake-ups: its function
for a job rings that loop's bell and is done in microseconds. So

- a lost Valkey delays work by seconds and loses nothing, because the timers know nothing of Valkey;
- a wake that comes while the job runs is kept (arq drops a job id that is still running) and makes it run again;
- no key in Valkey says that a job is running, so a worker that was killed blocks nobody for the length of a
  time-out; the rows' own locks and leases, in the database, are what keeps two workers from doing the same.

SIGTERM lets every job finish what it is doing, for at most STOP_SECONDS.
"""

import asyncio
import random
import signal
import time
from collections.abc import Sequence
from datetime import UTC
from typing import Any

import structlog
from arq.worker import Function, Worker, func
from redis.exceptions import RedisError

from bff import logging, tracing, wiring
from bff.ending import ended
from bff.logging import report
from bff.settings import Settings
from bff.tracing import spanned
from jobs import ALL
from jobs.job import Job, Tools
from jobs.queue import Queue, deserialize, serialize
from models.asyncpg_engine import DatabaseAway

STOP_SECONDS = 8.0
POLL_SECONDS = 0.2
RECONNECT_SECONDS = 1.0

log = structlog.get_logger("bff.worker")


async def run(settings: Settings) -> None:
    """Works until SIGTERM or SIGINT."""
    logging.configure(settings, "worker")
    spans = tracing.opened(settings, "worker")
    wired = wiring.build(settings, spans)
    jobs = [spanned(job, spans) for job in ALL] if spans else ALL
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with wiring.opened(wired, statement_seconds=wiring.WORKER_STATEMENT_SECONDS):
        await work(jobs, wiring.tools(wired), settings.redis_url, stop)


async def work(jobs: Sequence[Job], tools: Tools, redis_url: str, stop: asyncio.Event) -> None:
    """Runs the jobs until `stop`, then lets each finish. What is still running after STOP_SECONDS is cancelled;
    its transaction rolls back, and another run finds the same rows again."""
    bells = {job.name: asyncio.Event() for job in jobs}
    loops = [asyncio.create_task(_repeat(job, tools, bells[job.name], stop), name=job.name) for job in jobs]
    listener = asyncio.create_task(_listen(bells, redis_url))
    log.info("working", jobs=[job.name for job in jobs])
    await stop.wait()
    for bell in bells.values():
        bell.set()
    await ended(listener)
    _, late = await asyncio.wait(loops, timeout=STOP_SECONDS)
    for task in late:
        log.warning("a job did not finish in time", job=task.get_name())
        task.cancel()
    await asyncio.gather(*loops, return_exceptions=True)


async def _repeat(job: Job, tools: Tools, bell: asyncio.Event, stop: asyncio.Event) -> None:
    """One job for ever: at once, then whenever its bell rings or its time has come."""
    while not stop.is_set():
        bell.clear()
        await _once(job, tools)
        try:
            async with asyncio.timeout(job.every_seconds * random.uniform(0.8, 1.2)):  # workers drift apart
                await bell.wait()
        except TimeoutError:
            continue


async def _once(job: Job, tools: Tools) -> None:
    """Runs it; whatever goes wrong is logged with a reference and tried again next time."""
    started = time.perf_counter()
    try:
        async with asyncio.timeout(job.timeout_seconds):
            result = await job.function(tools)
    except DatabaseAway:  # has its line in the log already, one for all jobs
        return
    except Exception as error:
        report(error, job=job.name)
        return
    if result:
        log.info("job done", job=job.name, result=result, ms=round((time.perf_counter() - started) * 1000))


async def _listen(bells: dict[str, asyncio.Event], redis_url: str) -> None:
    """Hears wake-ups through arq, and goes on trying when Valkey is away, at the start or in between.

    arq's worker ends when it loses Valkey, so each connection gets a worker of its own.
    """
    away = False
    while True:
        queue = Queue(redis_url)
        try:
            await queue.ping()
            if away:
                log.info("the queue is back")
            away = False
            await _arq_worker(bells, queue).async_run()
        except (RedisError, OSError) as error:
            if not away:
                log.warning("the queue is away; timers carry on", error=type(error).__name__)
            away = True
        finally:
            await queue.close()
        await asyncio.sleep(RECONNECT_SECONDS)


def _arq_worker(bells: dict[str, asyncio.Event], queue: Queue) -> Worker:
    return Worker(
        functions=[_ringing(name, bell) for name, bell in bells.items()],
        redis_pool=queue.redis,
        handle_signals=False,
        job_completion_wait=1,
        job_timeout=5,
        max_tries=1,
        poll_delay=POLL_SECONDS,
        job_serializer=serialize,
        job_deserializer=deserialize,
        timezone=UTC,
        log_results=False,
    )


def _ringing(name: str, bell: asyncio.Event) -> Function:
    async def ring(_ctx: dict[Any, Any]) -> None:
        bell.set()

    coroutine: Any = ring  # arq's protocol asks for a __qualname__, which mypy does not see on functions
    return func(coroutine, name=name, keep_result=0)
