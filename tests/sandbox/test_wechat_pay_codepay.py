"""付款码支付 and 撤销: the cashier scans the payer's phone."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.sandbox.conftest import store_of, switch_on
from tests.sandbox.merchant import Merchant
from tests.sandbox.test_wechat_pay_orders import move_clock, pay

THOUSAND_YUAN = {"total": 100_000, "currency": "CNY"}


async def refuse(merchant: Merchant, out_trade_no: str) -> Any:
    return await merchant.http.post("/_sandbox/refuse", json={"out_trade_no": out_trade_no})


async def state_of(merchant: Merchant, order: dict[str, Any]) -> str:
    return str((await merchant.query(order["out_trade_no"])).json()["trade_state"])


async def test_a_small_amount_is_paid_in_the_answer_and_no_notice_is_sent(merchant: Merchant) -> None:
    order = merchant.order_by_code(await merchant.new_code("oGrandmother"))
    answer = await merchant.place_as("codepay", order)
    assert merchant.verify(answer.headers, answer.content) == merchant.public_key_id
    paid = answer.json()
    assert (paid["trade_state"], paid["trade_type"]) == ("SUCCESS", "MICROPAY")
    assert paid["payer"] == {"openid": "oGrandmother"}
    assert paid == (await merchant.query(order["out_trade_no"])).json()
    assert (await store_of(merchant.http))["notices"] == []


async def test_from_a_thousand_yuan_on_the_payer_confirms_first(merchant: Merchant) -> None:
    order = merchant.order_by_code(await merchant.new_code(), amount=THOUSAND_YUAN)
    for _ in range(2):  # asked for again, it is the same order
        answer = await merchant.place_as("codepay", order)
        assert (answer.status_code, answer.json()) == (202, {"trade_state": "USERPAYING"})
    assert await state_of(merchant, order) == "USERPAYING"
    assert (await pay(merchant, out_trade_no=order["out_trade_no"])).status_code == 200
    assert await state_of(merchant, order) == "SUCCESS"
    assert (await store_of(merchant.http))["notices"] == []


async def test_a_payer_who_refuses_ends_the_payment(merchant: Merchant) -> None:
    await switch_on(merchant.http, payer_must_confirm=True)
    order = merchant.order_by_code(await merchant.new_code())
    assert (await merchant.place_as("codepay", order)).status_code == 202
    refused = await refuse(merchant, order["out_trade_no"])
    assert refused.json() == {"out_trade_no": order["out_trade_no"], "trade_state": "PAYERROR"}
    assert await state_of(merchant, order) == "PAYERROR"
    assert (await pay(merchant, out_trade_no=order["out_trade_no"])).json()["code"] == "ORDER_CLOSED"
    assert (await refuse(merchant, order["out_trade_no"])).status_code == 409
    again = await merchant.place_as("codepay", order)
    assert (again.status_code, again.json()["code"]) == (403, "TRADE_ERROR")
    assert (await store_of(merchant.http))["sums"]["paid_fen"] == 0


async def test_a_payment_code_works_once_and_for_a_minute(merchant: Merchant) -> None:
    used, stale = await merchant.new_code(), await merchant.new_code()
    assert used[:2] in {"10", "11", "12", "13", "14", "15"}
    assert len(used) == 18
    assert (await merchant.place_as("codepay", merchant.order_by_code(used))).status_code == 200
    await move_clock(merchant, 61)
    for code in (used, stale, "130000000000000000"):
        answer = await merchant.place_as("codepay", merchant.order_by_code(code))
        assert (answer.status_code, answer.json()["code"]) == (400, "AUTH_CODE_INVALID"), code
    assert len((await store_of(merchant.http))["orders"]) == 1


async def test_a_paid_order_by_code_asked_for_again_is_refused(merchant: Merchant) -> None:
    order = await merchant.paid_by_code()
    again = await merchant.place_as("codepay", order)
    assert (again.status_code, again.json()["code"]) == (403, "OUT_TRADE_NO_USED")


async def test_an_order_by_code_must_tell_code_and_store(merchant: Merchant) -> None:
    code = await merchant.new_code()
    wrong: list[dict[str, Any]] = [
        {"payer": {}},
        {"payer": {"auth_code": "160000000000000000"}},
        {"payer": {"auth_code": code[:-1]}},
        {"scene_info": None},
        {"scene_info": {"store_info": {}}},
        {"amount": {"total": 0}},
    ]
    for changed in wrong:
        answer = await merchant.place_as("codepay", merchant.order_by_code(code, **changed))
        assert (answer.status_code, answer.json()["code"]) == (400, "PARAM_ERROR"), changed
    assert (await merchant.place_as("codepay", merchant.order_by_code(code))).status_code == 200


async def test_reversing_an_unpaid_order_ends_it(merchant: Merchant) -> None:
    order = merchant.order_by_code(await merchant.new_code(), amount=THOUSAND_YUAN)
    await merchant.place_as("codepay", order)
    for _ in range(2):
        reversed_ = await merchant.reverse(order["out_trade_no"])
        assert reversed_.json() == {
            "appid": merchant.appid,
            "mchid": merchant.mchid,
            "out_trade_no": order["out_trade_no"],
        }
    assert await state_of(merchant, order) == "REVOKED"
    assert (await pay(merchant, out_trade_no=order["out_trade_no"])).json()["code"] == "ORDER_CLOSED"
    assert (await merchant.place_as("codepay", order)).json()["code"] == "ORDER_CLOSED"
    assert (await store_of(merchant.http))["refunds"] == []


async def test_reversing_a_paid_order_gives_all_of_it_back(merchant: Merchant) -> None:
    await switch_on(merchant.http, refund_seconds=0)
    order = await merchant.paid_by_code()
    for _ in range(2):
        assert (await merchant.reverse(order["out_trade_no"])).status_code == 200
    assert await state_of(merchant, order) == "REVOKED"
    for _ in range(100):
        books = await store_of(merchant.http)
        if not books["sums"]["refunding_fen"]:
            break
        await asyncio.sleep(0.01)
    assert books["sums"] == {"paid_fen": 4500, "refunded_fen": 4500, "refunding_fen": 0, "kept_fen": 0}
    refund = await merchant.ask_refund(merchant.refund(order, 100))
    assert refund.json()["code"] == "INVALID_REQUEST"


async def test_what_cannot_be_reversed_stays(merchant: Merchant) -> None:
    in_app, by_code, refunded = await merchant.paid(), await merchant.paid_by_code(), await merchant.paid_by_code()
    await merchant.ask_refund(merchant.refund(refunded, 100))
    for answer, expected in (
        (await merchant.reverse(in_app["out_trade_no"]), (400, "INVALID_REQUEST")),
        (await merchant.reverse(refunded["out_trade_no"]), (400, "INVALID_REQUEST")),
        (await merchant.reverse("T00000000"), (404, "ORDER_NOT_EXIST")),
        (
            await merchant.reverse(by_code["out_trade_no"], appid=merchant.official_account_appid),
            (400, "APPID_MCHID_NOT_MATCH"),
        ),
        (await merchant.close(by_code["out_trade_no"]), (400, "ORDER_PAID")),
    ):
        assert (answer.status_code, answer.json()["code"]) == expected
    refunds = (await store_of(merchant.http))["refunds"]
    assert [each["out_trade_no"] for each in refunds] == [refunded["out_trade_no"]]


async def test_an_order_by_code_is_reversed_not_closed(merchant: Merchant) -> None:
    order = merchant.order_by_code(await merchant.new_code(), amount=THOUSAND_YUAN)
    await merchant.place_as("codepay", order)
    closed = await merchant.close(order["out_trade_no"])
    assert (closed.status_code, closed.json()["code"]) == (400, "INVALID_REQUEST")
    assert await state_of(merchant, order) == "USERPAYING"
