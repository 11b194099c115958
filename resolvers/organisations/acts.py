"""Registering, inviting, joining and leaving; deciding about it."""

import strawberry

from models.organisations import belonging, queries, registering
from models.organisations.rules import (
    OrganisationKind,
    OrganisationRole,
)
from resolvers.context import Info
from resolvers.errors import act
from resolvers.organisations.types import (
    CloseOrganisationPayload,
    DecideOrganisationPayload,
    InviteToOrganisationPayload,
    LeaveOrganisationPayload,
    MyOrganisation,
    MyOrganisationPayload,
    OrganisationInvitation,
    OrganisationRegistration,
)


@strawberry.type
class OrganisationActs:
    @act(
        MyOrganisationPayload,
        "Register an organisation by its unified social credit code; whoever does becomes its owner. Needs a real name. "
        "It waits for the administration of its region. The same again gives the same.",
    )
    async def register_organisation(
        self,
        info: Info,
        name: str,
        credit_code: str,
        kind: OrganisationKind,
        region_key: str,
        introduction: str = "",
    ) -> MyOrganisationPayload:
        member = await info.context.member()
        organisation_id = await registering.register_organisation(
            member_id=member.member_id,
            name=name,
            credit_code=credit_code,
            kind=kind,
            region_key=region_key,
            introduction=introduction,
            keys=info.context.services.id_keys,
            now=info.context.now,
        )
        return await _mine(info, organisation_id)

    @act(MyOrganisationPayload, "Change what the page says; by owners and managers.")
    async def update_organisation(
        self, info: Info, organisation_id: strawberry.ID, introduction: str
    ) -> MyOrganisationPayload:
        member = await info.context.member()
        await registering.update_organisation(
            member_id=member.member_id, organisation_id=organisation_id, introduction=introduction
        )
        return await _mine(info, organisation_id)

    @act(
        InviteToOrganisationPayload,
        "A code that makes its first taker a member in this role. Owners give every role, managers MEMBER. The same under "
        "the same `idempotencyKey` is one invitation with one code; without a key each is another.",
    )
    async def invite_to_organisation(
        self,
        info: Info,
        organisation_id: strawberry.ID,
        role: OrganisationRole = OrganisationRole.MEMBER,
        idempotency_key: str = "",
    ) -> InviteToOrganisationPayload:
        member = await info.context.member()
        invited = await belonging.invite(
            member_id=member.member_id,
            organisation_id=organisation_id,
            role=role,
            idempotency_key=idempotency_key,
            keys=info.context.services.id_keys,
            now=info.context.now,
        )
        return InviteToOrganisationPayload(
            invitation=OrganisationInvitation(
                id=strawberry.ID(invited.public_id),
                role=invited.role,
                made_at=invited.made_at,
                expires_at=invited.expires_at,
            ),
            code=invited.code,
        )

    @act(MyOrganisationPayload, "Join an organisation by a code. OWNER and MANAGER need a real name.")
    async def accept_organisation_invitation(self, info: Info, code: str) -> MyOrganisationPayload:
        member = await info.context.member()
        organisation_id = await belonging.accept_invitation(
            member_id=member.member_id, code=code, keys=info.context.services.id_keys, now=info.context.now
        )
        return await _mine(info, organisation_id)

    @act(MyOrganisationPayload, "Take back an invitation that nobody has taken yet.")
    async def withdraw_organisation_invitation(
        self, info: Info, invitation_id: strawberry.ID
    ) -> MyOrganisationPayload:
        member = await info.context.member()
        organisation_id = await belonging.withdraw_invitation(
            member_id=member.member_id, invitation_id=invitation_id
        )
        return await _mine(info, organisation_id)

    @act(MyOrganisationPayload, "Give somebody another role; by owners. There is always an owner.")
    async def set_organisation_role(
        self, info: Info, membership_id: strawberry.ID, role: OrganisationRole
    ) -> MyOrganisationPayload:
        member = await info.context.member()
        organisation_id = await belonging.set_role(
            member_id=member.member_id,
            membership_id=membership_id,
            role=role,
            keys=info.context.services.id_keys,
            now=info.context.now,
        )
        return await _mine(info, organisation_id)

    @act(MyOrganisationPayload, "Remove somebody: owners anybody but the last owner, managers plain members.")
    async def remove_organisation_member(self, info: Info, membership_id: strawberry.ID) -> MyOrganisationPayload:
        member = await info.context.member()
        organisation_id = await belonging.remove(
            member_id=member.member_id, membership_id=membership_id, now=info.context.now
        )
        return await _mine(info, organisation_id)

    @act(LeaveOrganisationPayload, "Leave an organisation; not as its last owner.")
    async def leave_organisation(self, info: Info, organisation_id: strawberry.ID) -> LeaveOrganisationPayload:
        member = await info.context.member()
        await belonging.leave(member_id=member.member_id, organisation_id=organisation_id, now=info.context.now)
        return LeaveOrganisationPayload(left=True)

    @act(
        CloseOrganisationPayload,
        "End an organisation, or take back its registration, for everybody in it; by owners.",
    )
    async def close_organisation(self, info: Info, organisation_id: strawberry.ID) -> CloseOrganisationPayload:
        member = await info.context.member()
        await belonging.close(member_id=member.member_id, organisation_id=organisation_id, now=info.context.now)
        return CloseOrganisationPayload(closed=True)

    @act(
        DecideOrganisationPayload,
        "Let a registration in or refuse it, which frees its code; by the administration of its region. A refusal says "
        "why.",
    )
    async def decide_organisation(
        self, info: Info, organisation_id: strawberry.ID, approve: bool, note: str = ""
    ) -> DecideOrganisationPayload:
        await registering.decide_organisation(
            clerk=await info.context.staff(),
            organisation_id=organisation_id,
            approve=approve,
            note=note,
            now=info.context.now,
        )
        return await _decided(info, organisation_id)

    @act(DecideOrganisationPayload, "Suspend an approved organisation, with a reason, or let it in again.")
    async def suspend_organisation(
        self, info: Info, organisation_id: strawberry.ID, suspend: bool, note: str = ""
    ) -> DecideOrganisationPayload:
        await registering.suspend_organisation(
            clerk=await info.context.staff(),
            organisation_id=organisation_id,
            suspend=suspend,
            note=note,
            now=info.context.now,
        )
        return await _decided(info, organisation_id)


async def _mine(info: Info, organisation_id: str) -> MyOrganisationPayload:
    member = await info.context.member()
    found = await queries.organisations_of(
        member_id=member.member_id, now=info.context.now, organisation_id=organisation_id
    )
    return MyOrganisationPayload(organisation=MyOrganisation.of(found[0]) if found else None)


async def _decided(info: Info, organisation_id: str) -> DecideOrganisationPayload:
    found = await queries.for_staff(clerk=await info.context.staff(), organisation_id=organisation_id)
    return DecideOrganisationPayload(registration=OrganisationRegistration.of(found) if found else None)
