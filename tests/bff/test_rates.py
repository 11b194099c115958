"""Counting: buckets in memory, what several processes let through together, and Valkey away, stuck and back."""

import asyncio
import multiprocessing
import os
import signal
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from math import inf
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from bff.rates.counting import Counter, MayNotCount
from bff.rates.meters import Charge, Counting, Exhausted, Limit, Meters
from bff.rates.valkey import AWAY_SECONDS, EVERY_SECONDS, TIMEOUT_SECONDS
from tests.bff.conftest import Valkey, at_once

T = TypeVar("T")
SHARED = Limit("shared", 10, 60)
ALONE = Limit("alone", 10, 60, Counting.EXACT_ELSE_ALONE)
NOT = Limit("not", 10, 60, Counting.EXACT_ELSE_NOT)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def meters(clock: Clock) -> Meters:
    return Meters(clock=clock)


def charge(limit: Limit, who: str = "somebody", units: float = 1) -> Charge:
    return Charge(limit, limit.key(who), units)


def taken(take: Callable[[], object], times: int) -> int:
    """How many of so many tries were let through."""
    count = 0
    for _ in range(times):
        try:
            take()
        except Exhausted:
            continue
        count += 1
    return count


# ---- buckets


def test_so_many_at_once_and_then_one_for_each_that_leaks_away(meters: Meters, clock: Clock) -> None:
    assert taken(lambda: meters.take([charge(SHARED)]), 50) == 10
    clock.now += 5.9
    assert taken(lambda: meters.take([charge(SHARED)]), 50) == 0
    clock.now += 0.2
    assert taken(lambda: meters.take([charge(SHARED)]), 50) == 1
    clock.now += 30
    assert taken(lambda: meters.take([charge(SHARED)]), 50) == 5


def test_who_is_refused_hears_when_to_come_again_and_is_let_in_then(meters: Meters, clock: Clock) -> None:
    meters.take([charge(SHARED, units=8)])
    with pytest.raises(Exhausted) as refused:
        meters.take([charge(SHARED, units=5)])
    assert refused.value.wait == pytest.approx(18)
    clock.now += refused.value.wait + 0.001
    assert meters.take([charge(SHARED, units=5)]).left == 0


def test_what_is_left_is_told_of_the_tightest(meters: Meters) -> None:
    wide = Limit("wide", 1000, 1)
    assert meters.take([charge(wide), charge(SHARED)]).limit is SHARED
    standing = meters.take([charge(SHARED), charge(wide)])
    assert (standing.limit, standing.left, standing.used) == (SHARED, 8, pytest.approx(12))


def test_more_than_the_whole_bucket_holds_will_never_do(meters: Meters) -> None:
    with pytest.raises(Exhausted) as refused:
        meters.take([charge(SHARED, units=11)])
    assert not refused.value.ever
    assert meters.take([charge(SHARED, units=10)]).left == 0


def test_of_several_buckets_all_are_filled_or_none(meters: Meters) -> None:
    narrow = Limit("narrow", 1, 60)
    meters.take([charge(narrow)])
    with pytest.raises(Exhausted) as refused:
        meters.take([charge(SHARED), charge(narrow)])
    assert refused.value.limit is narrow
    assert meters.standing(SHARED, SHARED.key("somebody")).left == 10


def test_what_happened_already_is_counted_and_then_waited_for(meters: Meters, clock: Clock) -> None:
    work = charge(Limit("work", 100, 10), units=30)
    for _ in range(4):
        meters.require_room(work)
        meters.add([work])
    with pytest.raises(Exhausted) as refused:
        meters.require_room(work)
    clock.now += refused.value.wait + 0.001
    meters.require_room(work)


@given(st.lists(st.tuples(st.floats(0, 20), st.integers(1, 6)), max_size=60))
def test_in_no_stretch_of_time_more_gets_through_than_the_bucket_and_what_leaks(
    arrivals: list[tuple[float, int]],
) -> None:
    clock = Clock()
    meters = Meters(clock=clock)
    passed: list[tuple[float, int]] = []
    for pause, units in arrivals:
        clock.now += pause
        if taken(lambda units=units: meters.take([charge(SHARED, units=units)]), 1):  # type: ignore[misc]
            passed.append((clock.now, units))
    for first, (began, _) in enumerate(passed):
        for last in range(first, len(passed)):
            stretch = passed[last][0] - began
            assert sum(units for _, units in passed[first : last + 1]) <= 10 + stretch / SHARED.step + 1e-6


