"""Rules that want people to come, friends who are named, and the desk's scans that show that somebody could have."""

import secrets
from datetime import datetime
from typing import Any

from models.admissions.desk import scan
from models.admissions.queries import codes_of
from models.admissions.rules import Verdict
from models.admissions.tables import Admission
from models.attendance.tables import Attendance
from models.booking.tables import BookingRule
from models.checkout import no_shows
from models.orders.tables import Order, OrderLine
from models.staff.rules import StaffSignedIn
from models.venues.tables import Venue
from tests.conftest import NOW
from tests.factories.booking import Hall, Person, a_hall, an_order, wanted
from tests.factories.families import Somebody, accept, ask_companion
from tests.factories.people import CODE_KEYS, a_clerk

STRICT: dict[str, Any] = {
    "check_in_minutes": 15,
    "no_shows": 3,
    "no_show_days": 90,
    "pause_days": 30,
}


async def a_rule(venue: Venue | None, *, sport: str = "", **columns: Any) -> BookingRule:
    """A version of the venue's own (or everybody's), as generous as the default's but for `columns`."""
    return await BookingRule.create(
        **{
            "venue_id": venue and venue.id,
            "sport_code": sport,
            "courts_a_person_a_day": 9,
            "minutes_a_court_a_day": 600,
            "days_ahead": 30,
            "release_minute": 0,
            "hold_minutes": 15,
            "entry_opens_minutes_before": 30,
            "provenance": "DEMONSTRATION",
            **columns,
        }
    )


async def a_strict_hall(**columns: Any) -> tuple[Hall, StaffSignedIn]:
    """Free in the morning; who has not come within 15 minutes loses the slot, and who has not come three times cannot
    book for a while. With a clerk at its desk."""
    hall = await a_hall(free_mornings=True)
    await a_rule(hall.venue, **(STRICT | columns))
    return hall, await a_clerk(hall.venue.public_id, device_id=f"desk-{secrets.token_hex(3)}")


async def free_order(
    person: Person, court: Any, starts_at: datetime, *, now: datetime = NOW, **line: Any
) -> Order:
    return await an_order(person, wanted(court, starts_at, **line), now=now)


async def desk_scans(clerk: StaffSignedIn, venue: Venue, code: str, now: datetime) -> Verdict:
    return await scan(
        clerk=clerk,
        venue_id=venue.public_id,
        checkpoint="前台",
        code=code,
        nonce=secrets.token_hex(8),
        direction="ENTRY",
        id_checked=False,
        keys=CODE_KEYS,
        now=now,
    )


async def the_desk_works(clerk: StaffSignedIn, venue: Venue, now: datetime) -> None:
    """It reads something, whatever that is."""
    assert (await desk_scans(clerk, venue, f"11{secrets.randbelow(10**22):022d}", now)).outcome == "UNKNOWN_CODE"


async def code_for(order: Order, now: datetime) -> str:
    """What the phone of whoever the order is for shows."""
    admission = await Admission.get(order_id=order.id, seat=1)
    found = await codes_of(member_id=order.member_id, admission_id=admission.public_id, keys=CODE_KEYS, now=now)
    return found.codes[0][1]


async def attendance_of(order: Order) -> Attendance:
    return await Attendance.get(order_line__order_id=order.id)


async def decide(order: Order, now: datetime) -> no_shows.Decided:
    return await no_shows.decide((await attendance_of(order)).id, now=now)


async def befriend(one: Somebody, other: Somebody) -> None:
    """They play together from now on."""
    await accept(other, await ask_companion(one))


async def line_of(order: Order) -> OrderLine:
    return await OrderLine.get(order_id=order.id)
