"""A real Chromium at a desk's page that the real house serves on loopback."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, ViewportSize, async_playwright, expect

from tests.browser.real_desk import DeskAtWork, desk
from tests.house import house, shared_valkey
from tests.outside import outside, stage

__all__ = ["DeskAtWork", "desk", "house", "outside", "shared_valkey", "stage"]

RECORD = Path(__file__).resolve().parents[2] / "build" / "chromium.path"
UNAVAILABLE = "No Chromium could be had here, so the browser tests did not run (tools/fetch_chromium.py says why)."

PATIENCE_MS = 30_000
"""For what is there after a tenth of a second where the machine has nothing else to do."""
expect.set_options(timeout=PATIENCE_MS)

# As root there is no sandbox; without the rest Chromium looks for its maker's hosts at every start.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

OLD_SCREEN: ViewportSize = {"width": 1024, "height": 768}

# What may scroll sideways is told by its class and can be reached by keyboard.
BEYOND = """() => {
  const width = document.documentElement.clientWidth;
  const isOut = (box, around) => box.width && (box.left < around.left - 1 || box.right > around.right + 1);
  const leaves = (each) => each.parentNode.closest(".step")
    && isOut(each.getBoundingClientRect(), each.parentNode.closest(".step").getBoundingClientRect());
  const isCut = (each) => leaves(each) || each.getBoundingClientRect().right > width + 1 && !each.closest(".scrolls")
    || each.matches(".tabs, .paper, .sheet") && each.scrollWidth > each.clientWidth + 1;
  return Array.from(document.querySelectorAll("body *")).filter(isCut).map((each) => each.outerHTML.slice(0, 80));
}"""

# What has no room stands letter under letter.
SQUEEZED = """() => {
  const isSqueezed = (each) => !each.children.length && each.textContent.trim().length > 2 && each.clientWidth > 1
    && each.clientWidth < 2 * parseFloat(getComputedStyle(each).fontSize);
  return Array.from(document.querySelectorAll("b, span, strong, p, dt, dd, th, td, button"))
    .filter(isSqueezed).map((each) => each.outerHTML.slice(0, 80));
}"""

# A way on that lies over the one beside it.
OVERLAPPING = """() => {
  const ways = Array.from(document.querySelectorAll("button, a")).filter((each) => each.offsetWidth);
  const isOver = (each) => ways.some((other) => {
    if (other === each || other.parentNode !== each.parentNode) return false;
    const [one, two] = [each.getBoundingClientRect(), other.getBoundingClientRect()];
    return one.left < two.right - 1 && two.left < one.right - 1 && one.top < two.bottom - 1 && two.top < one.bottom - 1;
  });
  return ways.filter(isOver).map((each) => each.outerHTML.slice(0, 80));
}"""


@pytest.fixture(scope="session")
def chromium_path() -> str:
    if os.environ.get("BROWSER_TESTS") == "unavailable":
        pytest.skip(UNAVAILABLE)
    if not RECORD.exists():
        pytest.fail(
            "build/chromium.path is missing: run tools/fetch_chromium.py first, or `make test`, which does."
        )
    return RECORD.read_text().strip()


@pytest.fixture(scope="session")
async def browser(chromium_path: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A fresh browser profile on a venue's small old screen."""
    context = await browser.new_context(viewport=OLD_SCREEN, locale="zh-CN")
    context.set_default_timeout(PATIENCE_MS)
    yield await context.new_page()
    await context.close()


@pytest.fixture
async def scanning(page: Page, desk: DeskAtWork) -> Page:
    """The scan page, signed in, at the venue whose codes `desk` gives."""
    await sign_in(page, desk)
    return page


async def nothing_is_cut(page: Page) -> None:
    """On a phone, a tablet, an old and a wide screen: no page wider than it, no tab that cannot be reached, no word
    pressed into one letter a line, no button over another."""
    for width in (375, 768, 1024, 1440):
        await page.set_viewport_size({"width": width, "height": 768})
        assert await page.evaluate(BEYOND) == [], f"at {width} px"
        assert await page.evaluate(SQUEEZED) == [], f"at {width} px"
        assert await page.evaluate(OVERLAPPING) == [], f"at {width} px"
    await page.set_viewport_size(OLD_SCREEN)


async def sign_in(page: Page, desk: DeskAtWork) -> None:
    await page.goto(desk.url)
    await page.fill("#username", desk.username)
    await page.fill("#password", desk.password)
    await page.click("button.primary")
    await page.locator("#code, #checkpoint").first.wait_for()
    if await page.locator("#checkpoint").count():
        await page.get_by_label(desk.venue_name).check()
        await page.click("button.primary")
    await page.wait_for_selector("#code")
    await page.wait_for_load_state()  # until the page's script listens
