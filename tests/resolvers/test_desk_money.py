"""Paying at the desk through the public door: what a clerk hears, and what everybody else does."""

import base64
from typing import Any

import pytest

from models.orders.tables import Payment
from tests.factories.booking import Hall, a_hall, at
from tests.house import Citizen, Clerk, House, line, nothing_changes
from tests.resolvers import documents

KEY = "one-act-of-mine"


@pytest.fixture
async def hall(house: House) -> Hall:
    return await a_hall()


@pytest.fixture
async def clerk(house: House, hall: Hall) -> Clerk:
    return await house.clerk(hall.venue.public_id)


@pytest.fixture
async def citizen(house: House) -> Citizen:
    return await house.citizen()


async def an_order(citizen: Citizen, hall: Hall, *, hour: int = 10) -> str:
    return str((await citizen.places(line(hall.badminton, at(hour))))["orderNo"])


async def opens(clerk: Clerk, hall: Hall, openingFloat: int = 20000) -> Any:  # noqa: N803 - as the door spells it
    asked = await clerk.ask(documents.OPEN_SHIFT, venueId=hall.venue.public_id, openingFloat=openingFloat)
    return asked.value["shift"]


async def takes_cash(clerk: Clerk, order_no: str, given: int = 10000, key: str = KEY) -> Any:
    return await clerk.ask(
        documents.PAY_AT_DESK, orderNo=order_no, channel="CASH", amountGiven=given, idempotencyKey=key
    )


async def test_a_shift_from_its_float_to_its_count(
    house: House, clerk: Clerk, citizen: Citizen, hall: Hall
) -> None:
    shift = await opens(clerk, hall)
    assert (shift["openingFloat"], shift["cashTaken"], shift["expected"]) == (20000, None, None)
    order_no = await an_order(citizen, hall)
    seen = (await clerk.ask(documents.DESK_ORDER, orderNo=order_no)).value
    assert (seen["status"], seen["total"], seen["paidBy"]) == ("PENDING_PAYMENT", 4000, None)
    receipt = (await takes_cash(clerk, order_no)).value["receipt"]
    assert (receipt["amount"], receipt["given"], receipt["change"]) == (4000, 10000, 6000)
    seen = (await clerk.ask(documents.DESK_ORDER, orderNo=order_no)).value
    assert (seen["status"], seen["paid"], seen["paidBy"]) == ("PAID", 4000, "CASH")
    assert (await citizen.ask(documents.ORDER, orderNo=order_no)).value["admissions"]

    await citizen.ask(documents.CANCEL_ORDER, orderNo=order_no)
    (waiting,) = (await clerk.ask(documents.REFUNDS_AT_DESK, venueId=hall.venue.public_id)).value
    assert (waiting["orderNo"], waiting["status"], waiting["handedOutAt"]) == (order_no, "AT_DESK", None)
    given = (await clerk.ask(documents.HAND_OUT_REFUND, refundNo=waiting["refundNo"], idempotencyKey=KEY)).value[
        "refund"
    ]
    assert (given["status"], given["amount"]) == ("SUCCESS", waiting["amount"])
    again = await clerk.ask(documents.HAND_OUT_REFUND, refundNo=waiting["refundNo"], idempotencyKey="another-key")
    assert again.refusal.code == "REFUND_HANDED_OUT"

    expected = 20000 + 4000 - waiting["amount"]
    refused = (await clerk.ask(documents.CLOSE_SHIFT, shiftId=shift["id"], counted=expected - 100)).refusal
    assert (refused.code, refused.field) == ("DRAWER_DIFFERS", "note")
    assert (await clerk.ask(documents.SHIFT)).value["expected"] is None
    closed = await clerk.ask(documents.CLOSE_SHIFT, shiftId=shift["id"], counted=expected - 100, note="少了一元")
    told = closed.value["shift"]
    assert (told["expected"], told["counted"], told["difference"]) == (expected, expected - 100, -100)
    assert (told["cashTaken"], told["cashHandedOut"], told["note"]) == (4000, waiting["amount"], "少了一元")
    assert (await clerk.ask(documents.SHIFT)).value is None
    assert (await clerk.ask(documents.SHIFT, shiftId=shift["id"])).value == told


async def test_a_shown_code_comes_with_its_picture_and_is_seen_to_be_paid(
    house: House, clerk: Clerk, citizen: Citizen, hall: Hall
) -> None:
    order_no = await an_order(citizen, hall)
    shown = (await clerk.ask(documents.SHOW_PAYMENT_CODE, orderNo=order_no, channel="WECHAT_PAY")).value["shown"]
    assert base64.b64decode(shown["code"]["png"]).startswith(b"\x89PNG")
    assert shown["code"]["svg"].startswith("<?xml")
    waiting = (await clerk.ask(documents.REFRESH_DESK_PAYMENT, paymentNo=shown["paymentNo"])).value["payment"]
    assert (waiting["standing"], waiting["message"]) == ("WAITING", "等待顾客扫码付款。")
    paid = await house.outside.http.post(
        "/_sandbox/pay", json={"code_url": shown["code"]["code"], "openid": citizen.openid}
    )
    assert paid.status_code == 200, paid.text
    seen = (await clerk.ask(documents.REFRESH_DESK_PAYMENT, paymentNo=shown["paymentNo"])).value["payment"]
    assert (seen["standing"], seen["orderNo"]) == ("PAID", order_no)
    assert (await clerk.ask(documents.DESK_ORDER, orderNo=order_no)).value["paidBy"] == "WECHAT_PAY"


