"""WeChat Pay v3 as a payment channel."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
import orjson
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from payments.port import (
    BankCard,
    ChannelPayment,
    ChannelRefund,
    CloseResult,
    Invocation,
    Notice,
    NoticeAnswer,
    PaymentError,
    PaymentState,
    Prepayment,
    PrepayRequest,
    RefundRequest,
    Statement,
    StatementNotReady,
    Way,
)
from payments.wechat_pay import statements, ways, wire
from payments.wechat_pay.line import Line, unreadable
from payments.wechat_pay.merchant import Merchant
from payments.wechat_pay.notices import read_notice

ORDERS, REFUNDS = "/v3/pay/transactions/out-trade-no", "/v3/refund/domestic/refunds"

# WeChat Pay spells some codes in two ways, with and without the underscore, from page to page.
UNKNOWN_ORDER = {"ORDER_NOT_EXIST", "ORDERNOTEXIST", "RESOURCE_NOT_EXISTS"}
PAID = {"ORDER_PAID", "ORDERPAID"}
CLOSED = {"ORDER_CLOSED", "ORDERCLOSED", "ORDER_REVERSED", "ORDERREVERSED"}

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
        self._merchant = merchant
        self._line = Line(
            http,
            base_url=base_url,
            merchant=merchant,
            public_keys=public_keys,
            clock=clock,
            nonce=nonce,
            timeout_s=timeout_s,
        )

    @property
    def mchid(self) -> str:
        """Our merchant number (商户号)."""
        return self._merchant.mchid

    @property
    def appid(self) -> str:
        """Our mini-program."""
        return self._merchant.appid

    @property
    def ways(self) -> Collection[Way]:
        """All but a computer's browser, for which WeChat Pay has no page: it scans a code."""
        return ways.WAYS

    async def prepay(self, request: PrepayRequest) -> Prepayment:
        """Announce a payment. Raises `ValueError`, with nothing sent, for what cannot be asked."""
        body = ways.announcement(request, self._merchant)
        answer = await self._line.ask("POST", ways.ANNOUNCED_AT[request.way], body)
        return _read(lambda told: self._prepayment(request, told), answer)

    async def charge(self, request: PrepayRequest, payer_code: str) -> ChannelPayment:
        """Take a payment with the payer's own code. Raises `ValueError` for what cannot be asked.

        While it is PENDING, ask for it every few seconds; WeChat advises to close it after 45.
        """
        body = ways.charge(request, payer_code, self._merchant)
        try:
            answer = await self._line.ask("POST", ways.CHARGED_AT, body, or_wait=True)
        except PaymentError as error:
            if error.code == "USERPAYING":
                return wire.pending(request, self._merchant)
            # A number that was used before says nothing of what became of it then, and another code wants
            # another number (付款码支付), so that asking again with this one never helps against a refusal.
            error.may_have_happened |= error.code in PAID | {"OUT_TRADE_NO_USED"}
            error.retryable &= error.code != "NOT_ENOUGH"
            raise
        if ways.payer_must_confirm(answer):
            return wire.pending(request, self._merchant)
        return self._payment(request.payment_no, answer)

    async def query(self, payment_no: str) -> ChannelPayment | None:
        """Ask for an order by our number; None when WeChat Pay never heard of it."""
        answer = await self._find(f"{ORDERS}/{quote(payment_no, safe='')}?mchid={self._merchant.mchid}")
        return None if answer is None else self._payment(payment_no, answer)

    async def close(self, payment_no: str, way: Way, expires_at: datetime) -> CloseResult:  # noqa: ARG002
        """Close an order; closing twice is as good as closing.

        One by the payer's code is reversed instead (撤销), which WeChat wants no earlier than 15 s after charging.
        """
        order, body = f"{ORDERS}/{quote(payment_no, safe='')}", {"mchid": self._merchant.mchid}
        if way is not Way.PAYER_CODE:
            return await self._end(f"{order}/close", body)
        payment = await self.query(payment_no)  # since reversing what was paid would give the money back
        if payment and payment.state in (PaymentState.SUCCEEDED, PaymentState.REFUNDED):
            return CloseResult.ALREADY_PAID
        if payment and payment.state is PaymentState.CLOSED:
            return CloseResult.CLOSED
        appid = payment.appid if payment else self._merchant.appid
        return await self._end(f"{order}/reverse", body | {"appid": appid})

    async def refund(self, request: RefundRequest) -> ChannelRefund:
        """Ask for money back; WeChat Pay works on it and sends a notice."""
        body = wire.refund_order(request, self._merchant)
        return self._refund(request.refund_no, await self._line.ask("POST", REFUNDS, body))

    async def query_refund(self, refund_no: str, payment_no: str) -> ChannelRefund | None:  # noqa: ARG002
        """Ask for a refund by our number; None when WeChat Pay never heard of it."""
        answer = await self._find(f"{REFUNDS}/{quote(refund_no, safe='')}")
        return None if answer is None else self._refund(refund_no, answer)

    async def redirect_refund(self, refund: ChannelRefund, card: BankCard | None) -> ChannelRefund:
        """Send an abnormal refund elsewhere (发起异常退款): to a debit card, or with None to our own account."""
        path = f"{REFUNDS}/{quote(refund.channel_refund_no, safe='')}/apply-abnormal-refund"
        if card is None:
            return self._refund(refund.refund_no, await self._line.ask("POST", path, wire.redirection(refund)))
        serial, key = await self._line.sealing_key()
        body = wire.redirection_to_card(refund, card, key)
        return self._refund(refund.refund_no, await self._line.ask("POST", path, body, sealed_for=serial))

    async def statement(self, day: date) -> Statement:
        """Fetch a day's statement (交易账单). WeChat begins at 9 the next morning and asks for patience until 10."""
        try:
            offer = await self._line.ask("GET", statements.path(day))
        except PaymentError as error:
            if error.code == "NO_STATEMENT_EXIST":
                return statements.nothing(day)
            if error.code == "STATEMENT_CREATING":
                raise StatementNotReady(f"WeChat Pay still writes the statement of {day}") from error
            raise
        try:
            url, sha1 = statements.read_offer(offer)
            file = await self._line.download(url, statements.MOST_PACKED)
            return await asyncio.to_thread(statements.read, file, sha1, day=day, mchid=self._merchant.mchid)
        except statements.BROKEN as problem:
            reason = f"of {day}: {problem!r}"
            raise PaymentError("STATEMENT_BROKEN", reason, may_have_happened=False, retryable=True) from problem

    async def parse_notice(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """Check and read a notice, from the bytes as they came in.

        Raises `NoticeRefused`; or `PaymentError` when its key had to be fetched and could not be: answer 5xx,
        and WeChat Pay sends it again.
        """
        await self._line.check(headers, body, now)
        return read_notice(body, self._merchant)

    def acknowledge(self) -> NoticeAnswer:
        """204 with nothing in it."""
        return NoticeAnswer(status=204)

    def refuse(self, status: int, why: str) -> NoticeAnswer:
        """This status, 4xx or 5xx, with the words that WeChat's document wants (支付成功回调通知)."""
        body = orjson.dumps({"code": "FAIL", "message": why})
        return NoticeAnswer(status=status, body=body, media_type="application/json")

    async def ask_for_echo(self) -> None:
        """The merchant's self-test, which moves no money: POST /v3/security/echo (pay.weixin.qq.com 4015139289).

        WeChat Pay checks our signature, signs its answer, and sends a notice to our notify_url. Raises
        `PaymentError` when either signature does not hold.
        """
        asked = {"echo_message": "hello", "notify_url": self._merchant.notify_url}
        await self._line.ask("POST", "/v3/security/echo", asked)

    def _prepayment(self, request: PrepayRequest, told: Mapping[str, Any]) -> Prepayment:
        if request.way is Way.CODE:
            return Prepayment(reference="", invocation=Invocation(code=wire.text(told["code_url"])))
        if request.way is Way.MOBILE_WEB:
            url = ways.browser_url(wire.text(told["h5_url"]), request.return_url)
            return Prepayment(reference="", invocation=Invocation(url=url))
        prepay_id = wire.text(told["prepay_id"])
        parameters = ways.parameters(
            prepay_id,
            appid=request.appid,
            private_key=self._merchant.private_key,
            timestamp=self._line.timestamp(),
            nonce=self._line.nonce(),
        )
        return Prepayment(reference=prepay_id, invocation=Invocation(parameters=parameters))

    async def _find(self, path: str) -> dict[str, Any] | None:
        try:
            return await self._line.ask("GET", path)
        except PaymentError as error:
            if error.code in UNKNOWN_ORDER:
                return None
            raise

    async def _end(self, path: str, body: Mapping[str, str]) -> CloseResult:
        try:
            await self._line.ask("POST", path, body)
        except PaymentError as error:
            if error.code in PAID:
                return CloseResult.ALREADY_PAID
            if error.code in UNKNOWN_ORDER:
                return CloseResult.UNKNOWN
            if error.code not in CLOSED:
                raise
        return CloseResult.CLOSED

    def _payment(self, payment_no: str, answer: Mapping[str, Any]) -> ChannelPayment:
        payment = _read(wire.payment, answer)
        # A signature does not bind an answer to its question: an old answer about another order would hold too.
        ours = payment.mchid == self._merchant.mchid and payment.appid in self._merchant.appids
        if not ours or payment.payment_no != payment_no:
            raise unreadable(f"asked about {payment_no}, told about {payment.payment_no}")
        return payment

    def _refund(self, refund_no: str, answer: Mapping[str, Any]) -> ChannelRefund:
        refund = _read(lambda entry: wire.refund(entry, state=entry["status"]), answer)
        if refund.refund_no != refund_no:
            raise unreadable(f"asked about {refund_no}, told about {refund.refund_no}")
        return refund


def _read(reader: Callable[[Mapping[str, Any]], T], answer: Mapping[str, Any]) -> T:
    try:
        return reader(answer)
    except (AttributeError, KeyError, TypeError, ValueError) as problem:
        raise unreadable(repr(problem)) from problem
