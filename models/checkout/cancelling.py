"""Giving up an order or lines of it: what it costs is told first, then everything ends in one act.

Revoked, released, unwound, told to the platform, and the refund written down: all of it or nothing. Who cancels twice
has cancelled once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from models import database
from models.admissions import operations as admissions
from models.attendance.expecting import no_shows_of
from models.booking.closures import closed_lines
from models.checkout import telling
from models.checkout.ending import channel_away, close_at_channels, close_unpaid
from models.checkout.letting_go import close_reason, end_lines, write_refund
from models.checkout.refunding import send_refund
from models.checkout.vouchers_paid import freed_by
from models.errors import BadInput, DomainError, ErrorCode, KeyReused
from models.money import shares, yuan_text
from models.orders import refund_policy
from models.orders.operations import (
    OrderedBy,
    lock_order,
    lock_settled_payments,
    order_id_of,
    settled_payments,
)
from models.orders.refund_policy import LineQuote, LineToCancel, Terms, own_terms
from models.orders.refund_queries import left_to_give_back, terms_of
from models.orders.rules import (
    OrderStatus,
    RefundParty,
    RefundReason,
)
from models.orders.tables import Order, OrderLine, Payment, Refund
from payments.port import PaymentChannel

UNPAID_VOUCHERS = "订单尚未支付，所用的消费券会退回您的账户。"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundQuote:
    """What cancelling these lines now gives back. `total_fen` is that of the lines that can be cancelled, and so is what
    is told of the order's vouchers."""

    order_no: str
    lines: Sequence[LineQuote]
    total_fen: int
    way_back: str
    vouchers_told: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    """Who gives up what. Without `line_nos` it is whatever of the order is not cancelled yet; without
    `expected_refund_fen` any refund is welcome. `by` and its note: the clerk, when it is the venue."""

    order_id: int
    line_nos: frozenset[int] | None = None
    party: RefundParty = RefundParty.MEMBER
    expected_refund_fen: int | None = None
    by: OrderedBy | None = None
    note: str = ""


async def refund_quote(
    *, member_id: int, order_no: str, line_nos: Iterable[int] | None = None, now: datetime
) -> RefundQuote:
    """How much comes back and why, before the member decides. A line that cannot be cancelled says so.

    Raises ORDER_UNKNOWN, BAD_INPUT for lines that the order doesn't have, ORDER_CLOSED when nothing is left to cancel.
    """
    order = await Order.get(id=await order_id_of(member_id=member_id, order_no=order_no))
    lines = await _lines_of(order, _chosen(line_nos))
    if order.status == OrderStatus.CLOSED or not lines:
        raise DomainError(
            "这里没有可以取消的时段了：订单已经关闭，或所选的时段已经取消。",
            code=ErrorCode.ORDER_CLOSED,
            next_step="请在“我的订单”里查看订单和退款进度。",
            field="orderNo",
        )
    if order.status == OrderStatus.PENDING_PAYMENT:
        unpaid = [LineQuote(line.line_no, line.price_fen, 0, 0, "尚未支付，取消不产生费用。") for line in lines]
        told = UNPAID_VOUCHERS if order.voucher_fen else ""
        back = telling.SHARES_BACK if order.split_at is not None else telling.NOTHING_BACK
        return RefundQuote(order_no=order_no, lines=unpaid, total_fen=0, way_back=back, vouchers_told=told)
    payments = await settled_payments(order.id)
    party = await because_of(RefundParty.MEMBER, order, lines)
    quotes, told = await line_quotes(order, lines, payments, party, "", now)
    total_fen = sum(each.refund_fen for each in quotes)
    way_back = telling.way_back(payments, total_fen)
    return RefundQuote(order_no=order_no, lines=quotes, total_fen=total_fen, way_back=way_back, vouchers_told=told)


