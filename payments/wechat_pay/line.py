"""The line to WeChat Pay: requests that we sign, and answers that we believe only when WeChat Pay signed them."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from io import BytesIO
from typing import Any

import httpx
import orjson
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from payments.port import NoticeRefused, PaymentError
from payments.wechat_pay.certificates import KeyRing
from payments.wechat_pay.merchant import Merchant
from payments.wechat_pay.signing import SCHEME, check_seal, read_seal, sign

CONNECT_TIMEOUT_S = 3.0
DOWNLOAD_TIMEOUT_S = 120.0
REAL_HOSTS = ".mch.weixin.qq.com"

WAIT_AND_RETRY = {"USERPAYING", "NOT_ENOUGH"}  # the payer types the password; the account lacks money
NOT_KNOWN_YET = {"SYSTEM_ERROR", "SYSTEMERROR", "BANK_ERROR", "BANKERROR"}  # 支付结果未知, whatever the status


class Line:
    """One merchant's way to WeChat Pay. The arguments are those of `WeChatPay`."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        base_url: str,
        merchant: Merchant,
        public_keys: Mapping[str, RSAPublicKey],
        clock: Callable[[], datetime],
        nonce: Callable[[], str],
        timeout_s: float,
    ) -> None:
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._merchant = merchant
        self._preferred_key_id = next(iter(public_keys), "")
        self._clock = clock
        self._timeout_s = timeout_s
        self.nonce = nonce
        self._keys = KeyRing(
            public_keys=public_keys,
            apiv3_key=merchant.apiv3_key,
            fetch=lambda: self._send("GET", "/v3/certificates"),
        )

    def timestamp(self) -> str:
        """Now, in whole seconds, as WeChat Pay signs it."""
        return str(int(self._clock().timestamp()))

    async def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        sealed_for: str = "",
        or_wait: bool = False,
    ) -> dict[str, Any]:
        """Send, and believe only a signed answer; a 204 gives an empty one.

        Once it was sent, whatever fails after that, fetching a key too, means that it may have happened.
        `sealed_for` names the key for which fields of the body are sealed; errors then quote nothing. `or_wait`
        takes 202, taken in but not done yet, for an answer too.
        """
        answer = await self._send(method, path, body, sealed_for, or_wait=or_wait)
        try:
            await self.check(answer.headers, answer.content, self._clock())
            contents = orjson.loads(answer.content) if answer.content else {}
        except NoticeRefused as problem:
            raise unreadable(f"{type(problem).__name__}: {problem}", code="FORGED_ANSWER") from problem
        except PaymentError as problem:
            raise unreadable(str(problem), code="UNCHECKED_ANSWER") from problem
        except ValueError as problem:
            raise unreadable(repr(problem)) from problem
        if not isinstance(contents, dict):
            raise unreadable("the answer is no JSON object")
        return contents

    async def check(self, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
        """Make sure that WeChat Pay signed this; raise `NoticeRefused`, or `PaymentError` for want of its key."""
        seal = read_seal(headers, now)
        check_seal(seal, body, await self._keys.find(seal.serial, now))

    async def sealing_key(self) -> tuple[str, RSAPublicKey]:
        """The key to seal secrets for, with its name. Failing to get one, nothing can have happened yet."""
        try:
            return await self._keys.newest(self._clock())
        except (NoticeRefused, PaymentError) as problem:
            reason = f"{type(problem).__name__}: {problem}"
            raise PaymentError("NO_PLATFORM_KEY", reason, may_have_happened=False, retryable=True) from problem

    async def download(self, url: str, most_bytes: int) -> BytesIO:
        """Fetch a file whose hash a signed answer told: whoever calls must compare it.

        It is the only answer that we take without WeChat Pay's signature, since it has none (下载账单,
        pay.weixin.qq.com 4013071238: 无需验签). Raises `ValueError` when the address is not WeChat Pay's, to which
        alone we show our signature, or the file is larger than `most_bytes`.
        """
        try:
            address = httpx.URL(url.strip())
        except httpx.InvalidURL as problem:
            raise ValueError("the file has no address") from problem
        if not _same_house(address, httpx.URL(self._base_url)):
            raise ValueError("the file does not lie at WeChat Pay")
        request = self._compose("GET", address, b"", "")
        request.headers["Accept-Encoding"] = "identity"
        file = BytesIO()
        with _whether_it_arrived():
            async with asyncio.timeout(max(self._timeout_s, DOWNLOAD_TIMEOUT_S)):
                answer = await self._http.send(request, stream=True, follow_redirects=False)
                try:
                    async for piece in answer.aiter_raw():
                        file.write(piece)
                        if file.tell() > most_bytes:
                            raise ValueError("the file is larger than any that we expect")
                finally:
                    await answer.aclose()
        if answer.status_code != 200:  # the address lives 5 minutes; asking anew gives another
            error = _refusal(answer.status_code, file.getvalue())
            raise PaymentError(error.code, error.message, may_have_happened=False, retryable=True)
        return file

    async def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        sealed_for: str = "",
        *,
        or_wait: bool = False,
    ) -> httpx.Response:
        """Send one signed request; give the answer, its seal not yet checked, or raise `PaymentError`."""
        contents = b"" if body is None else orjson.dumps(body)
        request = self._compose(method, httpx.URL(self._base_url + path), contents, sealed_for)
        with _whether_it_arrived():
            async with asyncio.timeout(self._timeout_s):
                answer = await self._http.send(request, follow_redirects=False)
        if answer.status_code not in ((200, 202, 204) if or_wait else (200, 204)):
            raise _refusal(answer.status_code, answer.content, quote=not sealed_for)
        return answer

    def _compose(self, method: str, url: httpx.URL, body: bytes, sealed_for: str) -> httpx.Request:
        """Build a request and sign the very bytes that will be sent."""
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if key_id := sealed_for or self._preferred_key_id:  # also asks for an answer signed with that key
            headers["Wechatpay-Serial"] = key_id
        timeout = httpx.Timeout(self._timeout_s, connect=CONNECT_TIMEOUT_S)
        request = self._http.build_request(method, url, content=body, headers=headers, timeout=timeout)
        merchant, timestamp, nonce = self._merchant, self.timestamp(), self.nonce()
        signature = sign(merchant.private_key, method, request.url.raw_path, timestamp, nonce, body)
        request.headers["Authorization"] = (
            f'{SCHEME} mchid="{merchant.mchid}",nonce_str="{nonce}",timestamp="{timestamp}",'
            f'serial_no="{merchant.certificate_serial}",signature="{signature}"'
        )
        return request


