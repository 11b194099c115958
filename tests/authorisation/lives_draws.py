"""Draws at a hall: one that is open, and one in which somebody has their place. They are everybody's, as the hall is."""

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

import orjson

from bff.wiring import id_keys
from models.booking.tables import SlotDraw
from models.checkout import drawing
from tests.factories.booking import TOMORROW, Hall, at
from tests.house import Clerk
from tests.resolvers import documents_draws as draws

if TYPE_CHECKING:
    from tests.authorisation.lives import Life

OPEN_DAYS, DONE_DAYS, NEW_DAYS = 25, 26, 41
"""After NOW's day; at these halls a day opens thirty days before. The last one anybody who may can still announce."""


async def draws_at(hall: Hall, clerk: Clerk) -> dict[str, str]:
    """Announced in time by the hall's manager, for what has opened since."""
    return {which: await _a_draw(hall, clerk, days) for which, days in (("open", OPEN_DAYS), ("done", DONE_DAYS))}


async def _a_draw(hall: Hall, clerk: Clerk, days: int) -> str:
    asked = {
        "venueId": hall.venue.public_id,
        "sport": "BADMINTON",
        "fromMinute": 1200,
        "courtIds": [hall.badminton.public_id],
        "day": (TOMORROW + timedelta(days=NEW_DAYS + 1)).isoformat(),
        "closesAt": at(0, 30, days=NEW_DAYS - 28).isoformat(),
    }
    drawn = (await clerk.ask(draws.SCHEDULE_DRAW, wanted=asked)).value["draw"]["id"]
    opens = at(8, days=0)
    since = {"business_day": TOMORROW + timedelta(days=days - 1), "opens_at": opens}
    await SlotDraw.filter(public_id=drawn).update(**since, closes_at=opens + timedelta(days=days))
    return str(drawn)


async def live_in_draws(life: "Life") -> None:
    """Enters both; one of them is drawn, and all of its record is public."""
    for which, days in (("open", OPEN_DAYS), ("done", DONE_DAYS)):
        key = secrets.token_hex(8)
        life.others.keys.setdefault("draw", key)  # of the one that is open
        wishes = [{"courtId": life.hall.badminton.public_id, "startsAt": at(21, days=days).isoformat()}]
        entered = await life.citizen.ask(
            draws.ENTER_DRAW, drawId=life.draws[which], wishes=wishes, idempotencyKey=key
        )
        assert entered.value["entry"]["state"] == "ENTERED"
    done = await SlotDraw.get(public_id=life.draws["done"])
    wired, now = life.citizen.house.wired, life.citizen.house.now()
    assert await drawing._run(done.id, id_keys(wired.settings), wired.channels, now) == 1
    shown = (await life.citizen.ask(draws.DRAW, id=life.draws["done"])).value["record"]
    record = orjson.loads(shown)
    (entry,) = record["entries"]
    life.others.public |= {shown, record["seed"], entry["ticket"], entry["wishesHash"]}
    kept = await SlotDraw.get(id=done.id)
    life.others.public |= {orjson.dumps(kept.record).decode()}
