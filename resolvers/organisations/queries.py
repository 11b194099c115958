"""An organisation's page, one's own, who belongs, and what waits for a decision."""

from collections.abc import Sequence
from typing import Any

import strawberry

from models.organisations import queries
from models.organisations.rules import (
    MOST_ORGANISATIONS,
    OrganisationRole,
)
from plans.costs import ListSize, Weight
from plans.public import Public
from resolvers.context import Info
from resolvers.organisations.types import (
    MOST_ROWS,
    MyOrganisation,
    Organisation,
    OrganisationMember,
    OrganisationMemberConnection,
    OrganisationMemberEdge,
    OrganisationRegistration,
    OrganisationRegistrationConnection,
    OrganisationRegistrationEdge,
)
from resolvers.paging import checked_size, page_of, read_cursor


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


def _registrations(rows: Sequence[Any]) -> list[OrganisationRegistrationEdge]:
    return [
        OrganisationRegistrationEdge(node=OrganisationRegistration.of(row), cursor=f"g{row['id']}") for row in rows
    ]
