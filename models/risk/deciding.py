"""A person looks at what scored high: CLEARED, and it is paid; or CONFIRMED, and it is not.

Never somebody who redeemed it or who works at the venue. The decision can be corrected once, by somebody else. A use that
is found fake is UNDONE, its voucher FORFEITED, and the books take it back; a venue's week that is confirmed opens a case for
each of its uses, since nobody's voucher is forfeited for where they used it.

What waits by its receipt (HELD) is decided here as well, by the same people: one queue, two kinds of rows.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models import database
from models.audit.deeds import concerning
from models.errors import BadInput, DomainError, ErrorCode
from models.ids import request_hash
from models.risk import scoring
from models.risk.rules import CaseState, case_decided, case_unknown, key_reused, not_yours
from models.risk.tables import RiskCase, RiskDecision
from models.staff import powers
from models.staff.rules import Power, StaffSignedIn
from models.vouchers import bills, undoing, writing_off
from models.vouchers.campaigns import checked_key
from models.vouchers.rules import CampaignState, UseState, VoucherState
from models.vouchers.tables import VoucherUse

DECIDED = (CaseState.CLEARED, CaseState.CONFIRMED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """How a case, or a use that was held by its receipt, stands after it."""

    case_no: str
    state: CaseState
    opened: int = 0  # cases about single uses, after a venue's week was confirmed


@dataclass(frozen=True, slots=True)
class _Asked:
    staff_id: int
    decision: CaseState
    note: str
    corrects: bool
    key: str

    @property
    def hash(self) -> str:
        return request_hash(self.decision, self.note, self.corrects)


async def decide(
    *,
    clerk: StaffSignedIn,
    case_no: str,
    decision: CaseState,
    note: str,
    idempotency_key: str,
    corrects: bool = False,
    now: datetime,
) -> Decided:
    """Decides an OPEN case, or with `corrects` decides a decided one the other way round, once. `case_no` may be the
    number of a use that is HELD by its receipt. The same again changes nothing.

    Raises RISK_CASE_UNKNOWN for another region's, NOT_ALLOWED, RISK_CASE_DECIDED, IDEMPOTENCY_KEY_REUSED, BAD_INPUT, and
    USE_NOT_UNDOABLE once its campaign is settled.
    """
    if decision not in DECIDED:
        raise BadInput("决定不正确。", next_step="请选择“没有问题”或“不实核销”。", field="decision")
    if not clerk.has(Power.DECIDE_RISK):
        raise powers.not_allowed(Power.DECIDE_RISK)
    said, key = bills.checked_reason(note, field="note"), checked_key(idempotency_key)
    case_id = await _in_scope(clerk, case_no.strip().upper())
    if case_id is None:
        return await _decide_held(clerk, case_no, decision, said, now)
    return await _decide(case_id, _Asked(clerk.staff_id, decision, said, corrects, key), now=now)


async def _decide_held(
    clerk: StaffSignedIn, use_no: str, decision: CaseState, note: str, now: datetime
) -> Decided:
    genuine = decision is CaseState.CLEARED
    try:
        verdict = await undoing.decide_held_use(clerk=clerk, use_no=use_no, is_genuine=genuine, note=note, now=now)
    except DomainError as refusal:
        if refusal.code is ErrorCode.BILL_UNKNOWN:
            raise case_unknown() from None
        raise
    return Decided(case_no=verdict.use_no, state=decision)


async def _in_scope(clerk: StaffSignedIn, case_no: str) -> int | None:
    """The case's row, if it lies where the clerk decides and is nobody's own; None if there is no such case."""
    found = await database.row(
        f"""SELECT risk_case.id, risk_case.use_id, risk_case.week, risk_case.week_ends, venue.id AS venue_id,
                   venue.public_id, voucher_use.staff_id, {powers.venues_where(Power.DECIDE_RISK)} AS is_theirs
              FROM risk_case JOIN venue ON venue.id = risk_case.venue_id
                             LEFT JOIN voucher_use ON voucher_use.id = risk_case.use_id
             WHERE risk_case.case_no = $2""",
        clerk.staff_id,
        case_no,
    )
    if found is None:
        return None
    if not found["is_theirs"]:
        raise case_unknown()
    concerning("RISK_CASE", case_no, venue_id=found["public_id"])
    if await _has_part_in_it(clerk.staff_id, found):
        raise not_yours("自己经办的核销，或自己任职场馆的核销，不能由自己核查。")
    return int(found["id"])


async def _has_part_in_it(staff_id: int, case: Any) -> bool:
    """They wrote it off, or one of that week, or hold a role at that very venue."""
    if case["staff_id"] == staff_id or await powers.works_at(staff_id, case["venue_id"]):
        return True
    if case["use_id"] is not None:
        return False
    return (
        await database.row(
            """SELECT id FROM voucher_use
                WHERE venue_id = $1 AND business_day >= $2 AND business_day < $3 AND staff_id = $4 LIMIT 1""",
            *(case["venue_id"], database.day(case["week"]), database.day(case["week_ends"]), staff_id),
        )
        is not None
    )


@database.operation
async def _decide(case_id: int, asked: _Asked, *, now: datetime) -> Decided:
    case = await RiskCase.select_for_update().get(id=case_id)
    given = await RiskDecision.get_or_none(staff_id=asked.staff_id, request_key=asked.key)
    if given is not None:
        if given.case_id != case.id or given.request_hash != asked.hash:
            raise key_reused()
        return Decided(case_no=case.case_no, state=CaseState(given.decision))
    before = await RiskDecision.filter(case_id=case.id).order_by("number")
    _check_turn(case, before, asked)
    opened = await _apply(case, asked, corrects=bool(before), now=now)
    await RiskDecision.create(
        case_id=case.id,
        number=len(before) + 1,
        staff_id=asked.staff_id,
        decision=asked.decision,
        note=asked.note,
        decided_at=now,
        request_key=asked.key,
        request_hash=asked.hash,
    )
    case.state = asked.decision
    await case.save(update_fields=["state"])
    return Decided(case_no=case.case_no, state=asked.decision, opened=opened)


def _check_turn(case: RiskCase, before: list[RiskDecision], asked: _Asked) -> None:
    if not before:
        if asked.corrects:
            raise case_decided("这件事项还没有决定，无需更正。")
        return
    if not asked.corrects:
        raise case_decided("这件事项已经有人作出决定。")
    if len(before) > 1:
        raise case_decided("这件事项已经更正过一次，不能再改。")
    if case.state == asked.decision:
        raise case_decided("更正的内容与原来的决定相同。")
    if before[0].staff_id == asked.staff_id:
        raise not_yours("自己作出的决定不能由自己更正。")


async def _apply(case: RiskCase, asked: _Asked, *, corrects: bool, now: datetime) -> int:
    """What the decision does to money; gives how many cases it opened."""
    if case.use_id is None:
        return await _open_each(case, now) if asked.decision is CaseState.CONFIRMED else 0
    if asked.decision is CaseState.CLEARED and not corrects:
        return 0
    use = await VoucherUse.get(id=case.use_id)
    if use.order_id is not None:  # before its vouchers, as whoever refunds it does
        await database.rows("SELECT id FROM orders WHERE id = $1 FOR UPDATE", use.order_id)
    voucher, use = await writing_off.lock(use.id)
    if asked.decision is CaseState.CONFIRMED:
        if use.state == UseState.DONE:
            await _not_settled(use)
            await writing_off.found_fake(voucher, use, staff_id=asked.staff_id, now=now)
    elif use.undo_reason == writing_off.FOUND_FAKE and voucher.state == VoucherState.FORFEITED:
        await _not_settled(use)
        await writing_off.found_good(voucher, use, now=now)
    return 0  # what was refunded or undone meanwhile took its money back by itself


async def _open_each(case: RiskCase, now: datetime) -> int:
    """One case for each use of the week that nobody looked at yet."""
    found = await database.rows(
        """SELECT voucher_use.id FROM voucher_use
            WHERE venue_id = $1 AND business_day >= $2 AND business_day < $3
              AND state = 'DONE' AND decided_at IS NULL
              AND NOT EXISTS (SELECT 1 FROM risk_case other WHERE other.use_id = voucher_use.id)
            ORDER BY voucher_use.id""",
        *(case.venue_id, case.week, case.week_ends),
    )
    opened = [
        await scoring.open_case(
            venue_id=case.venue_id, version=case.version, score=case.score, use_id=row["id"], now=now
        )
        for row in found
    ]
    return sum(opened)


async def _not_settled(use: VoucherUse) -> None:
    """Nothing moves in a campaign that is settled; its row is the last that anybody locks."""
    campaign = await database.row("SELECT state FROM voucher_campaign WHERE id = $1 FOR UPDATE", use.campaign_id)
    assert campaign is not None
    if campaign["state"] == CampaignState.SETTLED:
        raise DomainError(
            "这个活动已经结算。",
            code=ErrorCode.USE_NOT_UNDOABLE,
            next_step="如确有错误，请联系主管部门处理。",
            field="caseNo",
        )
