"""The mini-program's server side: who signs in, and the phone number they choose to give.

Source: WeChat mini-program server API (auth.code2Session, getStableAccessToken, getPhoneNumber).
"""

import re
from dataclasses import dataclass, field

import httpx

from wechat.calls import (
    LONGEST_CODE,
    Caller,
    StableToken,
    TokenStore,
    WeChatCodeRefused,
    WeChatError,
    WeChatRefused,
    WeChatUnavailable,
    text,
)

__all__ = [
    "MiniProgram",
    "TokenStore",
    "WeChatCodeRefused",
    "WeChatError",
    "WeChatPerson",
    "WeChatRefused",
    "WeChatUnavailable",
]

E164 = re.compile(r"\+[1-9][0-9]{5,14}")


@dataclass(frozen=True, slots=True, kw_only=True)
class WeChatPerson:
    """Who signed in. `unionid` may be absent; `session_key` is new each time and never leaves the server."""

    openid: str
    unionid: str | None
    session_key: str = field(repr=False)


class MiniProgram:
    """A client for one mini-program over a given HTTP client."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        base_url: str,
        appid: str,
        secret: str,
        tokens: TokenStore,
        timeout_s: float = 8.0,
    ) -> None:
        self.appid = appid
        self._secret = secret
        self._caller = Caller(http, base_url=base_url, timeout_s=timeout_s)
        self.token = StableToken(self._caller, appid=appid, secret=secret, tokens=tokens)

    async def code_to_session(self, code: str) -> WeChatPerson:
        """Exchange the code of `wx.login`, which works once, for the person's identity."""
        if len(code) > LONGEST_CODE:
            raise WeChatCodeRefused(0, "no code of WeChat's is that long", retryable=True)
        query = {
            "appid": self.appid,
            "secret": self._secret,
            "js_code": code,
            "grant_type": "authorization_code",
        }
        answer = await self._caller.ask("GET", "/sns/jscode2session", query)
        return WeChatPerson(
            openid=text(answer, "openid"),
            unionid=answer.get("unionid") or None,
            session_key=text(answer, "session_key"),
        )

    async def phone_number(self, code: str) -> str:
        """Exchange the code of `getPhoneNumber`, which works once, for a number like +8613800000000 (E.164)."""
        answer = await self.token.post("/wxa/business/getuserphonenumber", {"code": code})
        try:
            info = answer["phone_info"]
            ours = info["watermark"]["appid"] == self.appid
            number = f"+{info['countryCode']}{info['purePhoneNumber']}"  # countryCode may be a number
        except (KeyError, TypeError):
            ours = False
        if not ours or not E164.fullmatch(number):
            raise WeChatUnavailable(0, "the answer holds no phone number of this app", retryable=True)
        return number
