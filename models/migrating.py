"""Brings a database up to date, one process at a time, and tells whether it is."""

import fcntl
import gc
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MethodType
from typing import Any

import asyncpg
from tortoise import Tortoise
from tortoise.connection import get_connection
from tortoise.context import TortoiseContext
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.executor import MigrationExecutor
from tortoise.migrations.migration import Migration
from tortoise.migrations.operations import (
    AddConstraint,
    AddField,
    AddIndex,
    CreateModel,
    Operation,
    RemoveConstraint,
    RunPython,
)
from tortoise.migrations.schema_editor import BaseSchemaEditor
from tortoise.migrations.schema_generator.state import State

from models import database, guards

_LOCK = 0x53464121  # any number; all our processes take the same


async def migrate(database_url: str) -> None:
    """Applies what is missing, then puts up the guards. Several processes may call it at once.

    On SQLite foreign keys are off meanwhile, because an altered table is rebuilt and the rebuilding would fire
    them; afterwards every reference is checked.
    """
    config = database.configuration(database_url)
    credentials = config["connections"]["default"]["credentials"]
    async with _alone(credentials):
        if "file_path" in credentials:
            credentials["foreign_keys"] = "OFF"
        await Tortoise.init(config=config)
        try:
            connection = get_connection("default")
            with _collector_at_rest():
                await _Executor(connection, config["apps"]).migrate(None)
            await guards.put_up()
            if "file_path" in credentials:
                broken = (await connection.execute_query("PRAGMA foreign_key_check"))[1]
                if broken:
                    raise RuntimeError(f"migration left {len(broken)} broken references")
        finally:
            await Tortoise.close_connections()


class _Executor(MigrationExecutor):
    """Tortoise's, in a fifth of the time: it makes all classes anew for each operation, and before it a copy of them."""

    def _migration_plan(self, *asked: Any) -> Any:
        plan = super()._migration_plan(*asked)
        for step in plan:
            object.__setattr__(step.migration, "apply", MethodType(_apply, step.migration))
        return plan


async def _apply(migration: Migration, state: State, *, schema_editor: BaseSchemaEditor, dry_run: bool) -> State:
    """`Migration.apply`, but that tables and columns are added to the state many at once, and a copy of what was
    before is made only for who looks at it."""
    assert not dry_run
    in_one = schema_editor.client.capabilities.supports_transactions
    if schema_editor.DIALECT == "sqlite":
        editor: Any = schema_editor
        editor._drop_index_sql = _drop_if_there
    for operations in _together(migration.operations):
        looks_back = not isinstance(operations[0], CreateModel | AddField | AddIndex | AddConstraint | RunPython)
        before = state.clone() if looks_back else state
        _forward(state, migration.app_label, operations)
        for operation in operations:
            if isinstance(operation, RemoveConstraint) and schema_editor.DIALECT == "sqlite":
                model = state.apps.get_model(f"{migration.app_label}.{operation.model_name}")
                await _make_anew(schema_editor, model)
            else:
                await migration._run_database_forward(operation, before, state, schema_editor, in_one)
    state.validate_relations_initialized()
    return state


def _together(operations: Sequence[Operation]) -> Iterator[list[Operation]]:
    """Operations that write the same SQL whether or not those after them are in the state already: new tables, and
    new columns of tables that were there before."""
    group: list[Operation] = []
    made: set[str] = set()
    for operation in operations:
        if isinstance(operation, CreateModel):
            made.add(operation.name)
        elif not isinstance(operation, AddField) or operation.model_name in made:
            if group:
                yield group
            group, made = [], set()
            if not isinstance(operation, AddField):
                yield [operation]
                continue
        group.append(operation)
    if group:
        yield group


@dataclass
class _Gathering(State):
    """The same state, but that the classes to be made anew are only noted."""

    anew: set[tuple[str, str]] = field(default_factory=set)

    def reload_models(self, model_tuples: Iterable[tuple[str, str]]) -> None:
        self.anew.update(model_tuples)


def _forward(state: State, app_label: str, operations: Sequence[Operation]) -> None:
    gathering = _Gathering(models=state.models, apps=state.apps)
    for operation in operations:
        operation.state_forward(app_label, gathering)
    state.reload_models(gathering.anew)


def _drop_if_there(_model: Any, name: str) -> str:
    """An earlier rebuilding of its table may have lost an index; the guards have put it up under a name of theirs."""
    return f'DROP INDEX IF EXISTS "{name}"'


async def _make_anew(schema_editor: Any, model: Any) -> None:
    """SQLite cannot drop what a table's own CREATE said is unique; Tortoise tries to drop an index of that name."""
    await schema_editor._remake_table(model)


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Tortoise makes and drops whole worlds of classes here; looking through them again and again takes longer than all
    the rest. Every hundred thousand objects is often enough to keep memory within bounds."""
    usual = gc.get_threshold()
    gc.set_threshold(100_000, 50, 1000)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


async def pending(database_url: str) -> list[str]:
    """Names of the migrations that this database lacks. Needs an open connection."""
    config = database.configuration(database_url)
    plan = await MigrationExecutor(get_connection("default"), config["apps"]).plan(None)
    return [step.migration.name for step in plan]


async def drift() -> list[str]:
    """What the tables say and the migrations don't, without writing a file.

    For a process of its own: it binds Tortoise's models to SQLite for good.
    """
    config = database.configuration("sqlite://:memory:")
    async with TortoiseContext() as context:
        await context.init(config=config)
        writers = await _autodetector(context, config).changes()
        return [type(operation).__name__ for writer in writers for operation in writer.operations]


async def write_next() -> list[str]:
    """Writes the next migration from the tables; for developers (`python -m bff migration`)."""
    config = database.configuration("sqlite://:memory:")
    async with TortoiseContext() as context:
        await context.init(config=config)
        writers = await _autodetector(context, config).changes()
        return [str(writer.write()) for writer in writers]


def _autodetector(context: TortoiseContext, config: dict[str, Any]) -> MigrationAutodetector:
    assert context.apps is not None  # init has filled it
    return MigrationAutodetector(context.apps, config["apps"])


@asynccontextmanager
async def _alone(credentials: dict[str, Any]) -> AsyncIterator[None]:
    """Two processes migrating at once fail on PostgreSQL and corrupt nothing; they also need not fail."""
    if "file_path" in credentials:
        path = Path(credentials["file_path"])
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_name(path.name + ".migrating").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        return
    known = {
        key: credentials[key] for key in ("host", "port", "user", "password", "database") if credentials.get(key)
    }
    connection = await asyncpg.connect(**known)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        yield
    finally:
        await connection.close()
