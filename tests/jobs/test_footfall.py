"""Hourly figures, also those that were missed, and empty venues after closing."""

from datetime import datetime, timedelta

from jobs.footfall import HOURS_LOOKED_BACK, close_day, report_hours
from models.footfall import counting
from models.footfall.operations import record_scan
from models.forwarding.tables import OutboxRow
from models.venues.tables import Venue
from tests.databases import Database
from tests.factories.gates import Gate, a_gate, a_ticket
from tests.factories.people import CODE_KEYS
from tests.factories.places import a_venue

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


async def somebody_enters(venue: Venue, gate: Gate, at: datetime) -> None:
    ticket = await a_ticket(venue, starts_at=at)
    verdict = await record_scan(device_id=gate.id, code=ticket.code(at), keys=CODE_KEYS, now=at)
    assert verdict.passed


async def told_hours() -> list[tuple[str, int]]:
    rows = await OutboxRow.filter(kind="hourly-figures").order_by("id")
    return [(row.payload["acqTime"], row.payload["acqNumOfPeople"]) for row in rows]


async def test_the_hour_that_just_ended_is_told_once_and_the_running_one_not_yet(
    db: Database, now: datetime
) -> None:
    venue = await a_venue()
    gate = await a_gate(venue)
    await somebody_enters(venue, gate, now + 59 * MINUTE)
    assert await report_hours(now=now + 59 * MINUTE) == 0
    await somebody_enters(venue, gate, now + 61 * MINUTE)
    assert [await report_hours(now=now + 62 * MINUTE) for _ in range(2)] == [1, 0]
    assert await told_hours() == [("2026-11-20 11:00:00", 1)]


async def test_hours_missed_while_the_worker_was_down_are_told_in_order_up_to_two_days_back(
    db: Database, now: datetime
) -> None:
    venue = await a_venue()
    gate = await a_gate(venue)
    back = now + HOURS_LOOKED_BACK * HOUR
    for hour in (-1, 0, 3, HOURS_LOOKED_BACK - 1):
        await somebody_enters(venue, gate, now + hour * HOUR + MINUTE)
    assert await report_hours(now=back) == 3
    assert await told_hours() == [
        ("2026-11-20 11:00:00", 1),
        ("2026-11-20 14:00:00", 1),
        ("2026-11-22 10:00:00", 1),
    ]


async def test_closing_empties_what_the_gates_left_inside(db: Database, now: datetime) -> None:
    venue = await a_venue(open_minutes=(480, 1320))
    await somebody_enters(venue, await a_gate(venue), now)
    closing = now + 12 * HOUR
    assert [await close_day(now=closing - MINUTE), await close_day(now=closing)] == [0, 1]
    assert (await counting.occupancy_of([venue.id], now=closing))[venue.id].inside == 0
