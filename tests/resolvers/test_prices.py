"""A price tells why it is what it is: in the grid, in a quote, on an order; and how a venue opens, to those above it."""

from typing import Any

import pytest

from models.staff.rules import Role
from models.venues.tables import ConcessionRule
from tests.factories.booking import Hall, a_hall, at
from tests.factories.names import GRANDMOTHER
from tests.factories.places import a_region
from tests.house import Citizen, House, line, nothing_changes
from tests.resolvers import documents, documents_people
from tests.resolvers import documents_prices as prices

GENERAL = "每天09:00–24:00市场价，每小时40.00元（演示）"


@pytest.fixture
async def hall(house: House) -> Hall:
    await ConcessionRule.create(kind="SENIOR", pays_percent=50, covers="WHOLE", provenance="PUBLISHED")
    return await a_hall()


async def a_senior(house: House) -> Citizen:
    citizen = await house.citizen()
    await house.register_person(GRANDMOTHER.name, GRANDMOTHER.number)
    verified = await citizen.ask(
        documents_people.VERIFY_MY_NAME, name=GRANDMOTHER.name, idNumber=GRANDMOTHER.number
    )
    assert verified.value["realName"]
    return citizen


def total(parts: list[dict[str, Any]]) -> int:
    return sum(int(part["amount"]) for part in parts)


async def test_the_grid_shows_the_general_price_and_the_quote_and_the_order_her_own(
    house: House, hall: Hall
) -> None:
    citizen = await a_senior(house)
    grid = (await citizen.ask(documents.SLOTS, venueId=hall.venue.public_id, date="2026-11-21")).value
    slots = [slot for court in grid for slot in court["slots"]]
    assert slots
    assert all(total(slot["priceExplanation"]) == slot["price"] == 4000 for slot in slots)
    lines = [line(hall.badminton, at(10), people=2), line(hall.full, at(10))]
    async with nothing_changes():
        quote = (await citizen.ask(prices.ORDER_QUOTE, lines=lines)).value
    assert (quote["total"], quote["generalTotal"]) == (4000, 8000)
    for quoted in quote["lines"]:
        assert (quoted["price"], quoted["generalPrice"], quoted["concessionKind"]) == (2000, 4000, "SENIOR")
        assert [(part["kind"], part["text"], part["amount"]) for part in quoted["priceExplanation"]] == [
            ("WINDOW", GENERAL, 4000),
            ("CONCESSION", "老年人优待：只付50%", -2000),
        ]
    order = await citizen.places(*(each | {"expectedPrice": 2000} for each in lines))
    assert order["total"] == 4000
    for shown, quoted in zip(order["lines"], quote["lines"], strict=True):
        assert (shown["price"], shown["concession"], shown["concessionKind"]) == (2000, 2000, "SENIOR")
        assert shown["priceExplanation"] == quoted["priceExplanation"]


async def test_a_quote_is_for_who_is_signed_in_and_refuses_what_cannot_be_booked(house: House, hall: Hall) -> None:
    asked = {"lines": [line(hall.badminton, at(10))]}
    assert (await house.ask(prices.ORDER_QUOTE, asked)).refusal.code == "NOT_SIGNED_IN"
    citizen = await house.citizen()
    quote = (await citizen.ask(prices.ORDER_QUOTE, **asked)).value
    assert (quote["total"], quote["lines"][0]["concessionKind"]) == (4000, None)
    past = await citizen.ask(prices.ORDER_QUOTE, lines=[line(hall.badminton, at(7))])
    assert past.refusal.code == "SLOT_UNKNOWN"
    stranger = await citizen.ask(prices.ORDER_QUOTE, **asked, forMember="mem_STRANGER")
    assert stranger.refusal.code == "MEMBER_UNKNOWN"


async def test_how_a_venue_opens_is_read_by_its_manager_and_the_office_above_and_nobody_else(
    house: House, hall: Hall
) -> None:
    venue_id = hall.venue.public_id
    for key in ("510000", "500000"):
        await a_region(key, name=key, parent_key="")
    manager = await house.clerk(venue_id, roles=(Role.VENUE_MANAGER,))
    regulator = await house.clerk(roles=(Role.REGULATOR,), region_key="510000", device_id="desk-2")
    reports = [(await each.ask(prices.VENUE_REPORT, venueId=venue_id)).value for each in (manager, regulator)]
    assert reports[0] == reports[1]
    report = reports[0]
    assert (report["venueName"], report["tariffVersion"], report["asOf"]) == (hall.venue.name, 0, "2026-11-20")
    found = {each["rule"]: each for each in report["findings"]}
    assert found["WEEKLY_HOURS"]["figure"] == "0小时"
    assert (found["CONCESSIONS"]["verdict"], found["CONCESSIONS"]["figure"]) == ("PARTLY", "最高付100%")
    assert (found["FREE_DAY"]["verdict"], found["FREE_DAY"]["figure"]) == ("UNKNOWN", "0/2")
    assert report["warnings"][0].startswith("2026年放假安排尚未导入")
    elsewhere = await house.clerk(roles=(Role.REGULATOR,), region_key="500000", device_id="desk-3")
    clerk = await house.clerk(venue_id, device_id="desk-4")
    for nobody in (elsewhere, clerk):
        assert (await nobody.ask(prices.VENUE_REPORT, venueId=venue_id)).refusal.code == "NOT_ALLOWED"
    assert (await house.ask(prices.VENUE_REPORT, {"venueId": venue_id})).refusal.code == "NOT_SIGNED_IN"
