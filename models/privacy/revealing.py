"""What is behind a mask, for whoever has the power to see it, with a reason, one person at a time.

Nothing is kept of what was shown; that it was shown, to whom and why, stands in the audit trail before the answer
goes out (`models/audit/doing.py`).
"""

from dataclasses import dataclass
from typing import Any

from models import database
from models.audit.deeds import concerning
from models.audit.rules import checked_reason
from models.errors import BadInput, DomainError, ErrorCode
from models.keys import IdKeys, PhoneKeys
from models.members import phones
from models.real_names.binding import open_name
from models.real_names.tables import RealName
from models.staff.powers import demand, has_everywhere, not_allowed
from models.staff.rules import Power, StaffSignedIn

_MEMBER = "SELECT id, public_id FROM member WHERE public_id = $1"
_MEMBER_AT_VENUE = """
SELECT member.id, member.public_id FROM member
 WHERE member.public_id = $1
   AND (EXISTS (SELECT 1 FROM orders JOIN venue ON venue.id = orders.venue_id
                 WHERE orders.member_id = member.id AND venue.public_id = $2)
        OR EXISTS (SELECT 1 FROM complaint JOIN venue ON venue.id = complaint.venue_id
                    WHERE complaint.member_id = member.id AND venue.public_id = $2))"""
_WHO_BOOKED = """
SELECT member.id, member.public_id FROM orders JOIN member ON member.id = orders.member_id
                                               JOIN venue ON venue.id = orders.venue_id
 WHERE orders.order_no = $1 AND venue.public_id = $2"""


@dataclass(frozen=True, slots=True)
class Whom:
    """Whose data: a member's by their id, or whoever booked an order. `venue_id` is where the clerk needs it."""

    venue_id: str | None
    member_id: str | None = None
    order_no: str | None = None


@dataclass(frozen=True, slots=True)
class Revealed:
    """`text` is None where nothing is known."""

    member_id: str
    text: str | None


async def reveal_phone(*, clerk: StaffSignedIn, whom: Whom, reason: str, keys: PhoneKeys) -> Revealed:
    """The whole number. Raises NOT_ALLOWED, BAD_INPUT, and MEMBER_UNKNOWN for who has nothing to do with the venue."""
    member = await _found(clerk, whom, reason)
    return Revealed(member["public_id"], await phones.number_of(member_id=member["id"], keys=keys))


async def reveal_name(*, clerk: StaffSignedIn, whom: Whom, reason: str, keys: IdKeys) -> Revealed:
    """The whole verified name. Raises as `reveal_phone`."""
    member = await _found(clerk, whom, reason)
    row = await RealName.get_or_none(member_id=member["id"])
    name = None if row is None else open_name(row.sealed_name, row.seal_key_id, member_id=member["id"], keys=keys)
    return Revealed(member["public_id"], name)


async def _found(clerk: StaffSignedIn, whom: Whom, reason: str) -> Any:
    """The member, once it is clear that this clerk may see them; the deed says so whatever comes of it."""
    said = checked_reason(reason)
    if (whom.member_id is None) == (whom.order_no is None):
        raise BadInput("请指定用户或订单。", next_step="两者选一个。", field="memberId")
    about = whom.member_id or whom.order_no or ""
    if whom.venue_id is None:
        if not has_everywhere(clerk, Power.REVEAL):
            raise not_allowed(Power.REVEAL)
        if whom.member_id is None:
            raise BadInput("请选择订单所在的场馆。", field="venueId")
        found = await database.row(_MEMBER, about)
    else:
        await demand(clerk, Power.REVEAL, venue_id=whom.venue_id)
        sql = _MEMBER_AT_VENUE if whom.member_id is not None else _WHO_BOOKED
        found = await database.row(sql, about, whom.venue_id)
    if found is None:
        raise DomainError(
            "没有找到这位用户。",
            code=ErrorCode.MEMBER_UNKNOWN,
            next_step="只能查看在本场馆有订单或诉求的用户，请核对编号。",
            field="memberId" if whom.member_id else "orderNo",
        )
    concerning("MEMBER", found["public_id"], venue_id=whom.venue_id or "", reading=True, detail=said)
    return found
