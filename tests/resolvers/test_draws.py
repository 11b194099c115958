"""A draw through the public door: announced by staff, entered, drawn, and there for everybody to do again."""

from datetime import datetime, timedelta

import orjson

from bff.wiring import id_keys
from models.booking.draw_rules import verify
from models.checkout import drawing
from models.staff.rules import Role
from tests.factories.booking import TOMORROW, a_hall, at
from tests.house import House
from tests.resolvers import documents
from tests.resolvers import documents_draws as draws

DAY = TOMORROW + timedelta(days=14)


async def test_a_draw_from_its_commitment_to_its_record(house: House) -> None:
    hall = await a_hall()
    manager = await house.clerk(hall.venue.public_id, roles=(Role.VENUE_MANAGER,))
    opens = at(8, days=8)
    asked = {
        "venueId": hall.venue.public_id,
        "sport": "BADMINTON",
        "day": DAY.isoformat(),
        "courtIds": [hall.badminton.public_id],
        "fromMinute": 540,
        "untilMinute": 600,
        "closesAt": (opens + timedelta(minutes=30)).isoformat(),
    }
    wrong = await manager.ask(draws.SCHEDULE_DRAW, wanted={**asked, "closesAt": opens.isoformat()})
    assert wrong.refusal.code == "DRAW_REFUSED"
    drawn = (await manager.ask(draws.SCHEDULE_DRAW, wanted=asked)).value["draw"]
    assert (drawn["state"], drawn["courtIds"], drawn["record"]) == ("PLANNED", [hall.badminton.public_id], None)
    assert datetime.fromisoformat(drawn["opensAt"]) == opens
    one, two = await house.citizen(), await house.citizen()
    entering = {
        "drawId": drawn["id"],
        "wishes": [{"courtId": hall.badminton.public_id, "startsAt": at(9, days=15).isoformat()}],
    }
    early = await one.ask(draws.ENTER_DRAW, **entering, idempotencyKey="k")
    assert early.refusal.code == "DRAW_NOT_OPEN"

    await house.travel(opens)
    one, two = await house.citizen(), await house.citizen()
    for each in (one, two):
        entry = (await each.ask(draws.ENTER_DRAW, **entering, idempotencyKey="k")).value["entry"]
        assert (entry["state"], entry["place"]) == ("ENTERED", None)
    line = {"courtId": hall.badminton.public_id, "startsAt": at(9, days=15).isoformat()}
    assert (await one.ask(documents.PLACE_ORDER, idempotencyKey="o", lines=[line])).refusal.code == "DRAW_PENDING"

    await house.travel(opens + timedelta(minutes=30))
    assert (await one.ask(draws.ENTER_DRAW, **entering, idempotencyKey="k")).refusal.code == "DRAW_CLOSED"
    assert (
        await drawing.run_due(keys=id_keys(house.wired.settings), channels=house.wired.channels, now=house.now())
        == 2
    )
    entries = [(await each.ask(draws.MY_DRAW_ENTRY, drawId=drawn["id"])).value for each in (one, two)]
    assert sorted(entry["state"] for entry in entries) == ["LOST", "WON"]
    (won,) = [entry for entry in entries if entry["state"] == "WON"]
    assert (won["place"], won["orderNo"] is None) == (1, False)
    shown = (await two.ask(draws.DRAW, id=drawn["id"])).value
    assert (shown["state"], shown["entries"], shown["commitment"]) == ("DONE", 2, drawn["commitment"])
    assert verify(shown["record"]) == []
    assert orjson.loads(shown["record"])["results"][0]["ticket"] == won["ticket"]
    (listed,) = (await two.ask(draws.DRAWS, venueId=hall.venue.public_id)).value
    assert (listed["id"], listed["record"]) == (drawn["id"], None)
