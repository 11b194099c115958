"""Asking somebody to help: by the member on their own phone, or at a desk by a clerk who has seen their ID card."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from models import database
from models.calendar import business_day, moment_text
from models.consents import operations as consents
from models.consents.rules import Purpose
from models.families import invitations, rules
from models.families.invitations import Invited, Wanted
from models.families.rules import HelperPower, InvitationKind
from models.keys import IdKeys, PhoneKeys
from models.members.rules import canonical_phone
from models.members.standing import lock_living
from models.messages.operations import tell
from models.real_names.at_desk import PersonHere, demand_still_here, person_here
from models.real_names.queries import is_child
from models.real_names.rules import GuardianNeeded
from models.staff.rules import Power, StaffSignedIn


@dataclass(frozen=True, kw_only=True)
class _Helper:
    """Who is wanted, for what, and by which clerk."""

    powers: Sequence[HelperPower]
    phone: str | None = field(repr=False)
    staff_id: int | None = None
    idempotency_key: str = ""


@database.operation
async def invite_helper(
    *,
    member_id: int,
    powers: Sequence[HelperPower],
    phone: str | None,
    keys: IdKeys,
    phone_keys: PhoneKeys,
    now: datetime,
) -> Invited:
    """A code for whoever shall help; with a phone, only for the member who has bound it.

    Raises CONSENT_NEEDED without a live consent HELPER, GUARDIAN_NEEDED for a child, BAD_INPUT.
    """
    await lock_living(member_id)
    await consents.demand(member_id=member_id, purpose=Purpose.HELPER, now=now)
    return await _invite(member_id, _Helper(powers=powers, phone=phone), keys, phone_keys, now)


async def invite_helper_at_desk(
    *,
    clerk: StaffSignedIn,
    person_id: str,
    powers: Sequence[HelperPower],
    helper_phone: str,
    consent_version: str,
    venue_id: str,
    idempotency_key: str = "",
    keys: IdKeys,
    phone_keys: PhoneKeys,
    now: datetime,
) -> Invited:
    """The same for somebody without a phone, whose card the clerk has just read, and who has said yes to the text of
    `consent_version`. The helper's phone is named, so the code opens nothing to the clerk, or to who reads over a shoulder.
    The same under the same key is one invitation, with one code; without a key each is another.

    Raises NOT_ALLOWED, MEMBER_UNKNOWN, CONSENT_OUTDATED, GUARDIAN_NEEDED, BAD_INPUT.
    """
    person = await person_here(
        clerk=clerk, power=Power.READ_PERSON, person_id=person_id, venue_id=venue_id, keys=keys, now=now
    )
    wanted = _Helper(powers=powers, phone=helper_phone, staff_id=clerk.staff_id, idempotency_key=idempotency_key)
    return await _at_desk(person, wanted, consent_version, keys, phone_keys, now)


@database.operation
async def _at_desk(
    person: PersonHere,
    wanted: _Helper,
    consent_version: str,
    keys: IdKeys,
    phone_keys: PhoneKeys,
    now: datetime,
) -> Invited:
    await lock_living(person.member_id)
    await demand_still_here(person)
    await consents.record(
        member_id=person.member_id, purpose=Purpose.HELPER, version=consent_version, at_desk=True, now=now
    )
    return await _invite(person.member_id, wanted, keys, phone_keys, now)


async def _invite(member_id: int, wanted: _Helper, keys: IdKeys, phone_keys: PhoneKeys, now: datetime) -> Invited:
    if await is_child(member_id=member_id, keys=keys, today=business_day(now)):
        raise GuardianNeeded("未满14周岁，由监护人代办，不需要协助人。", "请监护人登录后办理。")
    stored, phone, phone_key_id, phone_hash = rules.joined(wanted.powers), "", "", ""
    if wanted.phone is not None:
        phone = canonical_phone(wanted.phone)
        phone_key_id, phone_hash = next(iter(phone_keys.lookup.hashes(phone).items()))
    invited = await invitations.write(
        Wanted(
            kind=InvitationKind.HELPER,
            subject_id=member_id,
            powers=stored,
            phone_hash=phone_hash,
            phone_key_id=phone_key_id,
            staff_id=wanted.staff_id,
            asked=wanted.idempotency_key and f"{phone} {wanted.idempotency_key}",
        ),
        keys=keys,
        now=now,
    )
    await tell(
        member_id=member_id,
        template="HELPER_INVITED",
        values={"what": rules.words_of(rules.split(stored)), "when": moment_text(invited.expires_at)},
        about_no=invited.public_id,
        now=now,
    )
    return invited
