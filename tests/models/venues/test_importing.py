"""The import: what the files say is what the database says, however often, and nothing when they contradict."""

import asyncio
import csv
import shutil
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tortoise.models import Model

from models import database
from models.regions.files import ImportRefused
from models.regions.tables import Region
from models.venues.importing import import_places
from models.venues.reading import mend, read_places
from models.venues.reading_concessions import school_holidays_in
from models.venues.tables import (
    ConcessionRule,
    Court,
    CourtCover,
    CourtPart,
    CourtVersion,
    Holiday,
    HoursVersion,
    OpeningHours,
    PartnerPlatform,
    SchoolHoliday,
    Sport,
    TariffWindow,
    Venue,
)
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.people import a_clerk
from tests.factories.places import DATA, all_places

TODAY = date(2026, 11, 20)
TABLES: tuple[type[Model], ...] = (
    Region, PartnerPlatform, Sport, Holiday, Venue, Court, CourtPart, CourtCover, OpeningHours, TariffWindow,
    ConcessionRule, SchoolHoliday,
)  # fmt: skip

Dump = dict[str, list[dict[str, Any]]]


async def dump() -> Dump:
    tables = {table._meta.db_table: await table.all().order_by(table._meta.pk_attr).values() for table in TABLES}
    rules = await database.rows("SELECT * FROM booking_rule ORDER BY id")
    return tables | {"booking_rule": [dict(rule) for rule in rules]}


