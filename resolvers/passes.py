"""A citizen's pass for a voucher, for desks without a network."""

from datetime import datetime

import strawberry

from models.offline import issuing
from resolvers import pictures
from resolvers.acting import HelperPower, acting
from resolvers.context import Info
from resolvers.errors import UserError, act, user_errors
from resolvers.pictures import PICTURE


@strawberry.type(
    description="A voucher's pass for a desk without a network: 212 digits. It binds nobody: the voucher can be used online "
    "all the while, and the pass is void then."
)
class VoucherPass:
    digits: str
    valid_until: datetime
    server_now: datetime

    @strawberry.field(directives=[PICTURE], description="The pass as QR, SVG text.")
    async def svg(self) -> str:
        return await pictures.pass_svg(self.digits)


@strawberry.type
class VoucherPassPayload:
    voucher_pass: VoucherPass | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class PassActs:
    @act(
        VoucherPassPayload,
        "A pass for one of my vouchers, to show at a desk that is offline. Asked again soon it is the same one.",
    )
    async def voucher_pass(
        self, info: Info, voucher_id: strawberry.ID, for_member: strawberry.ID | None = None
    ) -> VoucherPassPayload:
        whose = await acting(info, for_member, HelperPower.SHOW_CODES)
        services = info.context.services
        given = await issuing.voucher_pass(
            member_id=whose.member_id,
            voucher_id=voucher_id,
            keys=services.offline_keys,
            life=services.offline_pass_life,
            now=info.context.now,
        )
        shown = VoucherPass(digits=given.digits, valid_until=given.valid_until, server_now=given.server_now)
        return VoucherPassPayload(voucher_pass=shown)
