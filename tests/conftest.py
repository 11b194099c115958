"""What every test may ask for. `db` is the tests' database, empty, in the process's one connection pool."""

import signal
import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests import databases
from tests.databases import Database

# `make test` runs one of the two in the background, where a shell has SIGINT ignored; every process that a test starts
# would inherit that, and Ctrl-C could not be tested.
signal.signal(signal.SIGINT, signal.default_int_handler)

NOW = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)  # Friday 10:00 in Chengdu, an ordinary workday


NEED_NO_DATABASE = {"conformance", "federation", "maps", "payments", "plans", "sandbox", "verification", "wechat"}
ONCE = {"audits", "browser"}  # judges of the wire, and of pages, which are the same on either


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Races are proved where they can happen: on SQLite these tests are left out. What asks no database runs there
    only. Both are counted as deselected."""
    left_out = _needs_no_database if databases.KIND == "postgres" else _is_a_race
    config.hook.pytest_deselected(items=[item for item in items if left_out(item)])
    items[:] = [item for item in items if not left_out(item)]


def _is_a_race(item: pytest.Item) -> bool:
    return item.get_closest_marker("postgres") is not None


def _needs_no_database(item: pytest.Item) -> bool:
    folder = item.path.relative_to(Path(__file__).parent).parts[0]
    asks_one = "_database" in getattr(item, "fixturenames", ()) or _is_a_race(item)
    return folder in ONCE or (folder in NEED_NO_DATABASE and not asks_one)


@pytest.fixture(scope="session")
async def _database() -> AsyncIterator[Database]:
    with tempfile.TemporaryDirectory() as folder:
        async with databases.migrated_database(Path(folder)) as fresh:
            yield fresh


@pytest.fixture
async def db(_database: Database) -> Database:
    """An empty, migrated database of the kind under test."""
    await _database.clean()
    return _database


@pytest.fixture
def now() -> datetime:
    return NOW
