"""The ways to pay: in WeChat, in a phone's browser, by a code that we show, by a code that the payer shows."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from payments.port import (
    CloseResult,
    Invocation,
    NoticeAnswer,
    PaymentChannel,
    PaymentError,
    PaymentNotice,
    PaymentState,
    PrepayRequest,
    Way,
)
from payments.wechat_pay import WeChatPay
from tests.payments.wechat_pay_platform import (
    APPID,
    MCHID,
    OFFICIAL_ACCOUNT_APPID,
    Signer,
    Wire,
    notice,
    order,
)

TRANSACTIONS = "/v3/pay/transactions"
ORDER = f"{TRANSACTIONS}/out-trade-no/P20261120000001"
H5_URL = "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=wx2016121516420242444321ca0631331346&package=1405458241"
PAYER_CODE = "134567890123456789"
EXPIRED = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
Answer = Callable[..., None]


@pytest.fixture
def desk_request(prepay_request: PrepayRequest) -> PrepayRequest:
    """A payment at a venue's desk."""
    return replace(prepay_request, way=Way.PAYER_CODE, payer="", venue="gaoxin-sports-centre")


def test_all_that_a_channel_must_do_is_there(pay: WeChatPay) -> None:
    channel: PaymentChannel = pay
    assert (channel.mchid, channel.appid) == (MCHID, APPID)
    assert set(channel.ways) == {Way.IN_APP, Way.MOBILE_WEB, Way.CODE, Way.PAYER_CODE}


@pytest.mark.parametrize(
    "changed",
    [
        {"appid": "wx0000000000000000"},
        {"appid": ""},
        {"payer": ""},
        {"way": Way.MOBILE_WEB, "payer_address": ""},
        {"way": Way.CODE, "appid": "wx0000000000000000"},
        {"way": Way.DESKTOP_WEB},
        {"way": Way.PAYER_CODE, "venue": "gaoxin"},
    ],
)
async def test_what_cannot_be_announced_is_refused_with_nothing_sent(
    pay: WeChatPay, wire: Wire, prepay_request: PrepayRequest, changed: dict[str, Any]
) -> None:
    with pytest.raises(ValueError):
        await pay.prepay(replace(prepay_request, **changed))
    assert wire.requests == []


@pytest.mark.parametrize(
    "changed", [{"appid": "wx0"}, {"venue": ""}, {"venue": "x" * 33}, {"way": Way.CODE}, {"way": Way.DESKTOP_WEB}]
)
async def test_what_cannot_be_charged_is_refused_with_nothing_sent(
    pay: WeChatPay, wire: Wire, desk_request: PrepayRequest, changed: dict[str, Any]
) -> None:
    with pytest.raises(ValueError):
        await pay.charge(replace(desk_request, **changed), PAYER_CODE)
    with pytest.raises(ValueError):
        await pay.charge(desk_request, "")
    assert wire.requests == []


async def test_a_payment_in_the_official_account_is_placed_and_signed_for_its_app(
    pay: WeChatPay, wire: Wire, answer: Answer, prepay_request: PrepayRequest, merchant_key: RSAPrivateKey
) -> None:
    answer(f"{TRANSACTIONS}/jsapi", {"prepay_id": "wx1"})
    prepayment = await pay.prepay(replace(prepay_request, appid=OFFICIAL_ACCOUNT_APPID))
    assert json.loads(wire.requests[0].content)["appid"] == OFFICIAL_ACCOUNT_APPID
    told = prepayment.invocation.parameters
    assert told is not None
    assert told["appId"] == OFFICIAL_ACCOUNT_APPID
    message = f"{told['appId']}\n{told['timeStamp']}\n{told['nonceStr']}\n{told['package']}\n".encode()
    signature = base64.b64decode(told["paySign"])
    merchant_key.public_key().verify(signature, message, padding.PKCS1v15(), hashes.SHA256())


