"""The citizen says on their phone whether a bill is theirs; so may a guardian, or a helper who may book for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from models import database
from models.vouchers import bills, writing_off
from models.vouchers.rules import UseState
from models.vouchers.tables import VoucherUse

MOST_BILLS = 20
_AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class BillToConfirm:
    """A bill as the citizen sees it. `is_held`: it was written off without them; a no is kept for whoever reviews it."""

    use_no: str
    voucher_id: str
    venue_name: str
    bill_fen: int
    off_fen: int
    asked_at: datetime
    confirm_until: datetime | None
    is_held: bool


async def bills_to_confirm(*, member_id: int, now: datetime) -> Sequence[BillToConfirm]:
    """What waits for this member's word, the newest first."""
    found = await database.rows(
        """SELECT voucher_use.*, voucher.public_id AS voucher_public_id, venue.name AS venue_name
             FROM voucher_use JOIN voucher ON voucher.id = voucher_use.voucher_id
                              JOIN venue ON venue.id = voucher_use.venue_id
            WHERE voucher_use.member_id = $1 AND voucher_use.way = 'DESK'
              AND (voucher_use.state = 'WAITING' AND voucher_use.confirm_until > $2
                   OR voucher_use.state = 'HELD' AND voucher_use.denied_at IS NULL)
            ORDER BY voucher_use.id DESC LIMIT $3""",
        member_id,
        now,
        MOST_BILLS,
    )
    return [
        BillToConfirm(
            use_no=row["use_no"],
            voucher_id=row["voucher_public_id"],
            venue_name=row["venue_name"],
            bill_fen=row["bill_fen"],
            off_fen=row["used_fen"],
            asked_at=database.utc(row["used_at"]),
            confirm_until=row["confirm_until"] and database.utc(row["confirm_until"]),
            is_held=row["state"] == UseState.HELD,
        )
        for row in found
    ]


async def confirm_bill(*, member_id: int, use_no: str, agrees: bool, now: datetime) -> UseState:
    """Yes: the voucher is used. No: it is theirs again; but of one that is HELD already the venue has given the
    discount, so a no is written down for whoever reviews it. The same word again is harmless.

    Raises BILL_UNKNOWN (another's too), BILL_STATE once the time is over or something else was decided.
    """
    found = await database.row(
        "SELECT id FROM voucher_use WHERE use_no = $1 AND member_id = $2 AND way = 'DESK'",
        use_no.strip().upper(),
        member_id,
    )
    if found is None:
        raise writing_off.bill_unknown()
    return await _confirm(found["id"], member_id, agrees, now=now)


@database.operation
async def _confirm(use_id: int, member_id: int, agrees: bool, *, now: datetime) -> UseState:
    voucher, use = await writing_off.lock(use_id)
    if use.member_id != member_id:  # accounts were joined or parted in this very moment
        raise writing_off.bill_unknown()
    if _said_before(use, agrees):
        return UseState(use.state)
    waits = use.state == UseState.WAITING and use.confirm_until is not None and now < use.confirm_until
    if not waits and use.state != UseState.HELD:
        raise bills.too_late() if use.state == UseState.WAITING else writing_off.wrong_state(use)
    if agrees:
        use.confirmed_at, use.denied_at = now, None
        await use.save(update_fields=["denied_at"])
        await writing_off.done(voucher, use, now=now)
    elif use.state == UseState.HELD:
        use.denied_at = now
        await use.save(update_fields=["denied_at"])
    else:
        await writing_off.undone(voucher, use, reason=bills.SAID_NO, now=now)
    return UseState(use.state)


def _said_before(use: VoucherUse, agrees: bool) -> bool:
    if agrees:
        return use.state == UseState.DONE and use.confirmed_at is not None
    return use.undo_reason == bills.SAID_NO or (use.state == UseState.HELD and use.denied_at is not None)


async def end_bills(*, now: datetime) -> int:
    """Ends what nobody confirmed and no desk held: each voucher is its citizen's again. A bounded part; how many."""
    due = await database.rows(
        """SELECT id FROM voucher_use WHERE state = 'WAITING' AND confirm_until <= $1
            ORDER BY confirm_until LIMIT $2""",
        now - bills.DESK_DECIDES_WITHIN,
        _AT_ONCE,
    )
    ended = [await _end(row["id"], now=now) for row in due]
    return sum(ended)


@database.operation
async def _end(use_id: int, *, now: datetime) -> bool:
    voucher, use = await writing_off.lock(use_id)
    if use.state != UseState.WAITING:
        return False
    await writing_off.undone(voucher, use, reason=bills.NOT_CONFIRMED, now=now)
    return True
