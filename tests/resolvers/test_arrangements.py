"""A court every week, and a club that asks for two, through the public door."""

from datetime import timedelta

from bff.wiring import id_keys
from models.arrangements import dates
from models.audit.tables import AuditLine
from models.members.tables import Member
from models.staff.rules import Role
from tests.factories.attendance import a_rule
from tests.factories.booking import TOMORROW, a_hall, at
from tests.factories.names import GRANDMOTHER
from tests.factories.organisations import an_organisation, is_known_by_name
from tests.house import House, line
from tests.resolvers import documents
from tests.resolvers import documents_arrangements as arranged
from tests.resolvers.test_families import read_card

WEEKS = 3
DESK_ACTS = ("seriesPreviewAtDesk", "askForSeriesAtDesk", "seriesAtDesk", "endSeriesAtDesk")


async def test_a_series_is_seen_asked_for_booked_week_by_week_and_ended(house: House) -> None:
    hall = await a_hall()
    await a_rule(hall.venue, days_ahead=7, release_minute=480, series_weeks=12)
    citizen = await house.citizen()
    wanted = {
        "courtId": hall.badminton.public_id,
        "weekday": TOMORROW.isoweekday(),
        "fromMinute": 19 * 60,
        "firstDay": TOMORROW.isoformat(),
        "lastDay": (TOMORROW + timedelta(days=7 * (WEEKS - 1))).isoformat(),
        "slots": 2,
    }
    shown = (await citizen.ask(arranged.SERIES_PREVIEW, wanted=wanted)).value
    assert [(each["would"], each["price"]) for each in shown] == [
        ("BOOKED", 8000),
        ("LATER", 8000),
        ("LATER", 8000),
    ]
    assert all(sum(part["amount"] for part in each["priceExplanation"]) == each["price"] for each in shown)
    asked = {"wanted": wanted, "idempotencyKey": "k"}
    series = (await citizen.ask(arranged.ASK_FOR_SERIES, **asked)).value["series"]
    again = (await citizen.ask(arranged.ASK_FOR_SERIES, **asked)).value["series"]
    assert again == series
    first = series["dates"][0]
    assert [each["state"] for each in series["dates"]] == ["BOOKED", "PLANNED", "PLANNED"]
    assert first["payUntil"] is not None
    await citizen.pays(first["orderNo"])

    await house.travel(at(8))
    assert await dates.book_due(keys=id_keys(house.wired.settings), channels={}, now=house.now()) >= 1
    await citizen.sign_in()
    (own,) = (await citizen.ask(arranged.MY_SERIES)).value
    assert [each["state"] for each in own["dates"]] == ["BOOKED", "BOOKED", "PLANNED"]
    ended = (await citizen.ask(arranged.END_SERIES, seriesId=own["id"])).value["series"]
    assert (ended["state"], ended["dates"][2]["state"]) == ("ENDED", "ENDED")
    other = await house.citizen(phone="13800000002", device_id="phone-2")
    assert (await other.ask(arranged.END_SERIES, seriesId=own["id"])).refusal.code == "SERIES_UNKNOWN"
    assert (await other.ask(arranged.MY_SERIES)).value == []


