"""Sending the money: a file for the bank, what it could not send, and the record of what was really paid.

A settlement is paid once: one live payout, one payment record, one bank reference, each under a unique constraint.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from models import database
from models.audit.deeds import concerning
from models.calendar import business_day
from models.errors import DomainError, ErrorCode
from models.ids import new_no
from models.keys import SealingKeys
from models.settlement.accounts import opened
from models.settlement.banking import PayoutRow, checked_reference, payout_file
from models.settlement.deciding import locked, refuse_who_works_there
from models.settlement.receipts import receipt_to_attach, sha256_of
from models.settlement.rules import (
    AccountState,
    PaymentRefused,
    PayoutState,
    SettlementState,
    SettlementStateRefused,
    checked_reason,
)
from models.settlement.summing import note_step, step_of
from models.settlement.tables import (
    WITHOUT_STATEMENT,
    PaymentRecord,
    Payout,
    PayoutBatch,
    Settlement,
    SettlementStep,
    VenueAccount,
)
from models.staff.powers import not_allowed
from models.staff.rules import Power, StaffSignedIn
from models.vouchers.campaigns import CampaignUnknown, KeyReused, campaign_called, checked_key, may_for
from models.vouchers.tables import VoucherCampaign

MOST_PAYOUTS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFile:
    """What the bank gets. `content` holds account numbers in full."""

    batch_no: str
    content: bytes
    sha256: str


async def make_payout(
    *, clerk: StaffSignedIn, campaign_id: str, idempotency_key: str, keys: SealingKeys, now: datetime
) -> str:
    """Everything of the campaign that is approved, payable, and has an account, in one batch; gives its number. The
    same key is the same batch. Raises NOT_ALLOWED, CAMPAIGN_UNKNOWN, NOTHING_TO_PAY, IDEMPOTENCY_KEY_REUSED."""
    if not clerk.has(Power.PAY_OUT):
        raise not_allowed(Power.PAY_OUT)
    campaign = await campaign_called(campaign_id)
    if campaign is None or not await may_for(clerk, campaign.region_key, Power.PAY_OUT):
        raise CampaignUnknown
    concerning("CAMPAIGN", campaign_id)
    return await _make(clerk, campaign, checked_key(idempotency_key), keys, now)


@database.operation
async def _make(
    clerk: StaffSignedIn, campaign: VoucherCampaign, key: str, keys: SealingKeys, now: datetime
) -> str:
    await database.alone_with(f"payout of {campaign.id}")
    known = await PayoutBatch.get_or_none(campaign_id=campaign.id, request_key=key)
    if known is not None:
        if known.made_by_id != clerk.staff_id:
            raise KeyReused
        return known.batch_no
    due = await _due(campaign.id)
    await refuse_who_works_there(clerk, *(settlement.venue_id for settlement, _ in due))
    batch_no = new_no("B", now)
    rows = [_row(settlement.settlement_no, account, settlement.payable_fen, keys) for settlement, account in due]
    batch = await PayoutBatch.create(
        batch_no=batch_no,
        campaign_id=campaign.id,
        payout_count=len(due),
        total_fen=sum(row.amount_fen for row in rows),
        file_sha256=sha256_of(payout_file(batch_no, rows)),
        made_by_id=clerk.staff_id,
        request_key=key,
        made_at=now,
    )
    await _send(batch, due, clerk.staff_id, now)
    concerning("PAYOUT_BATCH", batch_no, detail=f"{len(due)} payouts, {batch.total_fen} fen")
    return batch_no


async def _send(
    batch: PayoutBatch, due: Sequence[tuple[Settlement, VenueAccount]], staff_id: int, now: datetime
) -> None:
    """All of a batch, in as many statements as one."""
    settlement_ids = [settlement.id for settlement, _ in due]
    earlier = Counter(
        await Payout.filter(settlement_id__in=settlement_ids).values_list("settlement_id", flat=True)
    )
    await Payout.bulk_create(
        [
            Payout(
                batch_id=batch.id,
                settlement_id=settlement.id,
                attempt=1 + earlier[settlement.id],
                account_id=account.id,
                amount_fen=settlement.payable_fen,
                state=PayoutState.SENT,
            )
            for settlement, account in due
        ]
    )
    await Settlement.filter(id__in=settlement_ids).update(state=SettlementState.IN_PAYOUT)
    steps = []
    for settlement, _ in due:
        was, settlement.state = settlement.state, SettlementState.IN_PAYOUT
        steps.append(step_of(settlement, was, staff_id, reason=batch.batch_no, now=now))
    await SettlementStep.bulk_create(steps)


async def _due(campaign_id: int) -> Sequence[tuple[Settlement, VenueAccount]]:
    """Locked, in the order in which they are paid. Raises NOTHING_TO_PAY."""
    settlements = (
        await Settlement.filter(campaign_id=campaign_id, state=SettlementState.APPROVED, payable_fen__gt=0)
        .only(*WITHOUT_STATEMENT)
        .order_by("id")
        .select_for_update()
    )
    venues = {settlement.venue_id for settlement in settlements}
    accounts = {
        account.venue_id: account
        for account in await VenueAccount.filter(venue_id__in=[*venues, 0], state=AccountState.APPROVED)
    }
    due = [(each, accounts[each.venue_id]) for each in settlements if each.venue_id in accounts]
    if not due:
        raise DomainError(
            "没有可以付款的结算单。" if not settlements else "这些场馆还没有复核过的收款账户。",
            code=ErrorCode.NOTHING_TO_PAY,
            next_step="请先完成审批，并登记、复核收款账户。",
            field="campaignId",
        )
    return due[:MOST_PAYOUTS]


async def batch_file(*, clerk: StaffSignedIn, batch_no: str, keys: SealingKeys) -> BatchFile:
    """The file of a batch, written anew: the same bytes each time, as its hash says. Raises NOT_ALLOWED,
    SETTLEMENT_UNKNOWN."""
    batch = await batch_in_reach(clerk, batch_no)
    concerning("PAYOUT_BATCH", batch.batch_no, reading=True)
    payouts = await Payout.filter(batch_id=batch.id).order_by("id").prefetch_related("account")
    numbers = dict(
        await Settlement.filter(id__in=[payout.settlement_id for payout in payouts]).values_list(
            "id", "settlement_no"
        )
    )
    rows = [_row(numbers[payout.settlement_id], payout.account, payout.amount_fen, keys) for payout in payouts]
    content = payout_file(batch.batch_no, rows)
    sha256 = sha256_of(content)
    if sha256 != batch.file_sha256:
        raise RuntimeError(f"the file of {batch.batch_no} is not what it was when the batch was made")
    return BatchFile(batch_no=batch.batch_no, content=content, sha256=sha256)


async def batch_in_reach(clerk: StaffSignedIn, batch_no: str) -> PayoutBatch:
    """For who pays out for the campaign's region. Raises NOT_ALLOWED, NOTHING_TO_PAY for one that is not in reach."""
    if not clerk.has(Power.PAY_OUT):
        raise not_allowed(Power.PAY_OUT)
    wanted = batch_no.strip().upper()
    batch = await PayoutBatch.get_or_none(batch_no=wanted) if len(wanted) <= 32 else None
    if batch is not None:
        campaign = await VoucherCampaign.get(id=batch.campaign_id)
        if await may_for(clerk, campaign.region_key, Power.PAY_OUT):
            return batch
    raise DomainError(
        "没有找到这个付款批次。", code=ErrorCode.NOTHING_TO_PAY, next_step="请核对批次号。", field="batchNo"
    )


