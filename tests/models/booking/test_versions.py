"""Rules are written as versions, for days and by somebody; what the files say stands beside what staff wrote."""

import csv
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from models.booking.importing import FILE, import_booking_rules
from models.booking.limits import Limits
from models.booking.queries import timetable
from models.booking.tables import BookingRule
from models.booking.versions import RuleKey, write_rule
from models.calendar import business_day
from models.errors import DomainError, ErrorCode
from models.regions.bringing import ImportReport
from models.regions.files import ImportRefused
from models.venues.tables import Venue
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.booking import a_hall
from tests.factories.people import a_clerk
from tests.factories.places import DATA

TODAY = business_day(NOW)
USUAL = Limits(2, 120, 7, 480, 15, 30)


async def in_force(venue: Venue, day: date, sport: str = "BADMINTON") -> Limits:
    return (await timetable(venue_id=venue.public_id, sport=None, day=day)).limits_of(sport)


async def test_a_version_holds_for_its_days_replaces_and_is_kept_with_who_and_when(db: Database) -> None:
    hall = await a_hall()
    staff_id = (await a_clerk(hall.venue.public_id)).staff_id
    key = RuleKey(venue_id=hall.venue.id, sport_code="BADMINTON", from_day=TODAY + timedelta(days=3))

    async def write(courts: int, *, replaces: int | None, to_day: date | None = None) -> int:
        limits = USUAL._replace(courts_a_person_a_day=courts)
        return await write_rule(
            key, limits, to_day=to_day, provenance="PUBLISHED", source="本馆公告", staff_id=staff_id,
            replaces=replaces, now=NOW,
        )  # fmt: skip

    assert await write(5, replaces=None, to_day=TODAY + timedelta(days=5)) == 1
    seen = [(await in_force(hall.venue, TODAY + timedelta(days=n))).courts_a_person_a_day for n in range(2, 6)]
    assert seen == [2, 5, 5, 2], "from the first day on, and no more on the last"
    assert (await in_force(hall.venue, key.from_day, "BASKETBALL")).courts_a_person_a_day == 2
    assert await write(5, replaces=None, to_day=TODAY + timedelta(days=5)) == 1, "the same again changes nothing"
    with pytest.raises(DomainError) as refused:
        await write(4, replaces=None)
    assert refused.value.code is ErrorCode.RULES_CHANGED
    assert await write(4, replaces=1) == 2
    assert (await in_force(hall.venue, TODAY + timedelta(days=9))).courts_a_person_a_day == 4
    first, second = await BookingRule.filter(venue_id=hall.venue.id).order_by("version")
    assert (first.replaced_at, first.made_by_id, first.made_at) == (NOW, staff_id, NOW)
    assert (second.replaced_at, second.courts_a_person_a_day) == (None, 4)


async def test_nobody_writes_what_nobody_can_keep_or_for_days_that_are_over(db: Database) -> None:
    hall = await a_hall()
    staff_id = (await a_clerk(hall.venue.public_id)).staff_id
    for from_day, limits in (
        (TODAY - timedelta(days=1), USUAL),
        (TODAY, USUAL._replace(minutes_a_court_a_day=30)),
        (TODAY, USUAL._replace(fewest_players=21)),
    ):
        key = RuleKey(venue_id=hall.venue.id, sport_code="", from_day=from_day)
        with pytest.raises(DomainError) as refused:
            await write_rule(
                key, limits, provenance="PUBLISHED", source="公告", staff_id=staff_id, replaces=None, now=NOW
            )
        assert refused.value.code is ErrorCode.RULES_INVALID
    assert not await BookingRule.exclude(venue_id=None).exists()


# From the files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(DATA / FILE, tmp_path / FILE)
    return tmp_path


def edit(folder: Path, change: Callable[[list[dict[str, str]]], Any]) -> None:
    with (folder / FILE).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = list(rows[0])
    change(rows)
    with (folder / FILE).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


async def brought(folder: Path, days: int = 0) -> ImportReport:
    report = ImportReport()
    await import_booking_rules(folder=folder, report=report, now=NOW + timedelta(days=days))
    return report


async def a_gaoxin() -> Venue:
    hall = await a_hall(ref="SC007")
    await BookingRule.all().delete()
    return hall.venue


async def test_the_files_rules_stand_with_what_is_published_and_the_second_time_changes_nothing(
    db: Database, folder: Path
) -> None:
    venue = await a_gaoxin()
    assert (await brought(folder)).touched == 2
    assert (await brought(folder)).touched == 0
    default, own = await BookingRule.all().order_by("id")
    assert (default.venue_id, default.published, default.provenance) == (None, "", "DEMONSTRATION")
    assert (own.venue_id, own.published) == (venue.id, "courts_a_person_a_day minutes_a_court_a_day")
    assert (own.check_in_minutes, own.no_shows, own.no_show_days, own.pause_days) == (15, 3, 90, 30)

    edit(folder, lambda rows: rows[1].update(courts_a_person_a_day="3", check_in_minutes="-", no_shows="-",
                                             no_show_days="-", pause_days="-"))  # fmt: skip
    assert (await brought(folder, days=1)).changed == 1
    newer = await BookingRule.get(venue_id=venue.id, replaced_at=None)
    assert (newer.version, newer.courts_a_person_a_day, newer.check_in_minutes) == (2, 3, None)
    assert (await BookingRule.get(id=own.id)).replaced_at == NOW + timedelta(days=1)

    await BookingRule.filter(id=newer.id).update(
        courts_a_person_a_day=7, made_by_id=(await a_clerk(venue.public_id)).staff_id
    )
    assert (await brought(folder, days=2)).touched == 0, "what staff wrote stays"
    edit(folder, lambda rows: rows.pop(1))
    assert (await brought(folder, days=3)).touched == 0
    assert (await in_force(venue, TODAY)).courts_a_person_a_day == 7


async def test_a_row_that_went_from_the_file_stands_no_more(db: Database, folder: Path) -> None:
    venue = await a_gaoxin()
    await brought(folder)
    edit(folder, lambda rows: rows.pop(1))
    assert (await brought(folder, days=1)).removed == 1
    assert (await in_force(venue, TODAY)).check_in_minutes == 15
    assert await BookingRule.filter(replaced_at=None).count() == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows[0].update(reference="SC001"), "there is no default row"),
        (lambda rows: rows[1].update(reference="SC999"), "booking_rules.csv SC999: there is no such venue"),
        (lambda rows: rows[1].update(sport="CURLING"), "there is no sport 'CURLING'"),
        (lambda rows: rows[0].update(days_ahead="soon"), "'soon' is not a whole number"),
        (lambda rows: rows[0].update(companions_named="maybe"), "'maybe' is not one of yes, no"),
        (lambda rows: rows.append(dict(rows[1])), "two rules that begin on the same day"),
        (lambda rows: rows[1].update(minutes_a_court_a_day="30"), "而最短的时段也有60分钟，谁也订不了"),
        (lambda rows: rows[1].update(to_day="1999-01-01"), "规则的结束日期应晚于开始日期"),
        (lambda rows: rows[0].update(pause_days=""), "要么都填，要么都不填"),
    ],
)
async def test_files_that_contradict_themselves_are_refused_and_nothing_is_written(
    db: Database, folder: Path, change: Callable[[list[dict[str, str]]], Any], said: str
) -> None:
    await a_gaoxin()
    edit(folder, change)
    with pytest.raises(ImportRefused, match=said):
        await brought(folder)
    assert await BookingRule.all().count() == 0
