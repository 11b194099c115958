"""The two databases, spoken to in one way: connections, transactions, hot SQL, migrations' neighbours.

One SQL text serves both: parameters are `$1, $2 …`; for SQLite the casts are dropped, JSON functions get their
names there, and so is FOR UPDATE, since its transactions take the one write lock at their beginning
(`models/sqlite_engine.py`). A list is one parameter, for `= ANY($1::bigint[])`; to SQLite it goes as JSON. One that is
to be rows goes to both as JSON text: `json_array_elements_text($1::json) AS each`, each a text in `each.value`.
"""

import asyncio
import hashlib
import json
import random
import re
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from datetime import UTC, date, datetime
from functools import wraps
from typing import Any, ParamSpec, Protocol, TypeVar

import orjson
from tortoise import Tortoise
from tortoise.backends.base.config_generator import expand_db_url
from tortoise.backends.base_postgres.client import translate_exceptions
from tortoise.connection import get_connection
from tortoise.context import TortoiseContext
from tortoise.transactions import in_transaction

from models import asyncpg_engine
from models.errors import Busy

P = ParamSpec("P")
R = TypeVar("R")

ROOMS_WITH_TABLES = (
    "regions",
    "venues",
    "members",
    "audit",
    "consents",
    "messages",
    "real_names",
    "families",
    "organisations",
    "staff",
    "booking",
    "attendance",
    "shifts",
    "orders",
    "arrangements",
    "vouchers",
    "reconciliation",
    "admissions",
    "footfall",
    "feedback",
    "offline",
    "risk",
    "settlement",
    "statistics",
    "forwarding",
    "third_parties",
    "merging",
    "privacy",
)
LOCK_WAIT_MS = 3000  # lessons 2: wait 3 s for a lock, then answer that we are busy
_RUN_AGAIN = {"40001", "40P01"}  # serialization failure, deadlock: nothing was written, so try again
_LOCK_TIMED_OUT = "55P03"
_TRIES = 4

_inside: ContextVar[bool] = ContextVar("inside_an_operation", default=False)


class Companion(Protocol):
    """Somebody who writes along with each operation of an act, such as its audit line (`models/audit`)."""

    async def write(self, result: object) -> None:
        """Called inside the transaction with what the operation gave, as its last statements: either both commit or
        neither does. A transaction that is run again calls it again."""

    def committed(self) -> None:
        """What was written in the last transaction stands."""


companion: ContextVar[Companion | None] = ContextVar("companion", default=None)
"""Whoever accompanies the operations of this task. Nobody does unless an entrance sees to it."""


_bells: ContextVar[set[str] | None] = ContextVar("bells", default=None)
_hears: Callable[[str], None] | None = None


def ring(job: str) -> None:
    """Has this job woken as soon as the caller's transaction has committed. What is undone wakes nobody; and where
    nobody listens, or outside of a transaction, the job's own timer does."""
    bells = _bells.get()
    if bells is not None:
        bells.add(job)


def listen(hears: Callable[[str], None] | None) -> None:
    """From now on whoever `hears` is told which jobs to wake, in this process. They must neither wait nor fail."""
    global _hears
    _hears = hears


def configuration(database_url: str, *, statement_seconds: int | None = None) -> dict[str, Any]:
    """Tortoise's configuration for `sqlite://path` or `postgres://…?minsize=&maxsize=`.

    `statement_seconds`: how long a statement may take in PostgreSQL. We stop waiting then; the server's own limits,
    a little later, end what a lost or sleeping process of ours left running there.
    """
    connection = expand_db_url(database_url)
    credentials = connection["credentials"]
    if "sqlite" in connection["engine"]:
        connection["engine"] = "models.sqlite_engine"
        credentials |= {"busy_timeout": 15000, "synchronous": "NORMAL"}
    else:
        for size in ("minsize", "maxsize"):
            if size in credentials:
                credentials[size] = int(credentials[size])
        connection["engine"] = "models.asyncpg_engine"
        credentials["reset"] = _as_it_is
        credentials["timeout"] = asyncpg_engine.CONNECT_SECONDS
        limits = {"lock_timeout": LOCK_WAIT_MS}
        if statement_seconds:
            credentials["command_timeout"] = statement_seconds
            limits["statement_timeout"] = (statement_seconds + 1) * 1000
            limits["idle_in_transaction_session_timeout"] = 2 * statement_seconds * 1000
        credentials["server_settings"] = {"timezone": "UTC", **{name: str(ms) for name, ms in limits.items()}}
    return {
        "connections": {"default": connection},
        "apps": {
            "models": {
                "models": [f"models.{room}.tables" for room in ROOMS_WITH_TABLES],
                "default_connection": "default",
                "migrations": "migrations",
            }
        },
        "use_tz": True,
        "timezone": "UTC",
    }


