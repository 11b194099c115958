"""The same for a price that is split."""

import secrets
from collections.abc import Mapping

from tests.authorisation.kinds import ABSENT, Known, Plain, Reaching

_ORDER = Reaching(
    lambda life: [Known(life.others.ids["split"], "the number of an order that is split")],
    lambda: f"O20261120{secrets.token_hex(6).upper()}",
)
REACHING_SPLITTING: Mapping[str, Reaching] = {
    "orderShares.orderNo": _ORDER,
    "splitOrder.orderNo": _ORDER,
    "takeOverShares.orderNo": _ORDER,
    "payShare.orderNo": _ORDER,
    "splitOrder.companionIds": Reaching(
        lambda life: [Known(life.others.ids["companionship"], "what ties An to a companion")],
        lambda: f"cmp_{secrets.token_hex(10).upper()}",
    ),
}
PLAIN_SPLITTING: Mapping[str, Plain] = {
    "payShare.channel": Plain(lambda life: "WECHAT_PAY"),
    "payShare.way": Plain(lambda life: "IN_APP"),
    "payShare.returnUrl": Plain(lambda life: ABSENT),
}
