"""Standing in line through the public door."""

import secrets
from typing import Any

import pytest

from models.checkout import waiting
from tests.factories.accounts import ID_KEYS
from tests.factories.booking import TOMORROW, Hall, a_hall, at
from tests.house import Citizen, House
from tests.resolvers import documents
from tests.resolvers import documents_waiting as lines


@pytest.fixture
async def hall(house: House) -> Hall:
    return await a_hall()


def wish(hall: Hall, **more: Any) -> dict[str, Any]:
    span = {"day": TOMORROW.isoformat(), "fromMinute": 540, "untilMinute": 600}
    return {"venueId": hall.venue.public_id, "sport": "BADMINTON", **span, **more}


async def book(citizen: Citizen, *courts: Any) -> str:
    asked = [{"courtId": court.public_id, "startsAt": at(9).isoformat()} for court in courts]
    placed = await citizen.ask(documents.PLACE_ORDER, idempotencyKey=secrets.token_hex(8), lines=asked)
    return str(placed.value["order"]["orderNo"])


async def test_one_stands_in_line_is_offered_the_slot_and_sees_the_order_to_pay(house: House, hall: Hall) -> None:
    owner, waits = await house.citizen(), await house.citizen()
    order_no = await book(owner, hall.badminton, hall.badminton_2)
    joined = await waits.ask(
        lines.JOIN_WAITING_LIST,
        idempotencyKey="one-act-of-mine",
        wanted=wish(hall, courtId=hall.badminton.public_id),
    )
    entry = joined.value["waiting"]
    assert (entry["state"], entry["ahead"], entry["courtName"], entry["orderNo"], entry["payUntil"]) == (
        "WAITING",
        0,
        hall.badminton.name,
        None,
        None,
    )
    await owner.ask(documents.CANCEL_ORDER, orderNo=order_no)
    assert await waiting.offer_freed(keys=ID_KEYS, channels={}, now=house.now()) == 1
    (edge,) = (await waits.ask(lines.MY_WAITING)).value["edges"]
    offered = edge["node"]
    assert offered["state"] == "OFFERED"
    order = (await waits.ask(documents.ORDER, orderNo=offered["orderNo"])).value
    assert (order["status"], order["holdExpiresAt"]) == ("PENDING_PAYMENT", offered["payUntil"])
    leaving = await waits.ask(lines.LEAVE_WAITING_LIST, id=entry["id"])
    assert leaving.refusal.code == "WAITING_OFFERED"
    assert (await owner.ask(lines.MY_WAITING)).value["edges"] == []
    assert (await owner.ask(lines.LEAVE_WAITING_LIST, id=entry["id"])).refusal.code == "WAITING_UNKNOWN"


async def test_who_can_book_at_once_is_told_so_and_who_left_is_out(house: House, hall: Hall) -> None:
    owner, waits = await house.citizen(), await house.citizen()
    at_once = await waits.ask(lines.JOIN_WAITING_LIST, idempotencyKey="k", wanted=wish(hall))
    assert (at_once.refusal.code, at_once.refusal.message) == (
        "WAITING_NOT_NEEDED",
        "这个时间段现在就有空位，不用候补。请直接预订。",
    )
    await book(owner, hall.badminton, hall.badminton_2)
    entry = (await waits.ask(lines.JOIN_WAITING_LIST, idempotencyKey="k", wanted=wish(hall))).value["waiting"]
    for _ in range(2):
        left = (await waits.ask(lines.LEAVE_WAITING_LIST, id=entry["id"])).value["waiting"]
        assert (left["state"], left["ahead"]) == ("LEFT", None)
    pages = await waits.ask(lines.MY_WAITING, first=1)
    assert pages.value["pageInfo"]["hasNextPage"] is False
