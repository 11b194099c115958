"""One question to the gateway and one answer from it, signed both ways.

The common parameters go in the query and biz_content in the body; all are signed together (opendocs.alipay.com,
自行实现签名).
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import httpx
import orjson

from payments.alipay import wire
from payments.alipay.app import App
from payments.alipay.envelope import Envelope, open_envelope
from payments.alipay.signing import SIGN_TYPE, sign, verify
from payments.alipay.statements import MOST_ZIP_BYTES, broken
from payments.port import NoticeKeyUnknown, PaymentError

CONNECT_TIMEOUT_S = 3.0
BILL_HOSTS = (".alipay.com", ".alipayobjects.com")

DONE = {"10000", "10003"}  # 10003: the payer must still confirm (支付处理中)
# 公共错误码: the gateway turned the question away before anything could have happened.
REFUSED = {"20001", "40001", "40002", "40003", "40005", "40006"}
GATEWAYS_OWN = (
    "isv.",
    "isp.",
    "aop.",
)  # and so not about any trade (ACQ.…), which only a signature may tell us of
# What passes by itself: too many calls, and an empty account of ours.
WAIT_AND_RETRY = {"40005", "ACQ.SELLER_BALANCE_NOT_ENOUGH", "SYSTEM_RATE_LIMIT", "USER_RATE_LIMIT"}
# 业务处理失败 all the same, yet nobody knows whether. Alipay's documents have the second one with this typing error.
UNKNOWN_END = {"ACQ.SYSTEM_ERROR", "AQC.SYSTEM_ERROR", "ACQ.UNKNOWN_ERROR", "UNKNOWN_ERROR", "isp.unknow-error"}


class Transport:
    """Sends what it signed and believes what Alipay signed. Every question may raise `PaymentError`."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        gateway_url: str,
        app: App,
        clock: Callable[[], datetime],
        timeout_s: float,
    ) -> None:
        self._http = http
        self._gateway = httpx.URL(gateway_url)
        self._app = app
        self._clock = clock
        self._timeout_s = timeout_s

    def page(self, method: str, content: Mapping[str, Any], *, return_url: str) -> str:
        """The signed address of a page, for the payer's browser."""
        signed = self._sign(method, biz_content(content), notify=True, return_url=return_url)
        return f"{self._gateway}?{urlencode(signed)}"

    async def ask(self, method: str, content: Mapping[str, Any], *, notify: bool = False) -> dict[str, Any]:
        """Ask, and give the contents of a signed answer that says 10000 or 10003."""
        contents = await self._ask(method, biz_content(content), notify=notify)
        if contents.get("code") not in DONE:
            raise refusal(contents)
        return contents

    async def ask_of_old(self, method: str, content: Mapping[str, str]) -> dict[str, Any]:
        """Ask in the way of the gateway's oldest methods, which know no biz_content: what is asked are parameters
        of their own, and an answer that is no refusal has no code."""
        contents = await self._ask(method, content)
        if contents.get("code") not in DONE | {None}:
            raise refusal(contents)
        return contents

    async def _ask(self, method: str, own: Mapping[str, str], *, notify: bool = False) -> dict[str, Any]:
        """The contents of an answer: a signed one, or a refusal to somebody unknown."""
        parameters = self._sign(method, own, notify=notify)
        body = {name: parameters.pop(name) for name in own}
        request = self._http.build_request(
            "POST", f"{self._gateway}?{urlencode(parameters)}", data=body, timeout=self._timeout()
        )
        answer = await self._send(request)
        try:
            envelope = open_envelope(answer, method)
        except ValueError as problem:
            raise unreadable(repr(problem)) from problem
        code, sub_code = envelope.contents.get("code"), str(envelope.contents.get("sub_code"))
        if not envelope.signature and code in REFUSED and sub_code.startswith(GATEWAYS_OWN):
            raise refusal(envelope.contents)  # who we are could not be made out, so there was nobody to sign for
        self._check(envelope)
        return envelope.contents

    async def download(self, url: str) -> bytes:
        """Fetch a statement from where Alipay says it lies. It is not signed, so the address must be Alipay's.

        Raises `ValueError` for another address.
        """
        try:
            place = httpx.URL(url)
        except httpx.InvalidURL as problem:
            raise ValueError("the address is none") from problem
        ours = (place.scheme, place.host, place.port) == (
            self._gateway.scheme,
            self._gateway.host,
            self._gateway.port,
        )
        if place.userinfo or not (ours or (place.scheme == "https" and place.host.endswith(BILL_HOSTS))):
            raise ValueError(f"{place.host!r} is no place for Alipay's statements")
        request = self._http.build_request("GET", place, timeout=self._timeout())
        try:
            async with asyncio.timeout(30):  # so long the address lives
                return await self._fetch(request)
        except (httpx.RequestError, TimeoutError) as error:
            raise PaymentError("NO_STATEMENT", repr(error), may_have_happened=False, retryable=True) from error

    async def _fetch(self, request: httpx.Request) -> bytes:
        answer = await self._http.send(request, stream=True, follow_redirects=False)
        try:
            if answer.status_code != 200:
                code = f"HTTP_{answer.status_code}"
                raise PaymentError(code, "no statement", may_have_happened=False, retryable=True)
            content = bytearray()
            async for chunk in answer.aiter_bytes():
                content += chunk
                if len(content) > MOST_ZIP_BYTES:
                    raise broken(f"the file has more than {MOST_ZIP_BYTES} bytes")
            return bytes(content)
        finally:
            await answer.aclose()

    def _sign(self, method: str, own: Mapping[str, str], *, notify: bool, return_url: str = "") -> dict[str, str]:
        parameters = {
            "app_id": self._app.app_id,
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": SIGN_TYPE,
            "timestamp": wire.beijing(self._clock()),
            "version": "1.0",
            "notify_url": self._app.notify_url if notify else "",
            "return_url": return_url,
            **own,
            **self._app.trust.parameters,
        }
        parameters = {name: text for name, text in parameters.items() if text}
        return parameters | {"sign": sign(self._app.private_key, parameters)}

    async def _send(self, request: httpx.Request) -> bytes:
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._http.send(request)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise PaymentError("UNREACHABLE", repr(error), may_have_happened=False, retryable=True) from error
        except (httpx.RequestError, TimeoutError) as error:
            raise PaymentError("NO_ANSWER", repr(error), may_have_happened=True, retryable=True) from error
        if answer.status_code != 200:  # never Alipay's own word, which always comes with 200
            refused, code = 400 <= answer.status_code < 500, f"HTTP_{answer.status_code}"
            retryable = not refused or answer.status_code == 429
            # whoever stands in between may have sent the request on, and only kept the answer
            raise PaymentError(code, "not Alipay's answer", may_have_happened=True, retryable=retryable)
        return answer.content

    def _check(self, envelope: Envelope) -> None:
        try:
            keys = self._app.trust.keys(envelope.certificate_serial or None, self._clock())
        except NoticeKeyUnknown as problem:
            raise unreadable(str(problem), code="UNKNOWN_CERTIFICATE") from problem
        if not verify(envelope.signed, envelope.signature, keys):
            raise unreadable("the signature is none of Alipay's", code="FORGED_ANSWER")

    def _timeout(self) -> httpx.Timeout:
        return httpx.Timeout(self._timeout_s, connect=CONNECT_TIMEOUT_S)


def biz_content(content: Mapping[str, Any]) -> dict[str, str]:
    return {"biz_content": orjson.dumps(content).decode()}


def refusal(contents: Mapping[str, Any]) -> PaymentError:
    """Turn an answer that is no success into an error, named by its sub_code where it has one.

    40004 is a clear no but for a few words; 20000 and a code we do not know are none.
    """
    code, sub_code = str(contents.get("code")), str(contents.get("sub_code") or "")
    clear = (code == "40004" or code in REFUSED) and sub_code not in UNKNOWN_END
    retryable = not clear or not WAIT_AND_RETRY.isdisjoint({code, sub_code})
    message = f"{code} {contents.get('sub_msg') or contents.get('msg')}"[:300]
    return PaymentError(sub_code or code, message, may_have_happened=not clear, retryable=retryable)


def unreadable(message: str, *, code: str = "UNREADABLE_ANSWER") -> PaymentError:
    return PaymentError(code, message, may_have_happened=True, retryable=True)
