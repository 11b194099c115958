"""Who belongs to an organisation, and as what: invited by a code that works once, raised, lowered, gone.

Each act locks the organisation's row first, so that two of them see each other: there is always an owner.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from models import database
from models.errors import DomainError, ErrorCode
from models.ids import letters, new_id, spelt
from models.keys import IdKeys, token_hash
from models.members.standing import lock_living
from models.organisations.registering import check_few, demand_adult, lock_with_role, state_refusal
from models.organisations.rules import (
    ACT_FOR_IT,
    ENDED,
    INVITATION_LIFE,
    MOST_OPEN_INVITATIONS,
    InvitationStatus,
    InvitationUnknown,
    LastOwner,
    MembershipUnknown,
    OrganisationRole,
    OrganisationStatus,
    OrganisationUnknown,
    RoleTooSmall,
    may_give,
)
from models.organisations.tables import Organisation, OrganisationInvitation, OrganisationMember

CODE_LETTERS = 20  # 100 bits: nobody tries them, so a plain hash may lie in the table


@dataclass(frozen=True, kw_only=True)
class Invited:
    """The code is kept nowhere, and only who asks again for the same hears it again."""

    public_id: str
    code: str = field(repr=False)
    role: OrganisationRole
    made_at: datetime
    expires_at: datetime


@database.operation
async def invite(
    *,
    member_id: int,
    organisation_id: str,
    role: OrganisationRole,
    idempotency_key: str = "",
    keys: IdKeys,
    now: datetime,
) -> Invited:
    """A code that makes whoever takes it first a member in this role, within seven days. The same under the same key is
    one invitation, with one code; without a key each is another.

    Raises ORGANISATION_UNKNOWN, NOT_ALLOWED for a role that is not one's own to give, ORGANISATION_STATE unless it was
    approved, TOO_MANY_ATTEMPTS while fifty are open.
    """
    organisation, own = await lock_with_role(member_id, organisation_id)
    if not may_give(own.role, role):
        raise RoleTooSmall
    if organisation.status != OrganisationStatus.APPROVED:
        raise state_refusal(organisation.status)
    asked = idempotency_key and f"organisation code for {member_id} {organisation.id} {role} {idempotency_key}"
    codes = _codes(asked, keys)
    if asked and (known := await _made_before(organisation.id, codes)):
        return known
    if await open_invitations(organisation.id, now) >= MOST_OPEN_INVITATIONS:
        raise DomainError(
            f"已有{MOST_OPEN_INVITATIONS}个邀请尚未使用。",
            code=ErrorCode.TOO_MANY_ATTEMPTS,
            next_step="请先撤回不再需要的邀请。",
        )
    made = await OrganisationInvitation.create(
        public_id=new_id("oin"),
        organisation_id=organisation.id,
        invited_by_id=member_id,
        role=role,
        code_hash=token_hash(codes[0]),
        made_at=now,
        expires_at=now + INVITATION_LIFE,
        status=InvitationStatus.OPEN,
    )
    return _invited(made, codes[0])


def _codes(asked: str, keys: IdKeys) -> list[str]:
    """By chance; or, of what can be asked again, made of all that was asked: under every key, the current one's first."""
    if not asked:
        return [letters(CODE_LETTERS)]
    return [spelt(bytes.fromhex(digest)[:CODE_LETTERS]) for digest in keys.lookup.hashes(asked).values()]


async def _made_before(organisation_id: int, codes: Sequence[str]) -> Invited | None:
    for code in codes:
        made = await OrganisationInvitation.get_or_none(
            code_hash=token_hash(code), organisation_id=organisation_id
        )
        if made is not None:
            return _invited(made, code)
    return None


def _invited(made: OrganisationInvitation, code: str) -> Invited:
    return Invited(
        public_id=made.public_id,
        code=code,
        role=OrganisationRole(made.role),
        made_at=made.made_at,
        expires_at=made.expires_at,
    )


async def open_invitations(organisation_id: int, now: datetime) -> int:
    return await OrganisationInvitation.filter(
        organisation_id=organisation_id, status=InvitationStatus.OPEN, expires_at__gt=now
    ).count()


async def accept_invitation(*, member_id: int, code: str, keys: IdKeys, now: datetime) -> str:
    """Joins by a code, and gives the organisation's public id. The same person again gets the same.

    Raises INVITATION_UNKNOWN, RELATION_EXISTS for who belongs to it already, ORGANISATION_STATE, TOO_MANY_ATTEMPTS;
    for the roles that speak in its name REAL_NAME_NEEDED, and NOT_ALLOWED below 18.
    """
    code_hash = token_hash("".join(code.split()).upper())
    known = await OrganisationInvitation.get_or_none(code_hash=code_hash)
    if known is None:
        raise InvitationUnknown
    if known.role in ACT_FOR_IT and known.status == InvitationStatus.OPEN:
        await demand_adult(member_id, keys, now)
    return await _accept(member_id, known.id, known.organisation_id, now)


