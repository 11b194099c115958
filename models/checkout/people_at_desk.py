"""Serving somebody who has no phone: whom a clerk has before them, what they have today, and a booking in their name.

Finding, verifying and inviting a helper are `models.real_names.at_desk`'s and `models.families.inviting_helpers`';
here is what needs orders and admissions as well.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models import database
from models.admissions import queries as admissions
from models.calendar import business_day
from models.checkout.at_desk import checked_key
from models.checkout.placing import PlacedBy, place_order
from models.checkout.wanted import LineWanted
from models.codes.rules import CodeKeys
from models.errors import BadInput
from models.families.guardian_here import demand_guardian_here
from models.ids import request_hash
from models.keys import IdKeys
from models.real_names.at_desk import PersonHere, person_here
from models.real_names.queries import HeldConcession, held_concessions
from models.staff.rules import Power, StaffSignedIn
from payments.port import PaymentChannel

MOST_TODAY = 32
MOST_AHEAD = 20


@dataclass(frozen=True, kw_only=True)
class AdmissionToday:
    """One place, and the code to redeem it with once the ID card was looked at."""

    row: Mapping[str, Any]
    printed_code: str


@dataclass(frozen=True, kw_only=True)
class BookingAhead:
    """An order at this venue of which something is still to come; until then it can be given up."""

    order_no: str
    titles: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, kw_only=True)
class DeskPerson:
    """All that a clerk sees of a person: masked, and of this venue only; who was here before today is not among it."""

    person: PersonHere
    concessions: Sequence[HeldConcession]
    admissions: Sequence[AdmissionToday]
    ahead: Sequence[BookingAhead]
    unpaid_order_nos: Sequence[str]


async def seen_at_desk(person: PersonHere, *, keys: IdKeys, code_keys: CodeKeys, now: datetime) -> DeskPerson:
    """What the person has at this venue, today and ahead."""
    today = business_day(now)
    found = await admissions.admissions_at(member_id=person.member_id, venue_id=person.venue_id, day=today)
    unpaid = await database.rows(
        """SELECT order_no FROM orders WHERE member_id = $1 AND venue_id = $2 AND status = 'PENDING_PAYMENT'
              AND hold_expires_at > $3 ORDER BY id""",
        person.member_id,
        person.venue_id,
        now,
    )
    return DeskPerson(
        person=person,
        concessions=await held_concessions(member_id=person.member_id, keys=keys, today=today),
        admissions=[
            AdmissionToday(row=row, printed_code=admissions.printed_code(row, code_keys)) for row in found
        ],
        ahead=await _ahead(person, now),
        unpaid_order_nos=[row["order_no"] for row in unpaid],
    )


async def _ahead(person: PersonHere, now: datetime) -> list[BookingAhead]:
    """By their first slot, the soonest first."""
    found = await database.rows(
        """SELECT orders.order_no, order_line.starts_at, order_line.ends_at,
                  COALESCE(court.name, session.name) AS title
             FROM orders JOIN order_line ON order_line.order_id = orders.id
                         LEFT JOIN court ON court.id = order_line.court_id
                         LEFT JOIN session ON session.id = order_line.session_id
            WHERE orders.member_id = $1 AND orders.venue_id = $2
              AND (orders.status = 'PAID' OR orders.status = 'PENDING_PAYMENT' AND orders.hold_expires_at > $3)
              AND order_line.cancelled_at IS NULL AND order_line.starts_at > $3
            ORDER BY order_line.starts_at, order_line.id LIMIT $4""",
        *(person.member_id, person.venue_id, now, 8 * MOST_AHEAD),
    )
    by_order: dict[str, list[Mapping[str, Any]]] = {}
    for row in found:
        by_order.setdefault(row["order_no"], []).append(database.with_instants(row, "starts_at", "ends_at"))
    return [
        BookingAhead(
            order_no=order_no,
            titles="、".join(dict.fromkeys(line["title"] for line in lines)),
            starts_at=lines[0]["starts_at"],
            ends_at=max(line["ends_at"] for line in lines),
        )
        for order_no, lines in list(by_order.items())[:MOST_AHEAD]
    ]


async def place_order_at_desk(
    *,
    clerk: StaffSignedIn,
    person_id: str,
    lines: Sequence[LineWanted],
    venue_id: str,
    idempotency_key: str,
    keys: IdKeys,
    channels: Mapping[str, PaymentChannel],
    now: datetime,
) -> str:
    """A booking for the person before the clerk, at this venue, under the same rules and limits as on a phone; it is
    paid with `take_money`. Returns the order's number; the same key with the same lines returns the same order.

    Raises NOT_ALLOWED, MEMBER_UNKNOWN for somebody whose card was not just read here, GUARDIAN_NEEDED for a child unless
    a guardian's card was read here as well, and whatever `place_order` says no with.
    """
    key = checked_key(idempotency_key)
    person = await person_here(
        clerk=clerk, power=Power.BOOK_FOR_PERSON, person_id=person_id, venue_id=venue_id, keys=keys, now=now
    )
    if person.known.is_child:
        await demand_guardian_here(person, staff_id=clerk.staff_id, now=now)
    await _check_venue(lines, venue_id)
    return await place_order(
        member_id=person.member_id,
        lines=lines,
        idempotency_key=f"desk-{request_hash(clerk.staff_id, key)[:32]}",  # never one of the member's own
        placed_by=PlacedBy(staff_id=clerk.staff_id),
        keys=keys,
        channels=channels,
        now=now,
    )


async def _check_venue(lines: Sequence[LineWanted], venue_id: str) -> None:
    """A clerk books at the desk at which they stand."""
    elsewhere = await database.row(
        """SELECT court.id FROM court JOIN venue ON venue.id = court.venue_id
            WHERE venue.public_id <> $1 AND court.public_id = ANY($2::text[])
            UNION SELECT session.id FROM session JOIN venue ON venue.id = session.venue_id
            WHERE venue.public_id <> $1 AND session.public_id = ANY($3::text[]) LIMIT 1""",
        venue_id,
        [line.court_id for line in lines if line.court_id],
        [line.session_id for line in lines if line.session_id],
    )
    if elsewhere is not None:
        raise BadInput("前台只能预订本场馆的场地。", next_step="请选择本场馆的时段。", field="lines")
