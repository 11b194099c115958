"""Acts that meet at a lock in a known order, on PostgreSQL: what a race shows once in a thousand times, each time."""

import asyncio
import contextvars
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from tortoise.transactions import in_transaction

from models import database

LONGEST_WAIT_S = 20


async def one_after_another(
    ids: Sequence[int], *acts: Coroutine[Any, Any, Any], table: str = "member"
) -> list[Any]:
    """Holds these rows, members' unless another table is named, until each act, begun in this order, waits for something
    or has ended; then lets them go.

    Gives what they returned or raised. Whatever an act read before it waited is of before the others wrote.
    """
    outside = contextvars.copy_context()  # of the transaction, which the acts must not be part of
    begun: list[asyncio.Task[Any]] = []
    try:
        async with in_transaction():
            await database.rows(
                f"SELECT id FROM {table} WHERE id IN ({database.parameters(len(ids))}) ORDER BY id FOR UPDATE",
                *ids,
            )
            for act in acts:
                begun.append(asyncio.get_running_loop().create_task(act, context=outside.copy()))
                await until_waiting(lambda: sum(not each.done() for each in begun))
    finally:
        ended = await asyncio.gather(
            *begun, return_exceptions=True
        )  # whatever happened, nobody acts in the next test
    return ended


async def until_waiting(how_many: Callable[[], int]) -> None:
    """Until so many sessions of this database wait for a lock. Asked from within a transaction, to which PostgreSQL would
    show the same sessions each time: those that its pool has opened since would never be seen."""
    until = time.monotonic() + LONGEST_WAIT_S
    while True:
        await database.rows("SELECT pg_stat_clear_snapshot()")
        waiting = await database.row(
            """SELECT count(DISTINCT pid) AS sessions FROM pg_locks JOIN pg_stat_activity USING (pid)
                WHERE NOT granted AND datname = current_database() AND backend_type = 'client backend'"""
        )
        assert waiting is not None
        if waiting["sessions"] >= how_many():
            return
        assert time.monotonic() < until, "an act neither waited nor ended"
        await asyncio.sleep(0.01)
