"""A no-show that was none: somebody came in by a door without a network, and its queue brings that only now.

Everything is as though it had been known: they came, the no-show counts towards no pause, and a pause that began only
because of it is lifted. What was given to others or paid back in the meantime stays as it is (docs/decisions/0035).
"""

from dataclasses import dataclass
from datetime import datetime

from models import database
from models.attendance import pauses
from models.attendance.rules import AttendanceState, still_stands
from models.attendance.tables import Attendance, BookingPause
from models.booking import operations as cells
from models.booking.operations import CellsWanted
from models.calendar import moment_text
from models.messages.operations import tell
from models.money import yuan_text
from models.orders.tables import OrderLine


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What follows from it. `has_slot`: the slot is theirs again, or was all the time; False: others have it by now."""

    has_slot: bool
    given_back_fen: int
    """By the no-show's own rule. It stays with the citizen."""


async def lock_person_of(order_line_id: int) -> None:
    """Whoever answers for a no-show on this line, if somebody does. Before the order is locked, as when one is counted."""
    found = await database.row("SELECT member_id FROM attendance WHERE order_line_id = $1", order_line_id)
    if found is None:
        return
    await pauses.lock_person(found["member_id"])
    again = await database.row("SELECT member_id FROM attendance WHERE order_line_id = $1", order_line_id)
    if again is None or again["member_id"] != found["member_id"]:  # accounts were joined in this very moment
        raise database.ChanceTwin


async def take_back(order_line_id: int, *, came_at: datetime, now: datetime) -> TakenBack | None:
    """With their person and the order locked. None: there is no no-show, or they came only after it was one."""
    attendance = await Attendance.select_for_update().get_or_none(
        order_line_id=order_line_id, state=AttendanceState.NO_SHOW
    )
    if attendance is None or attendance.decided_at is None or came_at >= attendance.decided_at:
        return None
    line = await OrderLine.get(id=order_line_id).prefetch_related("order__venue")
    has_slot = not attendance.was_released or now >= line.ends_at or await _hold_again(line)
    lifted = await _lift(attendance, now)
    attendance.state, attendance.decided_at = AttendanceState.CAME, now
    attendance.was_released = attendance.was_released and not has_slot
    attendance.pause_id = None
    await attendance.save(update_fields=["state", "decided_at", "was_released", "pause_id"])
    given_back_fen = await _given_back(order_line_id)
    await _tell(attendance, line, lifted, given_back_fen, came_at, now)
    return TakenBack(has_slot, given_back_fen)


async def _hold_again(line: OrderLine) -> bool:
    """The cells that were released, all or none: what was sold again stays sold."""
    parts = await database.rows("SELECT part_id FROM court_cover WHERE court_id = $1", line.court_id)
    part_ids = tuple(row["part_id"] for row in parts)
    wanted = CellsWanted(line.id, line.order.venue_id, part_ids, line.starts_at, line.ends_at)
    return not await cells.hold([wanted])


async def _lift(attendance: Attendance, now: datetime) -> bool:
    """Whether the pause to which it led ends now. The others that led to it count again, as though it had never been."""
    if attendance.pause_id is None:
        return False
    pause = await BookingPause.select_for_update().get_or_none(id=attendance.pause_id)
    if (
        pause is None or pause.freed_at is not None or pause.ends_at <= now
    ):  # over: whoever sat it out has paid for the others too
        return False
    latest = (
        await Attendance.filter(pause_id=pause.id).order_by("-decided_at", "-late_at", "-id").first() or attendance
    )
    after = latest.pause_after or 0
    if still_stands(pause.no_shows, after=after, was_latest=latest.id == attendance.id):
        pause.no_shows -= 1
        await pause.save(update_fields=["no_shows"])
        return False
    pause.freed_at = now
    await pause.save(update_fields=["freed_at"])
    await Attendance.filter(pause_id=pause.id).update(pause_id=None)
    return True


async def _given_back(order_line_id: int) -> int:
    found = await database.row(
        """SELECT COALESCE(SUM(refund_line.amount_fen), 0) AS fen FROM refund_line
             JOIN refund ON refund.id = refund_line.refund_id
            WHERE refund_line.order_line_id = $1 AND refund.reason = 'NO_SHOW'""",
        order_line_id,
    )
    return int(found["fen"]) if found else 0


async def _tell(
    attendance: Attendance, line: OrderLine, lifted: bool, given_back_fen: int, came_at: datetime, now: datetime
) -> None:
    order = line.order
    await tell(
        member_id=attendance.member_id,
        template="NO_SHOW_TAKEN_BACK",
        values={
            "venue": order.venue.name,
            "what": line.title,
            "when": moment_text(came_at),
            "order_no": order.order_no,
            "pause": "因此暂停的预订已经恢复。" if lifted else "",
            "money": f"已退的{yuan_text(given_back_fen)}仍归您，不用退回。" if given_back_fen else "",
        },
        about_no=f"{order.order_no}-{line.line_no}",
        now=now,
    )
