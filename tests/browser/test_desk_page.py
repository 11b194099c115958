"""What a person at a venue's desk sees and does, in a real Chromium.

`desk` (conftest.py) says where the page is and hands out codes, so the same tests run over the real stack.
"""

import json
from collections.abc import Iterator

import pytest
from playwright.async_api import Page, Request, Route, expect

from tests.browser.conftest import DeskAtWork, nothing_is_cut, sign_in

pytestmark = pytest.mark.browser

REDEEM = "**/desk/redeem"


@pytest.fixture
def sent(scanning: Page) -> Iterator[list[dict[str, object]]]:
    """The scans that the page sends, as they leave it."""
    scans: list[dict[str, object]] = []

    def keep(request: Request) -> None:
        if request.url.endswith("/desk/redeem"):
            scans.append(json.loads(request.post_data or "null"))

    scanning.on("request", keep)
    yield scans
    scanning.remove_listener("request", keep)


async def scan(page: Page, code: str) -> None:
    """As a USB scanner does: it types wherever the focus is, fast, and ends with Enter."""
    await page.keyboard.type(code)
    await page.keyboard.press("Enter")


async def verdict_is(page: Page, *colours: str) -> None:
    await expect(page.locator("#verdict")).to_be_visible()
    assert await page.locator("#verdict").get_attribute("data-colour") in colours


async def lose_the_answer(route: Route) -> None:
    """The server hears the scan and answers, but the answer never arrives."""
    await route.fetch()
    await route.abort("connectionreset")


async def test_staff_sign_in_and_see_where_they_stand(page: Page, desk: DeskAtWork) -> None:
    await sign_in(page, desk)
    await expect(page.locator(".place")).to_contain_text(desk.venue_name)
    await expect(page.locator(".place")).to_contain_text("前台")
    await expect(page.locator("#status")).to_have_text("请扫入场码")
    await expect(page.locator("#code")).to_be_focused()
    await nothing_is_cut(page)
    letters = await page.evaluate("getComputedStyle(document.documentElement).fontSize")
    assert letters == "20px", "a quarter more than the browser's own, whatever a person made that"


async def test_a_wrong_password_is_refused_in_words_and_the_name_stays(page: Page, desk: DeskAtWork) -> None:
    await page.goto(desk.url)
    await page.fill("#username", desk.username)
    await page.fill("#password", "not-my-password")
    await page.click("button.primary")
    await expect(page.get_by_role("alert")).to_contain_text("密码")
    await expect(page.locator("#username")).to_have_value(desk.username)
    await expect(page.locator("#password")).to_have_value("")
    await page.goto(desk.url)
    await expect(page.locator("#code")).to_have_count(0)


async def test_a_scanned_code_turns_the_whole_screen_green_and_back(scanning: Page, desk: DeskAtWork) -> None:
    await scan(scanning, await desk.green_code())
    await verdict_is(scanning, "GREEN")
    await expect(scanning.locator("#word")).to_have_text("请进")
    await expect(scanning.locator(".for-green")).to_be_visible()
    await expect(scanning.locator(".for-red")).to_be_hidden()
    assert await scanning.locator("#verdict").bounding_box() == {"x": 0, "y": 0, "width": 1024, "height": 768}
    await expect(scanning.locator("#verdict")).to_be_hidden()
    await expect(scanning.locator("#code")).to_be_focused()
    await expect(scanning.locator("#code")).to_have_value("")


async def test_the_next_scan_replaces_a_verdict_at_once(scanning: Page, desk: DeskAtWork) -> None:
    await scan(scanning, await desk.unknown_code())
    await verdict_is(scanning, "RED")
    await scan(scanning, await desk.green_code())
    await expect(scanning.locator("#verdict")).to_have_attribute("data-colour", "GREEN")
    await expect(scanning.locator("#verdict")).to_be_visible()


