"""The audit trail, for the auditor alone."""

from datetime import datetime
from typing import Any

import strawberry
from strawberry.relay import PageInfo

from models.audit import queries
from models.audit.deeds import concerning
from models.audit.rules import LINES_A_PAGE, Wanted, checked_search
from models.staff.powers import demand
from models.staff.rules import Power
from plans.costs import ListSize, Weight
from resolvers.context import Info
from resolvers.paging import page_of


@strawberry.type(description="One act of somebody, or one reading of personal data.")
class AuditLine:
    id: strawberry.ID
    at: datetime
    actor_kind: str = strawberry.field(description="STAFF, MEMBER, OPERATOR or SYSTEM.")
    actor_id: str = strawberry.field(
        description="A public id, or an operator's name; empty when somebody signed in with a name that nobody has."
    )
    act: str = strawberry.field(description="The root field, page or command.")
    subject_kind: str
    subject_id: str
    venue_id: strawberry.ID | None
    outcome: str = strawberry.field(
        description="OK, a refusal's code, INTERNAL, or STOPPED when it was cut short."
    )
    is_reading: bool = strawberry.field(description="Somebody's personal data were looked at.")
    address: str
    device_id: str
    detail: str
    seq: str | None = strawberry.field(
        description="Its place in the chain; null for the seconds until it has one."
    )
    hash: str | None

    @classmethod
    def of(cls, line: Any) -> "AuditLine":
        return cls(
            id=strawberry.ID(line["public_id"]),
            at=line["at"],
            actor_kind=line["actor_kind"],
            actor_id=line["actor_id"],
            act=line["act"],
            subject_kind=line["subject_kind"],
            subject_id=line["subject_id"],
            venue_id=strawberry.ID(line["venue_id"]) if line["venue_id"] else None,
            outcome=line["outcome"],
            is_reading=line["is_reading"],
            address=line["address"],
            device_id=line["device_id"],
            detail=line["detail"],
            seq=None if line["seq"] is None else str(line["seq"]),
            hash=line["hash"] or None,
        )


@strawberry.type
class AuditLineEdge:
    node: AuditLine
    cursor: str


@strawberry.type
class AuditLineConnection:
    edges: list[AuditLineEdge]
    page_info: PageInfo


@strawberry.input(description="Which lines; what is left out does not matter. All given conditions must hold.")
class AuditFilter:
    actor_id: str | None = None
    subject_id: str | None = None
    act: str | None = None
    venue_id: strawberry.ID | None = None
    outcome: str | None = None
    since: datetime | None = strawberry.field(default=None, description="From here on, included.")
    until: datetime | None = strawberry.field(default=None, description="Up to here, not included.")
    readings_only: bool = False

    def wanted(self) -> Wanted:
        return Wanted(
            actor_id=self.actor_id or "",
            subject_id=self.subject_id or "",
            act=self.act or "",
            venue_id=self.venue_id or "",
            outcome=self.outcome or "",
            since=self.since,
            until=self.until,
            readings_only=self.readings_only,
        )


@strawberry.type
class AuditQueries:
    @strawberry.field(
        directives=[
            ListSize(assumed_size=LINES_A_PAGE, slicing_arguments=["first"], sized_fields=["edges"]),
            Weight(weight=1000),
        ],
        description="The audit trail, the latest line first, for the auditor. Looking is a line itself.",
    )
    async def audit_lines(
        self,
        info: Info,
        filter: AuditFilter | None = None,  # noqa: A002 - as clients know it
        first: int = 20,
        after: str | None = None,
    ) -> AuditLineConnection:
        clerk = await info.context.staff()
        await demand(clerk, Power.READ_AUDIT)
        wanted = checked_search((filter or AuditFilter()).wanted(), first=first)
        concerning("AUDIT", wanted.subject_id or wanted.actor_id, reading=True, detail=wanted.words())
        found = await queries.search(wanted=wanted, first=first, before=after)
        edges = [AuditLineEdge(node=AuditLine.of(line), cursor=line["public_id"]) for line in found[:first]]
        return AuditLineConnection(
            edges=edges,
            page_info=page_of(edges, found, after),
        )
