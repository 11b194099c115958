"""The desk's second page, at /desk/money: an order's number is typed or scanned, and its sum is taken.

The routes only translate; what the page's script asks goes through `bff/pages/acts.py`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from bff.pages.acts import Acts, Answer, Asked, Said, unread
from bff.pages.rendering import page
from models.calendar import moment_text, span_text
from models.checkout import at_desk, codes_at_desk, handing_out
from models.checkout.at_desk import DeskOrder, MoneyGiven, WaitingRefund
from models.checkout.codes_at_desk import DeskPayment, Standing
from models.codes import pictures
from models.keys import AuditKeys
from models.orders.rules import CHANNEL_WORDS, Channel, OrderStatus
from models.shifts import operations as shifts
from models.shifts import queries as shift_queries
from models.shifts.queries import ShiftView
from models.staff.policy import StaffPolicy
from payments.port import PaymentChannel

NOT_AUDITED: Mapping[str, str] = {
    "drawer": "the page's own state: one's shift and sums that wait, nobody's data",
    "order": "asked every two seconds while a code is shown; it says nothing of whose the order is",
    "payment": "likewise: only how a payment stands",
}
"""As `resolvers/auditing.py` has it for GraphQL: each with its reason."""


@dataclass(frozen=True, slots=True)
class MoneyDesk:
    """What the page reaches. `wake` is rung when an order was paid, so that the platform hears of it at once."""

    channels: Mapping[str, PaymentChannel] = field(repr=False)
    audit_keys: AuditKeys
    policy: StaffPolicy
    wake: Callable[[str], Awaitable[None]]

    async def drawer(self, asked: Asked) -> Said:
        """The clerk's shift, wherever it is open, and the refunds that wait here."""
        shift = await shift_queries.open_shift_of(staff_id=asked.clerk.staff_id)
        refunds = await handing_out.refunds_at_desk(clerk=asked.clerk, venue_id=asked.venue_id)
        return {"shift": shift and _shift(shift, asked.venue_id), "refunds": [_refund(each) for each in refunds]}

    async def order(self, asked: Asked) -> Said:
        order_no = asked.text("orderNo")
        found = await at_desk.order_at_desk(clerk=asked.clerk, order_no=order_no)
        if found is None:
            raise at_desk.order_unknown()
        return {"order": _order(found, asked.now)}

    async def take(self, asked: Asked) -> Said:
        receipt = await at_desk.take_money(
            clerk=asked.clerk,
            order_no=asked.text("orderNo"),
            money=MoneyGiven(
                channel=_channel(asked), given_fen=asked.number("given"), slip_no=asked.text("slipNo")
            ),
            key=asked.text("key"),
            channels=self.channels,
            now=asked.now,
        )
        await self.wake("forward")
        return {
            "receipt": {
                "word": CHANNEL_WORDS[receipt.channel],
                "amount": receipt.amount_fen,
                "given": receipt.given_fen,
                "change": receipt.change_fen,
                "caution": receipt.caution or None,
            }
        }

    async def show_code(self, asked: Asked) -> Said:
        shown = await codes_at_desk.show_code(
            clerk=asked.clerk,
            order_no=asked.text("orderNo"),
            channel=_channel(asked),
            channels=self.channels,
            now=asked.now,
        )
        return {
            "shown": {
                "paymentNo": shown.payment_no,
                "word": CHANNEL_WORDS[shown.channel],
                "amount": shown.amount_fen,
                "svg": (await asyncio.to_thread(pictures.svg, shown.code)).decode(),  # 8 ms of CPU
            }
        }

    async def charge(self, asked: Asked) -> Said:
        payment = await codes_at_desk.charge_payer_code(
            clerk=asked.clerk,
            order_no=asked.text("orderNo"),
            payer_code=asked.text("payerCode"),
            key=asked.text("key"),
            channels=self.channels,
            now=asked.now,
        )
        return await self._payment(payment)

    async def payment(self, asked: Asked) -> Said:
        payment = await codes_at_desk.refresh(
            clerk=asked.clerk, payment_no=asked.text("paymentNo"), channels=self.channels, now=asked.now
        )
        return await self._payment(payment)

    async def hand_out(self, asked: Asked) -> Said:
        refund = await handing_out.hand_out_refund(
            clerk=asked.clerk,
            refund_no=asked.text("refundNo"),
            slip_no=asked.text("slipNo"),
            key=asked.text("key"),
            now=asked.now,
        )
        return {"refund": _refund(refund)}

    async def open_shift(self, asked: Asked) -> Said:
        await shifts.open_shift(
            clerk=asked.clerk, venue_id=asked.venue_id, float_fen=asked.number("openingFloat") or 0, now=asked.now
        )
        return await self.drawer(asked)

    async def close_shift(self, asked: Asked) -> Said:
        shift_id, counted_fen = asked.text("shiftId"), asked.number("counted")
        if counted_fen is None:
            raise unread()
        await shifts.close_shift(
            clerk=asked.clerk,
            shift_id=shift_id,
            counted_fen=counted_fen,
            note=asked.text("note"),
            now=asked.now,
        )
        closed = await shift_queries.shift_of(staff_id=asked.clerk.staff_id, shift_id=shift_id)
        return {"shift": closed and _shift(closed, asked.venue_id)}

    async def _payment(self, payment: DeskPayment) -> Said:
        await self.wake("refunds" if payment.standing is Standing.GIVEN_BACK else "forward")
        return {
            "payment": {
                "paymentNo": payment.payment_no,
                "word": CHANNEL_WORDS[payment.channel],
                "amount": payment.amount_fen,
                "standing": payment.standing,
                "says": payment.says,
            }
        }


