"""A settlement on its way to a payment: deducted from, proposed, approved, or dropped.

Four eyes: who approves had no hand in its sums, and nobody decides about a venue at which they work. Each act locks the
settlement's row, so what was decided first stands.
"""

from dataclasses import dataclass
from datetime import datetime

from models import database
from models.audit.deeds import concerning
from models.errors import BadInput
from models.keys import StatementKeys
from models.settlement import statements
from models.settlement.drafting import HELD_BACK
from models.settlement.rules import (
    FourEyes,
    SettlementChanged,
    SettlementHeld,
    SettlementState,
    SettlementStateRefused,
    SettlementUnknown,
    checked_reason,
)
from models.settlement.summing import note_step, sum_up
from models.settlement.tables import (
    WITHOUT_STATEMENT,
    Settlement,
    SettlementDeduction,
    SettlementLine,
    SettlementStep,
)
from models.staff.powers import not_allowed
from models.staff.rules import Power, StaffSignedIn
from models.vouchers.campaigns import KeyReused, checked_key, may_for
from models.vouchers.tables import VoucherCampaign

MOST_DEDUCTED_FEN = 10**12
MOST_DEDUCTIONS = 50


async def deduct(
    *, clerk: StaffSignedIn, settlement_no: str, amount_fen: int, reason: str, idempotency_key: str, now: datetime
) -> None:
    """Takes something off while it is a draft. The same key is the same deduction.

    Raises NOT_ALLOWED, SETTLEMENT_UNKNOWN, SETTLEMENT_STATE, BAD_INPUT, IDEMPOTENCY_KEY_REUSED.
    """
    said, key = checked_reason(reason), checked_key(idempotency_key)
    if not 0 < amount_fen <= MOST_DEDUCTED_FEN:
        raise BadInput("扣减金额应大于零。", next_step="请重新填写金额。", field="amount")
    await _deduct(clerk, settlement_no, amount_fen, said, key, now)