async def test_a_browser_is_sent_to_wechat_and_told_where_to_come_back(
    pay: WeChatPay, wire: Wire, answer: Answer, prepay_request: PrepayRequest
) -> None:
    answer(f"{TRANSACTIONS}/h5", {"h5_url": H5_URL})
    request = replace(
        prepay_request,
        way=Way.MOBILE_WEB,
        payer="",
        payer_address="2001:db8::7",
        return_url="https://example.org/orders/7?from=支付&x=1",
    )
    prepayment = await pay.prepay(request)
    body = json.loads(wire.requests[0].content)
    assert body["scene_info"] == {"payer_client_ip": "2001:db8::7", "h5_info": {"type": "Wap"}}
    assert (body["time_expire"], "payer" in body) == ("2026-11-20T10:15:00+08:00", False)
    come_back = "https%3A%2F%2Fexample.org%2Forders%2F7%3Ffrom%3D%E6%94%AF%E4%BB%98%26x%3D1"
    assert prepayment.invocation == Invocation(url=f"{H5_URL}&redirect_url={come_back}")
    assert prepayment.reference == ""
    assert (await pay.prepay(replace(request, return_url=""))).invocation.url == H5_URL


async def test_a_code_is_given_to_show(
    pay: WeChatPay, wire: Wire, answer: Answer, prepay_request: PrepayRequest
) -> None:
    answer(f"{TRANSACTIONS}/native", {"code_url": "weixin://wxpay/bizpayurl?pr=p4lpSuKzz"})
    prepayment = await pay.prepay(replace(prepay_request, way=Way.CODE, payer=""))
    assert prepayment.invocation == Invocation(code="weixin://wxpay/bizpayurl?pr=p4lpSuKzz")
    assert prepayment.reference == ""
    assert "payer" not in json.loads(wire.requests[0].content)


@pytest.mark.parametrize(("way", "path"), [(Way.MOBILE_WEB, "h5"), (Way.CODE, "native")])
@pytest.mark.parametrize("contents", [{}, {"h5_url": "", "code_url": ""}, {"h5_url": 7, "code_url": None}])
async def test_an_announcement_answered_with_nonsense_is_an_error(
    pay: WeChatPay, answer: Answer, prepay_request: PrepayRequest, way: Way, path: str, contents: dict[str, Any]
) -> None:
    answer(f"{TRANSACTIONS}/{path}", contents)
    with pytest.raises(PaymentError, match="UNREADABLE_ANSWER"):
        await pay.prepay(replace(prepay_request, way=way, payer_address="192.0.2.7"))


async def test_a_payers_code_is_charged_at_once(
    pay: WeChatPay, wire: Wire, answer: Answer, desk_request: PrepayRequest
) -> None:
    answer(f"{TRANSACTIONS}/codepay", order(trade_type="MICROPAY"))
    payment = await pay.charge(desk_request, PAYER_CODE)
    assert (payment.state, payment.amount_fen) == (PaymentState.SUCCEEDED, 4500)
    assert json.loads(wire.requests[0].content) == {  # no time_expire, no notify_url: this way knows neither
        "appid": APPID,
        "mchid": MCHID,
        "description": "成都高新体育中心 羽毛球 2 号场",
        "out_trade_no": "P20261120000001",
        "amount": {"total": 4500, "currency": "CNY"},
        "payer": {"auth_code": PAYER_CODE},
        "scene_info": {"store_info": {"id": "gaoxin-sports-centre"}},
    }


@pytest.mark.parametrize(
    ("status", "contents"),
    [
        (202, {"trade_state": "USERPAYING"}),
        (202, {"code": "USERPAYING", "message": "需要用户输入支付密码"}),
        (200, order(trade_state="USERPAYING", trade_type="MICROPAY")),
        (400, {"code": "USERPAYING", "message": "需要用户输入支付密码"}),
        (403, {"code": "USERPAYING", "message": "需要用户输入支付密码"}),
    ],
)
async def test_while_the_payer_types_the_password_the_payment_is_pending(
    pay: WeChatPay, answer: Answer, desk_request: PrepayRequest, status: int, contents: dict[str, Any]
) -> None:
    answer(f"{TRANSACTIONS}/codepay", contents, status=status)
    payment = await pay.charge(desk_request, PAYER_CODE)
    assert (payment.payment_no, payment.state) == ("P20261120000001", PaymentState.PENDING)
    assert (payment.paid_at, payment.appid, payment.mchid) == (None, APPID, MCHID)


