"""A real Chromium at a desk's page that a real server serves on loopback."""

import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import uvicorn
from playwright.async_api import Browser, Page, async_playwright
from starlette.applications import Starlette

from bff.pages.desk import desk_routes
from tests.browser.desk_stub import PASSWORD, USERNAME, VENUES, StubDesk

RECORD = Path(__file__).resolve().parents[2] / "build" / "chromium.path"
UNAVAILABLE = "No Chromium could be had here, so the browser tests did not run (tools/fetch_chromium.py says why)."

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

Code = Callable[[], Awaitable[str]]


@dataclass(frozen=True)
class DeskAtWork:
    """A desk that is being served, and codes to try at it. Each call of a code gives a fresh one."""

    url: str
    username: str
    password: str
    venue_name: str
    green_code: Code  # not used yet, its slot is now
    used_code: Code  # its holder is inside already
    unknown_code: Code  # 24 digits that no one handed out


@pytest.fixture(scope="session")
async def desk() -> AsyncIterator[DeskAtWork]:
    stub = StubDesk()
    routes = desk_routes(stub, lambda: datetime.now(UTC), secure_cookies=False)

    async def green() -> str:
        return stub.new_code()

    async def used() -> str:
        return stub.new_code(used=True)

    async def unknown() -> str:
        return "9" * 24

    with served(Starlette(routes=routes)) as address:
        yield DeskAtWork(f"{address}/desk", USERNAME, PASSWORD, VENUES[1][1], green, used, unknown)


@contextmanager
def served(app: Starlette) -> Iterator[str]:
    """The application on a free loopback port, in a thread of its own; yields its address."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        started = threading.Event()
        while not server.started and thread.is_alive():
            started.wait(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


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
    context = await browser.new_context(viewport={"width": 1024, "height": 768}, locale="zh-CN")
    context.set_default_timeout(10_000)
    yield await context.new_page()
    await context.close()


@pytest.fixture
async def scanning(page: Page, desk: DeskAtWork) -> Page:
    """The scan page, signed in, at the venue whose codes `desk` gives."""
    await sign_in(page, desk)
    return page


async def sign_in(page: Page, desk: DeskAtWork) -> None:
    await page.goto(desk.url)
    await page.fill("#username", desk.username)
    await page.fill("#password", desk.password)
    await page.click("button.primary")
    if page.url.endswith("/post"):
        await page.get_by_label(desk.venue_name).check()
        await page.click("button.primary")
    await page.wait_for_selector("#code")
