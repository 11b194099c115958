"""The payer's page, read and pressed as a person would."""

from __future__ import annotations

import httpx

from tests.sandbox.conftest import NoticeDoor, store_of
from tests.sandbox.merchant import Merchant
from tests.sandbox.test_wechat_pay_orders import beijing, move_clock


async def page(merchant: Merchant) -> str:
    answer = await merchant.http.get("/payer")
    assert answer.status_code == 200
    return answer.text


async def press(merchant: Merchant, number: str, button: str) -> httpx.Response:
    return await merchant.http.post(f"/payer/{number}/{button}", follow_redirects=True)


async def test_a_person_sees_an_order_pays_it_and_has_the_notice_sent_again(
    merchant: Merchant, notice_door: NoticeDoor
) -> None:
    order, _ = await merchant.placed(description="羽毛球 <1 号场>", amount={"total": 4505, "currency": "CNY"})
    number = order["out_trade_no"]
    shown = await page(merchant)
    assert "羽毛球 &lt;1 号场&gt;" in shown
    assert "45.05" in shown
    assert "支付 ¥45.05" in shown
    assert "超时后支付" not in shown
    assert "重复通知" not in shown

    result = await press(merchant, number, "pay")
    assert "支付成功" in result.text
    assert (await merchant.query(number)).json()["trade_state"] == "SUCCESS"
    assert "重复通知" in await page(merchant)
    assert "已再次通知商户" in (await press(merchant, number, "notice-again")).text
    first, second = await notice_door.wait_for(2)
    assert merchant.open(first)[0]["id"] == merchant.open(second)[0]["id"]
    assert (await store_of(merchant.http))["sums"]["paid_fen"] == 4505


async def test_leaving_charges_nothing_and_the_order_can_still_be_paid(merchant: Merchant) -> None:
    order, _ = await merchant.placed()
    result = await press(merchant, order["out_trade_no"], "leave")
    assert "您没有付款" in result.text
    assert (await merchant.query(order["out_trade_no"])).json()["trade_state"] == "NOTPAY"
    assert "支付 ¥45.00" in await page(merchant)


async def test_past_the_end_the_page_offers_only_to_pay_late(merchant: Merchant) -> None:
    order, _ = await merchant.placed(time_expire=beijing(120))
    await move_clock(merchant, 130)
    assert "超时后支付" in await page(merchant)
    assert "支付时间已过" in (await press(merchant, order["out_trade_no"], "pay")).text
    assert (await store_of(merchant.http))["payments"] == []
    assert "支付成功（超时后）" in (await press(merchant, order["out_trade_no"], "pay-late")).text
    assert len((await store_of(merchant.http))["payments"]) == 1


async def test_paying_twice_or_a_closed_order_says_so_and_charges_nothing_more(merchant: Merchant) -> None:
    order = await merchant.paid()
    assert "已经付过了" in (await press(merchant, order["out_trade_no"], "pay")).text
    closed, _ = await merchant.placed()
    await merchant.close(closed["out_trade_no"])
    assert "订单已关闭" in (await press(merchant, closed["out_trade_no"], "pay")).text
    assert "没有这笔订单" in (await press(merchant, "T00000000", "pay")).text
    assert (await store_of(merchant.http))["sums"]["paid_fen"] == 4500


async def test_an_address_typed_by_hand_never_claims_a_payment(merchant: Merchant) -> None:
    order, _ = await merchant.placed()
    for address in (f"/payer/{order['out_trade_no']}/pay", "/payer/T00000000/pay", "/payer/x/nonsense"):
        answer = await merchant.http.get(address)
        assert (answer.status_code, answer.headers["location"]) == (303, "/payer")