async def test_a_second_scan_is_refused_with_a_reason_and_a_way_out(scanning: Page, desk: DeskAtWork) -> None:
    code = await desk.green_code()
    await scan(scanning, code)
    await verdict_is(scanning, "GREEN")
    await scanning.keyboard.press("Escape")
    await scan(scanning, code)
    await verdict_is(scanning, "RED", "YELLOW")
    await expect(scanning.locator("#headline")).not_to_be_empty()
    await expect(scanning.locator("#next-step")).not_to_be_empty()
    await scanning.set_viewport_size({"width": 1024, "height": 240})  # or letters so large
    top = await scanning.locator("#verdict .says").evaluate("each => each.getBoundingClientRect().top")
    assert top >= 0, "what is too high for the screen begins at its top, and scrolls"


async def test_a_code_whose_holder_is_inside_is_refused(scanning: Page, desk: DeskAtWork) -> None:
    await scan(scanning, await desk.used_code())
    await verdict_is(scanning, "RED", "YELLOW")
    await expect(scanning.locator("#next-step")).not_to_be_empty()


async def test_an_unknown_code_is_red(scanning: Page, desk: DeskAtWork) -> None:
    await scan(scanning, await desk.unknown_code())
    await verdict_is(scanning, "RED")
    await expect(scanning.locator("#word")).to_have_text("未通过")
    await expect(scanning.locator(".for-red")).to_be_visible()


async def test_a_code_can_be_typed_by_hand_with_gaps(
    scanning: Page, desk: DeskAtWork, sent: list[dict[str, object]]
) -> None:
    code = await desk.green_code()
    await scanning.keyboard.type(f"{code[:8]} {code[8:16]} {code[16:]}", delay=40)
    await scanning.get_by_role("button", name="核对").click()
    await verdict_is(scanning, "GREEN")
    assert [said["code"] for said in sent] == [code]


async def test_a_code_that_was_not_read_whole_is_asked_for_again_and_not_sent(
    scanning: Page, desk: DeskAtWork
) -> None:
    """A scan while the page still loads loses its first digits; that is nobody's forged code."""
    sent: list[str] = []
    scanning.on("request", lambda request: sent.append(request.url))
    await scanning.locator("#code").press_sequentially((await desk.green_code())[5:], delay=40)
    await scanning.keyboard.press("Enter")
    await expect(scanning.locator("#hint")).to_contain_text("只读到 19 位数字")
    assert [url for url in sent if url.endswith("/desk/redeem")] == []


async def test_a_scanner_is_heard_wherever_the_focus_is(scanning: Page, desk: DeskAtWork) -> None:
    await scanning.get_by_role("button", name="退出登录").focus()
    await scan(scanning, await desk.green_code())
    await verdict_is(scanning, "GREEN")


async def test_typed_digits_reach_the_field_wherever_the_focus_is(scanning: Page) -> None:
    await scanning.get_by_role("link", name="更换岗位").focus()
    await scanning.keyboard.type("123", delay=40)
    await expect(scanning.locator("#code")).to_have_value("123")


async def test_digits_left_in_the_field_do_not_spoil_a_scan(
    scanning: Page, desk: DeskAtWork, sent: list[dict[str, object]]
) -> None:
    code = await desk.green_code()
    await scanning.fill("#code", "7" + code)
    await scanning.evaluate(  # in one go, since only the time between keys tells a scanner from a person
        """(code) => [...code, "Enter"].forEach((key) => document.getElementById("code").dispatchEvent(
             new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true })))""",
        code,
    )
    await verdict_is(scanning, "GREEN")
    assert [said["code"] for said in sent] == [code]


async def test_checking_shows_within_a_tenth_of_a_second(scanning: Page, desk: DeskAtWork) -> None:
    await scanning.route(REDEEM, lambda route: None)  # the answer stays out
    await scanning.evaluate(
        """() => {
          window.addEventListener("keydown", () => { window.pressed = performance.now(); }, true);
          new MutationObserver(() => { window.felt = performance.now() - window.pressed; })
            .observe(document.getElementById("status"), { childList: true });
        }"""
    )
    await scan(scanning, await desk.green_code())
    await expect(scanning.locator("#status")).to_have_text("核对中…")
    assert await scanning.evaluate("window.felt") < 100


