"""A walk-in's voucher at the scan page, in a real Chromium over the real house: scanned, typed, confirmed on a phone."""

import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import ConsoleMessage, Page, Route, expect

from bff.graphql.budgets import BUDGET_OF
from bff.pages.desk_vouchers import COUNTED_AS, NOT_AUDITED
from models.admissions.tables import Redemption
from models.audit.tables import AuditLine
from models.members.tables import Member
from models.staff.rules import Role
from models.vouchers.tables import Voucher, VoucherEvent, VoucherScan, VoucherUse
from tests.browser.conftest import nothing_is_cut
from tests.browser.real_desk import served
from tests.factories.booking import Hall, a_hall
from tests.factories.names import GRANDMOTHER
from tests.factories.vouchers import ACampaign, a_campaign, a_voucher
from tests.house import HERE, PASSWORD, Citizen, Clerk, House, nothing_changes
from tests.resolvers import documents_vouchers_desk as documents

PICTURES = Path(__file__).resolve().parents[2] / "build" / "screenshots"
ACTS = ("sports", "redeem", "bill", "hold", "call-off", "undoable", "undo")
NEVER_SENT = [
    *((act, said) for act in ACTS for said in (b"", b"[]", b"\xff", b" " * 5000)),
    ("redeem", b"{}"),
    ("redeem", b'{"bill": "50", "restWay": "CASH"}'),
    ("redeem", b'{"bill": true, "restWay": "CASH"}'),
    ("redeem", b'{"bill": 5000, "restWay": "BARTER"}'),
    ("redeem", b'{"bill": 5000, "restWay": "CASH", "idChecked": "yes"}'),
    ("redeem", b'{"bill": 5000, "restWay": "CASH", "code": 1}'),
    ("bill", b'{"useNo": []}'),
]


@dataclass(frozen=True)
class Counter:
    """A desk that is being served, and a citizen with ¥20 off ¥40."""

    url: str
    house: House
    hall: Hall
    clerk: Clerk
    citizen: Citizen
    campaign: ACampaign

    async def a_voucher(self) -> str:
        member = await Member.get(public_id=self.citizen.tokens["memberId"])
        return (await a_voucher(member.id, self.campaign)).public_id

    async def codes(self, voucher_id: str) -> Any:
        return (await self.citizen.ask(documents.VOUCHER_CODES, voucherId=voucher_id)).value

    async def code(self, voucher_id: str) -> str:
        return str((await self.codes(voucher_id))["codes"][0]["code"])

    async def says(self, *, agrees: bool) -> None:
        (bill,) = (await self.citizen.ask(documents.BILLS_TO_CONFIRM)).value
        asked = {"useNo": bill["useNo"], "agrees": agrees}
        assert (await self.citizen.ask(documents.CONFIRM_BILL, **asked)).value["state"]


@pytest.fixture
async def counter(house: House) -> AsyncIterator[Counter]:
    hall = await a_hall(name="解放碑体育馆", sport_codes=["BADMINTON", "BASKETBALL"])
    campaign = await a_campaign(hall.venue)
    clerk = await house.clerk(hall.venue.public_id, device_id="other-desk")
    async with served(house.app) as address:
        yield Counter(f"{address}/desk", house, hall, clerk, await house.citizen(), campaign)


@pytest.fixture
async def scanning(page: Page, counter: Counter) -> AsyncIterator[Page]:
    """The scan page, signed in; whatever its console complains of fails the test."""
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error" and "ERR_CONNECTION_RESET" not in message.text:  # which a test asks for
            complaints.append(message.text)

    page.on("console", listen)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await signs_in(page, counter, counter.clerk)
    yield page
    assert complaints == []


async def signs_in(page: Page, counter: Counter, clerk: Clerk) -> None:
    await page.goto(counter.url)
    await page.fill("#username", clerk.username)
    await page.fill("#password", PASSWORD)
    await page.click("button.primary")
    await expect(page.locator("#code")).to_be_focused()
    await page.wait_for_load_state()


async def scans(page: Page, code: str) -> None:
    """As a scanner does."""
    await page.keyboard.type(code)
    await page.keyboard.press("Enter")
    await expect(page.locator("#bill-amount")).to_be_focused()


async def bills(page: Page, amount: str, sport: str = "羽毛球") -> None:
    await page.locator("#bill-sports").get_by_text(sport, exact=True).click()
    await page.fill("#bill-amount", amount)
    await page.keyboard.press("Enter")


async def sees(page: Page, colour: str, word: str, says: str = "") -> None:
    outcome = page.locator("[data-bill=outcome]")
    await expect(page.locator("#bill-word")).to_have_text(word)
    await expect(outcome).to_have_attribute("data-colour", colour)
    await expect(outcome).to_contain_text(says)


