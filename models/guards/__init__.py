"""What only SQL can say: checks, partial unique indexes, triggers before books, the places' index.

Run after every migration and harmless the second time, because Tortoise creates none of these, and because its
way of altering a table on SQLite (rebuilding it) silently drops indexes and triggers that it does not know.
"""

from tortoise.connection import get_connection

from models import database
from models.guards import books, checks, indexes
from models.guards.rebuilding import lost_in_rebuilding

NAMES = (*indexes.NAMES, *books.NAMES, *checks.NAMES)
"""Every guard, for the test that asks both databases whether they are really there."""
NAMES_ON_POSTGRES = books.NAMES_ON_POSTGRES
"""And these there."""


async def put_up() -> None:
    connection = get_connection("default")
    if database.on_postgres():
        own = (*books.ON_POSTGRES, *checks.ON_POSTGRES, *indexes.ON_POSTGRES)
    else:
        own = (*books.ON_SQLITE, *checks.ON_SQLITE, *indexes.ON_SQLITE)
        for statement in [text async for text in lost_in_rebuilding()]:
            await connection.execute_query(statement)
    for statement in (*indexes.ON_BOTH, *own):
        await connection.execute_query(statement)
