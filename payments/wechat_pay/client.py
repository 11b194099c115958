"""WeChat Pay v3 as a payment channel: JSAPI orders paid from the mini-program."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
import orjson
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from payments.port import (
    ChannelPayment,
    ChannelRefund,
    CloseResult,
    EchoNotice,
    NoticeRefused,
    PaymentError,
    PaymentNotice,
    Prepayment,
    PrepayRequest,
    RefundNotice,
    RefundRequest,
)
from payments.wechat_pay import wire
from payments.wechat_pay.certificates import KeyRing
from payments.wechat_pay.merchant import Merchant
from payments.wechat_pay.notices import read_notice
from payments.wechat_pay.signing import SCHEME, check_seal, read_seal, sign

CONNECT_TIMEOUT_S = 3.0

# WeChat Pay spells some codes in two ways, with and without the underscore, from page to page.
UNKNOWN_ORDER = {"ORDER_NOT_EXIST", "ORDERNOTEXIST", "RESOURCE_NOT_EXISTS"}
PAID = {"ORDER_PAID", "ORDERPAID"}
CLOSED = {"ORDER_CLOSED", "ORDERCLOSED"}
WAIT_AND_RETRY = {"USERPAYING", "NOT_ENOUGH"}  # the payer types the password; the account lacks money


T = TypeVar("T")


class WeChatPay:
    """A `PaymentChannel` over a given HTTP client.

    `public_keys` maps WeChat Pay public key ids (`PUB_KEY_ID_…`) to keys; empty for a merchant that only has
    platform certificates. `clock` gives aware UTC; `nonce` gives 16 to 32 unguessable letters or digits.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        base_url: str,
        merchant: Merchant,
        public_keys: Mapping[str, RSAPublicKey],
        clock: Callable[[], datetime],
        nonce: Callable[[], str],
        timeout_s: float = 10.0,
    ) -> None:
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._merchant = merchant
        self._preferred_key_id = next(iter(public_keys), None)
        self._clock = clock
        self._nonce = nonce
        self._timeout_s = timeout_s
        self._keys = KeyRing(
            public_keys=public_keys,
            apiv3_key=merchant.apiv3_key,
            fetch=lambda: self._send("GET", "/v3/certificates"),
        )

    async def prepay(self, request: PrepayRequest) -> Prepayment:
        """Announce a payment: POST /v3/pay/transactions/jsapi."""
        order = wire.jsapi_order(request, self._merchant)
        answer = await self._ask("POST", "/v3/pay/transactions/jsapi", order)
        prepay_id = answer.get("prepay_id")
        if not isinstance(prepay_id, str) or not prepay_id:
            raise _unreadable("no prepay_id")
        return Prepayment(prepay_id=prepay_id)

    def invocation(self, prepay_id: str) -> Mapping[str, str]:
        """Sign the parameters of `wx.requestPayment` (JSAPI 调起支付)."""
        appid, timestamp, nonce = self._merchant.appid, self._timestamp(), self._nonce()
        package = f"prepay_id={prepay_id}"
        return {
            "appId": appid,
            "timeStamp": timestamp,
            "nonceStr": nonce,
            "package": package,
            "signType": "RSA",
            "paySign": sign(self._merchant.private_key, appid, timestamp, nonce, package),
        }

    async def query(self, payment_no: str) -> ChannelPayment | None:
        """Ask for an order by our number; None when WeChat Pay never heard of it."""
        path = f"/v3/pay/transactions/out-trade-no/{quote(payment_no, safe='')}?mchid={self._merchant.mchid}"
        try:
            answer = await self._ask("GET", path)
        except PaymentError as error:
            if error.code in UNKNOWN_ORDER:
                return None
            raise
        payment = _read(wire.payment, answer)
        # A signature does not bind an answer to its question: an old answer about another order would hold too.
        ours = (payment_no, self._merchant.mchid, self._merchant.appid)
        if (payment.payment_no, payment.mchid, payment.appid) != ours:
            raise _unreadable(f"asked about {payment_no}, told about {payment.payment_no}")
        return payment

    async def close(self, payment_no: str) -> CloseResult:
        """Close an order; closing twice, or an order WeChat Pay never heard of, is as good as closing."""
        path = f"/v3/pay/transactions/out-trade-no/{quote(payment_no, safe='')}/close"
        try:
            await self._ask("POST", path, {"mchid": self._merchant.mchid})
        except PaymentError as error:
            if error.code in PAID:
                return CloseResult.ALREADY_PAID
            if error.code not in CLOSED | UNKNOWN_ORDER:
                raise
        return CloseResult.CLOSED

    async def refund(self, request: RefundRequest) -> ChannelRefund:
        """Ask for money back; WeChat Pay works on it and sends a notice."""
        body = wire.refund_order(request, self._merchant)
        return self._refund(request.refund_no, await self._ask("POST", "/v3/refund/domestic/refunds", body))

    async def query_refund(self, refund_no: str) -> ChannelRefund | None:
        """Ask for a refund by our number; None when WeChat Pay never heard of it."""
        try:
            answer = await self._ask("GET", f"/v3/refund/domestic/refunds/{quote(refund_no, safe='')}")
        except PaymentError as error:
            if error.code in UNKNOWN_ORDER:
                return None
            raise
        return self._refund(refund_no, answer)

    async def parse_notice(
        self, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> PaymentNotice | RefundNotice | EchoNotice:
        """Check and read a notice, from the bytes as they came in.

        Raises `NoticeRefused`; or `PaymentError` when its key had to be fetched and could not be: answer 5xx,
        and WeChat Pay sends it again.
        """
        await self._check(headers, body, now)
        return read_notice(body, self._merchant)

    async def ask_for_echo(self) -> None:
        """The merchant's self-test, which moves no money: POST /v3/security/echo (pay.weixin.qq.com 4015139289).

        WeChat Pay checks our signature, signs its answer, and sends a notice to our notify_url. Raises
        `PaymentError` when either signature does not hold.
        """
        asked = {"echo_message": "hello", "notify_url": self._merchant.notify_url}
        await self._ask("POST", "/v3/security/echo", asked)

    def _refund(self, refund_no: str, answer: Mapping[str, Any]) -> ChannelRefund:
        refund = _read(lambda entry: wire.refund(entry, state=entry["status"]), answer)
        if refund.refund_no != refund_no:
            raise _unreadable(f"asked about {refund_no}, told about {refund.refund_no}")
        return refund

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Send, and believe only a signed answer; a 204 gives an empty one.

        Once it was sent, whatever fails after that, fetching a key too, means that it may have happened.
        """
        answer = await self._send(method, path, body)
        try:
            await self._check(answer.headers, answer.content, self._clock())
            contents = orjson.loads(answer.content) if answer.content else {}
        except NoticeRefused as problem:
            raise _unreadable(f"{type(problem).__name__}: {problem}", code="FORGED_ANSWER") from problem
        except PaymentError as problem:
            raise _unreadable(str(problem), code="UNCHECKED_ANSWER") from problem
        except ValueError as problem:
            raise _unreadable(repr(problem)) from problem
        if not isinstance(contents, dict):
            raise _unreadable("the answer is no JSON object")
        return contents

    async def _check(self, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
        seal = read_seal(headers, now)
        check_seal(seal, body, await self._keys.find(seal.serial, now))

    async def _send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        """Send one signed request; give a 200 or 204, its seal not yet checked, or raise `PaymentError`."""
        request = self._compose(method, path, b"" if body is None else orjson.dumps(body))
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._http.send(request)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise PaymentError("UNREACHABLE", repr(error), may_have_happened=False, retryable=True) from error
        except (httpx.RequestError, TimeoutError) as error:
            raise PaymentError("NO_ANSWER", repr(error), may_have_happened=True, retryable=True) from error
        if answer.status_code not in (200, 204):
            raise _refusal(answer)
        return answer

    def _compose(self, method: str, path: str, body: bytes) -> httpx.Request:
        """Build a request and sign the very bytes that will be sent."""
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if self._preferred_key_id:  # asks for an answer signed with the public key, not with a certificate
            headers["Wechatpay-Serial"] = self._preferred_key_id
        request = self._http.build_request(
            method,
            self._base_url + path,
            content=body,
            headers=headers,
            timeout=httpx.Timeout(self._timeout_s, connect=CONNECT_TIMEOUT_S),
        )
        merchant, timestamp, nonce = self._merchant, self._timestamp(), self._nonce()
        signature = sign(merchant.private_key, method, request.url.raw_path, timestamp, nonce, body)
        request.headers["Authorization"] = (
            f'{SCHEME} mchid="{merchant.mchid}",nonce_str="{nonce}",timestamp="{timestamp}",'
            f'serial_no="{merchant.certificate_serial}",signature="{signature}"'
        )
        return request

    def _timestamp(self) -> str:
        return str(int(self._clock().timestamp()))


def _refusal(answer: httpx.Response) -> PaymentError:
    """Turn what is no success into an error. Only a clear 4xx says that nothing happened."""
    try:
        said = orjson.loads(answer.content)
        code, message = str(said["code"]), str(said["message"])
    except (KeyError, TypeError, ValueError):
        code, message = f"HTTP_{answer.status_code}", "an answer that is not WeChat Pay's"
    refused = 400 <= answer.status_code < 500
    retryable = not refused or answer.status_code == 429 or code in WAIT_AND_RETRY
    return PaymentError(code, message[:300], may_have_happened=not refused, retryable=retryable)


def _unreadable(message: str, *, code: str = "UNREADABLE_ANSWER") -> PaymentError:
    return PaymentError(code, message, may_have_happened=True, retryable=True)


def _read(reader: Callable[[Mapping[str, Any]], T], answer: Mapping[str, Any]) -> T:
    try:
        return reader(answer)
    except (AttributeError, KeyError, TypeError, ValueError) as problem:
        raise _unreadable(repr(problem)) from problem