async def picture(page: Page, name: str) -> None:
    """For eyes: what it looked like in this run."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=PICTURES / f"voucher-{name}.png")


@pytest.mark.browser
async def test_a_code_in_the_same_field_leads_to_the_bill_and_its_outcome_is_shown_live(
    scanning: Page, counter: Counter
) -> None:
    voucher_id = await counter.a_voucher()
    await scans(scanning, await counter.code(voucher_id))
    await expect(scanning.locator("#bill-sports")).to_contain_text("篮球")
    await scanning.fill("#bill-amount", "1" * 24)  # the code once more, into the field of the amount
    await scanning.keyboard.press("Enter")
    await expect(scanning.locator("#bill-hint")).to_contain_text("请填写账单金额")
    await scanning.fill("#bill-amount", "39.90")
    await scanning.keyboard.press("Enter")
    await expect(scanning.locator("#bill-hint")).to_contain_text("请选择顾客消费的项目")
    await picture(scanning, "amount")
    await nothing_is_cut(scanning)
    await bills(scanning, "39。90")
    await sees(scanning, "YELLOW", "金额不够", "还差0.10元")
    await picture(scanning, "too-low")
    await nothing_is_cut(scanning)
    await scanning.get_by_role("button", name="改一改再核销").click()
    await scanning.get_by_text("扫码", exact=True).click()
    await scanning.fill("#bill-amount", "49.9")
    await scanning.keyboard.press("Enter")
    waiting = scanning.locator("[data-bill=waiting]")
    await expect(waiting).to_contain_text("¥29.90")
    await expect(scanning.locator("#bill-left")).to_contain_text("4 分")
    await picture(scanning, "waiting")
    await scanning.route("**/desk/voucher/bill", lambda route: route.abort("connectionreset"))
    await expect(scanning.locator("#busy")).to_contain_text("网络没有回应")
    await scanning.unroute("**/desk/voucher/bill")
    assert await scanning.evaluate("document.querySelector('main').inert")
    await counter.says(agrees=True)
    await sees(scanning, "GREEN", "核销成功", "请收29.90元（扫码）")
    await expect(scanning.locator("#busy")).to_be_empty()
    await picture(scanning, "done")
    use = await VoucherUse.get()
    assert (use.state, use.bill_fen, use.sport_code, use.rest_way) == ("DONE", 4990, "BADMINTON", "CODE")
    assert await VoucherEvent.all().count() == 1
    await scanning.keyboard.press("Escape")
    await expect(scanning.locator("#bill")).to_be_hidden()
    await expect(scanning.locator("#code")).to_be_focused()
    assert await scanning.evaluate("localStorage.length + sessionStorage.length") == 0


@pytest.mark.browser
async def test_a_no_a_bill_called_off_and_an_answer_that_was_lost(scanning: Page, counter: Counter) -> None:
    voucher_id = await counter.a_voucher()

    async def lose_the_answer(route: Route) -> None:
        await route.fetch()
        await route.abort("connectionreset")

    await scanning.route("**/desk/voucher/redeem", lose_the_answer, times=1)
    await scans(scanning, await counter.code(voucher_id))
    await bills(scanning, "50")
    await sees(scanning, "YELLOW", "请重试", "不会重复核销")
    await scanning.keyboard.press("Enter")
    await expect(scanning.locator("[data-bill=waiting]")).to_contain_text("¥30.00")
    assert await VoucherUse.all().count() == await VoucherScan.all().count() == 1
    await counter.says(agrees=False)
    await sees(scanning, "RED", "没有核销", "请按原价收款50.00元")
    await picture(scanning, "refused")
    await scanning.keyboard.press("Escape")

    await scans(scanning, await counter.code(voucher_id))
    await scanning.fill("#bill-amount", "500")
    await scanning.keyboard.press("Enter")
    await expect(scanning.locator("[data-bill=waiting]")).to_contain_text("¥480.00")
    await scanning.reload()  # somebody turned the PC off and on; the bill waits still
    await scans(scanning, await counter.code(voucher_id))
    await bills(scanning, "50")
    await sees(scanning, "YELLOW", "券正在使用", "有一笔500.00元的账单")
    await picture(scanning, "waits-already")
    await scanning.get_by_role("button", name="取消那一笔").click()
    await sees(scanning, "RED", "没有核销", "前台取消")
    assert (await Voucher.get()).state == "CLAIMED"
    assert await Redemption.all().count() == 0


@pytest.mark.browser
async def test_nobody_confirms_and_the_receipt_is_held_and_so_is_grandmother_s_paper(
    scanning: Page, counter: Counter
) -> None:
    first, second = await counter.a_voucher(), await counter.a_voucher()
    await scans(scanning, await counter.code(first))
    await bills(scanning, "50")
    await expect(scanning.locator("[data-bill=waiting]")).to_be_visible()
    await counter.house.travel(counter.house.now() + timedelta(minutes=5))
    await expect(scanning.locator("[data-bill=late]")).to_be_visible()
    await picture(scanning, "late")
    await scanning.fill("#late-receipt", "X")
    await scanning.get_by_role("button", name="凭小票核销").click()
    await expect(scanning.locator("#late-hint")).to_contain_text("小票号")
    await scanning.fill("#late-receipt", "XP-0001")
    await scanning.get_by_role("button", name="凭小票核销").click()
    await sees(scanning, "YELLOW", "已核销，待核查", "XP-0001")
    await picture(scanning, "held")
    await scanning.keyboard.press("Escape")

    await counter.house.travel(counter.house.now() + timedelta(days=1))
    await counter.citizen.sign_in()
    await signs_in(scanning, counter, counter.clerk)
    await scans(scanning, (await counter.codes(second))["printedCode"])
    await bills(scanning, "50")
    await expect(scanning.locator("#bill-hint")).to_contain_text("请核对本人身份证件")
    await scanning.get_by_label("已核对本人身份证件").check()
    await scanning.fill("#bill-receipt", "XP-0002")
    await picture(scanning, "paper")
    await scanning.keyboard.press("Enter")
    await sees(scanning, "YELLOW", "已核销，待核查", "XP-0002")
    assert [use.state for use in await VoucherUse.all()] == ["HELD", "HELD"]
    assert (await VoucherUse.get(receipt_no="XP-0002")).id_checked


@pytest.mark.browser
async def test_a_supervisor_takes_back_what_a_colleague_wrote_off(scanning: Page, counter: Counter) -> None:
    await expect(scanning.locator("#undo-open")).to_have_count(0)
    await scans(scanning, await counter.code(await counter.a_voucher()))
    await bills(scanning, "50")
    await expect(scanning.locator("[data-bill=waiting]")).to_be_visible()
    await counter.says(agrees=True)
    await sees(scanning, "GREEN", "核销成功")
    await scanning.keyboard.press("Escape")
    await scanning.get_by_role("button", name="退出登录").click()
    manager = await counter.house.clerk(counter.hall.venue.public_id, device_id="o", roles=[Role.VENUE_MANAGER])
    await signs_in(scanning, counter, manager)
    await scanning.get_by_role("button", name="撤销消费券核销").click()
    await scanning.locator("#undoable").get_by_text("账单 ¥50.00").click()
    await scanning.fill("#undo-reason", "扫错了人")
    await picture(scanning, "undo")
    await scanning.get_by_role("button", name="撤销", exact=True).click()
    await sees(scanning, "GREEN", "已撤销", "¥50.00")
    assert ((await Voucher.get()).state, (await VoucherUse.get()).undo_reason) == ("CLAIMED", "扫错了人")


@pytest.mark.browser
async def test_grandmother_is_given_a_voucher_on_paper_and_uses_it(scanning: Page, counter: Counter) -> None:
    await counter.house.register_person(GRANDMOTHER.name, GRANDMOTHER.number)
    await scanning.get_by_role("link", name="办事").click()
    await expect(scanning.locator("#number")).to_be_focused()
    await scanning.keyboard.type(GRANDMOTHER.number)
    await scanning.keyboard.press("Enter")
    await expect(scanning.locator("#name")).to_be_focused()
    await scanning.keyboard.type(GRANDMOTHER.name)
    await scanning.locator("#real-name-text .tick").click()
    await scanning.get_by_role("button", name="核对并登记").click()
    await expect(scanning.locator("#word")).to_have_text("已登记")
    await scanning.keyboard.press("Escape")
    await scanning.keyboard.press("F6")
    await expect(scanning.locator("#vouchers-says")).to_have_text("还没有可以使用的消费券")
    await picture(scanning, "claimable")
    await scanning.get_by_role("button", name="代领").click()
    await expect(scanning.locator("#voucher-off")).to_have_text("¥20.00")
    await expect(scanning.locator("#voucher-picture svg")).to_be_visible()
    await picture(scanning, "slip")
    await scanning.emulate_media(media="print")
    await expect(scanning.locator("#voucher-code")).to_be_visible()
    await expect(scanning.locator(".drawer")).to_be_hidden()
    await picture(scanning, "slip-on-paper")
    await scanning.emulate_media(media="screen")
    code = re.sub(r"\s", "", await scanning.inner_text("#voucher-code"))
    voucher = await Voucher.get()
    assert (voucher.claim_way, voucher.claim_venue_id) == ("DESK", counter.hall.venue.id)
    await scanning.keyboard.press("F2")
    await expect(scanning.locator("#voucher-code")).to_have_text("")
    await scanning.get_by_role("link", name="核验").click()
    await expect(scanning.locator("#code")).to_be_focused()
    await scanning.wait_for_load_state()
    await scans(scanning, code)
    await scanning.get_by_label("已核对本人身份证件").check()
    await scanning.fill("#bill-receipt", "XP-0007")
    await bills(scanning, "50")
    await sees(scanning, "YELLOW", "已核销，待核查", "XP-0007")
    assert GRANDMOTHER.number not in counter.house.log()


# ---- the doors, without a browser


@dataclass(frozen=True)
class Visitor:
    """A browser's requests from a clerk's desk."""

    http: httpx.AsyncClient
    counter: Counter

    async def stands_at(self, clerk: Clerk) -> None:
        self.http.cookies.set("desk_sign_in", clerk.authorization.split()[1], domain="house.test", path="/desk")
        post = f"{self.counter.hall.venue.public_id}:front"
        self.http.cookies.set("desk_post", post, domain="house.test", path="/desk")

    async def asks(self, act: str, **said: Any) -> Any:
        answer = await self.http.post(f"/desk/voucher/{act}", json=said)
        assert answer.headers["cache-control"] == "no-store"
        return answer.json()

    async def redeems(self, code: str) -> Any:
        said = {"code": code, "nonce": secrets.token_hex(8), "bill": 5000, "sport": "BADMINTON", "restWay": "CASH"}
        return await self.asks("redeem", **said, idChecked=False, receiptNo="")


@pytest.fixture
async def visitor(counter: Counter) -> AsyncIterator[Visitor]:
    transport = httpx.ASGITransport(counter.house.app)
    async with httpx.AsyncClient(transport=transport, base_url=HERE, headers={"origin": HERE}) as client:
        yield Visitor(client, counter)


async def test_who_has_no_sign_in_or_comes_from_another_site_gets_nothing(visitor: Visitor) -> None:
    for act in ACTS:
        answer = await visitor.http.post(f"/desk/voucher/{act}", json={})
        assert (answer.status_code, answer.json()["refused"]["code"]) == (401, "NOT_SIGNED_IN")
    await visitor.stands_at(visitor.counter.clerk)
    for act in ACTS:
        elsewhere = {"origin": "https://elsewhere.example"}
        assert (await visitor.http.post(f"/desk/voucher/{act}", json={}, headers=elsewhere)).status_code == 403


async def test_what_our_page_never_sends_is_refused_and_changes_nothing(visitor: Visitor) -> None:
    await visitor.stands_at(visitor.counter.clerk)
    for act, said in NEVER_SENT:
        async with nothing_changes():
            answer = await visitor.http.post(f"/desk/voucher/{act}", content=said)
        assert answer.status_code in (200, 400), (act, said)
        assert answer.json()["refused"]["code"], (act, said)


async def test_a_clerk_of_another_venue_redeems_nothing_here(visitor: Visitor) -> None:
    counter = visitor.counter
    code = await counter.code(await counter.a_voucher())
    other = await a_hall()
    stranger = await counter.house.clerk(other.venue.public_id, device_id="x", roles=[Role.VENUE_MANAGER])
    await visitor.stands_at(stranger)
    assert (await visitor.redeems(code))["refused"]["code"] == "NOT_ALLOWED"
    assert (await visitor.asks("undoable"))["refused"]["code"] == "NOT_ALLOWED"
    assert await VoucherUse.all().count() == 0
    await visitor.stands_at(counter.clerk)
    use_no = (await visitor.redeems(code))["useNo"]
    await visitor.stands_at(stranger)
    for act in ("bill", "hold", "call-off", "undo"):
        said = await visitor.asks(act, useNo=use_no, receiptNo="XP-0001", reason="扫错了人")
        assert said["refused"]["code"] == "BILL_UNKNOWN", act
    assert (await VoucherUse.get()).state == "WAITING"


async def test_each_act_leaves_a_line_and_looking_leaves_none(visitor: Visitor) -> None:
    counter = visitor.counter
    await visitor.stands_at(counter.clerk)
    verdict = await visitor.redeems(await counter.code(await counter.a_voucher()))
    await visitor.asks("bill", useNo=verdict["useNo"])
    await visitor.asks("sports")
    await visitor.asks("call-off", useNo=verdict["useNo"])
    lines = await AuditLine.filter(act__startswith="desk/voucher").order_by("id")
    assert [(line.act, line.outcome) for line in lines] == [
        ("desk/voucher/redeem", "OK"),
        ("desk/voucher/call-off", "OK"),
    ]
    assert (lines[0].detail, lines[1].subject_id) == ("WAITING", verdict["useNo"])
    assert {line.venue_id for line in lines} == {counter.hall.venue.public_id}


def test_each_act_is_counted_with_the_root_field_that_does_the_same() -> None:
    assert {*COUNTED_AS} == {*ACTS} - {"sports"}
    assert {*COUNTED_AS.values()} <= {*BUDGET_OF}
    assert {*NOT_AUDITED} <= {*ACTS}
