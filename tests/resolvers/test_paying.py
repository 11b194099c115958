"""Paying at the public door: over either channel, in every way, and back to our own pages only."""

import base64
from typing import Any

import pytest

from tests.factories.booking import Hall, a_hall, at
from tests.house import HERE, Citizen, House, line, nothing_changes
from tests.outside import AlipayHouse
from tests.resolvers import documents

BOTH = ("WECHAT_PAY", "ALIPAY")


@pytest.fixture
async def order_no(alipay: AlipayHouse, citizen: Citizen, hall: Hall) -> str:
    return str((await citizen.places(line(hall.badminton, at(10))))["orderNo"])


@pytest.fixture
async def hall(house: House) -> Hall:
    return await a_hall()


@pytest.fixture
async def citizen(house: House, hall: Hall) -> Citizen:
    return await house.citizen()


async def opened(citizen: Citizen, order_no: str, channel: str, way: str, **more: Any) -> Any:
    asked = {"orderNo": order_no, "channel": channel, "way": way, **more}
    return (await citizen.ask(documents.PAY_ORDER_IN_A_WAY, **asked)).value


@pytest.mark.parametrize("channel", BOTH)
async def test_a_code_can_be_shown_as_a_picture_and_scanned(
    house: House, alipay: AlipayHouse, citizen: Citizen, order_no: str, channel: str
) -> None:
    given = await opened(citizen, order_no, channel, "CODE")
    assert (given["url"], given["wechatPay"]) == (None, None)
    assert given["code"]["svg"].startswith("<?xml")
    assert base64.b64decode(given["code"]["png"]).startswith(b"\x89PNG")
    code = given["code"]["code"]
    if channel == "ALIPAY":
        await alipay.http.post("/_sandbox/pay", json={"qr_code": code})
    else:
        await house.outside.http.post("/_sandbox/pay", json={"code_url": code, "openid": "oSomebodyElse"})
    (letter,) = await house.outside.wait_for_letters(1)
    assert (await house.hand_in(letter)).is_success
    shown = (await citizen.ask(documents.ORDER, orderNo=order_no)).value
    assert (shown["status"], shown["paid"], shown["due"]) == ("PAID", 4000, 0)


@pytest.mark.parametrize(("channel", "way"), [*((each, "MOBILE_WEB") for each in BOTH), ("ALIPAY", "DESKTOP_WEB")])
async def test_a_browser_is_sent_to_the_channels_page_and_comes_back_to_ours(
    house: House, alipay: AlipayHouse, citizen: Citizen, order_no: str, channel: str, way: str
) -> None:
    home = house.wired.settings.public_base_url
    given = await opened(citizen, order_no, channel, way, returnUrl=f"{home}/orders/{order_no}")
    assert (given["code"], given["wechatPay"]) == (None, None)
    side = alipay if channel == "ALIPAY" else house.outside
    assert given["url"].startswith(str(side.http.base_url).rstrip("/"))
    assert order_no in given["url"]
    paid = {"url": given["url"]} if channel == "ALIPAY" else {"h5_url": given["url"]}
    answer = await side.http.post("/_sandbox/pay", json=paid)
    assert answer.is_success, answer.text
    (letter,) = await house.outside.wait_for_letters(1)
    assert (await house.hand_in(letter)).is_success
    assert (await citizen.ask(documents.ORDER, orderNo=order_no)).value["status"] == "PAID"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://elsewhere.example.cn/",
        "{home}.elsewhere.example.cn/",
        "{home}@elsewhere.example.cn/",
        "//elsewhere.example.cn",
        "javascript:alert(1)",
        "{home}/" + "a" * 400,
    ],
)
async def test_nobody_is_sent_back_to_somebody_elses_page(
    house: House, citizen: Citizen, order_no: str, elsewhere: str
) -> None:
    asked = {"orderNo": order_no, "channel": "ALIPAY", "way": "MOBILE_WEB"}
    async with nothing_changes():
        url = elsewhere.replace("{home}", house.wired.settings.public_base_url)
        refusal = (await citizen.ask(documents.PAY_ORDER_IN_A_WAY, **asked, returnUrl=url)).refusal
    assert (refusal.code, refusal.field) == ("BAD_INPUT", "returnUrl")


@pytest.mark.parametrize(
    ("channel", "way", "field"),
    [
        ("ALIPAY", "IN_APP", "way"),
        ("WECHAT_PAY", "DESKTOP_WEB", "way"),
        ("ALIPAY", "PAYER_CODE", "way"),
        ("CASH", "CODE", "channel"),
        ("CARD", "IN_APP", "channel"),
    ],
)
async def test_what_a_channel_cannot_do_or_a_desk_must_do_is_refused(
    citizen: Citizen, order_no: str, channel: str, way: str, field: str
) -> None:
    async with nothing_changes():
        asked = {"orderNo": order_no, "channel": channel, "way": way}
        refusal = (await citizen.ask(documents.PAY_ORDER_IN_A_WAY, **asked)).refusal
    assert (refusal.code, refusal.field) == ("BAD_INPUT", field)


async def test_who_pays_on_both_channels_gets_one_back_and_can_read_why(
    house: House, alipay: AlipayHouse, citizen: Citizen, order_no: str
) -> None:
    page = (await opened(citizen, order_no, "ALIPAY", "MOBILE_WEB"))["url"]
    sheet = (await citizen.ask(documents.PAY_ORDER, orderNo=order_no)).value["wechatPay"]
    await alipay.http.post("/_sandbox/pay", json={"url": page})
    await house.outside.pay(sheet, openid=citizen.openid)
    for letter in await house.outside.wait_for_letters(2):
        assert (await house.hand_in(letter)).is_success
    shown = (await citizen.ask(documents.ORDER, orderNo=order_no)).value
    (refund,) = shown["refunds"]
    assert (shown["status"], shown["paid"], shown["due"]) == ("PAID", 8000, -4000)
    assert (refund["reason"], refund["amount"]) == ("PAID_TWICE", 4000)
    assert "重复支付" in refund["explanation"]
    assert HERE not in refund["explanation"]
