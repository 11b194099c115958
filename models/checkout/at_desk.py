"""Money taken by hand at a venue's desk: an order is found by its number, and paid whole in cash or by card.

Nothing tells us of this money but the clerk, so everything names their open shift, whose row is locked after the
order's. Before money is taken whoever may still pay by phone is stopped; who was faster has paid, and the clerk hears
so while the money is still the customer's.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from models import database
from models.calendar import SHANGHAI, clock_text, minute_of_day
from models.checkout.ending import BEING_CHARGED, close_at_channels
from models.checkout.fulfilling import fulfil
from models.checkout.paying import check_payable
from models.errors import BadInput, DomainError, ErrorCode, wrong_key
from models.ids import request_hash
from models.money import yuan_text
from models.orders import queries as orders
from models.orders.operations import book, lock_order, settled_payments
from models.orders.rules import (
    CHANNEL_WORDS,
    PAYABLE,
    Channel,
    FinanceKind,
    OrderStatus,
    PaymentStatus,
    RefundStatus,
)
from models.orders.tables import Order, OrderLine, Payment
from models.shifts.operations import lock_open_shift
from models.staff.powers import venues_where
from models.staff.rules import Power, StaffSignedIn
from payments.port import PaymentChannel, Way

STILL_PAYABLE = "顾客先前打开的手机支付还没能关闭。请告诉顾客不要再用手机付款；如果已付，会自动原路退回。"
TOO_LATE_FOR_A_CARD = (ErrorCode.ORDER_ALREADY_PAID, ErrorCode.ORDER_CLOSED, ErrorCode.PAYMENT_PENDING)
"""A terminal knows nothing of us: when we say no, the card has been charged."""

_KEY = re.compile(r"[!-~]{8,64}")
_SLIP_NO = re.compile(r"[0-9A-Za-z-]{4,32}")
MOST_GIVEN_FEN = 10_000_000
MOST_WAITING = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskOrder:
    """An order as the desk of its venue sees it: for what, how much, paid or not; nothing of whose it is."""

    row: orders.Row
    lines: Sequence[orders.Row]
    paid_by: Channel | None
    waiting: Sequence["WaitingRefund"]
    """Refunds of it that wait here to be handed out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingRefund:
    """Money that was paid at the desk and is to be given back there; or was, at `handed_out_at`."""

    refund_no: str
    order_no: str
    channel: Channel
    amount_fen: int
    reason_text: str
    status: RefundStatus
    asked_at: datetime
    handed_out_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyGiven:
    """What lies on the counter: `given_fen` in cash, or the number on the card terminal's slip."""

    channel: Channel
    given_fen: int | None = None
    slip_no: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Money that was taken, and what goes back over the counter. `caution`: what the clerk should tell."""

    payment_no: str
    order_no: str
    channel: Channel
    amount_fen: int
    given_fen: int
    slip_no: str
    paid_at: datetime
    caution: str = ""

    @property
    def change_fen(self) -> int:
        return self.given_fen - self.amount_fen


async def order_at_desk(*, clerk: StaffSignedIn, order_no: str) -> DeskOrder | None:
    """An order of one of the clerk's venues; another venue's is as unknown as none."""
    found = await _of_my_venues(clerk, order_no, Power.TAKE_MONEY, Power.SETTLE_REFUNDS)
    if found is None:
        return None
    row = await orders.order_of(member_id=found["member_id"], order_no=found["order_no"])
    assert row is not None
    is_paid = row["status"] != OrderStatus.PENDING_PAYMENT  # and not only some shares of it
    settled = await settled_payments(row["id"]) if is_paid else []
    return DeskOrder(
        row=row,
        lines=await orders.lines_of([row["id"]]),
        paid_by=Channel(settled[0].channel) if settled else None,
        waiting=await waiting_where("orders.id = $1", row["id"]),
    )


async def take_money(
    *,
    clerk: StaffSignedIn,
    order_no: str,
    money: MoneyGiven,
    key: str,
    channels: Mapping[str, PaymentChannel],
    now: datetime,
) -> Receipt:
    """Pays a whole order with what lies on the counter. The same key with the same money is the same receipt.

    Raises ORDER_UNKNOWN, ORDER_ALREADY_PAID (also when the phone was faster), ORDER_FREE, ORDER_CLOSED,
    PAYMENT_PENDING while a payer's code is being charged, TOO_LITTLE_GIVEN, SHIFT_NEEDED, BAD_INPUT. Then the money
    is not taken. A channel that does not answer stops nobody: cash is what is left then, and what is paid there
    after all is given back (models.checkout.settling).
    """
    order_id, order_no = await order_of_mine(clerk, order_no)
    _check_money(money)
    number = Number.of(
        "P", clerk.staff_id, order_id, checked_key(key), money.channel, money.given_fen, money.slip_no
    )
    try:
        is_clear = await stop_others(order_id, number, channels, now=now)
        payment = await _take(order_id, clerk, money, number, now=now)
    except DomainError as refusal:
        if money.channel is Channel.CARD and refusal.code in TOO_LATE_FOR_A_CARD:
            refusal.next_step = f"如果已经刷了卡，请在刷卡机上撤销。{refusal.next_step or ''}"
        raise
    return Receipt(
        payment_no=payment.payment_no,
        order_no=order_no,
        channel=Channel(payment.channel),
        amount_fen=payment.amount_fen,
        given_fen=payment.amount_fen if money.given_fen is None else money.given_fen,
        slip_no=payment.reference,
        paid_at=payment.paid_at or now,
        caution="" if is_clear else STILL_PAYABLE,
    )


@database.operation
async def _take(
    order_id: int, clerk: StaffSignedIn, money: MoneyGiven, number: "Number", *, now: datetime
) -> Payment:
    order = await lock_order(order_id)
    repeated = await number.find(order_id)
    if repeated is not None:
        return repeated
    await check_payable_here(order, now)
    if money.given_fen is not None and money.given_fen < order.to_pay_fen:
        raise DomainError(
            f"应收{yuan_text(order.to_pay_fen)}，还差{yuan_text(order.to_pay_fen - money.given_fen)}。",
            code=ErrorCode.TOO_LITTLE_GIVEN,
            next_step="前台只能一次收足全款。",
            field="amountGiven",
        )
    shift = await lock_open_shift(staff_id=clerk.staff_id, venue_id=order.venue_id)
    if money.slip_no and await _is_known_slip(money.slip_no, order.venue_id, now):
        raise BadInput("这个凭证号今天已经登记过。", next_step="请核对签购单上的凭证号。", field="slipNo")
    payment = await Payment.create(
        payment_no=number.dated(now),
        order_id=order.id,
        channel=money.channel,
        way="",
        appid="",
        payer="",
        amount_fen=order.to_pay_fen,
        status=PaymentStatus.SETTLED,
        reference=money.slip_no,
        created_at=now,
        expires_at=order.hold_expires_at,
        paid_at=now,
        shift_id=shift.id,
    )
    await book(order, FinanceKind.PAID, payment.amount_fen, payment.payment_no, now)
    await fulfil(order, lines=await OrderLine.filter(order_id=order.id).order_by("line_no"), now=now)
    return payment


async def _is_known_slip(slip_no: str, venue_id: int, now: datetime) -> bool:
    """Whether this slip has paid an order at this venue within a day; terminals begin their numbers anew in time."""
    await database.alone_with(f"slip {venue_id} {slip_no}")
    known = await database.row(
        """SELECT payment.id FROM payment JOIN orders ON orders.id = payment.order_id
            WHERE orders.venue_id = $1 AND payment.channel = 'CARD' AND payment.reference = $2
              AND payment.created_at > $3 LIMIT 1""",
        venue_id,
        slip_no,
        now - timedelta(days=1),
    )
    return known is not None


async def order_of_mine(clerk: StaffSignedIn, order_no: str, power: Power = Power.TAKE_MONEY) -> tuple[int, str]:
    """The id and the number, spelt as it is, of an order of a venue where the clerk may do this. Raises ORDER_UNKNOWN."""
    found = await _of_my_venues(clerk, order_no, power)
    if found is None:
        raise order_unknown()
    return int(found["id"]), str(found["order_no"])


def order_unknown() -> DomainError:
    return DomainError(
        "没有找到这张订单。",
        code=ErrorCode.ORDER_UNKNOWN,
        next_step="请核对订单号；只能办理本场馆的订单。",
        field="orderNo",
    )


async def stop_others(
    order_id: int, number: "Number", channels: Mapping[str, PaymentChannel], *, now: datetime
) -> bool:
    """Nobody else may pay the order any more. False: a channel does not answer, or only time can close an attempt.

    Raises ORDER_ALREADY_PAID when somebody just did, PAYMENT_PENDING while another charge is on its way.
    """
    order = await _unless_done(number, order_id, now)
    if order is None:
        return True
    charged = Payment.filter(order_id=order_id, way=Way.PAYER_CODE, status=PaymentStatus.INTENDED)
    if await charged.filter(created_at__gt=now - BEING_CHARGED).exists():
        raise DomainError(
            "正在向支付渠道收这张订单的钱。", code=ErrorCode.PAYMENT_PENDING, next_step="请等结果出来再操作。"
        )
    await close_at_channels(order, channels, now=now, abandoning=True)
    if await _unless_done(number, order_id, now) is None:
        return True
    payable = Payment.filter(order_id=order_id, status__in=PAYABLE)
    return not await payable.exists()


async def _unless_done(number: "Number", order_id: int, now: datetime) -> Order | None:
    """The order while it may be paid here; None when this very act has already paid it.

    The order is read before the act is looked for: an order that this act has paid in between is then never taken
    for somebody else's.
    """
    order = await Order.get(id=order_id)
    if await number.find(order_id) is not None:
        return None
    await check_payable_here(order, now)
    return order


async def check_payable_here(order: Order, now: datetime) -> None:
    """The same rule as for phones, said to a clerk who is about to take money."""
    if order.status == OrderStatus.PAID and order.to_pay_fen:
        settled = await settled_payments(order.id)
        how = f"{CHANNEL_WORDS[Channel(settled[0].channel)]}，" if settled else ""
        when = clock_text(minute_of_day(order.paid_at or now))
        raise DomainError(
            f"这张订单已经付过了（{how}{when}）。",
            code=ErrorCode.ORDER_ALREADY_PAID,
            next_step="不要再收钱；请顾客在手机上出示入场码。",
            field="orderNo",
        )
    check_payable(order, now)


async def waiting_where(condition: str, value: Any) -> list[WaitingRefund]:
    """Refunds that wait at a desk, the oldest first."""
    return [
        _waiting(row)
        for row in await database.rows(
            _WAITING + f"AND {condition} ORDER BY refund.id LIMIT {MOST_WAITING}", value
        )
    ]


_WAITING = """
SELECT refund.refund_no, refund.amount_fen, refund.reason_text, refund.status, refund.created_at, refund.finished_at,
       orders.order_no, CASE WHEN refund.to_merchant THEN 'CASH' ELSE payment.channel END AS channel
  FROM refund JOIN payment ON payment.id = refund.payment_id JOIN orders ON orders.id = refund.order_id
              JOIN venue ON venue.id = orders.venue_id
 WHERE refund.status = 'AT_DESK'
