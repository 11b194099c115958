"""The campaigns of `data/`: what the file promises can be kept, and it is brought in once."""

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from models.regions.bringing import ImportReport
from models.regions.files import ImportRefused
from models.vouchers.importing import FILE, import_campaigns
from models.vouchers.queries import campaigns_shown
from models.vouchers.tables import (
    CampaignStep,
    VoucherCampaign,
    VoucherKind,
    VoucherPool,
    VoucherRound,
    VoucherTerms,
)
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.places import DATA, all_places


async def test_the_files_campaigns_are_open_balanced_and_worth_something_in_both_cities(db: Database) -> None:
    await all_places()
    report = ImportReport()
    await import_campaigns(folder=DATA, report=report, now=NOW)
    assert report.added == await VoucherCampaign.filter(state="OPEN", provenance="DEMONSTRATION").count() == 3
    for pool in await VoucherPool.all():
        kinds = {kind.id: kind for kind in await VoucherKind.filter(pool_id=pool.id)}
        rounds = await VoucherRound.filter(kind_id__in=list(kinds))
        assert (
            sum(kinds[one.kind_id].face_fen * one.quantity for one in rounds) <= pool.budget_fen == pool.free_fen
        )
    for region_key, many in (("510100", 2), ("500000", 2), ("500103", 2)):
        shown = await campaigns_shown(region_key=region_key, first=20, before_id=None, now=NOW)
        assert len(shown) == many
    (both,) = [view for view in shown if view.region_key == ""]
    assert both.is_demonstration
    for kind in both.kinds:  # something can be claimed at any hour
        assert kind.rounds[0].opens_at <= NOW < kind.rounds[0].closes_at


async def test_a_second_import_touches_nothing_though_staff_changed_something(db: Database) -> None:
    await all_places()
    await import_campaigns(folder=DATA, report=ImportReport(), now=NOW)
    await VoucherCampaign.all().update(title="改过的")
    rounds = await VoucherRound.all().count()
    report = ImportReport()
    await import_campaigns(folder=DATA, report=report, now=NOW + timedelta(days=9))
    assert report.touched == 0
    assert await VoucherCampaign.filter(title="改过的").count() == 3
    assert await VoucherRound.all().count() == rounds
    assert await CampaignStep.filter(to_state="OPEN", staff_id=None).count() == 3


def _open_real_money(entry: dict[str, Any]) -> None:
    entry["provenance"] = "PUBLISHED"


def _say_too_much(entry: dict[str, Any]) -> None:
    entry["colour"] = "red"


def _promise_too_much(entry: dict[str, Any]) -> None:
    entry["pools"][0]["budget_fen"] -= 1


def _misspell(entry: dict[str, Any]) -> None:
    entry["terms"]["limits"]["a_weak"] = 3


def _go_nowhere(entry: dict[str, Any]) -> None:
    entry["terms"]["where"] = {"regions": ["519999"]}


@pytest.mark.parametrize("spoil", [_open_real_money, _say_too_much, _promise_too_much, _misspell, _go_nowhere])
async def test_a_file_that_cannot_be_is_refused_whole(
    db: Database, tmp_path: Path, spoil: Callable[[dict[str, Any]], None]
) -> None:
    await all_places()
    shutil.copy(DATA / FILE, tmp_path / FILE)
    entries = json.loads((tmp_path / FILE).read_text())
    spoil(entries[1])
    (tmp_path / FILE).write_text(json.dumps(entries))
    with pytest.raises(ImportRefused, match=FILE):
        await import_campaigns(folder=tmp_path, report=ImportReport(), now=NOW)
    for table in (VoucherCampaign, VoucherTerms, VoucherPool, VoucherKind, VoucherRound):
        assert await table.all().count() == 0
