"""The constraints that only SQL can say are really there, on both databases."""

import re

import pytest
from tortoise.transactions import in_transaction

from models import database, guards, migrating
from models.guards import rebuilding
from models.personal_data import HELD
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
    assert {*guards.NAMES, *(guards.NAMES_ON_POSTGRES if database.on_postgres() else ())} <= names


async def test_whatever_the_tables_say_is_unique_or_indexed_is_so_after_every_migration(db: Database) -> None:
    """Rebuilding a table on SQLite had lost the one constraint that keeps a court from being booked twice."""
    promised = set(rebuilding.of_the_tables())
    assert ("held_cell", ("part_id", "step"), True) in promised
    if not database.on_postgres():
        there = await rebuilding.indexes_on_sqlite()
    else:
        found = await database.rows(
            """SELECT held.relname AS held, indisunique AS once,
                      (SELECT string_agg(attname, ' ' ORDER BY place) FROM pg_attribute
                         JOIN unnest(indkey::int[]) WITH ORDINALITY AS key(number, place) ON key.number = attnum
                        WHERE attrelid = indrelid) AS columns
                 FROM pg_index JOIN pg_class held ON held.oid = indrelid WHERE indpred IS NULL"""
        )
        there = {(row["held"], tuple((row["columns"] or "").split()), row["once"]) for row in found}
    missing = {
        (table, columns, once)
        for table, columns, once in promised
        if (table, columns, True) not in there and (once or (table, columns, False) not in there)
    }
    assert missing == set()


async def test_no_migration_is_pending_after_migrating(db: Database) -> None:
    assert await migrating.pending(db.url) == []


async def test_putting_up_the_guards_twice_changes_nothing(db: Database) -> None:
    await guards.put_up()
    await guards.put_up()


@pytest.mark.postgres
async def test_whatever_is_somebodys_is_found_by_an_index(db: Database) -> None:
    """Or joining two accounts would read whole tables while it holds both."""
    found = await database.rows(
        """SELECT held.relname AS held, first.attname AS first, pg_get_expr(indpred, indrelid) AS only
             FROM pg_index JOIN pg_class held ON held.oid = indrelid
                  JOIN pg_attribute first ON first.attrelid = indrelid AND first.attnum = indkey[0]"""
    )
    there = {
        (row["held"], row["first"]) for row in found if row["only"] in (None, f"({row['first']} IS NOT NULL)")
    }
    hanging = {(part.table, part.column) for held in HELD for part in held.parts}
    assert {(held.table, held.column) for held in HELD} | hanging <= there
    async with in_transaction():
        await database.rows("SET LOCAL enable_seqscan = off")  # there are no rows, and no rows are soon read
        either = "staff_id = 1 OR member_id = 2 OR number_hash = 'x'"
        (plan,) = await database.rows(f"EXPLAIN (FORMAT JSON) SELECT id FROM name_check WHERE {either}")
    assert "name_check_by_staff_id" in plan[0]