@database.operation
async def withdraw_invitation(*, member_id: int, invitation_id: str) -> str:
    """An invitation that nobody has taken yet opens nothing any more. Gives the organisation's public id. A withdrawn
    one stays as it is. Raises INVITATION_UNKNOWN, NOT_ALLOWED."""
    known = await OrganisationInvitation.get_or_none(public_id=invitation_id)
    if known is None:
        raise InvitationUnknown("invitationId")
    organisation = await Organisation.get(id=known.organisation_id)
    try:
        _, own = await lock_with_role(member_id, organisation.public_id)
    except OrganisationUnknown:
        raise InvitationUnknown("invitationId") from None
    invitation = await OrganisationInvitation.select_for_update().get(id=known.id)
    if not may_give(own.role, invitation.role):
        raise RoleTooSmall
    if invitation.status == InvitationStatus.ACCEPTED:
        raise InvitationUnknown("invitationId")
    invitation.status = InvitationStatus.WITHDRAWN
    await invitation.save(update_fields=["status"])
    return organisation.public_id


async def set_role(
    *, member_id: int, membership_id: str, role: OrganisationRole, keys: IdKeys, now: datetime
) -> str:
    """An owner gives somebody another role; gives the organisation's public id. The same again changes nothing.

    Raises MEMBER_UNKNOWN, NOT_ALLOWED, ORGANISATION_STATE for the last owner, and REAL_NAME_NEEDED when the one who
    would speak in its name is not known by name.
    """
    target = await OrganisationMember.get_or_none(public_id=membership_id, left_at=None)
    if target is None or not await _belongs(member_id, target.organisation_id):
        raise MembershipUnknown
    if role in ACT_FOR_IT:
        await demand_adult(target.member_id, keys, now)
    return await _set_role(member_id, target, role)


async def leave(*, member_id: int, organisation_id: str, now: datetime) -> None:
    """Raises ORGANISATION_UNKNOWN, and ORGANISATION_STATE for the last owner. Who has left has left."""
    await _leave(member_id, organisation_id, now)


async def remove(*, member_id: int, membership_id: str, now: datetime) -> str:
    """Owners remove anybody, managers plain members; gives the organisation's public id. Who is gone is gone.

    Raises MEMBER_UNKNOWN, NOT_ALLOWED, ORGANISATION_STATE for the last owner.
    """
    target = await OrganisationMember.get_or_none(public_id=membership_id)
    if target is None or not await _belongs(member_id, target.organisation_id):
        raise MembershipUnknown
    return await _remove(member_id, target, now)


@database.operation
async def close(*, member_id: int, organisation_id: str, now: datetime) -> None:
    """An owner ends the organisation, or takes back its registration: nobody belongs to it any more, its invitations
    open nothing, its code is free. A closed one stays closed.

    Raises ORGANISATION_UNKNOWN, NOT_ALLOWED, and ORGANISATION_STATE for a suspended one, which nobody sheds like this.
    """
    try:
        organisation, own = await lock_with_role(member_id, organisation_id)
    except OrganisationUnknown:
        if await _belonged(
            member_id, organisation_id, role=OrganisationRole.OWNER, status=OrganisationStatus.CLOSED
        ):
            return
        raise
    if own.role != OrganisationRole.OWNER:
        raise RoleTooSmall
    if organisation.status not in (OrganisationStatus.PENDING, OrganisationStatus.APPROVED):
        raise state_refusal(organisation.status)
    await _shut(organisation, now)


async def lock_all_of(member_ids: Collection[int]) -> None:
    """Locks every organisation to which these belong, in order and before the members' own rows, so that nobody else
    comes, goes or changes roles there until the caller's transaction ends."""
    await database.rows(
        f"""SELECT id FROM organisation WHERE id IN (
              SELECT organisation_id FROM organisation_member
               WHERE member_id IN ({database.parameters(len(member_ids))}) AND left_at IS NULL)
             ORDER BY id FOR UPDATE""",
        *member_ids,
    )


async def close_suspended_of(member_ids: Collection[int], *, now: datetime) -> None:
    """What would be left without an owner when these are gone, and its owner could not close: who is suspended neither
    invites an heir nor ends it. In the caller's transaction, after `lock_all_of`."""
    owned = OrganisationMember.filter(role=OrganisationRole.OWNER, left_at=None)
    ids = await owned.filter(member_id__in=member_ids).values_list("organisation_id", flat=True)
    suspended = Organisation.filter(id__in=ids, status=OrganisationStatus.SUSPENDED)
    for organisation in await suspended.order_by("id").select_for_update():
        if not await owned.filter(organisation_id=organisation.id).exclude(member_id__in=member_ids).exists():
            await _shut(organisation, now)


