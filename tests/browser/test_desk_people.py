"""Somebody with an ID card and no phone is served at the desk's page, in a real Chromium over the real house."""

import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import ConsoleMessage, Page, Request, Route, expect

from bff.graphql.budgets import BUDGET_OF
from bff.pages import rendering
from bff.pages.desk_people import COUNTED_AS
from bff.pages.visitors import Post
from models import database
from models.admissions.tables import Admission
from models.audit.tables import AuditLine
from models.consents.rules import Purpose
from models.families.tables import Invitation, Proxy
from models.messages.tables import Message
from models.orders.tables import Order
from models.real_names.rules import NamedPerson
from models.real_names.tables import RealName
from models.staff.rules import Place, Role, RoleHeld, StaffSignedIn
from tests.browser.conftest import nothing_is_cut
from tests.browser.real_desk import served
from tests.factories.booking import Hall, a_hall, at
from tests.factories.names import GRANDMOTHER, a_person, version
from tests.house import HERE, PASSWORD, Clerk, House
from tests.resolvers.documents_merging import MERGE_CODE
from tests.resolvers.documents_people import ACCEPT_INVITATION

PICTURES = Path(__file__).resolve().parents[2] / "build" / "screenshots"
HELPERS_PHONE = "13800000077"
NEW_CARD = a_person("赵永年", "19710203")
"""Nobody has told the authority of it."""
ACTS = (
    "find",
    "verify",
    "invite-helper",
    "end-helpers",
    "free-number",
    "join",
    "grant",
    "revoke",
    "slots",
    "book",
    "quote",
    "cancel",
    "vouchers",
    "hand-out",
)
NEVER_SENT = [
    *((act, said) for act in ACTS for said in (b"", b"[]", b"\xff", b" " * 5000)),
    ("find", b'{"idNumber": 1}'),
    ("invite-helper", b'{"powers": "BOOK"}'),
    ("invite-helper", b'{"powers": ["EVERYTHING"]}'),
    ("join", b'{"code": 1}'),
    ("grant", b'{"kind": "RICH", "lastDay": "2027-01-01"}'),
    ("grant", b'{"kind": "STUDENT", "lastDay": "soon"}'),
    ("grant", b'{"kind": "STUDENT", "lastDay": "9999-12-31"}'),
    ("quote", b'{"orderNo": 1}'),
    ("cancel", b'{"back": "1"}'),
    ("slots", b'{"inDays": 2}'),
    ("slots", b'{"inDays": true}'),
    ("book", b'{"startsAt": "2026-11-21T10:00:00", "people": 1}'),
    ("book", b'{"startsAt": "2026-11-21T10:00:00+08:00"}'),
]


@dataclass(frozen=True)
class Counter:
    """A desk that is being served. The clerk is the venue's manager, who may do everything here."""

    url: str
    house: House
    hall: Hall
    clerk: Clerk


@pytest.fixture
async def counter(house: House) -> AsyncIterator[Counter]:
    hall = await a_hall(name="成都高新体育中心")
    clerk = await house.clerk(hall.venue.public_id, device_id="other-desk", roles=[Role.VENUE_MANAGER])
    await house.register_person(GRANDMOTHER.name, GRANDMOTHER.number)
    async with served(house.app) as address:
        yield Counter(f"{address}/desk", house, hall, clerk)


@pytest.fixture
async def people(page: Page, counter: Counter) -> AsyncIterator[Page]:
    """The page 办事, signed in; whatever its console complains of fails the test, and so does a number in an address."""
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error" and "ERR_CONNECTION_RESET" not in message.text:  # which a test asks for
            complaints.append(message.text)

    def watch(request: Request) -> None:
        if re.search(r"[0-9]{17}", request.url):
            complaints.append(request.url)

    page.on("console", listen)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", watch)
    await page.clock.install()
    await page.goto(counter.url)
    await opens(page, counter)
    yield page
    assert complaints == []


async def opens(page: Page, counter: Counter) -> None:
    await page.fill("#username", counter.clerk.username)
    await page.fill("#password", PASSWORD)
    await page.click("button.primary")
    await page.get_by_role("link", name="办事").click()
    await expect(page.locator("#number")).to_be_focused()


