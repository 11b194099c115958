"""What we send to WeChat Pay, and how much of its answers we believe."""

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from bff.embedded import own_port
from payments.port import (
    ChannelRefund,
    CloseResult,
    PaymentError,
    PaymentState,
    PrepayRequest,
    RefundRequest,
    RefundState,
    Way,
)
from payments.wechat_pay import Merchant, WeChatPay
from tests.payments.conftest import Clock
from tests.payments.wechat_pay_platform import (
    APPID,
    MCHID,
    MERCHANT_SERIAL,
    PUBLIC_KEY_ID,
    Certificate,
    Signer,
    Wire,
    order,
    refund,
)

ORDERS = "/v3/pay/transactions/jsapi"
ORDER = "/v3/pay/transactions/out-trade-no/P20261120000001"
REFUNDS = "/v3/refund/domestic/refunds"
REFUND_REQUEST = RefundRequest(
    payment_no="P20261120000001",
    refund_no="R20261120000001",
    amount_fen=1500,
    payment_amount_fen=4500,
    reason="预订已取消",
)
CODEPAY = "/v3/pay/transactions/codepay"
REDIRECTION = f"{REFUNDS}/50200207182018070300011301001/apply-abnormal-refund"
EXPIRED = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
Answer = Callable[..., None]


ABNORMAL = ChannelRefund(
    refund_no="R20261120000001",
    payment_no="P20261120000001",
    state=RefundState.ABNORMAL,
    amount_fen=1500,
    payment_amount_fen=4500,
    channel_refund_no="50200207182018070300011301001",
    channel_trade_no="1217752501201407033233368018",
    refunded_at=None,
)


def at_the_desk(request: PrepayRequest) -> PrepayRequest:
    return replace(request, way=Way.PAYER_CODE, payer="", venue="gaoxin")


def api_refund(**changed: Any) -> dict[str, Any]:
    """A refund as the API answers it: `status` instead of `refund_status`, and no mchid."""
    entry = refund(status="PROCESSING", **changed)
    del entry["refund_status"], entry["mchid"], entry["success_time"]
    return entry


async def test_a_prepayment_carries_the_order_as_wechat_pay_wants_it(
    pay: WeChatPay, wire: Wire, answer: Answer, prepay_request: PrepayRequest
) -> None:
    answer(ORDERS, {"prepay_id": "wx201410272009395522657a690389285100"})
    assert (await pay.prepay(prepay_request)).reference == "wx201410272009395522657a690389285100"
    (request,) = wire.requests
    assert (request.method, str(request.url)) == ("POST", "https://pay.example/v3/pay/transactions/jsapi")
    assert json.loads(request.content) == {
        "appid": APPID,
        "mchid": MCHID,
        "description": "成都高新体育中心 羽毛球 2 号场",
        "out_trade_no": "P20261120000001",
        "time_expire": "2026-11-20T10:15:00+08:00",
        "notify_url": "https://example.org/payments/wechat-pay/notices",
        "amount": {"total": 4500, "currency": "CNY"},
        "payer": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
    }
    assert request.headers["Wechatpay-Serial"] == PUBLIC_KEY_ID


@pytest.mark.parametrize("act", ["prepay", "query"])
async def test_the_signature_covers_the_very_bytes_that_are_sent(
    pay: WeChatPay,
    wire: Wire,
    answer: Answer,
    merchant_key: RSAPrivateKey,
    prepay_request: PrepayRequest,
    clock: Clock,
    act: str,
) -> None:
    answer(ORDERS, {"prepay_id": "wx1"})
    answer(ORDER, order())
    await (pay.prepay(prepay_request) if act == "prepay" else pay.query("P20261120000001"))
    (request,) = wire.requests
    scheme, _, rest = request.headers["Authorization"].partition(" ")
    assert scheme == "WECHATPAY2-SHA256-RSA2048"
    told = dict(re.findall(r'(\w+)="([^"]*)"', rest))
    assert set(told) == {"mchid", "nonce_str", "timestamp", "serial_no", "signature"}
    assert (told["mchid"], told["serial_no"]) == (MCHID, MERCHANT_SERIAL)
    assert told["timestamp"] == str(int(clock().timestamp()))
    target = {"prepay": f"POST\n{ORDERS}", "query": f"GET\n{ORDER}?mchid={MCHID}"}[act]
    message = f"{target}\n{told['timestamp']}\n{told['nonce_str']}\n".encode() + request.content + b"\n"
    signature = base64.b64decode(told["signature"])
    merchant_key.public_key().verify(signature, message, padding.PKCS1v15(), hashes.SHA256())


