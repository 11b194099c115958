"""A time-out without a timer: the coroutine runs as ever, waits as ever, and is cancelled as ever."""

import asyncio
from typing import Any

import pytest

from bff.http.patience import patiently


async def test_what_need_not_wait_is_returned() -> None:
    async def at_once() -> int:
        return 7

    assert await patiently(at_once(), 0.0) == 7


async def test_what_waits_is_returned_when_it_comes_however_often_it_waits() -> None:
    queue: asyncio.Queue[int] = asyncio.Queue()

    async def two() -> int:
        return await queue.get() + await queue.get()

    task = asyncio.create_task(patiently(two(), 5.0))
    for number in (3, 4):
        await asyncio.sleep(0.01)
        queue.put_nowait(number)
    assert await task == 7


async def test_an_exception_comes_out_before_and_after_waiting() -> None:
    async def fails(seconds: float | None) -> None:
        if seconds is not None:
            await asyncio.sleep(seconds)
        raise ValueError("no")

    for seconds in (None, 0.0, 0.01):
        with pytest.raises(ValueError, match="no"):
            await patiently(fails(seconds), 5.0)


async def test_what_takes_too_long_is_cancelled_and_may_tidy_up() -> None:
    told: list[str] = []

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            told.append("cancelled")
            raise
        finally:
            await asyncio.sleep(0)
            told.append("tidied")

    with pytest.raises(TimeoutError):
        await patiently(slow(), 0.01)
    assert told == ["cancelled", "tidied"]


async def test_who_is_cancelled_from_outside_is_cancelled_inside_and_nothing_is_left_over() -> None:
    waiting: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def waits() -> Any:
        return await waiting

    task = asyncio.create_task(patiently(waits(), 60.0))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert waiting.cancelled()


async def test_what_catches_an_error_of_what_it_waits_for_goes_on() -> None:
    async def breaks() -> None:
        await asyncio.sleep(0)
        raise ConnectionError

    async def stubborn() -> str:
        try:
            await asyncio.create_task(breaks())
        except ConnectionError:
            await asyncio.sleep(0)
            return "went on"
        return "nothing happened"

    assert await patiently(stubborn(), 5.0) == "went on"
