"""The wire of sign-in and of messages, and the control routes that act in the person's place.

Answers follow developers.weixin.qq.com: always HTTP 200, the outcome in `errcode`.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from sandbox.clock import Clock
from sandbox.faults import Faults, switch
from sandbox.keys import load_secrets
from sandbox.service import Service, control_routes, json_object, refuse_control, under_faults
from sandbox.store import Row, Store
from sandbox.wechat import authorize_page, codes, messages, official, risk, tokens
from sandbox.wechat.errors import WeChatError

PARTS = (codes, tokens, official, messages, risk)
OWN_FAULTS = {
    "busy": switch,  # errcode -1: WeChat asks to come again later
    "rate_limited": switch,  # errcode 45011 before a code is looked at, so it stays unused
}


def create_app(folder: Path) -> Starlette:
    known = load_secrets(folder)
    tables = "".join(part.TABLES for part in PARTS)
    store = Store(folder / "wechat.sqlite3", tables)
    clock = Clock(store)
    apps = tokens.apps(known)
    mini_program, official_account = known.mini_program_appid, known.official_account_appid
    service = Service("wechat", "微信登录、手机号与消息", store, clock, Faults(store, OWN_FAULTS))

    async def jscode2session(request: Request) -> Row:
        query = request.query_params
        tokens.check_app(query.get("appid"), query.get("secret"), {mini_program: apps[mini_program]})
        if query.get("grant_type") != "authorization_code":
            raise WeChatError(40002)
        return codes.sign_in(store, query.get("js_code", ""), now=clock.now())

    async def stable_token(request: Request) -> Row:
        asked = await posted(request)
        if asked.get("grant_type") != "client_credential":
            raise WeChatError(40002)
        appid = tokens.check_app(asked.get("appid"), asked.get("secret"), apps)
        return tokens.stable_token(store, appid, force=asked.get("force_refresh") is True, now=clock.now())

    async def getuserphonenumber(request: Request) -> Row:
        now = clock.now()
        check_token(request, mini_program)
        code = (await posted(request)).get("code")
        return codes.phone_number(store, code, appid=mini_program, now=now)

    async def page_token(request: Request) -> Row:
        query = request.query_params
        tokens.check_app(query.get("appid"), query.get("secret"), {official_account: apps[official_account]})
        if query.get("grant_type") != "authorization_code":
            raise WeChatError(40002)
        return official.exchange(store, query.get("code", ""), now=clock.now())

    async def userinfo(request: Request) -> Row:
        query = request.query_params
        return official.userinfo(store, query.get("access_token", ""), query.get("openid", ""), now=clock.now())

    async def subscribe_send(request: Request) -> Row:
        check_token(request, mini_program)
        return messages.subscribe(store, await posted(request), now=clock.now())

    async def template_send(request: Request) -> Row:
        check_token(request, official_account)
        return messages.template(store, await posted(request), now=clock.now())

    async def getuserriskrank(request: Request) -> Row:
        check_token(request, mini_program)
        return risk.rank_of(store, await posted(request), appid=mini_program, now=clock.now())

    def check_token(request: Request, appid: str) -> None:
        tokens.check_token(store, request.query_params.get("access_token", ""), appid, now=clock.now())

    async def people(request: Request) -> Response:
        try:
            wanted = json_object(await request.body() or b"{}")
        except ValueError as error:
            return refuse_control(str(error))
        given = [wanted.get(name) for name in ("openid", "unionid", "phone")]
        if not all(value is None or (isinstance(value, str) and 0 < len(value) <= 64) for value in given):
            return refuse_control("openid, unionid and phone are texts of 1 to 64 characters")
        openid, unionid, phone = given
        if phone is not None and not re.fullmatch(r"\d{5,15}", phone):
            return refuse_control("phone is digits only")
        person = codes.keep_person(store, openid, unionid, phone, now=clock.now())
        return JSONResponse(person | {"official_openid": official.official_openid(store, person["openid"])})

    def hand_out(kind: str) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                openid = json_object(await request.body()).get("openid")
                return JSONResponse({"code": codes.new_code(store, kind, openid, now=clock.now())})
            except ValueError as error:
                return refuse_control(str(error))

        return endpoint

    def control(act: Callable[[Row], Row]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                return JSONResponse(act(json_object(await request.body())))
            except ValueError as error:
                return refuse_control(str(error))

        return endpoint

    def official_code(asked: Row) -> Row:
        scope, snapshot = asked.get("scope", official.BASE), asked.get("snapshot") is True
        return {"code": official.new_code(store, asked.get("openid"), scope, snapshot=snapshot, now=clock.now())}

    def grant(asked: Row) -> Row:
        return messages.grant(store, asked.get("openid"), asked.get("template_id"), asked.get("times", 1))

    def follow(asked: Row) -> Row:
        openid, follows = str(asked.get("openid")), asked.get("follows") is True
        messages.follow(store, openid, follows=follows)
        return {"follows": follows}

    def tell_rank(asked: Row) -> Row:
        return risk.tell(store, asked.get("openid"), asked.get("risk_rank"))

    def contents() -> Row:
        return {name: shown for part in PARTS for name, shown in part.contents(store).items()}

    async def revoke(_: Request) -> Response:
        tokens.revoke_all(store)
        return JSONResponse({"revoked": True})

    return Starlette(
        routes=[
            wire(service, "GET", "/sns/jscode2session", jscode2session),
            wire(service, "POST", "/cgi-bin/stable_token", stable_token),
            wire(service, "POST", "/wxa/business/getuserphonenumber", getuserphonenumber),
            wire(service, "POST", "/wxa/getuserriskrank", getuserriskrank),
            wire(service, "GET", "/sns/oauth2/access_token", page_token),
            wire(service, "GET", "/sns/userinfo", userinfo),
            wire(service, "POST", "/cgi-bin/message/subscribe/send", subscribe_send),
            wire(service, "POST", "/cgi-bin/message/template/send", template_send),
            *authorize_page.routes(store, clock, official_account),
            *control_routes(service, lambda _: contents()),
            Route("/_sandbox/people", people, methods=["POST"]),
            Route("/_sandbox/login-codes", hand_out("login"), methods=["POST"]),
            Route("/_sandbox/phone-codes", hand_out("phone"), methods=["POST"]),
            Route("/_sandbox/official-codes", control(official_code), methods=["POST"]),
            Route("/_sandbox/subscriptions", control(grant), methods=["POST"]),
            Route("/_sandbox/risk-ranks", control(tell_rank), methods=["POST"]),
            Route("/_sandbox/follow", control(follow), methods=["POST"]),
            Route("/_sandbox/revoke-access-tokens", revoke, methods=["POST"]),
        ]
    )


def wire(service: Service, method: str, path: str, handler: Callable[[Request], Awaitable[Row]]) -> Route:
    async def act(request: Request) -> Response:
        try:
            if service.faults.is_on("busy"):
                raise WeChatError(-1)
            if service.faults.is_on("rate_limited"):
                raise WeChatError(45011)
            answer = await handler(request)
        except WeChatError as error:
            answer = error.answer(rid=secrets.token_hex(8))
        response = JSONResponse(answer)
        if path.startswith("/sns/"):
            response.headers["content-type"] = "text/plain"  # as the real jscode2session answers
        return response

    async def endpoint(request: Request) -> Response:
        return await under_faults(
            service, lambda: act(request), lambda: PlainTextResponse("Internal Server Error", 500)
        )

    return Route(path, endpoint, methods=[method])


async def posted(request: Request) -> Row:
    try:
        return json_object(await request.body())
    except ValueError as error:
        raise WeChatError(47001) from error
