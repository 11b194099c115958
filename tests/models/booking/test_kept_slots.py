"""The grid from a kept timetable: hours and prices may be some seconds old, what is taken, past or released never."""

import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.booking.queries import KEPT_SECONDS, CourtDay, slots
from models.booking.rules import SlotStatus
from models.booking.tables import HeldCell
from models.errors import DomainError, ErrorCode
from models.keeping import Keep
from models.orders.tables import Order
from models.venues.tables import Court, TariffWindow, Venue
from plans.keeping import Keeper
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.booking import TOMORROW, Hall, a_hall, a_person, an_order, at, wanted
from tests.factories.places import a_court, a_tariff, a_venue
from tests.plans.shelf import Shelf


async def grid_of(venue: Venue, keep: Keep | None, now: datetime, **asked: Any) -> list[CourtDay]:
    asked = {"sport": None, "day": TOMORROW, **asked}
    return await slots(venue_id=venue.public_id, now=now, keep=keep, **asked)


async def said_of(venue: Venue, keep: Keep | None, now: datetime, **asked: Any) -> str:
    """The grid, or why there is none."""
    try:
        return repr(await grid_of(venue, keep, now, **asked))
    except DomainError as refusal:
        return refusal.sentence()


def status_at(grid: list[CourtDay], court: Court, starts_at: datetime) -> SlotStatus:
    (row,) = [row for row in grid if row.court_id == court.public_id]
    (slot,) = [slot for slot in row.slots if slot.starts_at == starts_at]
    return slot.status


async def two_keepers() -> tuple[Keeper, Keeper]:
    """The first makes, the second loads what the first has made."""
    shelf = Shelf()
    keepers = Keeper(shelf), Keeper(shelf)
    for keeper in keepers:
        await keeper.listen()
    return keepers


# The same grid


@pytest.fixture(scope="module")
async def town(_database: Database) -> list[Venue]:
    """Halls with courts of several kinds, windows for days, sports and single courts, and holds here and there."""
    await _database.clean()
    chance = random.Random(7)
    halls = [await a_hall(), await a_hall(open_minutes=(6 * 60, 24 * 60), free_mornings=True)]
    await a_tariff(halls[0].venue, 18 * 60, 20 * 60, 6000, day_kind="WEEKEND_STATUTORY")
    await a_tariff(halls[0].venue, 8 * 60, 12 * 60, 1500, sport_code="BADMINTON", kind="LOW")
    await a_tariff(halls[0].venue, 9 * 60, 12 * 60, 900, court_name="羽毛球2号场")
    await a_court(halls[1].venue, sport="TENNIS", slot_minutes=90)
    unpriced = await a_venue(open_minutes=(21 * 60, 24 * 60))
    await TariffWindow.filter(venue=unpriced).delete()
    await a_court(unpriced)
    await an_order(await a_person(), wanted(halls[0].badminton, at(9)))
    parts: list[Any] = await HeldCell.all().values("part_id", "step", "venue_id", "order_line_id")
    for _ in range(60):
        cell = {**chance.choice(parts), "order_line_id": parts[0]["order_line_id"]}
        await HeldCell.get_or_create(
            part_id=cell["part_id"],
            step=cell["step"] + chance.randint(-10, 20),
            defaults={"venue_id": cell["venue_id"], "order_line_id": cell["order_line_id"]},
        )
    return [halls[0].venue, halls[1].venue, unpriced]


moments = st.lists(
    st.builds(lambda minutes, more: NOW + timedelta(minutes=30 * minutes, microseconds=more),
              st.integers(-20 * 48, 4 * 48), st.integers(-1, 1)),
    min_size=1, max_size=6,
)  # fmt: skip


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    which=st.integers(0, 2),
    sport=st.sampled_from([None, "", "BADMINTON", "BASKETBALL", "TENNIS", "SWIMMING", "羽毛球"]),
    day=st.integers(-2, 9).map(lambda days: TOMORROW + timedelta(days=days)),
    moments=moments,
)
async def test_kept_or_not_the_grid_is_the_same_at_every_moment(
    town: list[Venue], which: int, sport: str | None, day: Any, moments: list[datetime]
) -> None:
    makes, loads = await two_keepers()
    for now in moments:  # in any order: requests overtake each other
        asked = {"sport": sport, "day": day}
        plainly = await said_of(town[which], None, now, **asked)
        assert await said_of(town[which], makes, now, **asked) == plainly
        assert await said_of(town[which], loads, now, **asked) == plainly


async def test_one_kept_timetable_serves_every_sport(town: list[Venue]) -> None:
    keeper = Keeper()
    for sport in (None, "BADMINTON", "BASKETBALL", "no such sport"):
        await said_of(town[0], keeper, NOW, sport=sport)
    assert len(keeper._kept) == 1


async def test_another_day_is_another_timetable(town: list[Venue]) -> None:
    keeper = Keeper()
    for day in (TOMORROW, TOMORROW + timedelta(days=1)):
        plainly = await grid_of(town[0], None, NOW, day=day)
        assert await grid_of(town[0], keeper, NOW, day=day) == plainly
        assert plainly[0].slots[0].starts_at.date() == day


