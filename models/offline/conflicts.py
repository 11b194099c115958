"""A desk gave a discount for a voucher that was not to be had: who bears it. Plain functions inside the acts of this
room, with the voucher locked, and the decision of a person where the reserve is empty.

The citizen bears nothing: they paid the rest of their bill and walked on. Where the desk could not know, the campaign's
reserve pays the venue as if the voucher had been used (docs/decisions, 0030); where it could, the venue bears it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models import database
from models.audit.deeds import concerning
from models.calendar import moment_text
from models.errors import DomainError, ErrorCode
from models.ids import new_id
from models.messages.operations import tell
from models.money import yuan_text
from models.offline import rules
from models.offline.rules import Answer, ConflictState, Outcome
from models.offline.tables import OfflineConflict, OfflineEntry
from models.staff import powers
from models.staff.rules import Power, StaffSignedIn
from models.venues.tables import Venue
from models.vouchers import bills, writing_off
from models.vouchers.rules import EventKind, UseState
from models.vouchers.tables import Voucher, VoucherEvent, VoucherUse

MOST_CONFLICTS = 100

_WHY = {
    ErrorCode.VOUCHER_USED: "这张券在这条记录传来之前已在别处使用",
    ErrorCode.VOUCHER_ENDED: "这张券在这条记录传来之前已失效",
}


async def borne(entry: OfflineEntry, voucher: Voucher, no: DomainError, *, now: datetime) -> Answer:
    """The desk could have known: the venue bears it, and nothing is booked. It stays visible."""
    await _write(entry, voucher, ConflictState.BORNE, no.code, now=now)
    return rules.refusal(entry.number, no)


async def lost(
    entry: OfflineEntry,
    voucher: Voucher,
    use: VoucherUse,
    why: ErrorCode,
    *,
    winner_id: int | None,
    is_paid_here: bool = False,
    now: datetime,
) -> Answer:
    """The desk could not know: the use is REFUSED, and the reserve pays the venue, or a person decides: where the reserve is
    empty, and where the venue `is_paid_here` for this voucher already."""
    use.state = UseState.REFUSED
    await use.save()
    entry.use_id = use.id
    is_paid = not is_paid_here and await from_reserve(use, now=now)
    state = ConflictState.PAID if is_paid else ConflictState.HELD
    await _write(entry, voucher, state, why, use=use, winner_id=winner_id, now=now)
    await tell_citizen("OFFLINE_CONFLICT", use, now=now)
    return _answer(entry, use, why, state, is_paid_here=is_paid_here)


async def displaced(use: VoucherUse, voucher: Voucher, *, winner: VoucherUse, now: datetime) -> None:
    """What the reserve has paid for already (`from_reserve`) was used later than the one that came in now."""
    entry = await OfflineEntry.get(use_id=use.id)
    await _write(entry, voucher, ConflictState.PAID, ErrorCode.VOUCHER_USED, use=use, winner_id=winner.id, now=now)
    await tell_citizen("OFFLINE_CONFLICT", use, now=now)
    await settle_entry(entry, _answer(entry, use, ErrorCode.VOUCHER_USED, ConflictState.PAID))


async def from_reserve(use: VoucherUse, *, now: datetime) -> bool:
    """Pays the venue for a use that lost; False when the reserve does not hold it, or the campaign is settled. The
    campaign's row is the last that anybody locks."""
    paid = await database.row(
        """UPDATE voucher_campaign SET reserve_used_fen = reserve_used_fen + $1
            WHERE id = $2 AND state <> 'SETTLED' AND reserve_used_fen + $1 <= reserve_fen RETURNING id""",
        use.used_fen,
        use.campaign_id,
    )
    if paid is None:
        return False
    await book(EventKind.CONFLICT, use, about_no=use.use_no, now=now)
    return True


async def book(kind: EventKind, use: VoucherUse, *, about_no: str, now: datetime) -> None:
    await VoucherEvent.create(
        kind=kind,
        about_no=about_no,
        use_id=use.id,
        campaign_id=use.campaign_id,
        venue_id=use.venue_id,
        amount_fen=use.used_fen,
        venue_share_fen=use.venue_share_fen,
        happened_at=now,
    )


async def settle_entry(entry: OfflineEntry, answer: Answer) -> None:
    """The answer that the desk gets from now on."""
    entry.outcome, entry.answer = answer.outcome, answer.as_json()
    await entry.save()


async def tell_citizen(template: str, use: VoucherUse, *, now: datetime) -> None:
    venue = await Venue.get(id=use.venue_id)
    await tell(
        member_id=use.member_id,
        template=template,
        values={
            "venue": venue.name,
            "amount": yuan_text(use.used_fen),
            "when": moment_text(use.used_at),
            "use_no": use.use_no,
        },
        about_no=use.use_no,
        now=now,
    )


