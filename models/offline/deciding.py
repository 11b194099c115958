"""Conflicts of desks that were offline, for whoever looks at them, and the decision of a person where no rule decides.

Of a voucher it is the regulator's, about the campaign's reserve. Of a booking it is the venue's, about its own money:
nothing is taken from anybody by it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models import database
from models.audit.deeds import concerning
from models.errors import DomainError, ErrorCode
from models.offline import letting_in
from models.offline.conflicts import answer_of, from_reserve, settle_entry
from models.offline.rules import ConflictState
from models.offline.tables import OfflineConflict, OfflineEntry
from models.staff import powers
from models.staff.rules import Power, StaffSignedIn
from models.vouchers import bills, writing_off

MOST_CONFLICTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictSeen:
    """No name, and nothing of the citizen."""

    public_id: str
    state: ConflictState
    reason: str
    venue_id: str
    venue_name: str
    desk_id: str
    desk_name: str
    number: int
    campaign_id: str
    order_no: str
    booked: str
    """Which slot, where it is a booking's."""
    amount_fen: int
    use_no: str
    winner_use_no: str
    winner_venue_name: str
    accepted_at: datetime
    found_at: datetime
    decided_at: datetime | None
    decision_note: str


_SEEN = f"""
SELECT conflict.*, venue.public_id AS venue_public_id, venue.name AS venue_name, desk.public_id AS desk_public_id,
       desk.name AS desk_name, entry.number, entry.accepted_at, campaign.public_id AS campaign_public_id,
       lost.use_no, winner.use_no AS winner_use_no, other.name AS winner_venue_name, orders.order_no, line.title
  FROM offline_conflict conflict JOIN venue ON venue.id = conflict.venue_id
       JOIN offline_entry entry ON entry.id = conflict.entry_id JOIN offline_desk desk ON desk.id = entry.desk_id
       LEFT JOIN voucher_campaign campaign ON campaign.id = conflict.campaign_id
       LEFT JOIN order_line line ON line.id = conflict.order_line_id LEFT JOIN orders ON orders.id = line.order_id
       LEFT JOIN voucher_use lost ON lost.id = conflict.use_id
       LEFT JOIN voucher_use winner ON winner.id = conflict.winner_id
       LEFT JOIN venue other ON other.id = winner.venue_id
 WHERE {powers.venues_where(Power.DECIDE_RISK, Power.RUN_OFFLINE_DESKS)}"""


async def conflicts(*, clerk: StaffSignedIn, only_held: bool) -> Sequence[ConflictSeen]:
    """The latest ones at venues whose desks the clerk runs, or for which they decide. Raises NOT_ALLOWED."""
    if not clerk.has(Power.RUN_OFFLINE_DESKS):
        await powers.demand(clerk, Power.DECIDE_RISK)
    found = await database.rows(
        _SEEN + " AND ($2::text = '' OR conflict.state = $2::text) ORDER BY conflict.id DESC LIMIT $3",
        clerk.staff_id,
        ConflictState.HELD.value if only_held else "",
        MOST_CONFLICTS,
    )
    return [_seen(row) for row in found]


def _seen(row: Any) -> ConflictSeen:
    return ConflictSeen(
        public_id=row["public_id"],
        state=ConflictState(row["state"]),
        reason=row["reason"],
        venue_id=row["venue_public_id"],
        venue_name=row["venue_name"],
        desk_id=row["desk_public_id"],
        desk_name=row["desk_name"],
        number=row["number"],
        campaign_id=row["campaign_public_id"] or "",
        order_no=row["order_no"] or "",
        booked=row["title"] or "",
        amount_fen=row["amount_fen"],
        use_no=row["use_no"] or "",
        winner_use_no=row["winner_use_no"] or "",
        winner_venue_name=row["winner_venue_name"] or "",
        accepted_at=database.utc(row["accepted_at"]),
        found_at=database.utc(row["found_at"]),
        decided_at=row["decided_at"] and database.utc(row["decided_at"]),
        decision_note=row["decision_note"],
    )


