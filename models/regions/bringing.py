"""How tables are brought to what the files of `data/` say, touching and counting only rows that differ."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from models.regions.files import ImportRefused
from models.table import Table


@dataclass
class ImportReport:
    """How many rows were touched. A second import of the same files touches none."""

    added: int = 0
    changed: int = 0
    closed: int = 0
    removed: int = 0
    tables: list[str] = field(default_factory=list)  # those with any of it

    @property
    def touched(self) -> int:
        return self.added + self.changed + self.closed + self.removed

    def count(self, table: str, *, added: int = 0, changed: int = 0, closed: int = 0, removed: int = 0) -> None:
        self.added += added
        self.changed += changed
        self.closed += closed
        self.removed += removed
        if (added or changed or closed or removed) and table not in self.tables:
            self.tables.append(table)


Row = Mapping[str, Any]


async def bring(
    table: type[Table],
    wanted: Sequence[dict[str, Any]],
    *,
    key: tuple[str, ...],
    report: ImportReport,
    within: Callable[[Row], bool] = lambda _: True,
    vanished: str = "stays",
) -> None:
    """Makes a table say what is wanted, touching only rows that differ.

    Rows `within` that nobody wants any more stay, are closed (`is_open` False) or removed, as `vanished` says.
    """
    name = table._meta.db_table
    _refuse_twins(name, [tuple(row[column] for column in key) for row in wanted])
    current = {tuple(row[column] for column in key): row for row in await table.all().values() if within(row)}
    fresh: list[Table] = []
    changed = 0
    for row in wanted:
        known = current.pop(tuple(row[column] for column in key), None)
        if known is None:
            fresh.append(table(**row))
            continue
        different = {column: value for column, value in row.items() if known[column] != value}
        if different:
            changed += 1
            await table.filter(pk=_pk(table, known)).update(**different)
    if fresh:
        await table.bulk_create(fresh, batch_size=500)
    report.count(name, added=len(fresh), changed=changed)
    gone = list(current.values())
    if vanished == "closed":
        gone = [row for row in gone if row["is_open"]]
        await _in_batches(table, gone, lambda rows: rows.update(is_open=False))
        report.count(name, closed=len(gone))
    elif vanished == "removed":
        await _in_batches(table, gone, lambda rows: rows.delete())
        report.count(name, removed=len(gone))


def _refuse_twins(table: str, keys: Sequence[tuple[Any, ...]]) -> None:
    for key, times in Counter(keys).items():
        if times > 1 or None in key:
            raise ImportRefused(f"{table}: {times} rows for {', '.join(map(str, key))}")


def _pk(table: type[Table], row: Row) -> Any:
    return row[table._meta.pk_attr]


async def _in_batches(table: type[Table], gone: Iterable[Row], act: Callable[[Any], Any]) -> None:
    keys = [_pk(table, row) for row in gone]
    for start in range(0, len(keys), 500):
        await act(table.filter(pk__in=keys[start : start + 500]))