def _row(settlement_no: str, account: VenueAccount, amount_fen: int, keys: SealingKeys) -> PayoutRow:
    return PayoutRow(settlement_no=settlement_no, account=opened(account, keys), amount_fen=amount_fen)


async def fail_payout(*, clerk: StaffSignedIn, settlement_no: str, reason: str, now: datetime) -> None:
    """The bank sent it back: it is approved as before, and goes into another batch, to the account that counts then.
    Again it is harmless. Raises NOT_ALLOWED, SETTLEMENT_UNKNOWN, SETTLEMENT_STATE, BAD_INPUT."""
    await _fail(clerk, settlement_no, checked_reason(reason), now)


@database.operation
async def _fail(clerk: StaffSignedIn, settlement_no: str, reason: str, now: datetime) -> None:
    settlement = await locked(clerk, settlement_no, Power.PAY_OUT)
    payout = await Payout.filter(settlement_id=settlement.id).order_by("-attempt").first()
    if settlement.state == SettlementState.APPROVED and payout is not None and payout.failure == reason:
        return
    if settlement.state != SettlementState.IN_PAYOUT or payout is None:
        raise SettlementStateRefused(settlement.state)
    payout.state, payout.failure = PayoutState.FAILED, reason
    payout.failed_by_id, payout.ended_at = clerk.staff_id, now
    await payout.save(update_fields=["state", "failure", "failed_by_id", "ended_at"])
    await _move(settlement, SettlementState.APPROVED, clerk.staff_id, reason=reason, now=now)


