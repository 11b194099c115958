"""The part of a life over which a closure lies: a court that An booked is closed, another that nobody booked, and much later
a whole sport."""

import secrets
from typing import TYPE_CHECKING

from models.checkout import closing
from tests.factories.booking import at
from tests.resolvers import documents_closures as documents

if TYPE_CHECKING:
    from tests.authorisation.lives import Life

REASON = "更换灯具"
STARTS_AT, ENDS_AT = at(20, days=6).isoformat(), at(21, days=6).isoformat()


async def live_under_closure(life: "Life") -> None:
    wish = {"courtId": life.hall.badminton_2.public_id, "startsAt": at(19, days=6).isoformat()}
    await life.places("under a closure", wish)
    await life.pays("under a closure")
    for which, where, starts_at, ends_at in (
        ("booked", {"courtId": life.hall.badminton_2.public_id}, at(19, days=6).isoformat(), ENDS_AT),
        ("of a sport", {"sport": "BASKETBALL"}, at(9, days=90).isoformat(), at(12, days=90).isoformat()),
        ("free", {"courtId": life.hall.badminton.public_id}, STARTS_AT, ENDS_AT),
    ):
        about = {"venueId": life.venue_id, "kind": "MAINTENANCE", "reason": REASON}
        closure = {**about, **where, "startsAt": starts_at, "endsAt": ends_at}
        key = life.others.keys["closure"] = secrets.token_hex(8)  # of the free court in the end
        told = await life.clerk.ask(documents.ANNOUNCE_CLOSURE, idempotencyKey=key, closure=closure)
        life.others.ids[f"closure, {which}"] = told.value["closure"]["id"]
    assert await closing.mind(channels={}, now=life.citizen.house.now()) == 1
    found = (await life.citizen.house.ask(documents.CLOSURES, {"venueId": life.venue_id})).value
    life.others.public.update(text for each in found for text in each.values() if isinstance(text, str))
