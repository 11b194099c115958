"""Refunds of what was paid by hand, and those that a channel could only send back to us, wait at the desk of their
venue, and are handed out there, once."""

from collections.abc import Sequence
from datetime import datetime

from models import database
from models.calendar import moment_text
from models.checkout import telling
from models.checkout.at_desk import Number, WaitingRefund, checked_key, checked_slip_no, waiting_where
from models.errors import BadInput, DomainError, ErrorCode
from models.orders.operations import book, lock_order
from models.orders.rules import AT_THE_DESK, Channel, FinanceKind, RefundStatus
from models.orders.tables import Order, Payment, Refund
from models.shifts.operations import lock_open_shift, not_your_venue
from models.shifts.tables import Shift
from models.staff.powers import may, venues_where
from models.staff.rules import Power, StaffSignedIn


async def refunds_at_desk(*, clerk: StaffSignedIn, venue_id: str) -> Sequence[WaitingRefund]:
    """What waits to be handed out at one of the clerk's venues (public id). Raises NOT_ALLOWED."""
    if not await may(clerk, Power.TAKE_MONEY, venue_id=venue_id):
        raise not_your_venue()
    return await waiting_where("venue.public_id = $1", venue_id)


async def hand_out_refund(
    *, clerk: StaffSignedIn, refund_no: str, slip_no: str, key: str, now: datetime
) -> WaitingRefund:
    """The clerk gives the money back: cash out of their drawer, a card's at its terminal, whose slip is numbered.

    The same key is the same act. Raises REFUND_UNKNOWN (another venue's too), REFUND_NOT_AT_DESK, REFUND_HANDED_OUT
    once somebody has, SHIFT_NEEDED, BAD_INPUT; then nothing is given.
    """
    found = await database.row(
        f"""SELECT refund.id, refund.order_id, refund.payment_id, refund.to_merchant, payment.channel
             FROM refund JOIN payment ON payment.id = refund.payment_id JOIN orders ON orders.id = refund.order_id
                         JOIN venue ON venue.id = orders.venue_id
            WHERE {venues_where(Power.TAKE_MONEY)} AND refund.refund_no = $2""",
        clerk.staff_id,
        refund_no.strip().upper(),
    )
    if found is None:
        raise DomainError(
            "没有找到这笔退款。",
            code=ErrorCode.REFUND_UNKNOWN,
            next_step="请核对退款单号；只能办理本场馆的退款。",
            field="refundNo",
        )
    if found["channel"] not in AT_THE_DESK and not found["to_merchant"]:
        raise _not_at_desk()
    if found["channel"] == Channel.CARD:
        checked_slip_no(slip_no)
    elif slip_no:
        raise BadInput("现金退款没有凭证号。", next_step="请去掉凭证号。", field="slipNo")
    number = Number.of("H", clerk.staff_id, found["id"], checked_key(key), slip_no)
    return await _hand_out(found["order_id"], found["id"], clerk, number, slip_no, now=now)


@database.operation
async def _hand_out(
    order_id: int, refund_id: int, clerk: StaffSignedIn, number: Number, slip_no: str, *, now: datetime
) -> WaitingRefund:
    order = await lock_order(order_id)
    refund = await Refund.select_for_update().get(id=refund_id)
    payment = await Payment.get(id=refund.payment_id)
    if refund.status == RefundStatus.AT_DESK:
        shift = await lock_open_shift(staff_id=clerk.staff_id, venue_id=order.venue_id)
        refund.status = RefundStatus.SUCCESS
        refund.finished_at = now
        refund.shift_id = shift.id
        refund.channel_refund_no = f"{number.dated(now)} {slip_no}".strip()
        await refund.save(update_fields=["status", "finished_at", "shift_id", "channel_refund_no"])
        await book(order, FinanceKind.REFUNDED, refund.amount_fen, refund.refund_no, now)
        await telling.refund_moved(order, payment, refund, now=now)
    elif refund.status != RefundStatus.SUCCESS:
        raise _not_at_desk()
    elif not number.is_of(refund.channel_refund_no.partition(" ")[0]):
        raise await _handed_out_before(refund)
    return _view(order, payment, refund)


def _not_at_desk() -> DomainError:
    return DomainError(
        "这笔退款不在前台发放。",
        code=ErrorCode.REFUND_NOT_AT_DESK,
        next_step="手机支付的退款会原路退回，请顾客在“我的订单”里查看进度。",
        field="refundNo",
    )


async def _handed_out_before(refund: Refund) -> DomainError:
    shift = await Shift.get_or_none(id=refund.shift_id).prefetch_related("staff")
    who = f"由{shift.staff.display_name}" if shift else ""
    when = moment_text(refund.finished_at) if refund.finished_at else "此前"
    return DomainError(
        f"这笔退款已于{when}{who}退给顾客。",
        code=ErrorCode.REFUND_HANDED_OUT,
        next_step="不要再退一次；如顾客有异议，请联系管理员。",
        field="refundNo",
    )


def _view(order: Order, payment: Payment, refund: Refund) -> WaitingRefund:
    return WaitingRefund(
        refund_no=refund.refund_no,
        order_no=order.order_no,
        channel=Channel.CASH if refund.to_merchant else Channel(payment.channel),
        amount_fen=refund.amount_fen,
        reason_text=refund.reason_text,
        status=RefundStatus(refund.status),
        asked_at=refund.created_at,
        handed_out_at=refund.finished_at,
    )
