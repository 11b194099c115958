"""Taking money at a desk, handing a refund out, opening and closing a shift."""

import strawberry

from models.checkout import at_desk, codes_at_desk, handing_out
from models.checkout.at_desk import MoneyGiven
from models.checkout.codes_at_desk import Standing
from models.shifts import operations as shifts
from models.shifts import queries as shift_queries
from resolvers.context import Info
from resolvers.desk_money.types import (
    DeskCode,
    DeskPaymentPayload,
    DeskPaymentType,
    DeskReceipt,
    DeskRefund,
    HandOutRefundPayload,
    PayAtDeskPayload,
    Shift,
    ShiftPayload,
    ShowPaymentCodePayload,
)
from resolvers.errors import act
from resolvers.scalars import Fen
from resolvers.words import Channel


@strawberry.type
class DeskMoneyActs:
    @act(ShiftPayload, "Take over a drawer with this float in it. One shift of a clerk's is open at a time.")
    async def open_shift(self, info: Info, venue_id: strawberry.ID, opening_float: Fen) -> ShiftPayload:
        clerk = await info.context.staff()
        shift_id = await shifts.open_shift(
            clerk=clerk, venue_id=venue_id, float_fen=opening_float, now=info.context.now
        )
        return await _shift(clerk.staff_id, shift_id)

    @act(
        ShiftPayload,
        "Hand over a drawer as it was counted. What should lie in it is told afterwards; a difference wants a note.",
    )
    async def close_shift(self, info: Info, shift_id: strawberry.ID, counted: Fen, note: str = "") -> ShiftPayload:
        clerk = await info.context.staff()
        await shifts.close_shift(
            clerk=clerk, shift_id=shift_id, counted_fen=counted, note=note, now=info.context.now
        )
        return await _shift(clerk.staff_id, shift_id)

    @act(
        PayAtDeskPayload,
        "Pay a whole order with the cash that was given (`amountGiven`), or by a card (`slipNo` of its terminal).",
    )
    async def pay_at_desk(
        self,
        info: Info,
        order_no: str,
        channel: Channel,
        idempotency_key: str,
        amount_given: Fen | None = None,
        slip_no: str | None = None,
    ) -> PayAtDeskPayload:
        clerk = await info.context.staff()
        receipt = await at_desk.take_money(
            clerk=clerk,
            order_no=order_no,
            money=MoneyGiven(channel=channel, given_fen=amount_given, slip_no=slip_no or ""),
            key=idempotency_key,
            channels=info.context.services.channels,
            now=info.context.now,
        )
        await info.context.services.wake("forward")
        return PayAtDeskPayload(receipt=DeskReceipt.of(receipt))

    @act(ShowPaymentCodePayload, "A code over WeChat Pay or Alipay that whoever pays this order scans.")
    async def show_payment_code(self, info: Info, order_no: str, channel: Channel) -> ShowPaymentCodePayload:
        clerk = await info.context.staff()
        shown = await codes_at_desk.show_code(
            clerk=clerk,
            order_no=order_no,
            channel=channel,
            channels=info.context.services.channels,
            now=info.context.now,
        )
        return ShowPaymentCodePayload(shown=DeskCode.of(shown))

    @act(DeskPaymentPayload, "Charge a whole order to the code on the payer's phone. A key never charges twice.")
    async def charge_payer_code(
        self, info: Info, order_no: str, payer_code: str, idempotency_key: str
    ) -> DeskPaymentPayload:
        clerk = await info.context.staff()
        payment = await codes_at_desk.charge_payer_code(
            clerk=clerk,
            order_no=order_no,
            payer_code=payer_code,
            key=idempotency_key,
            channels=info.context.services.channels,
            now=info.context.now,
        )
        await info.context.services.wake("refunds" if payment.standing is Standing.GIVEN_BACK else "forward")
        return DeskPaymentPayload(payment=DeskPaymentType.of(payment))

    @act(DeskPaymentPayload, "Ask the channel now how a payment by code stands.")
    async def refresh_desk_payment(self, info: Info, payment_no: str) -> DeskPaymentPayload:
        clerk = await info.context.staff()
        payment = await codes_at_desk.refresh(
            clerk=clerk,
            payment_no=payment_no,
            channels=info.context.services.channels,
            now=info.context.now,
        )
        await info.context.services.wake("refunds" if payment.standing is Standing.GIVEN_BACK else "forward")
        return DeskPaymentPayload(payment=DeskPaymentType.of(payment))

    @act(
        HandOutRefundPayload,
        "Give back what was paid by hand: cash out of the drawer, a card's at the terminal (`slipNo` of that slip).",
    )
    async def hand_out_refund(
        self, info: Info, refund_no: str, idempotency_key: str, slip_no: str | None = None
    ) -> HandOutRefundPayload:
        clerk = await info.context.staff()
        refund = await handing_out.hand_out_refund(
            clerk=clerk, refund_no=refund_no, slip_no=slip_no or "", key=idempotency_key, now=info.context.now
        )
        return HandOutRefundPayload(refund=DeskRefund.of(refund))


async def _shift(staff_id: int, shift_id: str) -> ShiftPayload:
    found = await shift_queries.shift_of(staff_id=staff_id, shift_id=shift_id)
    return ShiftPayload(shift=None if found is None else Shift.of(found))