async def cancel_order(
    *,
    member_id: int,
    order_no: str,
    line_nos: Iterable[int] | None = None,
    expected_refund_fen: int | None = None,
    channels: Mapping[str, PaymentChannel],
    now: datetime,
) -> None:
    """The member gives up an order or lines of it. An unpaid order closes whole; of a paid one the rules of refunds
    say what comes back.

    Raises ORDER_UNKNOWN for a stranger's, ORDER_STARTED for what began or was entered, NOT_REFUNDABLE where no rule
    fits, REFUND_CHANGED when it is not `expected_refund_fen`, OUTSIDE_UNAVAILABLE when the channel can't say whether
    the order was just paid.
    """
    order_id = await order_id_of(member_id=member_id, order_no=order_no)
    asked = Cancellation(order_id=order_id, line_nos=_chosen(line_nos), expected_refund_fen=expected_refund_fen)
    await cancel(asked, channels=channels, now=now)


async def cancel(asked: Cancellation, *, channels: Mapping[str, PaymentChannel], now: datetime) -> None:
    """Closes an unpaid order, or cancels lines of a paid one and sends the refund off."""
    order = await Order.get(id=asked.order_id)
    chosen = await _lines_of(order, asked.line_nos)
    if order.status == OrderStatus.PENDING_PAYMENT:
        if len(chosen) < await OrderLine.filter(order_id=order.id).count():
            raise BadInput("未支付的订单只能整单取消。", next_step="请取消整张订单后重新预订。", field="lineNos")
        if await close_at_channels(order, channels, now=now, abandoning=True):
            await close_unpaid(order.id, close_reason(asked.party), note=asked.note, now=now)
        order = await Order.get(id=order.id)
        if order.status == OrderStatus.PENDING_PAYMENT:  # the channel is away, or they just began to pay again
            raise channel_away()
    for refund_no in await _cancel_paid(asked, now=now):
        await send_refund(refund_no=refund_no, channels=channels, now=now)


@database.operation
async def _cancel_paid(asked: Cancellation, *, now: datetime) -> list[str]:
    """Revokes, releases and writes down the refunds in one act. Returns their numbers, none when nothing is due."""
    order = await lock_order(asked.order_id)
    if order.status != OrderStatus.PAID:
        return []
    lines = await _lines_of(order, asked.line_nos)
    if not lines:
        return []
    await _check_key(order, asked.by)
    payments = await lock_settled_payments(order.id)
    asked = replace(asked, party=await because_of(asked.party, order, lines))
    quotes, vouchers_told = await line_quotes(order, lines, payments, asked.party, asked.note, now)
    _check(quotes, asked.expected_refund_fen)
    await end_lines(order, lines, asked.party, now)
    total_fen = sum(each.refund_fen for each in quotes)
    await telling.cancelled(
        order,
        lines,
        party=asked.party,
        note=asked.note,
        refund_fen=total_fen,
        payments=payments,
        vouchers_told=vouchers_told,
        now=now,
    )
    return await write_refund(
        order,
        payments,
        list(zip(lines, quotes, strict=True)),
        party=asked.party,
        reason=RefundReason(close_reason(asked.party).value),
        by=asked.by,
        now=now,
    )


async def _lines_of(order: Order, line_nos: frozenset[int] | None) -> list[OrderLine]:
    """Those of the chosen lines that are not cancelled yet. Raises BAD_INPUT for what the order doesn't have."""
    lines = await OrderLine.filter(order_id=order.id).order_by("line_no")
    if line_nos is not None and not line_nos:
        raise BadInput("请至少选择一个时段。", field="lineNos")
    unknown = (line_nos or frozenset()) - {line.line_no for line in lines}
    if unknown:
        raise BadInput("这张订单里没有所选的时段。", next_step="请刷新订单后重新选择。", field="lineNos")
    return [line for line in lines if line.cancelled_at is None and (line_nos is None or line.line_no in line_nos)]


