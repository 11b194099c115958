"""What people do on their phones, acted by whoever tries the house out: controls that the real WeChat doesn't have."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.clock import Clock
from sandbox.service import json_object, refuse_control
from sandbox.store import Row, Store
from sandbox.wechat import codes, messages, official, risk, tokens


@dataclass(frozen=True)
class Controls:
    """Each takes what was posted and says what became of it. Raises ValueError for what cannot be."""

    store: Store
    clock: Clock

    def routes(self) -> list[Route]:
        return [
            _route("/_sandbox/people", self.person),
            _route("/_sandbox/login-codes", lambda asked: self._code("login", asked)),
            _route("/_sandbox/phone-codes", lambda asked: self._code("phone", asked)),
            _route("/_sandbox/official-codes", self.official_code),
            _route("/_sandbox/subscriptions", self.grant),
            _route("/_sandbox/risk-ranks", self.tell_rank),
            _route("/_sandbox/follow", self.follow),
            _route("/_sandbox/revoke-access-tokens", self.revoke_tokens),
        ]

    def person(self, asked: Row) -> Row:
        given = [asked.get(name) for name in ("openid", "unionid", "phone")]
        if not all(value is None or (isinstance(value, str) and 0 < len(value) <= 64) for value in given):
            raise ValueError("openid, unionid and phone are texts of 1 to 64 characters")
        openid, unionid, phone = given
        if phone is not None and not re.fullmatch(r"\d{5,15}", phone):
            raise ValueError("phone is digits only")
        person = codes.keep_person(self.store, openid, unionid, phone, now=self._now)
        return person | {"official_openid": official.official_openid(self.store, person["openid"])}

    def official_code(self, asked: Row) -> Row:
        scope, snapshot = asked.get("scope", official.BASE), asked.get("snapshot") is True
        code = official.new_code(self.store, asked.get("openid"), scope, snapshot=snapshot, now=self._now)
        return {"code": code}

    def grant(self, asked: Row) -> Row:
        """A person allows one message, or several."""
        return messages.grant(self.store, asked.get("openid"), asked.get("template_id"), asked.get("times", 1))

    def follow(self, asked: Row) -> Row:
        follows = asked.get("follows") is True
        messages.follow(self.store, str(asked.get("openid")), follows=follows)
        return {"follows": follows}

    def tell_rank(self, asked: Row) -> Row:
        return risk.tell(self.store, asked.get("openid"), asked.get("risk_rank"))

    def revoke_tokens(self, _: Row) -> Row:
        tokens.revoke_all(self.store)
        return {"revoked": True}

    def _code(self, kind: str, asked: Row) -> Row:
        return {"code": codes.new_code(self.store, kind, asked.get("openid"), now=self._now)}

    @property
    def _now(self) -> datetime:
        return self.clock.now()


def _route(path: str, act: Callable[[Row], Row]) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            return JSONResponse(act(json_object(await request.body() or b"{}")))
        except ValueError as error:
            return refuse_control(str(error))

    return Route(path, endpoint, methods=["POST"])
