"""The developers' IDE at /graphql, and what another site's page can do there, in a real Chromium."""

from contextlib import nullcontext
from dataclasses import replace

import pytest
from playwright.async_api import ConsoleMessage, Page, Route, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route as Path

from bff.app import assemble, routes
from tests.browser.real_desk import served
from tests.factories.booking import a_hall
from tests.house import House

pytestmark = pytest.mark.browser

QUERY = "{ venuesNear(point: {lon: 104.07, lat: 30.66}, radiusM: 20000) { edges { node { name } } } }"


async def test_a_developer_asks_in_the_ide_without_any_other_network(house: House, page: Page) -> None:
    await a_hall(name="猛追湾游泳馆")
    said = complaints(page)
    async with served(house.app) as address:
        elsewhere = await cut_off(page, address)
        await page.goto(f"{address}/graphql")
        await type_query(page, QUERY)
        await page.click(".graphiql-execute-button")
        await expect(page.locator(".result-window")).to_contain_text("猛追湾游泳馆")
        await page.get_by_label("Show Documentation Explorer").click()
        await expect(page.locator(".graphiql-doc-explorer")).to_contain_text("Query")
        await page.get_by_role("link", name="Query", exact=True).click()
        await expect(page.locator(".graphiql-doc-explorer")).to_contain_text("venuesNear")
        await page.get_by_label("Open settings dialog").click()
        await expect(page.get_by_role("dialog")).to_contain_text("Theme")
    assert elsewhere == []
    assert said == []


async def test_another_sites_page_reads_and_acts_only_where_it_is_listed(house: House, page: Page) -> None:
    """The page's own script asks, as it would in a visitor's browser; each address has another port."""
    async with served(Starlette(routes=[Path("/", another_page)])) as other:
        for origins, outcomes in (
            ((other,), ("Query 200", "415")),
            ((), ("TypeError", "TypeError")),
            (("https://map.example.cn",), ("TypeError", "TypeError")),
        ):
            wired = replace(house.wired, settings=replace(house.wired.settings, cors_origins=origins))
            async with served(assemble(wired.settings, routes(wired), nullcontext())) as address:
                await page.goto(f"{other}/")
                asked = [await page.evaluate(script, f"{address}/graphql") for script in (ASK, ASK_LIKE_A_FORM)]
                assert tuple(asked) == outcomes


ASK = """async (url) => {
  try {
    const answer = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Authorization": "Bearer x", "X-Device-Id": "phone" },
      body: JSON.stringify({ query: "{ __typename }" }),
    });
    const said = await answer.json();
    return `${said.data.__typename} ${answer.status}`;
  } catch (error) { return error.name; }
}"""
# What a form could send as well: browsers ask nobody before it.
ASK_LIKE_A_FORM = """async (url) => {
  try {
    const answer = await fetch(url, { method: "POST", body: JSON.stringify({ query: "{ __typename }" }) });
    return `${answer.status}`;
  } catch (error) { return error.name; }
}"""


async def another_page(_request: Request) -> Response:
    return HTMLResponse("<!doctype html><title>另一个网站</title>")


async def type_query(page: Page, query: str) -> None:
    await page.click(".graphiql-query-editor .CodeMirror")
    await page.keyboard.press("Control+A")
    await page.keyboard.press("Delete")
    await page.keyboard.insert_text(query)


async def cut_off(page: Page, address: str) -> list[str]:
    """Nothing but this address can be reached from now on; gives a list of what was tried."""
    tried: list[str] = []

    async def refuse(route: Route) -> None:
        tried.append(route.request.url)
        await route.abort()

    await page.route(lambda url: not url.startswith((f"{address}/", "data:", "blob:")), refuse)
    return tried


def complaints(page: Page) -> list[str]:
    """What the browser's console objects to from now on: refused styles, failed requests, errors of scripts."""
    said: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            said.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: said.append(str(error)))
    return said
