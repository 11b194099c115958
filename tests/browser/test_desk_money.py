"""A clerk's day at the drawer in a real Chromium: a shift, cash, a card, codes, a refund, the count."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Page, Route, expect

from models.orders.tables import Order, Payment, Refund
from models.shifts.tables import Shift
from tests.browser.conftest import nothing_is_cut
from tests.browser.real_desk import served
from tests.factories.booking import Hall, a_hall, at
from tests.house import HERE, PASSWORD, Citizen, Clerk, House, line
from tests.resolvers import documents

PICTURES = Path(__file__).resolve().parents[2] / "build" / "screenshots"
TAKE = "**/desk/money/take"
LOOK = "**/desk/money/payment"


@dataclass(frozen=True)
class Drawer:
    """A desk that is being served, and people who have booked."""

    url: str
    house: House
    hall: Hall
    clerk: Clerk
    citizen: Citizen

    async def order(self, hour: int) -> str:
        placed = await self.citizen.places(line(self.hall.badminton, at(hour % 100, days=1 + hour // 100)))
        return str(placed["orderNo"])

    async def payer_code(self) -> str:
        asked = {"openid": self.citizen.openid}
        return str((await self.house.outside.http.post("/_sandbox/payer-codes", json=asked)).json()["auth_code"])


@pytest.fixture
async def drawer(house: House) -> AsyncIterator[Drawer]:
    hall = await a_hall(name="成都高新体育中心")
    clerk = await house.clerk(hall.venue.public_id, device_id="other-desk")
    citizen = await house.citizen()
    async with served(house.app) as address:
        yield Drawer(f"{address}/desk", house, hall, clerk, citizen)


@pytest.fixture
async def till(page: Page, drawer: Drawer) -> Page:
    """The page for money, signed in; whatever its console complains of fails the test."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(drawer.url)
    await page.fill("#username", drawer.clerk.username)
    await page.fill("#password", PASSWORD)
    await page.click("button.primary")
    await page.get_by_role("link", name="收款").click()
    await expect(page.locator("#shift button")).to_be_visible()
    assert complaints == []
    return page


async def types(page: Page, text: str) -> None:
    """As a scanner does, or a clerk: wherever the focus is, and Enter."""
    await page.keyboard.type(text)
    await page.keyboard.press("Enter")


async def scans_order(page: Page, order_no: str) -> None:
    await types(page, order_no)
    await expect(page.locator("#order-no")).to_have_text(f"订单 {order_no}")


async def opens_shift(till: Page, float_yuan: str = "200") -> None:
    await till.get_by_role("button", name="开班").click()
    await types(till, float_yuan)
    await expect(till.locator("#shift")).to_contain_text("备用金")


async def sees(page: Page, colour: str, word: str, detail: str = "") -> None:
    await expect(page.locator("#word")).to_have_text(word)
    await expect(page.locator("#verdict")).to_have_attribute("data-colour", colour)
    if detail:
        await expect(page.locator("#verdict .says")).to_contain_text(detail)


