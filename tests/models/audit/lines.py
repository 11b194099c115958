"""Deeds for these tests, and what somebody does who can write to the database but has no key."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from models import database
from models.audit.deeds import Deed
from models.audit.doing import write_down
from models.audit.operations import chain_some
from models.audit.queries import COLUMNS, read
from models.audit.tables import AuditLine
from models.guards import books
from models.keys import AuditKeys
from tests.conftest import NOW

KEYS = AuditKeys({"1": b"a" * 32})


def a_deed(**said: Any) -> Deed:
    given: dict[str, Any] = {
        "actor_kind": "STAFF",
        "actor_id": "stf_23456789ABCDEFGHJKLM",
        "act": "redeem",
        "at": NOW,
    }
    return Deed(**{**given, "address": "203.0.113.7", "device_id": "desk-1", **said})


async def some_lines(count: int, *, chained: bool = True, at: datetime = NOW, keys: AuditKeys = KEYS) -> None:
    for number in range(count):
        await write_down(a_deed(at=at, detail=f"number {number}"), "OK", keys=keys)
    if chained:
        await chain_some(keys=keys)


async def all_lines() -> list[dict[str, Any]]:
    """In the order in which they were written."""
    return [read(row) for row in await database.rows(f"SELECT id, {COLUMNS} FROM audit_line ORDER BY id")]


@asynccontextmanager
async def unguarded() -> AsyncIterator[None]:
    """As whoever owns the database, and so its triggers as well."""
    names = await _triggers()
    for name, table in names:
        await database.rows(
            f"ALTER TABLE {table} DISABLE TRIGGER {name}" if database.on_postgres() else f"DROP TRIGGER {name}"
        )
    try:
        yield
    finally:
        for name, table in names:
            if database.on_postgres():
                await database.rows(f"ALTER TABLE {table} ENABLE TRIGGER {name}")
            else:
                await database.rows(f"CREATE TRIGGER {name} {books.AUDIT_ON_SQLITE[name]}")


async def _triggers() -> list[tuple[str, str]]:
    if database.on_postgres():
        return [("audit_line_kept", "audit_line"), ("audit_cut_kept", "audit_cut")]
    return [(name, "") for name in books.AUDIT_ON_SQLITE]


async def count() -> int:
    return await AuditLine.all().count()
