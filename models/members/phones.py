"""Phone numbers: kept sealed, found by a keyed hash, shown masked (PIPL; GB/T 22239 level 3).

A value is sealed to its place: table, column, and the member it belongs to, who has one row at most.
"""

from datetime import datetime
from typing import Any

from tortoise.expressions import Q

from models.calendar import moment_text
from models.database import alone_with, operation
from models.ids import new_id
from models.keys import PhoneKeys, Sealed
from models.members.rules import PhoneBoundElsewhere, Tell, canonical_phone, masked
from models.members.standing import leads_to, living
from models.members.tables import MemberPhone


@operation
async def bind_phone(
    *, member_id: int, phone: str, keys: PhoneKeys, now: datetime, tell: Tell | None = None
) -> None:
    """Makes this the member's number, in place of the one before, of which they are told. WeChat says that it is theirs.

    WeChat hands out the number that somebody bound there, perhaps years ago. So this never takes a number from
    another member, and never counts as a fresh proof of one that is bound already; an SMS does both (by_phone.py).
    Raises BadInput for what is no phone number, PhoneBoundElsewhere when another member has it.
    """
    number = canonical_phone(phone)
    holder = await locked_holder(number, keys)
    if holder is not None and await leads_to(holder.member_id) != member_id:
        raise PhoneBoundElsewhere
    if holder is not None and holder.member_id != member_id:  # of an account that was joined to this one
        await holder.delete()
        holder = None
    if holder is not None:
        return
    had_another = await MemberPhone.filter(member_id=member_id).exists()
    await give(member_id=member_id, number=number, keys=keys, now=now)
    if had_another and tell is not None:  # not by SMS, which goes to the new one
        values = {"what": "号码由微信提供", "when": moment_text(now)}
        await tell(member_id=member_id, template="PHONE_CHANGED", values=values, about_no=new_id("phc"), now=now)


async def locked_holder(number: str, keys: PhoneKeys) -> MemberPhone | None:
    """Who has a number (E.164), locked; until the transaction ends nobody else decides about this number."""
    hashes = list(keys.lookup.hashes(number).values())
    await alone_with(*hashes)
    return await MemberPhone.filter(lookup_hash__in=hashes).select_for_update().first()


async def give(
    *, member_id: int, number: str, keys: PhoneKeys, now: datetime, proved_at: datetime | None = None
) -> None:
    """Writes down a free number as the member's, in place of the one before. In the transaction of `locked_holder`.

    One number at a time for one member, whose row is locked. Raises MemberGone.
    """
    await living(member_id)
    await MemberPhone.update_or_create(
        member_id=member_id,
        defaults={**_at_rest(member_id, number, keys), "bound_at": now, "proved_at": proved_at},
    )


async def masked_phone(*, member_id: int, keys: PhoneKeys) -> str | None:
    """138****0000, or None when no number is bound."""
    found = await MemberPhone.get_or_none(member_id=member_id)
    return None if found is None else masked(_open(found, keys))


async def number_of(*, member_id: int, keys: PhoneKeys) -> str | None:
    """The whole number in E.164, or None when no number is bound: for who must reach them or may see it."""
    found = await MemberPhone.get_or_none(member_id=member_id)
    return None if found is None else _open(found, keys)


async def move(*, from_member_id: int, to_member_id: int, keys: PhoneKeys) -> MemberPhone | None:
    """The number goes along when two accounts become one, or part again; None: there is none, or the other account
    has one of its own, and then this one goes on leading there. A plain function, under both members' locks."""
    phone = await MemberPhone.filter(member_id=from_member_id).select_for_update().first()
    if phone is None or await MemberPhone.filter(member_id=to_member_id).exists():
        return None
    at_rest = _at_rest(to_member_id, _open(phone, keys), keys)
    await phone.update_from_dict({**at_rest, "member_id": to_member_id}).save()
    return phone


async def reseal_all(*, keys: PhoneKeys, batch: int = 200) -> int:
    """Brings every number under the current keys and tells how many it moved; then the old keys can go.

    Batches are short transactions, so people read and bind numbers meanwhile. May be stopped and run again.
    """
    moved = 0
    while just_moved := await _reseal_some(keys, batch):
        moved += just_moved
    return moved


@operation
async def _reseal_some(keys: PhoneKeys, limit: int) -> int:
    # spelt out, since Tortoise's exclude() of two columns drops a row when either is current
    is_outdated = ~Q(seal_key_id=keys.sealing.current_id) | ~Q(lookup_key_id=keys.lookup.current_id)
    outdated = await MemberPhone.filter(is_outdated).order_by("id").limit(limit).select_for_update()
    for phone in outdated:
        await phone.update_from_dict(_at_rest(phone.member_id, _open(phone, keys), keys)).save()
    return len(outdated)


def _at_rest(member_id: int, number: str, keys: PhoneKeys) -> dict[str, Any]:
    sealed = keys.sealing.seal(number, table="member_phone", column="sealed", row=member_id)
    lookup_key_id, lookup_hash = next(iter(keys.lookup.hashes(number).items()))
    return {
        "sealed": sealed.value,
        "seal_key_id": sealed.key_id,
        "lookup_hash": lookup_hash,
        "lookup_key_id": lookup_key_id,
    }


def _open(phone: MemberPhone, keys: PhoneKeys) -> str:
    sealed = Sealed(phone.seal_key_id, phone.sealed)
    return keys.sealing.open(sealed, table="member_phone", column="sealed", row=phone.member_id)
