"""What may be seen of settlements: a venue's finance sees its own, an office what lies in its regions.

Each figure leads to its lines, and each line to its redemption: number, time, bill, face value, clerk, way. Nothing
here says who the citizen was.
"""

from collections.abc import Sequence
from typing import Any

from models import database
from models.audit.deeds import concerning
from models.settlement.deciding import MOST_DEDUCTIONS
from models.settlement.rules import SettlementState, SettlementUnknown
from models.settlement.tables import WITHOUT_STATEMENT
from models.settlement.views import (
    PAGE_OF_LINES,
    BatchView,
    Deduction,
    Line,
    Paid,
    SettlementView,
    Step,
    WholeSettlement,
    batch_of,
    line_of,
    view_of,
)
from models.staff.powers import not_allowed, regions_where, venues_where
from models.staff.rules import Power, StaffSignedIn

STEPS_SHOWN = 20

_VIEW = f"""
SELECT {", ".join(f"settlement.{column}" for column in WITHOUT_STATEMENT)}, voucher_campaign.public_id AS campaign_public_id, voucher_campaign.title,
       venue.public_id AS venue_public_id, venue.name AS venue_name,
       (SELECT payout_batch.batch_no FROM payout JOIN payout_batch ON payout_batch.id = payout.batch_id
         WHERE payout.settlement_id = settlement.id AND payout.state <> 'FAILED') AS batch_no
  FROM settlement JOIN venue ON venue.id = settlement.venue_id
       JOIN voucher_campaign ON voucher_campaign.id = settlement.campaign_id"""


async def settlements(
    *,
    clerk: StaffSignedIn,
    campaign_id: str | None,
    venue_id: str | None,
    state: SettlementState | None,
    first: int,
    before_id: int | None,
) -> Sequence[SettlementView]:
    """Those that this person may read, the latest first; one more than asked tells whether there are further ones.
    Raises NOT_ALLOWED for who may read none."""
    _demand(clerk)
    where = venues_where(Power.READ_SETTLEMENT)
    values: list[Any] = [clerk.staff_id, before_id or 2**62, first + 1]
    for column, wanted in (
        ("voucher_campaign.public_id", campaign_id),
        ("venue.public_id", venue_id),
        ("settlement.state", state),
    ):
        if wanted is not None:
            values.append(wanted)
            where += f" AND {column} = ${len(values)}"
    found = await database.rows(
        f"{_VIEW} WHERE {where} AND settlement.id < $2 ORDER BY settlement.id DESC LIMIT $3", *values
    )
    return [view_of(row) for row in found]


async def settlement(*, clerk: StaffSignedIn, settlement_no: str) -> WholeSettlement:
    """Raises NOT_ALLOWED, SETTLEMENT_UNKNOWN."""
    row = await in_reach(clerk, settlement_no)
    steps = await database.rows(
        """SELECT settlement_step.*, staff_member.display_name
             FROM settlement_step JOIN staff_member ON staff_member.id = settlement_step.staff_id
            WHERE settlement_step.settlement_id = $1 ORDER BY settlement_step.id DESC LIMIT $2""",
        row["id"],
        STEPS_SHOWN,
    )
    deductions = await database.rows(
        """SELECT settlement_deduction.*, staff_member.display_name
             FROM settlement_deduction JOIN staff_member ON staff_member.id = settlement_deduction.staff_id
            WHERE settlement_deduction.settlement_id = $1 ORDER BY settlement_deduction.id LIMIT $2""",
        row["id"],
        MOST_DEDUCTIONS,
    )
    return WholeSettlement(
        settlement=view_of(row),
        carried_from_no=await _no_of(row["carried_from_id"]),
        steps=[
            Step(
                from_state=SettlementState(step["from_state"]) if step["from_state"] else None,
                to_state=SettlementState(step["to_state"]),
                by=step["display_name"],
                reason=step["reason"],
                happened_at=database.utc(step["happened_at"]),
            )
            for step in steps
        ],
        deductions=[
            Deduction(
                amount_fen=int(each["amount_fen"]),
                reason=each["reason"],
                by=each["display_name"],
                deducted_at=database.utc(each["deducted_at"]),
            )
            for each in deductions
        ],
        paid=await _paid(row["id"]),
    )


async def settlement_lines(
    *, clerk: StaffSignedIn, settlement_no: str, first: int, after_id: int | None
) -> Sequence[Line]:
    """In the order of the books; one more than asked. Raises NOT_ALLOWED, SETTLEMENT_UNKNOWN."""
    row = await in_reach(clerk, settlement_no)
    return await lines_of(row["id"], first + 1, after_id or 0)