async def picture(page: Page, name: str) -> None:
    """For eyes: what it looked like in this run."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=PICTURES / f"{name}.png")


@pytest.mark.browser
async def test_a_shift_with_cash_a_card_a_refund_and_the_count(till: Page, drawer: Drawer) -> None:
    by_cash, by_card = await drawer.order(10), await drawer.order(11)
    await expect(till.locator("#number")).to_be_focused()
    await types(till, by_cash.lower())
    await expect(till.locator("#total")).to_have_text("¥40.00")
    await expect(till.locator("#lines")).to_contain_text("羽毛球1号场")
    await expect(till.get_by_role("button", name="现金")).to_be_disabled()
    await opens_shift(till)
    await expect(till.get_by_role("button", name="现金")).to_be_enabled()
    await picture(till, "money-order")
    await nothing_is_cut(till)
    await till.keyboard.press("F1")
    await till.keyboard.type("30")
    await expect(till.locator(".change")).to_contain_text("还差 ¥10.00")
    await till.keyboard.press("Backspace")
    await till.keyboard.press("Backspace")
    await till.keyboard.type("100")
    await expect(till.locator("#change")).to_have_text("¥60.00")
    await picture(till, "money-cash")
    await till.keyboard.press("Enter")
    await sees(till, "GREEN", "已收款", "找零 ¥60.00")
    await picture(till, "money-taken")

    await scans_order(till, by_card)  # which closes what stands there
    await till.keyboard.press("F2")
    await types(till, "000123")
    await sees(till, "GREEN", "已收款", "刷卡 ¥40.00")
    await till.keyboard.press("Escape")
    assert {payment.channel: payment.reference for payment in await Payment.all()} == {
        "CASH": "",
        "CARD": "000123",
    }

    await drawer.citizen.ask(documents.CANCEL_ORDER, orderNo=by_cash)
    refund = await Refund.get()
    await scans_order(till, by_cash)
    await till.locator("#order-refunds button").click()
    await expect(till.locator("#hand-out-amount")).to_contain_text(f"{refund.amount_fen // 100}")
    await types(till, by_card)  # a scanner's Enter hands nothing out
    await expect(till.locator("#order-says")).to_contain_text("已付款")
    assert (await Refund.get()).status == "AT_DESK"
    await scans_order(till, by_cash)
    await till.locator("#order-refunds button").click()
    await picture(till, "money-hand-out")
    await till.keyboard.press("F1")
    await sees(till, "GREEN", "已退款")
    assert (await Refund.get()).status == "SUCCESS"
    await till.keyboard.press("Escape")

    expected = 20000 + 4000 - refund.amount_fen
    await expect(till.locator("#shift")).to_contain_text("清点后显示")
    await till.get_by_role("button", name="清点并交班").click()
    await till.keyboard.type("1")  # one note of a hundred
    await expect(till.locator("#counted")).to_have_value("100.00")
    await till.keyboard.press("Enter")
    await expect(till.locator("#count-says")).to_contain_text("少")
    await expect(till.locator("#note")).to_be_focused()
    await picture(till, "money-count")
    await nothing_is_cut(till)
    await types(till, "备用金少放了")
    await sees(till, "YELLOW", "已交班", "账上应有")
    shift = await Shift.get()
    assert (shift.expected_fen, shift.counted_fen, shift.note) == (expected, 10000, "备用金少放了")
    await till.keyboard.press("Escape")
    await expect(till.get_by_role("button", name="开班")).to_be_visible()


@pytest.mark.browser
async def test_a_code_is_shown_until_it_is_paid(till: Page, drawer: Drawer) -> None:
    await scans_order(till, await drawer.order(10))
    await till.keyboard.press("F3")
    await till.keyboard.press("F1")
    await expect(till.locator("#picture svg path")).to_be_visible()
    await picture(till, "money-code")
    payment = await Payment.get()
    shown = await drawer.house.ask(
        documents.SHOW_PAYMENT_CODE,
        {"orderNo": (await Order.get()).order_no, "channel": "WECHAT_PAY"},
        drawer.clerk.authorization,
    )
    assert shown.value["shown"]["paymentNo"] == payment.payment_no
    paying = {"code_url": shown.value["shown"]["code"]["code"], "openid": drawer.citizen.openid}
    letters = len(drawer.house.outside.letters)
    assert (await drawer.house.outside.http.post("/_sandbox/pay", json=paying)).status_code == 200
    await drawer.house.hand_in((await drawer.house.outside.wait_for_letters(letters + 1))[-1])
    await sees(till, "GREEN", "已收款", "微信支付 ¥40.00")


@pytest.mark.browser
async def test_a_payers_code_is_charged_wherever_it_is_scanned_once_an_order_stands_there(
    till: Page, drawer: Drawer
) -> None:
    await types(till, await drawer.payer_code())
    await expect(till.locator("#hint")).to_contain_text("请先扫订单号")
    assert await Payment.all().count() == 0
    await scans_order(till, await drawer.order(10))
    await types(till, "10" + "0" * 16)
    await sees(till, "RED", "未完成", "付款码已过期")
    await types(till, await drawer.payer_code())
    await sees(till, "GREEN", "已收款", "微信支付 ¥40.00")


@pytest.mark.browser
async def test_who_must_confirm_on_the_phone_is_waited_for(till: Page, drawer: Drawer) -> None:
    await drawer.house.outside.switch_on(payer_must_confirm=True)
    await scans_order(till, await drawer.order(10))
    await till.keyboard.press("F4")
    await expect(till.locator("#scan-says")).to_have_text("请扫顾客的付款码")
    await types(till, await drawer.payer_code())
    await expect(till.locator("#scan-says")).to_have_text("请顾客在手机上确认付款")
    await picture(till, "money-confirm")
    await till.route(LOOK, lambda route: route.abort("connectionreset"))
    await expect(till.locator("#busy")).to_contain_text("请不要重复收款")
    await till.unroute(LOOK)
    number = (await Payment.get()).payment_no
    assert (
        await drawer.house.outside.http.post("/_sandbox/pay", json={"out_trade_no": number})
    ).status_code == 200
    await sees(till, "GREEN", "已收款")


@pytest.mark.browser
async def test_a_lost_answer_is_sent_again_under_the_same_key_and_money_is_taken_once(
    till: Page, drawer: Drawer
) -> None:
    async def lose_the_answer(route: Route) -> None:
        await route.fetch()
        await expect(till.locator("#busy")).to_have_text("正在处理，请稍候……")
        await route.abort("connectionreset")

    await opens_shift(till)
    await scans_order(till, await drawer.order(10))
    await nothing_is_cut(till)
    await till.keyboard.press("F1")
    await till.route(TAKE, lose_the_answer)
    await types(till, "40")
    await sees(till, "YELLOW", "请重试", "不会重复收款")
    await expect(till.locator("#busy")).to_be_empty()
    await expect(till.get_by_role("button", name="重试")).to_be_focused()
    await till.keyboard.press("Tab")
    await expect(till.get_by_role("button", name="继续")).to_be_focused()
    await till.keyboard.press("Tab")  # out of the page, never to what lies under the verdict
    assert await till.evaluate("document.activeElement.closest('main, .bar')") is None
    await till.unroute(TAKE)
    await till.get_by_role("button", name="重试").click()
    await sees(till, "GREEN", "已收款", "现金已入账")
    assert await Payment.all().count() == 1


@pytest.mark.browser
async def test_what_is_unknown_or_paid_already_is_said_large_or_beside_the_field(
    till: Page, drawer: Drawer
) -> None:
    await types(till, "O20261120AAAAAAAAAAAA")
    await expect(till.locator("#hint")).to_contain_text("没有找到这张订单")
    await types(till, "abc")
    await expect(till.locator("#hint")).to_contain_text("没有读懂")
    await opens_shift(till)
    order_no = await drawer.order(10)
    await scans_order(till, order_no)
    await till.keyboard.press("F1")
    letter = await drawer.citizen.pays(order_no)
    await drawer.house.hand_in(letter)
    await types(till, "40")
    await sees(till, "RED", "未完成", "不要再收钱")
    await picture(till, "money-refused")


# ---- the doors, without a browser


@pytest.fixture
async def visitor(house: House) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(house.app)
    async with httpx.AsyncClient(transport=transport, base_url=HERE, headers={"origin": HERE}) as client:
        yield client


PATHS = ("drawer", "order", "take", "show-code", "charge", "payment", "hand-out", "open-shift", "close-shift")


async def test_the_page_is_as_strict_as_the_other_and_for_clerks_only(
    house: House, visitor: httpx.AsyncClient
) -> None:
    assert (await visitor.get("/desk/money")).headers["location"] == "/desk?to=money"
    hall = await a_hall()
    await at_the_desk(house, visitor, hall)
    answer = await visitor.get("/desk/money")
    assert (
        answer.headers["content-security-policy"]
        == (await visitor.get("/desk")).headers["content-security-policy"]
    )
    assert answer.headers["cache-control"] == "no-store"
    assert "style=" not in answer.text
    assert "onclick" not in answer.text


async def test_a_post_from_another_site_or_without_a_sign_in_is_refused(
    house: House, visitor: httpx.AsyncClient
) -> None:
    for path in PATHS:
        answer = await visitor.post(f"/desk/money/{path}", json={})
        assert answer.status_code == 401
        assert answer.json()["refused"]["code"] == "NOT_SIGNED_IN"
    await at_the_desk(house, visitor, await a_hall())
    for path in PATHS:
        elsewhere = {"origin": "https://elsewhere.example"}
        assert (await visitor.post(f"/desk/money/{path}", json={}, headers=elsewhere)).status_code == 403


NEVER_SENT = [
    *((path, said) for path in PATHS for said in (b"", b"[]", b"null", b"\xff", b" " * 5000)),
    *((path, b'{"orderNo": 1, "paymentNo": 1, "refundNo": 1, "shiftId": 1}') for path in PATHS[1:7]),
    ("take", b'{"orderNo": "O1", "channel": "CASH", "given": 1.5, "slipNo": "", "key": "12345678"}'),
    ("take", b'{"orderNo": "O1", "channel": "GOLD", "given": 1, "slipNo": "", "key": "12345678"}'),
    ("close-shift", b'{"shiftId": "shf_X", "counted": true}'),
    ("close-shift", b'{"shiftId": "shf_X"}'),
    ("open-shift", b'{"openingFloat": -1}'),
]


async def test_what_our_page_would_never_send_is_a_400_in_words(house: House, visitor: httpx.AsyncClient) -> None:
    await at_the_desk(house, visitor, await a_hall())
    for path, said in NEVER_SENT:
        answer = await visitor.post(f"/desk/money/{path}", content=said)
        assert answer.status_code == 400, (path, said)
        assert answer.json()["refused"]["message"].endswith("。")
    assert await Shift.all().count() == 0


async def at_the_desk(house: House, visitor: httpx.AsyncClient, hall: Hall) -> None:
    clerk = await house.clerk(hall.venue.public_id, device_id=secrets.token_hex(4))
    visitor.cookies.set("desk_sign_in", clerk.authorization.split()[1], domain="house.test", path="/desk")
    visitor.cookies.set("desk_post", f"{hall.venue.public_id}:front", domain="house.test", path="/desk")