"""


def _waiting(found: Any) -> WaitingRefund:
    row = database.with_instants(found, "created_at", "finished_at")
    return WaitingRefund(
        refund_no=row["refund_no"],
        order_no=row["order_no"],
        channel=Channel(row["channel"]),
        amount_fen=row["amount_fen"],
        reason_text=row["reason_text"],
        status=RefundStatus(row["status"]),
        asked_at=row["created_at"],
        handed_out_at=row["finished_at"],
    )


async def _of_my_venues(clerk: StaffSignedIn, order_no: str, *powers: Power) -> Any | None:
    return await database.row(
        f"""SELECT orders.id, orders.order_no, orders.member_id
             FROM orders JOIN venue ON venue.id = orders.venue_id
            WHERE {venues_where(*powers)} AND orders.order_no = $2""",
        clerk.staff_id,
        order_no.strip().upper(),
    )


@dataclass(frozen=True, slots=True)
class Number:
    """The number of an act at the desk, made of what was asked under the caller's key: asking again for the very
    same finds it, and asking for anything else does not."""

    letter: str
    tail: str

    @classmethod
    def of(cls, letter: str, *asked: Any) -> "Number":
        return cls(letter, request_hash(*asked)[:12].upper())

    def dated(self, now: datetime) -> str:
        return f"{self.letter}{now.astimezone(SHANGHAI):%Y%m%d}{self.tail}"

    def is_of(self, number: str) -> bool:
        return number[:1] == self.letter and number[9:] == self.tail

    async def find(self, order_id: int) -> Payment | None:
        made = await Payment.filter(order_id=order_id)
        return next((payment for payment in made if self.is_of(payment.payment_no)), None)


def checked_key(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise wrong_key(fewest=8)
    return key


def checked_slip_no(slip_no: str) -> str:
    if not _SLIP_NO.fullmatch(slip_no):
        raise BadInput("凭证号应为4到32位字母或数字。", next_step="请照签购单上的凭证号填写。", field="slipNo")
    return slip_no


def _check_money(money: MoneyGiven) -> None:
    if money.channel is Channel.CASH:
        if money.given_fen is None or not 0 < money.given_fen <= MOST_GIVEN_FEN or money.slip_no:
            raise BadInput("请填写收到的现金金额。", next_step="最多10万元。", field="amountGiven")
    elif money.channel is Channel.CARD:
        if money.given_fen is not None:
            raise BadInput("刷卡不用填写收到的现金。", next_step="请去掉现金金额。", field="amountGiven")
        checked_slip_no(money.slip_no)
    else:
        raise BadInput("前台只登记现金和刷卡。", next_step="手机支付请出示收款码，或扫付款码。", field="channel")
