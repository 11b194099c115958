"""Brings the clocks of `data/complaint_clocks.csv` into the database, beside the places of `models.venues`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models import database
from models.feedback.rules import ComplaintKind
from models.feedback.tables import ComplaintClock
from models.regions.bringing import ImportReport, bring
from models.regions.files import ImportRefused, one_of, read_csv, whole
from models.regions.tables import Region
from models.venues.schedules import PROVENANCES
from models.venues.working_days import MOST_DAYS

FILE = "complaint_clocks.csv"


async def import_complaint_clocks(*, folder: Path, report: ImportReport) -> None:
    """Makes the table say what the file says, and adds to the report what was touched. Run it after the places'
    import. Raises ImportRefused, and has then written nothing."""
    await _bring_in(clocks_in(folder), report)


def clocks_in(folder: Path) -> list[dict[str, Any]]:
    """The file's rows, checked: every region that is named has all three kinds, and so has the default."""
    clocks = [_clock(row) for row in read_csv(folder, FILE)]
    named = {(clock["region_key"], clock["kind"]) for clock in clocks}
    for region in {"", *(clock["region_key"] for clock in clocks)}:
        if missing := [kind for kind in ComplaintKind if (region, kind) not in named]:
            raise ImportRefused(f"{FILE} {region or 'default'}: no row for {', '.join(missing)}")
    return clocks


def _clock(row: dict[str, str]) -> dict[str, Any]:
    where = f"{FILE} {row['region'] or 'default'} {row['kind']}"
    one_of(row["kind"], tuple(ComplaintKind), where)
    one_of(row["provenance"], PROVENANCES, where)
    days = whole(row["working_days"], where)
    if not 1 <= days <= MOST_DAYS:
        raise ImportRefused(f"{where}: 1 to {MOST_DAYS} working days")
    if not row["source"]:
        raise ImportRefused(f"{where}: who says so?")
    return {
        "region_key": row["region"],
        "kind": row["kind"],
        "working_days": days,
        "provenance": row["provenance"],
        "source": row["source"],
    }


@database.operation
async def _bring_in(clocks: Sequence[dict[str, Any]], report: ImportReport) -> None:
    await database.alone_with("import of complaint clocks")
    known = {"", *await Region.all().values_list("key", flat=True)}
    for clock in clocks:
        if clock["region_key"] not in known:
            raise ImportRefused(f"{FILE}: there is no region {clock['region_key']}")
    await bring(ComplaintClock, clocks, key=("region_key", "kind"), report=report, vanished="removed")
