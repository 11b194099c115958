"""Whoever oversees the programme at their browser: from the sign-in to the figures, the list of subsidies, a review."""

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from models.staff.rules import Role
from models.vouchers.tables import VoucherUse
from tests.browser.conftest import nothing_is_cut
from tests.browser.real_desk import served
from tests.house import PASSWORD, House
from tests.models.statistics.town import a_held_use, a_town

PICTURES = Path(__file__).resolve().parents[2] / "build" / "screenshots"


@pytest.mark.browser
async def test_from_the_sign_in_to_figures_subsidies_and_a_review(page: Page, house: House) -> None:
    town = await a_town()
    for who, many, venue in (("elder", 14, town.wuhou), ("adult", 31, town.jinjiang), ("child", 3, town.jinjiang)):
        for n in range(many):
            await town.uses(f"{who}-{n}", venue, venue_share_fen=4_00, bill_fen=85_00)
    await town.noted()
    held = await a_held_use(town)
    regulator = await house.clerk(roles=(Role.REGULATOR,), region_key="510100", device_id="office")
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    PICTURES.mkdir(parents=True, exist_ok=True)
    async with served(house.app) as address:
        await page.goto(f"{address}/desk")
        await page.fill("#username", regulator.username)
        await page.fill("#password", PASSWORD)
        await page.click("button.primary")
        await page.get_by_role("link", name="消费券统计与补贴").click()
        await page.get_by_label("分组").select_option("按年龄与地区")
        await page.get_by_role("button", name="查看").click()
        await expect(page.get_by_role("row", name="成都市武侯区 60岁及以上")).to_contain_text("不显示")
        await page.screenshot(path=PICTURES / "programme-both.png", full_page=True)
        await fits(page)
        await page.get_by_label("分组").select_option("按地区")
        await page.get_by_role("button", name="查看").click()
        row = page.get_by_role("row", name="成都市锦江区")
        await expect(row.get_by_role("cell").nth(7)).to_have_text("500")  # 34 times ¥16, to the next ¥100
        await page.screenshot(path=PICTURES / "programme-district.png", full_page=True)
        await fits(page)
        async with page.expect_download() as downloading:
            await page.get_by_role("link", name="下载表格").click()
        assert (await downloading.value).suggested_filename == "programme.csv"
        await page.get_by_role("link", name="补贴公示").click()
        await expect(page.get_by_role("row", name="锦江馆")).to_contain_text("544.00")
        await page.screenshot(path=PICTURES / "programme-subsidies.png", full_page=True)
        await fits(page)
        await page.goto(f"{address}/desk/subsidies?month=2020-01")
        await expect(page.locator(".paper")).to_contain_text("没有可以列出的场馆")
        await expect(page.locator("table")).to_have_count(0)  # no head over nothing, no file of nothing
        await expect(page.get_by_role("link", name="下载表格")).to_have_count(0)
        await nothing_is_cut(page)
        await page.get_by_role("link", name="核查").click()
        await page.screenshot(path=PICTURES / "programme-reviews.png", full_page=True)
        await nothing_is_cut(page)
        await page.get_by_label("核查情况").fill("小票与账单一致")
        await page.get_by_role("button", name="属实，付给场馆").click()
        await expect(page.get_by_role("status")).to_contain_text(held.use_no)
        assert (await VoucherUse.get(id=held.id)).state == "DONE"
        assert complaints == []


async def fits(page: Page) -> None:
    """An old PC's screen shows the whole table; a narrower one scrolls it alone, and a keyboard reaches it."""
    table = page.locator(".scrolls")
    assert await table.evaluate("each => each.scrollWidth <= each.clientWidth"), "at 1,024 px"
    await nothing_is_cut(page)
    await table.focus()
    await expect(table).to_be_focused()
