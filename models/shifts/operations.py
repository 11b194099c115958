"""A drawer is taken over with a float, and counted at the end (交接班). What happens in between names the shift.

Whatever touches a drawer locks its shift's row, after the order's: nothing is added to a shift that was counted.
"""

from datetime import datetime

from models import database
from models.database import utc
from models.errors import DomainError, ErrorCode
from models.ids import new_id
from models.shifts.queries import takings_of
from models.shifts.rules import (
    DrawerDiffers,
    ShiftClosed,
    ShiftNeeded,
    ShiftOpenAlready,
    ShiftUnknown,
    checked_amount,
    checked_note,
    with_first_count,
)
from models.shifts.tables import Shift
from models.staff.powers import may
from models.staff.rules import Power, StaffSignedIn


async def open_shift(*, clerk: StaffSignedIn, venue_id: str, float_fen: int, now: datetime) -> str:
    """The clerk takes over a drawer in which `float_fen` lies; gives the shift's public id. `venue_id` is public.

    The same again while it is open gives the same shift. Raises NOT_ALLOWED, BAD_INPUT, and SHIFT_OPEN_ALREADY while
    another one waits to be counted, however long it has been.
    """
    checked_amount(float_fen, field="openingFloat")
    if not await may(clerk, Power.TAKE_MONEY, venue_id=venue_id):
        raise not_your_venue()
    return await _open(clerk, venue_id, float_fen, now)


async def close_shift(*, clerk: StaffSignedIn, shift_id: str, counted_fen: int, note: str, now: datetime) -> None:
    """The clerk has counted the drawer. Only now is it compared with the books, and both are kept.

    Raises DRAWER_DIFFERS when they differ and the clerk says nothing of why; that count stays on record, since who
    counts again now knows what to find. SHIFT_UNKNOWN, BAD_INPUT. Closing again with the same count changes nothing,
    with another one raises SHIFT_CLOSED.
    """
    checked_amount(counted_fen, field="counted")
    refusal = await _close(clerk.staff_id, shift_id, counted_fen, checked_note(note), now)
    if refusal is not None:  # raised here, since inside it would undo the record of the count
        raise refusal


async def lock_open_shift(*, staff_id: int, venue_id: int) -> Shift:
    """The clerk's open shift at this venue, locked until the caller's transaction ends. Raises SHIFT_NEEDED."""
    shift = await Shift.select_for_update().get_or_none(staff_id=staff_id, venue_id=venue_id, closed_at=None)
    if shift is None:
        raise ShiftNeeded
    return shift


async def open_shift_id(*, staff_id: int, venue_id: int) -> int | None:
    """The id of the clerk's open shift at this venue, for what is only noted there and touches no drawer."""
    shift = await Shift.get_or_none(staff_id=staff_id, venue_id=venue_id, closed_at=None)
    return None if shift is None else shift.id


def not_your_venue() -> DomainError:
    return DomainError(
        "您没有这个场馆的收款权限。",
        code=ErrorCode.NOT_ALLOWED,
        next_step="请选择自己的场馆，或联系管理员开通。",
        field="venueId",
    )


@database.operation
async def _open(clerk: StaffSignedIn, venue_id: str, float_fen: int, now: datetime) -> str:
    created = await database.row(
        """INSERT INTO shift (public_id, staff_id, venue_id, device_id, opened_at, float_fen, note)
           SELECT $1, $2::int, venue.id, $3, $4::timestamptz, $5::bigint, '' FROM venue WHERE venue.public_id = $6
           ON CONFLICT (staff_id) WHERE closed_at IS NULL DO NOTHING RETURNING public_id""",
        new_id("shf"),
        clerk.staff_id,
        clerk.device_id,
        now,
        float_fen,
        venue_id,
    )
    if created is not None:
        return str(created["public_id"])
    is_open = await database.row(
        """SELECT shift.public_id, shift.float_fen, shift.opened_at, venue.public_id AS venue_id, venue.name
             FROM shift JOIN venue ON venue.id = shift.venue_id
            WHERE shift.staff_id = $1 AND shift.closed_at IS NULL""",
        clerk.staff_id,
    )
    if is_open is None:  # closed between the two: on the next run the drawer is free
        raise database.ChanceTwin
    if (is_open["venue_id"], is_open["float_fen"]) != (venue_id, float_fen):
        raise ShiftOpenAlready(is_open["name"], utc(is_open["opened_at"]))
    return str(is_open["public_id"])


@database.operation
async def _close(staff_id: int, shift_id: str, counted_fen: int, note: str, now: datetime) -> DomainError | None:
    found = await database.row("SELECT id FROM shift WHERE staff_id = $1 AND public_id = $2", staff_id, shift_id)
    if found is None:
        raise ShiftUnknown
    shift = await Shift.select_for_update().get(id=found["id"])
    if shift.closed_at is not None:
        return None if shift.counted_fen == counted_fen else ShiftClosed(shift.closed_at)
    shift.note = with_first_count(note, first_fen=shift.counted_fen, counted_fen=counted_fen)
    shift.expected_fen = (await takings_of(shift.id)).expected_fen(shift.float_fen)
    if counted_fen != shift.expected_fen and not note:
        if shift.counted_fen is None:
            shift.counted_fen = counted_fen
            await shift.save(update_fields=["counted_fen"])
        return DrawerDiffers(counted_fen, shift.expected_fen)
    shift.counted_fen = counted_fen
    shift.closed_at = now
    await shift.save(update_fields=["closed_at", "expected_fen", "counted_fen", "note"])
    return None
