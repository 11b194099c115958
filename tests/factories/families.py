"""Families for the other rooms' tests: people with a real name, wards, helpers, companions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from models.consents.rules import Purpose
from models.families import invitations, inviting_helpers, wards
from models.families.acting import Acting, HelperPower, acting_for
from models.families.rules import InvitationKind, Relation
from models.families.tables import Guardianship
from models.families.wards import WardWanted
from models.members.tables import Member
from models.privacy import withdrawing
from models.real_names import binding
from models.real_names.rules import Assurance, NamedPerson
from tests.conftest import NOW
from tests.factories.accounts import ID_KEYS
from tests.factories.names import Authority, version
from tests.factories.people import PHONE_KEYS, a_member


@dataclass(frozen=True)
class Somebody:
    """A member, by both ids."""

    id: int
    public_id: str


async def somebody(
    person: NamedPerson | None = None, *, phone: str | None = None, now: datetime = NOW
) -> Somebody:
    """Signed in; with a real name when a person is given, as after the authority agreed."""
    member_id, tokens = await a_member(phone=phone, now=now)
    if person is not None:
        hashes = list(ID_KEYS.lookup.hashes(person.number).values())
        await binding.bind(
            await binding.holder_of(hashes),
            member_id=member_id,
            person=person,
            level=Assurance.AGREED,
            keys=ID_KEYS,
            now=now,
        )
    return Somebody(member_id, tokens.member_public_id)


async def a_ward(
    guardian: Somebody,
    child: NamedPerson,
    authority: Authority,
    *,
    relation: Relation = Relation.MOTHER,
    key: str = "key-of-one-child",
    now: datetime = NOW,
) -> Somebody:
    """The child, whose guardian has added them."""
    guardianship_id = await wards.add_ward(
        guardian_id=guardian.id,
        wanted=WardWanted(
            name=child.name,
            id_number=child.number,
            relation=relation,
            consent_version=version(Purpose.CHILD),
        ),
        idempotency_key=key,
        keys=ID_KEYS,
        authority=authority,
        now=now,
    )
    made = await Guardianship.get(public_id=guardianship_id)
    return Somebody(made.ward_id, (await Member.get(id=made.ward_id)).public_id)


async def accept(who: Somebody, code: str, *, now: datetime = NOW) -> InvitationKind:
    return await invitations.accept_invitation(
        member_id=who.id, code=code, keys=ID_KEYS, phone_keys=PHONE_KEYS, now=now
    )


async def ask_guardian(guardian: Somebody, ward: Somebody, *, now: datetime = NOW) -> str:
    """The code for a further guardian."""
    invited = await invitations.invite_guardian(
        guardian_id=guardian.id, ward_public_id=ward.public_id, relation=Relation.FATHER, keys=ID_KEYS, now=now
    )
    return invited.code


async def ask_helper(
    principal: Somebody, powers: Sequence[HelperPower], *, phone: str | None = None, now: datetime = NOW
) -> str:
    """The code for a helper; the principal agrees to what that means."""
    await withdrawing.agree(
        member_id=principal.id, purpose=Purpose.HELPER, version=version(Purpose.HELPER), now=now
    )
    invited = await inviting_helpers.invite_helper(
        member_id=principal.id, powers=powers, phone=phone, keys=ID_KEYS, phone_keys=PHONE_KEYS, now=now
    )
    return invited.code


async def help_one(principal: Somebody, helper: Somebody, *powers: HelperPower, now: datetime = NOW) -> None:
    """From now on `helper` may do this for `principal`."""
    await accept(helper, await ask_helper(principal, powers, now=now), now=now)


async def ask_companion(who: Somebody, *, now: datetime = NOW) -> str:
    return (await invitations.invite_companion(member_id=who.id, keys=ID_KEYS, now=now)).code


async def acts(
    who: Somebody, whom: Somebody | str | None, power: HelperPower = HelperPower.BOOK, *, now: datetime = NOW
) -> Acting:
    """What an entrance asks with `forMember`."""
    return await acting_for(
        member_id=who.id,
        member_public_id=who.public_id,
        for_member=whom.public_id if isinstance(whom, Somebody) else whom,
        power=power,
        keys=ID_KEYS,
        now=now,
    )
