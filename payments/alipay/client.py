"""Alipay's gateway as a payment channel: pages on phones and computers, codes to scan on either side."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, TypeVar

import httpx

from payments.alipay import wire
from payments.alipay.app import App
from payments.alipay.notices import read_notice
from payments.alipay.people import CODE_INVALID, LONGEST_CODE, METHOD, AlipayCodeRefused
from payments.alipay.statements import broken, nothing_happened, read_statement
from payments.alipay.transport import Transport, unreadable
from payments.port import (
    BankCard,
    ChannelPayment,
    ChannelRefund,
    CloseResult,
    Invocation,
    NoticeAnswer,
    PaymentError,
    PaymentNotice,
    PaymentState,
    Prepayment,
    PrepayRequest,
    RefundHint,
    RefundRequest,
    RefundState,
    Statement,
    StatementNotReady,
    Way,
)

PAGES = {Way.MOBILE_WEB: "alipay.trade.wap.pay", Way.DESKTOP_WEB: "alipay.trade.page.pay"}
UNKNOWN_TRADE = "ACQ.TRADE_NOT_EXIST"
PAID = "ACQ.TRADE_HAS_SUCCESS"
# alipay.trade.close: what does not wait for its payer. Which of the words Alipay uses differs from page to page.
NOT_WAITING = {PAID, "ACQ.TRADE_HAS_CLOSE", "ACQ.TRADE_STATUS_ERROR", "ACQ.REASON_TRADE_STATUS_INVALID"}
WRITTEN_BY = time(9)  # "当日数据一般于次日 9 点前生成"

T = TypeVar("T")


class Alipay:
    """A `PaymentChannel` over a given HTTP client.

    `gateway_url` is https://openapi.alipay.com/gateway.do outside of tests; `clock` gives aware UTC.
    """

    ways = frozenset(wire.PRODUCT_CODES)

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        gateway_url: str,
        app: App,
        clock: Callable[[], datetime],
        timeout_s: float = 10.0,
    ) -> None:
        self._app = app
        self._clock = clock
        self._line = Transport(http, gateway_url=gateway_url, app=app, clock=clock, timeout_s=timeout_s)

    @property
    def mchid(self) -> str:
        return self._app.seller_id

    @property
    def appid(self) -> str:
        return self._app.app_id

    async def prepay(self, request: PrepayRequest) -> Prepayment:
        """Sign a page's address, which asks nobody; or have a code made: alipay.trade.precreate.

        Raises `ValueError` for other ways. No trade exists until the payer opens the one or scans the other.
        """
        if page := PAGES.get(request.way):
            url = self._line.page(page, wire.web_order(request), return_url=request.return_url)
            return Prepayment(reference="", invocation=Invocation(url=url))
        if request.way is not Way.CODE:
            raise ValueError(f"nobody is prepared to pay at Alipay by {request.way}")
        answer = await self._line.ask("alipay.trade.precreate", wire.order(request), notify=True)
        code = _read(lambda told: wire.text(told["qr_code"]), answer)
        return Prepayment(reference="", invocation=Invocation(code=code))

    async def charge(self, request: PrepayRequest, payer_code: str) -> ChannelPayment:
        """Take the payment with the payer's own code: alipay.trade.pay. After an unknown end, query."""
        if request.way is not Way.PAYER_CODE:
            raise ValueError(f"a payer's code is not scanned by {request.way}")
        try:
            answer = await self._line.ask("alipay.trade.pay", wire.desk_order(request, payer_code), notify=True)
        except PaymentError as refusal:
            if refusal.code == PAID:  # we asked before, and did not hear the answer
                if known := await self.query(request.payment_no):
                    return known
                refusal.may_have_happened = True
            raise
        return self._payment(request.payment_no, _read(lambda told: wire.charged(told, self._app), answer))

    async def query(self, payment_no: str) -> ChannelPayment | None:
        """Ask for a trade by our number: alipay.trade.query. None while there is none; there may be one yet."""
        try:
            answer = await self._line.ask("alipay.trade.query", {"out_trade_no": payment_no})
        except PaymentError as refusal:
            if refusal.code == UNKNOWN_TRADE:
                return None
            raise
        return self._payment(payment_no, _read(lambda told: wire.payment(told, self._app), answer))

    async def close(self, payment_no: str, way: Way, expires_at: datetime) -> CloseResult:
        """Close a trade: alipay.trade.close.

        "Never heard of it" does not mean that nobody can pay: a page or code that we handed out makes its trade
        when the payer opens it, until its time_expire. What Alipay documents of closing or cancelling before that
        is only that there is no trade; so until then this raises MAY_STILL_BE_PAID.
        """
        asked_at = self._clock()  # before asking: a trade can come to be while the answer is on its way
        if way is Way.PAYER_CODE:
            return await self._cancel(payment_no)
        try:
            await self._line.ask("alipay.trade.close", {"out_trade_no": payment_no})
        except PaymentError as refusal:
            if refusal.code == UNKNOWN_TRADE:
                if asked_at >= expires_at:
                    return CloseResult.CLOSED
                raise _may_still_be_paid(f"until {wire.beijing(expires_at)}") from refusal
            if refusal.code not in NOT_WAITING:
                raise
            known = await self.query(payment_no)
            if known is None or known.state is PaymentState.PENDING:
                raise _may_still_be_paid("it is neither closed nor paid") from refusal
            return CloseResult.CLOSED if known.state is PaymentState.CLOSED else CloseResult.ALREADY_PAID
        return CloseResult.CLOSED

    async def _cancel(self, payment_no: str) -> CloseResult:
        """End a desk's payment whose end is not known: alipay.trade.cancel, right after a query (避免单边账).

        Nothing that somebody could still open was handed out. Cancelling refunds what was paid since the query;
        that is closed too: nobody can pay it, and we have none of the money.
        """
        known = await self.query(payment_no)
        if known is not None and known.state is not PaymentState.PENDING:
            return CloseResult.CLOSED if known.state is PaymentState.CLOSED else CloseResult.ALREADY_PAID
        answer = await self._line.ask("alipay.trade.cancel", {"out_trade_no": payment_no})
        if answer.get("retry_flag") == "Y":
            raise PaymentError("CANCEL_UNFINISHED", "ask again", may_have_happened=True, retryable=True)
        return CloseResult.CLOSED

    async def refund(self, request: RefundRequest) -> ChannelRefund:
        """Ask for money back: alipay.trade.refund.

        Only fund_change=Y says that money moved. Repeating says N, as does a refund that is not done yet: then the
        question decides, and where that knows nothing so soon either, it is PROCESSING.
        """
        answer = await self._line.ask("alipay.trade.refund", wire.refund_order(request))
        moved = answer.get("fund_change") == "Y"
        if not moved and (known := await self.query_refund(request.refund_no, request.payment_no)):
            return known
        state = RefundState.SUCCESS if moved else RefundState.PROCESSING
        refund = _read(lambda told: wire.refund_of(request, told, state), answer)
        return self._refund(request.refund_no, request.payment_no, refund)

    async def query_refund(self, refund_no: str, payment_no: str) -> ChannelRefund | None:
        """Ask for a refund by our two numbers: alipay.trade.fastpay.refund.query.

        None when it was not received or failed: it may be asked for again under its number. Alipay wants 10
        seconds between a refund and this.
        """
        asked = {"out_trade_no": payment_no, "out_request_no": refund_no, "query_options": ["gmt_refund_pay"]}
        try:
            answer = await self._line.ask("alipay.trade.fastpay.refund.query", asked)
        except PaymentError as refusal:
            if refusal.code == UNKNOWN_TRADE:
                return None
            raise
        refund = _read(wire.refund, answer)
        return refund and self._refund(refund_no, payment_no, refund)

    async def redirect_refund(self, refund: ChannelRefund, card: BankCard | None) -> ChannelRefund:  # noqa: ARG002
        """Alipay gives money back to where it came from, or to the payer's balance; it asks us nothing."""
        raise PaymentError("UNSUPPORTED", "Alipay redirects no refunds", may_have_happened=False, retryable=False)

    async def person(self, auth_code: str) -> str:
        """Exchange a code for who came in by Alipay (`payments.alipay.people`)."""
        if not 0 < len(auth_code) <= LONGEST_CODE:
            raise AlipayCodeRefused
        try:
            answer = await self._line.ask_of_old(METHOD, {"grant_type": "authorization_code", "code": auth_code})
        except PaymentError as refusal:
            raise (AlipayCodeRefused() if refusal.code == CODE_INVALID else refusal) from None
        return _read(wire.person, answer)

    async def parse_notice(
        self,
        headers: Mapping[str, str],  # noqa: ARG002 - everything is in the body
        body: bytes,
        now: datetime,
    ) -> PaymentNotice | RefundHint:
        """Check and read a notice, from the bytes as they came in. Raises `NoticeRefused`."""
        return read_notice(body, self._app, lambda: self._app.trust.keys(None, now), now)

    def acknowledge(self) -> NoticeAnswer:
        return NoticeAnswer(status=200, body=b"success")

    def refuse(self, status: int, why: str) -> NoticeAnswer:  # noqa: ARG002 - Alipay reads no reasons
        return NoticeAnswer(status=status, body=b"failure")

    async def statement(self, day: date) -> Statement:
        """Fetch a day's statement: alipay.data.dataservice.bill.downloadurl.query, then its file within 30 s."""
        written_by = datetime.combine(day + timedelta(days=1), WRITTEN_BY, wire.BEIJING)
        asked = {"bill_type": "trade", "bill_date": day.isoformat(), "secure": "true"}  # secure: an https address
        try:
            answer = await self._line.ask("alipay.data.dataservice.bill.downloadurl.query", asked)
        except PaymentError as refusal:
            word = refusal.code.rpartition(".")[2].upper()  # older documents have isp.bill_not_exist
            if word == "BILL_NOT_EXIST" or (
                word in ("NO_BILL_DATA", "INVAILID_ARGUMENTS", "INVALID_ARGUMENTS") and self._clock() < written_by
            ):
                raise StatementNotReady(f"Alipay has no statement of {day} yet") from refusal
            if word == "NO_BILL_DATA":  # "商户在请求的账单时间内没有发生当前账单类型的业务"
                return nothing_happened(day)
            raise
        if answer.get("bill_file_code") == "EMPTY_DATA_WITH_BILL_FILE":
            return nothing_happened(day)
        try:
            packed = await self._line.download(_read(lambda told: wire.text(told["bill_download_url"]), answer))
        except ValueError as problem:
            raise broken(str(problem)) from problem
        return await asyncio.to_thread(read_statement, packed, day, self._app.seller_id)

    def _payment(self, payment_no: str, payment: ChannelPayment) -> ChannelPayment:
        # A signature does not bind an answer to its question: an old answer about another trade would hold too.
        if payment.payment_no != payment_no:
            raise unreadable(f"asked about {payment_no}, told about {payment.payment_no}")
        return payment

    def _refund(self, refund_no: str, payment_no: str, refund: ChannelRefund) -> ChannelRefund:
        if (refund.refund_no, refund.payment_no) != (refund_no, payment_no):
            raise unreadable(f"asked about {refund_no}, told about {refund.refund_no}")
        return refund


def _may_still_be_paid(message: str) -> PaymentError:
    return PaymentError("MAY_STILL_BE_PAID", message, may_have_happened=False, retryable=True)


def _read(reader: Callable[[Mapping[str, Any]], T], answer: Mapping[str, Any]) -> T:
    try:
        return reader(answer)
    except (AttributeError, KeyError, TypeError, ValueError) as problem:
        raise unreadable(repr(problem)) from problem
