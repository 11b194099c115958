"""Venues nearby from what is kept: how old it may be, and which questions are not the same."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from maps.coordinates import Point
from models.errors import BadInput, DomainError
from models.venues.queries import KEPT_SECONDS, VenueRow, venues_near
from models.venues.tables import OpeningHours, Venue
from plans.keeping import Keeper
from tests.databases import Database
from tests.factories.places import TIANFU_SQUARE, a_court, a_venue

FRIDAY = date(2026, 11, 20)
CHENGDU = Point(*TIANFU_SQUARE)


async def near(keep: Keeper, point: Point = CHENGDU, **asked: Any) -> list[VenueRow]:
    page = await venues_near(point=point, keep=keep, **{"radius_m": 5_000, "today": FRIDAY, "first": 50, **asked})
    return [row.venue for row in page.rows]


async def test_what_a_venue_says_may_be_half_a_minute_old(db: Database) -> None:
    venue, now = await a_venue(name="旧名"), 0.0
    keeper = Keeper(clock=lambda: now)
    assert [row.name for row in await near(keeper)] == ["旧名"]
    await Venue.filter(id=venue.id).update(name="新名")
    now = KEPT_SECONDS - 0.1
    assert [row.name for row in await near(keeper)] == ["旧名"]
    now = KEPT_SECONDS
    assert [row.name for row in await near(keeper)] == ["新名"]


async def test_what_was_forgotten_is_read_again(db: Database) -> None:
    venue, keeper = await a_venue(name="旧名"), Keeper()
    await near(keeper)
    await Venue.filter(id=venue.id).update(name="新名")
    await keeper.forget()
    assert [row.name for row in await near(keeper)] == ["新名"]


async def test_another_day_sport_time_or_radius_is_another_question(db: Database) -> None:
    tennis = await a_venue(lon=CHENGDU.lon + 0.02)
    await a_court(tennis, sport="TENNIS")
    await OpeningHours.filter(venue=tennis, weekday=5).update(opens_minute=600)
    await a_court(await a_venue(), sport="SWIMMING")
    keeper = Keeper()
    nine = datetime(2026, 11, 20, 1, tzinfo=UTC)
    assert len(await near(keeper)) == 2
    assert [row.id for row in await near(keeper, sport="TENNIS")] == [tennis.id]
    assert len(await near(keeper, sport="SWIMMING")) == 1
    assert len(await near(keeper, radius_m=100)) == 1
    assert len(await near(keeper, open_at=nine)) == 2
    assert len(await near(keeper, open_at=nine + timedelta(days=1))) == 1
    assert len(await near(keeper, open_at=nine + timedelta(days=1, hours=1))) == 2
    (row,) = await near(keeper, sport="TENNIS", today=FRIDAY + timedelta(days=1))
    assert row.opening_today == ((600, 1320),)
    (row,) = await near(keeper, sport="TENNIS")
    assert row.opening_today == ((480, 1320),)


@pytest.mark.parametrize(
    "asked",
    [
        {"radius_m": 0},
        {"first": 51},
        {"after": (-1.0, 1)},
        {"after": (1.0, 2**31)},
        {"open_at": datetime(9999, 12, 31, 23, tzinfo=UTC)},
        {"sport": "X" * 100_000},
        {"sport": "CURLING"},
        {"point": Point(0, 0)},
    ],
    ids=str,
)
async def test_what_cannot_be_is_refused_in_the_same_words(db: Database, asked: dict[str, Any]) -> None:
    await a_court(await a_venue(), sport="TENNIS")
    asked = {"point": CHENGDU, "radius_m": 5_000, "today": FRIDAY, "first": 50, **asked}
    with pytest.raises(DomainError) as plainly:
        await venues_near(**asked)
    for keep in [Keeper()] * 2:
        with pytest.raises(DomainError) as refused:
            await venues_near(**asked, keep=keep)
        assert vars(refused.value) == vars(plainly.value)
        assert isinstance(refused.value, BadInput) == isinstance(plainly.value, BadInput)
