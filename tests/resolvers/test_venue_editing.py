"""Staff edit a venue's tariff and rules: what the preview shows is what is written, and what exists keeps what it has."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from models import database
from models.booking.tables import BookingRule
from models.orders.tables import OrderLine
from models.staff.rules import Role
from models.venues.tables import Court, TariffVersion
from tests.factories.booking import TOMORROW, Hall, a_hall, at
from tests.house import Clerk, House, line, nothing_changes
from tests.resolvers import documents
from tests.resolvers import documents_editing as editing

LATER = TOMORROW + timedelta(days=2)
DEAR = {"days": "ALL", "fromMinute": 480, "toMinute": 1440, "kind": "MARKET", "pricePerHour": 6000}
TARIFF: dict[str, Any] = {
    "fromDay": str(LATER),
    "windows": [DEAR],
    "freeDays": ["DATE:08-08"],
    "concessions": [{"kind": "SENIOR", "paysPercent": 30}],
    "note": "春节后调价",
}
LIMITS = {
    "courtsAPersonADay": 1, "minutesACourtADay": 60, "daysAhead": 5, "releaseMinute": 480, "holdMinutes": 15,
    "entryOpensMinutesBefore": 30, "fewestPlayers": 2,
}  # fmt: skip
RULES: dict[str, Any] = {"sport": "BADMINTON", "fromDay": str(LATER), "limits": LIMITS, "note": "人太多，一人一场"}


@pytest.fixture
async def hall(house: House) -> Hall:
    return await a_hall()


async def a_manager(house: House, hall: Hall, n: int = 1) -> Clerk:
    return await house.clerk(hall.venue.public_id, roles=(Role.VENUE_MANAGER,), device_id=f"office-{n}")


async def prices_on(house: House, hall: Hall, day: Any) -> set[int]:
    citizen = await house.ask(documents.SLOTS, {"venueId": hall.venue.public_id, "date": str(day)})
    return {slot["price"] for court in citizen.value for slot in court["slots"]}


async def written(clerk: Clerk, hall: Hall, tariff: Mapping[str, Any], **more: str) -> Any:
    venue_id = hall.venue.public_id
    if "expectedChange" not in more:
        seen = await clerk.ask(editing.PREVIEW_TARIFF, venueId=venue_id, tariff=tariff)
        more["expectedChange"] = seen.value["changeHash"]
    asked = {"venueId": venue_id, "tariff": tariff, "idempotencyKey": "key-00000001", **more}
    return await clerk.ask(editing.WRITE_TARIFF, **asked)


async def test_a_tariff_does_what_its_preview_said_from_its_day_on_and_to_nothing_that_was_booked(
    house: House, hall: Hall
) -> None:
    manager, citizen = await a_manager(house, hall), await house.citizen()
    venue_id = hall.venue.public_id
    await citizen.has_paid(line(hall.badminton, at(10)), line(hall.badminton, at(10, days=3)))
    await citizen.places(line(hall.full, at(12, days=4)))
    before = await OrderLine.all().order_by("id").values()
    admissions = await database.rows("SELECT * FROM admission ORDER BY id")
    async with nothing_changes():
        seen = (await manager.ask(editing.PREVIEW_TARIFF, venueId=venue_id, tariff=TARIFF)).value
    assert "新增：每天08:00–24:00市场价，每小时60.00元（已公布）" in seen["changes"]
    assert "取消：每天09:00–24:00市场价，每小时40.00元（演示）" in seen["changes"]
    assert any(said.startswith("老年人优待：") and said.endswith("→ 整场付30%") for said in seen["changes"])
    assert (seen["bookings"], seen["bookingsOtherwise"]) == (2, 2), "tomorrow's is before its first day"
    assert seen["promise"] == "已有2个预订与新的规定不同，仍按原来的价格和规则履行。"
    settings = {"venueId": venue_id, "on": str(LATER)}
    old = (await manager.ask(editing.VENUE_SETTINGS, **settings)).value
    assert (old["tariff"]["version"], old["tariff"]["writtenBy"], old["comingTariffs"]) == (0, "", [])
    assert (await written(manager, hall, TARIFF)).value["version"] == 1
    assert await OrderLine.all().order_by("id").values() == before
    assert await database.rows("SELECT * FROM admission ORDER BY id") == admissions
    assert 6000 not in await prices_on(house, hall, LATER - timedelta(days=1))
    assert await prices_on(house, hall, LATER) == {6000}
    new = (await manager.ask(editing.VENUE_SETTINGS, **settings)).value["tariff"]
    assert (new["version"], new["note"], new["fromDay"]) == (1, TARIFF["note"], str(LATER))
    asked = [{"sport": "", "courtName": "", **window} for window in TARIFF["windows"]]
    kept = [{name: window[name] for name in asked[0]} for window in new["windows"]]
    assert asked[0] in kept
    assert [each["paysPercent"] for each in new["concessions"]] == [30]
    coming = (await manager.ask(editing.VENUE_SETTINGS, venueId=venue_id, on=str(TOMORROW))).value
    assert [each["version"] for each in coming["comingTariffs"]] == [1]
    again = (await manager.ask(editing.PREVIEW_TARIFF, venueId=venue_id, tariff=TARIFF)).value
    assert again["changes"] == [], "the preview of what stands says that nothing changes"


async def test_rules_do_what_their_preview_said_and_break_no_booking(house: House, hall: Hall) -> None:
    manager, citizen = await a_manager(house, hall), await house.citizen()
    venue_id = hall.venue.public_id
    await citizen.has_paid(
        line(hall.badminton, at(10, days=3), people=2), line(hall.badminton_2, at(10, days=3), people=2)
    )
    await citizen.has_paid(line(hall.badminton, at(10, days=4)), line(hall.full, at(10, days=5)))
    asked = {"venueId": venue_id, "rules": RULES}
    async with nothing_changes():
        seen = (await manager.ask(editing.PREVIEW_BOOKING_RULES, **asked)).value
    assert "每人每天最多订的场地：2片 → 1片" in seen["changes"]
    assert "每场至少：1人 → 2人" in seen["changes"]
    assert (seen["bookings"], seen["bookingsOtherwise"]) == (3, 2), "basketball is not concerned"
    before = await OrderLine.all().order_by("id").values()
    asked["expectedChange"] = seen["changeHash"]
    assert (await manager.ask(editing.WRITE_BOOKING_RULES, **asked)).value["version"] == 1
    async with nothing_changes():
        assert (await manager.ask(editing.WRITE_BOOKING_RULES, **asked)).value["version"] == 1, "the same again"
    assert await OrderLine.all().order_by("id").values() == before
    alone = await citizen.ask(
        documents.PLACE_ORDER, lines=[line(hall.badminton, at(12, days=4))], idempotencyKey="order-0001"
    )
    assert alone.refusal.code == "TOO_FEW_PEOPLE"
    await citizen.places(line(hall.badminton, at(12, days=2)))
    stands = (await manager.ask(editing.VENUE_SETTINGS, venueId=venue_id, on=str(LATER))).value["rules"][0]
    assert stands["limits"] | LIMITS == stands["limits"]
    assert (stands["ofVenue"], stands["note"], stands["version"]) == (True, RULES["note"], 1)
    changed = {**asked, "rules": {**RULES, "limits": {**LIMITS, "fewestPlayers": 1}}}
    assert (await manager.ask(editing.WRITE_BOOKING_RULES, **changed)).refusal.code == "PREVIEW_CHANGED"
    assert await BookingRule.filter(venue_id=hall.venue.id).count() == 1


@pytest.mark.parametrize(
    ("changed", "code", "field"),
    [
        ({"windows": [{**DEAR, "toMinute": 600}]}, "BAD_INPUT", "windows"),
        ({"windows": [DEAR, {**DEAR, "fromMinute": 600}]}, "BAD_INPUT", "windows"),
        ({"windows": [{**DEAR, "pricePerHour": 0}]}, "BAD_INPUT", "windows"),
        ({"freeDays": []}, "BAD_INPUT", "windows"),
        ({"freeDays": ["DATE:02-29"]}, "BAD_INPUT", "windows"),
        ({"fromDay": "2026-11-19"}, "BAD_INPUT", "fromDay"),
        ({"note": " "}, "BAD_INPUT", "note"),
    ],
)
async def test_a_preview_is_refused_by_name_as_the_write_is(
    house: House, hall: Hall, changed: dict[str, Any], code: str, field: str
) -> None:
    manager = await a_manager(house, hall)
    tariff = {**TARIFF, **changed}
    async with nothing_changes():
        seen = await manager.ask(editing.PREVIEW_TARIFF, venueId=hall.venue.public_id, tariff=tariff)
    refused = (await written(manager, hall, tariff, expectedChange="never seen")).refusal
    assert seen.refusal == refused
    assert (refused.code, refused.field) == (code, field)
    assert not await TariffVersion.all().exists()


async def test_rules_that_nobody_can_keep_are_refused_by_name(house: House, hall: Hall) -> None:
    manager = await a_manager(house, hall)
    for changed, code, field in (
        ({"limits": {**LIMITS, "fewestPlayers": 21}}, "RULES_INVALID", "rule"),
        ({"limits": {**LIMITS, "minutesACourtADay": 30}}, "RULES_INVALID", "rule"),
        ({"sport": "CHESS"}, "RULES_INVALID", "sport"),
        ({"fromDay": "2026-11-19"}, "RULES_INVALID", "fromDay"),
        ({"note": ""}, "BAD_INPUT", "note"),
    ):
        asked = {"venueId": hall.venue.public_id, "rules": {**RULES, **changed}}
        seen = (await manager.ask(editing.PREVIEW_BOOKING_RULES, **asked)).refusal
        assert seen == (await manager.ask(editing.WRITE_BOOKING_RULES, **asked, expectedChange="x")).refusal
        assert (seen.code, seen.field) == (code, field)
    assert not await BookingRule.filter(venue_id=hall.venue.id).exists()


async def test_the_history_says_who_wrote_what_and_leads_to_the_audit_line_and_strangers_get_nothing(
    house: House, hall: Hall
) -> None:
    manager, venue_id = await a_manager(house, hall), hall.venue.public_id
    await written(manager, hall, TARIFF)
    seen = (await manager.ask(editing.PREVIEW_BOOKING_RULES, venueId=venue_id, rules=RULES)).value
    asked: dict[str, Any] = {"venueId": venue_id, "rules": RULES, "expectedChange": seen["changeHash"]}
    assert (await manager.ask(editing.WRITE_BOOKING_RULES, **asked)).value["version"] == 1
    pages, after = [], None
    while True:
        page = (await manager.ask(editing.SETTINGS_HISTORY, venueId=venue_id, first=1, after=after)).value
        pages += [edge["node"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert {(each["kind"], each["version"], each["note"]) for each in pages} == {
        ("TARIFF", 1, TARIFF["note"]), ("RULES", 1, RULES["note"])
    }  # fmt: skip
    assert len(pages) == 2
    for each in pages:
        found = await database.rows("SELECT act, venue_id FROM audit_line WHERE public_id = $1", each["auditId"])
        act = {"TARIFF": "writeTariff", "RULES": "writeBookingRules"}[each["kind"]]
        assert [tuple(row) for row in found] == [(act, venue_id)]
    wrong = await manager.ask(editing.SETTINGS_HISTORY, venueId=venue_id, after="T99")
    assert (wrong.refusal.code, wrong.refusal.field) == ("BAD_INPUT", "after")
    other = await a_hall(ref="SC007")
    stranger = await a_manager(house, other, 2)
    for document, more in (
        (editing.VENUE_SETTINGS, {"on": str(LATER)}),
        (editing.SETTINGS_HISTORY, {}),
        (editing.PREVIEW_TARIFF, {"tariff": TARIFF}),
        (editing.PREVIEW_BOOKING_RULES, {"rules": RULES}),
        (editing.WRITE_TARIFF, {"tariff": TARIFF, "expectedChange": "x", "idempotencyKey": "key-00000002"}),
        (editing.WRITE_BOOKING_RULES, {"rules": RULES, "expectedChange": "x"}),
    ):
        for venue in (venue_id, "ven_NONE"):
            assert (await stranger.ask(document, venueId=venue, **more)).refusal.code == "NOT_ALLOWED"
    assert await TariffVersion.all().count() == 1


async def test_a_preview_is_over_once_the_venue_is_another_than_it_showed(house: House, hall: Hall) -> None:
    manager, venue_id = await a_manager(house, hall), hall.venue.public_id
    seen = (await manager.ask(editing.PREVIEW_TARIFF, venueId=venue_id, tariff=TARIFF)).value["changeHash"]
    await Court.filter(id=hall.badminton_2.id).update(is_open=False)
    refused = (await written(manager, hall, TARIFF, expectedChange=seen)).refusal
    assert (refused.code, refused.field) == ("PREVIEW_CHANGED", "expectedChange")
    assert not await TariffVersion.all().exists()
    assert (await written(manager, hall, TARIFF)).value["version"] == 1
    async with nothing_changes():
        assert (await written(manager, hall, TARIFF, expectedChange=seen)).value["version"] == 1, "under its key"


@pytest.mark.postgres
async def test_of_two_managers_who_write_at_once_one_hears_that_the_preview_changed(
    house: House, hall: Hall
) -> None:
    managers = [await a_manager(house, hall, n) for n in (1, 2)]
    venue_id = hall.venue.public_id
    tariffs = [{**TARIFF, "windows": [{**DEAR, "pricePerHour": fen}]} for fen in (5000, 7000)]
    hashes = [
        (await each.ask(editing.PREVIEW_TARIFF, venueId=venue_id, tariff=tariff)).value["changeHash"]
        for each, tariff in zip(managers, tariffs, strict=True)
    ]
    answers = await asyncio.gather(
        *(
            written(each, hall, tariff, expectedChange=seen, idempotencyKey=f"key-0000000{n}")
            for n, (each, tariff, seen) in enumerate(zip(managers, tariffs, hashes, strict=True))
        )
    )
    said = sorted(str(answer.said["data"]["writeTariff"]["version"]) for answer in answers)
    assert said == ["1", "None"]
    refused = next(answer for answer in answers if answer.said["data"]["writeTariff"]["version"] is None)
    assert (refused.refusal.code, refused.refusal.field) == ("PREVIEW_CHANGED", "expectedChange")
    rules = [{**RULES, "limits": {**LIMITS, "daysAhead": days}} for days in (4, 6)]
    seen = [
        (await each.ask(editing.PREVIEW_BOOKING_RULES, venueId=venue_id, rules=wanted)).value["changeHash"]
        for each, wanted in zip(managers, rules, strict=True)
    ]
    answers = await asyncio.gather(
        *(
            each.ask(editing.WRITE_BOOKING_RULES, venueId=venue_id, rules=wanted, expectedChange=known)
            for each, wanted, known in zip(managers, rules, seen, strict=True)
        )
    )
    assert sorted(str(answer.said["data"]["writeBookingRules"]["version"]) for answer in answers) == ["1", "None"]
    assert await BookingRule.filter(venue_id=hall.venue.id).count() == await TariffVersion.all().count() == 1
