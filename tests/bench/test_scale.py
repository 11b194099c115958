"""The made-up houses of `make bench-scale` are houses: every constraint holds, and the requests do what they would."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tortoise.connection import get_connection

from maps.coordinates import Point
from models import database
from models.booking import queries
from models.booking.rules import SlotStatus
from models.calendar import business_day
from models.checkout.placing import place_order
from models.checkout.wanted import LineWanted
from models.members.queries import who
from models.venues.queries import venues_near
from tests.bench.scale.__main__ import MOST_GROWTH, _figures, judge
from tests.bench.scale.world import BLOCKS_A_DAY, CELLS_A_BOOKING, COURTS, DAYS_AHEAD, ScaleWorld, Size, build
from tests.databases import Database
from tests.factories.accounts import ID_KEYS
from tests.factories.places import TIANFU_SQUARE, a_default_booking_rule, a_region

TINY = Size("tiny", 40, 40 * 500)


@pytest.mark.postgres
@pytest.mark.parametrize("in_bulk", [False, True], ids=["checked", "in bulk"])
async def test_a_tiny_house_is_whole_and_can_be_booked(db: Database, in_bulk: bool) -> None:
    await a_region()
    await a_default_booking_rule()
    now = datetime.now(UTC)
    before = await constraints()
    async with get_connection("default").acquire_connection() as connection:
        world = await build(connection, TINY, now=now, in_bulk=in_bulk)
    assert await constraints() == before, "what was taken away to be quick is there again"
    (found,) = await database.rows(
        """SELECT (SELECT COUNT(*) FROM held_cell) AS cells, (SELECT COUNT(*) FROM order_line) AS lines,
                  (SELECT COUNT(*) FROM held_cell JOIN order_line line ON line.id = order_line_id
                                   JOIN orders ON orders.id = line.order_id AND orders.venue_id = held_cell.venue_id
                                   JOIN court_cover ON court_cover.part_id = held_cell.part_id
                                                   AND court_cover.court_id = line.court_id
                    WHERE to_timestamp(step * 1800) >= starts_at AND to_timestamp(step * 1800) < ends_at) AS fit,
                  (SELECT COUNT(DISTINCT (part_id, step)) FROM held_cell) AS apart"""
    )
    bookings = TINY.venues * TINY.bookings_a_venue
    assert (found["lines"], found["cells"]) == (bookings, bookings * CELLS_A_BOOKING)
    assert found["fit"] == found["apart"] == found["cells"]
    assert await hot_share(now) == pytest.approx(DAYS_AHEAD / TINY.days, abs=0.1)
    await assert_it_can_be_asked(world, now)


async def constraints() -> set[tuple[Any, ...]]:
    found = await database.rows(
        """SELECT conrelid::regclass::text AS name, pg_get_constraintdef(oid) AS text FROM pg_constraint
           UNION SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
            WHERE indrelid IN ('orders'::regclass, 'order_line'::regclass, 'held_cell'::regclass)"""
    )
    return {tuple(row) for row in found}


async def hot_share(now: datetime) -> float:
    """Of the cells, those that can still be played in after today."""
    (found,) = await database.rows(
        """SELECT AVG(CASE WHEN line.business_day > $1 THEN 1.0 ELSE 0.0 END) AS share
             FROM held_cell JOIN order_line line ON line.id = order_line_id""",
        business_day(now),
    )
    return float(found["share"])


async def assert_it_can_be_asked(world: ScaleWorld, now: datetime) -> None:
    near = await venues_near(point=Point(*TIANFU_SQUARE), radius_m=100_000, today=world.today, first=5)
    assert len(near.rows) == 5
    day = world.today + timedelta(days=1)
    grid = await queries.slots(venue_id=world.venue(7), sport=None, day=day, now=now)
    statuses = [slot.status for court in grid for slot in court.slots]
    assert len(statuses) == COURTS * 16
    taken = statuses.count(SlotStatus.TAKEN) / len(statuses)
    assert taken == pytest.approx(TINY.bookings_a_venue / (TINY.days * BLOCKS_A_DAY), abs=0.05)
    free = world.free_slots(random.Random(3))
    for bearer, (court_id, starts_at) in zip(world.bearers[:20], free, strict=False):
        member = await who(access_token=bearer, now=now)
        assert member is not None
        await place_order(
            member_id=member.member_id,
            lines=[LineWanted(court_id=court_id, starts_at=starts_at, people=2)],
            idempotency_key="tiny",
            keys=ID_KEYS,
            channels={},
            now=now,
        )


def test_growth_is_of_web_and_database_together_and_judged_by_the_mark() -> None:
    rounds = {"slots": {"small": [(1.0, 1.0), (2.0, 2.0)], "large": [(1.0, 1.9), (2.0, 4.0)]}}
    said = _figures(rounds, ["small", "large"])
    assert said["requests"]["slots"]["growth"] == 1.475
    assert (said["requests"]["slots"]["web_growth"], said["requests"]["slots"]["database_growth"]) == (1.0, 1.95)
    assert judge(said) == 0
    rounds["slots"]["large"] = [(1.0, MOST_GROWTH * 2 - 1), (2.0, MOST_GROWTH * 4 - 2)]
    assert judge(_figures(rounds, ["small", "large"])) == 1
