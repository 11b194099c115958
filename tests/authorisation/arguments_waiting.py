"""The same for lines in which one stands."""

import secrets
from collections.abc import Mapping

from tests.authorisation.kinds import ABSENT, Known, Open, Plain, Reaching, from_the_start
from tests.factories.booking import TOMORROW

REACHING_WAITING: Mapping[str, Reaching] = {
    "leaveWaitingList.id": Reaching(
        lambda life: [Known(life.others.ids["waiting"], "a place in a line")],
        lambda: f"wai_{secrets.token_hex(10).upper()}",
    ),
    "joinWaitingList.idempotencyKey": Reaching(
        lambda life: [Known(life.others.keys["in line"], "the key of a place in a line")],
        lambda: secrets.token_hex(8),
    ),
    "myWaiting.after": Reaching(
        lambda life: [Known(life.others.ids["waiting cursor"], "a place in An's list of lines")],
        lambda: "w999999999999",
        live=from_the_start,
    ),
}
OPEN_WAITING: Mapping[str, Open] = {"WaitingInput.sport": Open(lambda world: ["BADMINTON"])}
PLAIN_WAITING: Mapping[str, Plain] = {
    "WaitingInput.day": Plain(lambda life: TOMORROW.isoformat()),
    # when nothing is open, so that nobody gets a place by it, nor hears how many stand before them
    "WaitingInput.fromMinute": Plain(lambda life: 0, live=lambda life: 1200),
    "WaitingInput.untilMinute": Plain(lambda life: 60, live=lambda life: 1260),
    "WaitingInput.people": Plain(lambda life: ABSENT),
}
