"""An order, its payment, a receipt and a shift as a desk shows them."""

from datetime import datetime
from typing import Self

import strawberry

from models.checkout import at_desk
from models.checkout.at_desk import Receipt, WaitingRefund
from models.checkout.codes_at_desk import DeskPayment, ShownCode, Standing
from models.checkout.wanted import MOST_LINES
from models.shifts.queries import ShiftView
from plans.costs import ListSize
from resolvers.errors import UserError, user_errors
from resolvers.paying import PaymentCode
from resolvers.scalars import Fen
from resolvers.words import Channel, CloseReason, OrderStatus, RefundStatus

strawberry.enum(Standing, name="DeskPaymentStanding", description="How a payment by code stands, for the desk.")


@strawberry.type(description="What an order at the desk is for.")
class DeskOrderLine:
    title: str
    court_name: str
    starts_at: datetime
    ends_at: datetime
    people: int
    price: Fen
    is_cancelled: bool


@strawberry.type(description="Money that was paid by hand and is given back at the desk.")
class DeskRefund:
    refund_no: str
    order_no: str
    channel: Channel = strawberry.field(
        description="CASH comes out of the drawer, CARD goes back at the terminal."
    )
    amount: Fen
    explanation: str
    status: RefundStatus
    asked_at: datetime
    handed_out_at: datetime | None

    @classmethod
    def of(cls, found: WaitingRefund) -> Self:
        return cls(
            refund_no=found.refund_no,
            order_no=found.order_no,
            channel=found.channel,
            amount=Fen(found.amount_fen),
            explanation=found.reason_text,
            status=found.status,
            asked_at=found.asked_at,
            handed_out_at=found.handed_out_at,
        )


@strawberry.type(description="An order as the desk of its venue sees it: nothing says whose it is.")
class DeskOrder:
    order_no: str
    status: OrderStatus
    venue_id: strawberry.ID
    venue_name: str
    venue_province: str
    member_province: str = strawberry.field(
        description="From which side its member said they come; empty: they did not say."
    )
    total: Fen
    to_pay: Fen = strawberry.field(description="What to collect: the total, less what vouchers pay.")
    paid: Fen
    refunded: Fen
    hold_expires_at: datetime = strawberry.field(description="Until here an unpaid order can be paid.")
    paid_at: datetime | None
    paid_by: Channel | None
    close_reason: CloseReason | None
    lines: list[DeskOrderLine] = strawberry.field(directives=[ListSize(assumed_size=MOST_LINES)])
    refunds_at_desk: list[DeskRefund] = strawberry.field(
        directives=[ListSize(assumed_size=MOST_LINES)], description="What of it waits here to be handed out."
    )

    @classmethod
    def of(cls, found: at_desk.DeskOrder) -> Self:
        row = found.row
        return cls(
            order_no=row["order_no"],
            status=OrderStatus(row["status"]),
            venue_id=strawberry.ID(row["venue_id"]),
            venue_name=row["venue_name"],
            venue_province=row["venue_province"],
            member_province=row["member_province"],
            total=Fen(row["total_fen"]),
            to_pay=Fen(row["total_fen"] - row["voucher_fen"]),
            paid=Fen(row["paid_fen"]),
            refunded=Fen(row["refunded_fen"]),
            hold_expires_at=row["hold_expires_at"],
            paid_at=row["paid_at"],
            paid_by=found.paid_by,
            close_reason=CloseReason(row["close_reason"]) if row["close_reason"] else None,
            lines=[
                DeskOrderLine(
                    title=line["title"],
                    court_name=line["court_name"],
                    starts_at=line["starts_at"],
                    ends_at=line["ends_at"],
                    people=line["people"],
                    price=Fen(line["price_fen"]),
                    is_cancelled=line["cancelled_at"] is not None,
                )
                for line in found.lines
            ],
            refunds_at_desk=[DeskRefund.of(refund) for refund in found.waiting],
        )


