"""Lines to which nobody came in time: what is left of the slot is free for others, the no-show is counted, the money
goes by the venue's rule, and the member is told; all of it in one act, once (docs/decisions/0035).

It races with whoever comes in at that very second, and with a clerk who checks them in: all three hold the order's row,
so exactly one of them happens.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models import database
from models.admissions import operations as admissions
from models.admissions.rules import NO_SHOW
from models.asyncpg_engine import DatabaseAway
from models.attendance import pauses
from models.attendance.rules import AttendanceState, Fate, fate_of, kept_of
from models.attendance.tables import Attendance
from models.booking import operations as cells
from models.booking.closures import closed_lines
from models.calendar import moment_text
from models.checkout.letting_go import write_refund
from models.checkout.refunding import send_refund
from models.checkout.vouchers_paid import own_money_in
from models.messages.operations import tell
from models.money import yuan_text
from models.orders.operations import lock_order, lock_settled_payments
from models.orders.refund_policy import LineQuote
from models.orders.refund_queries import left_to_give_back
from models.orders.rules import OrderStatus, RefundParty, RefundReason
from models.orders.tables import Order, OrderLine
from payments.port import PaymentChannel

log = logging.getLogger(__name__)

LINES_A_RUN = 100


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of one line, and the numbers of the refunds that it led to."""

    fate: Fate
    refund_nos: Sequence[str] = ()


async def decide_due(*, channels: Mapping[str, PaymentChannel], now: datetime) -> int:
    """Decides about the lines whose time to come has run out, however long nobody was here to do it. Returns how many
    no-shows there were."""
    found = 0
    for attendance_id in await _due(now):
        try:
            decided = await decide(attendance_id, now=now)
        except DatabaseAway:
            raise
        except Exception:  # one line that nobody understands must not keep all the others' slots
            log.exception("attendance %s could not be decided", attendance_id)
            continue
        found += decided.fate in (Fate.RELEASE, Fate.COUNT)
        for refund_no in decided.refund_nos:
            await send_refund(refund_no=refund_no, channels=channels, now=now)
    return found


async def _due(now: datetime) -> list[int]:
    """Without those that wait for a sign that somebody could have come in: they would be in the others' way."""
    rows = await database.rows(
        f"""SELECT attendance.id FROM attendance
             WHERE attendance.state = 'EXPECTED' AND attendance.late_at <= $1
               AND (attendance.ends_at <= $1 OR {_HAD_ENTRANCE})
             ORDER BY attendance.late_at, attendance.id LIMIT $2""",
        now,
        LINES_A_RUN,
    )
    return [row["id"] for row in rows]


@database.operation
async def decide(attendance_id: int, *, now: datetime) -> Decided:
    """Decides about one line. Whoever comes second finds it decided."""
    found = await database.row(
        """SELECT attendance.member_id, order_line.order_id FROM attendance
             JOIN order_line ON order_line.id = attendance.order_line_id
            WHERE attendance.id = $1 AND attendance.state = 'EXPECTED'""",
        attendance_id,
    )
    if found is None:
        return Decided(Fate.WAIT)
    await pauses.lock_person(found["member_id"])
    order = await lock_order(found["order_id"])
    attendance = await Attendance.select_for_update().get(id=attendance_id)
    if attendance.state != AttendanceState.EXPECTED:
        return Decided(Fate.WAIT)
    line = await OrderLine.get(id=attendance.order_line_id)
    fate = fate_of(
        late_at=attendance.late_at,
        ends_at=attendance.ends_at,
        has_entered=line.id in await admissions.entered(order.id),
        is_cancelled=order.status != OrderStatus.PAID
        or line.cancelled_at is not None
        or line.id in await closed_lines(order.id),
        had_entrance=await _had_entrance(attendance),
        now=now,
    )
    if fate is Fate.WAIT:
        return Decided(fate)
    attendance.decided_at = now
    attendance.state = _STATES[fate]
    attendance.was_released = fate is Fate.RELEASE
    await attendance.save(update_fields=["state", "decided_at", "was_released"])
    refund_nos = await _follow(attendance, order, line, now) if fate in (Fate.RELEASE, Fate.COUNT) else ()
    return Decided(fate, refund_nos)