def test_a_flood_of_addresses_does_not_grow_the_memory_and_drowns_nobody_who_stays() -> None:
    most = 10_000
    tracemalloc.start()
    meters = Meters(most=most)
    sizes = []
    for number in range(5 * most):
        meters.take([charge(SHARED, f"2001:db8:0:{number:x}::/64")])
        if number % (most // 4) == 0:
            taken(lambda: meters.take([charge(SHARED, "hammering")]), 20)
            sizes.append((len(meters), tracemalloc.get_traced_memory()[0]))
    tracemalloc.stop()
    assert max(keys for keys, _ in sizes) <= most
    assert max(size for _, size in sizes) < most * 600  # bytes, with what waits to be shared: nobody harvests it
    assert taken(lambda: meters.take([charge(SHARED, "hammering")]), 20) == 0


def test_buckets_that_are_empty_again_are_forgotten(meters: Meters, clock: Clock) -> None:
    for number in range(1000):
        meters.take([charge(SHARED, str(number))])
    for _ in range(3):
        clock.now += 3 * SHARED.window
        meters.take([charge(SHARED)])
    assert len(meters) <= 2


# ---- several processes and one Valkey


@asynccontextmanager
async def counters(url: str, count: int = 1) -> AsyncIterator[list[Counter]]:
    made = [Counter(url) for _ in range(count)]
    yield made
    for counter in made:
        await counter.valkey.close()


@pytest.fixture
async def redis(valkey: Valkey) -> AsyncIterator["Redis"]:
    async with Redis.from_url(valkey.url) as client:
        yield client


async def how_many(counter: Counter, limit: Limit, times: int, **more: Any) -> int:
    count = 0
    for _ in range(times):
        try:
            await counter.take([charge(limit, **more)])
        except (Exhausted, MayNotCount):
            continue
        count += 1
    return count


async def _rush(url: str, starts_at: float) -> int:
    """A hundred at once, three times over, as soon as the other process does."""
    async with counters(url) as [counter]:
        await asyncio.sleep(max(starts_at - time.time(), 0))
        return sum(await asyncio.gather(*(how_many(counter, RUSHED, 3) for _ in range(100))))


RUSHED = Limit("rushed", 50, 3600, Counting.EXACT_ELSE_NOT)


def rush(url: str, starts_at: float) -> int:
    return asyncio.run(_rush(url, starts_at))


async def in_processes(work: Callable[..., T], *arguments: Any) -> list[T]:
    """The same work in two fresh processes at the same time."""
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        return await asyncio.gather(*(loop.run_in_executor(pool, work, *arguments) for _ in range(2)))


async def test_two_processes_in_a_rush_let_through_exactly_the_limit_where_it_is_exact(valkey: Valkey) -> None:
    passed = await in_processes(rush, valkey.url, time.time() + 3)
    assert sum(passed) == 50, passed


@dataclass
class Steady:
    """What one process did, by the clock that all of a machine's processes have in common."""

    asked: int = 0
    passed: list[float] = field(default_factory=list)
    shared: list[tuple[float, float]] = field(default_factory=list)
    """When each sharing began and ended."""

    def first_shared_after(self, moment: float) -> float:
        return next((ended for began, ended in self.shared if began > moment), inf)


async def _steadily(url: str, starts_at: float) -> Steady:
    """A hundred a second for four seconds, and on until it was refused."""
    did = Steady()
    async with counters(url) as [counter]:
        share = counter.valkey.share

        async def noted() -> None:
            began = time.monotonic()
            await share()
            did.shared.append((began, time.monotonic()))

        counter.valkey.share = noted  # type: ignore[method-assign]
        async with counter.valkey.sharing():
            await asyncio.sleep(max(starts_at - time.time(), 0))
            began = time.monotonic()
            while did.asked < 400 or did.asked == len(did.passed):
                await asyncio.sleep(max(began + did.asked / 100 - time.monotonic(), 0))
                did.asked += 1
                if await how_many(counter, STEADY, 1):
                    did.passed.append(time.monotonic())
    return did


STEADY = Limit("steady", 200, 3600)


def steadily(url: str, starts_at: float) -> Steady:
    return asyncio.run(_steadily(url, starts_at))


async def test_two_processes_let_through_no_more_than_the_limit_and_what_comes_until_both_have_shared(
    valkey: Valkey,
) -> None:
    """Each tells what it has counted and hears what the other has, a quarter of a second later where nobody is busy."""
    both = await in_processes(steadily, valkey.url, time.time() + 3)
    full = sorted(moment for did in both for moment in did.passed)[200 - 1]
    told = max(did.first_shared_after(full) for did in both)
    for did in both:
        assert len(did.passed) < did.asked, "it was refused"
        heard = did.first_shared_after(told)
        leaked = (max(did.passed) - min(did.passed)) / STEADY.step
        assert len([moment for moment in did.passed if moment > heard]) <= leaked


async def test_what_one_process_counted_the_other_knows_after_both_have_shared(valkey: Valkey) -> None:
    async with counters(valkey.url, 2) as [one, other]:
        assert await how_many(one, SHARED, 8) == 8
        await one.valkey.share()
        assert await how_many(other, SHARED, 1) == 1
        await other.valkey.share()
        assert await how_many(other, SHARED, 20) == 1


async def test_sharing_makes_one_call_whatever_the_number_of_requests(valkey: Valkey, redis: "Redis") -> None:
    async with counters(valkey.url) as [counter]:
        await counter.valkey.share()
        for number in range(300):
            await counter.take([charge(SHARED, str(number))])
        before = (await redis.info("commandstats")).get("cmdstat_evalsha", {"calls": 0})["calls"]
        await counter.valkey.share()
        stats = await redis.info("commandstats")
        assert (
            stats["cmdstat_evalsha"]["calls"] - before <= 2
        )  # the second only where the script was not loaded yet
        assert await redis.dbsize() == 300


async def test_nothing_stays_in_valkey_once_its_bucket_is_empty(valkey: Valkey, redis: "Redis") -> None:
    async with counters(valkey.url) as [counter]:
        await counter.take([charge(SHARED, units=10), charge(NOT, units=10)])
        await counter.valkey.share()
        assert await redis.dbsize() == 2
        for key in await redis.keys():
            assert 0 < await redis.pttl(key) <= 60_010
        await redis.flushdb()
        brief = Limit("brief", 10, 0.5)
        brief_exact = Limit("brief-exact", 10, 0.5, Counting.EXACT_ELSE_NOT)
        await counter.take([charge(brief, units=10), charge(brief_exact, units=10)])
        await counter.valkey.share()
        async with asyncio.timeout(10):
            while await redis.keys():  # DBSIZE would count what has expired until Valkey sweeps
                await asyncio.sleep(0.05)


async def test_a_clock_of_valkey_that_was_set_back_locks_nobody_out_for_long(
    valkey: Valkey, redis: "Redis"
) -> None:
    hour_ahead = (time.time() + 3600) * 1e6
    for limit in (SHARED, NOT):
        await redis.set(limit.key("somebody"), f"{hour_ahead:.0f}")
    async with counters(valkey.url) as [counter]:
        await counter.take([charge(SHARED)])
        await counter.valkey.share()
        for limit in (SHARED, NOT):
            with pytest.raises(Exhausted) as refused:
                await counter.take([charge(limit)])
            assert refused.value.wait <= limit.window + 2 * limit.step


async def test_who_was_refused_exactly_is_refused_again_without_asking_valkey(
    valkey: Valkey, redis: "Redis"
) -> None:
    async with counters(valkey.url, 2) as [one, other]:
        assert await how_many(one, NOT, 12) == 10
        assert await how_many(other, NOT, 1) == 0
        before = (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"]
        assert await how_many(other, NOT, 100) == 0
        assert (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"] == before


async def test_what_an_exact_limit_refuses_is_counted_nowhere(valkey: Valkey) -> None:
    async with counters(valkey.url, 2) as [one, other]:
        assert await how_many(one, NOT, 10) == 10
        with pytest.raises(Exhausted):
            await other.take([charge(SHARED), charge(ALONE), charge(NOT)])
        assert other.meters.standing(SHARED, SHARED.key("somebody")).left == 10
        assert (await other.take([charge(ALONE)])).left == 9


# ---- without Valkey


async def test_without_valkey_each_process_counts_alone_and_together_again_when_it_is_back(
    valkey: Valkey,
) -> None:
    async with counters(valkey.url, 2) as [one, other]:
        valkey.stop()
        assert [await how_many(counter, SHARED, 20) for counter in (one, other)] == [10, 10]
        await one.valkey.share()
        valkey.start()
        await asyncio.sleep(AWAY_SECONDS)
        assert await how_many(one, SHARED, 8, who="else") == 8
        await one.valkey.share()
        assert await how_many(other, SHARED, 1, who="else") == 1
        await asyncio.sleep(AWAY_SECONDS)
        await other.valkey.share()
        assert await how_many(other, SHARED, 20, who="else") == 1


async def test_a_valkey_that_forgot_everything_gives_no_process_its_count_back(valkey: Valkey) -> None:
    async with counters(valkey.url) as [counter]:
        assert await how_many(counter, SHARED, 10) == 10
        assert await how_many(counter, NOT, 10) == 10
        await counter.valkey.share()
        valkey.stop()
        valkey.start()
        await counter.valkey.share()
        assert await how_many(counter, SHARED, 5) == 0
        assert await how_many(counter, NOT, 5) == 0


async def test_exact_limits_without_valkey_are_counted_alone_or_refused_as_each_says(valkey: Valkey) -> None:
    async with counters(valkey.url, 2) as [one, other]:
        assert await how_many(one, ALONE, 4) == 4
        valkey.stop()
        assert await how_many(one, ALONE, 20) == 6
        assert await how_many(other, ALONE, 20) == 10
        with pytest.raises(MayNotCount):
            await one.take([charge(NOT)])
        valkey.start()
        await asyncio.sleep(AWAY_SECONDS)
        assert await how_many(one, NOT, 20) == 10


async def test_a_rush_while_valkey_is_away_does_not_pass_the_process_s_own_count(valkey: Valkey) -> None:
    valkey.stop()
    async with counters(valkey.url) as [counter]:
        passed = await asyncio.gather(*(how_many(counter, ALONE, 1) for _ in range(100)))
        assert sum(passed) == 10


async def test_what_was_counted_alone_is_told_valkey_when_it_is_back(valkey: Valkey) -> None:
    async with counters(valkey.url, 2) as [one, other]:
        valkey.stop()
        with pytest.raises(MayNotCount):
            await one.take([charge(NOT)])
        valkey.start()
        assert await how_many(one, ALONE, 7) == 7  # known to be away for a second still
        await asyncio.sleep(AWAY_SECONDS)
        await one.valkey.share()
        assert await how_many(other, ALONE, 20) == 3


async def test_a_valkey_that_is_stuck_holds_nobody_up_for_long(valkey: Valkey) -> None:
    async with counters(valkey.url) as [counter], counter.valkey.sharing():
        assert await how_many(counter, NOT, 1) == 1
        assert valkey._process
        os.kill(valkey._process.pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            assert await how_many(counter, ALONE, 1) == 1
            waited = time.monotonic() - began
            assert [at_once(how_many(counter, limit, 1)) for limit in (NOT, NOT, SHARED)] == [0, 0, 1]
        finally:
            os.kill(valkey._process.pid, signal.SIGCONT)
        assert waited < 3 * TIMEOUT_SECONDS
        await asyncio.sleep(AWAY_SECONDS + EVERY_SECONDS)
        assert await how_many(counter, NOT, 20) == 9


async def test_going_away_and_coming_back_are_logged_once(
    valkey: Valkey, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    async with counters(valkey.url) as [counter]:
        valkey.stop()
        await how_many(counter, ALONE, 5)
        valkey.start()
        await asyncio.sleep(AWAY_SECONDS)
        await how_many(counter, ALONE, 2)
    lines = [line["event"] for line in log_lines()]
    assert lines == ["valkey is away; this process counts alone", "valkey is back; rates are shared again"]
