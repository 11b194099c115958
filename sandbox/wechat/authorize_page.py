"""open.weixin.qq.com/connect/oauth2/authorize, where in the sandbox one chooses who is holding the phone."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.clock import Clock
from sandbox.service import pages
from sandbox.store import Row, Store
from sandbox.wechat import codes, official
from sandbox.wechat.official import NotAuthorized

PATH = "/connect/oauth2/authorize"
MOST_SHOWN = 20


def routes(store: Store, clock: Clock, appid: str) -> list[Route]:
    async def choose(request: Request) -> Response:
        query = dict(request.query_params)
        try:
            official.check_page(query, appid)
        except NotAuthorized as refusal:
            return shown(400, why=str(refusal))
        people = store.rows("SELECT * FROM people ORDER BY created_at DESC LIMIT ?", MOST_SHOWN)
        return shown(200, people=people, asks=query["scope"] == official.USERINFO)

    async def chosen(request: Request) -> Response:
        """Back to the page that asked, as whoever was chosen; without a choice as somebody new."""
        query = dict(request.query_params)
        try:
            official.check_page(query, appid)
            form = dict(parse_qsl((await request.body()).decode(errors="replace")))
            openid = form.get("openid") or somebody_new()["openid"]
            code = official.new_code(store, openid, query["scope"], snapshot=False, now=clock.now())
        except (NotAuthorized, ValueError) as refusal:
            return shown(400, why=str(refusal))
        return RedirectResponse(official.return_address(query, code), 302)

    def somebody_new() -> Row:
        return codes.keep_person(store, None, None, None, now=clock.now())

    def shown(status: int, *, why: str = "", people: list[Row] | None = None, asks: bool = False) -> Response:
        page = pages.get_template("wechat_authorize.html")
        return HTMLResponse(page.render(why=why, people=people or [], asks=asks), status)

    return [Route(PATH, choose), Route(PATH, chosen, methods=["POST"])]
