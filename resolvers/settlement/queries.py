"""What a venue's finance and the offices above see of what is owed and paid."""

import strawberry

from models.settlement import accounts, queries
from models.settlement.rules import SettlementState
from plans.costs import ListSize, Weight
from resolvers.context import Info
from resolvers.paging import checked_size, page_of, read_cursor
from resolvers.settlement.types import (
    PayoutBatch,
    PayoutBatchConnection,
    PayoutBatchEdge,
    Settlement,
    SettlementConnection,
    SettlementDetail,
    SettlementEdge,
    SettlementLine,
    SettlementLineConnection,
    SettlementLineEdge,
    VenueAccount,
)

MOST_ROWS = 50
MOST_LINES = 200


@strawberry.type
class SettlementQueries:
    @strawberry.field(
        directives=[
            ListSize(assumed_size=MOST_ROWS, slicing_arguments=["first"], sized_fields=["edges"]),
            Weight(weight=1000),
        ],
        description="Of the venues of the signed-in staff person, the latest first.",
    )
    async def settlements(
        self,
        info: Info,
        campaign_id: strawberry.ID | None = None,
        venue_id: strawberry.ID | None = None,
        state: SettlementState | None = None,
        first: int = 20,
        after: str | None = None,
    ) -> SettlementConnection:
        found = await queries.settlements(
            clerk=await info.context.staff(),
            campaign_id=campaign_id,
            venue_id=venue_id,
            state=state,
            first=checked_size(first, MOST_ROWS),
            before_id=read_cursor(after, "t"),
        )
        edges = [SettlementEdge(node=Settlement.of(view), cursor=f"t{view.id}") for view in found[:first]]
        return SettlementConnection(
            edges=edges,
            page_info=page_of(edges, found, after),
        )

    @strawberry.field(directives=[Weight(weight=1000)], description="One, with its steps, deductions and payment.")
    async def settlement(self, info: Info, settlement_no: str) -> SettlementDetail:
        return SettlementDetail.of(
            await queries.settlement(clerk=await info.context.staff(), settlement_no=settlement_no)
        )

    @strawberry.field(
        directives=[
            ListSize(assumed_size=MOST_LINES, slicing_arguments=["first"], sized_fields=["edges"]),
            Weight(weight=1000),
        ],
        description="What a settlement's sums are made of, in the order of the books.",
    )
    async def settlement_lines(
        self, info: Info, settlement_no: str, first: int = 50, after: str | None = None
    ) -> SettlementLineConnection:
        found = await queries.settlement_lines(
            clerk=await info.context.staff(),
            settlement_no=settlement_no,
            first=checked_size(first, MOST_LINES),
            after_id=read_cursor(after, "l"),
        )
        edges = [SettlementLineEdge(node=SettlementLine.of(line), cursor=f"l{line.id}") for line in found[:first]]
        return SettlementLineConnection(
            edges=edges,
            page_info=page_of(edges, found, after),
        )

    @strawberry.field(
        directives=[ListSize(assumed_size=accounts.MOST_SHOWN), Weight(weight=1000)],
        description="A venue's accounts, the latest first, masked.",
    )
    async def venue_accounts(self, info: Info, venue_id: strawberry.ID) -> list[VenueAccount]:
        found = await accounts.venue_accounts(clerk=await info.context.staff(), venue_id=venue_id)
        return [VenueAccount.of(view) for view in found]

    @strawberry.field(
        directives=[
            ListSize(assumed_size=MOST_ROWS, slicing_arguments=["first"], sized_fields=["edges"]),
            Weight(weight=1000),
        ],
        description="Files for the bank, the latest first; for who pays out in the campaign's region.",
    )
    async def payout_batches(self, info: Info, first: int = 20, after: str | None = None) -> PayoutBatchConnection:
        found = await queries.payout_batches(
            clerk=await info.context.staff(),
            first=checked_size(first, MOST_ROWS),
            before_id=read_cursor(after, "b"),
        )
        edges = [PayoutBatchEdge(node=PayoutBatch.of(view), cursor=f"b{view.id}") for view in found[:first]]
        return PayoutBatchConnection(
            edges=edges,
            page_info=page_of(edges, found, after),
        )
