"""The part of a life in which staff of the venue wrote its tariff and rules, for one day far ahead: nothing costs otherwise."""

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.factories.booking import TOMORROW
from tests.resolvers import documents_editing as editing

if TYPE_CHECKING:
    from tests.authorisation.lives import Life

DAY, NEXT = str(TOMORROW + timedelta(days=200)), str(TOMORROW + timedelta(days=201))
NOTE = "检修后调整"
WINDOW = {"days": "ALL", "fromMinute": 0, "toMinute": 1440, "kind": "FREE", "pricePerHour": 0}
CONCESSION = {"kind": "SENIOR", "paysPercent": 30}
TARIFF: dict[str, Any] = {
    "fromDay": DAY, "untilDay": NEXT, "windows": [WINDOW], "freeDays": ["DATE:08-08"], "concessions": [CONCESSION],
    "note": NOTE,
}  # fmt: skip
LIMITS = {
    "courtsAPersonADay": 2, "minutesACourtADay": 120, "daysAhead": 7, "releaseMinute": 480, "holdMinutes": 15,
    "entryOpensMinutesBefore": 30, "minutesAPersonADay": 240, "courtsAPersonAWeek": 6, "minutesAPersonAWeek": 600,
    "mostPlayers": 8, "checkInMinutes": 15, "noShows": 3, "noShowDays": 90, "pauseDays": 30,
    "cancelFreeMinutes": 120, "cancelKeptPercent": 50,
    "seriesWeeks": 12, "seriesAPerson": 2, "groupDaysAhead": 60,
}  # fmt: skip
RULES: dict[str, Any] = {"fromDay": DAY, "untilDay": NEXT, "limits": LIMITS, "note": NOTE}
OPENING = {"fromMinute": 480, "toMinute": 1320}
HOURS: dict[str, Any] = {
    "fromDay": DAY, "untilDay": NEXT, "openings": [{"weekday": day, **OPENING} for day in range(1, 8)], "note": NOTE,
}  # fmt: skip
TICKET = {"ticket": "ADULT", "kind": "FREE", "price": 0}
PLANNED = {"days": "ALL", "fromMinute": 840, "toMinute": 960, "capacity": 30, "tickets": [TICKET]}
PLAN: dict[str, Any] = {
    "sport": "SWIMMING", "name": "大众池", "areaM2": 200, "lifeguards": 3, "placesAPersonADay": 3,
    "sessions": [PLANNED], "fromDay": DAY, "untilDay": NEXT, "note": NOTE,
}  # fmt: skip
COURT: dict[str, Any] = {"name": "篮球右半场", "slotMinutes": 60, "maxPeople": 9, "fromDay": DAY, "note": NOTE}


async def live_with_settings(life: "Life") -> None:
    venue_id, others = life.hall.venue.public_id, life.others
    others.keys["tariff"] = secrets.token_hex(8)
    seen = (await life.clerk.ask(editing.PREVIEW_TARIFF, venueId=venue_id, tariff=TARIFF)).value["changeHash"]
    asked = {"venueId": venue_id, "tariff": TARIFF, "idempotencyKey": others.keys["tariff"]}
    assert (await life.clerk.ask(editing.WRITE_TARIFF, **asked, expectedChange=seen)).value["version"] == 1
    seen = (await life.clerk.ask(editing.PREVIEW_BOOKING_RULES, venueId=venue_id, rules=RULES)).value["changeHash"]
    asked = {"venueId": venue_id, "rules": RULES, "expectedChange": seen}
    assert (await life.clerk.ask(editing.WRITE_BOOKING_RULES, **asked)).value["version"] == 1
    others.keys["court"] = secrets.token_hex(8)
    court = {"courtId": life.hall.right.public_id, **COURT}
    seen = (await life.clerk.ask(editing.PREVIEW_COURT, venueId=venue_id, court=court)).value["changeHash"]
    asked = {"venueId": venue_id, "court": court, "idempotencyKey": others.keys["court"]}
    assert (await life.clerk.ask(editing.WRITE_COURT, **asked, expectedChange=seen)).value["version"] == 1
    others.keys["hours"] = secrets.token_hex(8)
    seen = (await life.clerk.ask(editing.PREVIEW_OPENING_HOURS, venueId=venue_id, hours=HOURS)).value["changeHash"]
    asked = {"venueId": venue_id, "hours": HOURS, "idempotencyKey": others.keys["hours"]}
    assert (await life.clerk.ask(editing.WRITE_OPENING_HOURS, **asked, expectedChange=seen)).value["version"] == 1
    others.keys["plan"] = secrets.token_hex(8)
    seen = (await life.clerk.ask(editing.PREVIEW_SESSION_PLAN, venueId=venue_id, plan=PLAN)).value["changeHash"]
    asked = {"venueId": venue_id, "plan": PLAN, "idempotencyKey": others.keys["plan"]}
    assert (await life.clerk.ask(editing.WRITE_SESSION_PLAN, **asked, expectedChange=seen)).value["version"] == 1
    history = (await life.clerk.ask(editing.SETTINGS_HISTORY, venueId=venue_id)).value
    others.ids["settings cursor"] = history["edges"][0]["cursor"]
