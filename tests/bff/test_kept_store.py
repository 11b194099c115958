"""What processes keep together in Valkey, and what is left of it while Valkey is away."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from bff import kept_store
from bff.kept_store import AWAY_SECONDS, LONGEST_KEY, PREFIX, TIMEOUT_SECONDS, KeptStore, forget_everywhere
from plans.keeping import Keeper
from tests.bff.conftest import Valkey, at_once

LogLines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
async def two(valkey: Valkey) -> AsyncIterator[tuple[KeptStore, KeptStore]]:
    """As two processes have it."""
    stores = KeptStore(valkey.url), KeptStore(valkey.url)
    yield stores
    for store in stores:
        await store.close()


@pytest.fixture
async def redis(valkey: Valkey) -> AsyncIterator[Redis]:
    client = Redis.from_url(valkey.url)
    yield client
    await client.aclose()


class Clock:
    """By which a store knows for how long Valkey is away and what it has lent; Valkey itself has a clock of its own."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_what_one_process_put_another_gets_with_the_time_it_has_left(
    two: tuple[KeptStore, KeptStore],
) -> None:
    first, second = two
    assert await second.get("name") is None
    await first.put("name", "场馆\0".encode(), 30)
    value, left = await second.get("name") or (b"", 0)
    assert value == "场馆\0".encode()
    assert 29 < left <= 30


async def test_a_thing_ends_with_its_life(two: tuple[KeptStore, KeptStore]) -> None:
    first, second = two
    await first.put("name", b"1", 0.05)
    await asyncio.sleep(0.1)
    assert await second.get("name") is None
    await first.put("name", b"1", 0)
    assert await second.get("name") is None


async def test_every_key_but_the_generation_ends_by_itself(two: tuple[KeptStore, KeptStore], redis: Redis) -> None:
    await two[0].generation()
    await two[0].put("name", b"1", 30)
    left = {key.decode(): await redis.pttl(key) for key in await redis.keys()}
    assert left.pop(kept_store.GENERATION) == -1
    ((name, milliseconds),) = left.items()
    assert name.startswith(PREFIX)
    assert 29_000 < milliseconds <= 30_000


async def test_a_name_of_any_length_is_a_short_key(two: tuple[KeptStore, KeptStore], redis: Redis) -> None:
    first, second = two
    long = "页" * 100_000
    await first.put(long + "1", b"1", 30)
    await first.put(long + "2", b"2", 30)
    assert [(await second.get(long + end) or (b"",))[0] for end in "123"] == [b"1", b"2", b""]
    assert max(len(key) for key in await redis.keys()) <= LONGEST_KEY


async def test_all_processes_hear_of_one_generation(two: tuple[KeptStore, KeptStore]) -> None:
    names = set(await asyncio.gather(*(store.generation() for store in two * 5)))
    assert len(names) == 1
    assert await two[0].next_generation("the next")
    assert await two[1].generation() == "the next"


async def test_another_version_of_the_code_has_names_of_its_own_and_the_same_generation(
    two: tuple[KeptStore, KeptStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = two
    await first.put("name", b"1", 30)
    generation = await first.generation()
    monkeypatch.setattr(kept_store, "version", lambda: "another")
    assert await second.get("name") is None
    assert await second.generation() == generation


def test_the_version_is_that_of_the_code_which_makes_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    assert kept_store.version() == kept_store.version.__wrapped__()
    for package in kept_store.WHAT_MAKES_IT:
        less = tuple(each for each in kept_store.WHAT_MAKES_IT if each != package)
        monkeypatch.setattr(kept_store, "WHAT_MAKES_IT", less)
        assert kept_store.version.__wrapped__() != kept_store.version()
        monkeypatch.undo()


async def test_one_process_cannot_fill_valkey(valkey: Valkey, redis: Redis) -> None:
    store = KeptStore(valkey.url, most_bytes=1000)
    try:
        for number in range(20):
            await store.put(f"long-lived {number}", bytes(100), 30)
        assert len(await redis.keys()) == 10
        assert await store.get("long-lived 9") is not None
        assert await store.get("long-lived 10") is None
    finally:
        await store.close()


async def test_what_has_ended_makes_room(valkey: Valkey) -> None:
    clock = Clock()
    store = KeptStore(valkey.url, most_bytes=100, clock=clock)
    try:
        await store.put("first", bytes(100), 30)
        clock.now += 29.9
        await store.put("too early", bytes(100), 30)
        clock.now += 0.1
        await store.put("second", bytes(100), 30)
        assert await store.get("too early") is None
        assert await store.get("second") is not None
    finally:
        await store.close()


async def test_without_valkey_nothing_is_known_and_it_is_said_once(valkey: Valkey, log_lines: LogLines) -> None:
    clock = Clock()
    store = KeptStore(valkey.url, clock=clock)
    await store.put("name", b"1", 30)
    valkey.stop()
    for _ in range(200):
        assert await store.get("name") is None
        await store.put("name", b"2", 30)
        assert await store.generation() is None
        assert not await store.next_generation("lost")
    valkey.start()
    assert await store.generation() is None, "it is not asked again that soon"
    clock.now += AWAY_SECONDS
    assert await store.get("name") is None
    await store.put("name", b"3", 30)
    assert (await store.get("name") or (b"",))[0] == b"3"
    assert [line["event"] for line in log_lines()] == [
        "valkey is away; this process keeps things alone",
        "valkey is back; what is kept is shared again",
    ]
    await store.close()


async def test_a_valkey_that_hangs_costs_a_quarter_of_a_second_once(settings: object) -> None:
    """The least of five, since a machine has its moments."""
    held: list[asyncio.StreamWriter] = []

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    took: list[float] = []
    while len(took) < 5 and min(took, default=1.0) >= TIMEOUT_SECONDS * 3:
        store = KeptStore(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0", clock=Clock())
        started = time.monotonic()
        assert await store.get("name") is None
        took.append(time.monotonic() - started)
        for _ in range(100):
            assert at_once(store.get("name")) is None
        await store.close()
    assert TIMEOUT_SECONDS * 0.9 < min(took) < TIMEOUT_SECONDS * 3
    for writer in held:
        writer.close()
    server.close()


async def test_a_process_that_keeps_nothing_makes_the_others_forget(valkey: Valkey) -> None:
    store = KeptStore(valkey.url)
    keeper = Keeper(store)
    made = 0

    async def make() -> int:
        nonlocal made
        made += 1
        return made

    async def asked() -> int:
        return await keeper.get("name", 30, make, dump=lambda value: b"%d" % value, load=int)

    try:
        await keeper.listen()
        assert [await asked(), await asked()] == [1, 1]
        assert await forget_everywhere(valkey.url)
        await keeper.listen()
        assert await asked() == 2
        valkey.stop()
        assert not await forget_everywhere(valkey.url)
        assert await asked() == 2
    finally:
        await store.close()
