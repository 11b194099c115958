"""Sessions through the public door: listed, booked, sold at the desk to whoever walks in, and how full it is."""

from datetime import timedelta

import pytest

from models import database
from models.booking.session_operations import count_inside
from models.booking.tables import Session
from models.calendar import business_day
from models.footfall.forecast_rules import days_looked_at
from models.footfall.tables import HourlyOccupancy, Occupancy
from tests.conftest import NOW
from tests.factories.booking import TOMORROW, Hall, a_hall
from tests.factories.names import GRANDMOTHER
from tests.factories.sessions import a_session
from tests.house import Citizen, House, nothing_changes
from tests.resolvers import documents, documents_people
from tests.resolvers.documents_sessions import OCCUPANCY_FORECAST, SESSIONS
from tests.resolvers.test_families import read_card

TODAY = business_day(NOW).isoformat()


@pytest.fixture
async def hall(house: House) -> Hall:
    return await a_hall()


async def test_sessions_are_listed_booked_and_shown_in_the_order(house: House, hall: Hall) -> None:
    session = await a_session(hall.venue, capacity=3)
    asked = {"venueId": hall.venue.public_id, "date": TOMORROW.isoformat()}
    (shown,) = (await house.ask(SESSIONS, asked)).value
    assert shown == {
        "id": session.public_id,
        "name": "大众池",
        "sport": "SWIMMING",
        "startsAt": "2026-11-21T06:00:00+00:00",
        "endsAt": "2026-11-21T08:00:00+00:00",
        "status": "AVAILABLE",
        "capacity": 3,
        "free": 3,
        "mostPlaces": 4,
        "tickets": [
            {
                "ticket": "ADULT",
                "price": 3000,
                "priceKind": "MARKET",
                "priceLabel": "成人票·市场价",
                "priceIsDemonstration": True,
            },
            {
                "ticket": "CHILD",
                "price": 1500,
                "priceKind": "MARKET",
                "priceLabel": "儿童票·市场价",
                "priceIsDemonstration": True,
            },
        ],
        "occupancy": None,
    }
    citizen = await house.citizen()
    wanted = {"sessionId": session.public_id, "ticket": "ADULT", "people": 2, "expectedPrice": 6000}
    order = await citizen.places(wanted)
    (line,) = order["lines"]
    assert {name: line[name] for name in ("kind", "sessionId", "courtId", "ticket", "courtName", "price")} == {
        "kind": "SESSION",
        "sessionId": session.public_id,
        "courtId": None,
        "ticket": "ADULT",
        "courtName": "大众池",
        "price": 6000,
    }
    assert [(part["kind"], part["text"], part["amount"]) for part in line["priceExplanation"]] == [
        ("TICKET", "成人票·市场价30.00元×2人", 6000)
    ]
    (shown,) = (await house.ask(SESSIONS, asked)).value
    assert (shown["free"], shown["status"]) == (1, "AVAILABLE")
    other = await house.citizen(phone="13800000002", device_id="phone-2")
    async with nothing_changes():
        full = await refused(other, {**wanted, "expectedPrice": 6000})
        neither = await refused(other, {"people": 1})
        both = await refused(other, {**wanted, "courtId": hall.badminton.public_id})
    assert (full, neither, both) == ("SESSION_FULL", "BAD_INPUT", "BAD_INPUT")


async def refused(citizen: Citizen, line: dict[str, object]) -> str:
    answer = await citizen.ask(documents.PLACE_ORDER, idempotencyKey="another", lines=[line])
    return answer.refusal.code