async def _as_it_is(_connection: Any) -> None:
    """In place of what asyncpg sends when a connection goes back to the pool (RESET ALL and its like), which would
    be a second round trip after each statement. Nothing of ours outlives its transaction in a session: settings are
    SET LOCAL, locks are pg_advisory_xact_lock, a test looks. What is left open asyncpg still rolls back.
    """


async def connect(database_url: str, *, statement_seconds: int | None = None) -> TortoiseContext:
    """Makes the pool of this process, which opens its connections when they are needed; `close` ends it. Requests in
    any task find it. Without `statement_seconds` a statement may take as long as it likes: imports do."""
    config = configuration(database_url, statement_seconds=statement_seconds)
    return await Tortoise.init(config=config, _enable_global_fallback=True)


async def close() -> None:
    await Tortoise.close_connections()


def on_postgres() -> bool:
    return str(get_connection("default").capabilities.dialect) == "postgres"


_POSTGRES_ONLY = re.compile(r"\bFOR (UPDATE|KEY SHARE)( OF \w+)?( SKIP LOCKED)?|::\w+")
_ONE_OF = re.compile(r"= ANY\((\$\d+)::\w+\[\]\)")
_SQLITE_NAMES = {
    "json_agg(": "json_group_array(",
    "json_build_array(": "json_array(",
    "string_agg(": "group_concat(",
    "json_array_elements_text(": "json_each(",  # as rows with a `value`
}


def _for_sqlite(sql: str) -> str:
    for postgres, sqlite in _SQLITE_NAMES.items():
        sql = sql.replace(postgres, sqlite)
    sql = _ONE_OF.sub(r"IN (SELECT value FROM json_each(\1))", sql)
    return _POSTGRES_ONLY.sub("", sql).replace("$", "?")


_sqlite_texts: dict[str, str] = {}


async def rows(sql: str, *values: Any) -> Sequence[Any]:
    """Runs one statement and returns its rows, each readable by column name or place. The hot path: no models."""
    together = _together.get()
    client: Any = together.client if together else get_connection("default")
    found: Sequence[Any]
    if client.capabilities.dialect == "postgres":
        found = await _fetch(client, sql, values)
        return found
    text = _sqlite_texts.get(sql)
    if text is None:
        text = _sqlite_texts[sql] = _for_sqlite(sql)
    _, found = await client.execute_query(
        text, [_json(value) if isinstance(value, list) else value for value in values]
    )
    return found


def _json(values: list[Any]) -> str:
    return json.dumps(values, default=str)


@translate_exceptions
async def _fetch(client: Any, sql: str, values: Sequence[Any]) -> Any:
    """What Tortoise's execute_query does, but that it keeps the rows of what writes RETURNING."""
    together = _together.get()
    if together is not None and together.client is client:
        client.log.debug("%s: %s", sql, values)
        return await together.connection.fetch(sql, *values)
    async with client.acquire_connection() as connection:
        client.log.debug("%s: %s", sql, values)
        return await connection.fetch(sql, *values)


