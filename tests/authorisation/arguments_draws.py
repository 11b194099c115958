"""The same for draws. What is drawn for and what came of it everybody may see; one's own entry only oneself."""

import secrets
from collections.abc import Mapping
from datetime import timedelta

from tests.authorisation.kinds import ABSENT, Known, Open, Plain, Reaching
from tests.authorisation.lives_draws import NEW_DAYS, OPEN_DAYS
from tests.factories.booking import TOMORROW, at

REACHING_DRAWS: Mapping[str, Reaching] = {
    "enterDraw.idempotencyKey": Reaching(
        lambda life: [
            Known(life.others.keys["draw"], "the key of An's entry", shut="whoever enters again changes one entry")
        ],
        lambda: secrets.token_hex(8),
    ),
}
OPEN_DRAWS: Mapping[str, Open] = {
    "draw.id": Open(lambda world: [world.an.draws["done"]]),
    "myDrawEntry.drawId": Open(lambda world: [world.an.draws["done"]]),
    "enterDraw.drawId": Open(lambda world: [world.an.draws["open"]]),
    "DrawInput.sport": Open(lambda world: ["BADMINTON"]),
    "DrawInput.courtIds": Open(lambda world: [ABSENT]),
}
PLAIN_DRAWS: Mapping[str, Plain] = {
    "DrawWishInput.startsAt": Plain(lambda life: at(20, days=OPEN_DAYS).isoformat()),
    "enterDraw.people": Plain(lambda life: 1),
    "DrawInput.day": Plain(lambda life: (TOMORROW + timedelta(days=NEW_DAYS - 1)).isoformat()),
    "DrawInput.closesAt": Plain(lambda life: at(0, 30, days=NEW_DAYS - 30).isoformat()),
    "DrawInput.fromMinute": Plain(lambda life: 1200),
    "DrawInput.untilMinute": Plain(lambda life: 1260),
}