def differences(before: Dump, after: Dump) -> list[tuple[str, dict[str, Any]]]:
    """Each row that is not in both, as (table, its changed columns)."""
    found = []
    for table, rows in before.items():
        key = "date" if table == "holiday" else "code" if table in ("sport", "partner_platform") else "id"
        now = {row[key]: row for row in after[table]}
        for row in rows:
            other = now.pop(row[key], {})
            if other != row:
                found.append(
                    (table, {column: other.get(column) for column in row if other.get(column) != row[column]})
                )
        found += [(table, row) for row in now.values()]
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The real files, to be edited."""
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def edit(folder: Path, name: str, change: Callable[[list[dict[str, str]]], None]) -> None:
    with (folder / name).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = list(rows[0])
    change(rows)
    with (folder / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def without(ref: str) -> Callable[[list[dict[str, str]]], None]:
    def change(rows: list[dict[str, str]]) -> None:
        rows[:] = [row for row in rows if ref not in (row.get("ref"), row.get("reference"))]

    return change


# What is there


async def test_the_244_divisions_and_110_venues_are_there(db: Database) -> None:
    report = await import_places(folder=DATA, today=TODAY)
    assert await Region.filter(code__not="", valid_from=None).exclude(key="500234").count() == 244
    assert await Venue.all().count() == 110
    assert await Venue.filter(ref__startswith="CQ", province_code="500000", city_code="500000").count() == 84
    assert await Venue.filter(ref__startswith="SC", province_code="510000").count() == 26
    assert await Venue.filter(coordinate_quality="DISTRICT_CENTROID", is_open=True).count() == 110
    assert report.added == sum(len(rows) for rows in (await dump()).values())


async def test_the_published_text_stays_beside_the_mended_one(db: Database) -> None:
    await all_places()
    venue = await Venue.get(ref="CQ016").prefetch_related("region")
    assert (venue.published_name, venue.name) == ("北陪区绪云体育中心体育馆", "北碚区缙云体育中心体育馆")
    assert venue.region.name == "北碚区"
    kaizhou = await Venue.get(ref="CQ079")
    assert kaizhou.published_address == "重庆市开县云枫街道滨湖西路45号"
    assert kaizhou.address == "重庆市开州区云枫街道滨湖西路45号"


async def test_who_is_booked_elsewhere_has_a_place_and_sports_and_nothing_to_book_here(db: Database) -> None:
    await all_places()
    venue = await Venue.get(ref="CQ070")
    assert (venue.partner_id, venue.their_id, venue.sport_codes) == (
        "example-across",
        "demo-1",
        ["BADMINTON", "BASKETBALL"],
    )
    assert await Court.filter(venue=venue).count() == await TariffWindow.filter(venue=venue).count() == 0
    assert venue.price_from_fen is None
    assert await Venue.exclude(partner_id=None).count() == 1


@pytest.mark.parametrize(
    ("name", "column", "value", "word"),
    [
        ("partner_platforms.csv", "web", "http://partner.example.cn/{venue}", "no address"),
        ("partner_platforms.csv", "appid", "", "belong together"),
        ("partner_platforms.csv", "provenance", "SAID", "not one of"),
        ("partner_venues.csv", "partner", "nobody", "not one of"),
        ("partner_venues.csv", "their_id", "", "own id"),
        ("partner_venues.csv", "sports", "CURLING", "not one of"),
        ("partner_venues.csv", "reference", "CQ999", "no such venue"),
    ],
)
async def test_a_jump_that_leads_nowhere_is_refused(
    db: Database, folder: Path, name: str, column: str, value: str, word: str
) -> None:
    edit(folder, name, lambda rows: rows[0].update({column: value}))
    with pytest.raises(ImportRefused, match=word):
        await import_places(folder=folder, today=TODAY)
    assert await Venue.all().count() == 0


async def test_only_rows_of_the_mends_differ_from_what_was_published(db: Database) -> None:
    await all_places()
    with (DATA / "mends.csv").open(encoding="utf-8", newline="") as file:
        mends = {(row["reference"], row["field"]) for row in csv.DictReader(file)}
    different = set()
    for venue in await Venue.all():
        if venue.name != venue.published_name:
            different.add((venue.ref, "name"))
        if venue.address != venue.published_address:
            different.add((venue.ref, "address"))
    assert different == mends


async def test_a_full_court_covers_both_its_halves_and_the_volleyball_court_on_the_same_floor(
    db: Database,
) -> None:
    await all_places()
    venue = await Venue.get(ref="CQ001")
    covers: dict[str, set[int]] = {}
    for cover in await CourtCover.filter(court__venue=venue, court__name__startswith="综合场地").prefetch_related(
        "court"
    ):
        covers.setdefault(cover.court.name, set()).add(cover.part_id)
    assert covers["综合场地全场"] == covers["综合场地排球场"] == covers["综合场地半场A"] | covers["综合场地半场B"]
    assert not covers["综合场地半场A"] & covers["综合场地半场B"]


async def test_no_court_is_without_parts_and_every_venue_knows_its_sports(db: Database) -> None:
    await all_places()
    assert await Court.filter(covers__id=None).count() == 0
    played: dict[int, set[str]] = {}
    for court in await Court.all():
        played.setdefault(court.venue_id, set()).add(court.sport_code)
    here = await Venue.filter(partner_id=None)
    assert {venue.id: set(venue.sport_codes) for venue in here} == played


async def test_the_default_rule_is_demonstration_and_gaoxins_two_courts_are_published(db: Database) -> None:
    await all_places()
    rules = (await dump())["booking_rule"]
    default = next(rule for rule in rules if rule["venue_id"] is None)
    gaoxin = next(rule for rule in rules if rule["venue_id"] is not None)
    limits = {
        "courts_a_person_a_day": 2,
        "minutes_a_court_a_day": 120,
        "days_ahead": 7,
        "release_minute": 480,
        "hold_minutes": 15,
        "entry_opens_minutes_before": 30,
    }
    assert default | limits == default
    assert gaoxin | limits == gaoxin
    assert (default["provenance"], gaoxin["provenance"]) == ("DEMONSTRATION", "PUBLISHED")
    assert gaoxin["venue_id"] == (await Venue.get(ref="SC007")).id
    assert "baitongwang" in gaoxin["source"]
    assert len(rules) == 2


async def test_the_lowest_price_of_an_open_hour_is_the_price_from(db: Database) -> None:
    await all_places()
    prices = {venue.ref: (venue.price_from_fen, venue.price_from_provenance) for venue in await Venue.all()}
    assert prices["SC007"] == (0, "PUBLISHED")  # free windows, published
    assert prices["CQ001"] == (1000, "DEMONSTRATION")  # open from 09:00, so the free 06:00–09:00 doesn't count
    assert prices["SC020"] == (0, "DEMONSTRATION")  # a park, open from 06:00


# Again, and after a change


async def test_a_second_import_changes_nothing(db: Database) -> None:
    await all_places()
    before = await dump()
    report = await import_places(folder=DATA, today=TODAY)
    assert report.touched == 0
    assert report.tables == []
    assert await dump() == before


async def test_a_changed_row_changes_that_row_only(db: Database, folder: Path) -> None:
    await all_places()
    before = await dump()

    def change(rows: list[dict[str, str]]) -> None:
        next(row for row in rows if row["ref"] == "SC022")["address"] = "成都市青羊区东坡南一路2号"

    edit(folder, "venues.csv", change)
    report = await import_places(folder=folder, today=TODAY)
    assert (report.changed, report.touched, report.tables) == (1, 1, ["venue"])
    address = "成都市青羊区东坡南一路2号"
    assert differences(before, await dump()) == [("venue", {"address": address, "published_address": address})]


async def test_a_changed_price_changes_the_windows_it_decides_only(db: Database, folder: Path) -> None:
    await all_places()
    before = await dump()

    def change(rows: list[dict[str, str]]) -> None:
        for row in rows:
            if row["reference"] == "CQ002" and row["sport"] == "TENNIS" and row["from"] == "10:00":
                row["price_fen_per_hour"] = "7000"

    edit(folder, "tariffs.csv", change)
    assert (await import_places(folder=folder, today=TODAY)).touched == 1
    assert differences(before, await dump()) == [("tariff_window", {"price_fen_per_hour": 7000})]


async def test_a_venue_that_vanished_is_closed_and_keeps_everything(db: Database, folder: Path) -> None:
    await all_places()
    before = await dump()
    edit(folder, "venues.csv", without("SC022"))
    report = await import_places(folder=folder, today=TODAY)
    assert (report.closed, report.touched) == (1, 1)
    assert differences(before, await dump()) == [("venue", {"is_open": False})]
    assert not (await Venue.get(ref="SC022")).is_open
    again = await import_places(folder=folder, today=TODAY)
    assert again.touched == 0


async def test_a_venue_that_came_back_is_open_again(db: Database, folder: Path) -> None:
    await all_places()
    before = await dump()
    edit(folder, "venues.csv", without("SC022"))
    await import_places(folder=folder, today=TODAY)
    assert (await import_places(folder=DATA, today=TODAY)).touched == 1
    assert await dump() == before


async def test_a_court_that_vanished_is_closed_and_a_window_that_vanished_goes(db: Database, folder: Path) -> None:
    await all_places()
    before = await dump()

    def no_tennis(rows: list[dict[str, str]]) -> None:
        rows[:] = [row for row in rows if not (row["reference"] == "CQ002" and row["sport"] == "TENNIS")]

    edit(folder, "courts.csv", no_tennis)
    report = await import_places(folder=folder, today=TODAY)
    tennis = await Court.get(venue__ref="CQ002", sport_code="TENNIS")
    assert not tennis.is_open
    assert (report.closed, report.added) == (1, 0)
    assert {table for table, _ in differences(before, await dump())} == {"court", "venue", "tariff_window"}
    assert await TariffWindow.filter(venue__ref="CQ002", sport_code="TENNIS").count() == 0
    assert await CourtCover.filter(court=tennis).count() == 1
    assert "TENNIS" not in (await Venue.get(ref="CQ002")).sport_codes


async def test_courts_that_staff_wrote_are_the_files_no_more(db: Database, folder: Path) -> None:
    await all_places()
    tennis = await Court.get(venue__ref="CQ002", sport_code="TENNIS")
    (columns,) = await Court.filter(id=tennis.id).values()
    del columns["id"]
    added = await Court.create(**{**columns, "public_id": "crt_ADDED", "name": "网球新场"})
    await Court.filter(id=tennis.id).update(max_people=9)
    clerk = await a_clerk((await Venue.get(ref="CQ002")).public_id)
    for court in (tennis, added):
        await CourtVersion.create(
            court=court, venue_id=tennis.venue_id, number=1, from_day=TODAY, name=court.name, slot_minutes=60,
            max_people=9, retired=False, note="增容", request_key=court.public_id, request_hash="",
            written_by_id=clerk.staff_id, written_at=NOW,
        )  # fmt: skip
    before = await dump()

    def no_tennis(rows: list[dict[str, str]]) -> None:
        rows[:] = [row for row in rows if not (row["reference"] == "CQ002" and row["sport"] == "TENNIS")]

    edit(folder, "courts.csv", no_tennis)
    await import_places(folder=folder, today=TODAY)
    assert {table for table, _ in differences(before, await dump())} <= {"tariff_window"}
    assert "TENNIS" in (await Venue.get(ref="CQ002")).sport_codes


async def test_hours_that_staff_wrote_stay_whatever_the_files_say_of_theirs(db: Database, folder: Path) -> None:
    await all_places()
    venue = await Venue.get(ref="CQ002")
    clerk = await a_clerk(venue.public_id)
    await HoursVersion.create(
        venue=venue, number=1, from_day=TODAY, note="冬季时间", request_key="k", request_hash="",
        written_by_id=clerk.staff_id, written_at=NOW,
    )  # fmt: skip
    await OpeningHours.create(
        venue=venue, version=1, weekday=0, opens_minute=600, closes_minute=660, provenance="PUBLISHED"
    )
    before = await OpeningHours.filter(venue=venue).order_by("id").values()
    assert (await import_places(folder=folder, today=TODAY)).touched == 0

    def half_an_hour_later(rows: list[dict[str, str]]) -> None:
        for row in rows:
            row["opens"] = "07:00" if row["opens"] == "06:30" else row["opens"]

    edit(folder, "opening_hours.csv", half_an_hour_later)
    assert "opening_hours" in (await import_places(folder=folder, today=TODAY)).tables
    after = await OpeningHours.filter(venue=venue).order_by("id").values()
    assert [row for row in after if row["version"]] == [row for row in before if row["version"]]
    assert [row["opens_minute"] for row in after] != [row["opens_minute"] for row in before]


async def test_two_processes_importing_at_once_leave_what_one_would(db: Database) -> None:
    script = (
        "import asyncio, sys; from datetime import date; from pathlib import Path\n"
        "from models import database; from models.venues.importing import import_places\n"
        "async def main():\n"
        "    await database.connect(sys.argv[1])\n"
        "    report = await import_places(folder=Path(sys.argv[2]), today=date(2026, 11, 20))\n"
        "    await database.close()\n"
        "    print(report.added, report.touched)\n"
        "asyncio.run(main())\n"
    )
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, db.url, str(DATA), stdout=asyncio.subprocess.PIPE, cwd=DATA.parent
        )
        for _ in range(2)
    ]
    told = [(await process.communicate())[0].decode().split() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    everything = str(sum(len(rows) for rows in (await dump()).values()))
    assert sorted(told) == sorted([["0", "0"], [everything, everything]])
    assert (await import_places(folder=DATA, today=TODAY)).touched == 0


# Divisions that ended


async def test_a_venue_of_an_ended_division_belongs_to_its_successor_from_that_day(
    db: Database, folder: Path
) -> None:
    def move_to_jiangbei(rows: list[dict[str, str]]) -> None:
        rows[0]["region_code"] = "500105"

    edit(folder, "venues.csv", move_to_jiangbei)
    await import_places(folder=folder, today=date(2025, 11, 5))
    before = await Venue.get(ref="CQ001").prefetch_related("region")
    assert before.region.name == "江北区"
    report = await import_places(folder=folder, today=date(2025, 11, 6))
    after = await Venue.get(ref="CQ001").prefetch_related("region")
    assert (after.region.name, after.region.code) == ("两江新区", "")
    assert (after.lon, after.lat, after.city_code) == (before.lon, before.lat, before.city_code)
    assert report.touched == 1


# Concessions and school holidays


async def test_everybodys_concessions_and_a_venues_own_are_brought_once_and_follow_the_files(
    db: Database, folder: Path
) -> None:
    await import_places(folder=folder, today=TODAY)
    every = await ConcessionRule.filter(venue_id=None).order_by("id").values_list("kind", "pays_percent", "covers")
    assert every == [(kind, 50, "WHOLE") for kind in ("SENIOR", "STUDENT", "DISABLED", "SOLDIER", "FIREFIGHTER")]
    edit(folder, "concessions.csv", add_row(0, reference="SC007", pays_percent="20", covers="SHARE"))
    report = await import_places(folder=folder, today=TODAY)
    assert (report.added, report.touched) == (1, 1)
    [own] = await ConcessionRule.filter(venue__ref="SC007")
    assert (own.kind, own.pays_percent, own.covers) == ("SENIOR", 20, "SHARE")
    assert (await import_places(folder=folder, today=TODAY)).touched == 0
    edit(folder, "concessions.csv", lambda rows: rows.__delitem__(-1))
    report = await import_places(folder=folder, today=TODAY)
    assert (report.removed, report.touched) == (1, 1)
    assert await ConcessionRule.all().count() == 5


def test_school_holidays_ship_empty_and_want_a_source_and_no_overlap() -> None:
    assert read_places(DATA, today=TODAY).school_holidays == []
    winter = {
        "province": "510000", "from": "2026-01-31", "to": "2026-03-01", "name": "寒假", "source": "省教育厅",
    }  # fmt: skip
    [period] = school_holidays_in([winter])
    assert (period["from_day"], period["to_day"]) == (date(2026, 1, 31), date(2026, 3, 1))
    assert len(school_holidays_in([winter, winter | {"province": "500000"}])) == 2
    for wrong in ({"source": ""}, {"to": "2026-01-31"}, {"from": ""}):
        with pytest.raises(ImportRefused, match="who said so"):
            school_holidays_in([winter | wrong])
    with pytest.raises(ImportRefused, match="it overlaps 寒假"):
        school_holidays_in([winter, winter | {"from": "2026-02-28", "to": "2026-03-02"}])


# Files that contradict themselves


def set_cell(row_of: int, column: str, value: str) -> Callable[[list[dict[str, str]]], None]:
    def change(rows: list[dict[str, str]]) -> None:
        rows[row_of][column] = value

    return change


def add_row(like: int, **cells: str) -> Callable[[list[dict[str, str]]], None]:
    def change(rows: list[dict[str, str]]) -> None:
        rows.append(rows[like] | cells)

    return change


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("venues.csv", set_cell(0, "region_code", "509999"), "CQ001: unknown region code '509999'"),
        ("venues.csv", set_cell(0, "region_code", "500000"), "no centroid"),
        ("venues.csv", set_cell(0, "venue_type", "滑雪场"), "CQ001: no courts for '滑雪场'"),
        ("mends.csv", set_cell(0, "published", "不在地址里"), "mends.csv CQ007 address '不在地址里': does not apply"),
        ("mends.csv", set_cell(0, "field", "phone"), "'phone' is not one of name, address"),
        ("mends.csv", set_cell(0, "reference", "CQ999"), "mends.csv CQ999: there is no such venue"),
        ("courts.csv", set_cell(0, "parts", ""), "篮球场1全场: a court covers at least one part"),
        ("courts.csv", set_cell(0, "parts", "A+A"), "each once"),
        ("courts.csv", set_cell(0, "slot_minutes", "45"), "whole number of half hours"),
        ("courts.csv", set_cell(0, "slot_minutes", "0"), "whole number of half hours"),
        ("courts.csv", set_cell(0, "max_people", "-1"), "'-1' is not a whole number"),
        ("courts.csv", set_cell(0, "sport", "CURLING"), "'CURLING' is not one of"),
        ("courts.csv", set_cell(1, "name", "篮球场1全场"), "courts of SC001: two of one sport have the same name"),
        ("opening_hours.csv", set_cell(0, "closes", "09:00"), "it ends at 09:00, not after it begins"),
        ("opening_hours.csv", set_cell(0, "opens", "08:45"), "08:45 is not a half hour"),
        ("opening_hours.csv", set_cell(0, "closes", "25:00"), "25:00 is not a half hour of a day"),
        ("opening_hours.csv", set_cell(0, "opens", "9:00"), "'9:00' is not a time of day"),
        ("opening_hours.csv", set_cell(0, "weekdays", "0"), "'0' is not one of 1"),
        ("opening_hours.csv", set_cell(4, "closes", "14:30"), "two spans overlap at 14:00"),
        ("opening_hours.csv", set_cell(0, "opens", "05:00"), "nothing is priced at 05:00"),
        ("tariffs.csv", set_cell(0, "to", "06:00"), "it ends at 06:00, not after it begins"),
        ("tariffs.csv", set_cell(0, "to", "05:00"), "it ends at 05:00, not after it begins"),
        ("tariffs.csv", set_cell(0, "to", "09:30"), "WORKDAY: two spans overlap at 09:00"),
        ("tariffs.csv", set_cell(7, "to", "13:00"), "nothing is priced at 13:00"),
        ("tariffs.csv", set_cell(0, "price_fen_per_hour", "100"), "a FREE window costs 0, and only a FREE one"),
        ("tariffs.csv", set_cell(1, "price_fen_per_hour", "0"), "a FREE window costs 0, and only a FREE one"),
        ("tariffs.csv", set_cell(1, "price_fen_per_hour", "15.5"), "'15.5' is not a whole number"),
        ("tariffs.csv", set_cell(0, "day_kind", "SOMEDAY"), "'SOMEDAY' is not one of ALL"),
        ("tariffs.csv", set_cell(0, "kind", "CHEAP"), "'CHEAP' is not one of FREE"),
        ("tariffs.csv", set_cell(-1, "courts", "网球场9"), "tariffs.csv CQ002: there is no court '网球场9'"),
        ("tariffs.csv", set_cell(-1, "reference", "CQ999"), "tariffs.csv CQ999: there is no such venue"),
        ("tariffs.csv", set_cell(0, "day_kind", "DATE:02-29"), "'DATE:02-29' is not one of ALL"),
        ("tariffs.csv", set_cell(2, "to", "02:00"), "what goes on after midnight is another row"),
        ("free_days.csv", set_cell(0, "rule", "DATE:02-29"), "29 February is not every year"),
        ("free_days.csv", set_cell(0, "rule", "NTH:6:SUN"), "not EVERY:WED, NTH:1:SUN or DATE:08-08"),
        ("free_days.csv", set_cell(0, "to", "00:00"), "it ends at 00:00, not after it begins"),
        ("free_days.csv", add_row(0, **{"from": "12:00"}), "free_days.csv  DATE:08-08: two spans overlap at 12:00"),
        ("free_days.csv", add_row(0, reference="SC007"), "free_days.csv SC007 DATE:08-08: two spans overlap"),
        ("free_days.csv", add_row(0, reference="SC999"), "free_days.csv SC999: there is no such venue"),
        ("concessions.csv", set_cell(0, "kind", "CHAMPION"), "'CHAMPION' is not one of SENIOR"),
        ("concessions.csv", set_cell(0, "pays_percent", "100"), "a concession takes something off"),
        ("concessions.csv", set_cell(0, "covers", "HALF"), "'HALF' is not one of WHOLE"),
        ("holidays.csv", set_cell(0, "date", "2025-02-30"), "'2025-02-30' is not a date"),
        ("holidays.csv", set_cell(0, "kind", "PARTY"), "'PARTY' is not one of HOLIDAY"),
        ("regions.csv", set_cell(-1, "parent_code", "519999"), "unknown region code 519999"),
        ("regions.csv", set_cell(-1, "level", "VILLAGE"), "'VILLAGE' is not one of PROVINCE"),
        ("regions.csv", add_row(5), "listed twice"),
        ("region_changes.csv", set_cell(0, "effective_date", "2025-11-07"), "regions.csv ends 500105 on 2025-11-06"),
        ("region_changes.csv", set_cell(2, "new_code", "500999"), "unknown region code 500999"),
        ("region_changes.csv", set_cell(3, "new_code", ""), "neither division is listed"),
    ],
)  # fmt: skip
def test_files_that_contradict_themselves_are_refused_by_name(
    folder: Path, name: str, change: Callable[[list[dict[str, str]]], None], message: str
) -> None:
    edit(folder, name, change)
    with pytest.raises(ImportRefused) as refused:
        read_places(folder, today=TODAY)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("name", "change"),
    [("venues.csv", add_row(0)), ("holidays.csv", add_row(0)), ("tariffs.csv", set_cell(0, "to", "05:00"))],
)
async def test_a_refused_import_writes_nothing(
    db: Database, folder: Path, name: str, change: Callable[[list[dict[str, str]]], None]
) -> None:
    await all_places()
    before = await dump()
    edit(folder, name, change)
    edit(folder, "sports.csv", set_cell(0, "name", "羽球"))
    with pytest.raises(ImportRefused):
        await import_places(folder=folder, today=TODAY)
    assert await dump() == before


def test_a_mend_that_fits_twice_is_refused() -> None:
    row = {"name": "街街", "address": ""}
    with pytest.raises(ImportRefused, match="does not apply"):
        mend(row, [{"reference": "X", "field": "name", "published": "街", "mended": "路", "reason": ""}])
