"""What WeChat answers to the house. After developers.weixin.qq.com: always HTTP 200, the outcome in `errcode`."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from sandbox.service import Service, json_object, under_faults
from sandbox.store import Row
from sandbox.wechat import codes, messages, official, risk, tokens
from sandbox.wechat.errors import WeChatError

Handler = Callable[[Request], Awaitable[Row]]


@dataclass(frozen=True)
class Wire:
    service: Service
    secrets_of: dict[str, str]
    """Of each application, by its appid."""
    mini_program: str
    official_account: str

    def routes(self) -> list[Route]:
        return [
            self._route("GET", "/sns/jscode2session", self.sign_in),
            self._route("POST", "/cgi-bin/stable_token", self.stable_token),
            self._route("POST", "/wxa/business/getuserphonenumber", self.phone_number),
            self._route("POST", "/wxa/getuserriskrank", self.risk_rank),
            self._route("GET", "/sns/oauth2/access_token", self.page_token),
            self._route("GET", "/sns/userinfo", self.userinfo),
            self._route("POST", "/cgi-bin/message/subscribe/send", self.subscribe_message),
            self._route("POST", "/cgi-bin/message/template/send", self.template_message),
        ]

    async def sign_in(self, request: Request) -> Row:
        self._check_app(request, self.mini_program)
        code = request.query_params.get("js_code", "")
        return codes.sign_in(self.service.store, code, now=self.service.clock.now())

    async def stable_token(self, request: Request) -> Row:
        asked = await _posted(request)
        if asked.get("grant_type") != "client_credential":
            raise WeChatError(40002)
        appid = tokens.check_app(asked.get("appid"), asked.get("secret"), self.secrets_of)
        force = asked.get("force_refresh") is True
        return tokens.stable_token(self.service.store, appid, force=force, now=self.service.clock.now())

    async def phone_number(self, request: Request) -> Row:
        now = self.service.clock.now()
        self._check_token(request, self.mini_program)
        code = (await _posted(request)).get("code")
        return codes.phone_number(self.service.store, code, appid=self.mini_program, now=now)

    async def risk_rank(self, request: Request) -> Row:
        self._check_token(request, self.mini_program)
        asked, now = await _posted(request), self.service.clock.now()
        return risk.rank_of(self.service.store, asked, appid=self.mini_program, now=now)

    async def page_token(self, request: Request) -> Row:
        self._check_app(request, self.official_account)
        code = request.query_params.get("code", "")
        return official.exchange(self.service.store, code, now=self.service.clock.now())

    async def userinfo(self, request: Request) -> Row:
        query = request.query_params
        token, openid = query.get("access_token", ""), query.get("openid", "")
        return official.userinfo(self.service.store, token, openid, now=self.service.clock.now())

    async def subscribe_message(self, request: Request) -> Row:
        self._check_token(request, self.mini_program)
        return messages.subscribe(self.service.store, await _posted(request), now=self.service.clock.now())

    async def template_message(self, request: Request) -> Row:
        self._check_token(request, self.official_account)
        return messages.template(self.service.store, await _posted(request), now=self.service.clock.now())

    def _check_app(self, request: Request, appid: str) -> None:
        """Whoever exchanges a code is that application."""
        query = request.query_params
        tokens.check_app(query.get("appid"), query.get("secret"), {appid: self.secrets_of[appid]})
        if query.get("grant_type") != "authorization_code":
            raise WeChatError(40002)

    def _check_token(self, request: Request, appid: str) -> None:
        token = request.query_params.get("access_token", "")
        tokens.check_token(self.service.store, token, appid, now=self.service.clock.now())

    def _route(self, method: str, path: str, handler: Handler) -> Route:
        async def act(request: Request) -> Response:
            response = JSONResponse(await self._answer(handler, request))
            if path.startswith("/sns/"):
                response.headers["content-type"] = "text/plain"  # as the real jscode2session answers
            return response

        async def endpoint(request: Request) -> Response:
            return await under_faults(
                self.service, lambda: act(request), lambda: PlainTextResponse("Internal Server Error", 500)
            )

        return Route(path, endpoint, methods=[method])

    async def _answer(self, handler: Handler, request: Request) -> Row:
        try:
            if self.service.faults.is_on("busy"):
                raise WeChatError(-1)
            if self.service.faults.is_on("rate_limited"):
                raise WeChatError(45011)
            return await handler(request)
        except WeChatError as error:
            return error.answer(rid=secrets.token_hex(8))


async def _posted(request: Request) -> Row:
    try:
        return json_object(await request.body())
    except ValueError as error:
        raise WeChatError(47001) from error
