"""Scans at gates: judged once, stored, counted, told to the platform."""

from datetime import UTC, datetime, timedelta

import pytest

from models.admissions.operations import UNKNOWN_CODES_A_MINUTE
from models.admissions.tables import Passage
from models.errors import BadInput, DomainError, ErrorCode
from models.footfall import counting
from models.footfall.operations import record_numbered_scan, record_scan
from models.footfall.tables import DailyPassage, GateScan
from models.forwarding.tables import OutboxRow
from tests.databases import Database
from tests.factories.gates import Gate, a_gate, a_ticket
from tests.factories.people import CODE_KEYS
from tests.factories.places import a_venue

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


async def scan(gate: Gate, code: str, now: datetime) -> str:
    return (await record_scan(device_id=gate.id, code=code, keys=CODE_KEYS, now=now)).outcome


async def inside(venue_id: int, now: datetime) -> int | None:
    found = (await counting.occupancy_of([venue_id], now=now)).get(venue_id)
    return found.inside if found else None


async def told(kind: str = "gate-scans") -> list[OutboxRow]:
    return await OutboxRow.filter(kind=kind).order_by("id")


async def test_a_good_code_passes_is_counted_and_told_to_the_platform(db: Database, now: datetime) -> None:
    venue = await a_venue(ref="CD001")
    gate, ticket = await a_gate(venue, device_no="north-1"), await a_ticket(venue)
    assert await scan(gate, ticket.code(now), now) == "ENTERED"
    kept = await GateScan.get()
    assert (kept.outcome, kept.direction, kept.admission_id) == ("ENTERED", "ENTRY", ticket.admission.id)
    assert await inside(venue.id, now) == 1
    (row,) = await told()
    assert row.subject == "gate:north-1"
    assert row.payload == {
        "eventNo": kept.event_no,
        "deviceId": "north-1",
        "venueId": "CD001",
        "direction": "ENTRY",
        "orderNo": ticket.order_no,
        "admissionId": ticket.admission.public_id,
        "passedAt": "2026-11-20 10:00:00",
    }
    assert [row.subject for row in await told("redemptions")] == [f"order:{ticket.order_no}"]


async def test_a_refused_code_is_kept_but_neither_counted_nor_told(db: Database, now: datetime) -> None:
    venue, elsewhere = await a_venue(), await a_venue()
    gate = await a_gate(venue)
    assert await scan(gate, (await a_ticket(elsewhere)).code(now), now) == "WRONG_VENUE"
    assert await scan(gate, "0" * 24, now) == "UNKNOWN_CODE"
    assert sorted(await GateScan.all().values_list("outcome", flat=True)) == ["UNKNOWN_CODE", "WRONG_VENUE"]
    assert await OutboxRow.all().count() == await DailyPassage.all().count() == await Passage.all().count() == 0
    assert await inside(venue.id, now) is None


async def test_a_printed_code_is_for_the_desk_only(db: Database, now: datetime) -> None:
    venue = await a_venue()
    assert await scan(await a_gate(venue), (await a_ticket(venue)).printed_code(), now) == "DESK_ONLY"


async def test_the_code_itself_is_kept_nowhere(db: Database, now: datetime) -> None:
    venue = await a_venue()
    gate, ticket = await a_gate(venue), await a_ticket(venue)
    await scan(gate, ticket.code(now), now)
    kept = await GateScan.get().values()
    assert ticket.code(now) not in str(kept)


async def test_the_same_code_within_three_seconds_is_one_scan(db: Database, now: datetime) -> None:
    venue = await a_venue()
    gate, ticket = await a_gate(venue), await a_ticket(venue)
    answers = [await scan(gate, ticket.code(now), now + wait * SECOND) for wait in (0, 1, 2.9)]
    assert answers == ["ENTERED"] * 3
    assert await GateScan.all().count() == await Passage.all().count() == await inside(venue.id, now) == 1
    assert await scan(gate, ticket.code(now), now + 3 * SECOND) == "ALREADY_INSIDE"


async def test_a_repeat_whose_clock_was_read_before_the_first_got_the_lock_is_the_same_scan(
    db: Database, now: datetime
) -> None:
    venue = await a_venue()
    gate, ticket = await a_gate(venue), await a_ticket(venue)
    assert await scan(gate, ticket.code(now), now) == "ENTERED"
    assert await scan(gate, ticket.code(now), now - SECOND) == "ENTERED"
    assert await GateScan.all().count() == 1


async def test_another_gate_does_not_know_this_gates_answer(db: Database, now: datetime) -> None:
    venue = await a_venue()
    ticket = await a_ticket(venue)
    assert await scan(await a_gate(venue), ticket.code(now), now) == "ENTERED"
    assert await scan(await a_gate(venue), ticket.code(now), now + SECOND) == "ALREADY_INSIDE"


async def test_going_out_and_in_again_counts_one_person_once(db: Database, now: datetime) -> None:
    venue = await a_venue()
    way_in, way_out, ticket = await a_gate(venue), await a_gate(venue, "EXIT"), await a_ticket(venue)
    seen = []
    for minute, gate in enumerate([way_in, way_out, way_in, way_out]):
        then = now + timedelta(minutes=minute)
        seen.append((await scan(gate, ticket.code(then), then), await inside(venue.id, then)))
    assert seen == [("ENTERED", 1), ("LEFT", 0), ("ENTERED_AGAIN", 1), ("LEFT", 0)]
    assert sorted(await DailyPassage.all().values_list("direction", flat=True)) == ["ENTRY", "EXIT"]
    assert len(await told()) == 4