async def test_the_phone_gets_parameters_it_can_pay_with(
    pay: WeChatPay, answer: Answer, prepay_request: PrepayRequest, merchant_key: RSAPrivateKey, clock: Clock
) -> None:
    answer(ORDERS, {"prepay_id": "wx201410272009395522657a690389285100"})
    told = (await pay.prepay(prepay_request)).invocation.parameters
    assert told is not None
    stamp = str(int(clock().timestamp()))
    assert {name: text for name, text in told.items() if name != "paySign"} == {
        "appId": APPID,
        "timeStamp": stamp,
        "nonceStr": "593BEC0C930BF1AFEB40B4A08C8FB242",
        "package": "prepay_id=wx201410272009395522657a690389285100",
        "signType": "RSA",
    }
    message = (
        f"{APPID}\n{stamp}\n593BEC0C930BF1AFEB40B4A08C8FB242\nprepay_id=wx201410272009395522657a690389285100\n"
    )
    signature = base64.b64decode(told["paySign"])
    merchant_key.public_key().verify(signature, message.encode(), padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("NOTPAY", PaymentState.PENDING),
        ("USERPAYING", PaymentState.PENDING),
        ("PAYERROR", PaymentState.PENDING),
        ("CLOSED", PaymentState.CLOSED),
        ("REVOKED", PaymentState.CLOSED),
    ],
)
async def test_an_unpaid_order_may_lack_all_that_a_paid_one_has(
    pay: WeChatPay, answer: Answer, theirs: str, ours: PaymentState
) -> None:
    contents = order(trade_state=theirs, payer={})
    for name in ("transaction_id", "success_time", "amount", "bank_type"):
        del contents[name]
    answer(ORDER, contents)
    payment = await pay.query("P20261120000001")
    assert payment is not None
    assert payment.state is ours
    assert (payment.amount_fen, payment.channel_trade_no, payment.paid_at, payment.payer) == (None,) * 4


@pytest.mark.parametrize(
    ("theirs", "ours"), [("SUCCESS", PaymentState.SUCCEEDED), ("REFUND", PaymentState.REFUNDED)]
)
async def test_a_paid_order_is_read_whole(pay: WeChatPay, answer: Answer, theirs: str, ours: PaymentState) -> None:
    answer(ORDER, order(trade_state=theirs))
    payment = await pay.query("P20261120000001")
    assert payment is not None
    assert (payment.state, payment.amount_fen) == (ours, 4500)
    assert payment.channel_trade_no == "1217752501201407033233368018"


async def test_an_order_wechat_pay_never_heard_of_is_none(pay: WeChatPay, answer: Answer) -> None:
    answer(ORDER, {"code": "ORDER_NOT_EXIST", "message": "订单不存在"}, status=404)
    assert await pay.query("P20261120000001") is None


async def test_a_404_that_is_not_wechat_pays_does_not_mean_that_there_is_no_order(
    pay: WeChatPay, wire: Wire
) -> None:
    wire.answers[ORDER] = lambda: httpx.Response(404, content=b"<html>nginx</html>")
    with pytest.raises(PaymentError) as failure:
        await pay.query("P20261120000001")
    assert (failure.value.code, failure.value.may_have_happened) == ("HTTP_404", True)


@pytest.mark.parametrize(
    "contents", [order(out_trade_no="P20261120000002"), order(mchid="1900000110"), order(appid="wx0")]
)
async def test_a_genuine_answer_to_another_question_is_not_believed(
    pay: WeChatPay, answer: Answer, contents: dict[str, Any]
) -> None:
    answer(ORDER, contents)
    with pytest.raises(PaymentError) as failure:
        await pay.query("P20261120000001")
    assert failure.value.code == "UNREADABLE_ANSWER"


