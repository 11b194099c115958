"""Taking a voucher at a desk, confirming the bill, deciding about it; handing one out on paper."""

import strawberry

from models.vouchers import at_desk, confirming, handing_out, undoing
from models.vouchers.bills import Bill
from models.vouchers.rules import RestWay
from resolvers.acting import HelperPower, acting
from resolvers.context import Info
from resolvers.errors import act
from resolvers.scalars import Fen
from resolvers.vouchers_at_desk.types import (
    BillPayload,
    BillVerdictType,
    ConfirmBillPayload,
    HandOutVoucherPayload,
    PrintedVoucherType,
)


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
