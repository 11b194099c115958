"""Organisations: their page for everybody, one's own, and what staff decide about."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self

import strawberry
from strawberry.relay import PageInfo

from models.organisations import belonging, queries, registering
from models.organisations.queries import Mine
from models.organisations.rules import (
    MOST_OPEN_INVITATIONS,
    MOST_ORGANISATIONS,
    OrganisationKind,
    OrganisationRole,
    OrganisationStatus,
)
from plans.costs import ListSize, Weight
from plans.public import Public
from resolvers.context import Info
from resolvers.errors import UserError, act, user_errors
from resolvers.paging import checked_size, page_of, read_cursor

strawberry.enum(OrganisationKind, description="俱乐部, 协会, 培训机构, 学校, 企业, 机关或事业单位.")
strawberry.enum(OrganisationStatus, name="OrganisationStatus")
strawberry.enum(
    OrganisationRole,
    description="OWNER gives and takes every role; MANAGER edits the page, invites and removes members.",
)

MOST_ROWS = 50


@strawberry.type(
    description="An organisation (法人) as everybody sees it: nothing of who belongs to it but how many."
)
class Organisation:
    id: strawberry.ID
    name: str
    kind: OrganisationKind
    region_key: str
    region_name: str | None
    introduction: str
    member_count: int

    @classmethod
    def of(cls, row: Any) -> Self:
        return cls(
            id=strawberry.ID(row["public_id"]),
            name=row["name"],
            kind=OrganisationKind(row["kind"]),
            region_key=row["region_key"],
            region_name=row["region_name"],
            introduction=row["introduction"],
            member_count=row["member_count"],
        )


@strawberry.type(description="An organisation's registration, for its people and for who decides about it.")
class OrganisationRegistration:
    organisation: Organisation
    credit_code: str = strawberry.field(description="GB 32100, 18 signs.")
    status: OrganisationStatus
    registered_at: datetime
    decided_at: datetime | None
    decision_note: str

    @classmethod
    def of(cls, row: Any) -> Self:
        return cls(
            organisation=Organisation.of(row),
            credit_code=row["credit_code"],
            status=OrganisationStatus(row["status"]),
            registered_at=row["registered_at"],
            decided_at=row["decided_at"],
            decision_note=row["decision_note"],
        )


@strawberry.type(description="An invitation that nobody has taken yet. Its code was told once.")
class OrganisationInvitation:
    id: strawberry.ID
    role: OrganisationRole
    made_at: datetime
    expires_at: datetime


@strawberry.type(description="An organisation that I belong to.")
class MyOrganisation:
    registration: OrganisationRegistration
    role: OrganisationRole
    membership_id: strawberry.ID
    invitations: list[OrganisationInvitation] = strawberry.field(
        description="Open ones, for owners and managers.",
        directives=[ListSize(assumed_size=MOST_OPEN_INVITATIONS)],
    )

    @classmethod
    def of(cls, mine: Mine) -> Self:
        return cls(
            registration=OrganisationRegistration.of(mine.organisation),
            role=OrganisationRole(mine.role),
            membership_id=strawberry.ID(mine.membership_id),
            invitations=[
                OrganisationInvitation(
                    id=strawberry.ID(row["public_id"]),
                    role=OrganisationRole(row["role"]),
                    made_at=row["made_at"],
                    expires_at=row["expires_at"],
                )
                for row in mine.invitations
            ],
        )


@strawberry.type(description="Somebody who belongs to an organisation.")
class OrganisationMember:
    id: strawberry.ID = strawberry.field(description="Of the membership; not the member's.")
    masked_name: str | None = strawberry.field(description="Null for who has no real name.")
    role: OrganisationRole
    joined_at: datetime
    is_me: bool


@strawberry.type
class OrganisationMemberEdge:
    node: OrganisationMember
    cursor: str


@strawberry.type
class OrganisationMemberConnection:
    edges: list[OrganisationMemberEdge]
    page_info: PageInfo


@strawberry.type
class OrganisationRegistrationEdge:
    node: OrganisationRegistration
    cursor: str


@strawberry.type
class OrganisationRegistrationConnection:
    edges: list[OrganisationRegistrationEdge]
    page_info: PageInfo


@strawberry.type
class MyOrganisationPayload:
    organisation: MyOrganisation | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class InviteToOrganisationPayload:
    invitation: OrganisationInvitation | None = None
    code: str | None = strawberry.field(
        default=None, description="To hand on. It works once, for seven days, and is told only now."
    )
    user_errors: list[UserError] = user_errors()


@strawberry.type
class LeaveOrganisationPayload:
    left: bool | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class CloseOrganisationPayload:
    closed: bool | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class DecideOrganisationPayload:
    registration: OrganisationRegistration | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class OrganisationQueries:
    @strawberry.field(
        directives=[Weight(weight=100), Public(max_age=0)],  # a suspended one is gone at once
        description="The page of an approved organisation; null when there is none.",
    )
    async def organisation(self, id: strawberry.ID) -> Organisation | None:  # noqa: A002
        found = await queries.page(id)
        return None if found is None else Organisation.of(found)

    @strawberry.field(
        directives=[ListSize(assumed_size=MOST_ORGANISATIONS), Weight(weight=500)],
        description="The organisations that I belong to, whatever came of their registration, the latest first.",
    )
    async def my_organisations(self, info: Info) -> list[MyOrganisation]:
        member = await info.context.member()
        found = await queries.organisations_of(member_id=member.member_id, now=info.context.now)
        return [MyOrganisation.of(mine) for mine in found]

    @strawberry.field(
        directives=[
            ListSize(assumed_size=MOST_ROWS, slicing_arguments=["first"], sized_fields=["edges"]),
            Weight(weight=300),
        ],
        description="Who belongs to an organisation, in the order of joining; for its owners and managers.",
    )
    async def organisation_members(
        self, info: Info, organisation_id: strawberry.ID, first: int = 20, after: str | None = None
    ) -> OrganisationMemberConnection:
        member = await info.context.member()
        found = await queries.members_of(
            member_id=member.member_id,
            organisation_id=organisation_id,
            keys=info.context.services.id_keys,
            first=checked_size(first, MOST_ROWS),
            after_id=read_cursor(after, "m"),
            now=info.context.now,
        )
        edges = [
            OrganisationMemberEdge(
                node=OrganisationMember(
                    id=strawberry.ID(row["public_id"]),
                    masked_name=row["masked_name"],
                    role=OrganisationRole(row["role"]),
                    joined_at=row["joined_at"],
                    is_me=row["is_me"],
                ),
                cursor=f"m{row['id']}",
            )
            for row in found[:first]
        ]
        return OrganisationMemberConnection(
            edges=edges,
            page_info=page_of(edges, found, after),
        )

    @strawberry.field(
        directives=[
            ListSize(assumed_size=MOST_ROWS, slicing_arguments=["first"], sized_fields=["edges"]),
            Weight(weight=500),
        ],
        description="Registrations that wait for a decision in the regions of the signed-in staff person, oldest first.",
    )
    async def organisations_to_decide(
        self, info: Info, first: int = 20, after: str | None = None
    ) -> OrganisationRegistrationConnection:
        found = await queries.to_decide(
            clerk=await info.context.staff(),
            first=checked_size(first, MOST_ROWS),
            after_id=read_cursor(after, "g"),
        )
        edges = _registrations(found[:first])
        return OrganisationRegistrationConnection(
            edges=edges,
            page_info=page_of(edges, found, after),
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


def _registrations(rows: Sequence[Any]) -> list[OrganisationRegistrationEdge]:
    return [
        OrganisationRegistrationEdge(node=OrganisationRegistration.of(row), cursor=f"g{row['id']}") for row in rows
    ]