async def test_closing_is_confirmed_by_a_signed_empty_answer(pay: WeChatPay, wire: Wire, answer: Answer) -> None:
    answer(f"{ORDER}/close", status=204)
    assert await pay.close("P20261120000001", Way.IN_APP, EXPIRED) is CloseResult.CLOSED
    assert json.loads(wire.requests[0].content) == {"mchid": MCHID}


@pytest.mark.parametrize(
    ("status", "code", "result"),
    [
        (400, "ORDER_PAID", CloseResult.ALREADY_PAID),
        (400, "ORDERPAID", CloseResult.ALREADY_PAID),
        (400, "ORDER_CLOSED", CloseResult.CLOSED),
        (404, "ORDER_NOT_EXIST", CloseResult.UNKNOWN),
    ],
)
async def test_closing_says_whether_the_payer_was_faster(
    pay: WeChatPay, answer: Answer, status: int, code: str, result: CloseResult
) -> None:
    answer(f"{ORDER}/close", {"code": code, "message": ""}, status=status)
    assert await pay.close("P20261120000001", Way.IN_APP, EXPIRED) is result


async def test_an_order_that_is_being_paid_right_now_is_not_closed(pay: WeChatPay, answer: Answer) -> None:
    answer(f"{ORDER}/close", {"code": "USERPAYING", "message": "用户支付中"}, status=403)
    with pytest.raises(PaymentError) as failure:
        await pay.close("P20261120000001", Way.IN_APP, EXPIRED)
    assert failure.value.retryable


async def test_a_refund_is_asked_for_with_both_amounts(pay: WeChatPay, wire: Wire, answer: Answer) -> None:
    answer(REFUNDS, api_refund())
    told = await pay.refund(REFUND_REQUEST)
    assert json.loads(wire.requests[0].content) == {
        "out_trade_no": "P20261120000001",
        "out_refund_no": "R20261120000001",
        "reason": "预订已取消",
        "notify_url": "https://example.org/payments/wechat-pay/notices",
        "amount": {"refund": 1500, "total": 4500, "currency": "CNY"},
    }
    assert (told.state, told.amount_fen, told.payment_amount_fen) == (RefundState.PROCESSING, 1500, 4500)
    assert told.channel_refund_no == "50200207182018070300011301001"
    assert told.refunded_at is None


async def test_a_refund_is_found_by_our_number_or_is_none(pay: WeChatPay, answer: Answer) -> None:
    answer(f"{REFUNDS}/R20261120000001", api_refund())
    answer(f"{REFUNDS}/R20261120000002", {"code": "RESOURCE_NOT_EXISTS", "message": "退款单不存在"}, status=404)
    found = await pay.query_refund("R20261120000001", "P20261120000001")
    assert found is not None
    assert found.refund_no == "R20261120000001"
    assert await pay.query_refund("R20261120000002", "P20261120000001") is None


async def test_an_answer_about_another_refund_is_not_believed(pay: WeChatPay, answer: Answer) -> None:
    answer(REFUNDS, api_refund(out_refund_no="R20261120000009"))
    with pytest.raises(PaymentError) as failure:
        await pay.refund(REFUND_REQUEST)
    assert failure.value.may_have_happened


# How much of an answer is believed. Every act is asked, since each is one more way to lose money.

ACTS: dict[str, tuple[str, Callable[[WeChatPay, PrepayRequest], Awaitable[object]]]] = {
    "prepay": (ORDERS, lambda pay, request: pay.prepay(request)),
    "charge": (CODEPAY, lambda pay, request: pay.charge(at_the_desk(request), "134567890123456789")),
    "query": (ORDER, lambda pay, _: pay.query("P20261120000001")),
    "close": (f"{ORDER}/close", lambda pay, _: pay.close("P20261120000001", Way.IN_APP, EXPIRED)),
    "refund": (REFUNDS, lambda pay, _: pay.refund(REFUND_REQUEST)),
    "query_refund": (
        f"{REFUNDS}/R20261120000001",
        lambda pay, _: pay.query_refund("R20261120000001", "P20261120000001"),
    ),
    "redirect_refund": (REDIRECTION, lambda pay, _: pay.redirect_refund(ABNORMAL, None)),
}
GOOD = {
    "prepay": {"prepay_id": "wx1"},
    "charge": order(trade_type="MICROPAY"),
    "query": order(),
    "close": None,
    "refund": api_refund(),
    "query_refund": api_refund(),
    "redirect_refund": api_refund(),
}
every_act = pytest.mark.parametrize("act", ACTS)


