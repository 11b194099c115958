"""What can be asked about one venue, and about days."""

from datetime import date

import pytest

from models.venues.queries import sports, venue_by_public_id
from tests.databases import Database
from tests.factories.places import a_court, a_venue, all_places

FRIDAY = date(2026, 11, 20)


async def test_a_venue_is_found_by_its_public_id_also_when_closed(db: Database) -> None:
    venue = await a_venue(is_open=False)
    await a_court(venue, sport="TENNIS")
    found = await venue_by_public_id(venue.public_id, today=FRIDAY)
    assert found is not None
    assert (found.id, found.is_open, found.sports) == (venue.id, False, (("TENNIS", "网球"),))
    assert found.opening_today == ((480, 1320),)


@pytest.mark.parametrize("public_id", ["ven_NOBODY", "", "\0", "场馆", "x" * 10_000, "' OR ''='"])
async def test_nobody_is_found_by_anything_else(db: Database, public_id: str) -> None:
    await a_venue()
    assert await venue_by_public_id(public_id, today=FRIDAY) is None


async def test_sports_come_in_the_order_to_show_them(db: Database) -> None:
    await all_places()
    assert [sport["code"] for sport in await sports()] == [
        "BADMINTON", "TABLE_TENNIS", "BASKETBALL", "VOLLEYBALL", "TENNIS", "FOOTBALL", "SWIMMING", "ATHLETICS",
        "GATEBALL",
    ]  # fmt: skip
