"""The ways to pay besides the mini-program: the official account, a browser, a code to scan."""

from __future__ import annotations

from typing import Any

from tests.sandbox.conftest import NoticeDoor, store_of
from tests.sandbox.merchant import Merchant
from tests.sandbox.test_wechat_pay_orders import beijing, move_clock, pay


async def test_the_official_account_pays_with_its_own_appid(merchant: Merchant, notice_door: NoticeDoor) -> None:
    order, prepay_id = await merchant.placed(appid=merchant.official_account_appid)
    invoked = merchant.payment_parameters(prepay_id)
    refused = await pay(merchant, **invoked)
    assert (refused.status_code, refused.json()["code"]) == (400, "APPID_MISMATCH")

    merchant.appid = merchant.official_account_appid
    assert (await pay(merchant, **merchant.payment_parameters(prepay_id))).status_code == 200
    [notice] = await notice_door.wait_for(1)
    assert merchant.open(notice)[1]["appid"] == merchant.official_account_appid
    assert (await merchant.query(order["out_trade_no"])).json()["appid"] == merchant.official_account_appid
    [kept] = (await store_of(merchant.http))["payments"]
    assert (kept["appid"], kept["trade_type"]) == (merchant.official_account_appid, "JSAPI")


async def test_an_order_for_the_browser_is_paid_at_its_h5_url_which_leads_back_to_the_merchant(
    merchant: Merchant, notice_door: NoticeDoor
) -> None:
    order = merchant.order_for_browser()
    h5_url = (await merchant.place_as("h5", order)).json()["h5_url"]
    address = h5_url + "&redirect_url=https%3A%2F%2Fsports.example%2Forders%3Fno%3D1"
    sheet = await merchant.http.get(address)
    assert sheet.status_code == 200
    assert "支付 ¥45.00" in sheet.text

    left = await merchant.http.post(address, content="button=leave")
    assert left.headers["location"] == "https://sports.example/orders?no=1"
    assert (await merchant.query(order["out_trade_no"])).json()["trade_state"] == "NOTPAY"
    paid = await merchant.http.post(address, content="button=pay")
    assert (paid.status_code, paid.headers["location"]) == (303, "https://sports.example/orders?no=1")
    [notice] = await notice_door.wait_for(1)
    resource = merchant.open(notice)[1]
    assert (resource["trade_type"], resource["trade_state"]) == ("MWEB", "SUCCESS")
    assert resource["payer"]["openid"]

    twice = await merchant.http.post(address, content="button=pay")
    assert "该订单已支付，无需重复支付" in twice.text
    assert 'href="https://sports.example/orders?no=1"' in twice.text
    assert (await store_of(merchant.http))["sums"]["paid_fen"] == 4500


async def test_an_h5_url_lives_five_minutes_and_placing_again_gives_a_new_one(merchant: Merchant) -> None:
    order = merchant.order_for_browser()
    first = (await merchant.place_as("h5", order)).json()["h5_url"]
    await move_clock(merchant, 290)
    assert "支付 ¥45.00" in (await merchant.http.get(first)).text
    await move_clock(merchant, 301)
    merchant.ahead_seconds = 301
    assert "这个支付链接已过期" in (await merchant.http.get(first)).text
    refused = await pay(merchant, h5_url=first)
    assert (refused.status_code, refused.json()["code"]) == (409, "PREPAY_EXPIRED")
    second = (await merchant.place_as("h5", order)).json()["h5_url"]
    assert (await pay(merchant, h5_url=second)).status_code == 200


async def test_a_redirect_to_anything_but_a_web_page_is_ignored(merchant: Merchant) -> None:
    h5_url = (await merchant.place_as("h5", merchant.order_for_browser())).json()["h5_url"]
    left = await merchant.http.post(f"{h5_url}&redirect_url=javascript%3Aalert(1)", content="button=leave")
    assert left.headers["location"] == "/payer"


