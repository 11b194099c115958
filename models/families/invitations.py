"""Being asked to become somebody's guardian, helper or companion: a code of ten digits that works once, for three days.

The code is told by the one to the other, on paper or on the telephone; the database keeps a keyed hash. Who guesses
codes meets the rates at the door; a code that is meant for one phone is worthless after five tries by others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from models import database
from models.audit.deeds import concerning
from models.calendar import business_day
from models.database import ChanceTwin
from models.errors import BadInput, DomainError
from models.families import companions, helpers, wards
from models.families.rules import (
    INVITATION_LIFE,
    MOST_OPEN_INVITATIONS,
    MOST_TRIES,
    InvitationKind,
    InvitationStatus,
    InvitationUnknown,
    NotAChild,
    Relation,
    RelationUnknown,
    code_of,
    new_code,
    read_code,
    shown,
    too_many,
)
from models.families.tables import Guardianship, Invitation
from models.ids import new_id
from models.keys import IdKeys, PhoneKeys, Sealed
from models.members.standing import MemberGone, lock_living
from models.members.tables import Member, MemberPhone
from models.real_names.queries import is_child


@dataclass(frozen=True, kw_only=True)
class Invited:
    """What the inviter is shown: the code is kept nowhere, and only who asks again for the same hears it again."""

    public_id: str
    kind: InvitationKind
    code: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Who is asked to become what. `phone_hash`: only the member with this number may accept. `asked`: all that was
    asked, with the asker's number of it; the same is the same invitation, with the same code."""

    kind: InvitationKind
    subject_id: int
    relation: str = ""
    powers: str = ""
    phone_hash: str = ""
    phone_key_id: str = ""
    staff_id: int | None = None
    asked: str = field(default="", repr=False)


@database.operation
async def invite_guardian(
    *, guardian_id: int, ward_public_id: str, relation: Relation, keys: IdKeys, now: datetime
) -> Invited:
    """A guardian asks somebody to be a further guardian of their ward. Raises RELATION_UNKNOWN, NOT_A_CHILD, BAD_INPUT."""
    ward = await Member.get_or_none(public_id=ward_public_id)
    if ward is None or not await Guardianship.exists(guardian_id=guardian_id, ward_id=ward.id, ended_at=None):
        raise RelationUnknown
    await lock_living(ward.id)
    if not await Guardianship.exists(guardian_id=guardian_id, ward_id=ward.id, ended_at=None):
        raise RelationUnknown
    if not await is_child(member_id=ward.id, keys=keys, today=business_day(now)):
        raise NotAChild
    concerning("MEMBER", ward.public_id)
    return await write(
        Wanted(kind=InvitationKind.GUARDIAN, subject_id=ward.id, relation=relation), keys=keys, now=now
    )


@database.operation
async def invite_companion(*, member_id: int, keys: IdKeys, now: datetime) -> Invited:
    """Somebody asks to be found as a companion by whoever gets the code. Raises BAD_INPUT for too many."""
    await lock_living(member_id)
    return await write(Wanted(kind=InvitationKind.COMPANION, subject_id=member_id), keys=keys, now=now)


async def accept_invitation(
    *, member_id: int, code: str, keys: IdKeys, phone_keys: PhoneKeys, now: datetime
) -> InvitationKind:
    """The signed-in member becomes what the invitation asks for. The second time changes nothing.

    Raises INVITATION_UNKNOWN for everything about the code, and what stands in the way of the relation:
    REAL_NAME_NEEDED, RELATION_EXISTS, NOT_A_CHILD, GUARDIAN_NEEDED, CONSENT_NEEDED, BAD_INPUT.
    """
    outcome = await _accept(member_id, read_code(code), keys, phone_keys, now)
    if isinstance(outcome, DomainError):  # raised here, since inside it would undo the count of tries
        raise outcome
    return outcome


async def decline_invitation(
    *, member_id: int, code: str, keys: IdKeys, phone_keys: PhoneKeys, now: datetime
) -> None:
    """Whoever may accept says no. The second time changes nothing. Raises INVITATION_UNKNOWN."""
    outcome = await _decline(member_id, read_code(code), keys, phone_keys, now)
    if outcome is not None:
        raise outcome


@database.operation
async def withdraw_invitation(*, member_id: int, invitation_id: str) -> None:
    """The inviter takes it back; for a ward, any guardian. Raises RELATION_UNKNOWN; one that is not open stays."""
    found = await database.row(
        """SELECT invitation.id FROM invitation
            WHERE invitation.public_id = $1
              AND (invitation.subject_id = $2 AND invitation.kind <> 'GUARDIAN'
                   OR invitation.kind = 'GUARDIAN' AND EXISTS (
                        SELECT 1 FROM guardianship WHERE guardianship.ward_id = invitation.subject_id
                           AND guardianship.guardian_id = $2 AND guardianship.ended_at IS NULL))""",
        invitation_id,
        member_id,
    )
    if found is None:
        raise RelationUnknown
    await database.rows(
        "UPDATE invitation SET status = 'WITHDRAWN' WHERE id = $1 AND status = 'OPEN' RETURNING id", found["id"]
    )


