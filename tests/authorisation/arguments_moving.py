"""The same for a booking that is moved."""

import secrets
from collections.abc import Mapping

from tests.authorisation.kinds import ABSENT, Known, Plain, Reaching
from tests.authorisation.lives_moving import MOVED_TO

_ORDER = Reaching(
    lambda life: [Known(life.others.ids["to be moved"], "the number of an order that is being moved")],
    lambda: f"O20261120{secrets.token_hex(6).upper()}",
)
REACHING_MOVING: Mapping[str, Reaching] = {
    "moveQuote.orderNo": _ORDER,
    "moveBooking.orderNo": _ORDER,
    "moveBooking.idempotencyKey": Reaching(
        lambda life: [Known(life.others.keys["move"], "the key of a move")], lambda: secrets.token_hex(8)
    ),
    "moveBooking.to.companionIds": Reaching(
        lambda life: [
            Known(
                life.others.ids["companionship"],
                "what ties An to a companion",
                shut="that line is being moved already",
            )
        ],
        lambda: f"cmp_{secrets.token_hex(10).upper()}",
        meanwhile=ABSENT,  # type: ignore[arg-type]
    ),
}
PLAIN_MOVING: Mapping[str, Plain] = {
    "moveQuote.to.startsAt": Plain(lambda life: MOVED_TO),
    "moveBooking.to.startsAt": Plain(lambda life: MOVED_TO),
}
