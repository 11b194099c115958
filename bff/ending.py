"""Ending a task of our own for certain."""

import asyncio
from typing import Any

CANCEL_AGAIN_SECONDS = 0.5


async def ended(task: asyncio.Task[Any]) -> None:
    """Cancels until it heard. redis-py waits with asyncio.wait_for, which in Python 3.11 loses a cancellation that
    meets the end of what it waits for; after one call to cancel() whoever waits for the task might wait for ever."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=CANCEL_AGAIN_SECONDS)
