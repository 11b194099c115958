"""On whose behalf somebody acts: for themselves, for a ward, or for somebody whose helper they are."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models import database
from models.audit.deeds import concerning
from models.calendar import business_day
from models.consents import operations as consents
from models.consents.rules import Purpose
from models.families.rules import HelperPower, MemberUnknown, PowerNotGiven
from models.keys import IdKeys
from models.real_names.queries import is_child, is_childs_number
from models.real_names.rules import GuardianNeeded

__all__ = ["Acting", "HelperPower", "acting_for", "booking_for"]

READING = (HelperPower.SEE_ORDERS, HelperPower.SHOW_CODES, HelperPower.MESSAGES)


@dataclass(frozen=True)
class Acting:
    """Whose thing it will be, and who does it."""

    member_id: int
    member_public_id: str
    by_member_id: int | None
    """The guardian or helper; None: the member."""


async def acting_for(
    *,
    member_id: int,
    member_public_id: str,
    for_member: str | None,
    power: HelperPower,
    keys: IdKeys,
    now: datetime,
) -> Acting:
    """The signed-in member acts for themselves (`for_member` None or their own id) or for somebody else.

    Raises MEMBER_UNKNOWN for somebody who is nothing to them, as for nobody at all; POWER_NOT_GIVEN; and
    GUARDIAN_NEEDED when a child under 14 would BOOK alone.
    """
    if for_member is None or for_member == member_public_id:
        if power is HelperPower.BOOK and await is_child(member_id=member_id, keys=keys, today=business_day(now)):
            raise GuardianNeeded("未满14周岁，由监护人预订和付款。", "请监护人登录后，为您预订。")
        return Acting(member_id, member_public_id, None)
    found = await database.row(_RELATION, member_id, for_member)
    if found is None or not (found["is_guardian"] or found["powers"] is not None):
        raise MemberUnknown
    other_id = int(found["id"])
    concerning("MEMBER", for_member, reading=power in READING)
    if found["is_guardian"] and _is_still_a_child(found, other_id, keys, now):
        return Acting(other_id, for_member, member_id)
    if found["powers"] is None:  # the ward has grown up: the guardianship gives nothing, ended or not yet
        raise MemberUnknown
    if power not in found["powers"].split(","):
        raise PowerNotGiven(power)
    if power is HelperPower.BOOK and await is_child(member_id=other_id, keys=keys, today=business_day(now)):
        raise GuardianNeeded("对方未满14周岁，只能由监护人预订。", "请孩子的监护人登录后预订。")
    return Acting(other_id, for_member, member_id)


async def booking_for(
    *, member_id: int, member_public_id: str, for_member: str | None, keys: IdKeys, now: datetime
) -> Acting:
    """The same with BOOK, for a new booking: a ward's wants the guardian's consent for the child, which may have been
    withdrawn since (PIPL 15, 31). What was booked before is still seen, paid and cancelled. Raises CONSENT_NEEDED too."""
    acting = await acting_for(
        member_id=member_id,
        member_public_id=member_public_id,
        for_member=for_member,
        power=HelperPower.BOOK,
        keys=keys,
        now=now,
    )
    if acting.by_member_id is not None and await is_child(
        member_id=acting.member_id, keys=keys, today=business_day(now)
    ):
        await consents.demand(member_id=acting.member_id, purpose=Purpose.CHILD, now=now)
    return acting


_RELATION = """
SELECT member.id, real_name.sealed_number, real_name.seal_key_id,
       EXISTS (SELECT 1 FROM guardianship
                WHERE guardian_id = $1 AND ward_id = member.id AND ended_at IS NULL) AS is_guardian,
       (SELECT powers FROM proxy
         WHERE helper_id = $1 AND principal_id = member.id AND ended_at IS NULL LIMIT 1) AS powers
  FROM member LEFT JOIN real_name ON real_name.member_id = member.id
 WHERE member.public_id = $2 AND member.joined_to_id IS NULL AND member.deleted_at IS NULL
"""


def _is_still_a_child(found: Any, member_id: int, keys: IdKeys, now: datetime) -> bool:
    return found["sealed_number"] is not None and is_childs_number(
        found["sealed_number"], found["seal_key_id"], member_id=member_id, keys=keys, today=business_day(now)
    )
