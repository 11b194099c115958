"""A clerk whom an administrator let in comes to the desk for the first time: their own password, their phone, a code."""

from datetime import timedelta

import pytest
from playwright.async_api import Page, expect

from models.staff import operations as staff
from models.staff.rules import Role
from tests.browser.conftest import nothing_is_cut
from tests.browser.real_desk import served
from tests.browser.test_desk_journey import picture
from tests.factories.people import a_code
from tests.factories.places import a_venue
from tests.house import PASSWORD, House

pytestmark = pytest.mark.browser

OWN = "Qingcheng-2026-mine"


async def test_a_first_password_is_changed_a_phone_is_set_up_and_each_code_works_once(
    house: House, page: Page
) -> None:
    venue = await a_venue()
    await staff.create_staff(
        username="li.qian",
        display_name="李前台",
        password=PASSWORD,
        venue_public_ids=[venue.public_id],
        roles=[Role.REDEEMER],
        must_change_password=True,
        now=house.now(),
    )
    async with served(house.app) as address:
        desk = f"{address}/desk"
        await signs_in(page, desk, PASSWORD)
        await expect(page.locator("h1")).to_have_text("修改密码")
        await expect(page.get_by_role("status")).to_contain_text("请先设置自己的新密码")
        await picture(page, "desk-password")
        await expect(page.get_by_role("link", name="返回")).to_have_count(0)
        await page.goto(f"{desk}/money")
        await expect(page.locator("h1")).to_have_text("修改密码")  # nothing else opens
        await changes(page, PASSWORD, OWN, again="Another-2026")
        await expect(page.get_by_role("alert")).to_contain_text("不一样")
        await changes(page, PASSWORD, OWN)
        await expect(page.locator(".bar")).to_contain_text(venue.name)

        await page.goto(f"{desk}/set-up")
        await expect(page.locator(".qr svg")).to_be_visible()
        secret = (await page.inner_text("#secret")).replace(" ", "")
        await picture(page, "desk-set-up")
        await nothing_is_cut(page)
        await expect(page.get_by_role("link", name="返回，先不设置")).to_be_visible()
        await says(page, "000000" if a_code(secret, house.now()) != "000000" else "111111")
        await expect(page.get_by_role("alert")).to_contain_text("动态口令不正确")
        assert (await page.inner_text("#secret")).replace(" ", "") == secret, "the same picture, for another try"
        used = a_code(secret, house.now())
        await says(page, used)
        await expect(page.locator(".qr")).to_have_count(0)

        await page.context.clear_cookies()
        await signs_in(page, desk, OWN)
        await expect(page.locator("h1")).to_have_text("输入动态口令")
        await picture(page, "desk-code")
        await says(page, used)
        await expect(page.get_by_role("alert")).to_contain_text("已经用过")
        await expect(page.locator("#code")).to_be_focused()
        await house.travel(house.now() + timedelta(seconds=30))
        await says(page, a_code(secret, house.now()))
        await expect(page.locator("#code")).to_be_visible()
        await expect(page.locator(".bar")).to_contain_text(venue.name)


async def signs_in(page: Page, desk: str, password: str) -> None:
    await page.goto(desk)
    await page.fill("#username", "li.qian")
    await page.fill("#password", password)
    await page.click("button.primary")


async def changes(page: Page, old: str, new: str, *, again: str | None = None) -> None:
    await page.fill("#old", old)
    await page.fill("#new", new)
    await page.fill("#again", again or new)
    await page.click("button.primary")


async def says(page: Page, code: str) -> None:
    """As at a keyboard: the field has the focus, and Enter sends it."""
    await expect(page.locator("#code")).to_be_focused()
    await page.keyboard.type(code)
    await page.keyboard.press("Enter")