async def test_twenty_unknown_codes_in_a_minute_shut_the_device_for_a_while(db: Database, now: datetime) -> None:
    venue = await a_venue()
    gate, other, ticket = await a_gate(venue), await a_gate(venue), await a_ticket(venue)
    for number in range(UNKNOWN_CODES_A_MINUTE):
        assert await scan(gate, f"{number:024}", now + number * SECOND) == "UNKNOWN_CODE"
    then = now + 30 * SECOND
    assert await scan(gate, ticket.code(then), then) == "TOO_MANY_ATTEMPTS"
    assert await Passage.all().count() == 0
    assert await scan(other, "9" * 24, then) == "UNKNOWN_CODE"  # another device is not shut
    later = now + 75 * SECOND
    assert await scan(gate, ticket.code(later), later) == "ENTERED"


async def numbered(
    gate: Gate,
    event_no: str,
    code: str,
    *,
    now: datetime,
    at: datetime | None = None,
    fast: timedelta = 0 * SECOND,
) -> str:
    """A signed device's scan, `at` true time; its clock goes wrong by `fast`."""
    verdict = await record_numbered_scan(
        device_id=gate.id,
        event_no=event_no,
        code=code,
        at=(at or now) + fast,
        sent_at=now + fast,
        keys=CODE_KEYS,
        now=now,
    )
    return verdict.outcome


async def test_a_repeated_event_number_gets_the_first_answer_at_any_later_time(
    db: Database, now: datetime
) -> None:
    venue = await a_venue()
    gate, ticket = await a_gate(venue), await a_ticket(venue)
    assert await numbered(gate, "e-1", ticket.code(now), now=now) == "ENTERED"
    assert await numbered(gate, "e-1", ticket.code(now), at=now, now=now + HOUR) == "ENTERED"
    assert await GateScan.all().count() == len(await told()) == 1
    assert await numbered(await a_gate(venue), "e-1", ticket.code(now), now=now) == "ALREADY_INSIDE"


async def test_an_event_number_with_another_content_is_refused_and_changes_nothing(
    db: Database, now: datetime
) -> None:
    venue = await a_venue()
    gate, first, second = await a_gate(venue), await a_ticket(venue), await a_ticket(venue)
    await numbered(gate, "e-1", first.code(now), now=now)
    with pytest.raises(DomainError) as refusal:
        await numbered(gate, "e-1", second.code(now), now=now)
    assert refusal.value.code == ErrorCode.IDEMPOTENCY_KEY_REUSED
    assert await GateScan.all().count() == await inside(venue.id, now) == 1


async def test_a_scan_delivered_late_is_judged_as_of_then(db: Database, now: datetime) -> None:
    venue = await a_venue()
    gate, ticket = await a_gate(venue), await a_ticket(venue)
    assert await numbered(gate, "e-1", ticket.code(now), at=now, now=now + 5 * HOUR) == "ENTERED"
    assert (await GateScan.get()).scanned_at == now
    (row,) = await told()
    assert row.payload["passedAt"] == "2026-11-20 10:00:00"
    assert await inside(venue.id, now + 5 * HOUR) == 1


async def test_yesterdays_scan_counts_for_yesterday_and_not_for_who_is_inside_now(
    db: Database, now: datetime
) -> None:
    venue = await a_venue()
    gate, ticket = await a_gate(venue), await a_ticket(venue)
    assert await numbered(gate, "e-1", ticket.code(now), at=now, now=now + 20 * HOUR) == "ENTERED"
    assert await inside(venue.id, now + 20 * HOUR) is None
    assert str((await DailyPassage.get()).business_day) == "2026-11-20"


async def test_a_clock_that_is_four_minutes_fast_does_no_harm(db: Database, now: datetime) -> None:
    venue = await a_venue()
    gate, ticket = await a_gate(venue), await a_ticket(venue)
    assert await numbered(gate, "e-1", ticket.code(now), now=now, fast=240 * SECOND) == "ENTERED"
    assert (await GateScan.get()).scanned_at == now


@pytest.mark.parametrize("age", [timedelta(hours=24, seconds=1), timedelta(seconds=-2)])
async def test_a_scan_of_an_impossible_time_is_refused(db: Database, now: datetime, age: timedelta) -> None:
    gate = await a_gate(await a_venue())
    with pytest.raises(BadInput):
        await numbered(gate, "e-1", "1" * 24, at=now - age, now=now)
    assert await GateScan.all().count() == 0


async def test_times_at_the_end_of_the_calendar_are_refused_and_not_computed_with(
    db: Database, now: datetime
) -> None:
    gate = await a_gate(await a_venue())
    for at in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"):
        with pytest.raises(BadInput):
            await numbered(gate, "e-1", "1" * 24, at=datetime.fromisoformat(at), now=now)


@pytest.mark.parametrize("event_no", ["", "x" * 65, "a\nb", "a\x00"])
async def test_an_event_number_that_cannot_be_is_refused(db: Database, now: datetime, event_no: str) -> None:
    gate = await a_gate(await a_venue())
    with pytest.raises(BadInput):
        await numbered(gate, event_no, "1" * 24, now=now)


async def test_the_earliest_scan_is_a_persons_first_though_it_arrived_last(db: Database, now: datetime) -> None:
    venue = await a_venue()
    morning, evening = await a_gate(venue), await a_gate(venue)
    way_out, ticket = await a_gate(venue, "EXIT"), await a_ticket(venue, hours=8)
    later = now + 3 * HOUR
    await numbered(evening, "e-1", ticket.code(later), now=later)
    await numbered(way_out, "e-2", ticket.code(later), now=later + SECOND, at=later + SECOND)
    await numbered(morning, "e-3", ticket.code(now), at=now, now=later + 2 * SECOND)
    first = await DailyPassage.get(direction="ENTRY")
    assert (first.device_id, first.passed_at) == (morning.id, now.astimezone(UTC))
