"""What an order was placed for begins (admissions are issued, the platform will hear of it), or is given up.

Plain functions inside the acts of this room; the order's row is locked.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from models import database
from models.admissions import operations as admissions
from models.attendance import expecting
from models.booking import operations as cells
from models.checkout import telling
from models.checkout.unwinding import unwind
from models.checkout.vouchers_paid import paid_by_vouchers
from models.forwarding import operations as forwarding
from models.forwarding.operations import platform_time
from models.orders.operations import book
from models.orders.rules import CloseReason, FinanceKind, OrderStatus, RefundParty
from models.orders.tables import Order, OrderLine
from models.vouchers import reserving

_PARTIES = {
    CloseReason.EXPIRED: RefundParty.HOUSE,
    CloseReason.CANCELLED: RefundParty.MEMBER,
    CloseReason.CANCELLED_BY_VENUE: RefundParty.VENUE,
}


async def fulfil(order: Order, *, lines: Sequence[OrderLine], now: datetime) -> None:
    """Confirms a paid or free order: its vouchers are used, one admission per person, one outbox row."""
    order.status = OrderStatus.PAID
    order.paid_at = now
    order.closed_at = None
    order.close_reason = ""
    await database.rows(
        "UPDATE orders SET status = 'PAID', paid_at = $1, closed_at = NULL, close_reason = '' WHERE id = $2",
        now,
        order.id,
    )
    if order.voucher_fen:
        await reserving.use(order, now=now)
    limits = await expecting.limits_of(order.id)
    early = {line_id: timedelta(minutes=each.entry_opens_minutes_before) for line_id, each in limits.items()}
    await admissions.issue(order, lines=lines, opens_before=early)
    await expecting.expect(order, lines, limits, now)
    venue_name = await tell_platform(order, lines=lines, state="PAID", now=now)
    await telling.confirmed(order, lines, venue_name=venue_name, now=now)


async def give_up(order: Order, reason: CloseReason, now: datetime) -> None:
    """Closes the order; whatever cells and places its lines hold are free again. What an unpaid one asked for is waived, and
    what it would have been bought with beside money is unwound."""
    lines = await OrderLine.filter(order_id=order.id).order_by("line_no")
    await cells.release([line.id for line in lines], now=now)
    if order.status == OrderStatus.PENDING_PAYMENT:
        if order.to_pay_fen:
            await book(order, FinanceKind.WAIVED, order.to_pay_fen, order.order_no, now)
        await unwind(order, lines, _PARTIES[reason], now)
    order.status = OrderStatus.CLOSED
    order.closed_at = now
    order.close_reason = reason
    await order.save(update_fields=["status", "closed_at", "close_reason"])


async def tell_platform(order: Order, *, lines: Sequence[OrderLine], state: str, now: datetime) -> str:
    """Writes the outbox row of an order's change. Regions on both sides of the border are in it (issue 6). Gives the
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
