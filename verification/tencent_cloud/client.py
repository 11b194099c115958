"""One call to a service of Tencent Cloud: signed, bounded in time, its refusals told apart.

Source: Tencent Cloud API 3.0, 请求结构 and 返回结果: HTTP 200 always, the outcome in `Response`, a refusal in `Response.Error`.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson

from verification.port import NO_ANSWER, VerificationError
from verification.tencent_cloud.signing import authorization

CONNECT_TIMEOUT_S = 3.0
NOBODY_THERE = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
RETRYABLE = (
    "InternalError",
    "RequestLimitExceeded",
    "ResourceUnavailable",
    "FailedOperation.RequestLimitExceeded",
)
"""Codes that begin so are not about what we asked: the same may be asked again later."""


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """A key pair of the cloud's account."""

    secret_id: str
    secret_key: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Service:
    """A product of the cloud with its API's version; `regional` when it wants to know where."""

    name: str
    version: str
    regional: bool = False


class TencentCloud:
    """A client of one account over a given HTTP client. `clock` gives aware UTC."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        base_urls: Mapping[str, str],
        region: str,
        credentials: Credentials,
        clock: Callable[[], datetime],
        timeout_s: float = 8.0,
    ) -> None:
        """`base_urls`: of each service, by its name. `region`: for those that want one, such as ap-guangzhou."""
        self._http = http
        self._urls = {name: f"{url.rstrip('/')}/" for name, url in base_urls.items()}
        self._region = region
        self._credentials = credentials
        self._clock = clock
        self._timeout_s = timeout_s

    async def call(self, service: Service, action: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        """What `Response` holds. Raises VerificationError: with Tencent Cloud's code, or NO_ANSWER."""
        body, url = orjson.dumps(asked), self._urls[service.name]
        headers = self._headers(service, action, urlsplit(url).netloc, body)
        timeout = httpx.Timeout(self._timeout_s, connect=CONNECT_TIMEOUT_S)
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._http.post(url, content=body, headers=headers, timeout=timeout)
            given = orjson.loads(answer.content)["Response"]
        except (httpx.RequestError, TimeoutError, KeyError, TypeError, ValueError) as error:
            # `from None`: the request inside an httpx error holds a phone number, or somebody's name.
            unanswered = VerificationError(NO_ANSWER, type(error).__name__, retryable=True)
            unanswered.never_left = isinstance(error, NOBODY_THERE)
            raise unanswered from None
        if answer.status_code != 200 or not isinstance(given, dict):
            raise VerificationError(NO_ANSWER, f"HTTP {answer.status_code}", retryable=True)
        if "Error" in given:
            raise _refusal(given["Error"])
        return given

    def _headers(self, service: Service, action: str, host: str, body: bytes) -> Mapping[str, str]:
        at = self._clock()
        signed = {"Content-Type": "application/json; charset=utf-8", "Host": host, "X-TC-Action": action}
        told = {"X-TC-Version": service.version, "X-TC-Timestamp": str(int(at.timestamp()))}
        if service.regional:
            told["X-TC-Region"] = self._region
        told["Authorization"] = authorization(
            secret_id=self._credentials.secret_id,
            secret_key=self._credentials.secret_key,
            service=service.name,
            headers=signed,
            body=body,
            at=at,
        )
        return signed | told


def _refusal(error: object) -> VerificationError:
    """Only the code goes further: the message may repeat what we asked, and that is personal."""
    code = error.get("Code") if isinstance(error, dict) else None
    if not isinstance(code, str):
        return VerificationError(NO_ANSWER, "a refusal without a code", retryable=True)
    return VerificationError(code[:100], "Tencent Cloud refused", retryable=code.startswith(RETRYABLE))