async def test_a_lost_answer_is_yellow_and_retrying_sends_the_same_nonce(
    scanning: Page, desk: DeskAtWork, sent: list[dict[str, object]]
) -> None:
    await scanning.route(REDEEM, lose_the_answer)
    await scan(scanning, await desk.green_code())
    await verdict_is(scanning, "YELLOW")
    await expect(scanning.locator("#headline")).to_have_text("网络没有回应")
    await expect(scanning.locator("#next-step")).to_have_text("请重试；不会重复核销。")
    await scanning.unroute(REDEEM)
    await scanning.get_by_role("button", name="重试").click()
    await expect(scanning.locator("#verdict")).to_have_attribute("data-colour", "GREEN")
    assert len(sent) == 2
    assert sent[0] == sent[1]


async def test_scanning_again_after_a_lost_answer_sends_the_same_nonce(
    scanning: Page, desk: DeskAtWork, sent: list[dict[str, object]]
) -> None:
    code = await desk.green_code()
    await scanning.route(REDEEM, lose_the_answer)
    await scan(scanning, code)
    await verdict_is(scanning, "YELLOW")
    await scanning.unroute(REDEEM)
    await scan(scanning, code)
    await expect(scanning.locator("#verdict")).to_have_attribute("data-colour", "GREEN")
    assert sent[0] == sent[1]


async def test_every_other_scan_has_a_nonce_of_its_own(
    scanning: Page, desk: DeskAtWork, sent: list[dict[str, object]]
) -> None:
    code = await desk.unknown_code()
    for _ in range(3):
        await scan(scanning, code)
        await verdict_is(scanning, "RED")
        await scanning.keyboard.press("Escape")
    assert len({str(said["nonce"]) for said in sent}) == 3


async def test_a_scan_during_a_check_is_put_off_and_says_so(
    scanning: Page, desk: DeskAtWork, sent: list[dict[str, object]]
) -> None:
    await scanning.route(REDEEM, lambda route: None)
    await scan(scanning, await desk.green_code())
    await scan(scanning, await desk.green_code())
    await expect(scanning.locator("#hint")).to_contain_text("还在核对")
    assert len(sent) == 1


async def test_the_id_check_is_attested_once_and_clears(
    scanning: Page, desk: DeskAtWork, sent: list[dict[str, object]]
) -> None:
    await scanning.get_by_label("已核对身份证件").check()
    await expect(scanning.locator("#code")).to_be_focused()
    await scan(scanning, await desk.green_code())
    await verdict_is(scanning, "GREEN")
    await expect(scanning.get_by_label("已核对身份证件")).not_to_be_checked()
    await scan(scanning, await desk.green_code())
    await expect(scanning.locator("#recent li")).to_have_count(2)
    assert [said["idChecked"] for said in sent] == [True, False]


async def test_the_direction_is_sent_and_shown(
    scanning: Page, desk: DeskAtWork, sent: list[dict[str, object]]
) -> None:
    await scanning.locator(".direction label", has_text="离场").click()
    await expect(scanning.locator("#status")).to_have_text("请扫离场码")
    await scan(scanning, await desk.used_code())
    await verdict_is(scanning, "GREEN")
    await expect(scanning.locator("#recent li").first).to_contain_text("离场")
    assert [said["direction"] for said in sent] == ["EXIT"]


async def test_the_last_scans_are_listed_without_a_code_in_full(scanning: Page, desk: DeskAtWork) -> None:
    green, unknown = await desk.green_code(), await desk.unknown_code()
    for code in (green, unknown):
        await scan(scanning, code)
        await expect(scanning.locator("#recent li").first).to_contain_text(code[-4:])
    await scanning.reload()
    scans = scanning.locator("#recent li")
    await expect(scans).to_have_count(2)
    await expect(scans.nth(0)).to_contain_text("未通过")
    await expect(scans.nth(1)).to_contain_text("通过")
    kept = await scanning.content() + await scanning.evaluate("JSON.stringify(sessionStorage)")
    assert green not in kept
    assert unknown not in kept


async def test_only_the_last_twenty_scans_are_kept(scanning: Page, desk: DeskAtWork) -> None:
    await scanning.route(REDEEM, lambda route: route.abort())  # lost answers are listed as well
    for number in range(22):
        await scan(scanning, f"{number:024d}")
        await expect(scanning.locator("#recent li").first).to_contain_text(f"尾号 {number:04d}")
    await expect(scanning.locator("#recent li")).to_have_count(20)


