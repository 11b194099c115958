"""Somebody was made known at a desk, or added by a guardian, and has a phone now: what is on the phone joins the account
that has their name, bookings and vouchers.

Proof of both: of this account, the card that the clerk has just read; of the other, a code that it shows, as ever. Only
an account into which nobody can sign in is proved by a card (`asking`); for a day it is undone on the phone.
"""

from datetime import datetime

from models.keys import IdKeys, PhoneKeys, TokenKeys
from models.merging.asking import Asking
from models.merging.operations import merge_members
from models.real_names.at_desk import person_here
from models.real_names.rules import GuardianNeeded
from models.staff.rules import Power, StaffSignedIn


async def join_at_desk(
    *,
    clerk: StaffSignedIn,
    person_id: str,
    code: str,
    venue_id: str,
    token_keys: TokenKeys,
    phone_keys: PhoneKeys,
    id_keys: IdKeys,
    now: datetime,
) -> str:
    """Joins the account of the code to that of the person before the clerk; gives the merge's id. The same code again:
    the same merge.

    Raises NOT_ALLOWED, MEMBER_UNKNOWN, GUARDIAN_NEEDED for a child, MERGE_CODE_INVALID, MERGE_REFUSED (also where
    somebody can sign in: then they join the two by themselves), TOO_MANY_ATTEMPTS.
    """
    person = await person_here(
        clerk=clerk, power=Power.READ_PERSON, person_id=person_id, venue_id=venue_id, keys=id_keys, now=now
    )
    if person.known.is_child:
        raise GuardianNeeded("未满14周岁的孩子由监护人管理账号。", "请孩子满14周岁后，本人带身份证来办理。")
    return await merge_members(
        asking=Asking(member_id=person.member_id, person=person, staff_id=clerk.staff_id),
        code=code,
        token_keys=token_keys,
        phone_keys=phone_keys,
        id_keys=id_keys,
        now=now,
    )
