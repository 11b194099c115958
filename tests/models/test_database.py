"""One SQL text, the same rows on both databases; and connections that go back to the pool as they are."""

import ast
import asyncio
import re
from pathlib import Path

import pytest
from tortoise.connection import get_connection

from models import database
from tests.databases import Database

OURS = Path(__file__).parents[2]
STAYS_IN_A_SESSION = re.compile(
    r"^\s*SET (?!LOCAL\b)\w|SET SESSION|set_config\([^)]*false|\bLISTEN\b|advisory_lock|WITH HOLD|CREATE TEMP",
    re.MULTILINE,
)


async def test_a_writing_statement_returns_the_rows_that_it_is_asked_to_return(db: Database) -> None:
    insert = """INSERT INTO sport (code, name, position) VALUES ($1, $2, 0)
                ON CONFLICT (code) DO NOTHING RETURNING code"""
    assert [row["code"] for row in await database.rows(insert, "CHESS", "象棋")] == ["CHESS"]
    assert list(await database.rows(insert, "CHESS", "象棋")) == []
    renamed = await database.rows("UPDATE sport SET name = $2 WHERE code = $1 RETURNING name", "CHESS", "国际象棋")
    assert [row["name"] for row in renamed] == ["国际象棋"]
    assert [row["code"] for row in await database.rows("DELETE FROM sport RETURNING code")] == ["CHESS"]


@pytest.mark.postgres
async def test_a_transaction_that_somebody_left_open_ends_when_its_connection_goes_back(db: Database) -> None:
    async with get_connection("default").acquire_connection() as connection:
        await connection.execute("BEGIN")
        await connection.execute("INSERT INTO sport (code, name, position) VALUES ('CHESS', '象棋', 0)")
    open_ = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in trans%'"
    assert await database.rows(open_) == []
    assert await database.rows("SELECT code FROM sport") == []


def test_no_statement_of_ours_leaves_anything_in_a_session() -> None:
    """The pool hands connections on without RESET ALL. Migrating locks on a connection of its own, and closes it."""
    said = [
        f"{file.relative_to(OURS)}:{node.lineno} {node.value.strip()[:60]}"
        for folder in ("bff", "jobs", "migrations", "models", "resolvers")
        for file in sorted((OURS / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and STAYS_IN_A_SESSION.search(node.value)
    ]
    assert [each for each in said if not each.startswith("models/migrating.py")] == []


@database.operation
async def invent_a_sport(code: str) -> None:
    await database.rows("INSERT INTO sport (code, name, position) VALUES ($1, '新', 0)", code)


async def test_an_act_that_is_cancelled_at_any_moment_keeps_neither_a_lock_nor_a_connection(db: Database) -> None:
    """A request's time-out cancels whatever is waited for just then: BEGIN, the statement, COMMIT."""
    for moment in range(60):
        act = asyncio.create_task(invent_a_sport(f"S{moment}"))
        for _ in range(moment):
            await asyncio.sleep(0 if moment < 20 else 0.0002)
        act.cancel()
        await asyncio.wait([act])
    async with asyncio.timeout(30):
        await invent_a_sport("CHESS")
    assert await database.rows("SELECT code FROM sport WHERE code = 'CHESS'")
