"""At the desk's page whoever walks in is sold a place of a session under way, as courts are booked there."""

import secrets
from datetime import timedelta
from typing import Any

from models.booking.tables import Session
from models.consents.rules import Purpose
from models.orders.tables import OrderLine
from tests.conftest import NOW
from tests.factories.booking import a_hall
from tests.factories.names import GRANDMOTHER, version
from tests.factories.sessions import a_session
from tests.house import HERE, PASSWORD, House


async def posted(house: House, path: str, **sent: Any) -> Any:
    answer = await house.http.post(path, headers={"origin": HERE}, **sent)
    return answer.json() if "json" in sent else answer


async def test_a_clerk_sells_tickets_of_a_session_under_way_at_the_page(house: House) -> None:
    hall = await a_hall()
    session = await a_session(
        hall.venue, from_minute=9 * 60, to_minute=12 * 60, capacity=3, now=NOW - timedelta(days=1)
    )
    await house.register_person(GRANDMOTHER.name, GRANDMOTHER.number)
    clerk = await house.clerk(hall.venue.public_id)
    await posted(house, "/desk/sign-in", data={"username": clerk.username, "password": PASSWORD})
    await posted(house, "/desk/post", data={"venue": hall.venue.public_id, "checkpoint": "前台"})
    card = {"name": GRANDMOTHER.name, "idNumber": GRANDMOTHER.number, "version": version(Purpose.REAL_NAME)}
    seen = await posted(house, "/desk/people/verify", json={**card, "key": secrets.token_hex(8)})
    told = await posted(house, "/desk/people/slots", json={"inDays": 0})
    rows = {row["name"]: row for row in told["courts"]}
    assert {"羽毛球1号场", "大众池 成人票", "大众池 儿童票"} <= set(rows)
    adult = rows["大众池 成人票"]
    assert adult["mostPeople"] == 3
    assert adult["slots"] == [
        {
            "sessionId": session.public_id,
            "ticket": "ADULT",
            "time": "11月20日 09:00–12:00",
            "price": 3000,
            "free": 3,
        }
    ]
    wish = {"personId": seen["person"]["personId"], "sessionId": session.public_id, "ticket": "ADULT"}
    asked = {**wish, "people": 2, "price": 6000, "key": secrets.token_hex(8)}
    for _ in range(2):
        sold = await posted(house, "/desk/people/book", json=asked)
        order = sold["order"]
        assert (order["title"], order["time"], order["people"], order["total"]) == (
            "大众池",
            "11月20日 09:00–12:00",
            2,
            6000,
        )
    (line,) = await OrderLine.all()
    assert (line.session_id, line.people) == (session.id, 2)
    full = await posted(house, "/desk/people/book", json={**asked, "key": secrets.token_hex(8)})
    assert full["refused"]["code"] == "SESSION_FULL"
    none = await posted(house, "/desk/people/book", json={**asked, "ticket": "", "key": secrets.token_hex(8)})
    assert none["refused"]["code"] == "BAD_INPUT"
    assert (await Session.get(id=session.id)).taken == 2
