"""A device that counts people without reading codes: once each, into the venue, its hour and its session."""

from datetime import datetime, timedelta

import pytest

from models.booking.tables import Session
from models.errors import DomainError, ErrorCode
from models.footfall import counting
from models.footfall.devices import Protocol, create_gate
from models.footfall.operations import record_count, record_scan
from models.footfall.tables import DailyPassage, GateScan, HourlyOccupancy
from models.venues.tables import Venue
from tests.databases import Database
from tests.factories.gates import GATE_KEYS, Gate, a_gate, tickets
from tests.factories.people import CODE_KEYS
from tests.factories.places import a_venue
from tests.factories.sessions import a_session

MINUTE = timedelta(minutes=1)


async def a_counter(venue: Venue, direction: str = "ENTRY", sport: str = "SWIMMING") -> Gate:
    return await a_gate(venue, direction, protocol=Protocol.SIGNED, sport_code=sport)


async def count(
    gate: Gate, people: int, now: datetime, *, event_no: str = "1", ago: timedelta = timedelta()
) -> str:
    counted = await record_count(
        device_id=gate.id, event_no=event_no, people=people, at=now - ago, sent_at=now, now=now
    )
    return counted.outcome


async def inside(session: Session, now: datetime) -> tuple[int, int]:
    """Of the venue, and of the session."""
    found = (await counting.occupancy_of([session.venue_id], now=now)).get(session.venue_id)
    return found.inside if found else 0, (await Session.get(id=session.id)).counted_inside


async def test_people_are_counted_into_the_venue_and_the_session_and_out_again(db: Database) -> None:
    venue = await a_venue()
    session = await a_session(venue)
    during = session.starts_at + 10 * MINUTE
    door, way_out = await a_counter(venue), await a_counter(venue, "EXIT")
    assert await count(door, 5, during) == "COUNTED"
    assert await count(door, 5, during) == "COUNTED"  # the same event, told again
    assert await inside(session, during) == (5, 5)
    await count(way_out, 2, during)
    assert await inside(session, during) == (3, 3)
    await count(way_out, 9, during, event_no="2")
    assert await inside(session, during) == (0, 0)
    kept = await GateScan.all().order_by("id").values_list("event_no", "outcome", "people", "admission_id")
    assert kept == [("1", "COUNTED", 5, None), ("1", "COUNTED", 2, None), ("2", "COUNTED", 9, None)]
    assert await DailyPassage.all().count() == 0  # who they are nobody knows, nor whether they came before


async def test_a_device_that_leads_to_no_session_counts_for_the_venue_alone(db: Database) -> None:
    session = await a_session(venue := await a_venue())
    during = session.starts_at
    await count(await a_counter(venue, sport=""), 4, during)
    assert await inside(session, during) == (4, 0)
    late = await a_counter(venue)
    await count(late, 4, during, ago=timedelta(hours=23))  # of yesterday, which is over
    assert await inside(session, during) == (4, 0)


async def test_an_event_with_another_count_is_refused_and_nothing_changes(db: Database) -> None:
    session = await a_session(venue := await a_venue())
    during, door = session.starts_at, await a_counter(venue)
    await count(door, 2, during)
    for people, event_no, code in (
        (3, "1", ErrorCode.IDEMPOTENCY_KEY_REUSED),
        (0, "2", ErrorCode.BAD_INPUT),
        (-4, "2", ErrorCode.BAD_INPUT),
        (101, "2", ErrorCode.BAD_INPUT),
        (1, "", ErrorCode.BAD_INPUT),
    ):
        with pytest.raises(DomainError) as refused:
            await count(door, people, during, event_no=event_no)
        assert refused.value.code == code
    with pytest.raises(DomainError):
        await count(door, 1, during, event_no="3", ago=timedelta(hours=25))
    assert await inside(session, during) == (2, 2)
    assert await GateScan.all().count() == 1


async def test_the_hour_keeps_the_most_and_the_last_that_were_inside(db: Database, now: datetime) -> None:
    venue = await a_venue()
    door, way_out = await a_gate(venue), await a_counter(venue, "EXIT", sport="")
    for ticket in await tickets(venue, 3):
        await record_scan(device_id=door.id, code=ticket.code(now), keys=CODE_KEYS, now=now)
    await count(way_out, 2, now + MINUTE)
    await count(way_out, 1, now + 60 * MINUTE, event_no="2")
    hours = await HourlyOccupancy.all().order_by("hour").values_list("hour", "most_inside", "last_inside")
    assert hours == [(10, 3, 1), (11, 0, 0)]


async def test_a_figure_is_live_for_a_quarter_of_an_hour(db: Database, now: datetime) -> None:
    venue = await a_venue()
    await count(await a_counter(venue, sport=""), 1, now)
    found = (await counting.occupancy_of([venue.id], now=now))[venue.id]
    assert found.is_live(now + 15 * MINUTE)
    assert not found.is_live(now + 15 * MINUTE + timedelta(seconds=1))


async def test_a_device_for_a_sport_that_is_none_is_refused(db: Database) -> None:
    venue = await a_venue()
    with pytest.raises(DomainError) as refused:
        await create_gate(
            device_no="G1",
            venue_public_id=venue.public_id,
            direction="ENTRY",
            keys=GATE_KEYS,
            sport_code="CHESS",
        )
    assert refused.value.code == ErrorCode.SPORT_UNKNOWN
