"""Moving a booking to another slot: what it costs is told first, the new slot is an order of its own, and the old line is
given up in the act that confirms it (models/checkout/moved.py, docs/decisions/0039-moving.md).

An order that is not paid, or is cancelled before it is, leaves the old booking as it was.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from models import database
from models.booking.session_queries import BookableSession
from models.calendar import moment_text, steps_between
from models.checkout import telling
from models.checkout.cancelling import because_of, line_quotes
from models.checkout.placing import (
    Leaving,
    PlacedBy,
    Placing,
    bookable_together,
    lock_players,
    past_overdue_holds,
    place_within,
    placed_before,
)
from models.checkout.pricing import ForWhom
from models.checkout.refunding import send_refund
from models.checkout.session_lines import Bookable
from models.checkout.wanted import LineWanted, check_key, checked_lines
from models.errors import BadInput, DomainError, ErrorCode
from models.ids import request_hash
from models.keys import IdKeys
from models.money import yuan_text
from models.orders.operations import lock_order, order_id_of, settled_payments
from models.orders.rules import OrderStatus, RefundParty, RefundStatus
from models.orders.tables import Order, OrderLine, Payment, Refund
from payments.port import PaymentChannel


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveQuoted:
    """What moving a line there would mean now. The new price is paid in full, and what comes back of the old one goes to
    where that was paid: `difference_fen` is the one less the other, and below zero when more comes back."""

    price_fen: int
    refund_fen: int
    kept_fen: int
    explanation: str
    way_back: str
    pay_until: datetime | None
    """None: nothing has to be paid, it is moved at once."""

    @property
    def difference_fen(self) -> int:
        return self.price_fen - self.refund_fen


async def move_quote(
    *, member_id: int, order_no: str, line_no: int, to: LineWanted, keys: IdKeys, now: datetime
) -> MoveQuoted:
    """Before somebody decides. Raises what `open_move` would say of the line and of the slot, but for who holds it, and
    the limits."""
    slot = await _slot(member_id, to, keys, now)
    order = await Order.get(id=await order_id_of(member_id=member_id, order_no=order_no))
    line, leaving, payments = await _judge(order, line_no, now)
    quote = leaving.quote
    await _check_apart(line, slot)
    return MoveQuoted(
        price_fen=slot.price_fen,
        refund_fen=quote.refund_fen,
        kept_fen=quote.kept_fen,
        explanation=quote.explanation,
        way_back=telling.way_back(payments, quote.refund_fen),
        pay_until=now + timedelta(minutes=slot.limits.hold_minutes) if slot.price_fen else None,
    )


async def open_move(
    *,
    member_id: int,
    order_no: str,
    line_no: int,
    to: LineWanted,
    expected_refund_fen: int | None = None,
    key: str,
    placed_by: PlacedBy | None = None,
    keys: IdKeys,
    channels: Mapping[str, PaymentChannel],
    now: datetime,
) -> str:
    """Places the order for the new slot and gives its number. It costs nothing: it is confirmed, and the old line given
    up, at once. Else that happens when it is paid in time. The same key with the same wish is the same order.

    Of a line that a closure lies over all that was paid comes back, as when the venue cancels it.

    Raises ORDER_UNKNOWN, ORDER_CLOSED, ORDER_STARTED, NOT_REFUNDABLE, REFUND_CHANGED of the old line; MOVE_UNSUITABLE,
    MOVE_WITH_VOUCHER; MOVE_WAITS when another move of it waits to be paid; and what `place_order` raises.
    """
    check_key(key)
    asked = request_hash("move", order_no, line_no, *to.asked, expected_refund_fen)
    if known := await placed_before(member_id, key, asked):
        return known
    order_id = await order_id_of(member_id=member_id, order_no=order_no)
    slot = await _slot(member_id, to, keys, now)
    by = placed_by or PlacedBy()
    place = Placing(member_id, (slot,), (to.people,), (to.companion_ids,), keys, key, asked, by, ())
    old = _Old(order_id, line_no, expected_refund_fen)
    placed = await past_overdue_holds(lambda: _open(place, old, now=now), place, channels=channels, now=now)
    if slot.price_fen == 0:
        await _send_what_came_back(order_id, channels, now)
    return placed


@dataclass(frozen=True, slots=True)
class _Old:
    """What is moved, and what whoever moves it was told."""

    order_id: int
    line_no: int
    expected_refund_fen: int | None


@database.operation
async def _open(place: Placing, old: _Old, *, now: datetime) -> str:
    who = await lock_players(place, now=now)
    if known := await placed_before(place.member_id, place.idempotency_key, place.asked):
        return known
    order = await lock_order(old.order_id)
    if order.member_id != place.member_id:  # it went to another account meanwhile
        raise BadInput("这张订单刚刚换了账号。", next_step="请刷新后再试。", field="orderNo")
    line, leaving, _ = await _judge(order, old.line_no, now)
    quote = leaving.quote
    if old.expected_refund_fen not in (None, quote.refund_fen):
        raise DomainError(
            f"现在改期，原时段可退{yuan_text(quote.refund_fen)}，与之前显示的不同。",
            code=ErrorCode.REFUND_CHANGED,
            next_step="请确认新的金额后再改期。",
            field="expectedRefund",
        )
    await _check_apart(line, place.slots[0])
    await _check_no_other_move(line)
    place = replace(place, leaving=leaving, organisation_id=order.organisation_id)
    return await place_within(place, who, now=now)


async def _slot(member_id: int, to: LineWanted, keys: IdKeys, now: datetime) -> Bookable:
    [slot] = await bookable_together(checked_lines([to]), whom=ForWhom(member_id=member_id, keys=keys), now=now)
    return slot


async def _judge(order: Order, line_no: int, now: datetime) -> tuple[OrderLine, Leaving, list[Payment]]:
    """The line, if it may be moved, because of whom, what giving it up gives back, and of which payments."""
    if order.status == OrderStatus.PENDING_PAYMENT:
        raise _unsuitable("订单还没有支付，不能改期。", "请先支付，或取消后重新预订。", field="orderNo")
    line = await OrderLine.get_or_none(order_id=order.id, line_no=line_no)
    if line is None:
        raise BadInput("这张订单里没有所选的时段。", next_step="请刷新订单后重新选择。", field="lineNo")
    if order.status == OrderStatus.CLOSED or line.cancelled_at is not None:
        raise DomainError(
            f"{line.title}已经取消，不能改期。",
            code=ErrorCode.ORDER_CLOSED,
            next_step="请直接预订新的时段。",
            field="lineNo",
        )
    if order.voucher_fen:
        raise DomainError(
            "这张订单用了消费券，不能直接改期。",
            code=ErrorCode.MOVE_WITH_VOUCHER,
            next_step="请取消原时段后重新预订，消费券按规则退回。",
            field="orderNo",
        )
    payments = await settled_payments(order.id)
    party = await because_of(RefundParty.MEMBER, order, [line])
    [quote], _ = await line_quotes(order, [line], payments, party, "", now)
    if quote.refusal is not None:
        raise DomainError(
            f"改期要先退原时段。{quote.refusal.message}",
            code=quote.refusal.code,
            next_step=quote.refusal.next_step,
            field="lineNo",
        )
    return line, Leaving(line.id, party, quote), payments


async def _check_apart(line: OrderLine, slot: Bookable) -> None:
    """A court for a court, a session for another one. The old cells are theirs until the new ones are paid, so the two may
    share none."""
    if isinstance(slot, BookableSession) != (line.session_id is not None):
        raise _unsuitable(
            "场地只能改到场地时段，场次票只能改到其他场次。", "请另行预订，再取消原来的。", field="to"
        )
    if isinstance(slot, BookableSession):
        if slot.session.id == line.session_id:
            raise _unsuitable(
                "新场次和原场次是同一场，不能改期。", "请选择其他场次，或取消后重新购买。", field="to"
            )
        return
    if not set(steps_between(line.starts_at, line.ends_at)) & set(steps_between(slot.starts_at, slot.ends_at)):
        return
    parts = await database.rows("SELECT part_id FROM court_cover WHERE court_id = $1", line.court_id)
    if {each["part_id"] for each in parts} & set(slot.court.part_ids):
        raise _unsuitable("新时段和原时段有重叠，不能改期。", "请选择不重叠的时段，或取消后重新预订。", field="to")


async def _check_no_other_move(line: OrderLine) -> None:
    other = await Order.filter(moves_line_id=line.id, status=OrderStatus.PENDING_PAYMENT).first()
    if other is not None:
        raise DomainError(
            f"这个时段正在改期，新订单{other.order_no}等待支付，保留到{moment_text(other.hold_expires_at)}。",
            code=ErrorCode.MOVE_WAITS,
            next_step="请支付新订单，或取消它之后再改到别的时段。",
            field="lineNo",
        )


async def _send_what_came_back(order_id: int, channels: Mapping[str, PaymentChannel], now: datetime) -> None:
    for refund in await Refund.filter(order_id=order_id, status=RefundStatus.INTENDED):
        await send_refund(refund_no=refund.refund_no, channels=channels, now=now)


def _unsuitable(message: str, next_step: str, *, field: str) -> DomainError:
    return DomainError(message, code=ErrorCode.MOVE_UNSUITABLE, next_step=next_step, field=field)