async def test_a_group_asks_and_the_venues_manager_answers_with_a_line_in_the_trail(house: House) -> None:
    hall = await a_hall()
    await a_rule(hall.venue, courts_a_person_a_day=1, days_ahead=7, group_days_ahead=60)
    manager = await house.clerk(hall.venue.public_id, roles=(Role.VENUE_MANAGER,))
    citizen = await house.citizen()
    lines = [line(court, at(9, days=20), people=6) for court in (hall.badminton, hall.badminton_2)]
    asked = {"lines": lines, "people": 12, "purpose": "公司羽毛球赛"}
    unnamed = await citizen.ask(arranged.ASK_FOR_GROUP_BOOKING, **asked, idempotencyKey="k")
    assert unnamed.refusal.code == "REAL_NAME_NEEDED"
    member = await Member.get(public_id=citizen.tokens["memberId"])
    await is_known_by_name(member.id, keys=id_keys(house.wired.settings))
    club = await an_organisation(member.id, keys=id_keys(house.wired.settings))
    made = [
        (
            await citizen.ask(arranged.ASK_FOR_GROUP_BOOKING, **asked, organisationId=whose, idempotencyKey=key)
        ).value["request"]
        for key, whose in (("one", club), ("two", None), ("three", None))
    ]
    assert {(each["state"], each["askedBy"], each["orderNo"]) for each in made} == {("WAITING", None, None)}
    seen = (await manager.ask(arranged.GROUP_REQUESTS, venueId=hall.venue.public_id)).value
    assert [each["askedBy"] for each in seen] == ["李**"] * 3
    assert [slot["isTaken"] for slot in seen[0]["lines"]] == [False, False]
    deciding = {"requestId": made[0]["id"], "approve": True}
    allowed = (await manager.ask(arranged.DECIDE_GROUP_REQUEST, **deciding)).value["request"]
    assert (allowed["state"], allowed["orderNo"] is None) == ("APPROVED", False)
    audit = await AuditLine.filter(act="decideGroupRequest").order_by("-id").first()
    assert audit is not None
    assert (audit.subject_kind, audit.subject_id, audit.outcome) == ("GROUP_REQUEST", made[0]["id"], "OK")
    too = await manager.ask(arranged.DECIDE_GROUP_REQUEST, requestId=made[1]["id"], approve=True)
    assert too.refusal.code == "SLOT_TAKEN"
    no = {"requestId": made[1]["id"], "approve": False, "note": "当天有比赛"}
    assert (await manager.ask(arranged.DECIDE_GROUP_REQUEST, **no)).value["request"]["note"] == "当天有比赛"
    gone = await citizen.ask(arranged.WITHDRAW_GROUP_REQUEST, requestId=made[2]["id"])
    assert gone.value["request"]["state"] == "WITHDRAWN"
    own = (await citizen.ask(arranged.MY_GROUP_REQUESTS)).value
    assert [each["state"] for each in own] == ["WITHDRAWN", "REFUSED", "APPROVED"]
    assert [slot["isTaken"] for each in own for slot in each["lines"]] == [None] * 6
    await citizen.pays(own[2]["orderNo"])
    order = {"orderNo": own[2]["orderNo"]}
    shown = (await citizen.ask(documents.ORDER, **order)).value
    assert shown["organisationName"] == "锦城羽毛球俱乐部"
    assert (await (await house.citizen()).ask(documents.ORDER, **order)).value is None
    lines = [line(hall.left, at(9), people=6)]
    mine = (await citizen.ask(documents.PLACE_ORDER, idempotencyKey="mine", lines=lines)).value["order"]
    assert mine["organisationName"] is None


async def test_a_clerk_shows_asks_for_lists_and_ends_a_series_with_a_line_for_each_look_and_act(
    house: House,
) -> None:
    hall = await a_hall()
    await a_rule(hall.venue, days_ahead=7, release_minute=480, series_weeks=12)
    await house.register_person(GRANDMOTHER.name, GRANDMOTHER.number)
    clerk = await house.clerk(hall.venue.public_id)
    person = (await read_card(clerk, hall, GRANDMOTHER)).value["person"]
    whom = {"personId": person["personId"], "venueId": hall.venue.public_id}
    wanted = {
        "courtId": hall.badminton.public_id,
        "weekday": TOMORROW.isoweekday(),
        "fromMinute": 19 * 60,
        "firstDay": TOMORROW.isoformat(),
        "lastDay": (TOMORROW + timedelta(days=7 * (WEEKS - 1))).isoformat(),
    }
    shown = (await clerk.ask(arranged.SERIES_PREVIEW_AT_DESK, **whom, wanted=wanted)).value
    assert [(each["would"], each["price"]) for each in shown] == [
        ("BOOKED", 4000),
        ("LATER", 4000),
        ("LATER", 4000),
    ]
    asking = {"wanted": wanted, "idempotencyKey": "one-wish"}
    asked = (await clerk.ask(arranged.ASK_FOR_SERIES_AT_DESK, **whom, **asking)).value["series"]
    assert (await clerk.ask(arranged.SERIES_AT_DESK, **whom)).value == [asked]
    another = await house.clerk(hall.venue.public_id, device_id="desk-2")
    for act, more in (
        (arranged.SERIES_AT_DESK, {}),
        (arranged.SERIES_PREVIEW_AT_DESK, {"wanted": wanted}),
        (arranged.END_SERIES_AT_DESK, {"seriesId": asked["id"]}),
    ):
        assert (await another.ask(act, **whom, **more)).refusal.code == "MEMBER_UNKNOWN", "they read no card"
    ended = (await clerk.ask(arranged.END_SERIES_AT_DESK, **whom, seriesId=asked["id"])).value["series"]
    assert (ended["state"], [each["state"] for each in ended["dates"]]) == ("ENDED", ["BOOKED", "ENDED", "ENDED"])

    lines = await AuditLine.filter(act__in=DESK_ACTS).order_by("id")
    assert {(line.subject_kind, line.venue_id) for line in lines} == {("MEMBER", hall.venue.public_id)}
    assert [(line.act, line.outcome, line.subject_id, line.is_reading) for line in lines] == [
        ("seriesPreviewAtDesk", "OK", person["personId"], True),
        ("askForSeriesAtDesk", "OK", person["personId"], False),
        ("seriesAtDesk", "OK", person["personId"], True),
        ("seriesAtDesk", "MEMBER_UNKNOWN", person["personId"], False),
        ("seriesPreviewAtDesk", "MEMBER_UNKNOWN", person["personId"], False),
        ("endSeriesAtDesk", "MEMBER_UNKNOWN", person["personId"], False),
        ("endSeriesAtDesk", "OK", person["personId"], False),
    ]
