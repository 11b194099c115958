"""The rules of `data/`: brought in once, whole or not at all."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from models.regions.bringing import ImportReport
from models.regions.files import ImportRefused
from models.risk.importing import FILE, import_risk_rules
from models.risk.tables import RiskRules
from models.risk.versions import in_force
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.places import DATA


async def test_the_files_rules_are_version_one_and_come_once(db: Database) -> None:
    for many in (1, 0):
        report = ImportReport()
        await import_risk_rules(folder=DATA, report=report, now=NOW)
        assert report.added == many
    made = await RiskRules.get()
    assert (made.version, made.made_by_id, made.approved_by_id, made.in_force_from) == (1, None, None, NOW)
    assert await in_force(now=NOW - timedelta(seconds=1)) is None
    found = await in_force(now=NOW)
    assert found is not None
    assert found.rules.uses.hold_from == 55


@pytest.mark.parametrize(
    "spoil",
    [
        lambda said: said.update(also=1),
        lambda said: said.pop("why"),
        lambda said: said.update(provenance="RUMOUR"),
        lambda said: said.update(why="x" * 201),
        lambda said: said["rules"]["uses"]["signals"].update(no_entri=[[1, 5]]),
        lambda said: said["rules"]["uses"].update(hold_from=101),
    ],
)
async def test_a_file_that_is_wrong_brings_nothing(
    db: Database, tmp_path: Path, spoil: Callable[[Any], Any]
) -> None:
    said = json.loads((DATA / FILE).read_text())
    spoil(said)
    (tmp_path / FILE).write_text(json.dumps(said))
    with pytest.raises(ImportRefused, match=FILE):
        await import_risk_rules(folder=tmp_path, report=ImportReport(), now=NOW)
    assert await RiskRules.all().count() == 0