@strawberry.type(description="Money taken by hand, and the change to give.")
class DeskReceipt:
    payment_no: str
    order_no: str
    channel: Channel
    amount: Fen
    given: Fen
    change: Fen
    slip_no: str
    paid_at: datetime
    caution: str = strawberry.field(description="What the clerk should tell the customer; mostly empty.")

    @classmethod
    def of(cls, receipt: Receipt) -> Self:
        return cls(
            payment_no=receipt.payment_no,
            order_no=receipt.order_no,
            channel=receipt.channel,
            amount=Fen(receipt.amount_fen),
            given=Fen(receipt.given_fen),
            change=Fen(receipt.change_fen),
            slip_no=receipt.slip_no,
            paid_at=receipt.paid_at,
            caution=receipt.caution,
        )


@strawberry.type(description="A code on the desk's screen for the payer to scan.")
class DeskCode:
    payment_no: str
    channel: Channel
    amount: Fen
    expires_at: datetime
    code: PaymentCode

    @classmethod
    def of(cls, shown: ShownCode) -> Self:
        return cls(
            payment_no=shown.payment_no,
            channel=shown.channel,
            amount=Fen(shown.amount_fen),
            expires_at=shown.expires_at,
            code=PaymentCode(code=shown.code),
        )


@strawberry.type(name="DeskPayment", description="A payment by code, shown or scanned at the desk.")
class DeskPaymentType:
    payment_no: str
    order_no: str
    channel: Channel
    amount: Fen
    standing: Standing
    message: str = strawberry.field(description="A Chinese sentence for the clerk.")

    @classmethod
    def of(cls, payment: DeskPayment) -> Self:
        return cls(
            payment_no=payment.payment_no,
            order_no=payment.order_no,
            channel=payment.channel,
            amount=Fen(payment.amount_fen),
            standing=payment.standing,
            message=payment.says,
        )


@strawberry.type(description="A clerk's time at a drawer. What should lie in it is told once it was counted.")
class Shift:
    id: strawberry.ID
    venue_id: strawberry.ID
    venue_name: str
    opened_at: datetime
    opening_float: Fen
    cash_taken: Fen | None = strawberry.field(
        description="Null until the drawer was counted, as it would tell what to count."
    )
    cash_handed_out: Fen | None
    card_taken: Fen
    code_taken: Fen = strawberry.field(description="By codes shown or scanned here; for information.")
    card_handed_out: Fen
    closed_at: datetime | None
    expected: Fen | None = strawberry.field(description="Float, and cash taken, less cash handed out.")
    counted: Fen | None
    difference: Fen | None = strawberry.field(description="Counted less expected.")
    note: str

    @classmethod
    def of(cls, shift: ShiftView) -> Self:
        takings = shift.takings
        return cls(
            id=strawberry.ID(shift.public_id),
            venue_id=strawberry.ID(shift.venue_id),
            venue_name=shift.venue_name,
            opened_at=shift.opened_at,
            opening_float=Fen(shift.float_fen),
            cash_taken=_fen(shift.cash_fen),
            card_taken=Fen(takings.card_fen),
            code_taken=Fen(takings.code_fen),
            cash_handed_out=_fen(shift.cash_handed_out_fen),
            card_handed_out=Fen(takings.card_handed_out_fen),
            closed_at=shift.closed_at,
            expected=_fen(shift.expected_fen),
            counted=_fen(shift.counted_fen),
            difference=_fen(shift.difference_fen),
            note=shift.note,
        )


@strawberry.type
class ShiftPayload:
    shift: Shift | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class PayAtDeskPayload:
    receipt: DeskReceipt | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class ShowPaymentCodePayload:
    shown: DeskCode | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class DeskPaymentPayload:
    payment: DeskPaymentType | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class HandOutRefundPayload:
    refund: DeskRefund | None = None
    user_errors: list[UserError] = user_errors()


def _fen(amount: int | None) -> Fen | None:
    return None if amount is None else Fen(amount)
