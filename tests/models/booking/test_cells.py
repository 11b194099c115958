"""Whatever courts a venue has, whole, halved, joined or crossing, no two bookings that live share a piece of floor.

A floor of five parts, courts that cover any of its subsets, and people who book and give up at random: what is booked
is always what a plain model of sets says, and each line holds its own cells and no others.
"""

import random
from datetime import timedelta

import pytest

from models import database
from models.booking.tables import BookingRule
from models.calendar import CELL_MINUTES, step_of, steps_between
from models.checkout.cancelling import cancel_order
from models.checkout.ending import end_overdue_holds
from models.errors import DomainError, ErrorCode
from models.orders.tables import Order, OrderLine
from models.venues.tables import Court, Venue
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.booking import a_person, an_order, at, wanted
from tests.factories.places import a_court, a_venue

PARTS = tuple("甲乙丙丁戊")
STEPS = 45
Floor = set[tuple[str, int]]


async def any_courts(venue: Venue, chance: random.Random) -> dict[int, tuple[Court, frozenset[str]]]:
    """By row, with what each covers: the whole floor, each part alone, and seven subsets of it."""
    covers = [PARTS, *((part,) for part in PARTS)]
    covers += [tuple(chance.sample(PARTS, chance.randint(1, len(PARTS)))) for _ in range(7)]
    courts = {}
    for number, parts in enumerate(covers):
        court = await a_court(
            venue, name=f"{number}号场", parts=parts, slot_minutes=chance.choice((30, 60, 90)), max_people=9
        )
        courts[court.id] = court, frozenset(parts)
    return courts


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_no_two_lines_that_live_share_a_cell_whatever_the_courts(db: Database, seed: int) -> None:
    chance = random.Random(seed)
    venue = await a_venue()
    await BookingRule.all().update(courts_a_person_a_day=99, minutes_a_court_a_day=9999)
    courts = await any_courts(venue, chance)
    people, model, now = [await a_person() for _ in range(4)], dict[str, Floor](), NOW
    placed = refused = 0
    for _ in range(STEPS):
        if model and chance.random() < 0.25:
            order_no = chance.choice(sorted(model))
            order = await Order.get(order_no=order_no)
            await cancel_order(member_id=order.member_id, order_no=order_no, channels={}, now=now)
            del model[order_no]
        elif chance.random() < 0.05:
            now += timedelta(minutes=16)  # nobody paid
            await end_overdue_holds(channels={}, now=now)
            model.clear()
        else:
            picked = chance.sample(sorted(courts), chance.randint(1, 2))
            lines, floors = [], list[Floor]()
            for court_id in picked:
                court, parts = courts[court_id]
                starts_at = at(8) + timedelta(minutes=court.slot_minutes * chance.randint(0, 3))
                lines.append(wanted(court, starts_at))
                first, length = step_of(starts_at), court.slot_minutes // CELL_MINUTES
                floors.append({(part, step) for part in parts for step in range(first, first + length)})
            one_another = len(floors) == 2 and bool(floors[0] & floors[1])
            taken = any(floor & held for floor in floors for held in model.values())
            if one_another or taken:
                with pytest.raises(DomainError) as refusal:
                    await an_order(chance.choice(people), *lines, now=now)
                assert refusal.value.code == (ErrorCode.BAD_INPUT if one_another else ErrorCode.SLOT_TAKEN)
                refused += 1
            else:
                order = await an_order(chance.choice(people), *lines, now=now)
                model[order.order_no] = set().union(*floors)
                placed += 1
        await assert_cells_are(model, courts)
    assert placed > 5
    assert refused > 5


async def assert_cells_are(model: dict[str, Floor], courts: dict[int, tuple[Court, frozenset[str]]]) -> None:
    held = await database.rows(
        """SELECT orders.order_no, order_line.id AS line_id, court_part.name, held_cell.step
             FROM held_cell JOIN court_part ON court_part.id = held_cell.part_id
                            JOIN order_line ON order_line.id = held_cell.order_line_id
                            JOIN orders ON orders.id = order_line.order_id"""
    )
    by_order: dict[str, Floor] = {}
    by_line: dict[int, Floor] = {}
    for row in held:
        cell = row["name"], row["step"]
        by_order.setdefault(row["order_no"], set()).add(cell)
        by_line.setdefault(row["line_id"], set()).add(cell)
    assert by_order == model
    assert len(held) == len({(row["name"], row["step"]) for row in held})
    for line in await OrderLine.filter(id__in=list(by_line)):
        assert line.court_id is not None
        steps = steps_between(line.starts_at, line.ends_at)
        assert by_line[line.id] == {(part, step) for part in courts[line.court_id][1] for step in steps}
