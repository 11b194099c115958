"""Occupancy with its age, and the hourly figures."""

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.admissions import operations as admissions
from models.calendar import business_day
from models.footfall import counting
from models.footfall.operations import record_scan
from models.footfall.tables import DailyPassage, HourlyFigure, Occupancy
from models.forwarding.tables import OutboxRow
from models.venues.tables import Venue
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.gates import Gate, Ticket, a_gate, a_ticket, tickets
from tests.factories.people import CODE_KEYS
from tests.factories.places import a_region, a_venue

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
CLOSING = NOW + 12 * HOUR  # 22:00 in Chengdu


async def scan(gate: Gate, code: str, now: datetime) -> str:
    return (await record_scan(device_id=gate.id, code=code, keys=CODE_KEYS, now=now)).outcome


async def inside(venue: Venue, now: datetime) -> tuple[int, timedelta] | None:
    """How many, and how old the figure is."""
    found = (await counting.occupancy_of([venue.id], now=now)).get(venue.id)
    return (found.inside, now - found.counted_at) if found else None


async def figures() -> list[dict[str, object]]:
    rows = await OutboxRow.filter(kind="hourly-figures").order_by("id")
    return [row.payload for row in rows]


async def test_a_venue_whose_gates_never_counted_has_no_occupancy(db: Database, now: datetime) -> None:
    venue = await a_venue()
    assert await counting.occupancy_of([venue.id], now=now) == {}
    assert await counting.occupancy_of([], now=now) == {}


async def test_occupancy_tells_its_age(db: Database, now: datetime) -> None:
    venue = await a_venue()
    await scan(await a_gate(venue), (await a_ticket(venue)).code(now), now)
    assert await inside(venue, now + 40 * MINUTE) == (1, 40 * MINUTE)


async def test_who_entered_by_the_desk_and_leaves_by_the_gate_does_not_make_it_negative(
    db: Database, now: datetime
) -> None:
    venue = await a_venue()
    ticket = await a_ticket(venue)
    ticket.admission.is_inside, ticket.admission.first_entered_at = True, now
    ticket.admission.passage_count = 1
    await ticket.admission.save()
    assert await scan(await a_gate(venue, "EXIT"), ticket.code(now), now) == "LEFT"
    assert await inside(venue, now) == (0, timedelta())


async def test_a_later_day_reads_nobody_and_starts_with_nobody(db: Database, now: datetime) -> None:
    venue, tomorrow = await a_venue(), now + 24 * HOUR
    gate = await a_gate(venue)
    for ticket in await tickets(venue, 3):
        await scan(gate, ticket.code(now), now)
    assert await inside(venue, tomorrow) == (0, 24 * HOUR)
    await scan(gate, (await a_ticket(venue, starts_at=tomorrow)).code(tomorrow), tomorrow)
    assert await inside(venue, tomorrow) == (1, timedelta())


async def test_closing_empties_the_venue_once(db: Database, now: datetime) -> None:
    venue = await a_venue(open_minutes=(480, 1320))
    await scan(await a_gate(venue), (await a_ticket(venue)).code(now), now)
    assert await counting.close_day(now=CLOSING - MINUTE) == 0
    assert await inside(venue, CLOSING) == (1, 12 * HOUR)
    assert await counting.close_day(now=CLOSING + MINUTE) == 1
    assert await inside(venue, CLOSING + 2 * MINUTE) == (0, MINUTE)
    assert await counting.close_day(now=CLOSING + 2 * MINUTE) == 0


async def test_closing_leaves_an_open_venue_and_one_without_hours_alone(db: Database, now: datetime) -> None:
    for venue in (await a_venue(open_minutes=(480, 1440)), await a_venue(open_minutes=None)):
        await scan(await a_gate(venue), (await a_ticket(venue)).code(now), now)
    assert await counting.close_day(now=CLOSING + MINUTE) == 0
    assert await Occupancy.filter(inside=1).count() == 2


async def test_what_a_gate_counts_after_closing_is_believed(db: Database, now: datetime) -> None:
    venue, late = await a_venue(open_minutes=(480, 1320)), CLOSING + MINUTE
    await scan(await a_gate(venue), (await a_ticket(venue, starts_at=late)).code(late), late)
    assert await counting.close_day(now=late + MINUTE) == 0
    assert await inside(venue, late) == (1, timedelta())


async def test_hourly_figures_have_the_platforms_names_and_the_end_of_the_hour(
    db: Database, now: datetime
) -> None:
    venue = await a_venue(ref="CQ010", province_code="500000", city_code="500100", region=await a_region("500103"))
    way_in, way_out = await a_gate(venue, device_no="in-1"), await a_gate(venue, "EXIT", device_no="out-1")
    people = await tickets(venue, 3)
    for ticket in people:
        await scan(way_in, ticket.code(now), now)
    await scan(way_out, people[0].code(now + 20 * MINUTE), now + 20 * MINUTE)
    assert await counting.report_hour(hour_end=now + HOUR, now=now + HOUR) == 2
    about = {
        "provinceId": "500000",
        "cityId": "500100",
        "districtId": "500103",
        "venueId": "CQ010",
        "acqTime": "2026-11-20 11:00:00",
        "isCoreArea": 1,
    }
    assert await figures() == [
        about | {"deviceId": "in-1", "acqNumOfPeople": 3, "leaNumOfPeople": 0},
        about | {"deviceId": "out-1", "acqNumOfPeople": 0, "leaNumOfPeople": 1},
    ]


