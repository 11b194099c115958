"""The payer's page for every kind of order: paid, refused, scanned, shown at the desk."""

from __future__ import annotations

import re

from tests.sandbox.conftest import store_of, switch_on
from tests.sandbox.merchant import Merchant
from tests.sandbox.test_payer_page import page, press


async def test_open_orders_of_every_kind_are_listed_and_paid(merchant: Merchant) -> None:
    await switch_on(merchant.http, payer_must_confirm=True)
    orders = [
        ("jsapi", merchant.order(), "微信里的订单"),
        ("h5", merchant.order_for_browser(), "手机浏览器里的订单"),
        ("native", merchant.order_to_scan(), "扫码订单"),
        ("codepay", merchant.order_by_code(await merchant.new_code()), "付款码订单 · 收银员已扫码，等您确认"),
    ]
    for kind, order, words in orders:
        await merchant.place_as(kind, order)
        assert words in await page(merchant)
        assert "支付成功" in (await press(merchant, order["out_trade_no"], "pay")).text
    assert "现在没有要付款的订单" in await page(merchant)
    assert (await store_of(merchant.http))["sums"]["paid_fen"] == 18_000


async def test_a_person_refuses_what_the_cashier_scanned(merchant: Merchant) -> None:
    await switch_on(merchant.http, payer_must_confirm=True)
    order = merchant.order_by_code(await merchant.new_code())
    await merchant.place_as("codepay", order)
    assert "确认支付 ¥45.00" in await page(merchant)
    assert "您取消了付款" in (await press(merchant, order["out_trade_no"], "refuse")).text
    assert "支付失败" in await page(merchant)
    assert "没有在等您确认" in (await press(merchant, order["out_trade_no"], "refuse")).text


async def test_paying_a_second_time_shows_wechats_own_sentence(merchant: Merchant) -> None:
    order = await merchant.paid()
    assert "再付一次" in await page(merchant)
    assert "该订单已支付，无需重复支付" in (await press(merchant, order["out_trade_no"], "pay")).text
    assert (await store_of(merchant.http))["sums"]["paid_fen"] == 4500


async def test_a_pasted_code_url_opens_its_order_to_be_paid_or_left(merchant: Merchant) -> None:
    order = merchant.order_to_scan(description="篮球 <半场>")
    code_url = (await merchant.place_as("native", order)).json()["code_url"]
    assert 'name="code_url"' in await page(merchant)
    scanned = await merchant.http.get("/payer/scan", params={"code_url": f" {code_url}\n"})
    assert "篮球 &lt;半场&gt;" in scanned.text
    left = await merchant.http.post("/payer/scan", params={"code_url": code_url}, content="button=leave")
    assert left.headers["location"] == "/payer"
    paid = await merchant.http.post(
        "/payer/scan", params={"code_url": code_url}, content="button=pay", follow_redirects=True
    )
    assert "支付成功" in paid.text
    unknown = await merchant.http.get("/payer/scan", params={"code_url": "weixin://wxpay/bizpayurl?pr=none"})
    assert "没有找到这个支付链接" in unknown.text


async def test_the_payment_code_that_the_page_shows_pays_at_the_desk(merchant: Merchant) -> None:
    shown = await merchant.http.post("/payer/code")
    found = re.search(r"(\d{4}) (\d{4}) (\d{4}) (\d{4}) (\d{2})", shown.text)
    assert found is not None
    answer = await merchant.place_as("codepay", merchant.order_by_code("".join(found.groups())))
    assert answer.json()["trade_state"] == "SUCCESS"
    shown_done = await page(merchant)
    assert "再付一次" in shown_done
    assert "重复通知" not in shown_done  # a payment by code has no notices


async def test_a_payment_code_belongs_to_somebody(merchant: Merchant) -> None:
    for body in ({}, {"openid": ""}, {"openid": 1}):
        assert (await merchant.http.post("/_sandbox/payer-codes", json=body)).status_code == 400
