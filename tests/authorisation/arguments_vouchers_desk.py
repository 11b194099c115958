"""The same for vouchers at a desk. A genuine code was shown by its holder, so whoever scans it hears where it stands."""

import secrets
from collections.abc import Callable, Mapping

from tests.authorisation.kinds import ABSENT, ANOTHER_KIND, Known, Open, Plain, Reaching
from tests.authorisation.lives import Life
from tests.authorisation.lives_vouchers_desk import BILL_FEN

_SHOWN = "a genuine code was shown to the clerk: they may hear where it can be used, or why not"


def _a_use_no() -> str:
    return f"V20261120{secrets.token_hex(6).upper()}"


def _a_key() -> str:
    return secrets.token_hex(8)


def _bills(*which: str) -> Callable[[Life], list[Known]]:
    return lambda life: [
        *(Known(life.others.ids[f"bill, {each}"], f"the {each} bill's number") for each in which),
        Known(life.orders["played"]["orderNo"], "an order's number", shut=ANOTHER_KIND),
    ]


def _vouchers(life: Life) -> list[Known]:
    return [
        Known(life.others.ids["voucher, left"], "a voucher's id"),
        Known(life.others.ids["voucher, used"], "a used voucher's id"),
        Known(life.others.ids["bill, used"], "a bill's number", shut=ANOTHER_KIND),
    ]


def _codes(life: Life) -> list[Known]:
    return [
        Known(life.others.used["voucher code, left"], "a voucher's code", tells=_SHOWN),
        Known(life.others.used["printed voucher code, left too"], "a printed voucher's code", tells=_SHOWN),
        Known(life.others.used["voucher code, used"], "a used voucher's code", tells=_SHOWN),
        Known(
            a_voucher_code(life.others.used["voucher code, left"][2:12]),
            "a forged code that leads to a voucher of An's",
            shut="its seal is wrong",
        ),
    ]


def a_voucher_code(handle: str = "") -> str:
    """A well-formed one that nobody made, for this handle or for none."""
    body = f"31{handle or f'{secrets.randbelow(10**10):010d}'}{secrets.randbelow(10**10):010d}"
    return f"{body}{(1 - int(body) * 100) % 97:02d}"


_PERSON = Reaching(
    lambda life: [
        Known(life.others.ids["person"], "the person whose card was read"),
        Known(life.others.relative_id, "somebody else's id", shut="their card was not read at this desk"),
    ],
    lambda: f"mbr_{secrets.token_hex(10).upper()}",
    owner="clerk",
)
REACHING_VOUCHERS_AT_DESK: Mapping[str, Reaching] = {
    "deskVouchers.personId": _PERSON,
    "handOutVoucher.personId": _PERSON,
    "voucherCodes.voucherId": Reaching(_vouchers, lambda: f"vch_{secrets.token_hex(10).upper()}"),
    "confirmBill.useNo": Reaching(_bills("waiting", "used"), _a_use_no),
    "redeemVoucher.code": Reaching(_codes, a_voucher_code, owner="clerk"),
    "redeemVoucher.nonce": Reaching(
        lambda life: [Known(life.others.keys["bill"], "the number of An's scan")],
        _a_key,
        owner="clerk",
        meanwhile=_a_key,
    ),
    "billAtDesk.useNo": Reaching(_bills("waiting", "used", "held"), _a_use_no, owner="clerk"),
    "holdBill.useNo": Reaching(_bills("waiting", "held"), _a_use_no, owner="clerk"),
    "callOffBill.useNo": Reaching(_bills("waiting", "used"), _a_use_no, owner="clerk"),
    "undoRedemption.useNo": Reaching(_bills("used"), _a_use_no, owner="clerk"),
    "decideHeldUse.useNo": Reaching(_bills("held"), _a_use_no, owner="regulator"),
    "handOutVoucher.idempotencyKey": Reaching(
        lambda life: [Known(life.others.keys["hand out"], "the key of what was handed out")],
        _a_key,
        owner="clerk",
        meanwhile=_a_key,
    ),
}
OPEN_VOUCHERS_AT_DESK: Mapping[str, Open] = {
    "redeemVoucher.sport": Open(lambda world: ["BADMINTON"]),  # one: a desk may try twenty codes a minute
    "handOutVoucher.campaignId": Open(lambda world: [world.an.campaign.public_id]),
    "handOutVoucher.kindId": Open(lambda world: [ABSENT]),
}
PLAIN_VOUCHERS_AT_DESK: Mapping[str, Plain] = {
    "redeemVoucher.bill": Plain(lambda life: BILL_FEN),
    "receiptNo": Plain(lambda life: "XP-0001"),
    "agrees": Plain(lambda life: True),
    "isGenuine": Plain(lambda life: True),
    "undoRedemption.reason": Plain(lambda life: "扫错了人"),
    "decideHeldUse.note": Plain(lambda life: "小票与账单一致"),
}
WORDS_VOUCHERS_AT_DESK = {"receiptNo"}
