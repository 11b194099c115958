"""The refund rules in the database are those of the file, however often it is brought in, or none of it is."""

import csv
import re
import shutil
from pathlib import Path

import pytest

from models.orders.importing import FILE, import_refund_rules
from models.orders.refund_policy import WHENEVER
from models.orders.refund_queries import terms_of
from models.orders.rules import RefundParty
from models.orders.tables import RefundRule
from models.regions.bringing import ImportReport
from models.regions.files import ImportRefused
from tests.databases import Database
from tests.factories.places import DATA, a_venue

COLUMNS = ("reference", "party", "minutes_before", "kept_percent", "kept_fen", "provenance", "source")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The real file, to be edited."""
    (tmp_path / "data").mkdir()
    shutil.copy(DATA / FILE, tmp_path / "data")
    return tmp_path / "data"


def write(folder: Path, *rules: str) -> None:
    """Each as `reference,party,minutes_before,kept_percent,kept_fen`."""
    with (folder / FILE).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([*rule.split(","), "DEMONSTRATION", "演示"] for rule in rules)


async def brought(folder: Path) -> ImportReport:
    report = ImportReport()
    await import_refund_rules(folder=folder, report=report)
    return report


async def stored() -> list[tuple[int | None, str, int, int, int]]:
    rules = await RefundRule.all().order_by("party", "-minutes_before", "id")
    return [(rule.venue_id, rule.party, rule.minutes_before, rule.kept_percent, rule.kept_fen) for rule in rules]


async def test_the_second_time_nothing_changes(db: Database) -> None:
    assert (await brought(DATA)).added == 3
    assert await stored() == [
        (None, "MEMBER", 120, 0, 0),
        (None, "MEMBER", 0, 20, 0),
        (None, "VENUE", WHENEVER, 0, 0),
    ]
    assert (await brought(DATA)).touched == 0


async def test_what_the_file_says_otherwise_is_changed_added_and_removed(db: Database, folder: Path) -> None:
    venue = await a_venue(ref="SC001")
    await brought(folder)
    write(folder, ",MEMBER,120,10,0", "SC001,MEMBER,1440,0,500", ",VENUE,,0,0")
    report = await brought(folder)
    assert (report.added, report.changed, report.removed) == (1, 2, 1)  # of the venues’ rule, the source
    assert await stored() == [
        (venue.id, "MEMBER", 1440, 0, 500),
        (None, "MEMBER", 120, 10, 0),
        (None, "VENUE", WHENEVER, 0, 0),
    ]


async def test_the_rules_that_may_decide_are_the_venues_and_the_houses_for_that_party(
    db: Database, folder: Path
) -> None:
    venue, other = await a_venue(ref="SC001"), await a_venue(ref="SC002")
    write(folder, ",MEMBER,120,10,0", "SC001,MEMBER,1440,0,500", ",VENUE,,0,0")
    await brought(folder)
    found = await terms_of(venue.id, RefundParty.MEMBER)
    assert [(terms.minutes_before, terms.of_venue) for terms in found] == [(120, False), (1440, True)]
    assert [terms.minutes_before for terms in await terms_of(other.id, RefundParty.MEMBER)] == [120]
    assert [terms.minutes_before for terms in await terms_of(venue.id, RefundParty.VENUE)] == [WHENEVER]


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        ([",MEMBER,60,20,0", ",MEMBER,120,30,0"], "120 minutes before the start more is kept than 60 before"),
        ([",MEMBER,60,0,100", ",MEMBER,120,0,101"], "more is kept"),
        ([",MEMBER,60,0,0", ",MEMBER,60,10,0"], "two rules for the same party and time"),
        ([",MEMBER,,0,0"], "how long before the start?"),
        ([",MEMBER,-60,0,0"], "'-60' is not a whole number"),
        ([",MEMBER,60,101,0"], "more than the whole price"),
        ([",VENUE,,10,0"], "a venue that cancels keeps nothing"),
        ([",VENUE,60,0,0"], "whenever it is"),
        ([",HOUSE,0,0,0"], "'HOUSE' is not one of MEMBER, VENUE"),
        ([",MEMBER,60,0,0", "SC999,MEMBER,60,0,0"], "there is no such venue"),
    ],
)
async def test_a_file_that_contradicts_itself_is_refused_and_nothing_is_written(
    db: Database, folder: Path, rules: list[str], why: str
) -> None:
    await brought(DATA)
    before = await stored()
    write(folder, *rules)
    with pytest.raises(ImportRefused, match=re.escape(why)):
        await brought(folder)
    assert await stored() == before
