"""Giving up a booking for whoever stands at a desk and has no phone: what comes back is read out to them first, by the rules
of everybody. Of the person whose card was just read here, and of this venue only."""

from collections.abc import Mapping
from datetime import datetime

from models import database
from models.audit.deeds import concerning
from models.checkout.at_desk import order_unknown
from models.checkout.cancelling import RefundQuote, cancel_order, refund_quote
from models.families.guardian_here import demand_guardian_here
from models.keys import IdKeys
from models.real_names.at_desk import PersonHere, person_here
from models.staff.rules import Power, StaffSignedIn
from payments.port import PaymentChannel


async def quote_at_desk(
    *, clerk: StaffSignedIn, person_id: str, order_no: str, venue_id: str, keys: IdKeys, now: datetime
) -> RefundQuote:
    """What giving it up now would give back, and how. Raises NOT_ALLOWED, MEMBER_UNKNOWN for somebody whose card was not
    just read here, GUARDIAN_NEEDED for a child alone, ORDER_UNKNOWN, ORDER_CLOSED."""
    person = await _whose(clerk, person_id, order_no, venue_id, keys, now)
    concerning("MEMBER", person.public_id, venue_id=venue_id, reading=True)
    return await refund_quote(member_id=person.member_id, order_no=order_no, now=now)


async def cancel_at_desk(
    *,
    clerk: StaffSignedIn,
    person_id: str,
    order_no: str,
    expected_refund_fen: int,
    venue_id: str,
    keys: IdKeys,
    channels: Mapping[str, PaymentChannel],
    now: datetime,
) -> None:
    """The person gives the whole order up, as they would on a phone; what was paid at a desk comes back at one. The second
    time changes nothing.

    Raises as `quote_at_desk`, and what `cancel_order` says no with; REFUND_CHANGED when it is not what was read out.
    """
    person = await _whose(clerk, person_id, order_no, venue_id, keys, now)
    await cancel_order(
        member_id=person.member_id,
        order_no=order_no,
        expected_refund_fen=expected_refund_fen,
        channels=channels,
        now=now,
    )


async def _whose(
    clerk: StaffSignedIn, person_id: str, order_no: str, venue_id: str, keys: IdKeys, now: datetime
) -> PersonHere:
    person = await person_here(
        clerk=clerk, power=Power.BOOK_FOR_PERSON, person_id=person_id, venue_id=venue_id, keys=keys, now=now
    )
    if person.known.is_child:
        await demand_guardian_here(person, staff_id=clerk.staff_id, now=now)
    found = await database.row(
        "SELECT id FROM orders WHERE order_no = $1 AND member_id = $2 AND venue_id = $3",
        *(order_no, person.member_id, person.venue_id),
    )
    if found is None:
        raise order_unknown()
    return person
