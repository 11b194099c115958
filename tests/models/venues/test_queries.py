"""What can be asked about one venue, and about days."""

from datetime import date

import pytest

from models.venues.queries import (
    booking_rule_of,
    courts_of,
    day_kind,
    openings_of,
    sports,
    tariff_windows_of,
    venue_by_public_id,
)
from models.venues.rules import DayKind, Opening, openings_on, price_slot, windows_of_court
from models.venues.tables import Court, Venue
from tests.databases import Database
from tests.factories.places import a_court, a_venue, all_places

FRIDAY = date(2026, 11, 20)


async def test_a_venue_is_found_by_its_public_id_also_when_closed(db: Database) -> None:
    venue = await a_venue(is_open=False)
    await a_court(venue, sport="TENNIS")
    found = await venue_by_public_id(venue.public_id, today=FRIDAY)
    assert found is not None
    assert (found["id"], found["is_open"], found["sports"]) == (venue.id, False, [["TENNIS", "网球"]])
    assert found["opening_today"] == [[480, 1320]]


@pytest.mark.parametrize("public_id", ["ven_NOBODY", "", "\0", "场馆", "x" * 10_000, "' OR ''='"])
async def test_nobody_is_found_by_anything_else(db: Database, public_id: str) -> None:
    await a_venue()
    assert await venue_by_public_id(public_id, today=FRIDAY) is None


async def test_courts_come_in_order_with_their_parts_and_closed_ones_not(db: Database) -> None:
    venue, elsewhere = await a_venue(), await a_venue()
    full = await a_court(venue, sport="BASKETBALL", name="篮球全场", parts=("A", "B"), max_people=30)
    half = await a_court(venue, sport="BASKETBALL", name="篮球半场A", parts=("A",))
    badminton = await a_court(venue)
    await a_court(venue, name="维修中", is_open=False)
    await a_court(elsewhere)
    courts = await courts_of(venue.id)
    assert [court.id for court in courts] == [full.id, half.id, badminton.id]
    assert (courts[0].name, courts[0].max_people, courts[0].slot_minutes) == ("篮球全场", 30, 60)
    assert len(courts[0].part_ids) == 2
    assert set(courts[1].part_ids) < set(courts[0].part_ids)
    assert [court.id for court in await courts_of(venue.id, "BADMINTON")] == [badminton.id]
    assert await courts_of(venue.id, "TENNIS") == []


async def test_the_week_and_the_windows_price_a_slot(db: Database) -> None:
    venue = await a_venue(free_mornings=True)
    court = await a_court(venue)
    assert await openings_of(venue.id) == tuple(Opening(weekday, 480, 1320) for weekday in range(7))
    windows = windows_of_court(await tariff_windows_of(venue.id), court.sport_code, court.name)
    today = await day_kind(FRIDAY)
    assert price_slot(windows, today, 480, 540).label == "免费时段"
    assert price_slot(windows, today, 600, 660).price_fen == 4000


async def test_stored_windows_price_the_real_gaoxin(db: Database) -> None:
    await all_places()
    venue = await Venue.get(ref="SC007")
    court = await Court.get(venue=venue, name="羽毛球场1")
    windows = windows_of_court(await tariff_windows_of(venue.id), court.sport_code, court.name)
    friday = [price_slot(windows, await day_kind(FRIDAY), hour * 60, hour * 60 + 60).kind for hour in range(9, 22)]
    assert friday == ["FREE"] * 6 + ["LOW"] * 3 + ["MARKET"] * 4
    national_day = await day_kind(date(2026, 10, 1))
    assert price_slot(windows, national_day, 10 * 60, 12 * 60).label == "免费时段＋低收费"
    assert openings_on(await openings_of(venue.id), 0) == ()


async def test_sports_come_in_the_order_to_show_them(db: Database) -> None:
    await all_places()
    assert [sport["code"] for sport in await sports()] == [
        "BADMINTON", "TABLE_TENNIS", "BASKETBALL", "VOLLEYBALL", "TENNIS", "FOOTBALL", "SWIMMING", "ATHLETICS",
        "GATEBALL",
    ]  # fmt: skip


async def test_a_venues_own_rule_goes_before_the_default(db: Database) -> None:
    await all_places()
    gaoxin, other = await Venue.get(ref="SC007"), await Venue.get(ref="SC008")
    assert (await booking_rule_of(gaoxin.id))["provenance"] == "PUBLISHED"
    assert (await booking_rule_of(other.id))["provenance"] == "DEMONSTRATION"


async def test_without_any_rule_nothing_is_made_up(db: Database) -> None:
    with pytest.raises(LookupError, match="import the places"):
        await booking_rule_of(1)


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        (date(2026, 10, 5), DayKind.STATUTORY_HOLIDAY),
        (date(2026, 10, 10), DayKind.MAKEUP_WORKDAY),
        (date(2026, 11, 20), DayKind.WORKDAY),
        (date(2026, 11, 21), DayKind.WEEKEND),
        (date(2025, 1, 1), DayKind.STATUTORY_HOLIDAY),
        (date(2026, 12, 31), DayKind.WORKDAY),
    ],
)
async def test_days_of_known_years_are_known(db: Database, day: date, kind: DayKind) -> None:
    await all_places()
    found = await day_kind(day)
    assert (found.kind, found.known) == (kind, True)


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        (date(2027, 1, 1), DayKind.WORKDAY),
        (date(2024, 12, 31), DayKind.WORKDAY),
        (date(2028, 2, 29), DayKind.WORKDAY),
        (date(2027, 10, 2), DayKind.WEEKEND),
    ],
)
async def test_days_of_other_years_go_by_the_weekday_and_say_so(db: Database, day: date, kind: DayKind) -> None:
    await all_places()
    found = await day_kind(day)
    assert (found.kind, found.known) == (kind, False)
