"""What every call to WeChat's servers shares: bounded in time, its error codes told apart, one token for all processes.

Source: WeChat server API, 返回码 and getStableAccessToken.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any, Protocol

import httpx
import orjson

CONNECT_TIMEOUT_S = 3.0
TOKEN_MARGIN = timedelta(minutes=5)  # the old token and the new one overlap for 5 minutes
SHORTEST_TOKEN_LIFE = timedelta(minutes=1)

NOBODY_THERE = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
CODE_REFUSED = {40029, 40163, 41008}  # invalid, used, empty
BUSY = {-1, 45009, 45011}
TOKEN_REFUSED = {40001, 40014, 42001}
LONGEST_CODE = 512  # WeChat's have 32 characters; 64 KiB would make an address that cannot be asked


class TokenStore(Protocol):
    """Keeps the one access token of all our processes (512 characters or more)."""

    async def get(self) -> str | None:
        """Give the token, or None when there is none or its life is over."""
        ...

    async def set(self, token: str, life: timedelta) -> None:
        """Keep the token for so long."""
        ...

    def lock(self) -> AbstractAsyncContextManager[object]:
        """Let one process at a time refresh the token; must free itself when its holder dies."""
        ...


class WeChatError(Exception):
    """WeChat did not do what we asked. `errcode` is WeChat's, or 0 when it said none.

    `retryable`: the citizen may just try again. For a code that means a fresh one: each works once.
    """

    def __init__(self, errcode: int, message: str, *, retryable: bool) -> None:
        super().__init__(f"{errcode}: {message}")
        self.errcode = errcode
        self.retryable = retryable


class WeChatCodeRefused(WeChatError):
    """The login or phone code is wrong, used or too old."""


class WeChatUnavailable(WeChatError):
    """No answer, a broken one, or too many calls just now. `never_left`: nobody heard what we asked."""

    never_left = False


class WeChatRefused(WeChatError):
    """Anything else: our settings are wrong, or WeChat blocks this person; trying again does not help."""


class Caller:
    """Calls over a given HTTP client."""

    def __init__(self, http: httpx.AsyncClient, *, base_url: str, timeout_s: float = 8.0) -> None:
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._timeout_s = timeout_s

    async def ask(
        self, method: str, path: str, query: Mapping[str, str], body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The answer as WeChat gave it. Raises a WeChatError when it carries an errcode, or when there is none."""
        timeout = httpx.Timeout(self._timeout_s, connect=CONNECT_TIMEOUT_S)
        content = None if body is None else orjson.dumps(body)
        url = self._base_url + path
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._http.request(method, url, params=query, content=content, timeout=timeout)
            answer = orjson.loads(response.content)
        except (httpx.RequestError, TimeoutError, ValueError) as error:
            # `from None`: the request inside an httpx error carries our secret in its URL.
            unavailable = WeChatUnavailable(0, type(error).__name__, retryable=True)
            unavailable.never_left = isinstance(error, NOBODY_THERE)
            raise unavailable from None
        if response.status_code != 200 or not isinstance(answer, dict):
            raise WeChatUnavailable(0, f"HTTP {response.status_code}", retryable=True)
        if errcode := answer.get("errcode"):
            raise _refusal(errcode, str(answer.get("errmsg", "")))
        return answer


class StableToken:
    """The access token of one app, shared by all our processes."""

    def __init__(self, caller: Caller, *, appid: str, secret: str, tokens: TokenStore) -> None:
        self._caller = caller
        self._appid, self._secret = appid, secret
        self._tokens = tokens

    async def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Post with the token; once more with another one when WeChat refuses it."""
        token = await self._token()
        try:
            return await self._caller.ask("POST", path, {"access_token": token}, body)
        except WeChatError as error:
            if error.errcode not in TOKEN_REFUSED:
                raise
        # Another process may have refreshed it meanwhile: look there first. A forced refresh, of which
        # there are 20 a day, is never our reflex.
        return await self._caller.ask("POST", path, {"access_token": await self._token(refused=token)}, body)

    async def _token(self, *, refused: str | None = None) -> str:
        """Give the shared access token, other than the one WeChat just refused. Without one, what was to be posted has
        not left, whatever became of the question for the token."""
        try:
            return await self._shared_token(refused)
        except WeChatUnavailable as unavailable:
            unavailable.never_left = True
            raise

    async def _shared_token(self, refused: str | None) -> str:
        token = await self._tokens.get()
        if token and token != refused:
            return token
        async with self._tokens.lock():
            token = await self._tokens.get()
            if token and token != refused:
                return token
            body = {"grant_type": "client_credential", "appid": self._appid, "secret": self._secret}
            answer = await self._caller.ask("POST", "/cgi-bin/stable_token", {}, body)
            token, seconds = text(answer, "access_token"), answer.get("expires_in")
            if type(seconds) is not int:
                raise WeChatUnavailable(0, "the token has no life time", retryable=True)
            await self._tokens.set(token, max(timedelta(seconds=seconds) - TOKEN_MARGIN, SHORTEST_TOKEN_LIFE))
            return token


def text(answer: Mapping[str, Any], name: str) -> str:
    """A text that the answer must hold. Raises WeChatUnavailable."""
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise WeChatUnavailable(0, f"the answer holds no {name}", retryable=True)
    return value


def _refusal(errcode: object, message: str) -> WeChatError:
    number, message = errcode if type(errcode) is int else 0, message[:200]
    if number in CODE_REFUSED:
        return WeChatCodeRefused(number, message, retryable=True)
    if number in BUSY:
        return WeChatUnavailable(number, message, retryable=True)
    return WeChatRefused(number, message, retryable=False)


def _hide_query(record: logging.LogRecord) -> bool:
    """Cut the query off the URLs that httpx logs: WeChat wants our secret and tokens in it."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            arg.copy_with(query=None) if isinstance(arg, httpx.URL) else arg for arg in record.args
        )
    return True


logging.getLogger("httpx").addFilter(_hide_query)