def money_routes(desk: MoneyDesk, clock: Callable[[], datetime]) -> list[BaseRoute]:
    """The routes under /desk/money."""
    acts: Mapping[str, Answer] = {
        "drawer": desk.drawer,
        "order": desk.order,
        "take": desk.take,
        "show-code": desk.show_code,
        "charge": desk.charge,
        "payment": desk.payment,
        "hand-out": desk.hand_out,
        "open-shift": desk.open_shift,
        "close-shift": desk.close_shift,
    }
    asking = Acts(page="money", clock=clock, audit_keys=desk.audit_keys, policy=desk.policy, quiet=NOT_AUDITED)
    return [Route("/desk/money", _showing(asking), methods=["GET"]), *asking.routes(acts)]


def _showing(asking: Acts) -> Callable[[Request], Awaitable[Response]]:
    async def show(request: Request) -> Response:
        """The page; who has no sign-in or no post here gets one at /desk."""
        found = await asking.at_their_post(request)
        if found is None:
            return RedirectResponse("/desk?to=money", 303)
        clerk, post = found
        venue_name = dict(clerk.venues)[post.venue_id]
        return page(request, "desk/money.html", signed_in=clerk, post=post, venue_name=venue_name, tab="money")

    return show


def _channel(asked: Asked) -> Channel:
    try:
        return Channel(asked.text("channel"))
    except ValueError:
        raise unread() from None


def _order(found: DeskOrder, now: datetime) -> Said:
    row = found.row
    held_for = int((row["hold_expires_at"] - now).total_seconds())
    is_payable = row["status"] == OrderStatus.PENDING_PAYMENT and held_for > 0
    return {
        "orderNo": row["order_no"],
        "total": row["total_fen"] - row["voucher_fen"],  # what to collect
        "isPayable": is_payable,
        "heldFor": held_for if is_payable else None,
        "says": _says(found, is_payable),
        "isPaid": row["status"] == OrderStatus.PAID,
        "lines": [
            {
                "title": line["court_name"],
                "time": span_text(line["starts_at"], line["ends_at"]),
                "people": line["people"],
                "price": line["price_fen"],
                "isCancelled": line["cancelled_at"] is not None,
            }
            for line in found.lines
        ],
        "refunds": [_refund(each) for each in found.waiting],
    }


def _says(found: DeskOrder, is_payable: bool) -> str:
    row = found.row
    if is_payable:
        return "待付款"
    if row["status"] == OrderStatus.PAID:
        if not row["total_fen"]:
            return "免费时段，不用付款"
        if row["total_fen"] == row["voucher_fen"]:
            return "消费券全额抵扣，不用付款"
        how = CHANNEL_WORDS[found.paid_by] if found.paid_by else ""
        return f"已付款 · {how} {moment_text(row['paid_at'])}"
    return "已关闭，不能再付款"


def _refund(refund: WaitingRefund) -> Said:
    return {
        "refundNo": refund.refund_no,
        "orderNo": refund.order_no,
        "isCash": refund.channel is Channel.CASH,
        "amount": refund.amount_fen,
        "reason": refund.reason_text,
        "askedAt": moment_text(refund.asked_at),
    }


def _shift(shift: ShiftView, here: str) -> Said:
    takings = shift.takings
    return {
        "shiftId": shift.public_id,
        "isHere": shift.venue_id == here,
        "venueName": shift.venue_name,
        "openedAt": moment_text(shift.opened_at),
        "openingFloat": shift.float_fen,
        "cash": shift.cash_fen,
        "cashOut": shift.cash_handed_out_fen,
        "card": takings.card_fen,
        "cardOut": takings.card_handed_out_fen,
        "code": takings.code_fen,
        "expected": shift.expected_fen,
        "counted": shift.counted_fen,
        "difference": shift.difference_fen,
    }
