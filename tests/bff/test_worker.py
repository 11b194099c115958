"""Jobs run when they are woken, and go on running whatever happens to Valkey."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import cast

import pytest

from bff.ending import ended
from bff.worker import work
from jobs.job import Job, Tools
from jobs.queue import GATHERED_SECONDS, Queue
from models import database
from models.errors import BadInput
from models.messages.operations import tell
from tests.bff.conftest import Valkey
from tests.databases import Database
from tests.factories.people import a_member
from tests.stopwatch import Stopwatch

NO_TOOLS = cast(Tools, None)  # these jobs reach for nothing
NEVER = 3600.0
VALUES = {"what": "138****0000", "when": "11月20日 10:00"}


class Counting:
    """A job that counts its runs, and takes as long as it is told."""

    def __init__(self, name: str, *, every_seconds: float = NEVER, takes: float = 0) -> None:
        self.runs = self.finished = 0
        self.takes = takes
        self.job = Job(name=name, function=self, every_seconds=every_seconds)

    async def __call__(self, _tools: Tools) -> None:
        self.runs += 1
        await asyncio.sleep(self.takes)
        self.finished += 1


async def until(true: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never became true"
        await asyncio.sleep(0.01)


@asynccontextmanager
async def working(jobs: Sequence[Job], redis_url: str) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    task = asyncio.create_task(work(jobs, NO_TOOLS, redis_url, stop))
    try:
        yield stop
    finally:
        stop.set()
        async with asyncio.timeout(30):
            await task


@asynccontextmanager
async def queue_at(redis_url: str) -> AsyncIterator[Queue]:
    queue = Queue(redis_url)
    try:
        yield queue
    finally:
        await queue.close()


async def test_a_woken_job_runs_long_before_its_time(valkey: Valkey) -> None:
    counting = Counting("count")
    async with queue_at(valkey.url) as queue, working([counting.job], valkey.url):
        await until(lambda: counting.finished == 1)  # once at the start
        await queue.wake("count")
        await until(lambda: counting.finished == 2)
        await queue.wake("count")
        await until(lambda: counting.finished == 3)


async def test_a_job_woken_twice_before_it_starts_runs_once(valkey: Valkey) -> None:
    counting = Counting("count")
    async with queue_at(valkey.url) as queue:
        for _ in range(5):
            await queue.wake("count")
        assert await queue.redis.zcard(queue.redis.default_queue_name) == 1
        async with working([counting.job], valkey.url):
            await until(lambda: counting.runs >= 1)


async def test_a_wake_that_comes_while_the_job_runs_is_kept(valkey: Valkey) -> None:
    counting = Counting("count", takes=0.8)
    async with queue_at(valkey.url) as queue, working([counting.job], valkey.url):
        await until(lambda: counting.runs == 1)
        await queue.wake("count")
        await until(lambda: counting.runs == 2)


async def test_what_is_told_is_carried_on_as_soon_as_it_is_committed_and_a_hundred_tellings_are_one_wake(
    db: Database, valkey: Valkey, now: datetime
) -> None:
    member_id, _ = await a_member()
    telling = Counting("tell_people")

    @database.operation
    async def act(about_no: str, *, fails: bool = False) -> None:
        await tell(member_id=member_id, template="PHONE_BOUND", values=VALUES, about_no=about_no, now=now)
        if fails:
            raise BadInput("x")

    async with queue_at(valkey.url) as queue, working([telling.job], valkey.url):
        database.listen(queue.ring)
        try:
            await until(lambda: telling.runs == 1)
            with pytest.raises(BadInput):
                await act("undone", fails=True)
            await asyncio.sleep(2 * GATHERED_SECONDS)
            assert telling.runs == 1, "what was undone wakes nobody"
            began = time.monotonic()
            for number in range(100):
                await act(f"{number}")
            await until(lambda: telling.runs >= 2)
            before = telling.runs
            await act("later")
            await until(lambda: telling.runs > before)
            gathered = (time.monotonic() - began) / GATHERED_SECONDS
            assert telling.runs <= 1 + gathered + 1, (
                "one for each moment in which something was told, and the first"
            )
        finally:
            database.listen(None)


async def test_a_wake_reaches_only_the_job_it_names(valkey: Valkey) -> None:
    named, other = Counting("named"), Counting("other")
    async with queue_at(valkey.url) as queue, working([named.job, other.job], valkey.url):
        await until(lambda: named.runs == other.runs == 1)
        await queue.wake("named")
        await until(lambda: named.runs == 2)
        assert other.runs == 1


async def test_jobs_run_on_their_timers_though_valkey_was_never_there(valkey: Valkey) -> None:
    valkey.stop()
    counting = Counting("count", every_seconds=0.05)
    async with working([counting.job], valkey.url):
        await until(lambda: counting.runs >= 5)


async def test_the_worker_survives_a_restart_of_valkey(valkey: Valkey) -> None:
    timed, woken = Counting("timed", every_seconds=0.05), Counting("woken")
    async with queue_at(valkey.url) as queue, working([timed.job, woken.job], valkey.url):
        await until(lambda: woken.runs == 1)
        valkey.stop()
        seen = timed.runs
        await until(lambda: timed.runs >= seen + 5)
        valkey.start()

        async def wake_again() -> None:
            while woken.runs == 1:
                await queue.wake("woken")
                await asyncio.sleep(0.1)

        async with asyncio.timeout(30):  # the queue leaves a lost Valkey alone for five seconds
            await wake_again()


async def test_waking_never_fails_and_hardly_waits_when_valkey_is_away(valkey: Valkey) -> None:
    valkey.stop()
    async with queue_at(valkey.url) as queue:
        waking = Stopwatch()
        for _ in range(100):
            await queue.wake("count")
        assert waking.stop() < 2


async def test_a_job_that_fails_is_tried_again_and_stops_no_other() -> None:
    calls = 0

    async def failing(_tools: Tools) -> None:
        nonlocal calls
        calls += 1
        raise RuntimeError("no")

    counting = Counting("count", every_seconds=0.05)
    jobs = [Job(name="failing", function=failing, every_seconds=0.05), counting.job]
    async with working(jobs, "redis://127.0.0.1:1/0"):
        await until(lambda: calls >= 3 and counting.runs >= 3)


async def test_a_job_that_hangs_is_cut_off_and_tried_again() -> None:
    runs = 0

    async def hanging(_tools: Tools) -> None:
        nonlocal runs
        runs += 1
        await asyncio.sleep(NEVER)

    jobs = [Job(name="hanging", function=hanging, every_seconds=0.05, timeout_seconds=0.05)]
    async with working(jobs, "redis://127.0.0.1:1/0"):
        await until(lambda: runs >= 3)


async def test_stopping_lets_a_running_job_finish() -> None:
    counting = Counting("count", takes=0.5)
    async with working([counting.job], "redis://127.0.0.1:1/0") as stop:
        await until(lambda: counting.runs == 1)
        assert counting.finished == 0
        stop.set()
    assert (counting.runs, counting.finished) == (1, 1)


async def test_a_listener_that_missed_its_cancellation_is_cancelled_again() -> None:
    """As redis-py does now and then, because of asyncio.wait_for in Python 3.11."""
    missed = 0

    async def hard_of_hearing() -> None:
        nonlocal missed
        while missed < 2:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                missed += 1
        await asyncio.sleep(60)

    listener = asyncio.create_task(hard_of_hearing())
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await ended(listener)
    assert (listener.cancelled(), missed) == (True, 2)


@pytest.mark.parametrize("wrong", ["unknown", ""])
async def test_an_unknown_name_wakes_nobody_and_breaks_nothing(valkey: Valkey, wrong: str) -> None:
    counting = Counting("count")
    async with queue_at(valkey.url) as queue, working([counting.job], valkey.url):
        await until(lambda: counting.runs == 1)
        await queue.wake(wrong)
        await queue.wake("count")
        await until(lambda: counting.runs == 2)


NOBODY_WAITS = {
    "make_sessions": "a session is made thirty days before anybody comes",
    "escalate_complaints": "a late answer is counted in days",
    "grow_up": "a birthday is counted in days",
    "delete_members": "the days in which one may think better of it are over",
    "purge_old": "what is old by years or months may be an hour older",
    "purge_past": "what is over is in nobody's way by day either",
    "remind_of_vouchers": "a voucher's last day is a day long",
    "judge_uses": "a use is judged a day after its day",
    "check_audit": "looks for tampering in all that is kept, which takes long",
}
"""Jobs for whose result nobody stands or looks at a screen, each with its reason."""


def test_what_somebody_waits_for_comes_within_five_minutes_and_all_else_within_an_hour() -> None:
    """Also while Valkey is away and nobody can be woken."""
    import jobs

    names = [job.name for job in jobs.ALL]
    assert len(names) == len(set(names))
    assert set(names) >= set(NOBODY_WAITS)
    for job in jobs.ALL:
        longest = 3600 if job.name in NOBODY_WAITS else 300
        assert job.every_seconds <= longest, job.name
