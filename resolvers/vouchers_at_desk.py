"""A voucher at a venue's desk: scanned with a bill, confirmed on the citizen's phone, held, taken back, reviewed; and
handed out to somebody without a phone."""

from datetime import datetime
from typing import Self

import strawberry

from models.codes.rules import STEP_SECONDS, STEPS_AHEAD
from models.vouchers import at_desk, codes, confirming, handing_out, undoing
from models.vouchers.bills import Bill, BillVerdict
from models.vouchers.confirming import MOST_BILLS, BillToConfirm
from models.vouchers.handing_out import MOST_VOUCHERS, PrintedVoucher
from models.vouchers.rules import RestWay, UseState
from models.vouchers.undoing import MOST_HELD, MOST_UNDOABLE, HeldUse
from plans.costs import ListSize, Weight
from resolvers import pictures
from resolvers.acting import HelperPower, acting
from resolvers.context import Info
from resolvers.desk import Colour
from resolvers.errors import UserError, act, user_errors
from resolvers.orders import TimedCode
from resolvers.pictures import PICTURE
from resolvers.scalars import Fen

strawberry.enum(
    RestWay, name="BillRestWay", description="By what is paid at the desk what the voucher does not pay."
)
strawberry.enum(UseState, name="VoucherUseState", description="How the write-off of a voucher stands.")


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


@strawberry.type
class VouchersAtDeskQueries:
    @strawberry.field(
        directives=[Weight(weight=200)], description="The codes to show at a desk for one of my vouchers."
    )
    async def voucher_codes(
        self, info: Info, voucher_id: strawberry.ID, for_member: strawberry.ID | None = None
    ) -> VoucherCodesType:
        whose = await acting(info, for_member, HelperPower.SHOW_CODES)
        found = await codes.codes_of(
            member_id=whose.member_id,
            voucher_id=voucher_id,
            keys=info.context.services.code_keys,
            now=info.context.now,
        )
        return VoucherCodesType(
            server_now=found.server_now,
            step_seconds=STEP_SECONDS,
            codes=[TimedCode(valid_from=start, code=code) for start, code in found.codes],
            printed_code=found.printed,
        )

    @strawberry.field(
        directives=[ListSize(assumed_size=MOST_BILLS), Weight(weight=200)],
        description="Bills at desks that wait for my word, the newest first.",
    )
    async def bills_to_confirm(
        self, info: Info, for_member: strawberry.ID | None = None
    ) -> list[BillToConfirmType]:
        whose = await acting(info, for_member, HelperPower.SEE_ORDERS)
        found = await confirming.bills_to_confirm(member_id=whose.member_id, now=info.context.now)
        return [BillToConfirmType.of(bill) for bill in found]

    @strawberry.field(
        directives=[Weight(weight=200)],
        description="How a write-off at one of the clerk's venues stands; null for any other.",
    )
    async def bill_at_desk(self, info: Info, use_no: str) -> BillVerdictType | None:
        clerk = await info.context.staff()
        found = await at_desk.bill_at_desk(clerk=clerk, use_no=use_no)
        return None if found is None else BillVerdictType.of(found)

    @strawberry.field(
        directives=[ListSize(assumed_size=MOST_HELD), Weight(weight=300)],
        description="Staff: what was written off at a venue without its citizen's yes, the oldest first.",
    )
    async def held_uses(self, info: Info, venue_id: strawberry.ID) -> list[HeldUseType]:
        clerk = await info.context.staff()
        found = await undoing.held_uses(clerk=clerk, venue_id=venue_id)
        return [HeldUseType.of(held) for held in found]

    @strawberry.field(
        directives=[ListSize(assumed_size=MOST_UNDOABLE), Weight(weight=300)],
        description="Staff: a venue's write-offs of the last minutes that a supervisor can take back, the latest first.",
    )
    async def undoable_uses(self, info: Info, venue_id: strawberry.ID) -> list[UndoableUse]:
        clerk = await info.context.staff()
        found = await undoing.undoable_uses(clerk=clerk, venue_id=venue_id, now=info.context.now)
        return [
            UndoableUse(
                use_no=use.use_no,
                bill=Fen(use.bill_fen),
                used=Fen(use.used_fen),
                used_at=use.used_at,
                redeemed_by=use.redeemed_by,
            )
            for use in found
        ]

    @strawberry.field(
        directives=[ListSize(assumed_size=MOST_VOUCHERS), Weight(weight=300)],
        description="Staff: the vouchers that the person before the clerk can use, with their codes for paper.",
    )
    async def desk_vouchers(
        self, info: Info, person_id: strawberry.ID, venue_id: strawberry.ID
    ) -> list[PrintedVoucherType]:
        clerk = await info.context.staff()
        found = await handing_out.vouchers_here(
            clerk=clerk,
            person_id=person_id,
            venue_id=venue_id,
            keys=info.context.services.id_keys,
            code_keys=info.context.services.code_keys,
            now=info.context.now,
        )
        return [PrintedVoucherType.of(each) for each in found]


