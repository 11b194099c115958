"""Splitting the price of an order: who pays which share, paying one, and taking over what is missing."""

from datetime import datetime

import strawberry

from models.checkout import splitting, splitting_queries
from models.checkout.splitting_queries import MOST_MINE
from models.orders.share_rules import MOST_SHARES, ShareState
from plans.costs import ListSize, Weight
from resolvers.acting import HelperPower, acting
from resolvers.context import Info
from resolvers.errors import UserError, act, user_errors
from resolvers.paying import PayOrderPayload, payment_wanted
from resolvers.scalars import Fen
from resolvers.words import Channel, OrderStatus, Way

strawberry.enum(ShareState, name="ShareState", description="What became of a share of an order's price.")


@strawberry.type(description="A share of the price of an order of mine.")
class OrderShare:
    share_no: int
    is_mine: bool
    masked_name: str | None
    amount: Fen
    state: ShareState

    @classmethod
    def of(cls, share: splitting_queries.OrderShare) -> "OrderShare":
        return cls(
            share_no=share.share_no,
            is_mine=share.is_mine,
            masked_name=share.masked_name,
            amount=Fen(share.amount_fen),
            state=share.state,
        )


@strawberry.type(description="A share that I was asked to pay: of an order of mine, or of a companion's.")
class MyShare:
    order_no: str
    order_status: OrderStatus = strawberry.field(description="PAID: all have paid, and it is booked.")
    booked_by_me: bool
    booked_by: str | None = strawberry.field(description="The masked name of whoever booked.")
    venue_name: str
    title: str = strawberry.field(description="Of the first line.")
    starts_at: datetime
    lines: int = strawberry.field(description="How many the order has.")
    share_no: int
    amount: Fen
    state: ShareState
    pay_until: datetime = strawberry.field(
        description="Shares that are not all paid by then are given back, and nothing is booked."
    )

    @classmethod
    def of(cls, share: splitting_queries.MyShare) -> "MyShare":
        return cls(
            order_no=share.order_no,
            order_status=share.order_status,
            booked_by_me=share.booked_by_me,
            booked_by=share.booked_by,
            venue_name=share.venue_name,
            title=share.title,
            starts_at=share.starts_at,
            lines=share.lines,
            share_no=share.share_no,
            amount=Fen(share.amount_fen),
            state=share.state,
            pay_until=share.pay_until,
        )


@strawberry.type
class SharesPayload:
    shares: list[OrderShare] | None = strawberry.field(
        default=None, directives=[ListSize(assumed_size=MOST_SHARES)]
    )
    user_errors: list[UserError] = user_errors()


@strawberry.type
class SplittingQueries:
    @strawberry.field(
        directives=[ListSize(assumed_size=MOST_SHARES), Weight(weight=300)],
        description="Who pays which share of an order of mine; none, where it is not split.",
    )
    async def order_shares(
        self, info: Info, order_no: str, for_member: strawberry.ID | None = None
    ) -> list[OrderShare]:
        whose = await acting(info, for_member, HelperPower.SEE_ORDERS)
        return await _shares(info, whose.member_id, order_no)

    @strawberry.field(
        directives=[ListSize(assumed_size=MOST_MINE), Weight(weight=500)],
        description="My shares, the latest first: what I am asked to pay, and what I have paid.",
    )
    async def my_shares(self, info: Info, for_member: strawberry.ID | None = None) -> list[MyShare]:
        whose = await acting(info, for_member, HelperPower.SEE_ORDERS)
        found = await splitting_queries.my_shares(
            member_id=whose.member_id, keys=info.context.services.id_keys, now=info.context.now
        )
        return [MyShare.of(share) for share in found]


@strawberry.type
class SplittingActs:
    @act(
        SharesPayload,
        "Split what is to be paid of an unpaid order of mine evenly among me and these companions, or without any, those "
        "who are named on its lines. The odd fen are mine, then theirs in the order in which they are named. It is "
        "booked once all have paid; if the hold ends before, what was paid goes back whole. Twice is once.",
    )
    async def split_order(
        self,
        info: Info,
        order_no: str,
        companion_ids: list[strawberry.ID] | None = None,
        for_member: strawberry.ID | None = None,
    ) -> SharesPayload:
        whose = await acting(info, for_member, HelperPower.BOOK)
        await splitting.split_order(
            member_id=whose.member_id,
            order_no=order_no,
            companion_ids=companion_ids,
            channels=info.context.services.channels,
            now=info.context.now,
        )
        return SharesPayload(shares=await _shares(info, whose.member_id, order_no))

    @act(
        SharesPayload,
        "Take over what others have not paid yet of an order of mine: together with what I have not, it is one share, "
        "which I pay with `payShare`. Twice is once.",
    )
    async def take_over_shares(
        self, info: Info, order_no: str, for_member: strawberry.ID | None = None
    ) -> SharesPayload:
        whose = await acting(info, for_member, HelperPower.BOOK)
        await splitting.take_over_shares(
            member_id=whose.member_id,
            order_no=order_no,
            channels=info.context.services.channels,
            now=info.context.now,
        )
        return SharesPayload(shares=await _shares(info, whose.member_id, order_no))

    @act(PayOrderPayload, "Open a payment for my share of an order, whoever booked it; otherwise as `payOrder`.")
    async def pay_share(
        self,
        info: Info,
        order_no: str,
        channel: Channel = Channel.WECHAT_PAY,
        way: Way = Way.IN_APP,
        return_url: str | None = None,
        for_member: strawberry.ID | None = None,
    ) -> PayOrderPayload:
        whose = await acting(info, for_member, HelperPower.BOOK)
        opened = await splitting.pay_share(
            member_id=whose.member_id,
            order_no=order_no,
            wanted=await payment_wanted(info, channel, way, return_url),
            channels=info.context.services.channels,
            now=info.context.now,
        )
        return PayOrderPayload.of(opened)


async def _shares(info: Info, member_id: int, order_no: str) -> list[OrderShare]:
    found = await splitting_queries.order_shares(
        member_id=member_id, order_no=order_no, keys=info.context.services.id_keys, now=info.context.now
    )
    return [OrderShare.of(share) for share in found]
