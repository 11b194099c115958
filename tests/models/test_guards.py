"""The constraints that only SQL can say are really there, on both databases."""

import re

from models import database, guards, migrating
from tests.databases import Database


async def test_every_guard_is_in_the_database(db: Database) -> None:
    if database.on_postgres():
        found = await database.rows(
            """SELECT indexname AS name FROM pg_indexes UNION SELECT conname FROM pg_constraint
               UNION SELECT tgname FROM pg_trigger"""
        )
        names = {row["name"] for row in found}
    else:
        found = await database.rows("SELECT name FROM sqlite_master")
        names = {re.sub("_(insert|update|delete)$", "", row["name"]) for row in found}
    assert set(guards.NAMES) <= names


async def test_no_migration_is_pending_after_migrating(db: Database) -> None:
    assert await migrating.pending(db.url) == []


async def test_putting_up_the_guards_twice_changes_nothing(db: Database) -> None:
    await guards.put_up()
    await guards.put_up()