async def test_an_input_method_is_noticed_and_explained(
    scanning: Page, desk: DeskAtWork, sent: list[dict[str, object]]
) -> None:
    await expect(scanning.locator("#hint")).to_be_hidden()
    keyboard = await scanning.context.new_cdp_session(scanning)
    await keyboard.send("Input.imeSetComposition", {"text": "ni", "selectionStart": 2, "selectionEnd": 2})
    await expect(scanning.locator("#hint")).to_contain_text("请切换到英文输入法")
    await keyboard.send("Input.insertText", {"text": "你"})
    await scanning.keyboard.press("Enter")
    assert sent == []
    await scan(scanning, await desk.green_code())
    await verdict_is(scanning, "GREEN")
    await expect(scanning.locator("#hint")).to_be_hidden()


async def test_full_width_digits_are_read_as_digits(
    scanning: Page, desk: DeskAtWork, sent: list[dict[str, object]]
) -> None:
    code = await desk.green_code()
    await scanning.keyboard.insert_text("".join(chr(ord(digit) + 0xFEE0) for digit in code))
    await scanning.keyboard.press("Enter")
    await verdict_is(scanning, "GREEN")
    assert [said["code"] for said in sent] == [code]


async def test_each_colour_has_a_sound_of_its_own(page: Page, desk: DeskAtWork) -> None:
    await page.add_init_script(
        """window.heard = [];
        const start = OscillatorNode.prototype.start;
        OscillatorNode.prototype.start = function (...when) {
          window.heard.push(this.frequency.value);
          return start.apply(this, when);
        };"""
    )
    await sign_in(page, desk)
    tunes = []
    for code in (await desk.green_code(), await desk.unknown_code()):
        await scan(page, code)
        await expect(page.locator("#recent li").first).to_contain_text(code[-4:])
        tunes.append(tuple(await page.evaluate("window.heard.splice(0)")))
    await page.route(REDEEM, lambda route: route.abort())
    await scan(page, await desk.green_code())
    await verdict_is(page, "YELLOW")
    tunes.append(tuple(await page.evaluate("window.heard.splice(0)")))
    assert all(tunes)
    assert len(set(tunes)) == 3


async def test_signing_out_ends_the_sign_in_in_every_tab(scanning: Page, desk: DeskAtWork) -> None:
    other = await scanning.context.new_page()
    await other.goto(desk.url)
    await other.get_by_role("button", name="退出登录").click()
    await expect(other.locator("#password")).to_be_visible()
    await scan(scanning, await desk.green_code())
    await verdict_is(scanning, "YELLOW")
    await expect(scanning.locator("#word")).to_have_text("请登录")  # who stands at the desk was not turned away
    await expect(scanning.locator("#next-step")).to_contain_text("再扫一次")
    await expect(scanning.locator("#recent li")).to_have_count(0)
    await scanning.get_by_role("link", name="重新登录").click()
    await expect(scanning.locator("#password")).to_be_visible()


async def test_the_device_remembers_its_post(scanning: Page, desk: DeskAtWork) -> None:
    await scanning.get_by_role("link", name="更换岗位").click()
    await scanning.get_by_label(desk.venue_name).check()
    await scanning.fill("#checkpoint", "东门")
    await scanning.get_by_role("button", name="开始核验").click()
    await expect(scanning.locator(".place")).to_contain_text("东门")
    await scanning.get_by_role("button", name="退出登录").click()
    await scanning.fill("#username", desk.username)
    await scanning.fill("#password", desk.password)
    await scanning.get_by_role("button", name="登录").click()
    await expect(scanning.locator(".place")).to_contain_text("东门")


async def test_the_page_obeys_its_own_strict_policy(page: Page, desk: DeskAtWork) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await sign_in(page, desk)
    await scan(page, await desk.green_code())
    await verdict_is(page, "GREEN")
    assert complaints == []
    await page.evaluate("document.body.appendChild(document.createElement('script')).textContent = 'window.x = 1'")
    assert await page.evaluate("window.x") is None
    assert "Content Security Policy" in complaints[0]
