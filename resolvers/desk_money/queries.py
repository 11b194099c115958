"""What a desk asks about money: an order, the shift at its drawer, refunds that wait to be handed out."""

from collections.abc import Sequence

import strawberry

from models.checkout import at_desk, handing_out
from models.checkout.at_desk import MOST_WAITING, WaitingRefund
from models.shifts import queries as shift_queries
from plans.costs import ListSize, Weight
from resolvers.context import Info
from resolvers.desk_money.types import DeskOrder, DeskRefund, Shift


@strawberry.type
class DeskMoneyQueries:
    @strawberry.field(
        directives=[Weight(weight=200)],
        description="An order of one of the clerk's venues by its number; null for any other.",
    )
    async def desk_order(self, info: Info, order_no: str) -> DeskOrder | None:
        clerk = await info.context.staff()
        found = await at_desk.order_at_desk(clerk=clerk, order_no=order_no)
        return None if found is None else DeskOrder.of(found)

    @strawberry.field(
        directives=[Weight(weight=200)],
        description="A shift of the clerk's by its id; without one the open shift. Null when there is none.",
    )
    async def shift(self, info: Info, shift_id: strawberry.ID | None = None) -> Shift | None:
        clerk = await info.context.staff()
        if shift_id is None:
            found = await shift_queries.open_shift_of(staff_id=clerk.staff_id)
        else:
            found = await shift_queries.shift_of(staff_id=clerk.staff_id, shift_id=shift_id)
        return None if found is None else Shift.of(found)

    @strawberry.field(
        directives=[ListSize(assumed_size=MOST_WAITING), Weight(weight=200)],
        description="Refunds that wait to be handed out at one of the clerk's venues, the oldest first.",
    )
    async def refunds_at_desk(self, info: Info, venue_id: strawberry.ID) -> list[DeskRefund]:
        clerk = await info.context.staff()
        found: Sequence[WaitingRefund] = await handing_out.refunds_at_desk(clerk=clerk, venue_id=venue_id)
        return [DeskRefund.of(refund) for refund in found]
