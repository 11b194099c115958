"""Staff see what the channels' statements and our books do not agree on, and say what it was."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import strawberry
from strawberry.relay import PageInfo

from models.reconciliation import operations, queries
from models.reconciliation.rules import (
    MOST_ASKED,
    OUTCOME_TEXTS,
    DiscrepancyKind,
    DiscrepancyStatus,
    Outcome,
    StatementStatus,
    explanation,
)
from payments.port import EntryKind
from plans.costs import ListSize, Weight
from resolvers.context import Info
from resolvers.errors import UserError, act, user_errors
from resolvers.paging import checked_size, page_of, read_cursor
from resolvers.scalars import Fen
from resolvers.words import Channel

strawberry.enum(DiscrepancyKind, name="DiscrepancyKind")
strawberry.enum(DiscrepancyStatus, name="DiscrepancyStatus")
strawberry.enum(Outcome, name="DiscrepancyOutcome")
strawberry.enum(StatementStatus, name="StatementStatus")
strawberry.enum(EntryKind, name="DiscrepancyAbout")
MOST_ROWS = 100
BY_THE_JOB = "系统"


@strawberry.type(description="What was done about a discrepancy, once and for all to read.")
class DiscrepancyAct:
    outcome: Outcome
    outcome_text: str = strawberry.field(description="The outcome as a Chinese sentence.")
    by: str = strawberry.field(description="The staff person's name, or 系统 for the daily job.")
    note: str
    acted_at: datetime

    @classmethod
    def of(cls, row: Any) -> "DiscrepancyAct":
        outcome = Outcome(row["outcome"])
        return cls(
            outcome=outcome,
            outcome_text=OUTCOME_TEXTS[outcome],
            by=row["display_name"] or BY_THE_JOB,
            note=row["note"],
            acted_at=row["acted_at"],
        )


@strawberry.type(description="One thing on which a channel's statement and our books do not agree (差错).")
class Discrepancy:
    id: strawberry.ID
    channel: Channel
    day: date = strawberry.field(description="Of the statement, Asia/Shanghai.")
    kind: DiscrepancyKind
    about: EntryKind
    about_no: str = strawberry.field(description="The payment's or refund's number; not ours when MISSING_HERE.")
    channel_trade_no: str
    venue_id: strawberry.ID | None
    venue_name: str | None
    ours: Fen | None
    theirs: Fen | None
    ours_status: str
    theirs_status: str
    status: DiscrepancyStatus
    explanation: str = strawberry.field(description="A Chinese sentence: what does not agree.")
    next_step: str = strawberry.field(description="A Chinese sentence: what staff can do about it.")
    found_at: datetime
    acts: list[DiscrepancyAct] = strawberry.field(directives=[ListSize(assumed_size=MOST_ASKED + 4)])

    @classmethod
    def of(cls, row: Any, acts: Sequence[Any]) -> "Discrepancy":
        kind, about = DiscrepancyKind(row["kind"]), EntryKind(row["about"])
        explained, next_step = explanation(kind, about)
        return cls(
            id=strawberry.ID(row["public_id"]),
            channel=Channel(row["channel"]),
            day=row["day"],
            kind=kind,
            about=about,
            about_no=row["about_no"],
            channel_trade_no=row["channel_trade_no"],
            venue_id=strawberry.ID(row["venue_public_id"]) if row["venue_public_id"] else None,
            venue_name=row["venue_name"],
            ours=None if row["ours_fen"] is None else Fen(row["ours_fen"]),
            theirs=None if row["theirs_fen"] is None else Fen(row["theirs_fen"]),
            ours_status=row["ours_status"],
            theirs_status=row["theirs_status"],
            status=DiscrepancyStatus(row["status"]),
            explanation=explained,
            next_step=next_step,
            found_at=row["found_at"],
            acts=[DiscrepancyAct.of(each) for each in acts],
        )


@strawberry.type
class DiscrepancyEdge:
    node: Discrepancy
    cursor: str


@strawberry.type
class DiscrepancyConnection:
    edges: list[DiscrepancyEdge]
    page_info: PageInfo


@strawberry.type(description="What moved between the sides of the border on a day, by our books.")
class StatementSide:
    venue_province: str
    member_province: str = strawberry.field(
        description="From which side the members said they come; empty: they did not say."
    )
    paid: Fen
    refunded: Fen

    @classmethod
    def of(cls, row: Any) -> "StatementSide":
        return cls(
            venue_province=row["venue_province"],
            member_province=row["member_province"],
            paid=Fen(row["paid_fen"]),
            refunded=Fen(row["refunded_fen"]),
        )


@strawberry.type(description="A channel's own account of one day (对账单), and what came of it.")
class DayStatement:
    channel: Channel
    day: date
    status: StatementStatus
    digest: str = strawberry.field(
        description="SHA-256 of the file as it came, in hex; empty until it is matched."
    )
    entries: int
    paid: Fen
    refunded: Fen
    fee: Fen
    attempts: int
    next_attempt_at: datetime | None
    last_problem: str = strawberry.field(description="A Chinese sentence: why it is not matched yet.")
    matched_at: datetime | None
    open_discrepancies: int
    sides: list[StatementSide] = strawberry.field(directives=[ListSize(assumed_size=6)])

    @classmethod
    def of(cls, row: Any) -> "DayStatement":
        return cls(
            channel=Channel(row["channel"]),
            day=row["day"],
            status=StatementStatus(row["status"]),
            digest=row["digest"],
            entries=row["entries"],
            paid=Fen(row["paid_fen"]),
            refunded=Fen(row["refunded_fen"]),
            fee=Fen(row["fee_fen"]),
            attempts=row["attempts"],
            next_attempt_at=row["next_attempt_at"],
            last_problem=row["last_problem"],
            matched_at=row["matched_at"],
            open_discrepancies=row["open"],
            sides=[StatementSide.of(side) for side in row["sides"]],
        )


@strawberry.type
class DayStatementEdge:
    node: DayStatement
    cursor: str


@strawberry.type
class DayStatementConnection:
    edges: list[DayStatementEdge]
    page_info: PageInfo


@strawberry.type
class ResolveDiscrepancyPayload:
    discrepancy: Discrepancy | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class ReconciliationQueries:
    @strawberry.field(
        directives=[
            ListSize(assumed_size=MOST_ROWS, slicing_arguments=["first"], sized_fields=["edges"]),
            Weight(weight=1000),
        ],
        description="What does not agree at the venues of the signed-in staff person, the latest first.",
    )
    async def discrepancies(
        self,
        info: Info,
        venue_id: strawberry.ID | None = None,
        status: DiscrepancyStatus | None = None,
        first: int = 20,
        after: str | None = None,
    ) -> DiscrepancyConnection:
        clerk = await info.context.staff()
        found = await queries.discrepancies(
            clerk=clerk,
            venue_id=venue_id,
            status=status,
            first=checked_size(first, MOST_ROWS),
            before_id=read_cursor(after, "d"),
        )
        shown = found[:first]
        edges = [
            DiscrepancyEdge(node=node, cursor=f"d{row['id']}")
            for node, row in zip(await _build(shown), shown, strict=True)
        ]
        return DiscrepancyConnection(
            edges=edges,
            page_info=page_of(edges, found, after),
        )

    @strawberry.field(
        directives=[
            ListSize(assumed_size=MOST_ROWS, slicing_arguments=["first"], sized_fields=["edges"]),
            Weight(weight=1000),
        ],
        description="The channels' statements, the latest first; for who reconciles everywhere.",
    )
    async def statements(
        self, info: Info, channel: Channel | None = None, first: int = 20, after: str | None = None
    ) -> DayStatementConnection:
        clerk = await info.context.staff()
        found = await queries.statements(
            clerk=clerk, channel=channel, first=checked_size(first, MOST_ROWS), before_id=read_cursor(after, "s")
        )
        edges = [DayStatementEdge(node=DayStatement.of(row), cursor=f"s{row['id']}") for row in found[:first]]
        return DayStatementConnection(
            edges=edges,
            page_info=page_of(edges, found, after),
        )


@strawberry.type
class ReconciliationActs:
    @act(
        ResolveDiscrepancyPayload,
        "Say what a discrepancy was, with a note for the auditor. The same again changes nothing.",
    )
    async def resolve_discrepancy(
        self, info: Info, discrepancy_id: strawberry.ID, outcome: Outcome, note: str
    ) -> ResolveDiscrepancyPayload:
        clerk = await info.context.staff()
        await operations.resolve(
            clerk=clerk, discrepancy_id=discrepancy_id, outcome=outcome, note=note, now=info.context.now
        )
        row = await queries.discrepancy(clerk=clerk, discrepancy_id=discrepancy_id)
        return ResolveDiscrepancyPayload(discrepancy=(await _build([row]))[0] if row else None)


async def _build(rows: Sequence[Any]) -> list[Discrepancy]:
    """With their acts, in one statement for any number of them."""
    acts: dict[int, list[Any]] = defaultdict(list)
    for each in await queries.acts_of([row["id"] for row in rows]):
        acts[each["discrepancy_id"]].append(each)
    return [Discrepancy.of(row, acts[row["id"]]) for row in rows]