class Together:
    """Several reads over one connection of the pool: taking one and giving it back costs a third of a small read.

    Between them nothing else is waited for, and no transaction begins. On SQLite there is one connection anyway.
    """

    __slots__ = ("_acquired", "_mark", "client", "connection")

    async def __aenter__(self) -> None:
        self.client: Any = get_connection("default")
        self._acquired: Any = None
        if self.client.capabilities.dialect == "postgres":
            self._acquired = self.client.acquire_connection()
            self.connection = await _taken(self.client, self._acquired)
            self._mark = _together.set(self)

    async def __aexit__(self, *failure: Any) -> None:
        if self._acquired is not None:
            _together.reset(self._mark)
            await self._acquired.__aexit__(*failure)


@translate_exceptions
async def _taken(_client: Any, acquired: Any) -> Any:
    return await acquired.__aenter__()


_together: ContextVar[Together | None] = ContextVar("together", default=None)


def parameters(count: int, *, first: int = 1) -> str:
    """`$1, $2, $3`, for a list in the SQL text."""
    return ", ".join(f"${number}" for number in range(first, first + count))


async def row(sql: str, *values: Any) -> Any | None:
    """The first row, or None."""
    found = await rows(sql, *values)
    return found[0] if found else None


def utc(value: datetime | str) -> datetime:
    """An instant read by hot SQL: PostgreSQL gives a datetime, SQLite its ISO text."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(value).astimezone(UTC)


def with_instants(found: Any, *columns: str) -> dict[str, Any]:
    """A row as a dict for entrances, to whom an instant is an instant on either database."""
    row = dict(found)
    for column in columns:
        if row[column].__class__ is str:
            row[column] = utc(row[column])
    return row


def day(value: date | str) -> date:
    """A day read by hot SQL."""
    return value if isinstance(value, date) else date.fromisoformat(value)


def gathered(value: Any) -> Any:
    """What json_agg gathered, read by hot SQL: text, or a list where the column is JSON's own; of no rows PostgreSQL's is
    NULL and SQLite's is []."""
    return (orjson.loads(value) if isinstance(value, str | bytes) else value) or []


async def alone_with(*names: str) -> None:
    """Until the caller's transaction ends, nobody else is past this line with one of these names.

    For what has no row to lock before the first one is written. Always taken in one order, so two callers never
    wait for each other. SQLite has one writer anyway.
    """
    if not on_postgres():
        return
    numbers = {int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True) for name in names}
    for number in sorted(numbers):
        await rows("SELECT pg_advisory_xact_lock($1)", number)


class ChanceTwin(Exception):
    """A random number that must be unique was dealt twice. The operation is run again and deals anew."""


def operation(function: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Runs a business act in one short transaction: all of it or nothing.

    A deadlock, a serialization failure or a `ChanceTwin` wrote nothing, so the act is run again; a lock that
    others hold for longer than three seconds becomes `Busy`. Acts do not nest: what an act needs of another is a plain function
    that runs inside the caller's transaction.
    """

    @wraps(function)
    async def run(*args: P.args, **kwargs: P.kwargs) -> R:
        if _inside.get():
            raise RuntimeError(f"{function.__qualname__} is an operation of its own and cannot run inside another")
        mark, beside, bells = _inside.set(True), companion.get(), set[str]()
        bells_mark = _bells.set(bells)
        try:
            for attempt in range(_TRIES):
                bells.clear()
                try:
                    async with in_transaction():
                        result = await function(*args, **kwargs)
                        if beside is not None:
                            await beside.write(result)
                except Exception as error:
                    state = _sqlstate(error)
                    if state == _LOCK_TIMED_OUT:
                        raise Busy from error
                    if state not in _RUN_AGAIN and not isinstance(error, ChanceTwin):
                        raise
                    if attempt == _TRIES - 1:
                        raise Busy from error
                    await asyncio.sleep(random.uniform(0.005, 0.03) * (attempt + 1))
                else:
                    if beside is not None:
                        beside.committed()
                    if _hears is not None:
                        for job in bells:
                            _hears(job)
                    return result
            raise Busy
        finally:
            _bells.reset(bells_mark)
            _inside.reset(mark)

    return run


def _sqlstate(error: BaseException | None) -> str | None:
    while error is not None:
        state = getattr(error, "sqlstate", None)
        if isinstance(state, str):
            return state
        error = error.__cause__
    return None
