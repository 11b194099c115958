"""Orders on WeChat Pay's wire: placed, asked for, paid, closed."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import Any

import httpx

from tests.sandbox.conftest import NoticeDoor, store_of
from tests.sandbox.merchant import Merchant

BEIJING = timezone(timedelta(hours=8))


def beijing(in_seconds: float) -> str:
    return (datetime.now(BEIJING) + timedelta(seconds=in_seconds)).isoformat(timespec="seconds")


async def pay(merchant: Merchant, **asked: Any) -> httpx.Response:
    return await merchant.http.post("/_sandbox/pay", json=asked)


async def move_clock(merchant: Merchant, seconds: float) -> None:
    answer = await merchant.http.put("/_sandbox/clock", json={"offset_seconds": seconds})
    assert answer.status_code == 200


async def test_an_order_is_placed_paid_noticed_and_found_by_both_numbers(
    merchant: Merchant, notice_door: NoticeDoor
) -> None:
    order, prepay_id = await merchant.placed()
    number = order["out_trade_no"]
    before = (await merchant.query(number)).json()
    assert before["trade_state"] == "NOTPAY"
    assert "transaction_id" not in before

    paid = (await pay(merchant, **merchant.payment_parameters(prepay_id))).json()
    [notice] = await notice_door.wait_for(1)
    envelope, resource = merchant.open(notice)
    answer = await merchant.query(number)

    assert merchant.verify(answer.headers, answer.content) == merchant.public_key_id
    assert envelope["event_type"] == "TRANSACTION.SUCCESS"
    assert envelope["resource_type"] == "encrypt-resource"
    assert envelope["resource"]["original_type"] == "transaction"
    assert resource == answer.json()
    assert resource["trade_state"] == "SUCCESS"
    assert resource["amount"] == {
        "total": 4500,
        "currency": "CNY",
        "payer_total": 4500,
        "payer_currency": "CNY",
    }
    assert resource["payer"] == {"openid": "oChengduCitizen"}
    by_id = await merchant.call("GET", f"/v3/pay/transactions/id/{paid['transaction_id']}?mchid={merchant.mchid}")
    assert by_id.json() == resource
    books = await store_of(merchant.http)
    assert books["sums"] == {"paid_fen": 4500, "refunded_fen": 0, "refunding_fen": 0, "kept_fen": 4500}


async def test_a_request_that_the_merchant_did_not_sign_just_now_is_a_sign_error(merchant: Merchant) -> None:
    wrong = [
        {"signature": "AAAA"},
        {"signature": "不是签名"},
        {"mchid": "1600000000"},
        {"serial_no": "0" * 40},
        {"timestamp": str(int(time.time()) - 400)},
        {"timestamp": str(int(time.time()) + 400)},
        {"timestamp": str(int(time.time() * 1000))},
        {"timestamp": "now"},
    ]
    headers = [merchant.authorization("GET", "/v3/certificates", "", **each) for each in wrong]
    for header in [*headers, "", "Bearer x", "WECHATPAY2-SHA256-RSA2048 mchid=1"]:
        answer = await merchant.http.get("/v3/certificates", headers=[(b"authorization", header.encode())])
        assert (answer.status_code, answer.json()["code"]) == (401, "SIGN_ERROR"), header


async def test_a_body_changed_by_one_space_after_signing_is_a_sign_error_and_places_nothing(
    merchant: Merchant,
) -> None:
    url, order = "/v3/pay/transactions/jsapi", merchant.order()
    header = merchant.authorization("POST", url, "{}")
    answer = await merchant.http.post(url, json=order, headers={"Authorization": header})
    assert (answer.status_code, answer.json()["code"]) == (401, "SIGN_ERROR")
    assert (await merchant.query(order["out_trade_no"])).status_code == 404


OUTSIDE_THE_LIMITS: list[tuple[dict[str, Any], str]] = [
    ({"out_trade_no": "T1234"}, "out_trade_no"),
    ({"out_trade_no": "T" * 33}, "out_trade_no"),
    ({"out_trade_no": "订单一二三四五六"}, "out_trade_no"),
    ({"out_trade_no": "T12345\n"}, "out_trade_no"),
    ({"description": ""}, "description"),
    ({"description": "羽" * 128}, "description"),
    ({"attach": "x" * 129}, "attach"),
    ({"notify_url": None}, "notify_url"),
    ({"notify_url": "http://127.0.0.1/n?a=1"}, "notify_url"),
    ({"notify_url": "http://127.0.0.1/" + "n" * 255}, "notify_url"),
    ({"notify_url": "ftp://127.0.0.1/n"}, "notify_url"),
    ({"amount": {"total": 0}}, "amount.total"),
    ({"amount": {"total": -1}}, "amount.total"),
    ({"amount": {"total": 1.5}}, "amount.total"),
    ({"amount": {"total": "100"}}, "amount.total"),
    ({"amount": {"total": True}}, "amount.total"),
    ({"amount": {"total": 100, "currency": "USD"}}, "currency"),
    ({"amount": 100}, "amount"),
    ({"payer": {}}, "openid"),
    ({"time_expire": "2030-01-01T00:00:00Z"}, "time_expire"),
    ({"time_expire": "2030-01-01 00:00:00+08:00"}, "time_expire"),
    ({"time_expire": "2030-13-01T00:00:00+08:00"}, "time_expire"),
]


async def test_a_parameter_outside_its_limits_is_named_and_places_nothing(merchant: Merchant) -> None:
    for changed, field in OUTSIDE_THE_LIMITS:
        answer = await merchant.place(merchant.order(**changed))
        assert (answer.status_code, answer.json()["code"]) == (400, "PARAM_ERROR"), changed
        assert answer.json()["detail"]["field"] == field
    assert (await store_of(merchant.http))["orders"] == []


async def test_a_body_that_is_no_json_object_is_a_parameter_error(merchant: Merchant) -> None:
    url = "/v3/pay/transactions/jsapi"
    for body in ("null", '"x"', "1", "[]", "", "{", "[" * 100_000, '{"a":"\\ud800"}'):
        header = merchant.authorization("POST", url, body)
        answer = await merchant.http.post(url, content=body, headers={"Authorization": header})
        assert (answer.status_code, answer.json()["code"]) == (400, "PARAM_ERROR"), body[:20]


async def test_longest_allowed_parameters_are_accepted(merchant: Merchant) -> None:
    await merchant.placed(
        out_trade_no="T_-|*" + "9" * 27, description="羽" * 127, attach="x" * 128, amount={"total": 1}
    )


async def test_an_appid_or_mchid_of_somebody_else_is_refused(merchant: Merchant) -> None:
    other_app = await merchant.place(merchant.order(appid="wx0000000000000000"))
    other_merchant = await merchant.place(merchant.order(mchid="1600000000"))
    assert (other_app.status_code, other_app.json()["code"]) == (400, "APPID_MCHID_NOT_MATCH")
    assert (other_merchant.status_code, other_merchant.json()["code"]) == (400, "MCH_NOT_EXISTS")


async def test_the_same_order_asked_for_again_gets_a_new_prepay_id_and_both_ids_pay_once(
    merchant: Merchant,
) -> None:
    order, first = await merchant.placed()
    second = (await merchant.place(order)).json()["prepay_id"]
    assert first != second
    assert (await pay(merchant, prepay_id=first)).status_code == 200
    again = await pay(merchant, prepay_id=second)
    assert (again.status_code, again.json()["code"]) == (409, "ORDER_PAID")
    assert (await store_of(merchant.http))["sums"]["paid_fen"] == 4500


async def test_the_same_number_with_other_parameters_is_refused_and_the_first_order_stays(
    merchant: Merchant,
) -> None:
    order, _ = await merchant.placed()
    answer = await merchant.place(order | {"amount": {"total": 4501, "currency": "CNY"}})
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")
    assert (await merchant.query(order["out_trade_no"])).json()["amount"]["total"] == 4500


async def test_closing_is_repeatable_and_final(merchant: Merchant) -> None:
    order, prepay_id = await merchant.placed()
    for _ in range(2):
        closed = await merchant.close(order["out_trade_no"])
        assert (closed.status_code, closed.content) == (204, b"")
        assert merchant.verify(closed.headers, b"") == merchant.public_key_id

    assert (await merchant.query(order["out_trade_no"])).json()["trade_state"] == "CLOSED"
    assert (await merchant.place(order)).json()["code"] == "ORDER_CLOSED"
    for asked in ({"prepay_id": prepay_id}, {"out_trade_no": order["out_trade_no"], "late": True}):
        refused = await pay(merchant, **asked)
        assert (refused.status_code, refused.json()["code"]) == (409, "ORDER_CLOSED")
    assert (await store_of(merchant.http))["sums"]["paid_fen"] == 0


async def test_a_paid_order_can_be_neither_closed_nor_placed_again(merchant: Merchant) -> None:
    order = await merchant.paid()
    closed = await merchant.close(order["out_trade_no"])
    placed = await merchant.place(order)
    assert (closed.status_code, closed.json()["code"]) == (400, "ORDER_PAID")
    assert (placed.status_code, placed.json()["code"]) == (403, "OUT_TRADE_NO_USED")
    assert (await merchant.query(order["out_trade_no"])).json()["trade_state"] == "SUCCESS"


async def test_an_unknown_order_does_not_exist(merchant: Merchant) -> None:
    by_id = f"/v3/pay/transactions/id/4200000000?mchid={merchant.mchid}"
    for answer in (
        await merchant.query("T00000000"),
        await merchant.close("T00000000"),
        await merchant.call("GET", by_id),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "ORDER_NOT_EXIST")


async def test_a_query_without_mchid_is_a_parameter_error(merchant: Merchant) -> None:
    answer = await merchant.call("GET", "/v3/pay/transactions/out-trade-no/T00000000")
    assert (answer.status_code, answer.json()["code"]) == (400, "PARAM_ERROR")


async def test_past_its_end_an_order_can_only_be_paid_late_and_then_as_of_its_last_second(
    merchant: Merchant, notice_door: NoticeDoor
) -> None:
    end = beijing(120)
    order, prepay_id = await merchant.placed(time_expire=end)
    await move_clock(merchant, 130)
    refused = await pay(merchant, prepay_id=prepay_id)
    assert (refused.status_code, refused.json()["code"]) == (409, "ORDER_EXPIRED")
    assert (await merchant.query(order["out_trade_no"])).json()["trade_state"] == "NOTPAY"
    assert (await merchant.place(order)).json()["code"] == "INVALID_REQUEST"

    assert (await pay(merchant, prepay_id=prepay_id, late=True)).status_code == 200
    paid = (await merchant.query(order["out_trade_no"])).json()
    assert paid["trade_state"] == "SUCCESS"
    assert datetime.fromisoformat(paid["success_time"]) == datetime.fromisoformat(end) - timedelta(seconds=1)
    await notice_door.wait_for(1)


async def test_an_end_less_than_a_minute_ahead_is_moved_to_one_minute(merchant: Merchant) -> None:
    _, prepay_id = await merchant.placed(time_expire=beijing(-600))
    await move_clock(merchant, 50)
    assert (await pay(merchant, prepay_id=prepay_id)).status_code == 200


async def test_a_prepay_id_lives_two_hours_and_the_order_longer(merchant: Merchant) -> None:
    order, prepay_id = await merchant.placed()
    await move_clock(merchant, 7201)
    refused = await pay(merchant, prepay_id=prepay_id)
    assert (refused.status_code, refused.json()["code"]) == (409, "PREPAY_EXPIRED")
    assert (await pay(merchant, out_trade_no=order["out_trade_no"])).status_code == 200


async def test_payment_parameters_with_any_wrong_part_are_refused_and_charge_nothing(merchant: Merchant) -> None:
    _, prepay_id = await merchant.placed()
    _, other_prepay_id = await merchant.placed()
    right = merchant.payment_parameters(prepay_id)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"paySign": merchant.sign("something else")}, "PAY_SIGN_ERROR"),
        ({"package": f"prepay_id={other_prepay_id}"}, "PAY_SIGN_ERROR"),
        ({"timeStamp": "1"}, "PAY_SIGN_ERROR"),
        ({"timeStamp": 1}, "PARAM_ERROR"),
        ({"signType": "MD5"}, "PARAM_ERROR"),
        ({"appId": "wx0000000000000000"}, "APPID_MISMATCH"),
    ]
    for change, code in wrong:
        answer = await pay(merchant, **(right | change))
        assert (answer.status_code, answer.json()["code"]) == (400, code)
    stranger = await pay(merchant, prepay_id=prepay_id, openid="oSomebodyElse")
    assert (stranger.status_code, stranger.json()["code"]) == (403, "PAYER_MISMATCH")
    assert (await pay(merchant, prepay_id="wx0")).status_code == 404
    assert (await pay(merchant)).status_code == 404
    assert (await store_of(merchant.http))["payments"] == []
