"""What a clerk may ask of a drawer. Sums are made where the rows are."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models import database
from models.database import utc
from models.shifts.rules import Takings


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftView:
    """A shift as its clerk sees it. What should lie in the drawer is told only once it was counted."""

    public_id: str
    venue_id: str
    venue_name: str
    opened_at: datetime
    float_fen: int
    closed_at: datetime | None
    expected_fen: int | None
    counted_fen: int | None
    note: str
    takings: Takings

    @property
    def cash_fen(self) -> int | None:
        """What was taken in cash. With the float it would tell what to count, so it is told once that was counted."""
        return None if self.closed_at is None else self.takings.cash_fen

    @property
    def cash_handed_out_fen(self) -> int | None:
        return None if self.closed_at is None else self.takings.cash_handed_out_fen

    @property
    def difference_fen(self) -> int | None:
        if self.counted_fen is None or self.expected_fen is None:
            return None
        return self.counted_fen - self.expected_fen


_SHIFT = """
SELECT shift.id, shift.public_id, shift.opened_at, shift.float_fen, shift.closed_at, shift.expected_fen,
       shift.counted_fen, shift.note, venue.public_id AS venue_id, venue.name AS venue_name
  FROM shift JOIN venue ON venue.id = shift.venue_id
"""


async def open_shift_of(*, staff_id: int) -> ShiftView | None:
    """The clerk's open shift, wherever it is and however long it has been open; None without one."""
    found = await database.row(_SHIFT + "WHERE shift.staff_id = $1 AND shift.closed_at IS NULL", staff_id)
    return None if found is None else await _view(found)


async def shift_of(*, staff_id: int, shift_id: str) -> ShiftView | None:
    """One shift of this clerk; somebody else's is as unknown as none. `shift_id` is public."""
    found = await database.row(_SHIFT + "WHERE shift.staff_id = $1 AND shift.public_id = $2", staff_id, shift_id)
    return None if found is None else await _view(found)


async def takings_of(shift_id: int) -> Takings:
    """The sums of all that names this shift. Exact inside a transaction that has locked the shift's row."""
    taken = await database.row(
        """SELECT COALESCE(SUM(CASE channel WHEN 'CASH' THEN amount_fen ELSE 0 END), 0) AS cash_fen,
                  COALESCE(SUM(CASE channel WHEN 'CARD' THEN amount_fen ELSE 0 END), 0) AS card_fen,
                  COALESCE(SUM(CASE channel WHEN 'CASH' THEN 0 WHEN 'CARD' THEN 0 ELSE amount_fen END), 0) AS code_fen
             FROM payment WHERE shift_id = $1 AND status IN ('SETTLED', 'SURPLUS')""",
        shift_id,
    )
    handed_out = await database.row(
        """SELECT COALESCE(SUM(CASE WHEN payment.channel = 'CASH' OR refund.to_merchant THEN refund.amount_fen
                                    ELSE 0 END), 0) AS cash_fen,
                  COALESCE(SUM(CASE payment.channel WHEN 'CARD' THEN refund.amount_fen ELSE 0 END), 0) AS card_fen
             FROM refund JOIN payment ON payment.id = refund.payment_id
            WHERE refund.shift_id = $1 AND refund.status = 'SUCCESS'""",
        shift_id,
    )
    assert taken is not None
    assert handed_out is not None
    return Takings(
        cash_fen=int(taken["cash_fen"]),
        card_fen=int(taken["card_fen"]),
        code_fen=int(taken["code_fen"]),
        cash_handed_out_fen=int(handed_out["cash_fen"]),
        card_handed_out_fen=int(handed_out["card_fen"]),
    )


async def _view(found: Any) -> ShiftView:
    return ShiftView(
        public_id=found["public_id"],
        venue_id=found["venue_id"],
        venue_name=found["venue_name"],
        opened_at=utc(found["opened_at"]),
        float_fen=found["float_fen"],
        closed_at=None if found["closed_at"] is None else utc(found["closed_at"]),
        expected_fen=found["expected_fen"] if found["closed_at"] is not None else None,
        counted_fen=found["counted_fen"] if found["closed_at"] is not None else None,
        note=found["note"],
        takings=await takings_of(found["id"]),
    )
