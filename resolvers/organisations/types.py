"""Organisations as everybody, their people and staff see them."""

from datetime import datetime
from typing import Any, Self

import strawberry
from strawberry.relay import PageInfo

from models.organisations.queries import Mine
from models.organisations.rules import (
    MOST_OPEN_INVITATIONS,
    OrganisationKind,
    OrganisationRole,
    OrganisationStatus,
)
from plans.costs import ListSize
from resolvers.errors import UserError, user_errors

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
