"""A time-out that costs nothing when there is nothing to wait for.

Most often a request's body has come together with its head. `asyncio.timeout` would set a timer and take it back on
every request; here a coroutine first runs as far as it gets by itself.
"""

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")


async def patiently(coroutine: Coroutine[Any, Any, T], seconds: float) -> T:
    """What it returns. Raises TimeoutError when it has to wait for longer than that."""
    steps: Generator[Any, Any, T] = coroutine.__await__()
    try:
        awaited = next(steps)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    async with asyncio.timeout(seconds):
        rest: T = await _TheRest(steps, awaited)
    return rest


class _TheRest:
    """Of a coroutine that has begun: `awaited` is what it is waiting for."""

    def __init__(self, steps: Generator[Any, Any, T], awaited: Any) -> None:
        self._steps = steps
        self._awaited = awaited

    def __await__(self) -> Generator[Any, Any, Any]:
        awaited = self._awaited
        while True:
            failure: BaseException | None = None
            try:
                yield awaited
            except BaseException as error:
                failure = error
            try:
                awaited = self._steps.throw(failure) if failure else next(self._steps)
            except StopIteration as done:
                return done.value