async def _write(
    entry: OfflineEntry,
    voucher: Voucher,
    state: ConflictState,
    reason: ErrorCode,
    *,
    use: VoucherUse | None = None,
    winner_id: int | None = None,
    now: datetime,
) -> None:
    desk = await database.row("SELECT venue_id FROM offline_desk WHERE id = $1", entry.desk_id)
    assert desk is not None
    await OfflineConflict.create(
        public_id=new_id("ocf"),
        entry_id=entry.id,
        voucher_id=voucher.id,
        use_id=use.id if use else None,
        winner_id=winner_id,
        campaign_id=voucher.campaign_id,
        venue_id=desk["venue_id"],
        amount_fen=voucher.face_fen,
        reason=reason,
        state=state,
        found_at=now,
    )


def _answer(
    entry: OfflineEntry, use: VoucherUse, why: ErrorCode, state: ConflictState, *, is_paid_here: bool = False
) -> Answer:
    outcome, then, next_step = {
        ConflictState.PAID: (
            Outcome.CONFLICT_PAID,
            f"由活动备用金付给场馆{yuan_text(use.used_fen)}",
            "顾客不用补付，场馆不用处理。",
        ),
        ConflictState.HELD: (
            Outcome.CONFLICT_HELD,
            "同一张券本馆已有一笔，等主管部门决定" if is_paid_here else "活动备用金不足，等主管部门决定",
            "顾客不用补付，请等待决定。",
        ),
        ConflictState.REFUSED: (
            Outcome.CONFLICT_HELD,
            "主管部门决定不由备用金支付",
            "顾客不用补付；如有疑问请联系主管部门。",
        ),
    }[state]
    return Answer(
        number=entry.number,
        outcome=outcome.value,
        message=f"{_WHY[why]}，{then}。",
        next_step=next_step,
        use_no=use.use_no,
    )


# ---- for whoever looks at them


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
       lost.use_no, winner.use_no AS winner_use_no, other.name AS winner_venue_name
  FROM offline_conflict conflict JOIN venue ON venue.id = conflict.venue_id
       JOIN offline_entry entry ON entry.id = conflict.entry_id JOIN offline_desk desk ON desk.id = entry.desk_id
       JOIN voucher_campaign campaign ON campaign.id = conflict.campaign_id
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
        campaign_id=row["campaign_public_id"],
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
    """A held one: the reserve, which holds enough by now, pays the venue, or does not. The same decision of the same
    person again is harmless. Raises NOT_ALLOWED, CONFLICT_UNKNOWN, CONFLICT_STATE, RESERVE_EMPTY, BAD_INPUT."""
    said = bills.checked_reason(note, field="note")
    if not clerk.has(Power.DECIDE_RISK):
        raise powers.not_allowed(Power.DECIDE_RISK)
    found = await database.row(
        f"""SELECT conflict.id, conflict.use_id, conflict.public_id, venue.public_id AS venue_public_id
              FROM offline_conflict conflict JOIN venue ON venue.id = conflict.venue_id
             WHERE conflict.public_id = $2 AND {powers.venues_where(Power.DECIDE_RISK)}""",
        clerk.staff_id,
        conflict_id,
    )
    if found is None:
        raise DomainError(
            "没有找到这条冲突记录。",
            code=ErrorCode.CONFLICT_UNKNOWN,
            next_step="请刷新列表后再看。",
            field="conflictId",
        )
    concerning("OFFLINE_CONFLICT", found["public_id"], venue_id=found["venue_public_id"])
    if found["use_id"] is None:
        raise _decided_already()
    return await _decide(found, clerk.staff_id, pays, said, now=now)


@database.operation
async def _decide(found: Any, staff_id: int, pays: bool, note: str, *, now: datetime) -> ConflictState:
    _, use = await writing_off.lock(found["use_id"])
    conflict = await OfflineConflict.select_for_update().get(id=found["id"])
    decided = ConflictState.PAID if pays else ConflictState.REFUSED
    if conflict.decided_by_id == staff_id and conflict.state == decided:
        return decided
    if conflict.state != ConflictState.HELD:
        raise _decided_already()
    conflict.state, conflict.decided_at = decided, now
    conflict.decided_by_id, conflict.decision_note = staff_id, note
    await conflict.save(update_fields=["state", "decided_at", "decided_by_id", "decision_note"])
    entry = await OfflineEntry.get(id=conflict.entry_id)
    await settle_entry(entry, _answer(entry, use, ErrorCode(conflict.reason), decided))
    if pays and not await from_reserve(use, now=now):
        raise DomainError(
            "活动备用金仍不足，或活动已经结算。",
            code=ErrorCode.RESERVE_EMPTY,
            next_step="请先为活动增加备用金，再作决定。",
            field="pays",
        )
    return decided


def _decided_already() -> DomainError:
    return DomainError(
        "这条冲突不用决定，或已有决定。",
        code=ErrorCode.CONFLICT_STATE,
        next_step="请刷新列表后再看。",
        field="conflictId",
    )