async def test_a_scanned_code_pays(house: House, clerk: Clerk, citizen: Citizen, hall: Hall) -> None:
    order_no = await an_order(citizen, hall)
    given = await house.outside.http.post("/_sandbox/payer-codes", json={"openid": citizen.openid})
    code = given.json()["auth_code"]
    for _ in range(2):  # the second time with the same key is the same act
        asked = await clerk.ask(documents.CHARGE_PAYER_CODE, orderNo=order_no, payerCode=code, idempotencyKey=KEY)
        assert asked.value["payment"]["standing"] == "PAID"
    assert await Payment.all().count() == 1
    assert code not in house.log()


async def test_every_no_at_the_desk_is_a_sentence_and_leaves_nothing(
    house: House, clerk: Clerk, citizen: Citizen, hall: Hall
) -> None:
    elsewhere = await a_hall(name="城东体育馆", lon=104.2)
    mine, theirs = await an_order(citizen, hall), await an_order(citizen, elsewhere, hour=12)
    here, there = hall.venue.public_id, elsewhere.venue.public_id
    cash = {"channel": "CASH", "amountGiven": 4000, "idempotencyKey": KEY}
    cases: list[tuple[str, dict[str, Any], str]] = [
        (documents.OPEN_SHIFT, {"venueId": there, "openingFloat": 0}, "NOT_ALLOWED"),
        (documents.OPEN_SHIFT, {"venueId": here, "openingFloat": -1}, "BAD_INPUT"),
        (documents.CLOSE_SHIFT, {"shiftId": "shf_UNKNOWN", "counted": 0}, "SHIFT_UNKNOWN"),
        (documents.PAY_AT_DESK, {**cash, "orderNo": mine}, "SHIFT_NEEDED"),
        (documents.PAY_AT_DESK, {**cash, "orderNo": mine, "amountGiven": 1}, "TOO_LITTLE_GIVEN"),
        (documents.PAY_AT_DESK, {**cash, "orderNo": theirs}, "ORDER_UNKNOWN"),
        (documents.PAY_AT_DESK, {**cash, "orderNo": "O0"}, "ORDER_UNKNOWN"),
        (documents.PAY_AT_DESK, {**cash, "orderNo": mine, "channel": "ALIPAY"}, "BAD_INPUT"),
        (documents.PAY_AT_DESK, {**cash, "orderNo": mine, "idempotencyKey": "x"}, "BAD_INPUT"),
        (documents.SHOW_PAYMENT_CODE, {"orderNo": theirs, "channel": "WECHAT_PAY"}, "ORDER_UNKNOWN"),
        (documents.SHOW_PAYMENT_CODE, {"orderNo": mine, "channel": "CARD"}, "BAD_INPUT"),
        (
            documents.CHARGE_PAYER_CODE,
            {"orderNo": mine, "payerCode": "12", "idempotencyKey": KEY},
            "PAYER_CODE_UNKNOWN",
        ),
        (
            documents.CHARGE_PAYER_CODE,
            {"orderNo": theirs, "payerCode": "1" * 18, "idempotencyKey": KEY},
            "ORDER_UNKNOWN",
        ),
        (documents.REFRESH_DESK_PAYMENT, {"paymentNo": "P0"}, "PAYMENT_UNKNOWN"),
        (documents.HAND_OUT_REFUND, {"refundNo": "R0", "idempotencyKey": KEY}, "REFUND_UNKNOWN"),
        (documents.REFUNDS_AT_DESK, {"venueId": there}, "NOT_ALLOWED"),
    ]
    async with nothing_changes():
        for document, variables, code in cases:
            assert (await clerk.ask(document, **variables)).refusal.code == code, (document, variables)
        assert (await clerk.ask(documents.DESK_ORDER, orderNo=theirs)).value is None
        assert (await clerk.ask(documents.SHIFT)).value is None


async def test_the_drawer_is_for_staff(house: House, citizen: Citizen, hall: Hall) -> None:
    order_no = await an_order(citizen, hall)
    async with nothing_changes():
        for authorization in (citizen.authorization, "", "Staff made-up"):
            asked = {"orderNo": order_no, "channel": "CASH", "amountGiven": 4000, "idempotencyKey": KEY}
            assert (await house.ask(documents.PAY_AT_DESK, asked, authorization)).refusal.code == "NOT_SIGNED_IN"
            assert (
                await house.ask(documents.DESK_ORDER, {"orderNo": order_no}, authorization)
            ).refusal.code == "NOT_SIGNED_IN"
            assert (await house.ask(documents.SHIFT, {}, authorization)).refusal.code == "NOT_SIGNED_IN"


async def test_what_the_desk_sees_of_an_order_is_not_whose_it_is(
    house: House, clerk: Clerk, citizen: Citizen, hall: Hall
) -> None:
    order_no = await an_order(citizen, hall)
    told = (await clerk.ask(documents.DESK_ORDER, orderNo=order_no)).text
    for secret in (citizen.openid, citizen.phone, str(citizen.tokens["memberId"])):
        assert secret not in told
