"""The same for closures."""

import secrets
from collections.abc import Mapping

from tests.authorisation.kinds import ABSENT, Known, Open, Plain, Reaching
from tests.authorisation.lives_closures import ENDS_AT, REASON, STARTS_AT
from tests.authorisation.lives_draws import OPEN_DAYS
from tests.factories.booking import at

REACHING_CLOSURES: Mapping[str, Reaching] = {
    "withdrawClosure.id": Reaching(
        lambda life: [Known(life.others.ids["closure, free"], "a closure of a court of An's clerk's hall")],
        lambda: f"clo_{secrets.token_hex(10).upper()}",
        owner="clerk",
    ),
    "announceClosure.idempotencyKey": Reaching(
        lambda life: [Known(life.others.keys["closure"], "the key of a closure")],
        lambda: secrets.token_hex(8),
        owner="clerk",
    ),
    "takeClosureRefund.orderNo": Reaching(
        lambda life: [Known(life.orders["under a closure"]["orderNo"], "the number of an order under a closure")],
        lambda: f"O{secrets.token_hex(8).upper()}",
    ),
}
OPEN_CLOSURES: Mapping[str, Open] = {
    "ClosureInput.venueId": Open(lambda world: [world.an.venue_id]),
    "ClosureInput.sport": Open(lambda world: [ABSENT]),
}
PLAIN_CLOSURES: Mapping[str, Plain] = {
    "ClosureInput.startsAt": Plain(lambda life: STARTS_AT),
    "ClosureInput.endsAt": Plain(lambda life: ENDS_AT),
    "previewClosure.closure.startsAt": Plain(lambda life: at(20, days=OPEN_DAYS).isoformat()),  # of the draw
    "previewClosure.closure.endsAt": Plain(lambda life: at(22, days=OPEN_DAYS).isoformat()),
    "ClosureInput.kind": Plain(lambda life: "MAINTENANCE"),
    "ClosureInput.reason": Plain(lambda life: REASON),
    "withdrawClosure.why": Plain(lambda life: "提前完工"),
}