async def write(wanted: Wanted, *, keys: IdKeys, now: datetime) -> Invited:
    """A plain function, under the subject's lock."""
    codes = _codes(wanted, keys)
    if wanted.asked and (known := await _made_before(wanted, codes, keys)):
        return known
    open_ones = Invitation.filter(subject_id=wanted.subject_id, status=InvitationStatus.OPEN, expires_at__gt=now)
    if await open_ones.count() >= MOST_OPEN_INVITATIONS:
        raise too_many("等待接受的邀请", MOST_OPEN_INVITATIONS)
    code = codes[0]
    hashes = _hashes(code, keys)
    if await Invitation.exists(code_hash__in=hashes):
        raise ChanceTwin  # run again with other digits; whoever asked with a number is told that we are busy
    made = await Invitation.create(
        public_id=new_id("inv"),
        kind=wanted.kind,
        subject_id=wanted.subject_id,
        relation=wanted.relation,
        powers=wanted.powers,
        code_hash=hashes[0],
        phone_hash=wanted.phone_hash,
        phone_key_id=wanted.phone_key_id,
        staff_id=wanted.staff_id,
        made_at=now,
        expires_at=now + INVITATION_LIFE,
        status=InvitationStatus.OPEN,
    )
    return Invited(public_id=made.public_id, kind=wanted.kind, code=shown(code), expires_at=made.expires_at)


def _codes(wanted: Wanted, keys: IdKeys) -> list[str]:
    """By chance; or, of what can be asked again, made of all that was asked: under every key, the current one's first."""
    if not wanted.asked:
        return [new_code()]
    asked = f"code for {wanted.kind} {wanted.subject_id} {wanted.staff_id} {wanted.powers} {wanted.asked}"
    return [code_of(digest) for digest in keys.lookup.hashes(asked).values()]


async def _made_before(wanted: Wanted, codes: Sequence[str], keys: IdKeys) -> Invited | None:
    for code in codes:
        made = await Invitation.get_or_none(code_hash__in=_hashes(code, keys), subject_id=wanted.subject_id)
        if made is not None:
            return Invited(
                public_id=made.public_id, kind=wanted.kind, code=shown(code), expires_at=made.expires_at
            )
    return None


@database.operation
async def _accept(
    member_id: int, code: str, keys: IdKeys, phone_keys: PhoneKeys, now: datetime
) -> InvitationKind | DomainError:
    invitation = await _locked(member_id, code, keys)
    if invitation is None:
        return InvitationUnknown()
    kind = InvitationKind(invitation.kind)
    if invitation.status == InvitationStatus.ACCEPTED and invitation.accepted_by_id == member_id:
        return kind
    if not await _may_answer(invitation, member_id, phone_keys, now):
        return InvitationUnknown()
    if invitation.subject_id == member_id:
        return BadInput("这是您自己发出的邀请。", next_step="请把邀请码告诉对方。", field="code")
    concerning("MEMBER", (await Member.get(id=invitation.subject_id)).public_id)
    await _begin_relation(invitation, kind, member_id, keys, now)
    invitation.status, invitation.accepted_by_id = InvitationStatus.ACCEPTED, member_id
    await invitation.save(update_fields=["status", "accepted_by_id"])
    return kind


async def _begin_relation(
    invitation: Invitation, kind: InvitationKind, member_id: int, keys: IdKeys, now: datetime
) -> None:
    subject_id = invitation.subject_id
    if kind is InvitationKind.GUARDIAN:
        relation = Relation(invitation.relation)
        await wards.become_guardian(
            guardian_id=member_id, ward_id=subject_id, relation=relation, keys=keys, now=now
        )
    elif kind is InvitationKind.HELPER:
        await helpers.become_helper(
            helper_id=member_id,
            principal_id=subject_id,
            powers=invitation.powers,
            staff_id=invitation.staff_id,
            keys=keys,
            now=now,
        )
    else:
        await companions.become_companions(member_id, subject_id, keys=keys, now=now)


@database.operation
async def _decline(
    member_id: int, code: str, keys: IdKeys, phone_keys: PhoneKeys, now: datetime
) -> DomainError | None:
    invitation = await _locked(member_id, code, keys)
    if invitation is None:
        return InvitationUnknown()
    if invitation.status == InvitationStatus.DECLINED:
        return None
    if not await _may_answer(invitation, member_id, phone_keys, now):
        return InvitationUnknown()
    invitation.status = InvitationStatus.DECLINED
    await invitation.save(update_fields=["status"])
    return None


async def _locked(member_id: int, code: str, keys: IdKeys) -> Invitation | None:
    """The invitation with this code, under the locks of both members and its own."""
    found = await Invitation.get_or_none(code_hash__in=_hashes(code, keys))
    if found is None or not await Member.exists(id=found.subject_id, joined_to_id=None, deleted_at=None):
        return None
    try:
        await lock_living(member_id, found.subject_id)
    except MemberGone:  # the inviter's account was perhaps joined to another while we waited: then that one asks
        await found.refresh_from_db()
        await lock_living(member_id, found.subject_id)
    return await Invitation.select_for_update().get(id=found.id)


async def _may_answer(invitation: Invitation, member_id: int, phone_keys: PhoneKeys, now: datetime) -> bool:
    if invitation.status != InvitationStatus.OPEN or invitation.expires_at <= now:
        return False
    if not invitation.phone_hash or await _has_phone(invitation, member_id, phone_keys):
        return True
    invitation.tries += 1
    if invitation.tries >= MOST_TRIES:
        invitation.status = InvitationStatus.WITHDRAWN
    await invitation.save(update_fields=["tries", "status"])
    return False


async def _has_phone(invitation: Invitation, member_id: int, keys: PhoneKeys) -> bool:
    """Their number's hash under the key of that day: no number is kept in an invitation."""
    phone = await MemberPhone.get_or_none(member_id=member_id)
    if phone is None:
        return False
    sealed = Sealed(phone.seal_key_id, bytes(phone.sealed))
    number = keys.sealing.open(sealed, table="member_phone", column="sealed", row=member_id)
    return keys.lookup.hashes(number).get(invitation.phone_key_id) == invitation.phone_hash


def _hashes(code: str, keys: IdKeys) -> list[str]:
    return list(keys.lookup.hashes(f"invitation {code}").values())
