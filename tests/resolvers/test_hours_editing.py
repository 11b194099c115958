"""A venue's manager writes opening hours through the public door: previewed, seen by everybody on their day, and audited."""

from datetime import timedelta
from typing import Any

from models.audit.tables import AuditLine
from models.staff.rules import Role
from models.venues.tables import HoursVersion
from tests.factories.booking import TOMORROW, a_hall, at
from tests.house import House, line, nothing_changes
from tests.resolvers import documents
from tests.resolvers import documents_editing as editing

LATER = TOMORROW + timedelta(days=2)
OPENINGS = [{"weekday": day, "fromMinute": 600, "toMinute": 1200} for day in range(1, 8)]
HOURS: dict[str, Any] = {"fromDay": str(LATER), "openings": OPENINGS, "note": "冬季时间"}


async def test_hours_do_what_their_preview_said_and_everybody_sees_them_from_their_day_on(house: House) -> None:
    hall = await a_hall()
    manager = await house.clerk(hall.venue.public_id, roles=(Role.VENUE_MANAGER,))
    citizen = await house.citizen()
    venue_id = hall.venue.public_id
    paid = await citizen.has_paid(line(hall.badminton, at(20, days=3)))
    asked = {"venueId": venue_id, "hours": HOURS}
    async with nothing_changes():
        seen = (await manager.ask(editing.PREVIEW_OPENING_HOURS, **asked)).value
    assert seen["changes"][0] == "周一、周二、周三、周四、周五、周六、周日：08:00–22:00 → 10:00–20:00"
    assert (seen["fromDay"], seen["untilDay"], seen["bookings"], seen["bookingsOutside"]) == (
        str(LATER),
        None,
        1,
        1,
    )
    assert [(each["orderNo"], each["courtName"]) for each in seen["listed"]] == [(paid["orderNo"], "羽毛球1号场")]

    writing = {**asked, "expectedChange": seen["changeHash"], "idempotencyKey": "hours-0001"}
    assert (await manager.ask(editing.WRITE_OPENING_HOURS, **writing)).value["version"] == 1
    async with nothing_changes():
        assert (await manager.ask(editing.WRITE_OPENING_HOURS, **writing)).value["version"] == 1
        other = {**writing, "idempotencyKey": "hours-0002"}
        assert (await manager.ask(editing.WRITE_OPENING_HOURS, **other)).refusal.code == "BAD_INPUT", "nothing new"
        shut = {**writing, "idempotencyKey": "hours-0003", "hours": {**HOURS, "openings": OPENINGS[:1]}}
        assert (await manager.ask(editing.WRITE_OPENING_HOURS, **shut)).refusal.code == "PREVIEW_CHANGED"

    async def starts(days: int) -> list[str]:
        day = TOMORROW + timedelta(days=days - 1)
        courts = (await house.ask(documents.SLOTS, {"venueId": venue_id, "date": str(day)})).value
        return [slot["startsAt"] for slot in courts[0]["slots"]]

    assert [len(await starts(days)) for days in (2, 3)] == [14, 10]
    settings = (await manager.ask(editing.VENUE_SETTINGS, venueId=venue_id, on=str(LATER))).value
    told = {name: settings["openingHours"][name] for name in ("version", "fromDay", "untilDay", "note")}
    assert told == {"version": 1, "fromDay": str(LATER), "untilDay": None, "note": "冬季时间"}
    assert settings["openingHours"]["openings"] == [{**each, "sport": ""} for each in OPENINGS]
    before = (await manager.ask(editing.VENUE_SETTINGS, venueId=venue_id, on=str(TOMORROW))).value
    assert (before["openingHours"]["version"], before["openingHours"]["writtenBy"]) == (0, "")
    assert [each["version"] for each in before["comingOpeningHours"]] == [1]
    (change,) = (await manager.ask(editing.SETTINGS_HISTORY, venueId=venue_id)).value["edges"]
    audited = await AuditLine.filter(act="writeOpeningHours", outcome="OK").order_by("id").first()
    assert audited is not None
    assert (change["node"]["kind"], change["node"]["auditId"]) == ("HOURS", audited.public_id)
    assert (audited.subject_kind, audited.subject_id) == ("VENUE", venue_id)
    looked = await AuditLine.filter(act="previewOpeningHours").count()
    assert looked == 1, "whoever looked stands there too"


async def test_only_who_edits_the_venue_may_look_or_write(house: House) -> None:
    hall, other = await a_hall(), await a_hall(ref="SC007")
    clerk = await house.clerk(hall.venue.public_id, roles=(Role.REDEEMER,), device_id="desk-1")
    stranger = await house.clerk(other.venue.public_id, roles=(Role.VENUE_MANAGER,), device_id="desk-2")
    citizen = await house.citizen()
    asked = {"venueId": hall.venue.public_id, "hours": HOURS}
    writing = {**asked, "expectedChange": "none", "idempotencyKey": "hours-0001"}
    for nobody, code in ((clerk, "NOT_ALLOWED"), (stranger, "NOT_ALLOWED"), (citizen, "NOT_SIGNED_IN")):
        assert (await nobody.ask(editing.PREVIEW_OPENING_HOURS, **asked)).refusal.code == code
        assert (await nobody.ask(editing.WRITE_OPENING_HOURS, **writing)).refusal.code == code
    assert not await HoursVersion.all().exists()
