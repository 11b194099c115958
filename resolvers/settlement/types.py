"""Settlements and what hangs on them, as staff see them."""

from datetime import date, datetime
from typing import Self

import strawberry
from strawberry.relay import PageInfo

from models.settlement.accounts import AccountView
from models.settlement.deciding import MOST_DEDUCTIONS
from models.settlement.queries import STEPS_SHOWN
from models.settlement.rules import AccountState, SettlementState
from models.settlement.views import BatchView, Line, Paid, SettlementView, WholeSettlement
from models.vouchers.rules import EventKind
from plans.costs import ListSize
from resolvers.scalars import Fen
from resolvers.words import UseWay

strawberry.enum(
    SettlementState,
    name="SettlementState",
    description="APPROVED: signed, nothing of it changes. IN_PAYOUT: in a file for the bank. PAID: its receipt is there.",
)
strawberry.enum(AccountState, name="VenueAccountState", description="Only an APPROVED one is paid into.")
strawberry.enum(
    EventKind,
    name="VoucherEntryKind",
    description="USED adds, TAKEN_BACK takes away, CONFLICT is paid from the programme's reserve.",
)


@strawberry.type(
    description="What makes up a settlement. `venueShare`: the part of the rest that the venue bears."
)
class SettlementSums:
    used: Fen
    taken_back: Fen
    conflict: Fen
    venue_share: Fen
    deducted: Fen
    carried_in: Fen = strawberry.field(description="What the venue owed from an earlier one.")
    payable: Fen
    carried_out: Fen = strawberry.field(description="What the venue owes: off its next one, or paid back.")


@strawberry.type(description="What a campaign owes one venue for a period.")
class Settlement:
    settlement_no: str
    campaign_id: strawberry.ID
    campaign_title: str
    venue_id: strawberry.ID
    venue_name: str
    from_day: date
    until_day: date = strawberry.field(description="The last one; both in Shanghai.")
    state: SettlementState
    sums: SettlementSums
    batch_no: str | None = strawberry.field(description="The batch in which it is, or was paid.")
    statement_url: str | None = strawberry.field(
        description="Where its signed statement is, for the same `Authorization`; null: not approved yet."
    )
    drafted_at: datetime
    approved_at: datetime | None

    @classmethod
    def of(cls, view: SettlementView) -> Self:
        sums = view.sums
        return cls(
            settlement_no=view.settlement_no,
            campaign_id=strawberry.ID(view.campaign_id),
            campaign_title=view.campaign_title,
            venue_id=strawberry.ID(view.venue_id),
            venue_name=view.venue_name,
            from_day=view.from_day,
            until_day=view.until_day,
            state=view.state,
            sums=SettlementSums(
                used=Fen(sums.used),
                taken_back=Fen(sums.taken_back),
                conflict=Fen(sums.conflict),
                venue_share=Fen(sums.venue_share),
                deducted=Fen(sums.deducted),
                carried_in=Fen(sums.carried_in),
                payable=Fen(view.payable_fen),
                carried_out=Fen(view.carried_out_fen),
            ),
            batch_no=view.batch_no or None,
            statement_url=f"/settlements/{view.settlement_no}/statement" if view.key_id else None,
            drafted_at=view.drafted_at,
            approved_at=view.approved_at,
        )


@strawberry.type(description="Who moved a settlement, and why.")
class SettlementStep:
    from_state: SettlementState | None = strawberry.field(description="Null: it was drafted.")
    to_state: SettlementState
    by: str
    reason: str
    happened_at: datetime


@strawberry.type(description="Taken off by a person.")
class SettlementDeduction:
    amount: Fen
    reason: str
    by: str
    deducted_at: datetime


@strawberry.type(description="What was really paid (补贴款下发记录), as the bank's receipt says.")
class PaymentRecord:
    amount: Fen
    is_repayment: bool = strawberry.field(description="True: by the venue, to the programme.")
    paid_on: date
    bank_reference: str
    receipt_sha256: str
    by: str
    recorded_at: datetime

    @classmethod
    def of(cls, paid: Paid) -> Self:
        return cls(
            amount=Fen(paid.amount_fen),
            is_repayment=paid.is_repayment,
            paid_on=paid.paid_on,
            bank_reference=paid.bank_reference,
            receipt_sha256=paid.receipt_sha256,
            by=paid.by,
            recorded_at=paid.recorded_at,
        )


