"""The clocks of complaints: what was published, and what was not found says so."""

from pathlib import Path

import pytest

from models.feedback.importing import FILE, clocks_in, import_complaint_clocks
from models.feedback.tables import ComplaintClock
from models.regions.bringing import ImportReport
from models.regions.files import ImportRefused
from tests.data import DATA, rows
from tests.databases import Database
from tests.factories.feedback import divisions


def test_sichuans_three_are_published_and_chongqings_are_not_passed_off_as_such() -> None:
    published = {row["kind"]: row["working_days"] for row in rows(FILE) if row["provenance"] == "PUBLISHED"}
    assert published == {"CONSULTATION": "3", "SUGGESTION": "7", "COMPLAINT": "15"}
    assert {row["region"] for row in rows(FILE) if row["provenance"] == "PUBLISHED"} == {"510000"}
    assert all("not found" in row["source"] for row in rows(FILE) if row["region"] == "500000")
    assert {row["region"] for row in rows(FILE)} == {"", "510000", "500000"}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("510100,CONSULTATION,2,PUBLISHED,成都", "no row for SUGGESTION, COMPLAINT"),
        (",PRAISE,3,PUBLISHED,x", "not one of"),
        (",COMPLAINT,0,PUBLISHED,x", "1 to 60 working days"),
        (",COMPLAINT,ten,PUBLISHED,x", "not a whole number"),
        (",COMPLAINT,3,HEARSAY,x", "not one of"),
        (",COMPLAINT,3,PUBLISHED,", "who says so"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(tmp_path: Path, line: str, why: str) -> None:
    (tmp_path / FILE).write_text((DATA / FILE).read_text(encoding="utf-8") + line + "\n", encoding="utf-8")
    with pytest.raises(ImportRefused, match=why):
        clocks_in(tmp_path)


async def test_importing_twice_touches_nothing_and_what_vanished_goes(db: Database, tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match="no region"):
        await import_complaint_clocks(folder=DATA, report=ImportReport())
    assert await ComplaintClock.all().count() == 0
    await divisions()
    reports = [ImportReport(), ImportReport(), ImportReport()]
    for report in reports[:2]:
        await import_complaint_clocks(folder=DATA, report=report)
    lines = (DATA / FILE).read_text(encoding="utf-8").replace("510000,COMPLAINT,15", "510000,COMPLAINT,10")
    (tmp_path / FILE).write_text("".join(line for line in lines.splitlines(True) if "500000" not in line))
    await import_complaint_clocks(folder=tmp_path, report=reports[2])
    assert [(report.added, report.changed, report.removed) for report in reports] == [
        (9, 0, 0),
        (0, 0, 0),
        (0, 1, 3),
    ]
