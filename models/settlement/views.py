"""What answers show of settlements, lines and batches, and how it is read from rows of hot SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from models import database
from models.settlement.rules import SettlementState, Sums, owed_fen
from models.vouchers.rules import EventKind, UseWay

PAGE_OF_LINES = """(SELECT settlement_line.id, settlement_line.entry_id FROM settlement_line
          WHERE settlement_line.settlement_id = $1 AND settlement_line.id > $2
          ORDER BY settlement_line.id LIMIT $3) line"""
"""Cut before anything is joined to it. Right after a large draft PostgreSQL has no statistics of its lines, believes in some
dozens, and would otherwise join and sort all of them for each page: 20 s for 110,000, where this takes one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Who moved it, and why; `from_state` empty: it was drafted."""

    from_state: SettlementState | None
    to_state: SettlementState
    by: str
    reason: str
    happened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Deduction:
    amount_fen: int
    reason: str
    by: str
    deducted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """What was really paid, as the bank's receipt says; `is_repayment`: by the venue, to the programme."""

    amount_fen: int
    is_repayment: bool
    paid_on: date
    bank_reference: str
    receipt_sha256: str
    by: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementView:
    """A settlement as lists show it."""

    id: int
    settlement_no: str
    campaign_id: str
    campaign_title: str
    venue_id: str
    venue_name: str
    from_day: date
    until_day: date
    state: SettlementState
    sums: Sums
    payable_fen: int
    carried_out_fen: int
    key_id: str
    batch_no: str
    drafted_at: datetime
    approved_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeSettlement:
    """With what hangs on it."""

    settlement: SettlementView
    carried_from_no: str
    steps: Sequence[Step]
    deductions: Sequence[Deduction]
    paid: Paid | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One entry of the books, and the redemption it comes from."""

    id: int
    kind: EventKind
    amount_fen: int
    venue_share_fen: int
    owed_fen: int
    happened_at: datetime
    use_no: str
    used_at: datetime
    way: UseWay
    bill_fen: int
    face_fen: int
    clerk: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchView:
    """A file for the bank, and what became of its payouts."""

    id: int
    batch_no: str
    campaign_id: str
    campaign_title: str
    payouts: int
    paid: int
    failed: int
    total_fen: int
    file_sha256: str
    made_by: str
    made_at: datetime


def line_of(row: Any) -> Line:
    kind, amount, share = EventKind(row["kind"]), int(row["amount_fen"]), int(row["venue_share_fen"])
    return Line(
        id=row["id"],
        kind=kind,
        amount_fen=amount,
        venue_share_fen=share,
        owed_fen=owed_fen(kind, amount, share),
        happened_at=database.utc(row["happened_at"]),
        use_no=row["use_no"],
        used_at=database.utc(row["used_at"]),
        way=UseWay(row["way"]),
        bill_fen=int(row["bill_fen"]),
        face_fen=int(row["face_fen"]),
        clerk=row["display_name"] or "",
    )


def view_of(row: Any) -> SettlementView:
    return SettlementView(
        id=row["id"],
        settlement_no=row["settlement_no"],
        campaign_id=row["campaign_public_id"],
        campaign_title=row["title"],
        venue_id=row["venue_public_id"],
        venue_name=row["venue_name"],
        from_day=database.day(row["from_day"]),
        until_day=database.day(row["until_day"]),
        state=SettlementState(row["state"]),
        sums=Sums(
            used=int(row["used_fen"]),
            taken_back=int(row["taken_back_fen"]),
            conflict=int(row["conflict_fen"]),
            venue_share=int(row["venue_share_fen"]),
            deducted=int(row["deducted_fen"]),
            carried_in=int(row["carried_in_fen"]),
        ),
        payable_fen=int(row["payable_fen"]),
        carried_out_fen=int(row["carried_out_fen"]),
        key_id=row["key_id"],
        batch_no=row["batch_no"] or "",
        drafted_at=database.utc(row["drafted_at"]),
        approved_at=row["approved_at"] and database.utc(row["approved_at"]),
    )


def batch_of(row: Any) -> BatchView:
    return BatchView(
        id=row["id"],
        batch_no=row["batch_no"],
        campaign_id=row["campaign_public_id"],
        campaign_title=row["title"],
        payouts=row["payout_count"],
        paid=int(row["paid"]),
        failed=int(row["failed"]),
        total_fen=int(row["total_fen"]),
        file_sha256=row["file_sha256"],
        made_by=row["display_name"],
        made_at=database.utc(row["made_at"]),
    )
