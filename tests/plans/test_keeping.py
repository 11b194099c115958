"""Things kept for a while: made once, never too old, never from before a `forget`."""

import asyncio
import gc
import tracemalloc
from typing import Any

import orjson
import pytest

from plans import keeping
from plans.keeping import LONGEST_HERE, WEIGHT_OF_ANY, Keeper
from tests.plans.shelf import Shelf


class Street:
    """Processes that share a store, on one clock; and what they make, which is numbered."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.shelf = Shelf(self.clock)
        self.made = 0
        self.truth: Any = "old"

    def clock(self) -> float:
        return self.now

    async def opened(self) -> "Process":
        process = Process(self, Keeper(self.shelf, clock=self.clock))
        await process.keeper.listen()
        return process


class Process:
    def __init__(self, street: Street, keeper: Keeper) -> None:
        self.street = street
        self.keeper = keeper

    async def asks(self, key: str = "thing", *, seconds: float = 30.0) -> Any:
        return await self.keeper.get(key, seconds, self.make, dump=orjson.dumps, load=orjson.loads)

    async def make(self) -> Any:
        self.street.made += 1
        return self.street.truth

    def slowly(self) -> "Slow":
        return Slow(self)


class Slow:
    """A making that has read the truth and is not done before it may end."""

    def __init__(self, process: Process) -> None:
        self.begun, self.may_end = asyncio.Event(), asyncio.Event()
        self.times = 0
        self._process = process

    async def make(self) -> Any:
        self.times += 1
        truth = self._process.street.truth
        self.begun.set()
        await self.may_end.wait()
        return truth

    def asked(self, key: str = "thing") -> asyncio.Task[Any]:
        keeper = self._process.keeper
        return asyncio.ensure_future(keeper.get(key, 30, self.make, dump=orjson.dumps, load=orjson.loads))


@pytest.fixture
def street() -> Street:
    return Street()


# One makes it, everybody gets it


async def test_a_hundred_who_ask_at_once_have_it_made_once(street: Street) -> None:
    slow = (await street.opened()).slowly()
    asking = [slow.asked() for _ in range(100)]
    await slow.begun.wait()
    slow.may_end.set()
    assert await asyncio.gather(*asking) == ["old"] * 100
    assert slow.times == 1


async def test_other_names_do_not_wait_for_it(street: Street) -> None:
    process = await street.opened()
    slow = process.slowly()
    waiting = slow.asked("slow")
    await slow.begun.wait()
    assert await process.asks("quick") == "old"
    assert not waiting.done()
    slow.may_end.set()
    await waiting


async def test_what_could_not_be_made_is_told_to_all_who_wait_and_tried_again_by_the_next(street: Street) -> None:
    process = await street.opened()
    tried = 0

    async def fail() -> str:
        nonlocal tried
        tried += 1
        await asyncio.sleep(0)
        raise LookupError("no such venue")

    asking = [process.keeper.get("thing", 30, fail, dump=orjson.dumps, load=orjson.loads) for _ in range(100)]
    told = await asyncio.gather(*asking, return_exceptions=True)
    assert {type(each) for each in told} == {LookupError}
    assert tried == 1
    assert process.keeper.at_hand("thing") is None
    assert street.shelf.kept == {}
    assert await process.asks() == "old"


async def test_who_gives_up_waiting_takes_nothing_from_the_others(street: Street) -> None:
    slow = (await street.opened()).slowly()
    first, second = slow.asked(), slow.asked()
    await slow.begun.wait()
    first.cancel()
    await asyncio.sleep(0)
    assert first.cancelled()
    third = slow.asked()
    slow.may_end.set()
    assert [await second, await third] == ["old", "old"]
    assert slow.times == 1


async def test_it_is_made_and_kept_though_all_who_waited_have_gone(street: Street) -> None:
    process = await street.opened()
    slow = process.slowly()
    only = slow.asked()
    await slow.begun.wait()
    only.cancel()
    slow.may_end.set()
    async with asyncio.timeout(5):
        while process.keeper.at_hand("thing") is None:
            await asyncio.sleep(0)
    assert await process.asks() == "old"
    assert street.made == 0


@pytest.mark.parametrize("turns", [0, 1, 5])
async def test_a_failure_for_which_nobody_waits_any_more_is_no_complaint(street: Street, turns: int) -> None:
    """However long before it the last one has gone."""
    process = await street.opened()
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: complaints.append(told))
    may_end = asyncio.Event()

    async def fail() -> str:
        await may_end.wait()
        raise LookupError

    only = asyncio.ensure_future(process.keeper.get("thing", 30, fail, dump=orjson.dumps, load=orjson.loads))
    await asyncio.sleep(0)
    only.cancel()
    for _ in range(turns):
        await asyncio.sleep(0)
    may_end.set()
    for _ in range(5):
        await asyncio.sleep(0)
    assert only.cancelled()
    del only  # which remembers where it was, and so what it waited for
    gc.collect()
    asyncio.get_running_loop().set_exception_handler(None)
    assert complaints == []


# Never too old


async def test_a_thing_serves_for_its_seconds_and_no_longer(street: Street) -> None:
    process = await street.opened()
    await process.asks(seconds=30)
    street.truth = "new"
    street.now += 29.9
    assert await process.asks(seconds=30) == "old"
    street.now += 0.1
    assert await process.asks(seconds=30) == "new"


async def test_what_another_process_made_is_not_older_for_it(street: Street) -> None:
    first, second = await street.opened(), await street.opened()
    await first.asks(seconds=30)
    street.truth = "new"
    street.now += 20
    assert await second.asks(seconds=30) == "old"
    street.now += 10
    assert await second.asks(seconds=30) == "new"
    assert street.made == 2


async def test_a_process_looks_into_the_store_again_after_a_minute(street: Street) -> None:
    process = await street.opened()
    await process.asks(seconds=3600)
    street.now += LONGEST_HERE
    assert process.keeper.at_hand("thing") is None
    assert await process.asks(seconds=3600) == "old"
    assert street.made == 1


@pytest.mark.parametrize("nothing", [None, False, 0, "", []], ids=repr)
async def test_nothing_is_a_thing_like_any_other(street: Street, nothing: Any) -> None:
    first, second = await street.opened(), await street.opened()
    street.truth = nothing
    assert [await first.asks(), await first.asks(), await second.asks()] == [nothing] * 3
    assert street.made == 1


# Forgetting


async def test_what_was_forgotten_is_made_anew_here_at_once(street: Street) -> None:
    process = await street.opened()
    await process.asks()
    street.truth = "new"
    assert await process.keeper.forget()
    assert process.keeper.at_hand("thing") is None
    assert await process.asks() == "new"


async def test_others_hear_of_it_when_they_listen(street: Street) -> None:
    first, second = await street.opened(), await street.opened()
    await second.asks()
    street.truth = "new"
    await first.keeper.forget()
    assert await second.asks() == "old"
    await second.keeper.listen()
    assert await second.asks() == "new"


async def test_who_watches_hears_of_it_soon(street: Street) -> None:
    first, second = await street.opened(), await street.opened()
    watching = asyncio.ensure_future(second.keeper.watch(0.01))
    await second.asks()
    street.truth = "new"
    await first.keeper.forget()
    async with asyncio.timeout(5):
        while await second.asks() == "old":
            await asyncio.sleep(0.01)
    watching.cancel()


async def test_a_bug_in_listening_does_not_end_the_watching(street: Street) -> None:
    process = await street.opened()
    failed = 0

    async def fail() -> None:
        nonlocal failed
        failed += 1
        if failed < 3:
            raise ZeroDivisionError

    street.shelf.reading = fail
    watching = asyncio.ensure_future(process.keeper.watch(0.001))
    async with asyncio.timeout(5):
        while failed < 5:
            await asyncio.sleep(0.001)
    watching.cancel()


async def test_listening_in_vain_loses_nothing(street: Street) -> None:
    process = await street.opened()
    await process.asks()
    street.truth = "new"
    await process.keeper.listen()
    assert await process.asks() == "old"


async def test_old_news_of_a_slow_maker_does_not_get_past_a_forget(street: Street) -> None:
    process, other = await street.opened(), await street.opened()
    slow = process.slowly()
    waiting = slow.asked()
    await slow.begun.wait()
    street.truth = "new"
    await process.keeper.forget()
    await other.keeper.listen()
    async with asyncio.timeout(5):  # nobody waits for the old one
        assert await process.asks() == "new"
    slow.may_end.set()
    assert await waiting == "old"  # it was asked before
    assert await process.asks() == "new"
    assert await other.asks() == "new"
    assert street.made == 1


async def test_old_news_made_by_one_who_has_not_heard_yet_reaches_nobody_else(street: Street) -> None:
    deaf, other = await street.opened(), await street.opened()
    street.truth = "older"
    await deaf.asks()
    street.truth = "new"
    await other.keeper.forget()
    assert await deaf.asks("another thing") == "new"
    assert await other.asks() == "new"
    await deaf.keeper.listen()
    assert await deaf.asks() == "new"


async def test_an_answer_of_the_store_from_before_a_forget_is_not_heard_after_it(street: Street) -> None:
    process = await street.opened()
    await process.asks()
    street.truth = "new"
    arrives, underway = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        underway.set()
        await arrives.wait()

    street.shelf.reading = wait
    listening = asyncio.ensure_future(process.keeper.listen())
    await underway.wait()
    forgetting = asyncio.ensure_future(process.keeper.forget())
    await asyncio.sleep(0)
    arrives.set()
    await asyncio.gather(listening, forgetting)
    assert await process.asks() == "new"


async def test_two_who_forget_at_once_both_end_what_was(street: Street) -> None:
    first, second = await street.opened(), await street.opened()
    await first.asks()
    await second.asks()
    street.truth = "new"
    await asyncio.gather(first.keeper.forget(), second.keeper.forget())
    assert [await first.asks(), await second.asks()] == ["new", "new"]


# Without the store, or with one that has lost its memory


async def test_who_has_not_heard_yet_shares_nothing(street: Street) -> None:
    heard = await street.opened()
    await heard.asks()
    deaf = Process(street, Keeper(street.shelf, clock=street.clock))
    before = dict(street.shelf.kept)
    street.truth = "its own"
    assert [await deaf.asks(), await deaf.asks("other")] == ["its own", "its own"]
    assert street.shelf.kept == before
    await deaf.keeper.listen()
    assert await deaf.asks() == "old"


async def test_a_keeper_without_a_store_keeps_for_itself(street: Street) -> None:
    process = Process(street, Keeper(clock=street.clock))
    await process.keeper.listen()
    assert [await process.asks(), await process.asks()] == ["old", "old"]
    assert street.made == 1
    street.truth = "new"
    assert await process.keeper.forget()
    assert await process.asks() == "new"


async def test_while_the_store_is_away_each_keeps_for_itself(street: Street) -> None:
    first, second = await street.opened(), await street.opened()
    street.shelf.away = True
    assert [await each.asks() for each in (first, first, second, second)] == ["old"] * 4
    assert street.made == 2


async def test_what_was_forgotten_while_the_store_was_away_is_told_to_it_later(street: Street) -> None:
    first, second = await street.opened(), await street.opened()
    await second.asks(seconds=3600)
    street.shelf.away = True
    street.truth = "new"
    assert not await first.keeper.forget()
    assert await first.asks() == "new"
    await first.keeper.listen()
    street.shelf.away = False
    await first.keeper.listen()
    await second.keeper.listen()
    assert [await first.asks(), await second.asks()] == ["new", "new"]


async def test_what_is_told_late_does_not_bring_back_what_others_forgot_meanwhile(street: Street) -> None:
    first, second = await street.opened(), await street.opened()
    street.shelf.away = True
    await first.keeper.forget()
    await first.asks()
    street.truth = "new"
    street.shelf.away = False
    await second.keeper.forget()
    await first.keeper.listen()
    assert await first.asks() == "new"


async def test_a_store_that_lost_its_memory_does_not_come_back_to_a_generation_that_was(street: Street) -> None:
    first, deaf = await street.opened(), await street.opened()
    slow = deaf.slowly()
    waiting = slow.asked()
    await slow.begun.wait()
    street.truth = "new"
    for _ in range(3):
        street.shelf.lose_everything()
        await first.keeper.listen()
        await first.keeper.forget()
    slow.may_end.set()
    await waiting  # what it made is in the store now, under the name of long ago
    assert len(street.shelf.kept) == 1
    assert await first.asks() == "new"
    await deaf.keeper.listen()
    assert await deaf.asks() == "new"


async def test_what_the_store_keeps_and_nobody_can_read_is_made_again(street: Street) -> None:
    first, second = await street.opened(), await street.opened()
    await first.asks()
    (key,) = street.shelf.kept
    street.shelf.kept[key] = b"{", street.now + 30
    assert await second.asks() == "old"
    assert street.made == 2


# How much


async def test_the_longest_unused_goes_first_when_it_is_too_much(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "WEIGHT_KEPT", 10 * (WEIGHT_OF_ANY + 103))
    process = await street.opened()
    street.truth = "x" * 100
    for number in range(8):
        await process.asks(str(number))
    assert process.keeper.at_hand("0") is not None  # used again
    for number in range(8, 12):
        await process.asks(str(number))
    there = [number for number in range(12) if process.keeper.at_hand(str(number)) is not None]
    assert len(there) == 9
    assert 0 in there
    assert 1 not in there
    assert there[1:] == list(range(12))[-8:]


async def test_what_has_ended_takes_no_room_though_nobody_asks_for_it_again(street: Street) -> None:
    process = await street.opened()
    for number in range(100):
        await process.asks(str(number), seconds=number + 1)
    await process.asks("0", seconds=1)
    street.now += LONGEST_HERE - 0.5
    await process.asks("another", seconds=30)
    assert {*process.keeper._kept} == {*map(str, range(59, 100)), "another"}
    assert process.keeper._weight == sum(kept.weight for kept in process.keeper._kept.values())
    street.now += 1
    await process.asks("another", seconds=30)
    await process.asks("one more", seconds=30)
    assert {*process.keeper._kept} == {"another", "one more"}


async def test_what_was_made_again_does_not_end_with_the_first_one(street: Street) -> None:
    process = await street.opened()
    await process.asks(seconds=10)
    street.now += 10
    await process.asks(seconds=10)
    street.now += 1
    await process.asks("another", seconds=10)
    assert process.keeper.at_hand("thing") == "old"


async def test_long_names_do_not_stay_when_their_things_have_gone(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Strangers' variables are in them, and a name of this kind takes four bytes a character."""
    monkeypatch.setattr(keeping, "WEIGHT_KEPT", 1_000_000)
    process = await street.opened()
    tracemalloc.start()
    try:
        for number in range(200):
            assert await process.asks(f"{number} {'😀' * 20_000}") == "old"
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 2_000_000
    street.truth = "new"
    assert await process.asks(f"199 {'😀' * 20_000}") == "old"
    assert process.keeper.at_hand(f"199 {'😀' * 20_000}") == "old"
    assert await process.asks(f"199 {'😀' * 20_001}") == "new"


async def test_many_small_things_weigh_more_than_their_bytes(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "WEIGHT_KEPT", 100 * WEIGHT_OF_ANY)
    process = await street.opened()
    street.truth = 1
    for number in range(200):
        await process.asks(str(number))
    there = [number for number in range(200) if process.keeper.at_hand(str(number)) is not None]
    assert 90 < len(there) < 100


async def test_what_takes_more_in_memory_than_dumped_weighs_more(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "WEIGHT_KEPT", 100_000)
    first, second = await street.opened(), await street.opened()
    street.truth = "x" * 1000
    for process in (first, second):  # made, and loaded
        for number in range(30):
            await process.keeper.get(
                str(number), 30, process.make, dump=orjson.dumps, load=orjson.loads, weighs=9.5
            )
        there = [number for number in range(30) if process.keeper.at_hand(str(number)) is not None]
        assert there == list(range(21, 30))


async def test_one_huge_thing_does_not_drive_out_the_others(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "WEIGHT_KEPT", 10_000)
    process = await street.opened()
    await process.asks("small")
    street.truth = "x" * 5_000
    assert await process.asks("huge") == street.truth
    assert process.keeper.at_hand("huge") is None
    assert process.keeper.at_hand("small") == "old"