async def test_who_walks_in_is_sold_a_place_of_a_session_under_way_and_let_in(house: House, hall: Hall) -> None:
    session = await a_session(
        hall.venue, from_minute=9 * 60, to_minute=12 * 60, capacity=2, now=NOW - timedelta(days=1)
    )
    assert session.starts_at < NOW < session.ends_at
    await house.register_person(GRANDMOTHER.name, GRANDMOTHER.number)
    clerk = await house.clerk(hall.venue.public_id)
    person = (await read_card(clerk, hall, GRANDMOTHER)).value["person"]
    whom = {"personId": person["personId"], "venueId": hall.venue.public_id}
    lines = [{"sessionId": session.public_id, "ticket": "ADULT", "people": 1}]
    for _ in range(2):
        sold = await clerk.ask(
            documents_people.PLACE_ORDER_AT_DESK, lines=lines, idempotencyKey="walked-in", **whom
        )
    order = sold.value["order"]
    assert [(each["title"], each["courtName"]) for each in order["lines"]] == [
        ("大众池 11月20日 09:00–12:00", "大众池")
    ]
    await clerk.ask(documents.OPEN_SHIFT, venueId=hall.venue.public_id, openingFloat=0)
    paid = await clerk.ask(
        documents.PAY_AT_DESK,
        orderNo=order["orderNo"],
        channel="CASH",
        amountGiven=3000,
        idempotencyKey="their-money",
    )
    assert paid.value["receipt"]["amount"] == 3000
    found = (
        await clerk.ask(documents_people.DESK_FIND_PERSON, idNumber=GRANDMOTHER.number, venueId=whom["venueId"])
    ).value
    (place,) = found["person"]["admissions"]
    entered = await clerk.scans(place["printedCode"], hall.venue.public_id, idChecked=True)
    assert entered.value["verdict"]["outcome"] == "ENTERED"
    assert entered.value["verdict"]["court"] == "大众池"

    await count_inside(venue_id=hall.venue.id, sport_code="SWIMMING", people=1, at=NOW)
    asked = {"venueId": hall.venue.public_id, "date": TODAY}
    (shown,) = (await house.ask(SESSIONS, asked)).value
    assert (shown["free"], shown["status"]) == (0, "TAKEN")  # one bought, one counted in
    assert shown["occupancy"]["inside"] == 2
    assert shown["occupancy"]["isLive"] is True
    await house.travel(NOW + timedelta(minutes=16))
    (shown,) = (await house.ask(SESSIONS, asked)).value
    assert shown["occupancy"]["isLive"] is False
    assert 900 < shown["occupancy"]["ageSeconds"] <= 960
    assert shown["free"] == 1
    acts = await database.rows("SELECT act, outcome, venue_id FROM audit_line WHERE act = 'placeOrderAtDesk'")
    assert {(row["act"], row["outcome"], row["venue_id"]) for row in acts} == {
        ("placeOrderAtDesk", "OK", hall.venue.public_id)
    }
    assert (await Session.get(id=session.id)).taken == 1


async def test_a_clerk_sells_only_their_own_venues_places(house: House, hall: Hall) -> None:
    elsewhere = await a_session((await a_hall(ref="TT77")).venue)
    await house.register_person(GRANDMOTHER.name, GRANDMOTHER.number)
    clerk = await house.clerk(hall.venue.public_id)
    person = (await read_card(clerk, hall, GRANDMOTHER)).value["person"]
    sold = await clerk.ask(
        documents_people.PLACE_ORDER_AT_DESK,
        lines=[{"sessionId": elsewhere.public_id, "ticket": "ADULT"}],
        idempotencyKey="walked-in",
        personId=person["personId"],
        venueId=hall.venue.public_id,
    )
    assert sold.refusal.code == "BAD_INPUT"
    assert (await Session.get(id=elsewhere.id)).taken == 0


async def test_a_venues_figure_says_when_it_is_not_live_any_more(house: House, hall: Hall) -> None:
    await Occupancy.create(venue_id=hall.venue.id, business_day=TODAY, inside=7, counted_at=NOW)
    asked = {"id": hall.venue.public_id}
    told = (await house.ask(documents.VENUE, asked)).value["occupancy"]
    assert (told["inside"], told["isLive"]) == (7, True)
    assert 0 <= told["ageSeconds"] < 60
    await house.travel(NOW + timedelta(minutes=15, seconds=1))
    told = (await house.ask(documents.VENUE, asked)).value["occupancy"]
    assert (told["inside"], told["isLive"]) == (7, False)
    assert 900 < told["ageSeconds"] < 960


async def test_a_day_is_forecast_once_four_weeks_exist_and_says_how_sure_it_is(house: House, hall: Hall) -> None:
    weeks = days_looked_at(TOMORROW)
    for most, day in zip((10, 20, 30), weeks, strict=False):
        await HourlyOccupancy.create(
            venue_id=hall.venue.id, business_day=day, hour=9, most_inside=most, last_inside=0
        )
    asked = {"venueId": hall.venue.public_id, "date": TOMORROW.isoformat()}
    told = (await house.ask(OCCUPANCY_FORECAST, asked)).value
    assert told == {"weeks": 3, "basis": "可比的日子只有3个，满4周后才能预测。", "hours": []}
    await HourlyOccupancy.create(
        venue_id=hall.venue.id, business_day=weeks[3], hour=9, most_inside=40, last_inside=0
    )
    await house.travel(NOW + timedelta(minutes=11))  # the answer may be shared for ten minutes
    told = (await house.ask(OCCUPANCY_FORECAST, asked)).value
    assert told["weeks"] == 4
    assert told["hours"] == [{"startsAt": "2026-11-21T01:00:00+00:00", "expected": 25, "low": 10, "high": 40}]
    assert (await house.ask(OCCUPANCY_FORECAST, {**asked, "date": "2027-06-01"})).refusal.code == "BAD_INPUT"
