"""A store of `plans.keeping` in this process, for what a test must see happen in one order."""

import secrets
import time
from collections.abc import Awaitable, Callable


class Shelf:
    """A store in this process, which two keepers share as two processes share Valkey."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.kept: dict[str, tuple[bytes, float]] = {}
        self.name: str | None = None
        self.away = False
        self.reading: Callable[[], Awaitable[None]] | None = None
        """What happens between the store's answer and its arrival here."""

    async def get(self, key: str) -> tuple[bytes, float] | None:
        value, until = self.kept.get(key, (b"", 0.0))
        return None if self.away or until <= self.clock() else (value, until - self.clock())

    async def put(self, key: str, value: bytes, seconds: float) -> None:
        if not self.away:
            self.kept[key] = value, self.clock() + seconds

    async def generation(self) -> str | None:
        if self.away:
            return None
        name = self.name = self.name or secrets.token_hex(8)
        if self.reading:
            await self.reading()
        return name

    async def next_generation(self, name: str) -> bool:
        if not self.away:
            self.name = name
        return not self.away

    def lose_everything(self) -> None:
        self.kept.clear()
        self.name = None
