"""The payer's page and the cashier page, read and pressed as a person would."""

from __future__ import annotations

import html
import re

import httpx

from tests.sandbox.alipay_merchant import AlipayDoor, AlipayMerchant
from tests.sandbox.conftest import store_of, until


async def payer_page(merchant: AlipayMerchant) -> str:
    return (await merchant.http.get("/payer")).text


async def press(merchant: AlipayMerchant, number: str, button: str) -> str:
    answer = await merchant.http.post(f"/payer/{number}/{button}", follow_redirects=True)
    assert answer.status_code == 200
    return answer.text


async def opened(merchant: AlipayMerchant, url: str) -> httpx.Response:
    """The cashier page as the payer's browser shows it."""
    answer = await merchant.http.get(url, follow_redirects=True)
    assert answer.url.path.startswith("/cashier/"), answer.text
    return answer


async def press_at(page: httpx.Response, merchant: AlipayMerchant, button: str) -> httpx.Response:
    address = page.url.path.removesuffix("/left")
    chosen = re.search(r'<option value="(\d+)">', page.text)
    form = {"buyer_user_id": chosen[1]} if chosen else {}
    return await merchant.http.post(f"{address}/{button}", data=form, follow_redirects=True)


async def test_a_person_signs_in_at_the_cashier_pays_and_goes_back_with_signed_parameters(
    alipay_merchant: AlipayMerchant, alipay_door: AlipayDoor
) -> None:
    order = alipay_merchant.order(subject="羽毛球 <1 号场>")
    return_url = "http://127.0.0.1:1/orders/7?from=alipay"
    page = await opened(alipay_merchant, alipay_merchant.page_url(order, return_url=return_url))
    assert "羽毛球 &lt;1 号场&gt;" in page.text
    assert "登录" in page.text
    assert await alipay_merchant.status(order) == "ACQ.TRADE_NOT_EXIST"
    page = await press_at(page, alipay_merchant, "sign-in")
    assert "支付 ¥45.00" in page.text
    assert await alipay_merchant.status(order) == "WAIT_BUYER_PAY"
    page = await press_at(page, alipay_merchant, "pay")
    assert "支付成功" in page.text
    assert await alipay_merchant.status(order) == "TRADE_SUCCESS"

    back = re.search(r'href="(http://127[^"]+)">返回商户', page.text)
    assert back is not None
    address = html.unescape(back[1])
    assert address.startswith(f"{return_url}&")
    returned = alipay_merchant.verify_return(address.replace("from=alipay&", ""))
    assert returned["method"] == "alipay.trade.wap.pay.return"
    assert (returned["out_trade_no"], returned["total_amount"]) == (order["out_trade_no"], "45.00")
    assert (returned["app_id"], returned["seller_id"]) == (alipay_merchant.app_id, alipay_merchant.seller_id)
    await until(lambda: len(alipay_door.notices) == 1)


async def test_a_person_may_leave_the_cashier_and_nothing_is_charged(alipay_merchant: AlipayMerchant) -> None:
    order = alipay_merchant.order(quit_url="http://127.0.0.1:1/quit")
    page = await opened(alipay_merchant, alipay_merchant.page_url(order, "page"))
    page = await press_at(page, alipay_merchant, "leave")
    assert "您没有付款" in page.text
    assert "http://127.0.0.1:1/quit" in page.text
    assert await alipay_merchant.status(order) == "WAIT_BUYER_PAY"
    assert (await store_of(alipay_merchant.http))["sums"]["paid_fen"] == 0
    page = await press_at(page, alipay_merchant, "pay")
    assert "支付成功" in page.text
    assert "TRADE_HAS_SUCCESS" in (await press_at(page, alipay_merchant, "pay")).text
    assert (await store_of(alipay_merchant.http))["sums"]["paid_fen"] == 4500


async def test_a_person_pays_from_the_list_pays_twice_and_has_the_notice_sent_again(
    alipay_merchant: AlipayMerchant, alipay_door: AlipayDoor
) -> None:
    order = alipay_merchant.order()
    await alipay_merchant.precreate(order)
    assert "支付 ¥45.00" in await payer_page(alipay_merchant)
    number = order["out_trade_no"]
    assert "您没有付款" in await press(alipay_merchant, number, "leave")
    assert "支付成功" in await press(alipay_merchant, number, "pay")
    assert "再付一次" in await payer_page(alipay_merchant)
    assert "已经付过了" in await press(alipay_merchant, number, "pay")
    assert "已再次通知商户" in await press(alipay_merchant, number, "notice-again")
    await until(lambda: len(alipay_door.notices) == 2)
    assert (await store_of(alipay_merchant.http))["sums"]["paid_fen"] == 4500


async def test_past_the_end_the_pages_offer_only_to_pay_late(alipay_merchant: AlipayMerchant) -> None:
    order = alipay_merchant.order(timeout_express="1m")
    page = await opened(alipay_merchant, alipay_merchant.page_url(order))
    page = await press_at(page, alipay_merchant, "sign-in")
    await alipay_merchant.move_clock(90)
    assert "超时后支付" in await payer_page(alipay_merchant)
    assert "TRADE_EXPIRED" in (await press_at(page, alipay_merchant, "pay")).text
    assert "支付时间已过" in await press(alipay_merchant, order["out_trade_no"], "pay")
    assert "支付成功（超时后）" in await press(alipay_merchant, order["out_trade_no"], "pay-late")


async def test_a_pasted_qr_code_opens_the_cashier_and_a_wrong_one_says_so(alipay_merchant: AlipayMerchant) -> None:
    offered = await alipay_merchant.precreate(alipay_merchant.order())
    for pasted, expected in (
        (f" {offered['qr_code']} ", "支付宝收银台"),
        ("https://qr.alipay.com/nonsense", "二维码无效"),
    ):
        answer = await alipay_merchant.http.post("/payer/scan", data={"qr_code": pasted}, follow_redirects=True)
        assert expected in answer.text


async def test_a_person_shows_a_payment_code_and_confirms_in_the_list(alipay_merchant: AlipayMerchant) -> None:
    page = await alipay_merchant.http.post("/payer/code")
    code = "".join(re.findall(r"<span>(\d+)</span>", page.text))
    order = alipay_merchant.order(total_amount="1200.00")
    assert (await alipay_merchant.pay_by_code(order, code))["code"] == "10003"
    assert "支付 ¥1200.00" in await payer_page(alipay_merchant)
    assert "支付成功" in await press(alipay_merchant, order["out_trade_no"], "pay")


async def test_an_address_typed_by_hand_never_claims_a_payment(alipay_merchant: AlipayMerchant) -> None:
    order = alipay_merchant.order()
    await alipay_merchant.precreate(order)
    for address in (f"/payer/{order['out_trade_no']}/pay", "/payer/T0/pay", "/payer/x/nonsense"):
        answer = await alipay_merchant.http.get(address)
        assert (answer.status_code, answer.headers["location"]) == (303, "/payer")
    assert "TRADE_NOT_EXIST" in (await alipay_merchant.http.get("/cashier/nonsense")).text
    assert "支付宝" in (await alipay_merchant.http.get("/")).text
