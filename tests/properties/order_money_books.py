"""What must hold between our books, the courts, and the books of both channels: always, and when all is done."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from models.admissions.tables import Admission
from models.booking.tables import HeldCell
from models.forwarding.tables import OutboxRow
from models.orders.rules import AT_THE_DESK, PAYABLE
from models.orders.tables import FinanceEvent, Order, OrderLine, Payment, PaymentShare, Refund
from tests.factories.booking import Hall
from tests.outside import Outside


@dataclass(frozen=True)
class Theirs:
    """Both channels' own books: what was paid, by payment_no, and what they gave back, by refund_no, in fen."""

    paid: Mapping[str, int]
    given_back: Mapping[str, int]
    given_back_of: Mapping[str, int]  # by payment_no


async def their_books(outside: Outside) -> Theirs:
    assert outside.alipay
    wechat, alipay = await outside.books(), await outside.alipay.books()
    paid = {row["out_trade_no"]: row["total_fen"] for row in wechat["payments"]}
    paid |= {row["out_trade_no"]: row["total_fen"] for row in alipay["trades"] if row["paid_at"]}
    refunds = [(row["out_refund_no"], row) for row in wechat["refunds"]]
    refunds += [(row["out_request_no"], row) for row in alipay["refunds"]]
    of_payment: dict[str, int] = defaultdict(int)
    for _, row in refunds:
        of_payment[row["out_trade_no"]] += row["refund_fen"]
    return Theirs(paid, {number: row["refund_fen"] for number, row in refunds}, of_payment)


async def check(outside: Outside, hall: Hall) -> None:
    """At every moment."""
    orders = {order.id: order for order in await Order.all()}
    await check_cells(orders, hall)
    payments, refunds = await Payment.all(), await Refund.all()
    settled: Counter[int] = Counter()
    for payment in payments:
        settled[payment.order_id] += payment.amount_fen if payment.status == "SETTLED" else 0
    told = Counter((row.subject, row.payload["state"]) for row in await OutboxRow.filter(kind="orders"))
    for order in orders.values():
        was_paid = settled[order.id] == order.total_fen  # by one payment, or by all who share it; or it was free
        assert settled[order.id] <= order.total_fen
        assert was_paid or order.status != "PAID"
        assert was_paid or settled[order.id] == 0 or (order.split_at and order.status == "PENDING_PAYMENT")
        assert told[f"order:{order.order_no}", "PAID"] == was_paid
        assert told[f"order:{order.order_no}", "CANCELLED"] == (was_paid and order.status == "CLOSED")
    await check_shares(orders)
    check_money(await their_books(outside), await FinanceEvent.all(), payments, refunds)
    lines = {line.id: line for line in await OrderLine.all()}
    for admission in await Admission.filter(first_entered_at__isnull=False):
        assert admission.revoked_at is None
        assert lines[admission.order_line_id].cancelled_at is None
        assert orders[admission.order_id].status == "PAID"


async def check_shares(orders: Mapping[int, Order]) -> None:
    """What is shared adds up to the price, and what became of the shares is what became of their order."""
    sums: Counter[int] = Counter()
    for share in await PaymentShare.exclude(state="TAKEN_OVER"):
        order = orders[share.order_id]
        sums[order.id] += share.amount_fen
        if order.status == "PENDING_PAYMENT":
            assert share.state in ("OPEN", "PAID")
        else:
            was_booked = order.paid_at is not None
            assert (share.state == "PAID") == was_booked, (share.state, order.status)
    assert sums == {order.id: order.total_fen for order in orders.values() if order.split_at}


async def check_cells(orders: Mapping[int, Order], hall: Hall) -> None:
    """Who pays or has paid holds exactly the cells of their lines; who does not holds none. (Twice cannot be.)"""
    held = Counter([cell.order_line_id for cell in await HeldCell.all()])
    for line in await OrderLine.all():
        parts = 2 if line.court_id == hall.full.id else 1
        is_over = orders[line.order_id].status == "CLOSED" or line.cancelled_at is not None
        assert held[line.id] == (0 if is_over else 2 * parts)


def check_money(
    theirs: Theirs, entries: list[FinanceEvent], payments: list[Payment], refunds: list[Refund]
) -> None:
    """What we booked happened there, to the fen; nothing is given back twice or above what was paid."""
    by_hand = {payment.payment_no for payment in payments if payment.channel in AT_THE_DESK}
    by_hand |= {refund.refund_no for refund in refunds if refund.status == "SUCCESS" and refund.shift_id}
    booked = {(entry.kind, entry.about_no) for entry in entries}
    for entry in entries:
        if entry.about_no not in by_hand and entry.kind in ("PAID", "REFUNDED"):
            there = theirs.paid if entry.kind == "PAID" else theirs.given_back
            assert there[entry.about_no] == entry.amount_fen
    for payment in payments:
        asked_back = sum(refund.amount_fen for refund in refunds if refund.payment_id == payment.id)
        assert payment.refunded_fen == asked_back <= payment.amount_fen
        assert theirs.given_back_of.get(payment.payment_no, 0) <= asked_back
        assert (payment.status in ("SETTLED", "SURPLUS")) == (("PAID", payment.payment_no) in booked)
    assert set(theirs.paid) <= {payment.payment_no for payment in payments}
    assert set(theirs.given_back) <= {refund.refund_no for refund in refunds}


async def check_everybody_is_square(outside: Outside) -> None:
    """In the end: nothing is pending, all books are equal, and each order is charged what was paid and kept for it."""
    assert not await Order.filter(status="PENDING_PAYMENT").exists()
    assert not await Payment.filter(status__in=PAYABLE).exists()
    assert not await Refund.exclude(status="SUCCESS").exists()
    theirs, entries = await their_books(outside), await FinanceEvent.all()
    payments, refunds = await Payment.all(), await Refund.all()
    on_line = {payment.id: payment.channel not in AT_THE_DESK for payment in payments}
    numbers = {payment.payment_no for payment in payments if on_line[payment.id]}
    numbers |= {refund.refund_no for refund in refunds if on_line[refund.payment_id]}
    ours = Counter(
        (entry.kind, entry.about_no, entry.amount_fen)
        for entry in entries
        if entry.kind in ("PAID", "REFUNDED") and entry.about_no in numbers
    )
    assert ours == Counter(
        [("PAID", number, fen) for number, fen in theirs.paid.items()]
        + [("REFUNDED", number, fen) for number, fen in theirs.given_back.items()]
    )
    sums: Counter[tuple[int, str]] = Counter()
    for entry in entries:
        sums[entry.order_id, entry.kind] += entry.amount_fen
    for order in await Order.all():
        charged, waived, paid, refunded = (
            sums[order.id, kind] for kind in ("CHARGED", "WAIVED", "PAID", "REFUNDED")
        )
        assert charged - waived == paid - refunded, order.order_no
        was_settled = any(p.order_id == order.id and p.status == "SETTLED" for p in payments)
        assert was_settled or paid == refunded
    for payment in payments:
        if payment.status == "SURPLUS":
            assert payment.refunded_fen == payment.amount_fen
