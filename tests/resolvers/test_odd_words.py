"""Whatever text stands where a name, a number or a code belongs: a value or a refusal, never an unexpected error."""

from typing import Any

from tests.factories.booking import a_hall, at
from tests.house import PASSWORD, House, line
from tests.resolvers import documents

ODD = (
    "",
    " ",
    "x" * 33,
    "x" * 5000,
    "订单" * 40,
    "😀" * 20,
    "%_'\"\\;--",
    "\u202e\u200b\ufeff",
    "\r\n\t",
    "１２３",
    "-1",
    "1e9",
    "null",
)


async def test_odd_words_are_refused_or_found_to_be_nothing(house: House) -> None:
    hall = await a_hall()
    citizen, clerk = await house.citizen(), await house.clerk(hall.venue.public_id)
    order = await citizen.has_paid(line(hall.badminton, at(11)))
    usual: list[tuple[str, dict[str, Any], str]] = [
        (documents.SIGN_IN, {"code": "c", "deviceId": "d"}, ""),
        (documents.REFRESH_SIGN_IN, {"refreshToken": "t", "deviceId": "d"}, ""),
        (documents.BIND_PHONE, {"code": "c"}, citizen.authorization),
        (documents.VENUE, {"id": hall.venue.public_id}, ""),
        (documents.VENUES_NEAR, {"point": {"lon": 104, "lat": 30}, "sport": "BADMINTON", "after": "c"}, ""),
        (documents.SLOTS, {"venueId": hall.venue.public_id, "date": "2026-11-21", "sport": "BADMINTON"}, ""),
        (documents.REGIONS, {"parentKey": "510100"}, ""),
        (documents.ORDER, {"orderNo": order["orderNo"]}, citizen.authorization),
        (documents.ORDERS, {"after": "o1"}, citizen.authorization),
        (documents.PLACE_ORDER, {"idempotencyKey": "k", "lines": [line(hall.left, at(8))]}, citizen.authorization),
        (documents.PAY_ORDER, {"orderNo": order["orderNo"]}, citizen.authorization),
        (documents.CANCEL_ORDER, {"orderNo": order["orderNo"]}, citizen.authorization),
        (documents.ADMISSION_CODES, {"admissionId": order["admissions"][0]["id"]}, citizen.authorization),
        (documents.STAFF_SIGN_IN, {"username": "nobody", "password": PASSWORD, "deviceId": "d"}, ""),
        (
            documents.REDEEM,
            {"code": "9" * 24, "venueId": hall.venue.public_id, "checkpoint": "前台", "nonce": "n" * 16},
            clerk.authorization,
        ),
    ]
    for document, variables, authorization in usual:
        for name in [name for name, value in variables.items() if isinstance(value, str)]:
            for word in ODD:
                answer = await house.ask(document, {**variables, name: word}, authorization)
                assert "INTERNAL" not in answer.text, (document[:60], name, word[:40], answer.text)
    assert not [said for said in house.log_lines() if said["event"] == "unexpected error"]
