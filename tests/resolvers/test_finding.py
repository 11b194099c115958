"""Finding a venue and a slot through the public door: what is found, and every way to ask wrongly."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from geopy.distance import geodesic

from maps.coordinates import CoordinateSystem, convert
from models.calendar import business_day
from models.footfall import devices
from tests.conftest import NOW
from tests.factories.booking import a_hall, a_person, an_order, at, wanted
from tests.factories.places import TIANFU_SQUARE, a_court, a_region, a_venue, a_venue_across, all_places
from tests.house import House, line, nothing_changes
from tests.resolvers import documents
from tests.resolvers.documents_sessions import SESSIONS

HERE = {"lon": TIANFU_SQUARE[0], "lat": TIANFU_SQUARE[1], "system": "WGS84"}
TODAY = business_day(NOW)


async def near(house: House, **asked: Any) -> Any:
    return await house.ask(documents.VENUES_NEAR, {"point": HERE, **asked})


async def test_venues_come_nearest_first_by_true_metres_with_everything_a_list_shows(house: House) -> None:
    district = await a_region("500103", name="渝中区", parent_key="500100")
    far = await a_venue(
        name="远馆", lon=TIANFU_SQUARE[0] + 0.03, phone="028-81234567", grade="甲级", region=district
    )
    close = await a_venue(name="近馆", lat=TIANFU_SQUARE[1] + 0.01)
    await a_venue(name="停业馆", is_open=False)
    await a_venue(name="城外馆", lon=TIANFU_SQUARE[0] + 0.2)
    for venue in (far, close):
        await a_court(venue)
    found = (await near(house, coordinateSystem="WGS84")).value
    assert [edge["node"]["id"] for edge in found["edges"]] == [close.public_id, far.public_id]
    for edge, venue in zip(found["edges"], (close, far), strict=True):
        truth = geodesic(TIANFU_SQUARE[::-1], (venue.lat, venue.lon)).m
        assert abs(edge["distanceM"] - truth) <= 1
    shown = found["edges"][1]["node"]
    assert shown == {
        "id": far.public_id,
        "name": "远馆",
        "address": far.address,
        "venueType": far.venue_type,
        "regionName": "渝中区",
        "coordinate": {"lon": round(far.lon, 6), "lat": round(far.lat, 6), "system": "WGS84"},
        "coordinateQuality": "DISTRICT_CENTROID",
        "phone": "028-81234567",
        "grade": "甲级",
        "isOpen": True,
        "sports": [{"code": "BADMINTON", "name": "羽毛球"}],
        "priceFrom": 4000,
        "priceIsDemonstration": True,
        "openingToday": [{"opens": "08:00", "closes": "22:00"}],
        "occupancy": None,
        "jump": None,
    }


@pytest.mark.parametrize("spoken", list(CoordinateSystem))
async def test_each_coordinate_system_is_understood_and_answered_in(
    house: House, spoken: CoordinateSystem
) -> None:
    venue = await a_venue(lon=104.07, lat=30.67)
    lon, lat = convert(venue.lon, venue.lat, CoordinateSystem.WGS84, spoken)
    asked = {"lon": lon, "lat": lat, "system": spoken.value}
    found = (await near(house, point=asked, radiusM=5, coordinateSystem=spoken.value)).value
    assert [edge["distanceM"] for edge in found["edges"]] == [0]
    shown = found["edges"][0]["node"]["coordinate"]
    assert shown == {"lon": round(lon, 6), "lat": round(lat, 6), "system": spoken.value}
    one = (await house.ask(documents.VENUE, {"id": venue.public_id, "coordinateSystem": spoken.value})).value
    assert one["coordinate"] == shown


async def test_a_venue_that_is_booked_elsewhere_stands_in_the_same_list_with_a_jump_that_carries_the_search(
    house: House,
) -> None:
    here = await a_venue(name="本平台馆")
    await a_court(here)
    there = await a_venue_across(lat=TIANFU_SQUARE[1] + 0.01)
    asked = {"sport": "BADMINTON", "openAt": "2026-11-21T09:30:00+08:00"}
    found = {edge["node"]["id"]: edge["node"] for edge in (await near(house, **asked)).value["edges"]}
    assert set(found) == {here.public_id, there.public_id}, "hours that we do not know hide nobody"
    assert found[here.public_id]["jump"] is None
    lon, lat = convert(there.lon, there.lat, CoordinateSystem.WGS84, CoordinateSystem.GCJ02)
    assert found[there.public_id]["jump"] == {
        "platformName": "渝动（示例）",
        "appid": "wx0123456789abcdef",
        "path": "pages/venue?id=%E9%A6%86%207&sport=BADMINTON&date=2026-11-21&time=09%3A30",
        "url": f"https://across.example.cn/%E9%A6%86%207?lon={lon:.6f}&lat={lat:.6f}&date=2026-11-21",
        "isDemonstration": True,
    }
    one = (await house.ask(documents.VENUE, {"id": there.public_id, **asked})).value
    assert one["jump"] == found[there.public_id]["jump"]
    assert (one["priceFrom"], one["openingToday"]) == (None, [])


async def test_unless_told_otherwise_both_ways_speak_gcj02(house: House) -> None:
    venue = await a_venue()
    lon, lat = convert(venue.lon, venue.lat, CoordinateSystem.WGS84, CoordinateSystem.GCJ02)
    found = (await near(house, point={"lon": lon, "lat": lat}, radiusM=5)).value
    shown = found["edges"][0]["node"]["coordinate"]
    assert shown == {"lon": round(lon, 6), "lat": round(lat, 6), "system": "GCJ02"}


async def test_pages_walk_all_venues_once_and_in_order(house: House) -> None:
    await all_places()
    asked = {"radiusM": 100_000, "first": 7}
    whole = (await near(house, radiusM=100_000, first=50)).value["edges"]
    walked: list[Any] = []
    after = None
    while True:
        page = (await near(house, **asked, after=after)).value
        walked += page["edges"]
        info = page["pageInfo"]
        assert info["hasPreviousPage"] == (after is not None)
        assert (info["startCursor"], info["endCursor"]) == (
            page["edges"][0]["cursor"],
            page["edges"][-1]["cursor"],
        )
        if not info["hasNextPage"]:
            break
        assert len(page["edges"]) == 7
        after = info["endCursor"]
    ids = [edge["node"]["id"] for edge in walked]
    assert len(ids) > 21
    assert len(set(ids)) == len(ids)
    assert walked[: len(whole)] == whole
    assert [edge["distanceM"] for edge in walked] == sorted(edge["distanceM"] for edge in walked)


async def test_a_sport_and_an_hour_narrow_what_is_found(house: House) -> None:
    early = await a_venue(open_minutes=(6 * 60, 12 * 60))
    late = await a_venue(open_minutes=(12 * 60, 22 * 60))
    await a_court(early)
    await a_court(late, sport="TENNIS")

    async def ids(**asked: Any) -> list[str]:
        return [edge["node"]["id"] for edge in (await near(house, **asked)).value["edges"]]

    assert await ids(sport="TENNIS") == [late.public_id]
    assert await ids(openAt=at(7).isoformat()) == [early.public_id]
    assert await ids(openAt=at(12).isoformat()) == [late.public_id]
    assert await ids(openAt=at(7).isoformat(), sport="TENNIS") == []


WRONG_QUESTIONS: list[tuple[dict[str, Any], str, str | None]] = [
    ({"radiusM": 0}, "BAD_INPUT", "radiusM"),
    ({"radiusM": -1}, "BAD_INPUT", "radiusM"),
    ({"radiusM": 100_001}, "BAD_INPUT", "radiusM"),
    ({"radiusM": 2**31 - 1}, "BAD_INPUT", "radiusM"),
    ({"radiusM": 10**30}, "BAD_INPUT", None),
    ({"radiusM": 0.5}, "BAD_INPUT", None),
    ({"radiusM": "5000"}, "BAD_INPUT", None),
    ({"first": 0}, "BAD_INPUT", "first"),
    ({"first": -1}, "BAD_INPUT", "first"),
    ({"first": 51}, "BAD_INPUT", "first"),
    ({"first": 10**30}, "BAD_INPUT", None),
    ({"point": {"lon": 2.35, "lat": 48.86}}, "COORDINATE_OUTSIDE", "point"),
    ({"point": {"lon": 0, "lat": 0}}, "COORDINATE_OUTSIDE", "point"),
    ({"point": {"lon": 30.66, "lat": 104.07}}, "BAD_INPUT", "point"),  # swapped
    ({"point": {"lon": 104.07, "lat": 10**30}}, "BAD_INPUT", "point"),
    ({"point": {"lon": "104", "lat": 30}}, "BAD_INPUT", None),
    ({"point": {"lon": None, "lat": 30}}, "BAD_INPUT", None),
    ({"point": {"lon": 104.07, "lat": 30.66, "system": "MARS"}}, "BAD_INPUT", None),
    ({"point": None}, "BAD_INPUT", None),
    ({"sport": "QUIDDITCH"}, "SPORT_UNKNOWN", "sport"),
    ({"sport": ""}, "SPORT_UNKNOWN", "sport"),
    ({"sport": "x" * 9000}, "SPORT_UNKNOWN", "sport"),
    ({"sport": "羽毛球"}, "SPORT_UNKNOWN", "sport"),
    ({"openAt": "2026-11-20T10:00:00"}, "BAD_INPUT", "openAt"),  # ten o'clock where?
    ({"openAt": "1926-11-20T10:00:00+08:00"}, "BAD_INPUT", "openAt"),
    ({"openAt": "9999-12-31T23:59:59-23:59"}, "BAD_INPUT", "openAt"),
    ({"openAt": "0001-01-01T00:00:00+23:59"}, "BAD_INPUT", "openAt"),
    ({"openAt": "tomorrow"}, "BAD_INPUT", None),
    ({"after": ""}, "BAD_INPUT", "after"),
    ({"after": "nonsense"}, "BAD_INPUT", "after"),
    ({"after": "游标"}, "BAD_INPUT", "after"),
    ({"after": "x" * 9000}, "BAD_INPUT", "after"),
]


async def test_a_wrong_question_is_refused_in_a_sentence(house: House) -> None:
    await a_venue()
    async with nothing_changes():
        for asked, code, field in WRONG_QUESTIONS:
            refusal = (await near(house, **asked)).refusal
            assert (refusal.code, refusal.field) == (code, field), asked


async def test_a_cursor_that_we_did_not_give_is_refused(house: House) -> None:
    await a_venue()
    for said in (
        b"[1e999, 1]",
        b"[-1, 1]",
        b"[1, -1]",
        b"[1, 1e300]",
        b"[1]",
        b"[1, 2, 3]",
        b"{}",
        b"[[[]], 1]",
        b"null",
    ):
        refusal = (await near(house, after=base64.urlsafe_b64encode(said).decode())).refusal
        assert (refusal.code, refusal.field) == ("BAD_INPUT", "after"), said


async def test_an_infinite_coordinate_written_into_the_document_is_refused(house: House) -> None:
    for point in ("{lon: 1e999, lat: 30}", "{lon: 104, lat: -1e999}"):
        answer = await house.ask(f"{{ venuesNear(point: {point}) {{ edges {{ cursor }} }} }}")
        assert answer.refusal.code == "BAD_INPUT"


async def test_nan_is_no_json_and_a_400(house: House) -> None:
    body = b'{"query": "{ sports { code } }", "variables": {"lon": NaN}}'
    answer = await house.http.post("/graphql", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert "请求没有读懂" in answer.json()["errors"][0]["message"]


async def test_a_closed_venue_is_shown_as_closed_and_an_unknown_one_is_nothing(house: House) -> None:
    closed = await a_venue(is_open=False)
    assert (await house.ask(documents.VENUE, {"id": closed.public_id})).value["isOpen"] is False
    for unknown in ("ven_unknown", "", "x" * 9000, "场馆", "1", "' OR 1=1 --"):
        assert (await house.ask(documents.VENUE, {"id": unknown})).value is None


async def test_a_venue_tells_how_many_are_inside_and_how_old_that_figure_is(house: House) -> None:
    hall, citizen = await a_hall(), await house.citizen()
    gate = await devices.create_gate(
        device_no="GATE-1",
        venue_public_id=hall.venue.public_id,
        direction="ENTRY",
        keys=house.wired.settings.gate_keys,
    )
    order = await citizen.has_paid(line(hall.badminton, at(11, days=0)))
    await house.travel(at(10, 45, days=0))
    code = await citizen.code(order["admissions"][0]["id"])
    assert (await house.http.post(f"/gates/{gate.token}", content=code)).text == "code=0000"

    async def shown() -> tuple[int, int]:
        one = (await house.ask(documents.VENUE, {"id": hall.venue.public_id})).value["occupancy"]
        (edge,) = (await near(house)).value["edges"]
        assert edge["node"]["occupancy"]["inside"] == one["inside"]
        assert datetime.fromisoformat(one["countedAt"]) - at(10, 45, days=0) < timedelta(seconds=30)
        return one["inside"], one["ageSeconds"]

    await house.travel(at(10, 55, days=0))
    inside, age = await shown()
    assert inside == 1
    assert 570 <= age <= 630
    await house.travel(at(7))
    inside, age = await shown()
    assert inside == 0
    assert age > 20 * 3600


async def test_the_grid_of_a_day_shows_status_and_price(house: House) -> None:
    hall = await a_hall(free_mornings=True)
    citizen = await a_person()
    await an_order(citizen, wanted(hall.left, at(10, days=0) + timedelta(hours=1)))
    asked = {"venueId": hall.venue.public_id, "date": TODAY.isoformat()}
    grid = {court["courtName"]: court for court in (await house.ask(documents.SLOTS, asked)).value}
    assert list(grid) == ["篮球全场", "篮球左半场", "篮球右半场", "羽毛球1号场", "羽毛球2号场"]

    def status(court: str, hour: int) -> str:
        starts = at(hour, days=0)
        (slot,) = (slot for slot in grid[court]["slots"] if datetime.fromisoformat(slot["startsAt"]) == starts)
        return str(slot["status"])

    assert status("篮球左半场", 9) == "PAST"
    assert status("篮球左半场", 11) == "TAKEN"
    assert status("篮球全场", 11) == "TAKEN"  # one half is gone
    assert status("篮球右半场", 11) == "AVAILABLE"
    free = grid["羽毛球1号场"]["slots"][0]
    assert (free["price"], free["priceKind"], free["priceIsDemonstration"]) == (0, "FREE", True)
    only = (await house.ask(documents.SLOTS, {**asked, "sport": "BADMINTON"})).value
    assert [court["courtName"] for court in only] == ["羽毛球1号场", "羽毛球2号场"]
    eighth = {**asked, "date": (TODAY + timedelta(days=8)).isoformat()}
    later = (await house.ask(documents.SLOTS, eighth)).value
    assert {slot["status"] for court in later for slot in court["slots"]} == {"NOT_RELEASED"}


WRONG_SLOTS: list[tuple[dict[str, Any], str, str | None]] = [
    ({"venueId": "ven_unknown"}, "VENUE_UNKNOWN", "venueId"),
    ({"venueId": ""}, "VENUE_UNKNOWN", "venueId"),
    ({"venueId": "x" * 9000}, "VENUE_UNKNOWN", "venueId"),
    ({"date": "1926-11-20"}, "BAD_INPUT", "date"),
    ({"date": "0001-01-01"}, "BAD_INPUT", "date"),
    ({"date": "9999-12-31"}, "BAD_INPUT", "date"),
    ({"date": "2026-02-30"}, "BAD_INPUT", None),
    ({"date": "2026-11-20T10:00:00"}, "BAD_INPUT", None),
    ({"date": 20261120}, "BAD_INPUT", None),
]


async def test_slots_that_cannot_be_are_refused(house: House) -> None:
    venue = await a_venue()
    usual = {"venueId": venue.public_id, "date": TODAY.isoformat()}
    async with nothing_changes():
        for asked, code, field in WRONG_SLOTS:
            refusal = (await house.ask(documents.SLOTS, {**usual, **asked})).refusal
            assert (refusal.code, refusal.field) == (code, field), asked


async def test_a_closed_venue_has_no_slots_and_says_so(house: House) -> None:
    venue = await a_venue(name="东郊体育馆", is_open=False)
    await a_court(venue)
    refusal = (await house.ask(documents.SLOTS, {"venueId": venue.public_id, "date": TODAY.isoformat()})).refusal
    assert refusal.code == "VENUE_CLOSED"
    assert "东郊体育馆暂停开放" in refusal.message


async def test_slots_of_a_sport_that_nobody_plays_here_are_none_and_what_is_no_sport_is_said(house: House) -> None:
    venue = await a_venue()
    await a_court(venue)
    await a_court(await a_venue(name="网球馆"), sport="TENNIS")
    asked = {"venueId": venue.public_id, "date": TODAY.isoformat()}
    assert (await house.ask(documents.SLOTS, {**asked, "sport": "TENNIS"})).value == []
    for document in (documents.SLOTS, SESSIONS):
        for sport in ("QUIDDITCH", "x" * 9000):
            refusal = (await house.ask(document, {**asked, "sport": sport})).refusal
            assert (refusal.code, refusal.field) == ("SPORT_UNKNOWN", "sport")


async def test_the_sentence_about_swapped_degrees_stands_once(house: House) -> None:
    refusal = (await near(house, point={"lon": 30.66, "lat": 104.07})).refusal
    assert refusal.message.count("是否写反") == 1


async def test_the_new_district_replaced_the_old_ones_on_its_day(house: House) -> None:
    await all_places()

    async def names(day: str) -> set[str]:
        found = (await house.ask(documents.REGIONS, {"onDay": day, "parentKey": "500000"})).value
        return {region["name"] for region in found}

    before, after = await names("2025-11-05"), await names("2025-11-06")
    assert {"江北区", "渝北区"} <= before
    assert "两江新区" not in before
    assert "两江新区" in after
    assert not {"江北区", "渝北区"} & after
    today = (await house.ask(documents.REGIONS)).value
    assert {region["name"] for region in today if region["parentKey"] == "500000"} == after


async def test_where_there_are_no_divisions_the_list_is_empty(house: House) -> None:
    await all_places()
    for asked in ({"onDay": "9999-12-31", "parentKey": "none"}, {"parentKey": "x" * 9000}):
        assert (await house.ask(documents.REGIONS, asked)).value == []


async def test_sports_come_in_the_order_to_show_them(house: House) -> None:
    venue = await a_venue()
    for sport in ("SWIMMING", "BADMINTON", "BASKETBALL"):
        await a_court(venue, sport=sport)
    shown = (await house.ask(documents.SPORTS)).value
    assert [sport["name"] for sport in shown] == ["羽毛球", "篮球", "游泳"]


def test_the_clock_of_these_tests_is_an_ordinary_friday_morning() -> None:
    assert datetime(2026, 11, 20, 2, tzinfo=UTC) == NOW
