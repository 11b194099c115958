"""Many people at once. Only PostgreSQL can show it."""

import asyncio
import random
from datetime import datetime

import pytest

from models import database
from models.booking.tables import HeldCell
from models.errors import DomainError
from models.orders.tables import Order, OrderLine
from models.venues.tables import CourtCover
from tests.databases import Database
from tests.factories.booking import a_hall, a_person, an_order, at, census, wanted

pytestmark = pytest.mark.postgres


async def outcomes_of(*acts: object) -> list[str]:
    """What came of acts done at once: "placed" or the code of a refusal. Anything else is a failure."""
    results = await asyncio.gather(*acts, return_exceptions=True)  # type: ignore[call-overload]
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, DomainError):
            raise result
    return [result.code.value if isinstance(result, DomainError) else "placed" for result in results]


async def test_two_hundred_takers_of_one_slot_give_one_holder(db: Database, now: datetime) -> None:
    hall = await a_hall()
    people = [await a_person() for _ in range(200)]
    outcomes = await outcomes_of(*(an_order(person, wanted(hall.full, at(9))) for person in people))
    assert outcomes.count("placed") == 1
    assert set(outcomes) <= {"placed", "SLOT_TAKEN", "BUSY"}
    assert await Order.all().count() == await OrderLine.all().count() == 1
    assert await HeldCell.all().count() == 4


async def test_takers_of_overlapping_courts_never_overlap_and_never_deadlock(db: Database, now: datetime) -> None:
    hall = await a_hall()
    courts = [hall.full, hall.left, hall.right]
    people = [await a_person() for _ in range(60)]
    chance = random.Random(20261121)
    for day in (1, 2, 3):
        wishes = [
            [
                wanted(court, at(hour, days=day))
                for court, hour in {(chance.choice(courts), chance.choice((9, 10))) for _ in range(2)}
            ]
            for _ in people
        ]
        outcomes = await outcomes_of(
            *(an_order(person, *wish) for person, wish in zip(people, wishes, strict=True))
        )
        assert "placed" in outcomes
        assert set(outcomes) <= {"placed", "SLOT_TAKEN", "BAD_INPUT"}  # a full court with its half is bad input
    await assert_every_line_holds_exactly_its_cells()


async def assert_every_line_holds_exactly_its_cells() -> None:
    covers: dict[int, int] = {}
    for cover in await CourtCover.all():
        covers[cover.court_id] = covers.get(cover.court_id, 0) + 1
    for line in await OrderLine.all():
        assert await HeldCell.filter(order_line_id=line.id).count() == 2 * covers[line.court_id]
    twice = await database.rows("SELECT 1 FROM held_cell GROUP BY part_id, step HAVING COUNT(*) > 1")
    assert list(twice) == []


async def test_the_same_key_at_once_gives_one_order(db: Database, now: datetime) -> None:
    hall, person = await a_hall(), await a_person()
    orders = await asyncio.gather(
        *(an_order(person, wanted(hall.badminton, at(9)), key="key-1") for _ in range(20))
    )
    assert len({order.order_no for order in orders}) == 1
    assert (await census())["orders"] == 1


async def test_a_person_who_asks_for_five_courts_at_once_gets_two(db: Database, now: datetime) -> None:
    hall, person = await a_hall(), await a_person()
    courts = (hall.left, hall.right, hall.badminton, hall.badminton_2)
    outcomes = await outcomes_of(*(an_order(person, wanted(court, at(9))) for court in courts))
    assert sorted(outcomes) == ["TOO_MANY_COURTS", "TOO_MANY_COURTS", "placed", "placed"]


async def test_an_overdue_hold_that_many_want_goes_to_one_of_them(db: Database, now: datetime) -> None:
    hall = await a_hall()
    await an_order(await a_person(), wanted(hall.full, at(9)))
    people = [await a_person() for _ in range(20)]
    outcomes = await outcomes_of(
        *(an_order(person, wanted(hall.full, at(9)), now=at(11, days=0)) for person in people)
    )
    assert outcomes.count("placed") == 1
    assert set(outcomes) == {"placed", "SLOT_TAKEN"}
    assert await HeldCell.all().count() == 4
