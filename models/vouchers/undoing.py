"""Taking back a desk's write-off within minutes, and deciding what was written off without the citizen's yes.

Four eyes: neither is ever done by who redeemed. The venue gains by a receipt that passes, so whether it passes is for
whoever looks at suspect redemptions (DECIDE_RISK), and not for the venue.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from models import database
from models.audit.deeds import concerning
from models.errors import DomainError, ErrorCode
from models.staff import powers
from models.staff.rules import Power, StaffSignedIn
from models.vouchers import bills, fitting, writing_off
from models.vouchers.bills import BillVerdict, verdict_of
from models.vouchers.reserving import terms_by_voucher
from models.vouchers.rules import CampaignState, Terms, UseState, UseWay
from models.vouchers.tables import Voucher, VoucherUse

MOST_HELD = 100
MOST_UNDOABLE = 20
_LONGEST_UNDO = timedelta(hours=49)  # a day for the yes and one to take it back: terms allow no more


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldUse:
    """What whoever reviews it sees: no name, and nothing of the citizen but what they said."""

    use_no: str
    venue_id: str
    venue_name: str
    bill_fen: int
    used_fen: int
    receipt_no: str
    id_checked: bool
    used_at: datetime
    denied_at: datetime | None
    redeemed_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoableUse:
    """A write-off of somebody else's that a supervisor can still take back."""

    use_no: str
    bill_fen: int
    used_fen: int
    used_at: datetime
    redeemed_by: str


async def undoable_uses(*, clerk: StaffSignedIn, venue_id: str, now: datetime) -> Sequence[UndoableUse]:
    """The latest ones at this venue whose minutes are not over, one's own left out. Raises NOT_ALLOWED."""
    concerning("VENUE", venue_id, venue_id=venue_id, reading=True)
    await powers.demand(clerk, Power.UNDO_REDEMPTION, venue_id=venue_id)
    found = (
        await VoucherUse.filter(
            venue__public_id=venue_id,
            way=UseWay.DESK,
            state__in=(UseState.DONE, UseState.HELD),
            used_at__gt=now - _LONGEST_UNDO,
        )
        .exclude(staff_id=clerk.staff_id)
        .order_by("-id")
        .limit(MOST_UNDOABLE)
        .prefetch_related("voucher", "staff")
    )
    terms = await terms_by_voucher([use.voucher for use in found])
    return [
        UndoableUse(
            use_no=use.use_no,
            bill_fen=use.bill_fen,
            used_fen=use.used_fen,
            used_at=use.used_at,
            redeemed_by=use.staff.display_name if use.staff else "",
        )
        for use in found
        if now < _undo_ends(use.voucher, terms[use.voucher_id])
    ]


async def undo_redemption(*, clerk: StaffSignedIn, use_no: str, reason: str, now: datetime) -> BillVerdict:
    """The voucher is the citizen's again, and the books say so. A use is undone once; the second time is harmless.

    Raises BILL_UNKNOWN for another venue's, NOT_ALLOWED for one's own, BILL_STATE, USE_NOT_UNDOABLE once its minutes are
    over or its campaign is settled.
    """
    why = bills.checked_reason(reason, field="reason")
    use_id = await _in_scope(clerk, use_no, Power.UNDO_REDEMPTION)
    return await _undo(use_id, clerk.staff_id, why, now=now)


async def held_uses(*, clerk: StaffSignedIn, venue_id: str) -> Sequence[HeldUse]:
    """What waits for review at one venue, the oldest first, for its supervisors and whoever decides. Raises NOT_ALLOWED."""
    concerning("VENUE", venue_id, venue_id=venue_id, reading=True)
    if not await powers.may(clerk, Power.UNDO_REDEMPTION, venue_id=venue_id):
        await powers.demand(clerk, Power.DECIDE_RISK, venue_id=venue_id)
    found = await database.rows(
        """SELECT voucher_use.*, venue.public_id AS venue_public_id, venue.name AS venue_name, staff_member.display_name
             FROM voucher_use JOIN venue ON venue.id = voucher_use.venue_id
                              LEFT JOIN staff_member ON staff_member.id = voucher_use.staff_id
            WHERE venue.public_id = $1 AND voucher_use.state = 'HELD' ORDER BY voucher_use.id LIMIT $2""",
        venue_id,
        MOST_HELD,
    )
    return [
        HeldUse(
            use_no=row["use_no"],
            venue_id=row["venue_public_id"],
            venue_name=row["venue_name"],
            bill_fen=row["bill_fen"],
            used_fen=row["used_fen"],
            receipt_no=row["receipt_no"],
            id_checked=bool(row["id_checked"]),
            used_at=database.utc(row["used_at"]),
            denied_at=row["denied_at"] and database.utc(row["denied_at"]),
            redeemed_by=row["display_name"] or "",
        )
        for row in found
    ]