@pytest.mark.parametrize("contents", [{}, {"trade_state": "SUCCESS"}, {"trade_state": "WON"}])
async def test_a_charge_that_was_only_taken_in_is_not_read_as_more(
    pay: WeChatPay, answer: Answer, desk_request: PrepayRequest, contents: dict[str, Any]
) -> None:
    answer(f"{TRANSACTIONS}/codepay", contents, status=202)
    with pytest.raises(PaymentError) as failure:
        await pay.charge(desk_request, PAYER_CODE)
    assert failure.value.may_have_happened


@pytest.mark.parametrize(
    ("status", "code", "may_have_happened", "retryable"),
    [
        (400, "AUTH_CODE_INVALID", False, False),
        (403, "NOT_ENOUGH", False, False),  # the payer's, who needs another card, and so another number
        (400, "ORDER_CLOSED", False, False),
        (403, "OUT_TRADE_NO_USED", True, False),  # perhaps by us, when the answer was lost
        (400, "ORDERPAID", True, False),
        (400, "BANK_ERROR", True, True),
        (500, "SYSTEM_ERROR", True, True),
    ],
)
async def test_a_refused_charge_says_whether_money_may_have_moved(
    pay: WeChatPay,
    answer: Answer,
    desk_request: PrepayRequest,
    status: int,
    code: str,
    may_have_happened: bool,
    retryable: bool,
) -> None:
    answer(f"{TRANSACTIONS}/codepay", {"code": code, "message": "原因"}, status=status)
    with pytest.raises(PaymentError) as failure:
        await pay.charge(desk_request, PAYER_CODE)
    error = failure.value
    assert (error.code, error.may_have_happened, error.retryable) == (code, may_have_happened, retryable)


async def test_a_charge_without_an_answer_may_have_happened(
    pay: WeChatPay, wire: Wire, desk_request: PrepayRequest
) -> None:
    def silent() -> httpx.Response:
        raise httpx.ReadTimeout("no answer")

    wire.answers[f"{TRANSACTIONS}/codepay"] = silent
    with pytest.raises(PaymentError) as failure:
        await pay.charge(desk_request, PAYER_CODE)
    assert (failure.value.code, failure.value.may_have_happened) == ("NO_ANSWER", True)
    assert PAYER_CODE not in str(failure.value)


async def test_a_genuine_answer_about_another_charge_is_not_believed(
    pay: WeChatPay, answer: Answer, desk_request: PrepayRequest
) -> None:
    answer(f"{TRANSACTIONS}/codepay", order(out_trade_no="P20261120000002", trade_type="MICROPAY"))
    with pytest.raises(PaymentError, match="UNREADABLE_ANSWER"):
        await pay.charge(desk_request, PAYER_CODE)


@pytest.mark.parametrize("state", ["SUCCESS", "REFUND"])
async def test_what_was_paid_by_the_payers_code_is_never_reversed(
    pay: WeChatPay, wire: Wire, answer: Answer, state: str
) -> None:
    answer(ORDER, order(trade_state=state, trade_type="MICROPAY"))
    assert await pay.close("P20261120000001", Way.PAYER_CODE, EXPIRED) is CloseResult.ALREADY_PAID
    assert [request.method for request in wire.requests] == ["GET"]


