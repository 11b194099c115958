"""Many scans at the same moment, on a real PostgreSQL."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta

import pytest

from models.admissions.tables import Passage
from models.errors import Busy
from models.footfall import counting
from models.footfall.operations import record_numbered_scan, record_scan
from models.footfall.tables import DailyPassage, GateScan
from models.forwarding.tables import OutboxRow
from tests.databases import Database
from tests.factories.gates import Gate, a_gate, a_ticket, tickets
from tests.factories.people import CODE_KEYS
from tests.factories.places import a_venue

pytestmark = pytest.mark.postgres


async def scan(gate: Gate, code: str, now: datetime) -> str:
    try:
        return (await record_scan(device_id=gate.id, code=code, keys=CODE_KEYS, now=now)).outcome
    except Busy:
        return "BUSY"


async def test_a_hundred_scans_of_one_code_at_one_gate_pass_once(db: Database, now: datetime) -> None:
    venue = await a_venue()
    gate, ticket = await a_gate(venue), await a_ticket(venue)
    instants = [now + timedelta(milliseconds=10 * number) for number in range(100)]
    answers = Counter(await asyncio.gather(*[scan(gate, ticket.code(now), then) for then in instants]))
    assert set(answers) <= {"ENTERED", "BUSY"}
    assert answers["ENTERED"] > 50
    assert await Passage.all().count() == await GateScan.all().count() == 1
    assert await OutboxRow.filter(kind="gate-scans").count() == 1
    assert (await counting.occupancy_of([venue.id], now=now))[venue.id].inside == 1


async def test_one_code_at_ten_gates_at_once_passes_one(db: Database, now: datetime) -> None:
    venue = await a_venue()
    ticket = await a_ticket(venue)
    gates = [await a_gate(venue) for _ in range(10)]
    answers = Counter(await asyncio.gather(*[scan(gate, ticket.code(now), now) for gate in gates]))
    assert answers == {"ENTERED": 1, "ALREADY_INSIDE": 9}
    assert await DailyPassage.all().count() == 1


async def test_occupancy_is_exact_however_many_pass_at_once(db: Database, now: datetime) -> None:
    venue = await a_venue()
    ways_in = [await a_gate(venue) for _ in range(3)]
    ways_out = [await a_gate(venue, "EXIT") for _ in range(2)]
    people = [*await tickets(venue, 30), *await tickets(venue, 30)]
    entered = await asyncio.gather(
        *[scan(ways_in[number % 3], ticket.code(now), now) for number, ticket in enumerate(people)]
    )
    then = now + timedelta(minutes=1)
    left = await asyncio.gather(
        *[scan(ways_out[number % 2], ticket.code(then), then) for number, ticket in enumerate(people[:25])]
    )
    assert Counter(entered) == {"ENTERED": 60}
    assert Counter(left) == {"LEFT": 25}
    assert (await counting.occupancy_of([venue.id], now=then))[venue.id].inside == 35


async def test_one_event_sent_many_times_at_once_is_one_scan(db: Database, now: datetime) -> None:
    venue = await a_venue()
    gate, ticket = await a_gate(venue), await a_ticket(venue)
    verdicts = await asyncio.gather(
        *[
            record_numbered_scan(
                device_id=gate.id,
                event_no="e-1",
                code=ticket.code(now),
                at=now,
                sent_at=now,
                keys=CODE_KEYS,
                now=now,
            )
            for _ in range(20)
        ]
    )
    assert {verdict.outcome for verdict in verdicts} == {"ENTERED"}
    assert await GateScan.all().count() == await Passage.all().count() == 1


async def test_two_workers_report_an_hour_once(db: Database, now: datetime) -> None:
    venue = await a_venue()
    gate = await a_gate(venue)
    for ticket in await tickets(venue, 3):
        await scan(gate, ticket.code(now), now)
    end = now + timedelta(hours=1)
    told = await asyncio.gather(*[counting.report_hour(hour_end=end, now=end) for _ in range(5)])
    assert sum(told) == 1
    assert await OutboxRow.filter(kind="hourly-figures").count() == 1