async def line_quotes(
    order: Order,
    lines: Sequence[OrderLine],
    payments: Sequence[Payment],
    party: RefundParty,
    note: str,
    now: datetime,
) -> tuple[list[LineQuote], str]:
    """Of each line, and what is told of the order's vouchers."""
    entered, missed = await admissions.entered(order.id), await no_shows_of(order.id)
    closed = await closed_lines(order.id)
    parties = [RefundParty.VENUE if line.id in closed else party for line in lines]
    terms = {each: await terms_of(order.venue_id, each) for each in set(parties)}
    by_line = [_terms_of(line, whose, terms) for line, whose in zip(lines, parties, strict=True)]
    asked = [_to_cancel(line, line.id in entered, line.id in missed, line.id in closed) for line in lines]
    quotes = [
        refund_policy.quote(line, rules, party=whose, now=now, note=note)
        for line, rules, whose in zip(asked, by_line, parties, strict=True)
    ]
    going = [n for n, each in enumerate(quotes) if each.refusal is None]
    told = ""
    if order.voucher_fen and going:
        freed = await freed_by(order, [lines[n] for n in going], party, now)
        own = shares(freed.money_fen, [lines[n].price_fen for n in going])
        for n, own_fen in zip(going, own, strict=True):
            quotes[n] = refund_policy.quote(
                replace(asked[n], own_fen=own_fen), by_line[n], party=parties[n], now=now, note=note
            )
        told = freed.told
    return refund_policy.within(quotes, await left_to_give_back(payments)), told


def _terms_of(
    line: OrderLine, party: RefundParty, terms: Mapping[RefundParty, Sequence[Terms]]
) -> Sequence[Terms]:
    """A member has the terms of the venue's booking rules under which the line was placed, if they said any."""
    free_minutes, kept_percent = line.cancel_free_minutes, line.cancel_kept_percent
    if party is RefundParty.MEMBER and free_minutes is not None and kept_percent is not None:
        return own_terms(free_minutes, kept_percent)
    return terms[party]


async def because_of(party: RefundParty, order: Order, lines: Sequence[OrderLine]) -> RefundParty:
    """Whoever gives up what the venue has closed does so because of the venue."""
    closed = await closed_lines(order.id)
    return RefundParty.VENUE if all(line.id in closed for line in lines) else party


def _to_cancel(line: OrderLine, is_entered: bool, is_no_show: bool, is_closed: bool) -> LineToCancel:
    return LineToCancel(
        line_no=line.line_no,
        title=line.title,
        price_fen=line.price_fen,
        starts_at=line.starts_at,
        ends_at=line.ends_at,
        is_entered=is_entered,
        is_no_show=is_no_show,
        is_closed=is_closed,
    )


def _check(quotes: Sequence[LineQuote], expected_refund_fen: int | None) -> None:
    """All of them or none: the first line that cannot be cancelled says why, and whether others could."""
    refusals = [each.refusal for each in quotes if each.refusal is not None]
    if refusals:
        others = "其余时段可以单独取消。" if len(refusals) < len(quotes) else ""
        raise DomainError(
            refusals[0].message,
            code=refusals[0].code,
            next_step=others + (refusals[0].next_step or ""),
            field=refusals[0].field,
        )
    total_fen = sum(each.refund_fen for each in quotes)
    if expected_refund_fen is not None and expected_refund_fen != total_fen:
        raise DomainError(
            f"现在取消可退{yuan_text(total_fen)}，与之前显示的不同。",
            code=ErrorCode.REFUND_CHANGED,
            next_step="请确认新的退款金额后再取消。",
            field="expectedRefund",
        )


async def _check_key(order: Order, by: OrderedBy | None) -> None:
    """Who repeats an act finds its lines cancelled; other lines under the same number are another act."""
    if by and await Refund.filter(order_id=order.id, request_key=by.request_key).exists():
        raise KeyReused("一次办理")


def _chosen(line_nos: Iterable[int] | None) -> frozenset[int] | None:
    return None if line_nos is None else frozenset(line_nos)
