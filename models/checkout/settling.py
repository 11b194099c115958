"""A channel says that a payment succeeded: settle the order once, whatever the order of events.

Source for what is compared and in which order: WeChat Pay v3, payment notice; lessons 6.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, TypeVar

from tortoise.models import Model

from models import database
from models.booking import operations as cells
from models.booking.operations import CellsWanted
from models.checkout.fulfilling import fulfil
from models.checkout.letting_go import give_up
from models.checkout.session_lines import hold_again, sports_of
from models.checkout.settling_shares import pay_share, why_not_needed
from models.errors import DomainError, ErrorCode
from models.orders.operations import LONGEST_CHECK, book, charge, intend_refund, next_check
from models.orders.rules import (
    PAYABLE,
    CloseReason,
    FinanceKind,
    OrderStatus,
    PaymentStatus,
    RefundParty,
    RefundReason,
)
from models.orders.tables import Order, OrderLine, Payment
from models.vouchers import reserving
from models.vouchers.tables import Voucher
from payments.port import ChannelPayment, PaymentNotice, PaymentState, Way

log = logging.getLogger(__name__)

LONGEST_ID = 64  # of the column; Alipay reserves 128 for its notify_id, and of a longer one the hash is kept

T = TypeVar("T", bound=Model)


class Settled(StrEnum):
    """What came of it. Only the first two moved anything; all of them are acknowledged."""

    SETTLED = "SETTLED"  # it paid the order, or its share of one that is split
    SURPLUS = "SURPLUS"  # paid, but the slot is gone or was paid already: a refund is written down
    ALREADY = "ALREADY"
    GIVEN_BACK = "GIVEN_BACK"  # somebody gave it back at the channel before we heard of it
    NOT_PAID = "NOT_PAID"


async def settle_notice(notice: PaymentNotice, *, channel: str, mchid: str, now: datetime) -> Settled:
    """Settles what a genuine notice reports. The notice is remembered by its id in the same transaction.

    Raises PAYMENT_UNKNOWN (answer 5xx, it will come again: the order may not be committed yet) and
    PAYMENT_MISMATCH (amount, appid, mchid or payer differ: nothing changes, somebody must look).
    """
    if notice.payment.mchid != mchid:
        raise mismatch(notice.payment.payment_no, "mchid")
    return await _settle(notice.payment, channel=channel, notice=notice, now=now)


async def settle_known(payment: ChannelPayment, *, channel: str, now: datetime) -> Settled:
    """Settles what the channel answered to a query of ours."""
    return await _settle(payment, channel=channel, notice=None, now=now)


_LOCK_ORDER = """
SELECT * FROM orders WHERE id = (SELECT order_id FROM payment WHERE payment_no = $1 AND channel = $2) FOR UPDATE"""
_LOCK_PAYMENT = "SELECT * FROM payment WHERE payment_no = $1 FOR UPDATE"
_LINES = "SELECT * FROM order_line WHERE order_id = $1 ORDER BY line_no"
_PAID = """
UPDATE payment SET status = $1, channel_trade_no = $2, paid_at = $3, next_check_at = NULL WHERE id = $4"""


async def _read(table: type[T], sql: str, *values: Any) -> list[T]:
    """Rows as Tortoise itself makes them. It would write these texts anew for every notice, and settling would need
    half as much time again (`make bench`)."""
    return [table._init_from_db(**row) for row in await database.rows(sql, *values)]


@database.operation
async def _settle(known: ChannelPayment, *, channel: str, notice: PaymentNotice | None, now: datetime) -> Settled:
    found = await _read(Order, _LOCK_ORDER, known.payment_no, channel)
    if not found:
        raise DomainError("没有这笔支付单。", code=ErrorCode.PAYMENT_UNKNOWN)
    [order] = found
    [payment] = await _read(Payment, _LOCK_PAYMENT, known.payment_no)
    if payment.status == PaymentStatus.REVERSING:
        outcome = Settled.NOT_PAID
    elif payment.status == PaymentStatus.CLOSED and payment.way == Way.PAYER_CODE:
        outcome = await _doubt(payment, known, now)
    else:
        outcome = await _apply(order, payment, known, now)
    if notice is not None:
        await _remember(notice, channel, outcome, now)
    return outcome


async def _doubt(payment: Payment, known: ChannelPayment, now: datetime) -> Settled:
    """Ending a charge gives back what was paid meanwhile (撤销), so whoever tells of a charge that we ended may tell of
    money that is gone. The next sweep asks how it stands (models.checkout.paying)."""
    if known.state is PaymentState.SUCCEEDED:
        _compare(payment, known)
        payment.status, payment.next_check_at = PaymentStatus.ABANDONED, now
        await payment.save(update_fields=["status", "next_check_at"])
    return Settled.NOT_PAID


async def _apply(order: Order, payment: Payment, known: ChannelPayment, now: datetime) -> Settled:
    if known.state not in (PaymentState.SUCCEEDED, PaymentState.REFUNDED):
        return Settled.NOT_PAID
    _compare(payment, known)
    if payment.status in (PaymentStatus.SETTLED, PaymentStatus.SURPLUS):
        return Settled.ALREADY
    if known.state is PaymentState.REFUNDED:  # not by us: a refund of ours begins where a payment is settled
        log.error("payment %s was given back at the channel before it settled here", payment.payment_no)
        payment.status, payment.next_check_at = PaymentStatus.CLOSED, None
        await payment.save(update_fields=["status", "next_check_at"])
        return Settled.GIVEN_BACK
    payment.channel_trade_no = known.channel_trade_no
    payment.paid_at = known.paid_at or now
    payment.next_check_at = None
    lines = await _read(OrderLine, _LINES, order.id)
    share = None
    if order.split_at is None:
        refusal = await _why_not_needed(order, lines, now)
    else:
        share, refusal = await why_not_needed(order, payment, lines, now)
    payment.status = PaymentStatus.SETTLED if refusal is None else PaymentStatus.SURPLUS
    await database.rows(_PAID, payment.status.value, payment.channel_trade_no, payment.paid_at, payment.id)
    await book(order, FinanceKind.PAID, payment.amount_fen, payment.payment_no, now)
    if refusal is not None:
        if order.status == OrderStatus.PENDING_PAYMENT and refusal is RefundReason.PAID_TOO_LATE:
            await give_up(order, CloseReason.EXPIRED, now)
        await intend_refund(
            payment=payment, amount_fen=payment.amount_fen, party=RefundParty.HOUSE, reason=refusal, now=now
        )
        return Settled.SURPLUS
    if share is not None and not await pay_share(order, share, now):
        return Settled.SETTLED  # others still have theirs to pay
    if order.status == OrderStatus.CLOSED:  # what it asked for was waived when it ended
        await charge(order, payment.payment_no, now)
    await _hasten_others(order, now)
    await fulfil(order, lines=lines, now=now)
    return Settled.SETTLED


async def _hasten_others(order: Order, now: datetime) -> None:
    """Nobody should pay on another attempt any more: the next sweep closes them (models.checkout.paying)."""
    await database.rows(
        "UPDATE payment SET next_check_at = $1 WHERE order_id = $2 AND status IN ('INTENDED', 'WAITING')",
        now,
        order.id,
    )


async def _why_not_needed(order: Order, lines: list[OrderLine], now: datetime) -> RefundReason | None:
    """None when the money pays the order; an order whose hold has ended takes its slots again if it can."""
    if order.status == OrderStatus.PAID:
        return RefundReason.PAID_TWICE
    if order.status == OrderStatus.PENDING_PAYMENT:  # held for them; but we may hear of it only after their time
        return RefundReason.PAID_TOO_LATE if any(line.ends_at <= now for line in lines) else None
    if await Payment.filter(order_id=order.id, status=PaymentStatus.SETTLED).exists():
        return RefundReason.PAID_TWICE  # it was paid before, and then cancelled
    if order.close_reason != CloseReason.EXPIRED:
        return RefundReason(order.close_reason)
    if any(line.starts_at <= now for line in lines) or not await _take_again(order, lines, now):
        return RefundReason.PAID_TOO_LATE
    return None


async def _take_again(order: Order, lines: list[OrderLine], now: datetime) -> bool:
    """Holds the cells and places of a closed order once more, and its vouchers: all or none. False: somebody else has
    one of the cells, a session is full, or a voucher is not free any more."""
    vouchers = await _vouchers_again(order, lines, now) if order.voucher_fen else ()
    if vouchers is None:
        return False
    wanted = []
    for line in lines:
        if line.court_id is None:
            continue
        parts = await database.rows("SELECT part_id FROM court_cover WHERE court_id = $1", line.court_id)
        part_ids = tuple(found["part_id"] for found in parts)
        wanted.append(CellsWanted(line.id, order.venue_id, part_ids, line.starts_at, line.ends_at))
    if wanted and await cells.hold(wanted):
        return False
    if not await hold_again(lines, now=now):
        await cells.release([line.id for line in lines], now=now)
        return False
    if vouchers:
        await reserving.reserve_again(order, vouchers)
    return True


async def _vouchers_again(order: Order, lines: Sequence[OrderLine], now: datetime) -> Sequence[Voucher] | None:
    """Locked before cells are, as everybody does."""
    basket = await reserving.basket_at(order.venue_id, sports=await sports_of(lines), total_fen=order.total_fen)
    return await reserving.lock_again(order, basket, now=now)


def _compare(payment: Payment, known: ChannelPayment) -> None:
    if known.amount_fen != payment.amount_fen:
        raise mismatch(payment.payment_no, "amount")
    if known.appid != payment.appid:
        raise mismatch(payment.payment_no, "appid")
    if payment.payer and known.payer is not None and known.payer != payment.payer:
        raise mismatch(payment.payment_no, "payer")


def mismatch(payment_no: str, what: str) -> DomainError:
    log.error("payment %s: the %s that the channel reports is not ours; nothing was settled", payment_no, what)
    return DomainError(f"支付通知的内容与支付单不符（{what}）。", code=ErrorCode.PAYMENT_MISMATCH)


async def _remember(notice: PaymentNotice, channel: str, outcome: Settled, now: datetime) -> None:
    await database.rows(
        """INSERT INTO payment_notice (channel, notice_id, kind, about_no, outcome, received_at)
           VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (channel, notice_id) DO NOTHING""",
        channel,
        notice.notice_id if len(notice.notice_id) <= LONGEST_ID else sha256(notice.notice_id.encode()).hexdigest(),
        notice.kind,
        notice.payment.payment_no,
        outcome.value,
        now,
    )


@database.operation
async def postpone_check(payment_no: str, *, now: datetime) -> None:
    """The channel still waits for the citizen, or cannot be asked: ask again later. Whoever asked before it was time, as a
    desk's page does every two seconds, leaves the next look where it is. When to look again at what somebody is reversing,
    they have said (models.checkout.ending)."""
    payment = await Payment.select_for_update().get(payment_no=payment_no)
    due_at = payment.next_check_at
    is_early = due_at is not None and now < due_at <= now + LONGEST_CHECK  # further off, a clock ran ahead
    if payment.status in PAYABLE and payment.status != PaymentStatus.REVERSING and not is_early:
        payment.checks += 1
        payment.next_check_at = next_check(payment.checks, now)
        await payment.save(update_fields=["checks", "next_check_at"])
