"""Standing in line for a slot that is taken."""

from datetime import date, datetime
from typing import Any

import strawberry
from strawberry.relay import PageInfo

from models.booking.waiting_rules import WaitingState
from models.checkout import waiting, waiting_queries
from models.checkout.waiting import Wanted
from models.checkout.waiting_queries import MOST_WAITING_A_PAGE
from plans.costs import ListSize, Weight
from resolvers.acting import HelperPower, acting, booking
from resolvers.context import Info
from resolvers.errors import UserError, act, user_errors
from resolvers.paging import checked_size, page_of, read_cursor

strawberry.enum(
    WaitingState,
    description="OFFERED: a slot is held, pay its order in time; MISSED: it was not paid; PASSED: nothing became free.",
)


@strawberry.type(description="A place in a line.")
class Waiting:
    id: strawberry.ID
    venue_id: strawberry.ID
    venue_name: str
    sport: str
    court_id: strawberry.ID | None = strawberry.field(description="Null: whichever court of the sport.")
    court_name: str | None
    day: date
    starts_from: datetime = strawberry.field(description="The slot begins at or after this.")
    starts_until: datetime = strawberry.field(description="And before this.")
    people: int
    state: WaitingState
    ahead: int | None = strawberry.field(
        description="How many stand before me for one of these slots, while I wait."
    )
    order_no: str | None = strawberry.field(description="The offer: an order of mine, to be paid or cancelled.")
    pay_until: datetime | None
    asked_at: datetime

    @classmethod
    def of(cls, row: Any) -> "Waiting":
        return cls(
            id=strawberry.ID(row["public_id"]),
            venue_id=strawberry.ID(row["venue_id"]),
            venue_name=row["venue_name"],
            sport=row["sport_code"],
            court_id=None if row["court_id"] is None else strawberry.ID(row["court_id"]),
            court_name=row["court_name"],
            day=row["business_day"],
            starts_from=row["starts_from"],
            starts_until=row["starts_until"],
            people=row["people"],
            state=WaitingState(row["state"]),
            ahead=row["ahead"],
            order_no=row["order_no"],
            pay_until=row["hold_expires_at"] if row["state"] == WaitingState.OFFERED else None,
            asked_at=row["asked_at"],
        )


@strawberry.type
class WaitingEdge:
    node: Waiting
    cursor: str


@strawberry.type
class WaitingConnection:
    edges: list[WaitingEdge]
    page_info: PageInfo


@strawberry.type
class WaitingPayload:
    waiting: Waiting | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.input(description="A slot that begins on a day at or after one local minute and before another.")
class WaitingInput:
    venue_id: strawberry.ID
    sport: str
    day: date
    from_minute: int
    until_minute: int
    people: int = 1
    court_id: strawberry.ID | None = None


@strawberry.type
class WaitingQueries:
    @strawberry.field(
        directives=[
            ListSize(assumed_size=MOST_WAITING_A_PAGE, slicing_arguments=["first"], sized_fields=["edges"]),
            Weight(weight=300),
        ],
        description="The lines in which I stand or stood, or my ward, or whoever gave me the power SEE_ORDERS.",
    )
    async def my_waiting(
        self, info: Info, first: int = 20, after: str | None = None, for_member: strawberry.ID | None = None
    ) -> WaitingConnection:
        whose = await acting(info, for_member, HelperPower.SEE_ORDERS)
        found = await waiting_queries.entries_of(
            member_id=whose.member_id,
            first=checked_size(first, MOST_WAITING_A_PAGE),
            before_id=read_cursor(after, "w"),
        )
        edges = [WaitingEdge(node=Waiting.of(row), cursor=f"w{row['id']}") for row in found[:first]]
        return WaitingConnection(
            edges=edges,
            page_info=page_of(edges, found, after),
        )


@strawberry.type
class WaitingActs:
    @act(
        WaitingPayload,
        "Stand in line for a slot that is taken. When one is given up it is offered to who stands first: an order of "
        "theirs, held for a quarter of an hour; a free one is booked at once. `forMember` as in `placeOrder`.",
    )
    async def join_waiting_list(
        self, info: Info, idempotency_key: str, wanted: WaitingInput, for_member: strawberry.ID | None = None
    ) -> WaitingPayload:
        whose = await booking(info, for_member)
        entry_id = await waiting.join(
            member_id=whose.member_id,
            wanted=Wanted(
                venue_id=wanted.venue_id,
                sport=wanted.sport,
                day=wanted.day,
                from_minute=wanted.from_minute,
                until_minute=wanted.until_minute,
                people=wanted.people,
                court_id=wanted.court_id,
            ),
            key=idempotency_key,
            placed_by_id=whose.by_member_id,
            now=info.context.now,
        )
        return WaitingPayload(waiting=await _entry(whose.member_id, entry_id))

    @act(WaitingPayload, "Leave a line. What is offered already is given up by cancelling its order.")
    async def leave_waiting_list(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 - the argument's name in the schema
        for_member: strawberry.ID | None = None,
    ) -> WaitingPayload:
        whose = await acting(info, for_member, HelperPower.BOOK)
        await waiting.leave(member_id=whose.member_id, entry_id=id, now=info.context.now)
        return WaitingPayload(waiting=await _entry(whose.member_id, id))


async def _entry(member_id: int, entry_id: str) -> Waiting | None:
    row = await waiting_queries.entry_of(member_id=member_id, entry_id=entry_id)
    return None if row is None else Waiting.of(row)
