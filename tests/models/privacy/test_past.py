"""What is over leaves the hot tables at night, in batches that may die anywhere, and nobody misses it."""

import asyncio
import time
from datetime import datetime, timedelta
from typing import Any

import pytest

from models import database
from models.booking import operations, queries
from models.booking.rules import SlotStatus
from models.booking.session_making import make_sessions
from models.booking.tables import HeldCell, HeldPlace, Session
from models.calendar import business_day
from models.footfall.tables import HourlyOccupancy
from models.orders.queries import lines_of
from models.orders.tables import OrderLine
from models.privacy import past
from models.privacy.past import DAY, RULES, PastRule, purge_past
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.booking import Hall, a_hall, a_person, an_order, at, wanted
from tests.factories.sessions import a_session, places
from tests.models.privacy.test_retention import SECURITY, age_text

TONIGHT = at(3, days=2)
"""Three o'clock in the second night after tomorrow has begun; nothing of tomorrow is two days old."""


class Killed(BaseException):
    """The machine is switched off."""


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_documents_say_every_age(rule: PastRule) -> None:
    assert f"| {rule.what} | {age_text(rule.age)} | {rule.why} |" in SECURITY


async def two_booked_halls() -> list[Hall]:
    """Each with a court tomorrow and one in five days, a session tomorrow with two places sold and a month of others,
    and what its gate counted today."""
    halls = [await a_hall(ref=f"PAST{number}") for number in (1, 2)]
    for hall in halls:
        person = await a_person()
        session = await a_session(hall.venue)
        await an_order(person, wanted(hall.full, at(9)), places(session, 2))
        await an_order(person, wanted(hall.badminton, at(9, days=5)))
        for hour in (9, 10):
            await HourlyOccupancy.create(
                venue=hall.venue, business_day=business_day(NOW), hour=hour, most_inside=7, last_inside=3
            )
    return halls


async def held() -> dict[str, int]:
    return {
        "cells": await HeldCell.all().count(),
        "places": await HeldPlace.all().count(),
        "sessions": await Session.all().count(),
        "hours": await HourlyOccupancy.all().count(),
    }


async def test_each_thing_goes_at_its_age_and_whoever_reads_later_misses_nothing(db: Database) -> None:
    halls = await two_booked_halls()
    whole = await held()
    assert (whole["cells"], whole["places"], whole["hours"]) == (2 * (4 + 2), 2, 4)
    lines = await OrderLine.all().order_by("id")
    shown = await lines_of([line.order_id for line in lines])
    day = business_day(NOW) + DAY

    assert await purge_past(now=at(12, days=40)) == {}  # by day people book
    assert await purge_past(now=TONIGHT) == {}
    assert await held() == whole
    assert await purge_past(now=at(3, days=4)) == {"past_cells": 2 * 4}
    left = await HeldCell.all()
    assert {cell.order_line_id for cell in left} == {line.id for line in lines if line.starts_at > at(0, days=5)}
    grid = await queries.slots(venue_id=halls[0].venue.public_id, sport=None, day=day, now=at(3, days=4))
    assert {slot.status for court in grid for slot in court.slots} == {SlotStatus.PAST}

    gone = await purge_past(now=at(3, days=32))
    days_over = [session for session in await Session.all() if session.business_day < day + DAY]
    assert gone == {"past_cells": 2 * 2, "past_places": 2, "past_sessions": 2}  # nobody's of today
    assert [session.taken for session in days_over] == [2, 2]  # what was sold stays known
    assert (await purge_past(now=at(3, days=91))).keys() == {"past_sessions", "past_hours"}
    assert await held() == {"cells": 0, "places": 0, "sessions": 2, "hours": 0}

    await operations.release([line.id for line in lines], now=at(3, days=91))  # as a worker that was down for long
    assert [session.taken for session in await Session.all()] == [2, 2]
    assert await lines_of([line.order_id for line in lines]) == shown
    assert await make_sessions(now=at(3, days=91)) > 0  # and none of them is one that has gone
    assert not await Session.filter(taken=0, business_day__lt=business_day(at(3, days=91))).exists()


async def test_whoever_dies_in_the_midst_or_runs_twice_leaves_what_one_whole_night_leaves(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past, "VENUES", 1)
    monkeypatch.setattr(past, "BATCH", 3)
    await two_booked_halls()
    night = at(3, days=32)
    whole, batches = past._purge, []

    async def dying(rule: PastRule, venues: Any, now: datetime) -> int:
        batches.append(rule.name)
        if len(batches) == 3:  # two batches of the first hall's cells have gone
            raise Killed
        return await whole(rule, venues, now)

    monkeypatch.setattr(past, "_purge", dying)
    with pytest.raises(Killed):
        await purge_past(now=night)
    assert (await held())["cells"] == 2 * (4 + 2) - 2 * 3
    monkeypatch.setattr(past, "_purge", whole)
    monkeypatch.setattr(past, "MOST_A_RUN", 4)
    assert sum((await purge_past(now=night)).values()) == 2 + 3  # bounded, to the end of a batch
    monkeypatch.setattr(past, "MOST_A_RUN", 100)
    assert sum((await purge_past(now=night + timedelta(hours=1))).values()) == 3 + 2
    assert await purge_past(now=night + timedelta(hours=2)) == {}
    assert (await held())["cells"] == 0


async def vacuumed(table: str) -> None:
    """As autovacuum does; and again while anybody still sees what was before, as autovacuum's own ANALYZE of other tables
    may, since pages that are not all visible are no part of an index-only scan."""
    until = time.monotonic() + 20
    while True:
        await database.rows(f"VACUUM ANALYZE {table}")
        (seen,) = await database.rows("SELECT relpages, relallvisible FROM pg_class WHERE relname = $1", table)
        if seen["relpages"] == seen["relallvisible"]:
            return
        assert time.monotonic() < until, "somebody has been looking at what was before for 20 s"
        await asyncio.sleep(0.05)


@pytest.mark.postgres
async def test_old_cells_and_a_days_cells_are_read_from_their_venues_index_alone(db: Database) -> None:
    """However many cells of other venues and days there are."""
    await two_booked_halls()
    await database.rows(
        """INSERT INTO held_cell (part_id, step, venue_id, order_line_id)
           SELECT part.id, step, part.venue_id, line.id
             FROM generate_series(1000, 2999) AS step,
                  (SELECT id, venue_id FROM court_part ORDER BY id LIMIT 4) part,
                  (SELECT id FROM order_line ORDER BY id LIMIT 1) line"""
    )
    await vacuumed("held_cell")
    (said,) = await database.rows("SELECT reloptions FROM pg_class WHERE relname = 'held_cell'")
    assert "autovacuum_vacuum_insert_scale_factor=0.02" in said["reloptions"], "… before a fifth of it is new"
    (row,) = await database.rows("SELECT id FROM venue ORDER BY id LIMIT 1")
    (plan,) = await database.rows(f"EXPLAIN (FORMAT JSON) {queries.HELD}", row["id"], 1048, 1096)
    assert "venue_id" in plan[0]
    assert {"Index Only Scan"} == {
        word for word in ("Index Only Scan", "Heap Scan", "Seq Scan") if word in plan[0]
    }
    (plan,) = await database.rows(
        f"EXPLAIN (FORMAT JSON) SELECT id FROM held_cell WHERE {RULES[0].condition} LIMIT $3",
        1001,
        [row["id"]],
        5000,
    )
    assert "Seq Scan" not in plan[0], plan[0]
