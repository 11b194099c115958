"""A draw through the public door: announced by staff, entered, drawn, and there for everybody to do again."""

from datetime import datetime, timedelta

import orjson

from bff.wiring import id_keys
from models.booking.draw_rules import verify
from models.checkout import drawing
from models.staff.rules import Role
from tests.factories.booking import TOMORROW, Hall, a_hall, at
from tests.house import Clerk, House
from tests.resolvers import documents
from tests.resolvers import documents_closures as closures
from tests.resolvers import documents_draws as draws
from tests.resolvers import documents_editing as editing

DAY = TOMORROW + timedelta(days=14)


async def said_by_previews(manager: Clerk, hall: Hall) -> list[object]:
    """What new hours, a court that is retired and a closure would each take from draws."""
    venue = {"venueId": hall.venue.public_id}
    week = [{"weekday": day, "fromMinute": 600, "toMinute": 1200} for day in range(1, 8)]
    hours = {"fromDay": DAY.isoformat(), "openings": week, "note": "冬季时间"}
    court = {"courtId": hall.badminton.public_id, "name": hall.badminton.name, "slotMinutes": 60, "maxPeople": 6}
    court |= {"retired": True, "fromDay": DAY.isoformat(), "note": "场地改造"}
    closure = {**venue, "startsAt": at(9, days=15).isoformat(), "endsAt": at(10, days=15).isoformat()}
    closure |= {"kind": "EVENT", "reason": "承办比赛"}
    answers = [
        await manager.ask(editing.PREVIEW_OPENING_HOURS, **venue, hours=hours),
        await manager.ask(editing.PREVIEW_COURT, **venue, court=court),
        await manager.ask(closures.PREVIEW_CLOSURE, closure=closure),
    ]
    return [answer.value["draws"] for answer in answers]


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
    lost = {
        "drawId": drawn["id"],
        "day": DAY.isoformat(),
        "sport": "BADMINTON",
        "slotCount": 1,
        "slots": [
            {
                "courtId": hall.badminton.public_id,
                "courtName": "羽毛球1号场",
                "startsAt": at(9, days=15).isoformat(),
            }
        ],
        "people": 0,
        "sentence": "12月5日的羽毛球抽签有1个时段不再参加抽签：羽毛球1号场09:00；还没有人报名这些时段。",
    }
    assert await said_by_previews(manager, hall) == [[lost], [lost], [lost]]
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
    unknown = (await two.ask(draws.DRAW, id="drw_nowhere")).refusal
    assert (unknown.code, unknown.field) == ("DRAW_UNKNOWN", "id")
    shown = (await two.ask(draws.DRAW, id=drawn["id"])).value
    assert (shown["state"], shown["entries"], shown["commitment"]) == ("DONE", 2, drawn["commitment"])
    assert verify(shown["record"]) == []
    assert orjson.loads(shown["record"])["results"][0]["ticket"] == won["ticket"]
    (listed,) = (await two.ask(draws.DRAWS, venueId=hall.venue.public_id)).value
    assert (listed["id"], listed["record"]) == (drawn["id"], None)
