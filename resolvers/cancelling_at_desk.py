"""Giving up, at a desk, what was booked for somebody without a phone."""

import strawberry

from models.checkout import cancelling_at_desk
from plans.costs import Weight
from resolvers.context import Info
from resolvers.errors import UserError, act, user_errors
from resolvers.refunds import RefundQuote
from resolvers.scalars import Fen


@strawberry.type
class CancelOrderAtDeskPayload:
    cancelled: bool | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class CancellingAtDeskQueries:
    @strawberry.field(
        directives=[Weight(weight=500)],
        description="Staff: `refundQuote` for the person before them, of an order of theirs at this venue, to be read out.",
    )
    async def refund_quote_at_desk(
        self, info: Info, person_id: strawberry.ID, order_no: str, venue_id: strawberry.ID
    ) -> RefundQuote:
        found = await cancelling_at_desk.quote_at_desk(
            clerk=await info.context.staff(),
            person_id=person_id,
            order_no=order_no,
            venue_id=venue_id,
            keys=info.context.services.id_keys,
            now=info.context.now,
        )
        return RefundQuote.of(found)


@strawberry.type
class CancellingAtDeskActs:
    @act(
        CancelOrderAtDeskPayload,
        "Staff: the person before them gives up an order at this venue, by everybody's rules. `expectedRefund` is what "
        "`refundQuoteAtDesk` said; what was paid at a desk is handed out at one. Twice is once.",
    )
    async def cancel_order_at_desk(
        self, info: Info, person_id: strawberry.ID, order_no: str, expected_refund: Fen, venue_id: strawberry.ID
    ) -> CancelOrderAtDeskPayload:
        await cancelling_at_desk.cancel_at_desk(
            clerk=await info.context.staff(),
            person_id=person_id,
            order_no=order_no,
            expected_refund_fen=expected_refund,
            venue_id=venue_id,
            keys=info.context.services.id_keys,
            channels=info.context.services.channels,
            now=info.context.now,
        )
        await info.context.services.wake("forward")
        return CancelOrderAtDeskPayload(cancelled=True)