async def types(page: Page, text: str) -> None:
    """As a card reader does, or a clerk: wherever the focus is, and Enter."""
    await page.keyboard.type(text)
    await page.keyboard.press("Enter")


async def sees(page: Page, colour: str, word: str, says: str = "") -> None:
    await expect(page.locator("#word")).to_have_text(word)
    await expect(page.locator("#verdict")).to_have_attribute("data-colour", colour)
    await expect(page.locator("#verdict .says")).to_contain_text(says)


async def picture(page: Page, name: str) -> None:
    """For eyes: what it looked like in this run."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=PICTURES / f"people-{name}.png")


async def registers(page: Page, number: str, name: str) -> None:
    await types(page, number)
    await expect(page.locator("#name")).to_be_focused()
    await page.keyboard.type(name)
    await page.locator("#real-name-text .tick").click()
    await page.get_by_role("button", name="核对并登记").click()


@pytest.mark.browser
async def test_a_grandmother_without_a_phone_is_registered_helped_booked_for_and_let_in(
    people: Page, counter: Counter
) -> None:
    await picture(people, "idle")
    await types(people, GRANDMOTHER.number.lower())
    await expect(people.locator("#register-number")).to_have_text(f"尾号 {GRANDMOTHER.number[-4:]}")
    await expect(people.locator("#number")).to_have_value("")
    await people.keyboard.type(GRANDMOTHER.name)
    await people.keyboard.press("Enter")
    await expect(people.locator("#hint")).to_contain_text("请先向本人宣读")
    await people.locator("#real-name-text summary").click()
    await expect(people.locator("#real-name-text .text")).to_contain_text("核验机构只回答")
    await people.locator("#real-name-text .tick").click()
    await picture(people, "register")
    await people.get_by_role("button", name="核对并登记").click()
    await sees(people, "GREEN", "已登记", "王**")
    await people.keyboard.press("Escape")
    await expect(people.locator("#person-age")).to_have_text("老年人（60周岁以上）")
    await expect(people.locator("#concessions")).to_contain_text("老年人优待")

    await people.keyboard.press("F3")
    await people.keyboard.type(HELPERS_PHONE)
    await people.get_by_label("代为反馈").uncheck()
    await people.locator("#helper-text .tick").click()
    await picture(people, "helper")
    await people.get_by_role("button", name="生成邀请码").click()
    await expect(people.locator("#invitation-code")).to_have_text(re.compile(r"^[0-9]{5} [0-9]{5}$"))
    await picture(people, "code")
    await people.emulate_media(media="print")
    await expect(people.locator("#invitation-code")).to_be_visible()
    await expect(people.locator(".drawer")).to_be_hidden()
    await picture(people, "slip")
    await people.emulate_media(media="screen")
    assert (await Invitation.get()).powers == "BOOK,SEE_ORDERS,SHOW_CODES,MESSAGES"
    await people.keyboard.press("F2")
    await expect(people.locator("#invitation-code")).to_have_text("")

    await people.keyboard.press("F4")
    await people.get_by_label("残疾人优待").check()
    await people.fill("#last-day", "2028-06-30")
    await picture(people, "concession")
    await people.get_by_role("button", name="认定").click()
    await sees(people, "GREEN", "已认定", "残疾人优待")
    await people.keyboard.press("Escape")
    await expect(people.locator("#concessions")).to_contain_text("有效至2028年6月30日")

    await people.keyboard.press("F2")
    await expect(people.locator("#grid")).to_contain_text("羽毛球1号场")
    await people.keyboard.press("F2")
    court = people.locator("#grid li", has_text="羽毛球1号场")
    await court.get_by_role("button", name="10:00–11:00").click()
    await picture(people, "book")
    await people.keyboard.press("Enter")
    await expect(people.locator("#booked-total")).to_have_text("¥40.00")
    order = await Order.get()
    await expect(people.locator("#booked-no")).to_have_text(order.order_no)
    await picture(people, "booked")
    await people.keyboard.press("F1")
    await expect(people.locator("#order-no")).to_have_text(f"订单 {order.order_no}")
    assert people.url.endswith("/desk/money")
    await people.get_by_role("button", name="开班").click()
    await types(people, "200")
    await expect(people.get_by_role("button", name="现金")).to_be_enabled()
    await people.keyboard.press("F1")
    await types(people, "40")
    await sees(people, "GREEN", "已收款")

    await counter.house.travel(at(9, 45))
    await people.goto(counter.url)
    await opens(people, counter)
    await types(people, GRANDMOTHER.number)
    await expect(people.locator("#admissions")).to_contain_text("羽毛球1号场")
    await expect(people.locator("#number")).to_have_value("")
    await picture(people, "found")
    await people.keyboard.press("F1")
    await sees(people, "GREEN", "请进", "羽毛球1号场")
    await picture(people, "let-in")
    await people.keyboard.press("Escape")
    await expect(people.get_by_role("button", name="离场")).to_be_visible()
    assert (await Admission.get()).is_inside
    assert await people.evaluate("localStorage.length + sessionStorage.length") == 0
    assert GRANDMOTHER.number not in counter.house.log()


@pytest.mark.browser
async def test_a_no_is_said_large_an_answer_is_lost_once_and_after_three_minutes_nobody_stands_there(
    people: Page, counter: Counter
) -> None:
    wrong = GRANDMOTHER.number[:-1] + ("0" if GRANDMOTHER.number[-1] != "0" else "1")
    await types(people, wrong)
    await expect(people.locator("#hint")).to_contain_text("有数字填错了")
    await expect(people.locator("#number")).to_have_value(wrong)
    await people.fill("#number", "")
    await registers(people, GRANDMOTHER.number, "王秀英")
    await sees(people, "RED", "未完成", "姓名与身份证号不一致")
    await picture(people, "refused")
    await people.keyboard.press("Escape")
    await expect(people.locator("#name")).to_have_value("王秀英")

    async def lose_the_answer(route: Route) -> None:
        await route.fetch()
        await expect(people.locator("#busy")).to_have_text("正在处理，请稍候……")
        await route.abort("connectionreset")

    await nothing_is_cut(people)
    await people.fill("#name", GRANDMOTHER.name)
    await counter.house.tencent.put("/_sandbox/faults", json={"busy": True})
    await people.get_by_role("button", name="核对并登记").click()
    await sees(people, "YELLOW", "请稍候", "核验机构暂时没有回应")
    await people.keyboard.press("Escape")
    await counter.house.tencent.put("/_sandbox/faults", json={})

    await people.route("**/desk/people/verify", lose_the_answer, times=1)
    await people.get_by_role("button", name="核对并登记").click()
    await sees(people, "YELLOW", "请重试", "不会重复办理")
    await people.get_by_role("button", name="重试").click()
    await sees(people, "GREEN", "已登记")
    assert await RealName.all().count() == 1
    await people.keyboard.press("Escape")
    await people.keyboard.press("F3")
    await types(people, NEW_CARD.number)  # the next one, while a phone was asked for
    await expect(people.locator("#register-number")).to_contain_text(NEW_CARD.number[-4:])
    await people.keyboard.type(NEW_CARD.name)
    await people.locator("#real-name-text .tick").click()
    await people.keyboard.press("Enter")
    await sees(people, "YELLOW", "已登记", "核验机构暂无这个号码的记录")
    await picture(people, "unknown")
    await people.keyboard.press("Escape")
    await expect(people.locator("#person-level")).to_have_text("前台核对过证件，核验机构暂无记录")
    await types(people, GRANDMOTHER.number)
    await expect(people.locator("#person-name")).to_have_text("王**")
    await people.clock.fast_forward(185_000)
    await expect(people.locator("#hint")).to_contain_text("顾客信息已清除")
    await expect(people.locator("#person-name")).to_have_text("")
    await expect(people.locator("#number")).to_be_focused()


@pytest.mark.browser
async def test_a_grandmother_who_wants_no_helper_any_more_has_none_after_a_second_thought(
    people: Page, counter: Counter
) -> None:
    await registers(people, GRANDMOTHER.number, GRANDMOTHER.name)
    await sees(people, "GREEN", "已登记")
    await people.keyboard.press("Escape")
    await people.keyboard.press("F3")
    await people.keyboard.type(HELPERS_PHONE)
    await people.locator("#helper-text .tick").click()
    await people.get_by_role("button", name="生成邀请码").click()
    await expect(people.locator("#invitation-code")).to_have_text(re.compile(r"^[0-9]{5} [0-9]{5}$"))
    code = (await people.locator("#invitation-code").inner_text()).replace(" ", "")
    grandson = await counter.house.citizen(phone=HELPERS_PHONE)
    await grandson.ask(
        "mutation ($code: String!) { bindPhone(code: $code) { userErrors { code } } }",
        code=await grandson.phone_code(),
    )
    await grandson.ask(ACCEPT_INVITATION, code=code)
    assert await Proxy.filter(ended_at=None).count() == 1
    await people.keyboard.press("F2")

    no_helpers = people.get_by_role("button", name="本人不再要协助人")
    await no_helpers.click()
    await picture(people, "no-helpers")
    await people.keyboard.press("Enter")  # confirms nothing
    await people.keyboard.press("Escape")
    await expect(people.locator("#services")).to_be_visible()
    assert await Proxy.filter(ended_at=None).count() == 1

    async def lose_the_answer(route: Route) -> None:
        await route.fetch()
        await route.abort("connectionreset")

    await people.route("**/desk/people/end-helpers", lose_the_answer, times=1)
    await no_helpers.click()
    await people.get_by_role("button", name="确认结束").click()
    await sees(people, "YELLOW", "请重试", "不会重复办理")
    await people.get_by_role("button", name="重试").click()
    await sees(people, "GREEN", "已结束", "王**")
    proxy = await Proxy.get()
    assert (proxy.ended_at is not None, proxy.ended_by) == (True, "STAFF")
    assert await Message.filter(template="HELPER_ENDED").count() == 2, "each of the two is told once"
    await people.keyboard.press("Escape")
    await expect(people.locator("#services")).to_be_visible()


@pytest.mark.browser
async def test_a_grandmother_who_got_a_phone_reads_out_a_code_and_has_everything_on_it(
    people: Page, counter: Counter
) -> None:
    phone = await counter.house.citizen(phone=HELPERS_PHONE)
    code = (await phone.ask(MERGE_CODE)).value["code"]
    await registers(people, GRANDMOTHER.number, GRANDMOTHER.name)
    await sees(people, "GREEN", "已登记")
    await people.keyboard.press("Escape")
    await people.get_by_role("button", name="本人有了手机，合并账号").click()
    await expect(people.locator("#merge-code")).to_be_focused()
    await picture(people, "join")
    await nothing_is_cut(people)
    await types(people, "0123")
    await expect(people.locator("#hint")).to_contain_text("合并码是 8 位")

    async def lose_the_answer(route: Route) -> None:
        await route.fetch()
        await route.abort("connectionreset")

    await people.route("**/desk/people/join", lose_the_answer, times=1)
    await people.fill("#merge-code", "")
    await types(people, code.lower())
    await sees(people, "YELLOW", "请重试", "不会重复办理")
    await people.get_by_role("button", name="重试").click()
    await sees(people, "GREEN", "已合并", "前台办的都在手机上了")
    await people.keyboard.press("Escape")
    await expect(people.locator("#services")).to_be_visible()
    (joined,) = await database.rows("SELECT kept_id, staff_id FROM merge")
    assert joined["kept_id"] == (await RealName.get()).member_id
    assert joined["staff_id"] is not None
    assert (await phone.ask("{ myName { maskedName } }")).value["maskedName"] == "王**"


@pytest.mark.browser
async def test_a_grandmother_who_cannot_come_gives_her_booking_up_after_what_comes_back_was_read_out(
    people: Page, counter: Counter
) -> None:
    await registers(people, GRANDMOTHER.number, GRANDMOTHER.name)
    await sees(people, "GREEN", "已登记")
    await people.keyboard.press("Escape")
    give_up = people.get_by_role("button", name="取消以后的预订")
    await give_up.click()
    await expect(people.locator("#hint")).to_contain_text("以后没有预订")
    await people.keyboard.press("F2")
    await expect(people.locator("#grid")).to_contain_text("羽毛球1号场")
    await people.keyboard.press("F2")
    court = people.locator("#grid li", has_text="羽毛球1号场")
    await court.get_by_role("button", name="10:00–11:00").click()
    await people.keyboard.press("Enter")
    await expect(people.locator("#booked-total")).to_have_text("¥40.00")
    await people.keyboard.press("F2")
    await give_up.click()
    await people.get_by_role("button", name="取消", exact=True).click()
    await expect(people.locator("#give-up-back")).to_have_text("¥0.00")
    await picture(people, "give-up")
    await people.keyboard.press("Escape")
    assert (await Order.get()).status == "PENDING_PAYMENT", "looking gives up nothing"
    await give_up.click()
    await people.get_by_role("button", name="取消", exact=True).click()
    await people.get_by_role("button", name="确认取消").click()
    await sees(people, "GREEN", "已取消", "场地已让出")
    assert (await Order.get()).status == "CLOSED"
    await people.keyboard.press("Escape")
    await expect(people.locator("#unpaid")).to_have_text("")


@pytest.mark.browser
async def test_a_number_in_somebody_elses_account_is_freed_after_a_second_thought_and_registered_anew(
    people: Page, counter: Counter
) -> None:
    await registers(people, GRANDMOTHER.number, GRANDMOTHER.name)
    await sees(people, "GREEN", "已登记")
    await people.keyboard.press("Escape")
    before = await RealName.get()
    contested = people.get_by_role("button", name="本人说这个账号不是自己的")
    await contested.click()
    await picture(people, "contested")
    await people.keyboard.press("Enter")  # confirms nothing
    await people.keyboard.press("Escape")
    await expect(people.locator("#services")).to_be_visible()
    assert (await RealName.get()).member_id == before.member_id

    await contested.click()
    await people.get_by_role("button", name="确认解除").click()
    await sees(people, "GREEN", "已解除", "请再刷一次身份证")
    assert (await RealName.get()).member_id is None
    assert await Message.filter(member_id=before.member_id, template="REAL_NAME_UNBOUND").count() == 1
    await people.keyboard.press("Escape")
    await expect(people.locator("#person-name")).to_have_text("")
    await registers(people, GRANDMOTHER.number, GRANDMOTHER.name)
    await sees(people, "GREEN", "已登记")
    after = await RealName.get()
    assert after.member_id not in (None, before.member_id)

    async def lose_the_answer(route: Route) -> None:
        await route.fetch()
        await route.abort("connectionreset")

    await people.keyboard.press("Escape")
    await people.route("**/desk/people/free-number", lose_the_answer, times=1)
    await contested.click()
    await people.get_by_role("button", name="确认解除").click()
    await sees(people, "YELLOW", "请重试", "不会重复办理")
    await people.get_by_role("button", name="重试").click()
    await expect(people.locator("#hint")).to_contain_text("请再刷一次身份证")
    assert (await RealName.get()).member_id is None


# ---- the doors, without a browser


@dataclass(frozen=True)
class Visitor:
    """A browser's requests from a clerk's desk."""

    http: httpx.AsyncClient
    house: House

    async def stands_at(self, hall: Hall, *roles: Role, of: Hall | None = None) -> Clerk:
        """Signed in as somebody of `of` (or the hall itself), with a post that says the hall."""
        venue_id = (of or hall).venue.public_id
        clerk = await self.house.clerk(venue_id, device_id=secrets.token_hex(4), roles=roles or [Role.REDEEMER])
        self.http.cookies.set("desk_sign_in", clerk.authorization.split()[1], domain="house.test", path="/desk")
        self.http.cookies.set("desk_post", f"{hall.venue.public_id}:front", domain="house.test", path="/desk")
        return clerk

    async def asks(self, act: str, **said: Any) -> Any:
        answer = await self.http.post(f"/desk/people/{act}", json=said)
        assert answer.headers["cache-control"] == "no-store"
        return answer.json()

    async def registers(self, person: NamedPerson) -> Any:
        await self.house.register_person(person.name, person.number)
        said = {"name": person.name, "idNumber": person.number, "version": version(Purpose.REAL_NAME)}
        return (await self.asks("verify", **said, key=secrets.token_hex(8)))["person"]


@pytest.fixture
async def visitor(house: House) -> AsyncIterator[Visitor]:
    transport = httpx.ASGITransport(house.app)
    async with httpx.AsyncClient(transport=transport, base_url=HERE, headers={"origin": HERE}) as client:
        yield Visitor(client, house)


async def test_who_has_no_sign_in_or_comes_from_another_site_gets_nothing(visitor: Visitor) -> None:
    assert (await visitor.http.get("/desk/people")).headers["location"] == "/desk?to=people"
    for act in ACTS:
        answer = await visitor.http.post(f"/desk/people/{act}", json={})
        assert answer.status_code == 401
        assert answer.json()["refused"]["code"] == "NOT_SIGNED_IN"
    await visitor.stands_at(await a_hall())
    for act in ACTS:
        elsewhere = {"origin": "https://elsewhere.example"}
        assert (await visitor.http.post(f"/desk/people/{act}", json={}, headers=elsewhere)).status_code == 403


async def test_the_page_is_as_strict_as_the_others_and_offers_what_the_clerk_may_do(visitor: Visitor) -> None:
    hall = await a_hall()
    await visitor.stands_at(hall)
    shown = await visitor.http.get("/desk/people")
    scan = await visitor.http.get("/desk")
    for header in ("content-security-policy", "cache-control", "referrer-policy"):
        assert shown.headers[header] == scan.headers[header]
    assert "style=" not in shown.text
    assert 'data-go="book"' in shown.text
    assert 'data-go="concession"' not in shown.text
    assert "/desk/people" in scan.text
    await visitor.stands_at(hall, Role.VENUE_MANAGER)
    assert 'data-go="concession"' in (await visitor.http.get("/desk/people")).text


async def test_a_clerk_without_the_power_sees_no_tab_and_no_page(visitor: Visitor) -> None:
    hall = await a_hall()
    await visitor.stands_at(hall, Role.FINANCE)
    assert (await visitor.http.get("/desk/people")).headers["location"] == "/desk?to=people"
    assert "/desk/people" not in (await visitor.http.get("/desk/post")).text
    assert (await visitor.asks("find", idNumber=GRANDMOTHER.number))["refused"]["code"] == "NOT_ALLOWED"
    nobody = StaffSignedIn("", 1, "stf_x", "李前台", "", ((hall.venue.public_id, "馆"),))
    for roles, tabs in (((), 0), ((RoleHeld(Role.REDEEMER, Place()),), 1)):
        bar = rendering._templates.get_template("desk/bar.html")
        shown = bar.render(
            signed_in=replace(nobody, roles=roles), post=Post("ven", "前台"), venue_name="馆", tab=""
        )
        assert shown.count("/desk/people") == tabs


async def test_a_venue_that_is_not_the_clerks_is_refused_whatever_the_cookie_says(visitor: Visitor) -> None:
    own, other = await a_hall(name="大田湾体育场"), await a_hall(name="成都高新体育中心")
    await visitor.stands_at(own)
    person = await visitor.registers(GRANDMOTHER)
    await visitor.stands_at(other, of=own)
    shown = (await visitor.http.get("/desk/people")).text
    assert own.venue.name in shown  # the only one that is theirs
    assert other.venue.name not in shown
    for act, said in (
        ("find", {"idNumber": GRANDMOTHER.number}),
        ("invite-helper", {"personId": person["personId"], "powers": ["BOOK"], "phone": HELPERS_PHONE}),
        ("end-helpers", {"personId": person["personId"]}),
        ("free-number", {"personId": person["personId"]}),
        ("join", {"personId": person["personId"], "code": "2222-2222"}),
        ("quote", {"personId": person["personId"], "orderNo": "O1"}),
        ("cancel", {"personId": person["personId"], "orderNo": "O1", "back": 0}),
        ("book", {"personId": person["personId"], "courtId": "c", "startsAt": at(10).isoformat(), "people": 1}),
    ):
        told = await visitor.asks(act, **{"version": version(Purpose.HELPER), "key": "a-key-of-one-act", **said})
        assert told["refused"]["code"] == "NOT_ALLOWED", act


async def test_every_act_leaves_its_line_readings_too_and_no_line_holds_a_number(visitor: Visitor) -> None:
    hall = await a_hall()
    await visitor.stands_at(hall, Role.VENUE_MANAGER)
    before = await AuditLine.all().count()
    assert (await visitor.asks("find", idNumber=GRANDMOTHER.number)) == {"person": None}
    person_id = (await visitor.registers(GRANDMOTHER))["personId"]
    told = await visitor.asks(
        "invite-helper",
        personId=person_id,
        powers=["BOOK"],
        phone=HELPERS_PHONE,
        version=version(Purpose.HELPER),
        key="a-key-of-one-act",
    )
    assert told["invitation"]["powers"] == "代为预订"
    assert (await visitor.asks("end-helpers", personId=person_id))["person"]["personId"] == person_id
    granted = await visitor.asks("grant", personId=person_id, kind="STUDENT", lastDay="2027-08-30")
    (student,) = [each for each in granted["person"]["concessions"] if each["id"]]
    assert (student["word"], student["until"]) == ("学生优待", "2027年8月30日")
    ended = await visitor.asks("revoke", personId=person_id, concessionId=student["id"])
    assert student not in ended["person"]["concessions"]
    (court, *_) = (await visitor.asks("slots", inDays=1))["courts"]
    slot = court["slots"][0]
    said = {"personId": person_id, "courtId": court["courtId"], "startsAt": slot["startsAt"], "people": 1}
    booked = [await visitor.asks("book", **said, price=slot["price"], key="a-key-of-one-act") for _ in range(2)]
    assert booked[0] == booked[1]
    assert booked[0]["person"]["unpaid"] == [booked[0]["order"]["orderNo"]]
    whose = {"personId": person_id, "orderNo": booked[0]["order"]["orderNo"]}
    assert (await visitor.asks("quote", **whose))["quote"]["back"] == 0
    given_up = await visitor.asks("cancel", **whose, back=0)
    assert (given_up["person"]["unpaid"], given_up["person"]["ahead"]) == ([], [])
    assert await visitor.asks("free-number", personId=person_id) == {"person": None}
    lines = (await AuditLine.all().order_by("id"))[before:]
    assert [(each.act, each.is_reading) for each in lines if each.act.startswith("desk/people/")] == [
        ("desk/people/find", True),
        ("desk/people/verify", False),
        ("desk/people/invite-helper", False),
        ("desk/people/end-helpers", False),
        ("desk/people/grant", False),
        ("desk/people/revoke", False),
        ("desk/people/book", False),
        ("desk/people/book", False),
        ("desk/people/quote", True),
        ("desk/people/cancel", False),
        ("desk/people/free-number", False),
    ]
    assert {each.subject_id for each in lines[1:] if each.act.startswith("desk/people/")} >= {person_id}
    assert {each.outcome for each in lines} == {"OK"}
    kept = str([dict(row) for row in await database.rows("SELECT * FROM audit_line")])
    assert GRANDMOTHER.number not in kept
    assert HELPERS_PHONE not in kept


async def test_what_our_page_would_never_send_is_a_400_in_words(visitor: Visitor) -> None:
    await visitor.stands_at(await a_hall(), Role.VENUE_MANAGER)
    for act, said in NEVER_SENT:
        answer = await visitor.http.post(f"/desk/people/{act}", content=said)
        assert answer.status_code == 400, (act, said)
        assert answer.json()["refused"]["message"].endswith("。")


async def test_acts_here_are_counted_with_the_root_fields_that_do_the_same(visitor: Visitor) -> None:
    await visitor.stands_at(await a_hall())
    most = BUDGET_OF["deskFindPerson"].device
    assert most is not None
    visitor.house.counts_without_leaking()
    for _ in range(most[0]):
        assert (await visitor.http.post("/desk/people/find", json={"idNumber": "1"})).status_code == 200
    refused = await visitor.http.post("/desk/people/grant", json={})
    assert (refused.status_code, refused.json()["refused"]["code"]) == (429, "TOO_MANY_ATTEMPTS")
    assert {BUDGET_OF[field].name for field in COUNTED_AS.values()} == {"people-at-desk", "reading"}
    assert set(COUNTED_AS) == set(ACTS)
