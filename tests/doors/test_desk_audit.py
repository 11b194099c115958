"""The desk's own pages leave the same lines as the public door does."""

import secrets
from typing import Any

import httpx
import pytest

from bff.pages.desk_money import NOT_AUDITED
from tests.factories.booking import Hall, a_hall, at
from tests.house import HERE, PASSWORD, House, line
from tests.models.audit.lines import all_lines


@pytest.fixture
async def hall(house: House) -> Hall:
    return await a_hall()


async def posted(house: House, path: str, **sent: Any) -> httpx.Response:
    return await house.http.post(path, headers={"origin": HERE}, **sent)


async def test_what_is_done_on_the_desks_pages_is_in_the_trail(house: House, hall: Hall) -> None:
    clerk = await house.clerk(hall.venue.public_id)
    before = len(await all_lines())
    for password in ("wrong-Password-1", PASSWORD):
        await posted(house, "/desk/sign-in", data={"username": clerk.username, "password": password})
    await posted(house, "/desk/post", data={"venue": hall.venue.public_id, "checkpoint": "前台"})
    scan = {"code": "9" * 24, "nonce": secrets.token_hex(8), "direction": "ENTRY", "idChecked": False}
    assert (await posted(house, "/desk/redeem", json=scan)).json()["code"] == "UNKNOWN_CODE"
    opened = (await posted(house, "/desk/money/open-shift", json={"openingFloat": 100})).json()
    await posted(house, "/desk/money/close-shift", json={"shiftId": opened["shift"]["shiftId"], "counted": 90})
    await posted(house, "/desk/sign-out")
    lines = (await all_lines())[before:]
    assert [(said["act"], said["outcome"]) for said in lines] == [
        ("desk/sign-in", "STAFF_CREDENTIALS_WRONG"),
        ("desk/sign-in", "OK"),
        ("desk/redeem", "OK"),
        ("desk/money/open-shift", "OK"),
        ("desk/money/close-shift", "DRAWER_DIFFERS"),
        ("desk/sign-out", "OK"),
    ]
    assert len({said["actor_id"] for said in lines}) == 1
    assert {said["address"] for said in lines} == {"203.0.113.7"}
    assert {said["venue_id"] for said in lines[2:5]} == {hall.venue.public_id}
    assert lines[2]["detail"] == "UNKNOWN_CODE"


async def test_what_the_page_asks_every_two_seconds_leaves_none(house: House, hall: Hall) -> None:
    citizen = await house.citizen()
    order = await citizen.places(line(hall.badminton, at(11, days=1)))
    clerk = await house.clerk(hall.venue.public_id)
    await posted(house, "/desk/sign-in", data={"username": clerk.username, "password": PASSWORD})
    await posted(house, "/desk/post", data={"venue": hall.venue.public_id, "checkpoint": "前台"})
    before = await all_lines()
    for name in NOT_AUDITED:
        answer = await posted(house, f"/desk/money/{name}", json={"orderNo": order["orderNo"], "paymentNo": "P"})
        assert answer.status_code == 200
    assert await all_lines() == before
    assert order["orderNo"] not in str(before)
