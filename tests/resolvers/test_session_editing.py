"""A venue's manager writes a pool's sessions through the public door: previewed, listed, and audited."""

from datetime import timedelta
from typing import Any

from models.audit.tables import AuditLine
from models.booking.tables import SessionPlanVersion
from models.staff.rules import Role
from tests.factories.booking import TOMORROW, a_hall, at
from tests.factories.sessions import a_session
from tests.house import House, nothing_changes
from tests.resolvers import documents_editing as editing

LATER = TOMORROW + timedelta(days=2)
TICKET = {"ticket": "ADULT", "kind": "LOW", "price": 1500}
FREE = {"ticket": "ADULT", "kind": "FREE", "price": 0}
TIME = {"fromMinute": 1140, "toMinute": 1260, "capacity": 30}
SESSIONS = [{"days": "ALL", **TIME, "tickets": [TICKET]}, {"days": "DATE:08-08", **TIME, "tickets": [FREE]}]
PLAN: dict[str, Any] = {
    "sport": "SWIMMING",
    "name": "大众池",
    "areaM2": 100,
    "lifeguards": 3,
    "placesAPersonADay": 2,
    "sessions": SESSIONS,
    "fromDay": str(LATER),
    "note": "冬季场次",
}


async def test_sessions_do_what_their_preview_said_and_stand_in_the_settings(house: House) -> None:
    hall = await a_hall()
    session = await a_session(hall.venue, days=3)
    manager = await house.clerk(hall.venue.public_id, roles=(Role.VENUE_MANAGER,))
    citizen = await house.citizen()
    venue_id = hall.venue.public_id
    paid = await citizen.has_paid(
        {"sessionId": session.public_id, "ticket": "CHILD", "people": 2, "expectedPrice": 3000}
    )
    asked = {"venueId": venue_id, "plan": PLAN}
    async with nothing_changes():
        seen = (await manager.ask(editing.PREVIEW_SESSION_PLAN, **asked)).value
        narrow = {**PLAN, "areaM2": 70}
        refusal = (await manager.ask(editing.PREVIEW_SESSION_PLAN, venueId=venue_id, plan=narrow)).refusal
    assert (refusal.code, "最多容纳28人" in refusal.message) == ("BAD_INPUT", True)
    assert seen["changes"][:3] == [
        "新增每天19:00–21:00：30人，成人票15.00元。",
        "新增每年8月8日19:00–21:00：30人，成人票免费。",
        "不再有每天14:00–16:00。",
    ]
    counted = [seen[name] for name in ("fromDay", "untilDay", "bookings", "bookingsWithout", "bookingsOtherwise")]
    assert counted == [str(LATER), None, 1, 1, 0]
    (lost,) = seen["listed"]
    assert lost == {
        "orderNo": paid["orderNo"],
        "startsAt": at(14, days=3).isoformat(),
        "endsAt": at(16, days=3).isoformat(),
        "ticket": "CHILD",
        "people": 2,
        "paid": True,
    }

    writing = {**asked, "expectedChange": seen["changeHash"], "idempotencyKey": "plans-0001"}
    assert (await manager.ask(editing.WRITE_SESSION_PLAN, **writing)).value["version"] == 1
    async with nothing_changes():
        assert (await manager.ask(editing.WRITE_SESSION_PLAN, **writing)).value["version"] == 1
        other = {**writing, "idempotencyKey": "plans-0002"}
        assert (await manager.ask(editing.WRITE_SESSION_PLAN, **other)).refusal.code == "BAD_INPUT", "nothing new"

    settings = (await manager.ask(editing.VENUE_SETTINGS, venueId=venue_id, on=str(TOMORROW))).value
    files, daily, free = settings["sessionPlans"]
    assert (files["version"], files["untilDay"], files["writtenBy"]) == (0, str(LATER), "")
    assert {name: daily[name] for name in ("version", "fromDay", "untilDay", "note", "areaM2", "capacity")} == {
        "version": 1, "fromDay": str(LATER), "untilDay": None, "note": "冬季场次", "areaM2": 100, "capacity": 30,
    }  # fmt: skip
    assert daily["tickets"] == [{**TICKET, "provenance": "PUBLISHED"}]
    assert (free["days"], free["tickets"][0]["price"], bool(free["writtenBy"])) == ("DATE:08-08", 0, True)
    then = (await manager.ask(editing.VENUE_SETTINGS, venueId=venue_id, on=str(LATER))).value["sessionPlans"]
    assert [each["version"] for each in then] == [1, 1]
    (change,) = (await manager.ask(editing.SETTINGS_HISTORY, venueId=venue_id)).value["edges"]
    audited = await AuditLine.filter(act="writeSessionPlan", outcome="OK").order_by("id").first()
    assert audited is not None
    assert (change["node"]["kind"], change["node"]["sport"], change["node"]["auditId"]) == (
        "SESSIONS",
        "SWIMMING",
        audited.public_id,
    )
    assert (audited.subject_kind, audited.subject_id) == ("VENUE", venue_id)
    assert await AuditLine.filter(act="previewSessionPlan").count() == 2, "whoever looked stands there too"


async def test_only_who_edits_the_venue_may_look_or_write(house: House) -> None:
    hall, other = await a_hall(), await a_hall(ref="SC007")
    clerk = await house.clerk(hall.venue.public_id, roles=(Role.REDEEMER,), device_id="desk-1")
    stranger = await house.clerk(other.venue.public_id, roles=(Role.VENUE_MANAGER,), device_id="desk-2")
    citizen = await house.citizen()
    asked = {"venueId": hall.venue.public_id, "plan": PLAN}
    writing = {**asked, "expectedChange": "none", "idempotencyKey": "plans-0001"}
    for nobody, code in ((clerk, "NOT_ALLOWED"), (stranger, "NOT_ALLOWED"), (citizen, "NOT_SIGNED_IN")):
        assert (await nobody.ask(editing.PREVIEW_SESSION_PLAN, **asked)).refusal.code == code
        assert (await nobody.ask(editing.WRITE_SESSION_PLAN, **writing)).refusal.code == code
    assert not await SessionPlanVersion.all().exists()