# What is never kept


async def test_a_slot_is_taken_for_everybody_at_once_and_free_again_at_once(db: Database, now: datetime) -> None:
    hall = await a_hall()
    keepers = await two_keepers()

    async def seen() -> set[SlotStatus]:
        return {status_at(await grid_of(hall.venue, keep, now), hall.badminton, at(9)) for keep in keepers}

    assert await seen() == {SlotStatus.AVAILABLE}
    order = await an_order(await a_person(), wanted(hall.badminton, at(9)))
    assert await seen() == {SlotStatus.TAKEN}
    await HeldCell.filter(order_line_id__in=await _lines_of(order)).delete()
    assert await seen() == {SlotStatus.AVAILABLE}


async def _lines_of(order: Order) -> list[Any]:
    return list(await HeldCell.filter(order_line__order_id=order.id).values_list("order_line_id", flat=True))


async def test_a_slot_is_past_and_a_day_released_to_the_moment(db: Database) -> None:
    hall = await a_hall()
    keeper = Keeper()

    async def seen(now: datetime) -> SlotStatus:
        return status_at(await grid_of(hall.venue, keeper, now), hall.badminton, at(9))

    released, instant = at(8, days=-6), timedelta(microseconds=1)
    assert await seen(released - instant) is SlotStatus.NOT_RELEASED
    assert await seen(released) is SlotStatus.AVAILABLE
    assert await seen(at(9) - instant) is SlotStatus.AVAILABLE
    assert await seen(at(9)) is SlotStatus.PAST
    assert await seen(released - instant) is SlotStatus.NOT_RELEASED


async def test_who_places_an_order_pays_todays_price_though_the_grid_shows_the_one_before(
    db: Database, now: datetime
) -> None:
    hall = await a_hall()
    keeper = Keeper()
    shown = (await grid_of(hall.venue, keeper, now))[-1].slots[0].price_fen
    await TariffWindow.filter(venue=hall.venue).update(price_fen_per_hour=shown + 100)
    assert (await grid_of(hall.venue, keeper, now))[-1].slots[0].price_fen == shown
    with pytest.raises(DomainError) as refused:
        await an_order(await a_person(), wanted(hall.badminton, at(9), expected_price_fen=shown))
    assert refused.value.code is ErrorCode.PRICE_CHANGED
    order = await an_order(await a_person(), wanted(hall.badminton, at(9), expected_price_fen=shown + 100))
    assert order.total_fen == shown + 100


async def test_a_court_that_was_closed_cannot_be_booked_though_the_grid_still_shows_it(
    db: Database, now: datetime
) -> None:
    hall = await a_hall()
    keeper = Keeper()
    await grid_of(hall.venue, keeper, now)
    await Court.filter(id=hall.badminton.id).update(is_open=False)
    assert status_at(await grid_of(hall.venue, keeper, now), hall.badminton, at(9)) is SlotStatus.AVAILABLE
    with pytest.raises(DomainError) as refused:
        await an_order(await a_person(), wanted(hall.badminton, at(9)))
    assert refused.value.code is ErrorCode.COURT_UNKNOWN


# What is


async def test_hours_and_prices_may_be_ten_seconds_old(db: Database, now: datetime) -> None:
    hall, clock = await a_hall(), 0.0
    keeper = Keeper(clock=lambda: clock)

    async def price() -> int:
        return (await grid_of(hall.venue, keeper, now))[0].slots[0].price_fen

    before = await price()
    await TariffWindow.filter(venue=hall.venue).update(price_fen_per_hour=before + 100)
    clock = KEPT_SECONDS - 0.1
    assert await price() == before
    clock = KEPT_SECONDS
    assert await price() == before + 100


async def test_what_was_forgotten_is_read_again(db: Database, now: datetime) -> None:
    hall, keeper = await a_hall(), Keeper()
    await grid_of(hall.venue, keeper, now)
    await Venue.filter(id=hall.venue.id).update(is_open=False)
    assert await grid_of(hall.venue, keeper, now)
    await keeper.forget()
    with pytest.raises(DomainError) as refused:
        await grid_of(hall.venue, keeper, now)
    assert refused.value.code is ErrorCode.VENUE_CLOSED


async def test_a_refusal_is_never_kept(db: Database, now: datetime) -> None:
    hall: Hall = await a_hall(is_open=False)
    keeper = Keeper()
    with pytest.raises(DomainError) as refused:
        await grid_of(hall.venue, keeper, now)
    assert refused.value.code is ErrorCode.VENUE_CLOSED
    await Venue.filter(id=hall.venue.id).update(is_open=True)
    assert await grid_of(hall.venue, keeper, now)
    with pytest.raises(DomainError) as unknown:
        await slots(venue_id="ven_NOBODY" * 1000, sport=None, day=TOMORROW, now=now, keep=keeper)
    assert unknown.value.code is ErrorCode.VENUE_UNKNOWN
    assert len(keeper._kept) == 1
