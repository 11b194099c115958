"""The same for one's own vouchers: nobody orders with another's, and nobody else's list goes on from a place in An's."""

import secrets
from collections.abc import Mapping

from tests.authorisation.kinds import ABSENT, ANOTHER_KIND, Known, Plain, Reaching, from_the_start

REACHING_MY_VOUCHERS: Mapping[str, Reaching] = {
    "placeOrder.voucherIds": Reaching(
        lambda life: [
            Known(life.others.ids["voucher, to use"], "a voucher's id"),
            Known(life.others.ids["voucher, reserved"], "a reserved voucher's id"),
            Known(life.orders["played"]["orderNo"], "an order's number", ANOTHER_KIND),
        ],
        lambda: f"vch_{secrets.token_hex(10).upper()}",
        meanwhile=lambda: ABSENT,
    ),
    "myVouchers.after": Reaching(
        lambda life: [Known(life.others.ids["voucher cursor"], "a place in An's list of vouchers")],
        lambda: "v999999999999",
        live=from_the_start,
    ),
}
PLAIN_MY_VOUCHERS: Mapping[str, Plain] = {"myVouchers.state": Plain(lambda life: ABSENT)}