@every_act
async def test_a_2xx_without_a_signature_is_forged(
    pay: WeChatPay, wire: Wire, prepay_request: PrepayRequest, act: str
) -> None:
    path, ask = ACTS[act]
    body = b"" if GOOD[act] is None else json.dumps(GOOD[act]).encode()
    wire.answers[path] = lambda: httpx.Response(200, content=body)
    with pytest.raises(PaymentError) as failure:
        await ask(pay, prepay_request)
    error = failure.value
    assert (error.code, error.may_have_happened, error.retryable) == ("FORGED_ANSWER", True, True)


@every_act
async def test_a_2xx_signed_by_a_stranger_is_forged(
    pay: WeChatPay, answer: Answer, stranger: Signer, prepay_request: PrepayRequest, act: str
) -> None:
    path, ask = ACTS[act]
    answer(path, GOOD[act], signer=stranger)
    with pytest.raises(PaymentError) as failure:
        await ask(pay, prepay_request)
    error = failure.value
    assert (error.code, error.may_have_happened, error.retryable) == ("FORGED_ANSWER", True, True)


async def test_an_old_answer_played_again_is_forged(
    pay: WeChatPay, answer: Answer, clock: Clock, prepay_request: PrepayRequest
) -> None:
    answer(ORDERS, {"prepay_id": "wx1"})
    clock.time += timedelta(seconds=301)
    with pytest.raises(PaymentError) as failure:
        await pay.prepay(prepay_request)
    assert failure.value.code == "FORGED_ANSWER"


async def test_a_probing_answer_is_not_believed_and_can_be_asked_again(
    pay: WeChatPay, wire: Wire, public_key: Signer, now: datetime, prepay_request: PrepayRequest
) -> None:
    body = b'{"prepay_id": "wx1"}'
    headers = public_key.headers(body, now, Signature="WECHATPAY/SIGNTEST/AAAA")
    wire.answers[ORDERS] = lambda: httpx.Response(200, content=body, headers=headers)
    with pytest.raises(PaymentError, match="NoticeProbe") as failure:
        await pay.prepay(prepay_request)
    assert failure.value.retryable


async def test_an_answer_signed_by_a_new_certificate_is_believed_after_one_download(
    pay: WeChatPay,
    answer: Answer,
    certificate: Certificate,
    list_certificates: Callable[..., None],
    wire: Wire,
    prepay_request: PrepayRequest,
) -> None:
    list_certificates(certificate)
    answer(ORDERS, {"prepay_id": "wx1"}, signer=certificate)
    assert (await pay.prepay(prepay_request)).reference == "wx1"
    assert [request.url.path for request in wire.requests] == [ORDERS, "/v3/certificates"]


async def test_a_merchant_without_public_key_asks_for_none(
    wire: Wire,
    merchant: Merchant,
    certificate: Certificate,
    answer: Answer,
    list_certificates: Callable[..., None],
    clock: Clock,
    prepay_request: PrepayRequest,
) -> None:
    pay = WeChatPay(
        wire.http,
        base_url="https://pay.example",
        merchant=merchant,
        public_keys={},
        clock=clock,
        nonce=lambda: "n" * 32,
    )
    list_certificates(certificate)
    answer(ORDERS, {"prepay_id": "wx1"}, signer=certificate)
    await pay.prepay(prepay_request)
    assert all("Wechatpay-Serial" not in request.headers for request in wire.requests)


async def test_money_may_have_moved_also_when_only_the_key_of_the_answer_could_not_be_fetched(
    pay: WeChatPay, answer: Answer, certificate: Certificate, wire: Wire
) -> None:
    def unreachable() -> httpx.Response:
        raise httpx.ConnectError("no route")

    wire.answers["/v3/certificates"] = unreachable
    answer(REFUNDS, api_refund(), signer=certificate)
    with pytest.raises(PaymentError) as failure:
        await pay.refund(REFUND_REQUEST)
    error = failure.value
    assert (error.code, error.may_have_happened, error.retryable) == ("UNCHECKED_ANSWER", True, True)