async def drop(*, clerk: StaffSignedIn, settlement_no: str, reason: str, now: datetime) -> None:
    """Gives its entries free for another draft, with a reason, before it is approved. Again it is harmless.

    Raises NOT_ALLOWED, SETTLEMENT_UNKNOWN, SETTLEMENT_STATE, BAD_INPUT.
    """
    await _drop(clerk, settlement_no, checked_reason(reason), now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What somebody looked at before they decided, in fen. Of what is payable alone a debt that grew would not be told."""

    payable_fen: int
    carried_out_fen: int


async def propose(*, clerk: StaffSignedIn, settlement_no: str, seen: Seen, now: datetime) -> None:
    """The same person again is harmless.

    Raises NOT_ALLOWED, SETTLEMENT_UNKNOWN, SETTLEMENT_STATE, SETTLEMENT_CHANGED, SETTLEMENT_HELD.
    """
    await _propose(clerk, settlement_no, seen, now)


async def approve(
    *, clerk: StaffSignedIn, settlement_no: str, seen: Seen, keys: StatementKeys, now: datetime
) -> None:
    """Signs the statement; nothing of it changes any more. The same person again is harmless.

    Raises NOT_ALLOWED, SETTLEMENT_UNKNOWN, SETTLEMENT_STATE, SETTLEMENT_CHANGED, SETTLEMENT_HELD.
    """
    await _approve(clerk, settlement_no, seen, keys, now)


@database.operation
async def _deduct(
    clerk: StaffSignedIn, settlement_no: str, amount_fen: int, reason: str, key: str, now: datetime
) -> None:
    settlement = await locked(clerk, settlement_no, Power.PROPOSE_SETTLEMENT)
    known = await SettlementDeduction.get_or_none(settlement_id=settlement.id, request_key=key)
    if known is not None:
        if (known.staff_id, known.amount_fen, known.reason) != (clerk.staff_id, amount_fen, reason):
            raise KeyReused
        return
    await refuse_who_works_there(clerk, settlement.venue_id)
    if settlement.state != SettlementState.DRAFT:
        raise SettlementStateRefused(settlement.state, "只有草稿可以扣减；如需扣减，请作废后重新拟定。")
    if await SettlementDeduction.filter(settlement_id=settlement.id).count() >= MOST_DEDUCTIONS:
        raise BadInput(f"一张结算单最多扣减{MOST_DEDUCTIONS}笔。", next_step="请合并后扣减。", field="amount")
    await SettlementDeduction.create(
        settlement_id=settlement.id,
        amount_fen=amount_fen,
        reason=reason,
        staff_id=clerk.staff_id,
        request_key=key,
        deducted_at=now,
    )
    await sum_up(settlement)


@database.operation
async def _drop(clerk: StaffSignedIn, settlement_no: str, reason: str, now: datetime) -> None:
    settlement = await locked(clerk, settlement_no, Power.PROPOSE_SETTLEMENT, Power.APPROVE_SETTLEMENT)
    if settlement.state == SettlementState.DROPPED:
        return
    was = settlement.state
    if was not in (SettlementState.DRAFT, SettlementState.PROPOSED):
        raise SettlementStateRefused(was)
    await refuse_who_works_there(clerk, settlement.venue_id)
    await SettlementLine.filter(settlement_id=settlement.id).delete()
    settlement.state, settlement.carried_from_id = SettlementState.DROPPED, None
    await settlement.save(update_fields=["state", "carried_from_id"])
    await note_step(settlement, was, clerk.staff_id, reason=reason, now=now)


@database.operation
async def _propose(clerk: StaffSignedIn, settlement_no: str, seen: Seen, now: datetime) -> None:
    settlement = await locked(clerk, settlement_no, Power.PROPOSE_SETTLEMENT)
    if settlement.state == SettlementState.PROPOSED and settlement.proposed_by_id == clerk.staff_id:
        return
    if settlement.state != SettlementState.DRAFT:
        raise SettlementStateRefused(settlement.state)
    await _refuse_doubtful(clerk, settlement, seen)
    settlement.state, settlement.proposed_by_id = SettlementState.PROPOSED, clerk.staff_id
    await settlement.save(update_fields=["state", "proposed_by_id"])
    await note_step(settlement, SettlementState.DRAFT, clerk.staff_id, now=now)


@database.operation
async def _approve(
    clerk: StaffSignedIn, settlement_no: str, seen: Seen, keys: StatementKeys, now: datetime
) -> None:
    settlement = await locked(clerk, settlement_no, Power.APPROVE_SETTLEMENT)
    if settlement.state != SettlementState.PROPOSED and settlement.approved_by_id == clerk.staff_id:
        return
    if settlement.state != SettlementState.PROPOSED:
        raise SettlementStateRefused(settlement.state)
    await _refuse_own_hand(clerk, settlement)
    await _refuse_doubtful(clerk, settlement, seen)
    settlement.state, settlement.approved_by_id = SettlementState.APPROVED, clerk.staff_id
    settlement.approved_at = now
    await statements.sign(settlement, keys=keys, now=now)
    await settlement.save(
        update_fields=["state", "approved_by_id", "approved_at", "statement", "signature", "key_id"]
    )
    await note_step(settlement, SettlementState.PROPOSED, clerk.staff_id, now=now)


async def locked(clerk: StaffSignedIn, settlement_no: str, *powers: Power) -> Settlement:
    """Locked for the rest of the transaction. Whose money it is decides who may act on it: the campaign's region.
    Raises NOT_ALLOWED, SETTLEMENT_UNKNOWN."""
    if not any(clerk.has(power) for power in powers):
        raise not_allowed(powers[0])
    wanted = settlement_no.strip().upper()
    settlement = None
    if len(wanted) <= 32:
        found = Settlement.filter(settlement_no=wanted).only(*WITHOUT_STATEMENT)
        settlement = await found.select_for_update().first()
    if settlement is None:
        raise SettlementUnknown
    campaign = await VoucherCampaign.get(id=settlement.campaign_id)
    if not await may_for(clerk, campaign.region_key, *powers):
        raise SettlementUnknown
    concerning("SETTLEMENT", settlement.settlement_no)
    return settlement


async def refuse_who_works_there(clerk: StaffSignedIn, *venue_ids: int) -> None:
    """Raises NOT_ALLOWED for who has any role at one of the venues themselves."""
    works = await database.row(
        """SELECT id FROM staff_role
            WHERE staff_id = $1 AND ended_at IS NULL AND venue_id = ANY($2::bigint[]) LIMIT 1""",
        clerk.staff_id,
        list(venue_ids),
    )
    if works is not None:
        raise FourEyes("您在这个场馆任职，不能办理它的结算。")


async def _refuse_own_hand(clerk: StaffSignedIn, settlement: Settlement) -> None:
    had_a_hand = (
        settlement.proposed_by_id == clerk.staff_id
        or await SettlementStep.exists(settlement_id=settlement.id, staff_id=clerk.staff_id)
        or await SettlementDeduction.exists(settlement_id=settlement.id, staff_id=clerk.staff_id)
    )
    if had_a_hand:
        raise FourEyes("这张结算单是您拟定、扣减或提交的，不能由您审批。")


async def _refuse_doubtful(clerk: StaffSignedIn, settlement: Settlement, seen: Seen) -> None:
    """What is proposed and approved is what somebody saw, and nothing of it waits for somebody's judgement."""
    await refuse_who_works_there(clerk, settlement.venue_id)
    if Seen(payable_fen=settlement.payable_fen, carried_out_fen=settlement.carried_out_fen) != seen:
        raise SettlementChanged
    held = await database.row(
        f"""SELECT COUNT(*) AS held FROM settlement_line
              JOIN voucher_event ON voucher_event.id = settlement_line.entry_id
             WHERE settlement_line.settlement_id = $1 AND {HELD_BACK}""",
        settlement.id,
    )
    assert held is not None
    if held["held"]:
        raise SettlementHeld(int(held["held"]))
