"""What every test may ask for. `db` is the tests' database, empty, in the process's one connection pool."""

import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests import databases
from tests.databases import Database

NOW = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)  # Friday 10:00 in Chengdu, an ordinary workday


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Races are proved where they can happen: on SQLite these tests are left out, and counted as deselected."""
    if databases.KIND == "sqlite":
        races = [item for item in items if item.get_closest_marker("postgres")]
        items[:] = [item for item in items if item not in races]
        config.hook.pytest_deselected(items=races)


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