@strawberry.type
class VouchersAtDeskActs:
    @act(
        BillPayload,
        "Staff: judge a voucher's code for a bill (the whole price). A rotating code then waits for the citizen's yes; a "
        "printed one wants `idChecked` and `receiptNo` and is held. The same nonce of the same device gets the same answer.",
    )
    async def redeem_voucher(
        self,
        info: Info,
        code: str,
        venue_id: strawberry.ID,
        bill: Fen,
        nonce: str,
        sport: str | None = None,
        rest_way: RestWay = RestWay.CASH,
        id_checked: bool = False,
        receipt_no: str | None = None,
    ) -> BillPayload:
        clerk = await info.context.staff()
        verdict = await at_desk.redeem_voucher(
            clerk=clerk,
            venue_id=venue_id,
            bill=Bill(
                code=code,
                bill_fen=bill,
                sport=sport or "",
                rest_way=rest_way,
                id_checked=id_checked,
                receipt_no=receipt_no or "",
            ),
            nonce=nonce,
            keys=info.context.services.code_keys,
            now=info.context.now,
        )
        await info.context.services.wake("tell_people")
        return BillPayload(verdict=BillVerdictType.of(verdict))

    @act(
        ConfirmBillPayload,
        "Say whether a bill is mine: yes uses the voucher, no gives it back. Of a held one a no is kept for the review.",
    )
    async def confirm_bill(
        self, info: Info, use_no: str, agrees: bool, for_member: strawberry.ID | None = None
    ) -> ConfirmBillPayload:
        whose = await acting(info, for_member, HelperPower.BOOK)
        state = await confirming.confirm_bill(
            member_id=whose.member_id, use_no=use_no, agrees=agrees, now=info.context.now
        )
        return ConfirmBillPayload(state=state)

    @act(
        BillPayload,
        "Staff: the citizen's time is over and nobody confirmed; written off all the same, for review by its receipt.",
    )
    async def hold_bill(self, info: Info, use_no: str, receipt_no: str) -> BillPayload:
        clerk = await info.context.staff()
        verdict = await at_desk.hold_bill(clerk=clerk, use_no=use_no, receipt_no=receipt_no, now=info.context.now)
        await info.context.services.wake("tell_people")
        return BillPayload(verdict=BillVerdictType.of(verdict))

    @act(BillPayload, "Staff: call off a bill that waits: a wrong amount, or the customer left.")
    async def call_off_bill(self, info: Info, use_no: str) -> BillPayload:
        clerk = await info.context.staff()
        verdict = await at_desk.call_off(clerk=clerk, use_no=use_no, now=info.context.now)
        return BillPayload(verdict=BillVerdictType.of(verdict))

    @act(
        BillPayload,
        "Staff: a supervisor takes back a write-off of somebody else's within the campaign's minutes. The citizen has the "
        "voucher again.",
    )
    async def undo_redemption(self, info: Info, use_no: str, reason: str) -> BillPayload:
        clerk = await info.context.staff()
        verdict = await undoing.undo_redemption(clerk=clerk, use_no=use_no, reason=reason, now=info.context.now)
        await info.context.services.wake("tell_people")
        return BillPayload(verdict=BillVerdictType.of(verdict))

    @act(
        BillPayload,
        "Staff: the receipt of a held use was looked at; the venue is paid for it, or the citizen has the voucher again.",
    )
    async def decide_held_use(self, info: Info, use_no: str, is_genuine: bool, note: str) -> BillPayload:
        clerk = await info.context.staff()
        verdict = await undoing.decide_held_use(
            clerk=clerk, use_no=use_no, is_genuine=is_genuine, note=note, now=info.context.now
        )
        await info.context.services.wake("tell_people")
        return BillPayload(verdict=BillVerdictType.of(verdict))

    @act(
        HandOutVoucherPayload,
        "Staff: claim a voucher for the person before the clerk, under the limits of everybody; print its code.",
    )
    async def hand_out_voucher(
        self,
        info: Info,
        person_id: strawberry.ID,
        campaign_id: strawberry.ID,
        venue_id: strawberry.ID,
        idempotency_key: str,
        kind_id: strawberry.ID | None = None,
    ) -> HandOutVoucherPayload:
        clerk = await info.context.staff()
        printed = await handing_out.hand_out_voucher(
            clerk=clerk,
            person_id=person_id,
            campaign_id=campaign_id,
            kind_id=kind_id,
            venue_id=venue_id,
            idempotency_key=idempotency_key,
            keys=info.context.services.id_keys,
            code_keys=info.context.services.code_keys,
            now=info.context.now,
        )
        return HandOutVoucherPayload(voucher=PrintedVoucherType.of(printed))
