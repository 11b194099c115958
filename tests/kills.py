"""Processes that die: cut off after any statement, or by SIGKILL while they stand still in the middle. PostgreSQL only."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import Context
from typing import Any

import asyncpg
import pytest
from tortoise.connection import get_connection

from tests.queueing import until_waiting

Job = Callable[[], Awaitable[Any]]


@contextmanager
def cut_off(monkeypatch: pytest.MonkeyPatch, after: int) -> Iterator[None]:
    """After so many statements the worker is told to end, which it does at once."""
    statements, really = 0, asyncpg.Connection._execute

    async def execute(self: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal statements
        statements += 1
        if statements > after:
            raise asyncio.CancelledError
        return await really(self, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(asyncpg.Connection, "_execute", execute)
        yield


@asynccontextmanager
async def held(table: str, row_id: int) -> AsyncIterator[None]:
    """Somebody holds this row, so that whoever wants it stands still in the middle of what they do."""
    async with get_connection("default")._in_transaction() as holding:
        await holding.execute_query(f"SELECT id FROM {table} WHERE id = $1 FOR UPDATE", [row_id])
        yield


def fork(job: Job) -> int:
    """The job in a process of its own, with connections of its own, and no Python to start for it."""
    if pid := os.fork():
        return pid

    async def work() -> None:
        client: Any = get_connection("default")
        client._pool = None  # what was inherited is the parent's
        await client.create_connection(with_db=True)
        await job()

    try:
        Context().run(asyncio.run, work())  # outside of the parent's transaction
    finally:
        os._exit(1)


async def killed_while_waiting(job: Job) -> None:
    pid = fork(job)
    try:
        await until_waiting(lambda: 1)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


async def nobody_else_is_here() -> None:
    """The dead one's session ends once the server notices."""
    for _ in range(1000):
        found: Any = await get_connection("default").execute_query(
            """SELECT 1 FROM pg_stat_activity
                WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()"""
        )
        if not found[1]:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("a session of the dead one is still there")