@pytest.mark.parametrize("appid", [APPID, OFFICIAL_ACCOUNT_APPID])
@pytest.mark.parametrize("state", ["USERPAYING", "NOTPAY", "PAYERROR"])
async def test_an_unpaid_charge_is_reversed_in_its_own_app(
    pay: WeChatPay, wire: Wire, answer: Answer, state: str, appid: str
) -> None:
    answer(ORDER, {"trade_state": state, "appid": appid, "mchid": MCHID, "out_trade_no": "P20261120000001"})
    answer(f"{ORDER}/reverse", {"appid": appid, "mchid": MCHID, "out_trade_no": "P20261120000001"})
    assert await pay.close("P20261120000001", Way.PAYER_CODE, EXPIRED) is CloseResult.CLOSED
    assert json.loads(wire.asked(f"{ORDER}/reverse")[0].content) == {"appid": appid, "mchid": MCHID}


async def test_a_charge_reversed_before_is_closed_without_asking_again(
    pay: WeChatPay, wire: Wire, answer: Answer
) -> None:
    answer(ORDER, order(trade_state="REVOKED", trade_type="MICROPAY"))
    assert await pay.close("P20261120000001", Way.PAYER_CODE, EXPIRED) is CloseResult.CLOSED
    assert len(wire.requests) == 1


async def test_a_charge_that_may_be_on_its_way_is_reversed_although_unknown(
    pay: WeChatPay, wire: Wire, answer: Answer
) -> None:
    unknown = {"code": "ORDER_NOT_EXIST", "message": "订单不存在"}
    answer(ORDER, unknown, status=404)
    answer(f"{ORDER}/reverse", unknown, status=404)
    assert await pay.close("P20261120000001", Way.PAYER_CODE, EXPIRED) is CloseResult.UNKNOWN
    assert len(wire.asked(f"{ORDER}/reverse")) == 1


async def test_a_reversal_without_an_answer_is_an_error(pay: WeChatPay, wire: Wire, answer: Answer) -> None:
    answer(ORDER, order(trade_state="USERPAYING", trade_type="MICROPAY"))
    answer(f"{ORDER}/reverse", {"code": "SYSTEM_ERROR", "message": "系统错误"}, status=500)
    with pytest.raises(PaymentError) as failure:
        await pay.close("P20261120000001", Way.PAYER_CODE, EXPIRED)
    assert failure.value.retryable


@pytest.mark.parametrize("way", ["MWEB", "NATIVE", "MICROPAY"])
@pytest.mark.parametrize(
    ("payer", "told"),
    [({"payer": {"openid": "oAnybody"}}, "oAnybody"), ({"payer": {}}, None), ({"payer": None}, None)],
)
async def test_of_a_payment_that_anybody_may_make_the_payer_is_told_or_none(
    pay: WeChatPay, answer: Answer, way: str, payer: dict[str, Any], told: str | None
) -> None:
    answer(ORDER, order(trade_type=way, **payer))
    payment = await pay.query("P20261120000001")
    assert payment is not None
    assert (payment.state, payment.payer) == (PaymentState.SUCCEEDED, told)


@pytest.mark.parametrize("appid", [APPID, OFFICIAL_ACCOUNT_APPID])
async def test_notice_and_query_say_in_which_of_our_apps_it_was_paid(
    pay: WeChatPay, answer: Answer, public_key: Signer, now: datetime, appid: str
) -> None:
    body = notice(order(appid=appid))
    told = await pay.parse_notice(public_key.headers(body, now), body, now)
    assert isinstance(told, PaymentNotice)
    answer(ORDER, order(appid=appid))
    assert told.payment == await pay.query("P20261120000001")
    assert told.payment.appid == appid


def test_a_notice_is_acknowledged_with_nothing_and_refused_with_words(pay: WeChatPay) -> None:
    assert pay.acknowledge() == NoticeAnswer(status=204, body=b"")
    refusal = pay.refuse(503, '稍后再试 "x"')
    assert (refusal.status, refusal.media_type) == (503, "application/json")
    assert json.loads(refusal.body) == {"code": "FAIL", "message": '稍后再试 "x"'}
