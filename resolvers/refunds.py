"""Refunds: what comes back and why, before and after; and what staff do about those that need somebody."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self

import strawberry

from models.checkout import cancelling, refunds_to_settle, staff_refunding
from models.checkout.cancelling import RefundQuote as Quoted
from models.checkout.refunds_to_settle import MOST_TO_SETTLE
from models.checkout.wanted import MOST_LINES
from models.errors import BadInput
from models.orders import queries as orders
from models.orders.refund_policy import LineQuote
from models.orders.refund_queries import lines_of_refunds
from payments.port import BankCard
from plans.costs import ListSize, Weight
from resolvers.acting import HelperPower, acting
from resolvers.context import Info
from resolvers.errors import UserError, act, user_errors
from resolvers.scalars import Fen
from resolvers.words import Channel, RefundParty, RefundReason, RefundStatus

REFUNDS_EXPECTED = 4
"""An order may have more of them; few have."""


@strawberry.type(description="Which part of a refund is for which line of the order.")
class RefundLine:
    line_no: int
    amount: Fen
    kept: Fen
    explanation: str = strawberry.field(description="Which rule it was, and how long before the start.")


@strawberry.type(description="Money on its way back, or given back.")
class Refund:
    refund_no: str
    amount: Fen
    party: RefundParty
    reason: RefundReason
    explanation: str
    status: RefundStatus
    finished_at: datetime | None
    lines: list[RefundLine] = strawberry.field(directives=[ListSize(assumed_size=MOST_LINES)])


@strawberry.type(description="What cancelling a line now gives back, and why.")
class RefundQuoteLine:
    line_no: int
    price: Fen
    refund: Fen
    kept: Fen
    can_cancel: bool
    explanation: str = strawberry.field(
        description="A Chinese sentence: which rule, how long before the start; or why it cannot be cancelled."
    )

    @classmethod
    def of(cls, quote: LineQuote) -> Self:
        return cls(
            line_no=quote.line_no,
            price=Fen(quote.price_fen),
            refund=Fen(quote.refund_fen),
            kept=Fen(quote.kept_fen),
            can_cancel=quote.refusal is None,
            explanation=quote.explanation,
        )


@strawberry.type(description="What cancelling gives back, before the member decides.")
class RefundQuote:
    order_no: str
    lines: list[RefundQuoteLine] = strawberry.field(directives=[ListSize(assumed_size=MOST_LINES)])
    total: Fen = strawberry.field(
        description="Of the lines that can be cancelled. As `expectedRefund` of `cancelOrder`, with the `lineNos` of "
        "these lines, it makes sure that what was shown is what comes back."
    )
    way_back: str = strawberry.field(
        description="A Chinese sentence: where the money goes, and how long it takes."
    )
    vouchers: str = strawberry.field(
        description="A Chinese sentence: what becomes of the vouchers that paid for these lines; empty without any."
    )

    @classmethod
    def of(cls, found: Quoted) -> Self:
        return cls(
            order_no=found.order_no,
            lines=[RefundQuoteLine.of(line) for line in found.lines],
            total=Fen(found.total_fen),
            way_back=found.way_back,
            vouchers=found.vouchers_told,
        )


@strawberry.type(description="A refund that will not arrive by itself, and the way out.")
class RefundToSettle:
    refund_no: str
    order_no: str
    channel: Channel
    amount: Fen
    explanation: str
    status: RefundStatus
    asked_at: datetime
    record: str = strawberry.field(description="What staff did about it so far: when, who, why.")
    way_out: str

    @classmethod
    def of(cls, found: refunds_to_settle.RefundToSettle) -> Self:
        return cls(
            refund_no=found.refund_no,
            order_no=found.order_no,
            channel=found.channel,
            amount=Fen(found.amount_fen),
            explanation=found.explanation,
            status=found.status,
            asked_at=found.asked_at,
            record=found.record,
            way_out=found.way_out,
        )


@strawberry.input(description="Another card of the payer's own. It goes to the channel and is kept nowhere.")
class BankCardInput:
    bank_type: str = strawberry.field(description="The channel's code of the bank, such as `ICBC_DEBIT`.")
    number: str
    holder: str


@strawberry.type(description="All refunds of the order, as they stand after the act.")
class StaffRefundPayload:
    refunds: list[Refund] | None = strawberry.field(
        default=None, directives=[ListSize(assumed_size=REFUNDS_EXPECTED)]
    )
    user_errors: list[UserError] = user_errors()


@strawberry.type
class RefundQueries:
    @strawberry.field(
        directives=[Weight(weight=300)],
        description="What cancelling an order of mine, or these lines of it, would give back now.",
    )
    async def refund_quote(
        self,
        info: Info,
        order_no: str,
        line_nos: list[int] | None = None,
        for_member: strawberry.ID | None = None,
    ) -> RefundQuote:
        whose = await acting(info, for_member, HelperPower.BOOK)
        found = await cancelling.refund_quote(
            member_id=whose.member_id, order_no=order_no, line_nos=line_nos, now=info.context.now
        )
        return RefundQuote.of(found)

    @strawberry.field(
        directives=[ListSize(assumed_size=MOST_TO_SETTLE, slicing_arguments=["first"]), Weight(weight=300)],
        description="Staff: refunds at a venue of mine that need somebody, the oldest first.",
    )
    async def refunds_to_settle(
        self, info: Info, venue_id: strawberry.ID, first: int = 20
    ) -> list[RefundToSettle]:
        clerk = await info.context.staff()
        found = await refunds_to_settle.refunds_to_settle(
            clerk=clerk, venue_id=venue_id, first=first, now=info.context.now
        )
        return [RefundToSettle.of(refund) for refund in found]


@strawberry.type
class RefundActs:
    @act(
        StaffRefundPayload,
        "Staff: cancel an order at a venue of mine, or these lines of it; everything goes back. The member reads the "
        "reason.",
    )
    async def cancel_for_venue(
        self,
        info: Info,
        order_no: str,
        reason: str,
        idempotency_key: str,
        line_nos: list[int] | None = None,
    ) -> StaffRefundPayload:
        clerk = await info.context.staff()
        order_id = await staff_refunding.cancel_for_venue(
            clerk=clerk,
            order_no=order_no,
            line_nos=line_nos,
            reason=reason,
            key=idempotency_key,
            channels=info.context.services.channels,
            now=info.context.now,
        )
        await info.context.services.wake("forward")
        return await _payload(order_id)

    @act(StaffRefundPayload, "Staff: give back part or all of what an order paid, out of goodwill.")
    async def give_back(
        self, info: Info, order_no: str, amount: Fen, note: str, idempotency_key: str
    ) -> StaffRefundPayload:
        clerk = await info.context.staff()
        order_id = await staff_refunding.give_back(
            clerk=clerk,
            order_no=order_no,
            amount_fen=amount,
            note=note,
            key=idempotency_key,
            channels=info.context.services.channels,
            now=info.context.now,
        )
        return await _payload(order_id)

    @act(
        StaffRefundPayload,
        "Staff: send an ABNORMAL refund to another card of the payer's, or back to the merchant, to be given back by "
        "hand.",
    )
    async def redirect_refund(
        self,
        info: Info,
        refund_no: str,
        note: str,
        card: BankCardInput | None = None,
        to_merchant: bool = False,
    ) -> StaffRefundPayload:
        clerk = await info.context.staff()
        if (card is not None) == to_merchant:
            raise BadInput("请填写收款银行卡，或选择退回商户账户。", next_step="两者选一个。", field="card")
        order_id = await staff_refunding.redirect_refund(
            clerk=clerk,
            refund_no=refund_no,
            card=BankCard(bank_type=card.bank_type, number=card.number, holder=card.holder) if card else None,
            note=note,
            channels=info.context.services.channels,
            now=info.context.now,
        )
        return await _payload(order_id)

    @act(StaffRefundPayload, "Staff: ask again, under a new number, for a refund that the channel CLOSED.")
    async def refund_again(self, info: Info, refund_no: str, note: str) -> StaffRefundPayload:
        clerk = await info.context.staff()
        order_id = await staff_refunding.refund_again(
            clerk=clerk,
            refund_no=refund_no,
            note=note,
            channels=info.context.services.channels,
            now=info.context.now,
        )
        return await _payload(order_id)


async def refunds_by_order(order_ids: Sequence[int]) -> dict[int, list[Refund]]:
    """The refunds of these orders with their lines: two statements for any number of orders."""
    lines: dict[int, list[Any]] = defaultdict(list)
    for line in await lines_of_refunds(order_ids):
        lines[line["refund_id"]].append(line)
    found: dict[int, list[Refund]] = defaultdict(list)
    for row in await orders.refunds_of(order_ids):
        found[row["order_id"]].append(_refund(row, lines[row["id"]]))
    return found


def _refund(row: Any, lines: Sequence[Any]) -> Refund:
    return Refund(
        refund_no=row["refund_no"],
        amount=Fen(row["amount_fen"]),
        party=RefundParty(row["party"]),
        reason=RefundReason(row["reason"]),
        explanation=row["reason_text"],
        status=RefundStatus(row["status"]),
        finished_at=row["finished_at"],
        lines=[
            RefundLine(
                line_no=line["line_no"],
                amount=Fen(line["amount_fen"]),
                kept=Fen(line["kept_fen"]),
                explanation=line["explanation"],
            )
            for line in lines
        ],
    )


async def _payload(order_id: int) -> StaffRefundPayload:
    return StaffRefundPayload(refunds=(await refunds_by_order([order_id]))[order_id])
