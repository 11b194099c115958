"""The desk's second page, at /desk/money: an order's number is typed or scanned, and its sum is taken.

The routes only translate; cookies, posts and forged requests are as `bff/pages/desk.py` says. What the page's script
asks is JSON, and so is what it hears: what it asked for, or `refused` with a sentence.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from bff.pages.rendering import page
from bff.pages.visitors import (
    SIGN_IN,
    STATUS_OF,
    body_of,
    from_our_pages,
    json_response,
    post_in_cookie,
    post_of,
)
from models.calendar import moment_text, span_text
from models.checkout import at_desk, codes_at_desk, handing_out
from models.checkout.at_desk import DeskOrder, MoneyGiven, WaitingRefund
from models.checkout.codes_at_desk import DeskPayment, Standing
from models.codes import pictures
from models.errors import BadInput, DomainError, NotSignedIn
from models.orders.rules import CHANNEL_WORDS, Channel, OrderStatus
from models.shifts import operations as shifts
from models.shifts import queries as shift_queries
from models.shifts.queries import ShiftView
from models.staff import queries as staff
from models.staff.rules import StaffSignedIn
from payments.port import PaymentChannel

Said = Mapping[str, Any]
Answer = Callable[["Asked"], Awaitable[Said]]


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that the page's script asks of us."""

    clerk: StaffSignedIn
    venue_id: str
    said: Mapping[str, Any]
    now: datetime

    def text(self, name: str) -> str:
        """Raises BadInput: our page's script sends a text here."""
        value = self.said.get(name, "")
        if not isinstance(value, str) or "\0" in value:
            raise _unread()
        return value

    def fen(self, name: str) -> int | None:
        value = self.said.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or abs(value) > 10**12):
            raise _unread()
        return value

    def channel(self) -> Channel:
        try:
            return Channel(self.text("channel"))
        except ValueError:
            raise _unread() from None


@dataclass(frozen=True, slots=True)
class MoneyDesk:
    """What the page reaches. `wake` is rung when an order was paid, so that the platform hears of it at once."""

    channels: Mapping[str, PaymentChannel] = field(repr=False)
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
            money=MoneyGiven(channel=asked.channel(), given_fen=asked.fen("given"), slip_no=asked.text("slipNo")),
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
            channel=asked.channel(),
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
            clerk=asked.clerk, venue_id=asked.venue_id, float_fen=asked.fen("openingFloat") or 0, now=asked.now
        )
        return await self.drawer(asked)

    async def close_shift(self, asked: Asked) -> Said:
        shift_id, counted_fen = asked.text("shiftId"), asked.fen("counted")
        if counted_fen is None:
            raise _unread()
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
    pages = _MoneyPages(clock)
    return [
        Route("/desk/money", pages.show, methods=["GET"]),
        *(
            Route(f"/desk/money/{name}", from_our_pages(pages.answering(answer)), methods=["POST"])
            for name, answer in acts.items()
        ),
    ]


@dataclass(frozen=True, slots=True)
class _MoneyPages:
    clock: Callable[[], datetime]

    async def show(self, request: Request) -> Response:
        """The page; who has no sign-in or no post here gets one at /desk."""
        clerk = await self._who(request)
        post = post_of(request, clerk) if clerk else None
        if clerk is None or post is None:
            return RedirectResponse("/desk", 303)
        venue_name = dict(clerk.venues)[post.venue_id]
        return page(request, "desk/money.html", signed_in=clerk, post=post, venue_name=venue_name, tab="money")

    def answering(self, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        async def answered(request: Request) -> Response:
            try:
                said = _object_in(await body_of(request))
                clerk, post = await self._who(request), post_in_cookie(request)
                if clerk is None or post is None:
                    raise NotSignedIn
                return json_response(await answer(Asked(clerk, post.venue_id, said, self.clock())))
            except DomainError as refusal:
                return json_response({"refused": _refused(refusal)}, STATUS_OF.get(refusal.code, 200))

        return answered

    async def _who(self, request: Request) -> StaffSignedIn | None:
        token = request.cookies.get(SIGN_IN)
        return await staff.find(token=token, now=self.clock()) if token else None


def _object_in(body: bytes) -> Mapping[str, Any]:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, dict):
        raise _unread()
    return said


def _unread() -> BadInput:
    return BadInput("没有读懂这次操作。", next_step="请刷新页面后再试。")


def _refused(refusal: DomainError) -> Said:
    return {
        "code": refusal.code,
        "message": refusal.message,
        "nextStep": refusal.next_step,
        "field": refusal.field,
    }


def _order(found: DeskOrder, now: datetime) -> Said:
    row = found.row
    held_for = int((row["hold_expires_at"] - now).total_seconds())
    is_payable = row["status"] == OrderStatus.PENDING_PAYMENT and held_for > 0
    return {
        "orderNo": row["order_no"],
        "total": row["total_fen"],
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
