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


@dataclass(frozen=True, kw_only=True)
class AdmissionToday:
    """One place, and the code to redeem it with once the ID card was looked at."""

    row: Mapping[str, Any]
    printed_code: str


@dataclass(frozen=True, kw_only=True)
class DeskPerson:
    """All that a clerk sees of a person: masked, and of this venue and this day only."""

    person: PersonHere
    concessions: Sequence[HeldConcession]
    admissions: Sequence[AdmissionToday]
    unpaid_order_nos: Sequence[str]


async def seen_at_desk(person: PersonHere, *, keys: IdKeys, code_keys: CodeKeys, now: datetime) -> DeskPerson:
    """What the person has at this venue today."""
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
        unpaid_order_nos=[row["order_no"] for row in unpaid],
    )


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