async def _shut(organisation: Organisation, now: datetime) -> None:
    organisation.status = OrganisationStatus.CLOSED
    await organisation.save(update_fields=["status"])
    await OrganisationMember.filter(organisation_id=organisation.id, left_at=None).update(left_at=now)
    await OrganisationInvitation.filter(organisation_id=organisation.id, status=InvitationStatus.OPEN).update(
        status=InvitationStatus.WITHDRAWN
    )


async def _belonged(
    member_id: int, organisation_id: str, *, role: OrganisationRole | None = None, status: str | None = None
) -> bool:
    """Whether somebody once belonged to it: then their leaving it again is the second time."""
    past = OrganisationMember.filter(
        organisation__public_id=organisation_id, member_id=member_id, left_at__isnull=False
    )
    if role is not None:
        past = past.filter(role=role)
    if status is not None:
        past = past.filter(organisation__status=status)
    return await past.exists()


@database.operation
async def _accept(member_id: int, invitation_id: int, organisation_id: int, now: datetime) -> str:
    organisation = await Organisation.select_for_update().get(id=organisation_id)
    invitation = await OrganisationInvitation.select_for_update().get(id=invitation_id)
    if invitation.status == InvitationStatus.ACCEPTED and invitation.accepted_by_id == member_id:
        return organisation.public_id
    if invitation.status != InvitationStatus.OPEN or invitation.expires_at <= now:
        raise InvitationUnknown
    if organisation.status != OrganisationStatus.APPROVED:
        raise state_refusal(organisation.status)
    if await _belongs(member_id, organisation_id):
        raise DomainError(
            "您已经是这个单位的成员。", code=ErrorCode.RELATION_EXISTS, next_step="无需重复加入。", field="code"
        )
    await lock_living(member_id)  # their organisations are counted, and several may be waiting for them
    await check_few(member_id)
    invitation.status, invitation.accepted_by_id = InvitationStatus.ACCEPTED, member_id
    await invitation.save(update_fields=["status", "accepted_by_id"])
    await OrganisationMember.create(
        public_id=new_id("omb"),
        organisation_id=organisation_id,
        member_id=member_id,
        role=invitation.role,
        joined_at=now,
    )
    return organisation.public_id


@database.operation
async def _set_role(member_id: int, known: OrganisationMember, role: OrganisationRole) -> str:
    organisation, own, target = await _lock_both(member_id, known)
    if own.role != OrganisationRole.OWNER:
        raise RoleTooSmall
    if target.left_at is not None:
        raise MembershipUnknown
    if target.role == role:
        return organisation.public_id
    await _keep_an_owner(organisation, target)
    target.role = role
    await target.save(update_fields=["role"])
    return organisation.public_id


@database.operation
async def _leave(member_id: int, organisation_id: str, now: datetime) -> None:
    try:
        organisation, own = await lock_with_role(member_id, organisation_id)
    except OrganisationUnknown:
        if await _belonged(member_id, organisation_id):
            return
        raise
    await _end(organisation, own, now)


@database.operation
async def _remove(member_id: int, known: OrganisationMember, now: datetime) -> str:
    organisation, own, target = await _lock_both(member_id, known)
    if not may_give(own.role, target.role):
        raise RoleTooSmall
    if target.left_at is None:
        await _end(organisation, target, now)
    return organisation.public_id


async def _end(organisation: Organisation, membership: OrganisationMember, now: datetime) -> None:
    await _keep_an_owner(organisation, membership)
    membership.left_at = now
    await membership.save(update_fields=["left_at"])


async def _lock_both(
    member_id: int, known: OrganisationMember
) -> tuple[Organisation, OrganisationMember, OrganisationMember]:
    organisation = await Organisation.get(id=known.organisation_id)
    try:
        organisation, own = await lock_with_role(member_id, organisation.public_id)
    except OrganisationUnknown:
        raise MembershipUnknown from None
    return organisation, own, await OrganisationMember.get(id=known.id)


async def _keep_an_owner(organisation: Organisation, leaving: OrganisationMember) -> None:
    """Raises ORGANISATION_STATE when no other owner would be left of what has not come to an end."""
    if leaving.role != OrganisationRole.OWNER or organisation.status in ENDED:
        return
    others = OrganisationMember.filter(
        organisation_id=organisation.id, role=OrganisationRole.OWNER, left_at=None
    ).exclude(id=leaving.id)
    if not await others.exists():
        raise LastOwner


async def _belongs(member_id: int, organisation_id: int) -> bool:
    return await OrganisationMember.filter(
        organisation_id=organisation_id, member_id=member_id, left_at=None
    ).exists()