async def test_a_code_to_scan_is_paid_by_whoever_scans_it(merchant: Merchant, notice_door: NoticeDoor) -> None:
    order = merchant.order_to_scan()
    code_url = (await merchant.place_as("native", order)).json()["code_url"]
    assert code_url.startswith("weixin://wxpay/bizpayurl?pr=")
    assert (await pay(merchant, code_url=code_url, openid="oScanner")).status_code == 200
    [notice] = await notice_door.wait_for(1)
    resource = merchant.open(notice)[1]
    assert (resource["trade_type"], resource["payer"]) == ("NATIVE", {"openid": "oScanner"})
    again = await pay(merchant, code_url=code_url, openid="oSecond")
    assert (again.status_code, again.json()["code"]) == (409, "ORDER_PAID")
    assert (await store_of(merchant.http))["payments"][0]["openid"] == "oScanner"


async def test_a_code_to_scan_lives_two_hours(merchant: Merchant) -> None:
    code_url = (await merchant.place_as("native", merchant.order_to_scan())).json()["code_url"]
    await move_clock(merchant, 7201)
    refused = await pay(merchant, code_url=code_url)
    assert (refused.status_code, refused.json()["code"]) == (409, "PREPAY_EXPIRED")
    assert (await pay(merchant, code_url="weixin://wxpay/bizpayurl?pr=unknown")).status_code == 404


async def test_a_ticket_of_one_way_is_nothing_to_another(merchant: Merchant) -> None:
    _, prepay_id = await merchant.placed()
    code_url = (await merchant.place_as("native", merchant.order_to_scan())).json()["code_url"]
    assert (await pay(merchant, code_url=prepay_id)).status_code == 404
    assert (await pay(merchant, prepay_id=code_url.partition("=")[2])).status_code == 404
    assert (await pay(merchant, h5_url=f"http://x/?prepay_id={prepay_id}")).status_code == 404


async def test_another_way_to_pay_under_the_same_number_is_another_order(merchant: Merchant) -> None:
    order = merchant.order_to_scan()
    assert (await merchant.place_as("native", order)).status_code == 200
    scene = merchant.order_for_browser()["scene_info"]
    for kind, asked in (
        ("h5", order | {"scene_info": scene}),
        ("jsapi", order | {"payer": {"openid": "oChengduCitizen"}}),
    ):
        refused = await merchant.place_as(kind, asked)
        assert (refused.status_code, refused.json()["code"]) == (400, "INVALID_REQUEST"), kind


WRONG_FOR_THE_BROWSER: list[dict[str, Any]] = [
    {"scene_info": None},
    {"scene_info": {"h5_info": {"type": "Wap"}}},
    {"scene_info": {"payer_client_ip": "here", "h5_info": {"type": "Wap"}}},
    {"scene_info": {"payer_client_ip": "203.0.113.7"}},
    {"scene_info": {"payer_client_ip": "203.0.113.7", "h5_info": {}}},
    {"notify_url": None},
]


async def test_an_order_for_the_browser_must_tell_the_scene(merchant: Merchant) -> None:
    for changed in WRONG_FOR_THE_BROWSER:
        refused = await merchant.place_as("h5", merchant.order_for_browser(**changed))
        assert (refused.status_code, refused.json()["code"]) == (400, "PARAM_ERROR"), changed
    assert (await store_of(merchant.http))["orders"] == []


async def test_a_strange_appid_is_refused_by_every_way(merchant: Merchant) -> None:
    strange = {"appid": "wx0000000000000000"}
    code = await merchant.new_code()
    for kind, order in (
        ("jsapi", merchant.order(**strange)),
        ("h5", merchant.order_for_browser(**strange)),
        ("native", merchant.order_to_scan(**strange)),
        ("codepay", merchant.order_by_code(code, **strange)),
    ):
        refused = await merchant.place_as(kind, order)
        assert (refused.status_code, refused.json()["code"]) == (400, "APPID_MCHID_NOT_MATCH"), kind


async def test_every_way_is_closed_and_paid_late_alike(merchant: Merchant) -> None:
    closed, late = merchant.order_to_scan(), merchant.order_for_browser(time_expire=beijing(120))
    code_url = (await merchant.place_as("native", closed)).json()["code_url"]
    h5_url = (await merchant.place_as("h5", late)).json()["h5_url"]
    assert (await merchant.close(closed["out_trade_no"])).status_code == 204
    assert (await pay(merchant, code_url=code_url)).json()["code"] == "ORDER_CLOSED"
    await move_clock(merchant, 130)
    assert (await pay(merchant, h5_url=h5_url)).json()["code"] == "ORDER_EXPIRED"
    assert (await pay(merchant, h5_url=h5_url, late=True)).status_code == 200
