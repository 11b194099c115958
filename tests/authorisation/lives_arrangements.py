"""The part of a life with a court every week, and with what a club asks its venue for."""

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.factories.booking import TOMORROW, at
from tests.resolvers import documents
from tests.resolvers import documents_arrangements as arranged

if TYPE_CHECKING:
    from tests.authorisation.lives import Life

HOUR, FIRST, LAST = 12, 13, 34
"""Local, and days after NOW's: four weeks, of which at these halls the last is not open yet."""
SERIES = {
    "weekday": (TOMORROW + timedelta(days=FIRST - 1)).isoweekday(),
    "firstDay": (TOMORROW + timedelta(days=FIRST - 1)).isoformat(),
    "lastDay": (TOMORROW + timedelta(days=LAST - 1)).isoformat(),
}
PURPOSE = "俱乐部周年赛"


async def live_with_arrangements(life: "Life") -> None:
    """One date of the series is taken, by themselves. One request waits for a slot that is gone, one was refused, one is
    to be paid."""
    others, citizen, court = life.others, life.citizen, life.hall.badminton.public_id
    taken = {"courtId": court, "startsAt": at(HOUR, days=FIRST + 7).isoformat()}
    await citizen.ask(documents.PLACE_ORDER, idempotencyKey=secrets.token_hex(8), lines=[taken])
    others.keys["series"] = secrets.token_hex(8)
    club = others.ids["organisation"]
    wanted = {**SERIES, "courtId": court, "fromMinute": HOUR * 60, "organisationId": club, "people": 2}
    wanted["companionIds"] = [others.ids["companionship"]]
    asked = await citizen.ask(arranged.ASK_FOR_SERIES, wanted=wanted, idempotencyKey=others.keys["series"])
    series = asked.value["series"]
    assert [each["state"] for each in series["dates"]] == ["BOOKED", "SKIPPED", "BOOKED", "PLANNED"]
    others.ids["series"] = series["id"]

    lines = {which: [taken] for which in ("waiting", "refused")}
    lines["allowed"] = [{**taken, "startsAt": at(HOUR + 1, days=FIRST + 7).isoformat()}]
    for which, slots in lines.items():
        key = others.keys[f"group {which}"] = secrets.token_hex(8)
        made = await citizen.ask(
            arranged.ASK_FOR_GROUP_BOOKING,
            lines=slots,
            people=6,
            purpose=PURPOSE,
            idempotencyKey=key,
            organisationId=club,
        )
        others.ids[f"group {which}"] = made.value["request"]["id"]
    for which, approve in (("refused", False), ("allowed", True)):
        decided = await life.clerk.ask(
            arranged.DECIDE_GROUP_REQUEST,
            requestId=others.ids[f"group {which}"],
            approve=approve,
            note="当天有比赛",
        )
        assert decided.value["request"]["state"] == ("APPROVED" if approve else "REFUSED")