async def decide_held_use(
    *, clerk: StaffSignedIn, use_no: str, is_genuine: bool, note: str, now: datetime
) -> BillVerdict:
    """A receipt was looked at: the venue is paid for the use, or the voucher is the citizen's again. The same decision
    of the same person again is harmless. Raises BILL_UNKNOWN, NOT_ALLOWED, BILL_STATE, BAD_INPUT."""
    said = bills.checked_reason(note, field="note")
    use_id = await _in_scope(clerk, use_no, Power.DECIDE_RISK)
    return await _decide(use_id, clerk.staff_id, is_genuine, said, now=now)


async def _in_scope(clerk: StaffSignedIn, use_no: str, power: Power) -> int:
    if not clerk.has(power):
        raise powers.not_allowed(power)
    found = await database.row(
        f"""SELECT voucher_use.id, voucher_use.use_no, voucher_use.staff_id, venue.public_id AS venue_id,
                   venue.id AS venue
              FROM voucher_use JOIN venue ON venue.id = voucher_use.venue_id
             WHERE voucher_use.use_no = $2 AND voucher_use.way = 'DESK' AND {powers.venues_where(power)}""",
        clerk.staff_id,
        use_no.strip().upper(),
    )
    if found is None:
        raise writing_off.bill_unknown()
    concerning("VOUCHER_USE", found["use_no"], venue_id=found["venue_id"])
    works_there = power is Power.DECIDE_RISK and await powers.works_at(clerk.staff_id, found["venue"])
    if works_there or found["staff_id"] == clerk.staff_id:
        raise DomainError(
            "自己任职场馆的核销，不能由自己核查。" if works_there else "自己经办的核销不能由自己撤销或核查。",
            code=ErrorCode.NOT_ALLOWED,
            next_step="请另一位有权限的同事办理。",
            field="useNo",
        )
    return int(found["id"])


@database.operation
async def _undo(use_id: int, staff_id: int, reason: str, *, now: datetime) -> BillVerdict:
    voucher, use = await writing_off.lock(use_id)
    if use.state == UseState.UNDONE and use.undone_by_id == staff_id and use.undo_reason == reason:
        return verdict_of(use)
    if use.state not in (UseState.DONE, UseState.HELD):
        raise writing_off.wrong_state(use)
    terms = await fitting.terms_in_force(use.campaign_id, voucher.terms_version)
    if now >= _undo_ends(voucher, terms):
        raise _not_undoable("核销后只能在规定的几分钟内撤销，现在已经超过时间。")
    await _not_settled(use)
    await writing_off.undone(voucher, use, reason=reason, staff_id=staff_id, now=now)
    return verdict_of(use)


def _undo_ends(voucher: Voucher, terms: Terms) -> datetime:
    """Counted from when the desk heard that the voucher is used, however late the citizen says yes to a held one."""
    assert voucher.ended_at is not None, "it is used"
    return voucher.ended_at + timedelta(minutes=terms.undo_minutes)


async def _not_settled(use: VoucherUse) -> None:
    """Nothing moves in a campaign that is settled; its row is the last that anybody locks."""
    campaign = await database.row("SELECT state FROM voucher_campaign WHERE id = $1 FOR UPDATE", use.campaign_id)
    assert campaign is not None
    if campaign["state"] == CampaignState.SETTLED:
        raise _not_undoable("这个活动已经结算。")


def _not_undoable(why: str) -> DomainError:
    return DomainError(
        why, code=ErrorCode.USE_NOT_UNDOABLE, next_step="如确有错误，请联系主管部门处理。", field="useNo"
    )


@database.operation
async def _decide(use_id: int, staff_id: int, is_genuine: bool, note: str, *, now: datetime) -> BillVerdict:
    voucher, use = await writing_off.lock(use_id)
    decided = UseState.DONE if is_genuine else UseState.UNDONE
    if use.decided_by_id == staff_id and use.state == decided:
        return verdict_of(use)
    if use.state != UseState.HELD:
        raise writing_off.wrong_state(use)
    await _not_settled(use)
    use.decided_at, use.decided_by_id, use.decision_note = now, staff_id, note
    if is_genuine:
        await writing_off.done(voucher, use, now=now)
    else:
        await writing_off.undone(voucher, use, reason=bills.NOT_GENUINE, staff_id=staff_id, now=now)
    return verdict_of(use)
