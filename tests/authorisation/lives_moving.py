"""The part of a life in which a booking is being moved: its new order waits to be paid."""

import secrets
from typing import TYPE_CHECKING

from tests.factories.booking import at
from tests.house import line
from tests.resolvers import documents_moving

if TYPE_CHECKING:
    from tests.authorisation.lives import Life

MOVED_TO = at(17, days=2).isoformat()


async def live_on_the_move(life: "Life") -> None:
    """Under a number that nobody else cancels or pays (`life.others`)."""
    old = await life.citizen.places(line(life.hall.badminton, at(15, days=2)))
    letter = await life.citizen.pays(old["orderNo"])
    assert (await life.citizen.house.hand_in(letter)).status_code == 204
    life.others.ids["to be moved"] = old["orderNo"]
    life.others.keys["move"] = secrets.token_hex(8)
    moved = await life.citizen.ask(
        documents_moving.MOVE_BOOKING,
        idempotencyKey=life.others.keys["move"],
        orderNo=old["orderNo"],
        lineNo=1,
        to={"courtId": life.hall.badminton.public_id, "startsAt": MOVED_TO},
    )
    assert moved.value["order"]["status"] == "PENDING_PAYMENT"