async def lines_of(settlement_id: int, limit: int, after_id: int) -> Sequence[Line]:
    found = await database.rows(
        f"""SELECT line.id, voucher_event.kind, voucher_event.amount_fen, voucher_event.venue_share_fen,
                  voucher_event.happened_at, voucher_use.use_no, voucher_use.used_at, voucher_use.way,
                  voucher_use.bill_fen, voucher.face_fen, staff_member.display_name
             FROM {PAGE_OF_LINES} JOIN voucher_event ON voucher_event.id = line.entry_id
                  JOIN voucher_use ON voucher_use.id = voucher_event.use_id
                  JOIN voucher ON voucher.id = voucher_use.voucher_id
                  LEFT JOIN staff_member ON staff_member.id = voucher_use.staff_id
            ORDER BY line.id""",
        settlement_id,
        after_id,
        limit,
    )
    return [line_of(row) for row in found]


def _demand(clerk: StaffSignedIn) -> None:
    if not clerk.has(Power.READ_SETTLEMENT):
        raise not_allowed(Power.READ_SETTLEMENT)


async def in_reach(clerk: StaffSignedIn, settlement_no: str) -> Any:
    _demand(clerk)
    found = await database.row(
        f"{_VIEW} WHERE settlement.settlement_no = $2 AND {venues_where(Power.READ_SETTLEMENT)}",
        clerk.staff_id,
        settlement_no.strip().upper(),
    )
    if found is None:
        raise SettlementUnknown
    concerning("SETTLEMENT", found["settlement_no"], venue_id=found["venue_public_id"], reading=True)
    return found


async def _no_of(settlement_id: int | None) -> str:
    if settlement_id is None:
        return ""
    found = await database.row("SELECT settlement_no FROM settlement WHERE id = $1", settlement_id)
    assert found is not None
    return str(found["settlement_no"])


async def _paid(settlement_id: int) -> Paid | None:
    row = await database.row(
        """SELECT payment_record.*, payment_receipt.sha256, staff_member.display_name
             FROM payment_record JOIN payment_receipt ON payment_receipt.id = payment_record.receipt_id
                  JOIN staff_member ON staff_member.id = payment_record.recorded_by_id
            WHERE payment_record.settlement_id = $1""",
        settlement_id,
    )
    if row is None:
        return None
    return Paid(
        amount_fen=int(row["amount_fen"]),
        is_repayment=bool(row["is_repayment"]),
        paid_on=database.day(row["paid_on"]),
        bank_reference=row["bank_reference"],
        receipt_sha256=row["sha256"],
        by=row["display_name"],
        recorded_at=database.utc(row["recorded_at"]),
    )


_BATCHES = f"""
SELECT payout_batch.*, voucher_campaign.public_id AS campaign_public_id, voucher_campaign.title,
       staff_member.display_name,
       (SELECT COUNT(*) FROM payout WHERE payout.batch_id = payout_batch.id AND payout.state = 'PAID') AS paid,
       (SELECT COUNT(*) FROM payout WHERE payout.batch_id = payout_batch.id AND payout.state = 'FAILED') AS failed
  FROM payout_batch JOIN voucher_campaign ON voucher_campaign.id = payout_batch.campaign_id
       JOIN staff_member ON staff_member.id = payout_batch.made_by_id
 WHERE {regions_where(Power.PAY_OUT, region="voucher_campaign.region_key")}"""


async def payout_batches(*, clerk: StaffSignedIn, first: int, before_id: int | None) -> Sequence[BatchView]:
    """Of campaigns in whose region this person pays out, the latest first; one more than asked. Raises NOT_ALLOWED."""
    if not clerk.has(Power.PAY_OUT):
        raise not_allowed(Power.PAY_OUT)
    found = await database.rows(
        f"{_BATCHES} AND payout_batch.id < $2 ORDER BY payout_batch.id DESC LIMIT $3",
        clerk.staff_id,
        before_id or 2**62,
        first + 1,
    )
    return [batch_of(row) for row in found]


async def payout_batch(*, clerk: StaffSignedIn, batch_no: str) -> BatchView:
    """One that this person has made."""
    found = await database.row(f"{_BATCHES} AND payout_batch.batch_no = $2", clerk.staff_id, batch_no)
    assert found is not None
    return batch_of(found)
