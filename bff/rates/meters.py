"""Counting in this process's memory: no network, some microseconds, never more memory than `MOST_KEYS` take.

A limit is a bucket that leaks evenly: what is counted fills it, and a full one empties in `window` seconds. So of a
bucket only one number is kept, the moment at which it will be empty, and an empty one needs not be kept at all. Unlike
windows that begin anew, it never lets two quantities through around the stroke of a minute.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from math import ceil
from typing import NamedTuple

MOST_KEYS = 100_000
"""Buckets that a process remembers; some 25 MB when strangers fill them all."""


class Counting(Enum):
    """How exactly the processes count together, and what becomes of that while Valkey is away."""

    SHARED = "in each process, shared every quarter of a second; each alone"
    EXACT_ELSE_ALONE = "by Valkey before the act; each process alone"
    EXACT_ELSE_NOT = "by Valkey before the act; refused"


@dataclass(frozen=True, slots=True)
class Limit:
    """So many at once, and after that so many in each window, evenly."""

    name: str
    quantity: float
    window: float
    """Seconds."""
    counting: Counting = Counting.SHARED
    step: float = field(init=False)
    """How long one unit takes to leak away."""
    policy: bytes = field(init=False)
    """As `RateLimit-Policy` says it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "step", self.window / self.quantity)
        text = f'"{self.name}";q={int(self.quantity)};w={ceil(self.window)}'
        object.__setattr__(self, "policy", text.encode())

    def key(self, who: str) -> str:
        """Here and in Valkey."""
        return f"rates:{self.name}:{who}"


class Charge(NamedTuple):
    """What one bucket shall take."""

    limit: Limit
    key: str
    units: float


class Standing(NamedTuple):
    """How full one bucket is: the fullest of those that took something."""

    limit: Limit
    used: float
    """Seconds until it is empty."""

    @property
    def left(self) -> int:
        """Whole units that would still fit."""
        return max(int((self.limit.window - self.used) / self.limit.step + 1e-6), 0)


class Exhausted(Exception):
    """A bucket is too full. Nothing was counted."""

    def __init__(self, limit: Limit, wait: float, *, ever: bool = True) -> None:
        super().__init__(limit.name)
        self.limit = limit
        self.wait = wait
        """Seconds until it would fit."""
        self.ever = ever
        """False: more was asked for at once than the whole bucket holds."""


class Meters:
    """All buckets of one process, the most recently used ones; and what was added that the others don't know yet."""

    def __init__(self, *, most: int = MOST_KEYS, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._half = most // 2
        self._recent: dict[str, float] = {}  # key → when its bucket is empty
        self._earlier: dict[str, float] = {}
        self._turn_at = 0.0
        self._longest = 0.0
        self._added: dict[str, tuple[Limit, float]] = {}

    def take(self, charges: Sequence[Charge]) -> Standing:
        """Counts all of it, or raises Exhausted and counts nothing."""
        standing = self.look(charges)
        self.add(charges)
        return standing

    def look(self, charges: Sequence[Charge]) -> Standing:
        """How it would stand after `take`. Raises Exhausted for what has to wait longest."""
        now = self.clock()
        tightest: Standing | None = None
        fullest: Exhausted | None = None
        fewest = 0.0
        for limit, key, units in charges:
            used = self._used(key, now) + units * limit.step
            if used > limit.window + 1e-9:
                wait = used - limit.window
                if fullest is None or wait > fullest.wait:
                    fullest = Exhausted(limit, wait, ever=units <= limit.quantity)
            left = (limit.window - used) / limit.step
            if tightest is None or left < fewest:
                tightest, fewest = Standing(limit, used), left
        if fullest is not None:
            raise fullest
        assert tightest is not None, "something must be counted"
        return tightest

    def add(self, charges: Sequence[Charge]) -> None:
        """Counts without asking: what has happened already."""
        now = self.clock()
        for limit, key, units in charges:
            seconds = units * limit.step
            self._set(limit, key, now + self._used(key, now) + seconds, now)
            before = self._added.get(key)
            self._added[key] = (limit, seconds if before is None else before[1] + seconds)

    def require_room(self, charge: Charge) -> None:
        """Whether a bucket that is charged afterwards has any room. Raises Exhausted."""
        used = self._used(charge.key, self.clock())
        if used >= charge.limit.window:
            raise Exhausted(charge.limit, used - charge.limit.window + charge.limit.step)

    def standing(self, limit: Limit, key: str) -> Standing:
        return Standing(limit, self._used(key, self.clock()))

    def harvest(self) -> dict[str, tuple[Limit, float]]:
        """What was added since the last harvest, in seconds of each bucket."""
        added, self._added = self._added, {}
        return added

    def learn(self, limit: Limit, key: str, used: float) -> None:
        """All processes together have filled the bucket so far. What was added here meanwhile comes on top, and what
        is known here stays known, should Valkey have forgotten it."""
        now = self.clock()
        meanwhile = self._added.get(key)
        empty_at = now + used + (meanwhile[1] if meanwhile else 0.0)
        if empty_at > now + self._used(key, now):
            self._set(limit, key, empty_at, now)

    def __len__(self) -> int:
        return len(self._recent) + len(self._earlier)

    def _used(self, key: str, now: float) -> float:
        empty_at = self._recent.get(key)
        if empty_at is None:
            empty_at = self._earlier.pop(key, 0.0)
            if empty_at > now:  # being asked for, it stays; else who is refused for long enough would be forgotten
                self._recent[key] = empty_at
        return empty_at - now if empty_at > now else 0.0

    def _set(self, limit: Limit, key: str, empty_at: float, now: float) -> None:
        self._recent[key] = empty_at
        if limit.window > self._longest:
            self._longest = limit.window
        if now >= self._turn_at or len(self._recent) >= self._half:
            self._turn(now)

    def _turn(self, now: float) -> None:
        """Forgets what was not touched since the last turn: by then it is empty, or strangers have crowded it out."""
        self._earlier, self._recent = self._recent, {}
        self._turn_at = now + 2 * self._longest
        if len(self._added) >= self._half:  # nobody harvests; then nobody needs to know
            self._added.clear()