async def record_payment(
    *,
    clerk: StaffSignedIn,
    settlement_no: str,
    amount_fen: int,
    paid_on: date,
    bank_reference: str,
    receipt_sha256: str,
    now: datetime,
) -> None:
    """补贴款下发记录: the bank paid this settlement, as its receipt says; or the venue paid back what it owed. The same
    again is harmless.

    Raises NOT_ALLOWED, SETTLEMENT_UNKNOWN, SETTLEMENT_STATE, BAD_INPUT, RECEIPT_REFUSED for a receipt that the clerk has
    not uploaded or that proves another payment, PAYMENT_RECORD_REFUSED for another amount, a day that cannot be, or a
    bank reference that was recorded.
    """
    reference = checked_reference(bank_reference)
    await _record(clerk, settlement_no, amount_fen, paid_on, reference, receipt_sha256, now)


@database.operation
async def _record(
    clerk: StaffSignedIn,
    settlement_no: str,
    amount_fen: int,
    paid_on: date,
    reference: str,
    receipt_sha256: str,
    now: datetime,
) -> None:
    settlement = await locked(clerk, settlement_no, Power.PAY_OUT)
    known = await PaymentRecord.get_or_none(settlement_id=settlement.id)
    if known is not None and (known.bank_reference, int(known.amount_fen)) == (reference, amount_fen):
        return
    await refuse_who_works_there(clerk, settlement.venue_id)
    payout = await Payout.get_or_none(settlement_id=settlement.id, state=PayoutState.SENT)
    expected_fen, since = await _expected(settlement, payout)
    if amount_fen != expected_fen:
        raise PaymentRefused("金额与应付的不一致。", next_step="请对照回单核对金额。", field="amount")
    if not business_day(since) <= paid_on <= business_day(now):
        raise PaymentRefused("付款日期不对。", next_step="请按回单填写，不早于审批，不晚于今天。", field="paidOn")
    await database.alone_with(f"bank reference {reference}")
    if await PaymentRecord.exists(bank_reference=reference):
        raise PaymentRefused("这个银行流水号已经登记过。", next_step="请核对回单。", field="bankReference")
    await database.alone_with(f"receipts of {clerk.staff_id}")
    receipt = await receipt_to_attach(clerk, receipt_sha256)
    await PaymentRecord.create(
        settlement_id=settlement.id,
        payout_id=None if payout is None else payout.id,
        is_repayment=payout is None,
        amount_fen=amount_fen,
        paid_on=paid_on,
        bank_reference=reference,
        receipt_id=receipt.id,
        recorded_by_id=clerk.staff_id,
        recorded_at=now,
    )
    if payout is not None:
        payout.state, payout.ended_at = PayoutState.PAID, now
        await payout.save(update_fields=["state", "ended_at"])
    await _move(settlement, SettlementState.PAID, clerk.staff_id, reason=reference, now=now)


async def _expected(settlement: Settlement, payout: Payout | None) -> tuple[int, datetime]:
    """How much, and not before when: out of a live payout, or back from a venue that owes it still."""
    if settlement.state == SettlementState.IN_PAYOUT and payout is not None:
        batch = await PayoutBatch.get(id=payout.batch_id)
        return int(payout.amount_fen), batch.made_at
    is_owed = settlement.state == SettlementState.APPROVED and settlement.carried_out_fen > 0
    if is_owed and not await Settlement.exists(carried_from_id=settlement.id):
        assert settlement.approved_at is not None
        return int(settlement.carried_out_fen), settlement.approved_at
    raise SettlementStateRefused(settlement.state)


async def _move(
    settlement: Settlement, to_state: SettlementState, staff_id: int, *, reason: str, now: datetime
) -> None:
    was, settlement.state = settlement.state, to_state
    await settlement.save(update_fields=["state"])
    await note_step(settlement, was, staff_id, reason=reason, now=now)
