"""Things that cost work to make and may serve for a while: kept in this process, and in a store that processes share.

    rows = await keeper.get("timetable:ven_…:2026-11-25", 30, make, dump=orjson.dumps, load=orjson.loads)

Whoever asks while the thing is being made waits for the one who makes it (single flight). A *generation* names what
was true when: `forget` begins the next one, in every process that shares the store, and what was kept before is never
given again. The making belongs to the generation in which it began, so that a slow maker cannot pass old news into a
new one. Generations have names by chance, so a store that lost its data cannot come back to one that has been. A store
that is away costs sharing, never an answer.
"""

import asyncio
import heapq
import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

LONGEST_HERE = 60.0
"""Seconds that a process keeps a thing by itself: for so long it may miss a `forget` while the store is away."""
WEIGHT_KEPT = 64 * 1024 * 1024
"""Of what one process keeps, in bytes; the longest unused go first."""
WEIGHT_OF_ANY = 512
"""What keeping costs besides the thing itself, so that a great many small ones are not nothing."""

LONGEST_NAME = 400
"""Characters; longer ones are known by a hash. Strangers' variables are in them, and a name stays in the heap of ends
when its thing has long gone."""

log = logging.getLogger("plans.keeping")


class Store(Protocol):
    """Shared between processes. None of these raises: a store that is away knows nothing."""

    async def get(self, key: str) -> tuple[bytes, float] | None:
        """What is there, and for how many seconds more."""

    async def put(self, key: str, value: bytes, seconds: float) -> None: ...

    async def generation(self) -> str | None:
        """The name of the present generation, which begins when there is none; None when the store is away."""

    async def next_generation(self, name: str) -> bool:
        """Begins it; False when the store is away."""


@dataclass(frozen=True, slots=True)
class _Kept:
    value: Any
    until: float
    weight: int


class Keeper:
    """One process's share. It shares nothing before it has heard of the store's generation: `listen` once before
    anybody asks, and let `watch` run beside it, so that it hears of what others forget."""

    def __init__(self, store: Store | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._generation = new_name()
        self._heard = False
        """Whether the generation is the store's."""
        self._untold = False
        """Whether something was forgotten here of which the store does not know."""
        self._one_at_a_time = asyncio.Lock()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._ends: list[tuple[float, str]] = []  # a heap, in which a name may stand more than once
        self._weight = 0
        self._making: dict[str, asyncio.Future[Any]] = {}

    async def get(
        self,
        key: str,
        seconds: float,
        make: Callable[[], Awaitable[T]],
        *,
        dump: Callable[[T], bytes],
        load: Callable[[bytes], T],
        weighs: float = 1.0,
    ) -> T:
        """The thing of this name, at most `seconds` old. Raises whatever `make` raises, to everybody who waits.

        `weighs`: how many times as much as its dumped form the thing takes in memory.
        """
        key = _short(key)
        kept = self._fresh(key)
        if kept is not None:
            value: T = kept.value
            return value
        making = self._making  # this generation's
        flight = making.get(key)
        if flight is None:
            flight = making[key] = asyncio.ensure_future(self._made(key, seconds, make, dump, load, weighs))
            flight.add_done_callback(partial(_landed, making, key))
        made: T = await asyncio.shield(flight)  # who gives up waiting does not take it away from the others
        return made

    def at_hand(self, key: str) -> Any | None:
        """What this process keeps under the name, without asking anybody. None also when it keeps a None."""
        kept = self._fresh(_short(key))
        return None if kept is None else kept.value

    async def forget(self) -> bool:
        """Nothing that was kept until now is given again: here at once, elsewhere as soon as `watch` hears of it.
        False when the store is away: it is told later, by `listen`."""
        async with self._one_at_a_time:
            self._begin(new_name(), heard=False)
            self._untold = self._store is not None
            return await self._told()

    async def listen(self) -> None:
        """Hears from the store which generation it is, and tells it what it missed."""
        async with self._one_at_a_time:  # else an answer from before a `forget` could be heard after it
            if self._store is None or not await self._told():
                return
            name = await self._store.generation()
            if name is not None and not (self._heard and name == self._generation):
                self._begin(name, heard=True)

    async def watch(self, every_seconds: float = 1.0) -> None:
        """Listens until it is cancelled."""
        while True:
            await asyncio.sleep(every_seconds)
            try:
                await self.listen()
            except Exception:  # a bug must not make this process deaf
                log.exception("listening for what others forget")

    async def _told(self) -> bool:
        """Whether the store knows of everything that was forgotten here. What is told late begins once more: others
        may have forgotten things of their own meanwhile."""
        if self._untold and self._store is not None:
            name = new_name()
            if await self._store.next_generation(name):
                self._begin(name, heard=True)
                self._untold = False
        return not self._untold

    async def _made(
        self,
        key: str,
        seconds: float,
        make: Callable[[], Awaitable[T]],
        dump: Callable[[T], bytes],
        load: Callable[[bytes], T],
        weighs: float,
    ) -> T:
        generation = self._generation
        store = self._store if self._heard else None
        shared_key = f"{generation}:{key}"
        if store is not None and (shared := await store.get(shared_key)) is not None:
            text, left = shared
            try:
                value = load(text)
            except Exception:
                log.exception("what the store keeps could not be read; it is made again")
            else:
                self._keep(generation, key, value, min(left, seconds), len(text) * weighs)
                return value
        value = await make()
        text = dump(value)
        self._keep(generation, key, value, seconds, len(text) * weighs)
        if store is not None:
            await store.put(shared_key, text, seconds)
        return value

    def _fresh(self, key: str) -> _Kept | None:
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept.until <= self._clock():
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return kept

    def _keep(self, generation: str, key: str, value: Any, seconds: float, size: float) -> None:
        weight = int(size) + len(key) + WEIGHT_OF_ANY
        if generation != self._generation or weight > WEIGHT_KEPT // 8:
            return
        now = self._clock()
        self._drop(key)
        kept = self._kept[key] = _Kept(value, now + min(seconds, LONGEST_HERE), weight)
        self._weight += weight
        heapq.heappush(self._ends, (kept.until, key))
        self._clear_away(now)

    def _clear_away(self, now: float) -> None:
        """What has ended, asked for again or not, and then what is too much."""
        while self._ends and self._ends[0][0] <= now:
            until, key = heapq.heappop(self._ends)
            kept = self._kept.get(key)
            if kept is not None and kept.until <= until:
                self._drop(key)
        while self._weight > WEIGHT_KEPT:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: str) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._weight -= kept.weight

    def _begin(self, generation: str, *, heard: bool) -> None:
        """What is being made goes on for those who wait for it, and is not kept."""
        self._generation, self._heard = generation, heard
        self._kept.clear()
        self._ends.clear()
        self._weight = 0
        self._making = {}


def _landed(making: dict[str, asyncio.Future[Any]], key: str, flight: asyncio.Future[Any]) -> None:
    making.pop(key, None)
    if not flight.cancelled():
        flight.exception()  # looked at, else asyncio complains of it when all who waited have gone


def _short(key: str) -> str:
    return key if len(key) <= LONGEST_NAME else blake2b(key.encode(), digest_size=24).hexdigest()


def new_name() -> str:
    """Of a generation: no other has ever had it."""
    return secrets.token_hex(8)