@every_act
@pytest.mark.parametrize("contents", [None, 1, "x", [], {}, {"amount": 1}, {"status": {}, "trade_state": []}])
async def test_genuine_nonsense_is_an_error_and_no_crash(
    pay: WeChatPay, answer: Answer, prepay_request: PrepayRequest, act: str, contents: Any
) -> None:
    path, ask = ACTS[act]
    answer(path, contents)
    if act == "close" and (contents is None or isinstance(contents, dict)):
        assert await ask(pay, prepay_request) is CloseResult.CLOSED
        return
    with pytest.raises(PaymentError) as failure:
        await ask(pay, prepay_request)
    assert (failure.value.code, failure.value.may_have_happened) == ("UNREADABLE_ANSWER", True)


@pytest.mark.parametrize(
    ("status", "code", "may_have_happened", "retryable"),
    [
        (400, "PARAM_ERROR", False, False),
        (401, "SIGN_ERROR", False, False),
        (403, "OUT_TRADE_NO_USED", False, False),
        (403, "NOT_ENOUGH", False, True),
        (429, "FREQUENCY_LIMITED", False, True),
        (500, "SYSTEM_ERROR", True, True),
        (502, "BAD_GATEWAY", True, True),
        (202, "ACCEPTED", True, True),
        (302, "FOUND", True, True),
    ],
)
async def test_a_refusal_says_whether_money_may_have_moved_and_whether_to_ask_again(
    pay: WeChatPay, answer: Answer, status: int, code: str, may_have_happened: bool, retryable: bool
) -> None:
    answer(REFUNDS, {"code": code, "message": "原因"}, status=status)
    with pytest.raises(PaymentError) as failure:
        await pay.refund(REFUND_REQUEST)
    error = failure.value
    assert (error.code, error.may_have_happened, error.retryable) == (code, may_have_happened, retryable)


@asynccontextmanager
async def server(answer: bytes | None) -> AsyncIterator[str]:
    """A real server that reads a request, answers these bytes and hangs up; None keeps the line open, silent."""
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer is None:
            await ended.wait()
        else:
            writer.write(answer)
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        ended.set()


def over_a_real_line(
    http: httpx.AsyncClient, base_url: str, merchant: Merchant, clock: Clock, *, timeout_s: float = 0.2
) -> WeChatPay:
    return WeChatPay(
        http,
        base_url=base_url,
        merchant=merchant,
        public_keys={},
        clock=clock,
        nonce=lambda: "n" * 32,
        timeout_s=timeout_s,
    )


@pytest.mark.parametrize(
    "answer", [None, b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"]
)
async def test_after_silence_or_half_an_answer_money_may_have_moved(
    merchant: Merchant, clock: Clock, answer: bytes | None
) -> None:
    async with server(answer) as base_url, httpx.AsyncClient(verify=False) as http:
        pay = over_a_real_line(http, base_url, merchant, clock)
        with pytest.raises(PaymentError) as failure:
            await pay.refund(REFUND_REQUEST)
    error = failure.value
    assert (error.code, error.may_have_happened, error.retryable) == ("NO_ANSWER", True, True)


async def test_when_nobody_listens_no_money_moved(merchant: Merchant, clock: Clock) -> None:
    async with httpx.AsyncClient(verify=False) as http:
        pay = over_a_real_line(http, f"http://127.0.0.1:{own_port()}", merchant, clock, timeout_s=20)
        with pytest.raises(PaymentError) as failure:
            await pay.refund(REFUND_REQUEST)
    error = failure.value
    assert (error.code, error.may_have_happened, error.retryable) == ("UNREACHABLE", False, True)


def test_secrets_do_not_show(merchant: Merchant) -> None:
    assert merchant.apiv3_key.decode() not in repr(merchant)
    assert "private_key" not in repr(merchant)


@pytest.mark.parametrize(
    "wrong",
    [
        {"apiv3_key": b"short"},
        {"notify_url": "https://example.org/notices?a=1"},
        {"notify_url": "https://example.org/" + "x" * 236},
    ],
)
def test_a_merchant_that_wechat_pay_would_refuse_is_refused_at_start(
    merchant: Merchant, wrong: dict[str, Any]
) -> None:
    with pytest.raises(ValueError):
        replace(merchant, **wrong)
