"""A durable SQLite file for each sandbox process: what was acknowledged survives kill -9."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Row = dict[str, Any]

SETTINGS_TABLE = "CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);"


class Store:
    """Blocking and brief, on the event loop's own thread, so that no two requests' writes can interleave.

    With the write-ahead log a committed row is in the file before the answer is sent, so kill -9 takes nothing.
    Only a machine that loses its power could: `synchronous=NORMAL` leaves the disk's own syncing to checkpoints.
    """

    def __init__(self, path: Path, tables: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, timeout=15)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA foreign_keys=ON")
        self._db.execute("PRAGMA synchronous=OFF")  # empty tables are nobody's loss
        self._db.executescript(SETTINGS_TABLE + tables)
        self._db.execute("PRAGMA synchronous=NORMAL")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Never await inside."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def run(self, sql: str, *values: object) -> None:
        self._db.execute(sql, values)

    def rows(self, sql: str, *values: object) -> list[Row]:
        return [dict(row) for row in self._db.execute(sql, values)]

    def row(self, sql: str, *values: object) -> Row | None:
        found = self._db.execute(sql, values).fetchone()
        return None if found is None else dict(found)

    def figure(self, sql: str, *values: object) -> int:
        """The one integer that `sql` selects; nothing counts as 0."""
        return int(self._db.execute(sql, values).fetchone()[0] or 0)

    def setting(self, name: str, default: Any) -> Any:
        found = self.row("SELECT value FROM settings WHERE name = ?", name)
        return default if found is None else json.loads(found["value"])

    def keep_setting(self, name: str, value: object) -> None:
        self.run("INSERT OR REPLACE INTO settings VALUES (?, ?)", name, json.dumps(value))
