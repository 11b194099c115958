"""A voucher's code on the phone, bills that wait for a yes, uses that wait for a decision."""

import strawberry

from models.codes.rules import STEP_SECONDS
from models.vouchers import at_desk, codes, confirming, handing_out, undoing
from models.vouchers.confirming import MOST_BILLS
from models.vouchers.handing_out import MOST_VOUCHERS
from models.vouchers.undoing import MOST_HELD, MOST_UNDOABLE
from plans.costs import ListSize, Weight
from resolvers.acting import HelperPower, acting
from resolvers.context import Info
from resolvers.orders import TimedCode
from resolvers.scalars import Fen
from resolvers.vouchers_at_desk.types import (
    BillToConfirmType,
    BillVerdictType,
    HeldUseType,
    PrintedVoucherType,
    UndoableUse,
    VoucherCodesType,
)


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
