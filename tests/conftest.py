"""What every test may ask for. `db` is the tests' database, empty, in the process's one connection pool."""

import gc
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import HealthCheck, settings

from models import migrating
from tests import databases
from tests.databases import Database

# `make test` runs one of the two in the background, where a shell has SIGINT ignored; every process that a test starts
# would inherit that, and Ctrl-C could not be tested.
signal.signal(signal.SIGINT, signal.default_int_handler)

# What a run has looked at, the next one looks at as well: whoever changes nothing breaks nothing. Other examples each time
# are the soak's matter (`make soak`). How long an example takes is the machine's.
settings.register_profile(
    "ours",
    derandomize="SOAK_SECONDS" not in os.environ,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile("ours")

NOW = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)  # Friday 10:00 in Chengdu, an ordinary workday

BOTH = ("sqlite", "postgres")
SQLITE, POSTGRES = BOTH[:1], BOTH[1:]
ONCE = {
    # judges of the wire, and of pages, and `make run`, which brings SQLite: the same on either
    "audits": SQLITE,
    "browser": SQLITE,
    "bff/test_stack.py": SQLITE,
    # machines over the rules of a room, whose races are proved in that room on PostgreSQL
    "properties/test_settlements.py": SQLITE,
    "properties/test_sessions.py": SQLITE,
    "properties/test_people.py": SQLITE,  # but for two acts at the same moment
    "properties": POSTGRES,
    "journeys": POSTGRES,
    # the resolvers' own tests, since what they ask of the rooms the rooms' own tests ask on both; but for their races
    "resolvers": SQLITE,
    "authorisation": SQLITE,
    # and where money moves, which takes the longest: production's database; on SQLite the resolvers go the same ways
    "models/checkout": POSTGRES,
    # and so the doors, which translate
    "bff": POSTGRES,
    "bff/test_metrics.py": BOTH,  # but for these figures, which nobody else asks for
    "bff_gates": POSTGRES,
    "doors": POSTGRES,
}
WAITING = ("bff", "browser", "journeys", "models/test_database_away.py")
"""Tests that wait for processes and pages rather than compute: `make test` runs them beside all others."""
PART = os.environ.get("TEST_PART", "")
assert PART in ("", "waiting", "computing"), "TEST_PART is waiting or computing, or everything"


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """What stands in the other part is not even read."""
    path = collection_path.relative_to(Path(__file__).parent).as_posix()
    if not PART or path == ".":
        return None
    inside = any(f"{path}/".startswith(f"{each}/") for each in WAITING)
    on_the_way = any(f"{each}/".startswith(f"{path}/") for each in WAITING)
    elsewhere = inside if PART == "computing" else not (inside or on_the_way)
    return elsewhere or None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Together the runs of `make test` run every test, and none twice that the second time proves nothing. Whoever
    names tests gets them, but for races on SQLite. What is left out is counted as deselected."""
    named = config.args_source is pytest.Config.ArgsSource.ARGS
    where = _can_run if named else _runs
    here = [databases.KIND in where(item) and _is_in_part(item) for item in items]
    config.hook.pytest_deselected(items=[item for item, is_here in zip(items, here, strict=True) if not is_here])
    items[:] = [item for item, is_here in zip(items, here, strict=True) if is_here]


def _is_in_part(item: pytest.Item) -> bool:
    path = _path(item)
    return not PART or (PART == "waiting") is (path in WAITING or path.split("/")[0] in WAITING)


def _path(item: pytest.Item) -> str:
    return item.path.relative_to(Path(__file__).parent).as_posix()


def _runs(item: pytest.Item) -> tuple[str, ...]:
    """Never nowhere."""
    if _can_run(item) != BOTH:
        return _can_run(item)
    if not {"_database", "own_database"} & {*getattr(item, "fixturenames", ())}:
        return SQLITE
    path = _path(item)
    return ONCE.get(path) or ONCE.get("/".join(path.split("/")[:2])) or ONCE.get(path.split("/")[0], BOTH)


def _can_run(item: pytest.Item) -> tuple[str, ...]:
    """Races are proved where they can happen."""
    return POSTGRES if item.get_closest_marker("postgres") else BOTH


def pytest_collection_finish() -> None:
    """What was read until here stays to the end. The collector need not look through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


class OwnDatabase(Protocol):
    def __call__(self, folder: Path, *, migrated: bool = False) -> AbstractAsyncContextManager[str]:
        """The URL of a database that is this test's alone."""


@pytest.fixture(scope="session")
async def own_database(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OwnDatabase]:
    """For whoever starts processes of their own. Migrating takes seconds, copying what was migrated once does not."""
    async with databases.fresh_database(tmp_path_factory.mktemp("migrated")) as original:
        await migrating.migrate(original)
        gc.collect()  # of the million objects that Tortoise made for it

        def own(folder: Path, *, migrated: bool = False) -> AbstractAsyncContextManager[str]:
            return databases.fresh_database(folder, like=original if migrated else "")

        yield own


@pytest.fixture(scope="session")
async def _database(
    own_database: OwnDatabase, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Database]:
    async with (
        own_database(tmp_path_factory.mktemp("database"), migrated=True) as url,
        databases.connected(url) as fresh,
    ):
        await fresh.vacuum_nothing()
        yield fresh


@pytest.fixture
async def db(_database: Database) -> Database:
    """An empty, migrated database of the kind under test."""
    await _database.clean()
    return _database


@pytest.fixture
def now() -> datetime:
    return NOW
