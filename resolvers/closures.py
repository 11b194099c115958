"""Closures: what is closed and until when; staff close, with a preview; whoever booked takes the money back."""

from datetime import datetime
from typing import Any

import strawberry

from models.booking import closures
from models.booking.closure_rules import ClosureKind
from models.booking.closures import MOST_SHOWN, ClosureWanted
from models.checkout import closing
from plans.costs import ListSize, Weight
from plans.public import Public
from resolvers.acting import HelperPower, acting
from resolvers.context import Info
from resolvers.draw_cuts import DrawCut, cuts_of, draws_field
from resolvers.errors import UserError, act, user_errors
from resolvers.orders import OrderPayload, one_order
from resolvers.scalars import Fen

strawberry.enum(ClosureKind, description="WEATHER needs no notice of seven days.")


@strawberry.type(description="A venue, a sport of it or one court is closed for a time.")
class Closure:
    id: strawberry.ID
    venue_id: strawberry.ID
    sport: str | None = strawberry.field(description="With no court either: the whole venue.")
    court_id: strawberry.ID | None
    court_name: str | None
    starts_at: datetime
    ends_at: datetime
    kind: ClosureKind
    reason: str
    announced_at: datetime
    withdrawn_at: datetime | None

    @classmethod
    def of(cls, row: Any) -> "Closure":
        return cls(
            id=strawberry.ID(row["public_id"]),
            venue_id=strawberry.ID(row["venue_id"]),
            sport=row["sport_code"] or None,
            court_id=None if row["court_id"] is None else strawberry.ID(row["court_id"]),
            court_name=row["court_name"],
            starts_at=row["starts_at"],
            ends_at=row["ends_at"],
            kind=ClosureKind(row["kind"]),
            reason=row["reason"],
            announced_at=row["announced_at"],
            withdrawn_at=row["withdrawn_at"],
        )


@strawberry.type(description="Whom a closure would touch at this moment.")
class ClosurePreview:
    orders: int = strawberry.field(description="Paid ones, or free; who entered already is not counted.")
    lines: int
    people: int
    refund: Fen = strawberry.field(description="What citizens paid themselves; vouchers go back besides.")
    unpaid_orders: int = strawberry.field(description="They end at once.")
    keeps_notice: bool = strawberry.field(
        description="Whether it is announced seven days before, as 体规字〔2021〕7号 asks; nothing is refused for it."
    )
    notice: str
    draws: list[DrawCut] = draws_field()


@strawberry.input
class ClosureInput:
    venue_id: strawberry.ID
    starts_at: datetime
    ends_at: datetime
    kind: ClosureKind
    reason: str
    sport: str | None = None
    court_id: strawberry.ID | None = None

    def wanted(self) -> ClosureWanted:
        return ClosureWanted(
            venue_id=self.venue_id,
            sport=self.sport,
            court_id=self.court_id,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            kind=self.kind,
            reason=self.reason,
        )


@strawberry.type
class ClosurePayload:
    closure: Closure | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class ClosureQueries:
    @strawberry.field(
        directives=[ListSize(assumed_size=MOST_SHOWN), Public(max_age=0)],
        description="What is closed at a venue, now or later, the earliest first.",
    )
    async def closures(self, info: Info, venue_id: strawberry.ID) -> list[Closure]:
        found = await closures.closures(venue_id=venue_id, now=info.context.now)
        return [Closure.of(row) for row in found]

    @strawberry.field(
        directives=[Weight(weight=2000)],
        description="Staff: which bookings a closure would touch, and whether it keeps the notice of seven days.",
    )
    async def preview_closure(self, info: Info, closure: ClosureInput) -> ClosurePreview:
        clerk = await info.context.staff()
        found = await closures.preview(clerk=clerk, wanted=closure.wanted(), now=info.context.now)
        return ClosurePreview(
            orders=found.orders,
            lines=found.lines,
            people=found.people,
            refund=Fen(found.refund_fen),
            unpaid_orders=found.unpaid_orders,
            keeps_notice=found.keeps_notice,
            notice=found.notice,
            draws=cuts_of(found.draws),
        )


@strawberry.type
class ClosureActs:
    @act(
        ClosurePayload,
        "Staff: close a venue, a sport of it or a court. Nobody can book it from now on; whoever did is asked, and has "
        "all the money back unless they move before it begins.",
    )
    async def announce_closure(self, info: Info, idempotency_key: str, closure: ClosureInput) -> ClosurePayload:
        clerk = await info.context.staff()
        public_id = await closures.announce(
            clerk=clerk, wanted=closure.wanted(), key=idempotency_key, now=info.context.now
        )
        return ClosurePayload(closure=Closure.of(await closures.closure_of(public_id)))

    @act(ClosurePayload, "Staff: open after all. Bookings for which nobody chose yet stand, and people are told.")
    async def withdraw_closure(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 - the argument's name in the schema
        why: str,
    ) -> ClosurePayload:
        clerk = await info.context.staff()
        await closing.withdraw(clerk=clerk, closure_id=id, why=why, now=info.context.now)
        return ClosurePayload(closure=Closure.of(await closures.closure_of(id)))

    @act(
        OrderPayload,
        "All the money back for what a closure touches in an order of mine, at once. Twice is the same as once.",
    )
    async def take_closure_refund(
        self, info: Info, order_no: str, for_member: strawberry.ID | None = None
    ) -> OrderPayload:
        whose = await acting(info, for_member, HelperPower.BOOK)
        await closing.take_refund(
            member_id=whose.member_id,
            order_no=order_no,
            channels=info.context.services.channels,
            now=info.context.now,
        )
        await info.context.services.wake("forward")
        return OrderPayload(order=await one_order(whose.member_id, order_no))
