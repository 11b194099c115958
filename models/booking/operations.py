"""Taking cells and giving them back. Plain functions: they run inside the act of whoever sells the slot."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from models import database
from models.booking.session_operations import release_places
from models.calendar import steps_between


@dataclass(frozen=True, slots=True)
class CellsWanted:
    """The cells of one order line: every part of its court at every step of its time."""

    order_line_id: int
    venue_id: int
    part_ids: tuple[int, ...]
    starts_at: datetime
    ends_at: datetime


WAITS_FOR = """
waiting.state = 'WAITING' AND waiting.venue_id = court.venue_id AND waiting.sport_code = court.sport_code
AND (waiting.court_id IS NULL OR waiting.court_id = court.id)
AND waiting.starts_from <= line.starts_at AND waiting.starts_until > line.starts_at AND waiting.people <= court.max_people
"""
"""In SQL: this `waiting` entry wants a slot of `court` that starts when `line` does."""


async def hold(wanted: Sequence[CellsWanted]) -> list[int]:
    """Takes all cells or none; returns the ids of the orders that stand in the way, none when it succeeded. An id
    of 0 is an order that let go of its cells meanwhile.

    Cells are inserted in one order for everybody, so that two people who want overlapping courts wait for each
    other instead of deadlocking; the unique constraint decides who was first.
    """
    cells = sorted(
        (part, step, line.venue_id, line.order_line_id)
        for line in wanted
        for part in line.part_ids
        for step in steps_between(line.starts_at, line.ends_at)
    )
    places = ", ".join(f"(${n}, ${n + 1}, ${n + 2}, ${n + 3})" for n in range(1, 4 * len(cells), 4))
    taken = await database.rows(
        f"INSERT INTO held_cell (part_id, step, venue_id, order_line_id) VALUES {places} "
        "ON CONFLICT (part_id, step) DO NOTHING RETURNING id",
        *(value for cell in cells for value in cell),
    )
    if len(taken) == len(cells):
        return []
    await _let_go([line.order_line_id for line in wanted])
    return await _in_the_way(cells)


async def release(order_line_ids: Sequence[int], *, now: datetime) -> None:
    """Gives back whatever these lines hold, cells and places of sessions; harmless when they hold nothing. A slot for
    which somebody waits is kept for them, before anybody else can see it free (models/checkout/waiting.py)."""
    await _keep_for_who_waits(order_line_ids, now)
    await _let_go(order_line_ids)
    await release_places(order_line_ids)


async def _let_go(order_line_ids: Sequence[int]) -> None:
    places = database.parameters(len(order_line_ids))
    await database.rows(f"DELETE FROM held_cell WHERE order_line_id IN ({places})", *order_line_ids)


async def _keep_for_who_waits(order_line_ids: Sequence[int], now: datetime) -> None:
    places = database.parameters(len(order_line_ids), first=2)
    kept = await database.rows(
        f"""INSERT INTO freed_slot (court_id, order_line_id, starts_at, freed_at)
            SELECT line.court_id, line.id, line.starts_at, $1
              FROM order_line line JOIN court ON court.id = line.court_id
             WHERE line.id IN ({places}) AND line.starts_at > $1
               AND EXISTS (SELECT 1 FROM held_cell WHERE order_line_id = line.id)
               AND EXISTS (SELECT 1 FROM waiting_entry waiting WHERE {WAITS_FOR})
            ON CONFLICT (order_line_id) DO NOTHING RETURNING id, order_line_id""",
        now,
        *order_line_ids,
    )
    for slot in kept:
        await database.rows(
            "UPDATE held_cell SET freed_slot_id = $1, order_line_id = NULL WHERE order_line_id = $2",
            slot["id"],
            slot["order_line_id"],
        )
    if kept:
        database.ring("offer_freed_slots")


async def _in_the_way(cells: Sequence[tuple[int, int, int, int]]) -> list[int]:
    parts = sorted({cell[0] for cell in cells})
    places = database.parameters(len(parts), first=3)
    found = await database.rows(
        f"""SELECT DISTINCT order_line.order_id, held_cell.part_id, held_cell.step
              FROM held_cell JOIN order_line ON order_line.id = held_cell.order_line_id
             WHERE held_cell.step >= $1 AND held_cell.step <= $2 AND held_cell.part_id IN ({places})""",
        min(cell[1] for cell in cells),
        max(cell[1] for cell in cells),
        *parts,
    )
    ours = {(cell[0], cell[1]) for cell in cells}
    return sorted({row["order_id"] for row in found if (row["part_id"], row["step"]) in ours}) or [0]