def unreadable(message: str, *, code: str = "UNREADABLE_ANSWER") -> PaymentError:
    """An answer came, but not one that says what became of our request."""
    return PaymentError(code, message, may_have_happened=True, retryable=True)


@contextmanager
def _whether_it_arrived() -> Iterator[None]:
    """Tell a request that never left from one whose answer never came."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise PaymentError("UNREACHABLE", repr(error), may_have_happened=False, retryable=True) from error
    except (httpx.RequestError, TimeoutError) as error:
        raise PaymentError("NO_ANSWER", repr(error), may_have_happened=True, retryable=True) from error


def _refusal(status: int, body: bytes, *, quote: bool = True) -> PaymentError:
    """Turn what is no success into an error. Only a clear 4xx says that nothing happened, and only WeChat Pay's own:
    whoever stands in between may have sent the request on, and only kept the answer."""
    is_its_own = True
    try:
        said = orjson.loads(body)
        code, message = str(said["code"]), str(said["message"])
    except (KeyError, TypeError, ValueError):
        is_its_own, code, message = False, f"HTTP_{status}", "an answer that is not WeChat Pay's"
    refused = 400 <= status < 500 and code not in NOT_KNOWN_YET
    retryable = not refused or status == 429 or code in WAIT_AND_RETRY
    happened = not refused or not is_its_own
    told = message[:300] if quote else "withheld, it might quote what was sealed"
    return PaymentError(code, told, may_have_happened=happened, retryable=retryable)


def _same_house(url: httpx.URL, base: httpx.URL) -> bool:
    """Whether `url` is of the origin of `base` or, where that is the real WeChat Pay, of a neighbouring host."""
    if url.userinfo or url.scheme != base.scheme:
        return False
    same = (url.host, url.port) == (base.host, base.port)
    return same or (
        url.scheme == "https" and not url.port and url.host.endswith(REAL_HOSTS) and base.host.endswith(REAL_HOSTS)
    )