async def decide_conflict(
    *, clerk: StaffSignedIn, conflict_id: str, pays: bool, note: str, now: datetime
) -> ConflictState:
    """Of a voucher: the reserve, which holds enough by now, pays the venue, or does not. Of a booking: the citizen has
    settled it with the venue, as the note says, or the venue bears it. The same decision of the same person again is
    harmless. Raises NOT_ALLOWED, CONFLICT_UNKNOWN, CONFLICT_STATE, RESERVE_EMPTY, BAD_INPUT."""
    said = bills.checked_reason(note, field="note")
    found = await database.row(
        f"""SELECT conflict.id, conflict.use_id, conflict.order_line_id, conflict.public_id,
                   venue.public_id AS venue_public_id
              FROM offline_conflict conflict JOIN venue ON venue.id = conflict.venue_id
             WHERE conflict.public_id = $2
               AND (conflict.order_line_id IS NULL AND {powers.venues_where(Power.DECIDE_RISK)}
                    OR conflict.order_line_id IS NOT NULL AND {powers.venues_where(Power.RUN_OFFLINE_DESKS)})""",
        clerk.staff_id,
        conflict_id,
    )
    if found is None and not clerk.has(Power.DECIDE_RISK):
        raise powers.not_allowed(Power.DECIDE_RISK)
    if found is None:
        raise DomainError(
            "没有找到这条冲突记录。",
            code=ErrorCode.CONFLICT_UNKNOWN,
            next_step="请刷新列表后再看。",
            field="conflictId",
        )
    concerning("OFFLINE_CONFLICT", found["public_id"], venue_id=found["venue_public_id"])
    if found["order_line_id"] is not None:
        return await _decide_booking(found, clerk.staff_id, pays, said, now=now)
    if found["use_id"] is None:
        raise _decided_already()
    return await _decide_voucher(found, clerk.staff_id, pays, said, now=now)


@database.operation
async def _decide_voucher(found: Any, staff_id: int, pays: bool, note: str, *, now: datetime) -> ConflictState:
    _, use = await writing_off.lock(found["use_id"])
    decided = ConflictState.PAID if pays else ConflictState.REFUSED
    conflict = await _written(found["id"], decided, staff_id, note, now)
    if conflict is None:
        return decided
    entry = await OfflineEntry.get(id=conflict.entry_id)
    await settle_entry(entry, answer_of(entry, use, ErrorCode(conflict.reason), decided))
    if pays and not await from_reserve(use, now=now):
        raise DomainError(
            "活动备用金仍不足，或活动已经结算。",
            code=ErrorCode.RESERVE_EMPTY,
            next_step="请先为活动增加备用金，再作决定。",
            field="pays",
        )
    return decided


@database.operation
async def _decide_booking(found: Any, staff_id: int, pays: bool, note: str, *, now: datetime) -> ConflictState:
    decided = ConflictState.PAID if pays else ConflictState.BORNE
    conflict = await _written(found["id"], decided, staff_id, note, now)
    if conflict is None:
        return decided
    entry = await OfflineEntry.get(id=conflict.entry_id)
    admission_id = str(entry.answer.get("admission_id", ""))
    await settle_entry(entry, letting_in.cancelled(entry, admission_id, conflict.amount_fen, decided))
    return decided


async def _written(
    conflict_id: int, decided: ConflictState, staff_id: int, note: str, now: datetime
) -> OfflineConflict | None:
    """The decision of a held one; None when this person has decided just so before. Raises CONFLICT_STATE."""
    conflict = await OfflineConflict.select_for_update().get(id=conflict_id)
    if conflict.decided_by_id == staff_id and conflict.state == decided:
        return None
    if conflict.state != ConflictState.HELD:
        raise _decided_already()
    conflict.state, conflict.decided_at = decided, now
    conflict.decided_by_id, conflict.decision_note = staff_id, note
    await conflict.save(update_fields=["state", "decided_at", "decided_by_id", "decision_note"])
    return conflict


def _decided_already() -> DomainError:
    return DomainError(
        "这条冲突不用决定，或已有决定。",
        code=ErrorCode.CONFLICT_STATE,
        next_step="请刷新列表后再看。",
        field="conflictId",
    )
