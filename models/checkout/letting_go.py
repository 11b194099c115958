"""How lines of an order end: nobody gets in by them, others may have their slots, the platform hears of it, and what
comes back of their price is written down.

Plain functions inside the acts of this room; the order's row is locked.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from models import database
from models.admissions import operations as admissions
from models.booking import operations as cells
from models.checkout.unwinding import unwind
from models.checkout.vouchers_paid import paid_by_vouchers
from models.forwarding import operations as forwarding
from models.forwarding.operations import platform_time
from models.money import shares
from models.orders.operations import OrderedBy, book, intend_refund
from models.orders.refund_policy import LineQuote
from models.orders.refund_queries import lefts_to_give_back
from models.orders.rules import CloseReason, FinanceKind, OrderStatus, RefundParty, RefundReason
from models.orders.share_rules import spread
from models.orders.sharing import give_back_shares
from models.orders.tables import Order, OrderLine, Payment, RefundLine

_PARTIES = {
    CloseReason.EXPIRED: RefundParty.HOUSE,
    CloseReason.CANCELLED: RefundParty.MEMBER,
    CloseReason.CANCELLED_BY_VENUE: RefundParty.VENUE,
}


async def end_lines(order: Order, lines: Sequence[OrderLine], party: RefundParty, now: datetime) -> None:
    """These lines are over: nobody gets in by them, and others may have their slots."""
    ids = [line.id for line in lines]
    await OrderLine.filter(id__in=ids).update(cancelled_at=now)
    await admissions.revoke(ids, now=now)
    await cells.release(ids, now=now)  # sessions are locked before pools of vouchers
    await unwind(order, lines, party, now)
    remaining = await OrderLine.filter(order_id=order.id, cancelled_at=None).order_by("line_no")
    if remaining:
        await tell_platform(order, lines=remaining, state="CHANGED", now=now)
        return
    await give_up(order, close_reason(party), now)
    every = await OrderLine.filter(order_id=order.id).order_by("line_no")
    await tell_platform(order, lines=every, state="CANCELLED", now=now)


def close_reason(party: RefundParty) -> CloseReason:
    return CloseReason.CANCELLED_BY_VENUE if party is RefundParty.VENUE else CloseReason.CANCELLED


async def write_refund(
    order: Order,
    payments: Sequence[Payment],
    lines: Sequence[tuple[OrderLine, LineQuote]],
    *,
    party: RefundParty,
    reason: RefundReason,
    by: OrderedBy | None = None,
    now: datetime,
) -> list[str]:
    """What comes back for these lines, in the books and as intents; the payments' rows are locked. Gives the refunds'
    numbers: one for each payment of which something comes back, in proportion to what is left of it."""
    for _, each in lines:
        if each.refund_fen:
            await book(order, FinanceKind.WAIVED, each.refund_fen, f"{order.order_no}-{each.line_no}", now)
    numbers = []
    for payment, parts in zip(payments, await _parts(payments, [each for _, each in lines]), strict=True):
        total_fen = sum(refund_fen for refund_fen, _ in parts)
        if total_fen == 0:
            continue
        refund = await intend_refund(
            payment=payment, amount_fen=total_fen, party=party, reason=reason, by=by, now=now
        )
        await RefundLine.bulk_create(
            RefundLine(
                refund_id=refund.id,
                order_line_id=line.id,
                amount_fen=refund_fen,
                kept_fen=kept_fen,
                explanation=each.explanation,
            )
            for (line, each), (refund_fen, kept_fen) in zip(lines, parts, strict=True)
        )
        numbers.append(refund.refund_no)
        by = replace(by, request_key=None) if by else None  # one act has one number, on its first refund
    return numbers


async def _parts(payments: Sequence[Payment], quotes: Sequence[LineQuote]) -> list[list[tuple[int, int]]]:
    """Of each payment, for each line: what it gives back, and what of it is kept."""
    if len(payments) <= 1:
        return [[(each.refund_fen, each.kept_fen) for each in quotes] for _ in payments]
    refunds = spread([each.refund_fen for each in quotes], await lefts_to_give_back(payments))
    keeps = [shares(each.kept_fen, [payment.amount_fen for payment in payments]) for each in quotes]
    return [
        [(refund[n], keep[n]) for refund, keep in zip(refunds, keeps, strict=True)] for n in range(len(payments))
    ]


async def give_up(order: Order, reason: CloseReason, now: datetime) -> None:
    """Closes the order; whatever cells and places its lines hold are free again. What an unpaid one asked for is waived, and
    what it would have been bought with beside money is unwound."""
    lines = await OrderLine.filter(order_id=order.id).order_by("line_no")
    await cells.release([line.id for line in lines], now=now)
    if order.status == OrderStatus.PENDING_PAYMENT:
        if order.to_pay_fen:
            await book(order, FinanceKind.WAIVED, order.to_pay_fen, order.order_no, now)
        await unwind(order, lines, _PARTIES[reason], now)
        if order.split_at is not None:
            await give_back_shares(order, reason, now=now)
    order.status = OrderStatus.CLOSED
    order.closed_at = now
    order.close_reason = reason
    await order.save(update_fields=["status", "closed_at", "close_reason"])


async def tell_platform(order: Order, *, lines: Sequence[OrderLine], state: str, now: datetime) -> str:
    """Writes the outbox row of an order's change. The venue's region is in it, and the side from which the member comes, where
    they said so. Gives the
    venue's name, which it had to look up."""
    about = await database.row(
        """SELECT venue.ref, venue.name, venue.province_code, venue.city_code, region.code AS district_code,
                  member.public_id AS member_id
             FROM orders JOIN venue ON venue.id = orders.venue_id JOIN region ON region.id = venue.region_id
                         JOIN member ON member.id = orders.member_id
            WHERE orders.id = $1""",
        order.id,
    )
    assert about is not None
    await forwarding.add(
        kind="orders",
        subject=f"order:{order.order_no}",
        province_code=about["province_code"],
        payload={
            "orderNo": order.order_no,
            "state": state,
            "memberId": about["member_id"],
            **({"memberProvinceId": order.member_province} if order.member_province else {}),
            "venueId": about["ref"],
            "venueName": about["name"],
            "provinceId": about["province_code"],
            "cityId": about["city_code"],
            "districtId": about["district_code"],
            "amountFen": sum(line.price_fen for line in lines),
            **({"voucherFen": await paid_by_vouchers(order)} if order.voucher_fen else {}),
            "happenedAt": platform_time(now),
            "lines": [_line(line) for line in lines],
        },
        now=now,
    )
    return str(about["name"])


def _line(line: OrderLine) -> dict[str, Any]:
    return {
        "title": line.title,
        "startsAt": platform_time(line.starts_at),
        "endsAt": platform_time(line.ends_at),
        "people": line.people,
        "priceFen": line.price_fen,
    }
