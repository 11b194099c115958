"""A desk gave a discount for a voucher that was not to be had: who bears it. Plain functions inside the acts of this
room, with the voucher locked. Where a person decides: deciding.py; of bookings' codes: letting_in.py.

The citizen bears nothing: they paid the rest of their bill and walked on. Where the desk could not know, the campaign's
reserve pays the venue as if the voucher had been used (docs/decisions, 0030); where it could, the venue bears it.
"""

from datetime import datetime

from models import database
from models.calendar import moment_text
from models.errors import DomainError, ErrorCode
from models.ids import new_id
from models.messages.operations import tell
from models.money import yuan_text
from models.offline import rules
from models.offline.rules import Answer, ConflictState, Outcome
from models.offline.tables import OfflineConflict, OfflineEntry
from models.venues.tables import Venue
from models.vouchers.rules import EventKind, UseState
from models.vouchers.tables import Voucher, VoucherEvent, VoucherUse

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
    return answer_of(entry, use, why, state, is_paid_here=is_paid_here)


async def displaced(use: VoucherUse, voucher: Voucher, *, winner: VoucherUse, now: datetime) -> None:
    """What the reserve has paid for already (`from_reserve`) was used later than the one that came in now."""
    entry = await OfflineEntry.get(use_id=use.id)
    await _write(entry, voucher, ConflictState.PAID, ErrorCode.VOUCHER_USED, use=use, winner_id=winner.id, now=now)
    await tell_citizen("OFFLINE_CONFLICT", use, now=now)
    await settle_entry(entry, answer_of(entry, use, ErrorCode.VOUCHER_USED, ConflictState.PAID))


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


def answer_of(
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
