"""The part of a life in which somebody stands in line."""

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from bff.wiring import id_keys
from models.checkout.waiting import offer_freed
from tests.factories.booking import TOMORROW, at
from tests.resolvers import documents
from tests.resolvers import documents_waiting as lines

if TYPE_CHECKING:
    from tests.authorisation.lives import Life


async def live_in_line(life: "Life") -> None:
    """For a court that they have themselves that evening, since it is taken for sure (lives_my_vouchers.py); and for one
    that they give up, and are offered again."""
    life.others.keys["in line"] = secrets.token_hex(8)
    joined = await _join(life, life.others.keys["in line"], 20)
    line = {"courtId": life.hall.badminton_2.public_id, "startsAt": at(21, days=2).isoformat()}
    placed = await life.citizen.ask(documents.PLACE_ORDER, idempotencyKey=secrets.token_hex(8), lines=[line])
    order_no = placed.value["order"]["orderNo"]
    await _join(life, secrets.token_hex(8), 21)
    await life.citizen.ask(documents.CANCEL_ORDER, orderNo=order_no)
    assert (
        await offer_freed(
            keys=id_keys(life.citizen.house.wired.settings), channels={}, now=life.citizen.house.now()
        )
        == 1
    )
    life.others.ids["waiting"] = joined
    found = (await life.citizen.ask(lines.MY_WAITING)).value
    life.others.ids["waiting cursor"] = found["edges"][0]["cursor"]


async def _join(life: "Life", key: str, hour: int) -> str:
    wish = {
        "venueId": life.hall.venue.public_id,
        "sport": "BADMINTON",
        "courtId": life.hall.badminton_2.public_id,
        "day": (TOMORROW + timedelta(days=1)).isoformat(),
        "fromMinute": hour * 60,
        "untilMinute": (hour + 1) * 60,
    }
    joined = await life.citizen.ask(lines.JOIN_WAITING_LIST, idempotencyKey=key, wanted=wish)
    return str(joined.value["waiting"]["id"])
