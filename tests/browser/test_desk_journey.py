"""A citizen who paid comes to the desk: the page over the real house, and what the house remembers of it."""

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from models.admissions.tables import Admission, Passage, Redemption
from models.database import rows
from tests.browser.conftest import DeskAtWork
from tests.browser.test_desk_page import scan, verdict_is
from tests.house import House

pytestmark = pytest.mark.browser

PICTURES = Path(__file__).resolve().parents[2] / "build" / "screenshots"


async def picture(page: Page, name: str) -> None:
    """For eyes: what it looked like in this run."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=PICTURES / f"{name}.png")


async def test_a_paid_orders_code_is_green_and_the_second_scan_is_red(
    house: House, scanning: Page, desk: DeskAtWork
) -> None:
    code = await desk.green_code()
    await scan(scanning, code)
    await verdict_is(scanning, "GREEN")
    await expect(scanning.locator("#headline")).to_have_text("请入场")
    await expect(scanning.locator("#court")).to_have_text("篮球全场")
    await expect(scanning.locator("#time")).to_have_text("11月20日 11:00–12:00")
    await picture(scanning, "desk-green")
    await scanning.keyboard.press("Escape")
    await scan(scanning, code)
    await verdict_is(scanning, "RED")
    await expect(scanning.locator("#headline")).to_have_text("已经入场")
    await expect(scanning.locator("#next-step")).to_contain_text("一码一人")
    await picture(scanning, "desk-red")
    assert await Passage.all().count() == 1
    assert await Admission.filter(is_inside=True).count() == 1
    assert [scan.outcome for scan in await Redemption.all().order_by("id")] == ["ENTERED", "ALREADY_INSIDE"]
    told = await rows("SELECT kind FROM outbox ORDER BY id")
    assert [row["kind"] for row in told] == ["orders", "redemptions"]
    assert code not in house.log()


async def test_a_paper_code_is_yellow_until_the_id_card_was_checked(scanning: Page, desk: DeskAtWork) -> None:
    code = await desk.printed_code()
    await scan(scanning, code)
    await verdict_is(scanning, "YELLOW")
    await expect(scanning.locator("#headline")).to_have_text("请核对证件")
    await picture(scanning, "desk-yellow")
    await scanning.keyboard.press("Escape")
    await scanning.get_by_label("已核对身份证件").check()
    await scan(scanning, code)
    await verdict_is(scanning, "GREEN")
    (checked,) = await Redemption.filter(outcome="ENTERED")
    assert checked.id_checked
