"""Work that many ask for at the same moment, done together: one statement for all who wait instead of one for each.

Nothing waits for company: whoever comes first is served at once, and who comes meanwhile goes together after that.
"""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")

MOST = 250


def on_its_own(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """A task that is nobody's: it inherits no transaction, no audit line and no visit of whoever happened to start it."""
    return asyncio.create_task(work, context=contextvars.Context())


class Gathered(Generic[K, V]):
    """Look-ups by key, one after the other, each for everybody who waits by then."""

    def __init__(self, look: Callable[[list[K]], Awaitable[Mapping[K, V]]], *, most: int = MOST) -> None:
        self._look = look
        self._most = most
        self._waiting: dict[K, asyncio.Future[V | None]] = {}
        self._task: asyncio.Task[None] | None = None

    async def get(self, key: K) -> V | None:
        """None for what is not there. Raises what the look-up raised."""
        future = self._waiting.get(key)
        if future is None:
            future = self._waiting[key] = asyncio.get_running_loop().create_future()
            if self._task is None:
                self._task = on_its_own(self._serve())
        return await asyncio.shield(future)  # others may wait for the same

    async def _serve(self) -> None:
        try:
            while self._waiting:
                some = {key: self._waiting.pop(key) for key in [*self._waiting][: self._most]}
                await self._answer(some)
        finally:
            self._task = None
            for future in self._waiting.values():
                future.cancel()
            self._waiting.clear()

    async def _answer(self, some: Mapping[K, asyncio.Future[V | None]]) -> None:
        try:
            found = await self._look(list(some))
        except Exception as error:
            for future in some.values():
                future.set_exception(error)
                future.exception()  # whoever waited may be gone
            return
        except BaseException:
            for future in some.values():
                future.cancel()
            raise
        for key, future in some.items():
            future.set_result(found.get(key))