@strawberry.type(description="A settlement with what hangs on it.")
class SettlementDetail:
    settlement: Settlement
    carried_from: str | None = strawberry.field(description="The number of the one whose debt it carries.")
    steps: list[SettlementStep] = strawberry.field(
        description="The latest first.", directives=[ListSize(assumed_size=STEPS_SHOWN)]
    )
    deductions: list[SettlementDeduction] = strawberry.field(directives=[ListSize(assumed_size=MOST_DEDUCTIONS)])
    paid: PaymentRecord | None

    @classmethod
    def of(cls, whole: WholeSettlement) -> Self:
        return cls(
            settlement=Settlement.of(whole.settlement),
            carried_from=whole.carried_from_no or None,
            steps=[
                SettlementStep(
                    from_state=step.from_state,
                    to_state=step.to_state,
                    by=step.by,
                    reason=step.reason,
                    happened_at=step.happened_at,
                )
                for step in whole.steps
            ],
            deductions=[
                SettlementDeduction(
                    amount=Fen(each.amount_fen), reason=each.reason, by=each.by, deducted_at=each.deducted_at
                )
                for each in whole.deductions
            ],
            paid=PaymentRecord.of(whole.paid) if whole.paid else None,
        )


@strawberry.type(
    description="One entry of the books, and the redemption from which it comes. Never who the citizen was."
)
class SettlementLine:
    kind: EventKind
    amount: Fen
    venue_share: Fen
    owed: Fen = strawberry.field(description="What it is worth to the venue; below zero when taken back.")
    happened_at: datetime
    use_no: str
    used_at: datetime
    way: UseWay
    bill: Fen
    face_value: Fen
    clerk: str | None

    @classmethod
    def of(cls, line: Line) -> Self:
        return cls(
            kind=line.kind,
            amount=Fen(line.amount_fen),
            venue_share=Fen(line.venue_share_fen),
            owed=Fen(line.owed_fen),
            happened_at=line.happened_at,
            use_no=line.use_no,
            used_at=line.used_at,
            way=line.way,
            bill=Fen(line.bill_fen),
            face_value=Fen(line.face_fen),
            clerk=line.clerk or None,
        )


@strawberry.type(description="Where a venue's money goes, masked.")
class VenueAccount:
    id: strawberry.ID
    venue_id: strawberry.ID
    state: AccountState
    holder: str
    bank: str
    last_four: str
    entered_by: str
    entered_at: datetime
    approved_by: str | None
    approved_at: datetime | None

    @classmethod
    def of(cls, view: AccountView) -> Self:
        return cls(
            id=strawberry.ID(view.public_id),
            venue_id=strawberry.ID(view.venue_id),
            state=view.state,
            holder=view.holder_hint,
            bank=view.bank,
            last_four=view.last_four,
            entered_by=view.entered_by,
            entered_at=view.entered_at,
            approved_by=view.approved_by or None,
            approved_at=view.approved_at,
        )


@strawberry.type(description="One file for the bank. It is at `fileUrl`, for the same `Authorization`.")
class PayoutBatch:
    batch_no: str
    campaign_id: strawberry.ID
    campaign_title: str
    payouts: int
    paid: int = strawberry.field(description="Of these, with a receipt.")
    failed: int
    total: Fen
    file_sha256: str
    file_url: str
    made_by: str
    made_at: datetime

    @classmethod
    def of(cls, view: BatchView) -> Self:
        return cls(
            batch_no=view.batch_no,
            campaign_id=strawberry.ID(view.campaign_id),
            campaign_title=view.campaign_title,
            payouts=view.payouts,
            paid=view.paid,
            failed=view.failed,
            total=Fen(view.total_fen),
            file_sha256=view.file_sha256,
            file_url=f"/payouts/{view.batch_no}",
            made_by=view.made_by,
            made_at=view.made_at,
        )


@strawberry.type
class SettlementEdge:
    node: Settlement
    cursor: str


@strawberry.type
class SettlementConnection:
    edges: list[SettlementEdge]
    page_info: PageInfo


@strawberry.type
class SettlementLineEdge:
    node: SettlementLine
    cursor: str


@strawberry.type
class SettlementLineConnection:
    edges: list[SettlementLineEdge]
    page_info: PageInfo


@strawberry.type
class PayoutBatchEdge:
    node: PayoutBatch
    cursor: str


@strawberry.type
class PayoutBatchConnection:
    edges: list[PayoutBatchEdge]
    page_info: PageInfo
