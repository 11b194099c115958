"""Codes, bills, held uses and printed vouchers as they are shown."""

from datetime import datetime
from typing import Self

import strawberry

from models.codes.rules import STEPS_AHEAD
from models.vouchers.bills import BillVerdict
from models.vouchers.confirming import BillToConfirm
from models.vouchers.handing_out import PrintedVoucher
from models.vouchers.rules import RestWay
from models.vouchers.undoing import HeldUse
from plans.costs import ListSize
from resolvers import pictures
from resolvers.desk import Colour
from resolvers.errors import UserError, user_errors
from resolvers.orders import TimedCode
from resolvers.pictures import PICTURE
from resolvers.scalars import Fen
from resolvers.words import UseState

strawberry.enum(
    RestWay, name="BillRestWay", description="By what is paid at the desk what the voucher does not pay."
)


@strawberry.type(
    name="VoucherCodes",
    description="Codes for about ten minutes, counted from `serverNow` by elapsed time, never by the phone's clock. "
    "They are for a desk only, and open no door.",
)
class VoucherCodesType:
    server_now: datetime
    step_seconds: int
    codes: list[TimedCode] = strawberry.field(directives=[ListSize(assumed_size=STEPS_AHEAD + 1)])
    printed_code: str = strawberry.field(description="For paper: with an ID check, and held for review.")

    @strawberry.field(directives=[PICTURE], description="The printed code as QR, SVG text.")
    async def printed_svg(self) -> str:
        return await pictures.svg(self.printed_code)


@strawberry.type(
    name="BillVerdict",
    description="What the desk says of a voucher and a bill. `outcome` is WAITING, DONE, HELD, UNDONE or a refusal's code.",
)
class BillVerdictType:
    outcome: str
    colour: Colour
    headline: str
    detail: str
    next_step: str
    use_no: str | None = strawberry.field(description="The number of the write-off; null of a refusal.")
    bill: Fen
    off: Fen = strawberry.field(description="What the voucher pays of the bill.")
    rest: Fen = strawberry.field(description="What the customer still pays, by `restWay`.")
    rest_way: RestWay | None
    waits_until: datetime | None = strawberry.field(description="Until here the citizen can say yes or no.")

    @classmethod
    def of(cls, verdict: BillVerdict) -> Self:
        return cls(
            outcome=verdict.outcome,
            colour=Colour(verdict.colour),
            headline=verdict.headline,
            detail=verdict.detail,
            next_step=verdict.next_step,
            use_no=verdict.use_no or None,
            bill=Fen(verdict.bill_fen),
            off=Fen(verdict.off_fen),
            rest=Fen(verdict.rest_fen),
            rest_way=RestWay(verdict.rest_way) if verdict.rest_way else None,
            waits_until=verdict.waits_until,
        )


@strawberry.type(
    name="BillToConfirm", description="A bill at a desk that waits for my yes or no, or was held without it."
)
class BillToConfirmType:
    use_no: str
    voucher_id: strawberry.ID
    venue_name: str
    bill: Fen
    off: Fen
    asked_at: datetime
    confirm_until: datetime | None
    is_held: bool = strawberry.field(
        description="Written off already; a no is kept for whoever reviews the receipt, a yes ends the review."
    )

    @classmethod
    def of(cls, bill: BillToConfirm) -> Self:
        return cls(
            use_no=bill.use_no,
            voucher_id=strawberry.ID(bill.voucher_id),
            venue_name=bill.venue_name,
            bill=Fen(bill.bill_fen),
            off=Fen(bill.off_fen),
            asked_at=bill.asked_at,
            confirm_until=bill.confirm_until,
            is_held=bill.is_held,
        )


@strawberry.type(
    name="HeldUse",
    description="A voucher that was written off without its citizen's yes, for review by its receipt.",
)
class HeldUseType:
    use_no: str
    venue_id: strawberry.ID
    venue_name: str
    bill: Fen
    used: Fen
    receipt_no: str
    id_checked: bool
    used_at: datetime
    denied_at: datetime | None = strawberry.field(description="The citizen said since that it was not theirs.")
    redeemed_by: str

    @classmethod
    def of(cls, held: HeldUse) -> Self:
        return cls(
            use_no=held.use_no,
            venue_id=strawberry.ID(held.venue_id),
            venue_name=held.venue_name,
            bill=Fen(held.bill_fen),
            used=Fen(held.used_fen),
            receipt_no=held.receipt_no,
            id_checked=held.id_checked,
            used_at=held.used_at,
            denied_at=held.denied_at,
            redeemed_by=held.redeemed_by,
        )


@strawberry.type(description="A write-off of a colleague's that a supervisor can still take back.")
class UndoableUse:
    use_no: str
    bill: Fen
    used: Fen
    used_at: datetime
    redeemed_by: str


@strawberry.type(name="PrintedVoucher", description="A voucher for paper. A desk takes it with the ID card.")
class PrintedVoucherType:
    id: strawberry.ID
    campaign_title: str
    kind_title: str
    face: Fen
    minimum_spend: Fen
    valid_from: datetime
    valid_until: datetime
    printed_code: str

    @strawberry.field(directives=[PICTURE], description="The printed code as QR, SVG text.")
    async def printed_svg(self) -> str:
        return await pictures.svg(self.printed_code)

    @classmethod
    def of(cls, printed: PrintedVoucher) -> Self:
        return cls(
            id=strawberry.ID(printed.public_id),
            campaign_title=printed.campaign_title,
            kind_title=printed.kind_title,
            face=Fen(printed.face_fen),
            minimum_spend=Fen(printed.minimum_spend_fen),
            valid_from=printed.valid_from,
            valid_until=printed.valid_until,
            printed_code=printed.printed_code,
        )


@strawberry.type
class BillPayload:
    verdict: BillVerdictType | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class ConfirmBillPayload:
    state: UseState | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class HandOutVoucherPayload:
    voucher: PrintedVoucherType | None = None
    user_errors: list[UserError] = user_errors()