async def test_the_last_hour_of_a_day_ends_at_the_next_midnight(db: Database) -> None:
    venue, late = await a_venue(), CLOSING + 90 * MINUTE  # 23:30
    gate = await a_gate(venue, is_core_area=False)
    await scan(gate, (await a_ticket(venue, starts_at=late)).code(late), late)
    midnight = CLOSING + 2 * HOUR
    assert business_day(midnight) != business_day(late)
    await counting.report_hour(hour_end=midnight, now=midnight)
    (figure,) = await figures()
    assert (figure["acqTime"], figure["acqNumOfPeople"], figure["isCoreArea"]) == ("2026-11-21 00:00:00", 1, 0)


async def test_reporting_an_hour_again_tells_nothing_unless_the_figure_changed(
    db: Database, now: datetime
) -> None:
    venue = await a_venue()
    gate, (first, second) = await a_gate(venue), await tickets(venue, 2)
    await scan(gate, first.code(now), now)
    end = now + HOUR
    told = [await counting.report_hour(hour_end=end, now=end) for _ in range(2)]
    await scan(gate, second.code(now + 59 * MINUTE), now + 59 * MINUTE)
    told += [await counting.report_hour(hour_end=end, now=end + MINUTE) for _ in range(2)]
    assert told == [1, 0, 1, 0]
    assert [figure["acqNumOfPeople"] for figure in await figures()] == [1, 2]
    assert (await HourlyFigure.get()).entered == 2


async def test_an_hour_in_which_nobody_passed_is_not_told(db: Database, now: datetime) -> None:
    await a_gate(await a_venue())
    assert await counting.report_hour(hour_end=now, now=now) == 0
    assert await figures() == []


@pytest.mark.parametrize("hour_end", [NOW + MINUTE, NOW + HOUR])
async def test_only_a_whole_hour_that_has_passed_can_be_reported(db: Database, hour_end: datetime) -> None:
    with pytest.raises(ValueError, match="not the end of an hour"):
        await counting.report_hour(hour_end=hour_end, now=NOW)


async def counted(venue: Venue, booked: list[Ticket]) -> int:
    """Each enters at their time; how many people that was."""
    gate = await a_gate(venue)
    for ticket in booked:
        then = ticket.admission.starts_at
        assert await scan(gate, ticket.code(then), then) == "ENTERED"
    return await DailyPassage.filter(direction="ENTRY").count()


async def test_a_member_who_comes_twice_a_day_is_one_person_and_every_companion_another(
    db: Database, now: datetime
) -> None:
    venue = await a_venue()
    morning = await tickets(venue, 2)
    afternoon = await tickets(venue, 2, starts_at=now + 3 * HOUR, member_id=morning[0].admission.member_id)
    assert await counted(venue, morning + afternoon) == 3
    for hours in (1, 4):
        assert await counting.report_hour(hour_end=now + hours * HOUR, now=now + 4 * HOUR) == 1
    assert [figure["acqNumOfPeople"] for figure in await figures()] == [2, 1]


async def test_who_comes_by_a_second_booking_for_the_same_time_is_somebody_else(
    db: Database, now: datetime
) -> None:
    venue = await a_venue()
    one = await tickets(venue, 2)
    two = await tickets(venue, 2, starts_at=now + HOUR, member_id=one[0].admission.member_id)
    assert await counted(venue, one + two) == 4


async def test_a_booking_that_was_given_up_makes_nobody_somebody_else(db: Database, now: datetime) -> None:
    venue = await a_venue()
    given_up = await a_ticket(venue)
    member_id = given_up.admission.member_id
    await admissions.revoke([given_up.admission.order_line_id], now=now)
    again = await a_ticket(venue, member_id=member_id)
    later = await a_ticket(venue, starts_at=now + 3 * HOUR, member_id=member_id)
    assert await counted(venue, [again, later]) == 1


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moves=st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(["ENTRY", "EXIT"]), st.integers(1, 50)), max_size=25
    )
)
async def test_a_day_of_any_passages_ends_in_figures_that_count_each_person_once(
    db: Database, moves: list[tuple[int, str, int]]
) -> None:
    """Against a plain model: people in sets, doors as the admission's state says."""
    await db.clean()
    venue = await a_venue()
    gates = {"ENTRY": await a_gate(venue), "EXIT": await a_gate(venue, "EXIT")}
    people = await tickets(venue, 4, hours=24)
    now, within, seen = NOW, set[int](), {"ENTRY": set[int](), "EXIT": set[int]()}
    for who, direction, minutes in moves:
        now += minutes * MINUTE
        if business_day(now) != business_day(NOW):
            break
        outcome = await scan(gates[direction], people[who].code(now), now)
        may_pass = (who in within) == (direction == "EXIT")
        assert (outcome in ("ENTERED", "ENTERED_AGAIN", "LEFT")) == may_pass
        if may_pass:
            within ^= {who}
            seen[direction].add(who)
            assert await inside(venue, now) == (len(within), timedelta())
    midnight = NOW + 14 * HOUR
    for hours_ago in range(14):
        await counting.report_hour(hour_end=midnight - hours_ago * HOUR, now=midnight)
    told = await figures()
    assert sum(figure["acqNumOfPeople"] for figure in told) == len(seen["ENTRY"])  # type: ignore[misc]
    assert sum(figure["leaNumOfPeople"] for figure in told) == len(seen["EXIT"])  # type: ignore[misc]
