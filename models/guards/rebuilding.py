"""What Tortoise loses when it rebuilds a table on SQLite: found by comparing what the tables' classes promise."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any

from tortoise import Tortoise

from models import database


def of_the_tables() -> Iterator[tuple[str, tuple[str, ...], bool]]:
    """What the tables' classes promise: (table, columns, whether they are unique together)."""
    assert Tortoise.apps is not None  # init has filled it
    for table in Tortoise.apps.get_models_iterable():
        meta = table._meta

        def columns(names: Iterable[str], fields: Mapping[str, Any] = meta.fields_map) -> tuple[str, ...]:
            return tuple(getattr(fields[name], "source_field", None) or name for name in names)

        for names in meta.unique_together:
            yield meta.db_table, columns(names), True
        for index in meta.indexes:
            yield meta.db_table, columns(index if isinstance(index, tuple) else index.fields), False
        for name, field in meta.fields_map.items():
            if field.unique and not field.pk:
                yield meta.db_table, columns([name]), True


async def indexes_on_sqlite() -> set[tuple[str, tuple[str, ...], bool]]:
    """The same, as the database has it."""
    found = await database.rows(
        """SELECT tables.name AS held, list.name, list."unique" AS once, list.partial, info.name AS col
             FROM sqlite_master tables, pragma_index_list(tables.name) list, pragma_index_info(list.name) info
            WHERE tables.type = 'table' ORDER BY list.name, info.seqno"""
    )
    by_name: dict[tuple[str, str, bool], list[str]] = {}
    for row in found:
        if not row["partial"]:
            by_name.setdefault((row["held"], row["name"], bool(row["once"])), []).append(row["col"])
    return {(held, tuple(columns), once) for (held, _, once), columns in by_name.items()}


async def lost_in_rebuilding() -> AsyncIterator[str]:
    """Tortoise alters a column on SQLite by rebuilding its table, and forgets unique constraints and indexes of several
    columns on the way. Without them a court is booked twice and nobody notices."""
    there = await indexes_on_sqlite()
    for table, columns, once in of_the_tables():
        if (table, columns, True) not in there and (once or (table, columns, False) not in there):
            name = f"{table}_{'once' if once else 'by'}_{'_'.join(columns)}"
            kind = "UNIQUE INDEX" if once else "INDEX"
            yield f"CREATE {kind} IF NOT EXISTS {name} ON {table} ({', '.join(columns)})"
