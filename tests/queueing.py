"""Acts that meet at a lock in a known order, on PostgreSQL: what a race shows once in a thousand times, each time."""

import asyncio
import contextvars
from collections.abc import Coroutine, Sequence
from typing import Any

from tortoise.transactions import in_transaction

from models import database

LONGEST_WAIT = 200  # of 10 ms


async def one_after_another(
    ids: Sequence[int], *acts: Coroutine[Any, Any, Any], table: str = "member"
) -> list[Any]:
    """Holds these rows, members' unless another table is named, until each act, begun in this order, waits for something
    or has ended; then lets them go.

    Gives what they returned or raised. Whatever an act read before it waited is of before the others wrote.
    """
    outside = contextvars.copy_context()  # of the transaction, which the acts must not be part of
    begun: list[asyncio.Task[Any]] = []
    await asyncio.gather(
        *(database.row("SELECT pg_sleep(0.01)") for _ in range(len(acts) + 2))
    )  # opens connections
    async with in_transaction():
        await database.rows(
            f"SELECT id FROM {table} WHERE id IN ({database.parameters(len(ids))}) ORDER BY id FOR UPDATE", *ids
        )
        for act in acts:
            begun.append(asyncio.get_running_loop().create_task(act, context=outside.copy()))
            await _until_all_wait(begun)
    return await asyncio.gather(*begun, return_exceptions=True)


async def _until_all_wait(begun: Sequence[asyncio.Task[Any]]) -> None:
    for _ in range(LONGEST_WAIT):
        waiting = await database.row(
            """SELECT count(DISTINCT pid) AS acts FROM pg_locks
                WHERE NOT granted AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())"""
        )
        assert waiting is not None
        if waiting["acts"] >= sum(not each.done() for each in begun):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("an act neither waited nor ended")
