"""Moving a booking to another slot."""

from datetime import datetime

import strawberry

from models.checkout import moving
from models.checkout.moving import MoveQuoted
from models.checkout.placing import PlacedBy
from plans.costs import Weight
from resolvers.acting import HelperPower, acting, booking
from resolvers.context import Info
from resolvers.errors import act
from resolvers.order_lines import OrderLineInput, lines_wanted
from resolvers.orders import OrderPayload, one_order
from resolvers.scalars import Fen


@strawberry.type(description="What moving a line of an order to another slot would mean now.")
class MoveQuote:
    price: Fen = strawberry.field(description="Of the new slot; it is paid in full.")
    refund: Fen = strawberry.field(
        description="What comes back for the old one, to where it was paid. As `expectedRefund` of `moveBooking`."
    )
    kept: Fen
    difference: Fen = strawberry.field(description="The price less the refund; below zero: more comes back.")
    explanation: str = strawberry.field(description="A Chinese sentence: by which rule the old line is given up.")
    way_back: str = strawberry.field(
        description="A Chinese sentence: where the money goes, and how long it takes."
    )
    pay_until: datetime | None = strawberry.field(
        description="If it is asked for now. Null: there is nothing to pay, and it is moved at once."
    )

    @classmethod
    def of(cls, quoted: MoveQuoted) -> "MoveQuote":
        return cls(
            price=Fen(quoted.price_fen),
            refund=Fen(quoted.refund_fen),
            kept=Fen(quoted.kept_fen),
            difference=Fen(quoted.difference_fen),
            explanation=quoted.explanation,
            way_back=quoted.way_back,
            pay_until=quoted.pay_until,
        )


@strawberry.type
class MovingQueries:
    @strawberry.field(
        directives=[Weight(weight=1500)],
        description="What moving this line of a paid order of mine to another court's slot, or of a ticket to another session, would cost and give back.",
    )
    async def move_quote(
        self,
        info: Info,
        order_no: str,
        line_no: int,
        to: OrderLineInput,
        for_member: strawberry.ID | None = None,
    ) -> MoveQuote:
        whose = await acting(info, for_member, HelperPower.BOOK)
        [wanted] = lines_wanted([to])
        quoted = await moving.move_quote(
            member_id=whose.member_id,
            order_no=order_no,
            line_no=line_no,
            to=wanted,
            keys=info.context.services.id_keys,
            now=info.context.now,
        )
        return MoveQuote.of(quoted)


@strawberry.type
class MovingActs:
    @act(
        OrderPayload,
        "Move a line of a paid order of mine to another slot, or a ticket to another session, of any venue. Gives the order for the new slot, which is "
        "held as any other; the old line stands until that is paid, and is given up then. The same key gives the same "
        "order. `forMember` as in `placeOrder`.",
    )
    async def move_booking(
        self,
        info: Info,
        idempotency_key: str,
        order_no: str,
        line_no: int,
        to: OrderLineInput,
        expected_refund: Fen | None = None,
        for_member: strawberry.ID | None = None,
    ) -> OrderPayload:
        whose = await booking(info, for_member)
        [wanted] = lines_wanted([to])
        new_order_no = await moving.open_move(
            member_id=whose.member_id,
            order_no=order_no,
            line_no=line_no,
            to=wanted,
            expected_refund_fen=expected_refund,
            key=idempotency_key,
            placed_by=PlacedBy(member_id=whose.by_member_id),
            keys=info.context.services.id_keys,
            channels=info.context.services.channels,
            now=info.context.now,
        )
        await info.context.services.wake("forward")
        return OrderPayload(order=await one_order(whose.member_id, new_order_no))
