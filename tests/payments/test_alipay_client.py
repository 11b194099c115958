"""What we send to Alipay's gateway, and how much of its answers we believe."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.alipay import Alipay
from payments.alipay.envelope import open_envelope
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
from tests.payments.alipay_platform import (
    APP_ID,
    GATEWAY,
    NOW,
    SELLER_ID,
    STRANGERS_KEY,
    Clock,
    Line,
    answer,
    channel,
    our_seal_holds,
    refused,
    trade,
)

QUERY, CLOSE, CANCEL = "alipay.trade.query", "alipay.trade.close", "alipay.trade.cancel"
PRECREATE, PAY = "alipay.trade.precreate", "alipay.trade.pay"
REFUND, REFUND_QUERY = "alipay.trade.refund", "alipay.trade.fastpay.refund.query"
NO = "P20261120000001"
ENDS = NOW + timedelta(minutes=15)
REFUND_REQUEST = RefundRequest(
    payment_no=NO, refund_no="R20261120000001", amount_fen=1500, payment_amount_fen=4500, reason="预订已取消"
)


def request(way: Way, **changed: Any) -> PrepayRequest:
    asked = PrepayRequest(
        payment_no=NO,
        description="成都高新体育中心 羽毛球 2 号场",
        amount_fen=4500,
        way=way,
        appid=APP_ID,
        expires_at=ENDS,
        return_url="https://example.org/orders/7?paid=maybe&x=/",
        venue="CD-GX-01",
    )
    return replace(asked, **changed)


def refunded(**changed: str) -> dict[str, str]:
    return {
        "out_trade_no": NO,
        "trade_no": "2026112022001434567012345678",
        "out_request_no": "R20261120000001",
        "total_amount": "45.00",
        "refund_amount": "15.00",
        "refund_status": "REFUND_SUCCESS",
        "gmt_refund_pay": "2026-11-20 10:05:00",
    } | changed


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def pay(line: Line) -> Alipay:
    return channel(line)


async def test_who_we_are_and_how_one_can_pay(pay: Alipay) -> None:
    assert (pay.mchid, pay.appid) == (SELLER_ID, APP_ID)
    assert pay.ways == {Way.MOBILE_WEB, Way.DESKTOP_WEB, Way.CODE, Way.PAYER_CODE}


@pytest.mark.parametrize(
    ("way", "method", "product_code"),
    [
        (Way.MOBILE_WEB, "alipay.trade.wap.pay", "QUICK_WAP_WAY"),
        (Way.DESKTOP_WEB, "alipay.trade.page.pay", "FAST_INSTANT_TRADE_PAY"),
    ],
)
async def test_a_pages_address_is_signed_and_asks_nobody(
    pay: Alipay, line: Line, way: Way, method: str, product_code: str
) -> None:
    prepayment = await pay.prepay(request(way))
    assert (prepayment.reference, prepayment.invocation.code, line.questions) == ("", None, [])
    url = prepayment.invocation.url
    assert url is not None
    assert url.startswith(f"{GATEWAY}?")
    parameters = dict(parse_qsl(urlsplit(url).query, strict_parsing=True))
    assert our_seal_holds(parameters)
    content = json.loads(parameters.pop("biz_content"))
    del parameters["sign"]
    assert parameters == {
        "app_id": APP_ID,
        "method": method,
        "format": "JSON",
        "charset": "utf-8",
        "sign_type": "RSA2",
        "timestamp": "2026-11-20 10:00:00",
        "version": "1.0",
        "notify_url": "https://example.org/payments/alipay/notices",
        "return_url": "https://example.org/orders/7?paid=maybe&x=/",
    }
    leaving = {"quit_url": "https://example.org/orders/7?paid=maybe&x=/"} if way is Way.MOBILE_WEB else {}
    assert content == leaving | {
        "out_trade_no": NO,
        "total_amount": "45.00",
        "subject": "成都高新体育中心 羽毛球 2 号场",
        "product_code": product_code,
        "time_expire": "2026-11-20 10:15:00",
    }


async def test_a_code_is_made_with_common_parameters_in_the_query_and_the_rest_in_the_body(
    pay: Alipay, line: Line
) -> None:
    line.says(PRECREATE, {"out_trade_no": NO, "qr_code": "https://qr.alipay.com/bax03431ljhokirwl38f00a7"})
    prepayment = await pay.prepay(request(Way.CODE))
    assert prepayment.invocation.code == "https://qr.alipay.com/bax03431ljhokirwl38f00a7"
    (question,) = line.questions
    assert our_seal_holds(question.parameters)
    assert question.parameters["notify_url"] == "https://example.org/payments/alipay/notices"
    assert "return_url" not in json.dumps(question.content) or "return_url" in question.parameters
    assert question.content["product_code"] == "FACE_TO_FACE_PAYMENT"
    assert question.content["time_expire"] == "2026-11-20 10:15:00"


async def test_a_desk_takes_the_payers_code(pay: Alipay, line: Line) -> None:
    told = trade(None, send_pay_date=None, gmt_payment="2026-11-20 10:00:01")  # type: ignore[arg-type]
    line.says(PAY, told)
    payment = await pay.charge(request(Way.PAYER_CODE), "281234567890123456")
    assert (payment.state, payment.amount_fen) == (PaymentState.SUCCEEDED, 4500)
    assert payment.paid_at == datetime(2026, 11, 20, 2, 0, 1, tzinfo=UTC)
    (question,) = line.questions
    assert question.content["auth_code"] == "281234567890123456"
    assert (question.content["scene"], question.content["store_id"]) == ("bar_code", "CD-GX-01")


async def test_a_payer_who_must_confirm_has_not_paid_yet(pay: Alipay, line: Line) -> None:
    line.says(PAY, {"code": "10003", "msg": " order success pay inprocess", "out_trade_no": NO})
    payment = await pay.charge(request(Way.PAYER_CODE), "281234567890123456")
    assert (payment.state, payment.amount_fen, payment.paid_at) == (PaymentState.PENDING, None, None)


async def test_a_charge_whose_first_answer_was_lost_is_asked_about(pay: Alipay, line: Line) -> None:
    line.says(PAY, refused("ACQ.TRADE_HAS_SUCCESS"))
    line.says(QUERY, trade())
    assert (await pay.charge(request(Way.PAYER_CODE), "281234567890123456")).state is PaymentState.SUCCEEDED
    line.says(QUERY, refused("ACQ.TRADE_NOT_EXIST"))  # which it says that it was, and cannot be found
    with pytest.raises(PaymentError) as failure:
        await pay.charge(request(Way.PAYER_CODE), "281234567890123456")
    assert failure.value.may_have_happened


@pytest.mark.parametrize("way", [Way.IN_APP, Way.PAYER_CODE])
async def test_other_ways_are_not_prepared(pay: Alipay, way: Way) -> None:
    with pytest.raises(ValueError):
        await pay.prepay(request(way))
    with pytest.raises(ValueError):
        await pay.charge(request(Way.CODE), "281234567890123456")


@pytest.mark.parametrize(
    ("status", "paid_at", "state"),
    [
        ("WAIT_BUYER_PAY", None, PaymentState.PENDING),
        ("TRADE_SUCCESS", "2026-11-20 09:59:56", PaymentState.SUCCEEDED),
        ("TRADE_FINISHED", "2026-11-20 09:59:56", PaymentState.SUCCEEDED),
        ("TRADE_CLOSED", None, PaymentState.CLOSED),
        ("TRADE_CLOSED", "2026-11-20 09:59:56", PaymentState.REFUNDED),
    ],
)
async def test_a_query_tells_in_our_words(
    pay: Alipay, line: Line, status: str, paid_at: str | None, state: PaymentState
) -> None:
    line.says(QUERY, trade(status, send_pay_date=paid_at))
    payment = await pay.query(NO)
    assert payment is not None
    assert (payment.state, payment.amount_fen, payment.appid, payment.mchid) == (state, 4500, APP_ID, SELLER_ID)
    assert payment.paid_at == (datetime(2026, 11, 20, 1, 59, 56, tzinfo=UTC) if paid_at else None)
    assert line.questions[0].content == {"out_trade_no": NO}


async def test_a_trade_alipay_never_heard_of_is_none(pay: Alipay, line: Line) -> None:
    line.says(QUERY, refused("ACQ.TRADE_NOT_EXIST"))
    assert await pay.query(NO) is None


def ask_everything(pay: Alipay) -> dict[str, Callable[[], Awaitable[object]]]:
    return {
        QUERY: lambda: pay.query(NO),
        CLOSE: lambda: pay.close(NO, Way.CODE, ENDS),
        PRECREATE: lambda: pay.prepay(request(Way.CODE)),
        PAY: lambda: pay.charge(request(Way.PAYER_CODE), "281234567890123456"),
        REFUND: lambda: pay.refund(REFUND_REQUEST),
        REFUND_QUERY: lambda: pay.query_refund("R20261120000001", NO),
    }


METHODS = [QUERY, CLOSE, PRECREATE, PAY, REFUND, REFUND_QUERY]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("key", [None, STRANGERS_KEY])
async def test_an_answer_that_alipay_did_not_sign_may_have_happened(
    pay: Alipay, line: Line, method: str, key: Any
) -> None:
    for told in (trade(), refused("ACQ.TRADE_NOT_EXIST"), refused("ACQ.TRADE_NOT_EXIST", "40002")):
        line.says(method, told, key=key)
        with pytest.raises(PaymentError) as failure:
            await ask_everything(pay)[method]()
        assert failure.value.code == "FORGED_ANSWER"
        assert failure.value.may_have_happened


async def test_the_gateways_own_refusal_may_be_unsigned_since_it_knew_nobody_to_sign_for(
    pay: Alipay, line: Line
) -> None:
    for node in ("", "error_response"):
        line.says(REFUND, refused("isv.invalid-signature", "40002"), key=None, node=node)
        with pytest.raises(PaymentError) as failure:
            await pay.refund(REFUND_REQUEST)
        assert (failure.value.code, failure.value.may_have_happened) == ("isv.invalid-signature", False)
        assert not failure.value.retryable


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("code", "sub_code", "may_have_happened", "retryable"),
    [
        ("20000", "isp.unknow-error", True, True),
        ("20001", "aop.invalid-app-auth-token", False, False),
        ("40001", "isv.missing-method", False, False),
        ("40002", "isv.invalid-signature", False, False),
        ("40004", "ACQ.SYSTEM_ERROR", True, True),
        ("40004", "AQC.SYSTEM_ERROR", True, True),
        ("40004", "ACQ.INVALID_PARAMETER", False, False),
        ("40004", "ACQ.SELLER_BALANCE_NOT_ENOUGH", False, True),
        ("40005", "isv.call-limited", False, True),
        ("40006", "isv.insufficient-isv-permissions", False, False),
        ("50000", "isp.something-new", True, True),
    ],
)
async def test_every_code_says_whether_it_may_have_happened_and_may_be_asked_again(
    pay: Alipay, line: Line, method: str, code: str, sub_code: str, may_have_happened: bool, retryable: bool
) -> None:
    line.says(method, refused(sub_code, code))
    with pytest.raises(PaymentError) as failure:
        await ask_everything(pay)[method]()
    assert failure.value.code == sub_code
    assert (failure.value.may_have_happened, failure.value.retryable) == (may_have_happened, retryable)


@pytest.mark.parametrize(
    ("problem", "code", "may_have_happened", "retryable"),
    [
        (httpx.ConnectError("no route"), "UNREACHABLE", False, True),
        (httpx.ReadTimeout("slow"), "NO_ANSWER", True, True),
        (httpx.RemoteProtocolError("cut off"), "NO_ANSWER", True, True),
        (httpx.Response(500, content=b"<html>"), "HTTP_500", True, True),
        (httpx.Response(404, content=b"<html>"), "HTTP_404", True, False),
        (httpx.Response(429), "HTTP_429", True, True),
        (httpx.Response(302, headers={"Location": "https://elsewhere"}), "HTTP_302", True, True),
        (httpx.Response(200, content=b"<html>"), "UNREADABLE_ANSWER", True, True),
        (httpx.Response(200, content=b"{}"), "UNREADABLE_ANSWER", True, True),
        (httpx.Response(200, content=answer(CLOSE, {})), "UNREADABLE_ANSWER", True, True),
        (httpx.Response(200, content=answer(REFUND, '"encrypted"')), "UNREADABLE_ANSWER", True, True),
        (httpx.Response(200, content=answer(REFUND, {})), "UNREADABLE_ANSWER", True, True),
    ],
)
async def test_what_goes_wrong_on_the_line(
    pay: Alipay,
    line: Line,
    problem: Exception | httpx.Response,
    code: str,
    may_have_happened: bool,
    retryable: bool,
) -> None:
    def fail() -> httpx.Response:
        if isinstance(problem, Exception):
            raise problem
        return problem

    line.answers[REFUND] = fail
    line.says(REFUND_QUERY, {})
    with pytest.raises(PaymentError) as failure:
        await pay.refund(REFUND_REQUEST)
    assert failure.value.code == code
    assert (failure.value.may_have_happened, failure.value.retryable) == (may_have_happened, retryable)


async def test_an_answer_that_never_comes_ends_in_time() -> None:
    async def wait(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(60)
        raise AssertionError

    line = Line()
    line.http = httpx.AsyncClient(transport=httpx.MockTransport(wait))
    slow = Alipay(line.http, gateway_url=GATEWAY, app=channel(line)._app, clock=lambda: NOW, timeout_s=0.05)
    with pytest.raises(PaymentError, match="NO_ANSWER"):
        await slow.query(NO)


@pytest.mark.parametrize(
    "changed", [{"out_trade_no": "P2"}, {"trans_currency": "USD"}, {"total_amount": "45.001"}]
)
@pytest.mark.parametrize("method", [QUERY, PAY])
async def test_a_genuine_answer_about_something_else_is_not_believed(
    pay: Alipay, line: Line, method: str, changed: dict[str, str]
) -> None:
    line.says(method, trade(**changed))
    with pytest.raises(PaymentError) as failure:
        await ask_everything(pay)[method]()
    assert (failure.value.code, failure.value.may_have_happened) == ("UNREADABLE_ANSWER", True)


@pytest.mark.parametrize("way", [Way.MOBILE_WEB, Way.DESKTOP_WEB, Way.CODE])
async def test_a_trade_that_waits_for_its_payer_is_closed(pay: Alipay, line: Line, way: Way) -> None:
    line.says(CLOSE, {"out_trade_no": NO})
    assert await pay.close(NO, way, ENDS) is CloseResult.CLOSED
    assert [question.method for question in line.questions] == [CLOSE]


@pytest.mark.parametrize("way", [Way.MOBILE_WEB, Way.DESKTOP_WEB, Way.CODE])
async def test_a_page_that_nobody_opened_yet_may_still_be_opened_until_its_time_ends(line: Line, way: Way) -> None:
    clock = Clock()
    pay = channel(line, clock=clock)
    line.says(CLOSE, refused("ACQ.TRADE_NOT_EXIST"))
    clock.time = ENDS - timedelta(microseconds=1)
    with pytest.raises(PaymentError) as failure:
        await pay.close(NO, way, ENDS)
    assert failure.value.code == "MAY_STILL_BE_PAID"
    assert (failure.value.may_have_happened, failure.value.retryable) == (False, True)
    clock.time = ENDS
    assert await pay.close(NO, way, ENDS) is CloseResult.CLOSED


async def test_an_answer_that_took_until_after_the_end_tells_of_the_time_before_it(line: Line) -> None:
    clock = Clock(ENDS - timedelta(seconds=1))
    pay = channel(line, clock=clock)

    def slowly() -> httpx.Response:
        clock.time = ENDS + timedelta(seconds=1)
        return httpx.Response(200, content=answer(CLOSE, refused("ACQ.TRADE_NOT_EXIST")))

    line.answers[CLOSE] = slowly
    with pytest.raises(PaymentError, match="MAY_STILL_BE_PAID"):
        await pay.close(NO, Way.MOBILE_WEB, ENDS)


@pytest.mark.parametrize("word", ["TRADE_HAS_SUCCESS", "TRADE_STATUS_ERROR", "REASON_TRADE_STATUS_INVALID"])
@pytest.mark.parametrize(
    ("known", "result"),
    [
        (trade(), CloseResult.ALREADY_PAID),
        (trade("TRADE_FINISHED"), CloseResult.ALREADY_PAID),
        (trade("TRADE_CLOSED"), CloseResult.ALREADY_PAID),  # and refunded since
        (trade("TRADE_CLOSED", send_pay_date=None), CloseResult.CLOSED),
    ],
)
async def test_what_cannot_be_closed_is_asked_about(
    pay: Alipay, line: Line, word: str, known: dict[str, Any], result: CloseResult
) -> None:
    line.says(CLOSE, refused(f"ACQ.{word}"))
    line.says(QUERY, known)
    assert await pay.close(NO, Way.MOBILE_WEB, ENDS) is result


@pytest.mark.parametrize("known", [refused("ACQ.TRADE_NOT_EXIST"), trade("WAIT_BUYER_PAY", send_pay_date=None)])
async def test_what_is_neither_closed_nor_paid_is_not_closed(
    pay: Alipay, line: Line, known: dict[str, Any]
) -> None:
    line.says(CLOSE, refused("ACQ.TRADE_STATUS_ERROR"))
    line.says(QUERY, known)
    with pytest.raises(PaymentError, match="MAY_STILL_BE_PAID"):
        await pay.close(NO, Way.CODE, ENDS)


@pytest.mark.parametrize("known", [refused("ACQ.TRADE_NOT_EXIST"), trade("WAIT_BUYER_PAY", send_pay_date=None)])
@pytest.mark.parametrize("action", [{}, {"action": "close"}, {"action": "refund"}])
async def test_a_desks_payment_is_asked_about_and_then_cancelled(
    pay: Alipay, line: Line, known: dict[str, Any], action: dict[str, str]
) -> None:
    line.says(QUERY, known)
    line.says(CANCEL, {"out_trade_no": NO, "retry_flag": "N"} | action)
    assert await pay.close(NO, Way.PAYER_CODE, ENDS) is CloseResult.CLOSED
    assert [question.method for question in line.questions] == [QUERY, CANCEL]


async def test_a_desks_payment_that_was_paid_is_not_cancelled(pay: Alipay, line: Line) -> None:
    line.says(QUERY, trade())
    assert await pay.close(NO, Way.PAYER_CODE, ENDS) is CloseResult.ALREADY_PAID
    line.says(QUERY, trade("TRADE_CLOSED", send_pay_date=None))
    assert await pay.close(NO, Way.PAYER_CODE, ENDS) is CloseResult.CLOSED
    assert line.asked(CANCEL) == []


async def test_a_cancellation_that_alipay_did_not_finish_is_asked_for_again(pay: Alipay, line: Line) -> None:
    line.says(QUERY, trade("WAIT_BUYER_PAY", send_pay_date=None))
    line.says(CANCEL, {"out_trade_no": NO, "retry_flag": "Y"})
    with pytest.raises(PaymentError) as failure:
        await pay.close(NO, Way.PAYER_CODE, ENDS)
    assert (failure.value.may_have_happened, failure.value.retryable) == (True, True)


async def test_a_refund_is_done_when_the_money_has_moved(pay: Alipay, line: Line) -> None:
    told = refunded(fund_change="Y", refund_fee="40.00")  # the sum of all refunds of the trade
    line.says(REFUND, told)
    refund = await pay.refund(REFUND_REQUEST)
    assert (refund.state, refund.amount_fen, refund.payment_amount_fen) == (RefundState.SUCCESS, 1500, 4500)
    assert (refund.channel_refund_no, refund.channel_trade_no) == ("", "2026112022001434567012345678")
    assert refund.refunded_at == datetime(2026, 11, 20, 2, 5, tzinfo=UTC)
    assert line.questions[0].content == {
        "out_trade_no": NO,
        "out_request_no": "R20261120000001",
        "refund_amount": "15.00",
        "refund_reason": "预订已取消",
    }


@pytest.mark.parametrize("change", [{"fund_change": "N"}, {}])
async def test_a_refund_that_moved_no_money_now_is_asked_about(
    pay: Alipay, line: Line, change: dict[str, str]
) -> None:
    line.says(REFUND, {"out_trade_no": NO, "trade_no": "2026112022001434567012345678"} | change)
    line.says(REFUND_QUERY, refunded())
    assert (await pay.refund(REFUND_REQUEST)).state is RefundState.SUCCESS
    line.says(REFUND_QUERY, {})
    assert (await pay.refund(REFUND_REQUEST)).state is RefundState.PROCESSING


async def test_a_refund_is_asked_for_by_both_numbers(pay: Alipay, line: Line) -> None:
    line.says(REFUND_QUERY, refunded())
    refund = await pay.query_refund("R20261120000001", NO)
    assert isinstance(refund, ChannelRefund)
    assert (refund.state, refund.amount_fen, refund.payment_amount_fen) == (RefundState.SUCCESS, 1500, 4500)
    content = line.questions[0].content
    assert (content["out_trade_no"], content["out_request_no"]) == (NO, "R20261120000001")


@pytest.mark.parametrize(
    "told",
    [{}, {"out_trade_no": NO}, refused("ACQ.TRADE_NOT_EXIST"), refunded(refund_status="REFUND_FAIL")],
)
async def test_a_refund_that_was_not_received_or_failed_is_none(
    pay: Alipay, line: Line, told: dict[str, str]
) -> None:
    line.says(REFUND_QUERY, told)
    assert await pay.query_refund("R20261120000001", NO) is None


@pytest.mark.parametrize("status", ["", "REFUND_PROCESSING"])
async def test_only_the_word_success_is_success(pay: Alipay, line: Line, status: str) -> None:
    line.says(REFUND_QUERY, refunded(refund_status=status))
    refund = await pay.query_refund("R20261120000001", NO)
    assert refund is not None
    assert refund.state is RefundState.PROCESSING


async def test_a_genuine_answer_about_another_refund_is_not_believed(pay: Alipay, line: Line) -> None:
    line.says(REFUND_QUERY, refunded(out_request_no="R2"))
    with pytest.raises(PaymentError, match="UNREADABLE_ANSWER"):
        await pay.query_refund("R20261120000001", NO)


async def test_a_refund_cannot_be_redirected(pay: Alipay, line: Line) -> None:
    line.says(REFUND, refunded(fund_change="Y"))
    refund = await pay.refund(REFUND_REQUEST)
    with pytest.raises(PaymentError, match="UNSUPPORTED"):
        await pay.redirect_refund(refund, None)


awkward = st.text(alphabet=st.sampled_from('{}[]",:\\/ \t\n\u2028é中"sign'), max_size=20) | st.text(max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | awkward,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(awkward, inner, max_size=3),
    max_leaves=12,
)
space = st.text(alphabet=" \t\r\n", max_size=3)


@given(
    contents=st.dictionaries(awkward, values, max_size=4),
    others=st.dictionaries(st.text('xyz{}"\\', max_size=5), values, max_size=2),
    indent=st.none() | st.integers(0, 3),
    ascii_only=st.booleans(),
    spaces=st.lists(space, min_size=8, max_size=8),
    order=st.randoms(use_true_random=False),
)
def test_what_was_signed_is_cut_out_of_the_answer_to_the_byte(
    contents: dict[str, Any], others: dict[str, Any], indent: int | None, ascii_only: bool, spaces: Any, order: Any
) -> None:
    """Braces and quotes inside of texts, escaped slashes, any spaces, the signature before or after."""
    raw = json.dumps(contents, indent=indent, ensure_ascii=ascii_only).replace("/", "\\/")
    parts = [("alipay_trade_query_response", raw), ("sign", '"c2ln\\/bg=="')]
    parts += [(name, json.dumps(value)) for name, value in others.items()]
    order.shuffle(parts)
    a, b, c, d, e, f, g, h = spaces
    body = a + "{" + b + f"{c},{d}".join(f"{json.dumps(k)}{e}:{f}{v}" for k, v in parts) + g + "}" + h
    envelope = open_envelope(body.encode(), "alipay.trade.query")
    assert envelope.signed == raw.encode()
    assert envelope.contents == contents
    assert envelope.signature == "c2ln/bg=="


@given(st.binary(max_size=60) | st.text('{}[]":,\\ a1', max_size=40).map(str.encode))
def test_what_is_no_answer_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):
        open_envelope(body, "alipay.trade.query")


@pytest.mark.parametrize(
    "body",
    [
        '{"alipay_trade_query_response":{},"alipay_trade_query_response":{},"sign":"x"}',
        '{"alipay_trade_query_response":{},"sign":"x"} {}',
        '{"alipay_trade_query_response":{},"sign":1}',
        '{"alipay_trade_query_response":{"a":1},"sign":"x"',
        '{"alipay_trade_query_response":[{}],"sign":"x"}',
        '{"x":"\\"alipay_trade_query_response\\":{}","sign":"x"}',
        '{"x":{"alipay_trade_query_response":{}},"sign":"x"}',
    ],
)
def test_an_answer_that_could_be_read_in_two_ways_is_not_read(body: str) -> None:
    with pytest.raises(ValueError):
        open_envelope(body.encode(), "alipay.trade.query")
