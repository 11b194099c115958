"""Several courts or hours at once for a group: asked for by who acts for it, decided by the venue's staff."""

from datetime import datetime
from typing import Any

import strawberry

from models.arrangements import deciding, queries, requesting
from models.arrangements.queries import MOST_REQUESTS_SHOWN
from models.arrangements.requesting import GroupWanted
from models.arrangements.rules import RequestState
from models.checkout.wanted import MOST_LINES
from models.orders.rules import OrderStatus
from plans.costs import ListSize, Weight
from resolvers.context import Info
from resolvers.errors import UserError, act, user_errors
from resolvers.order_lines import OrderLineInput, lines_wanted
from resolvers.scalars import Fen

strawberry.enum(
    RequestState,
    name="GroupRequestState",
    description="APPROVED: an order, to be paid in time; UNANSWERED: nobody decided by `answerBy`.",
)


@strawberry.type(description="A slot that a group asks for.")
class GroupRequestLine:
    court_id: strawberry.ID
    title: str
    starts_at: datetime
    ends_at: datetime
    people: int
    price: Fen = strawberry.field(
        description="The general price when it was asked for; its order says what is paid."
    )
    is_taken: bool | None = strawberry.field(
        description="For staff, while it waits: somebody has it by now, so that it cannot be approved."
    )


@strawberry.type(description="Nothing is held for it until it is approved.")
class GroupRequest:
    id: strawberry.ID
    venue_id: strawberry.ID
    venue_name: str
    organisation_name: str | None = strawberry.field(description="In whose name; null: a group without one.")
    asked_by: str | None = strawberry.field(description="For staff: the mask of who answers for it.")
    people: int = strawberry.field(description="How many come in all.")
    purpose: str
    lines: list[GroupRequestLine] = strawberry.field(directives=[ListSize(assumed_size=MOST_LINES)])
    state: RequestState
    answer_by: datetime
    note: str | None = strawberry.field(description="Of REFUSED: why.")
    order_no: str | None = strawberry.field(description="Of APPROVED.")
    pay_until: datetime | None = strawberry.field(description="While its order waits to be paid.")
    asked_at: datetime
    decided_at: datetime | None

    @classmethod
    def of(cls, row: Any) -> "GroupRequest":
        taken = row["taken"] or [None] * len(row["lines"])
        is_waiting = row["state"] == RequestState.WAITING
        return cls(
            id=strawberry.ID(row["public_id"]),
            venue_id=strawberry.ID(row["venue_id"]),
            venue_name=row["venue_name"],
            organisation_name=row["organisation_name"],
            asked_by=row["masked_name"],
            people=row["people"],
            purpose=row["purpose"],
            lines=[
                GroupRequestLine(
                    court_id=strawberry.ID(line.court_id),
                    title=line.title,
                    starts_at=datetime.fromisoformat(line.starts_at),
                    ends_at=datetime.fromisoformat(line.ends_at),
                    people=line.people,
                    price=Fen(line.price_fen),
                    is_taken=by_now if is_waiting else None,
                )
                for line, by_now in zip(row["lines"], taken, strict=True)
            ],
            state=RequestState(row["state"]),
            answer_by=row["answer_by"],
            note=row["note"] or None,
            order_no=row["order_no"],
            pay_until=row["hold_expires_at"] if row["order_status"] == OrderStatus.PENDING_PAYMENT else None,
            asked_at=row["asked_at"],
            decided_at=row["decided_at"],
        )


@strawberry.type
class GroupRequestPayload:
    request: GroupRequest | None = None
    user_errors: list[UserError] = user_errors()


_SHOWN = [ListSize(assumed_size=MOST_REQUESTS_SHOWN), Weight(weight=500)]


@strawberry.type
class GroupRequestQueries:
    @strawberry.field(directives=_SHOWN, description="What I asked venues for, the newest first.")
    async def my_group_requests(self, info: Info) -> list[GroupRequest]:
        member = await info.context.member()
        return [GroupRequest.of(row) for row in await queries.requests_of(member_id=member.member_id)]

    @strawberry.field(
        directives=_SHOWN, description="Staff: a venue's requests in a state, the soonest to be answered first."
    )
    async def group_requests(
        self, info: Info, venue_id: strawberry.ID, state: RequestState = RequestState.WAITING
    ) -> list[GroupRequest]:
        found = await queries.to_decide(
            clerk=await info.context.staff(),
            venue_id=venue_id,
            state=state,
            keys=info.context.services.id_keys,
            now=info.context.now,
        )
        return [GroupRequest.of(row) for row in found]


@strawberry.type
class GroupRequestActs:
    @act(
        GroupRequestPayload,
        "Ask a venue for several courts or hours at once, over what a person may have. Its staff answer by `answerBy`; "
        "until then nothing is held. Approved, it is an order of mine at the general price, in the organisation's name.",
    )
    async def ask_for_group_booking(
        self,
        info: Info,
        lines: list[OrderLineInput],
        people: int,
        purpose: str,
        idempotency_key: str,
        organisation_id: strawberry.ID | None = None,
    ) -> GroupRequestPayload:
        member = await info.context.member()
        request_id = await requesting.ask(
            member_id=member.member_id,
            wanted=GroupWanted(
                lines=lines_wanted(lines), people=people, purpose=purpose, organisation_id=organisation_id
            ),
            key=idempotency_key,
            keys=info.context.services.id_keys,
            now=info.context.now,
        )
        return await _payload(member.member_id, request_id)

    @act(GroupRequestPayload, "Withdraw a request that nobody has answered yet.")
    async def withdraw_group_request(self, info: Info, request_id: strawberry.ID) -> GroupRequestPayload:
        member = await info.context.member()
        await requesting.withdraw(member_id=member.member_id, request_id=request_id, now=info.context.now)
        return await _payload(member.member_id, request_id)

    @act(
        GroupRequestPayload,
        "Staff: approve a group's request, all of it, which places its order; or refuse it with a reason (`note`). Once.",
    )
    async def decide_group_request(
        self, info: Info, request_id: strawberry.ID, approve: bool, note: str = ""
    ) -> GroupRequestPayload:
        services = info.context.services
        await deciding.decide(
            clerk=await info.context.staff(),
            request_id=request_id,
            is_allowed=approve,
            note=note,
            keys=services.id_keys,
            channels=services.channels,
            now=info.context.now,
        )
        await services.wake("forward")
        row = await queries.for_staff(request_id=request_id, keys=services.id_keys, now=info.context.now)
        return GroupRequestPayload(request=GroupRequest.of(row))


async def _payload(member_id: int, request_id: str) -> GroupRequestPayload:
    found = await queries.requests_of(member_id=member_id, request_id=request_id)
    return GroupRequestPayload(request=GroupRequest.of(found[0]) if found else None)