async def _follow(attendance: Attendance, order: Order, line: OrderLine, now: datetime) -> Sequence[str]:
    """What a no-show brings with it; gives the numbers of the refunds, if something is given back."""
    if attendance.was_released:
        await admissions.revoke([line.id], reason=NO_SHOW, now=now)
        await cells.release([line.id], now=now)
    refund_nos, refund_fen = await _give_back(attendance, order, line, now)
    venue = await database.row("SELECT name FROM venue WHERE id = $1", order.venue_id)
    assert venue is not None
    back = f"按本馆规则，退{yuan_text(refund_fen)}。" if refund_nos else ""
    await tell(
        member_id=attendance.member_id,
        template="NO_SHOW",
        values={
            "venue": venue["name"],
            "what": line.title,
            "when": moment_text(attendance.late_at),
            "order_no": order.order_no,
            "slot": "剩余的时间已释放给其他人。" if attendance.was_released else "",
            "money": back,
        },
        about_no=f"{order.order_no}-{line.line_no}",
        now=now,
    )
    pause = await pauses.count_no_show(attendance, now)
    if pause is not None:
        await pauses.tell_paused(pause, venue["name"], now)
    return refund_nos


async def _give_back(
    attendance: Attendance, order: Order, line: OrderLine, now: datetime
) -> tuple[list[str], int]:
    """Of what the members' own money paid; what vouchers paid was used. Never more than is left of the payments. Gives
    the refunds' numbers and their sum."""
    payments = await lock_settled_payments(order.id)
    own_fen = await own_money_in(order, line)
    kept_fen = kept_of(own_fen, attendance.kept_percent)
    refund_fen = min(own_fen - kept_fen, await left_to_give_back(payments))
    if refund_fen <= 0:
        return [], 0
    told = f"未按时到场，按本馆规则扣{attendance.kept_percent}%，退{yuan_text(refund_fen)}。"
    refund_nos = await write_refund(
        order,
        payments,
        [(line, LineQuote(line.line_no, line.price_fen, refund_fen, kept_fen, told))],
        party=RefundParty.MEMBER,
        reason=RefundReason.NO_SHOW,
        now=now,
    )
    return refund_nos, refund_fen


async def _had_entrance(attendance: Attendance) -> bool:
    found: Any = await database.row(
        f"SELECT {_HAD_ENTRANCE} AS had FROM attendance WHERE attendance.id = $1", attendance.id
    )
    return bool(found["had"])


_STATES = {
    Fate.CAME: AttendanceState.CAME,
    Fate.EXCUSE: AttendanceState.EXCUSED,
    Fate.RELEASE: AttendanceState.NO_SHOW,
    Fate.COUNT: AttendanceState.NO_SHOW,
}
_HAD_ENTRANCE = """(EXISTS (SELECT 1 FROM gate_scan WHERE gate_scan.venue_id = attendance.venue_id
                                       AND gate_scan.business_day = attendance.business_day
                                       AND gate_scan.scanned_at < attendance.ends_at)
                OR EXISTS (SELECT 1 FROM redemption WHERE redemption.venue_id = attendance.venue_id
                              AND redemption.scanned_at >= attendance.day_starts_at
                              AND redemption.scanned_at < attendance.ends_at)
                OR EXISTS (SELECT 1 FROM attendance other WHERE other.venue_id = attendance.venue_id
                              AND other.business_day = attendance.business_day AND other.staff_id IS NOT NULL
                              AND other.decided_at < attendance.ends_at))"""
"""A gate or a desk read some code, whatever it said of it, or a clerk checked somebody in."""
