"""An abnormal refund is sent elsewhere (发起异常退款), and nobody but WeChat Pay learns the card."""

import base64
import json
import logging
import traceback
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from payments.port import BankCard, ChannelRefund, PaymentError, RefundState
from payments.wechat_pay import WeChatPay
from tests.payments.conftest import Clock
from tests.payments.wechat_pay_platform import PUBLIC_KEY_ID, Certificate, Signer, Wire, refund

REDIRECTION = "/v3/refund/domestic/refunds/50200207182018070300011301001/apply-abnormal-refund"
CERTIFICATES = "/v3/certificates"
CARD = BankCard(bank_type="ICBC_DEBIT", number="6222020402012345678", holder="欧阳小明")
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
Answer = Callable[..., None]


def taken_in(**changed: str) -> dict[str, object]:
    entry = refund(status="PROCESSING") | changed
    del entry["refund_status"], entry["mchid"], entry["success_time"]
    return entry


def opened(signer: Signer, sealed: str) -> str:
    scheme = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)
    return signer.private_key.decrypt(base64.b64decode(sealed), scheme).decode()


async def test_the_card_is_sealed_for_wechat_pays_public_key(
    pay: WeChatPay, wire: Wire, answer: Answer, public_key: Signer
) -> None:
    answer(REDIRECTION, taken_in())
    told = await pay.redirect_refund(ABNORMAL, CARD)
    assert (told.refund_no, told.state) == ("R20261120000001", RefundState.PROCESSING)
    (request,) = wire.requests
    body = json.loads(request.content)
    assert request.headers["Wechatpay-Serial"] == PUBLIC_KEY_ID
    assert opened(public_key, body.pop("bank_account")) == CARD.number
    assert opened(public_key, body.pop("real_name")) == CARD.holder
    assert body == {"out_refund_no": "R20261120000001", "type": "USER_BANK_CARD", "bank_type": "ICBC_DEBIT"}


async def test_without_a_public_key_it_is_sealed_for_the_newest_certificate_fetched_if_need_be(
    certificates_only: WeChatPay, wire: Wire, answer: Answer, clock: Clock, list_certificates: Callable[..., None]
) -> None:
    older, newest = Certificate(clock() - timedelta(days=30)), Certificate(clock())
    future = Certificate(clock() + timedelta(days=30))
    list_certificates(newest, older, future)
    answer(REDIRECTION, taken_in(), signer=newest)
    await certificates_only.redirect_refund(ABNORMAL, CARD)
    request = wire.asked(REDIRECTION)[0]
    assert request.headers["Wechatpay-Serial"] == newest.serial
    assert opened(newest, json.loads(request.content)["bank_account"]) == CARD.number
    await certificates_only.redirect_refund(ABNORMAL, CARD)
    assert len(wire.asked(CERTIFICATES)) == 1


@pytest.mark.parametrize("listed", [httpx.Response(503), httpx.Response(200, content=b'{"data": []}')])
async def test_without_any_key_nothing_is_sent(
    certificates_only: WeChatPay, wire: Wire, listed: httpx.Response
) -> None:
    wire.answers[CERTIFICATES] = lambda: listed
    with pytest.raises(PaymentError) as failure:
        await certificates_only.redirect_refund(ABNORMAL, CARD)
    error = failure.value
    assert (error.code, error.may_have_happened, error.retryable) == ("NO_PLATFORM_KEY", False, True)
    assert wire.asked(REDIRECTION) == []


async def test_without_a_card_it_comes_back_to_our_own_account(pay: WeChatPay, wire: Wire, answer: Answer) -> None:
    answer(REDIRECTION, taken_in())
    await pay.redirect_refund(ABNORMAL, None)
    assert json.loads(wire.requests[0].content) == {
        "out_refund_no": "R20261120000001",
        "type": "MERCHANT_BANK_CARD",
    }


async def test_an_answer_about_another_refund_is_not_believed(pay: WeChatPay, answer: Answer) -> None:
    answer(REDIRECTION, taken_in(out_refund_no="R20261120000009"))
    with pytest.raises(PaymentError, match="UNREADABLE_ANSWER"):
        await pay.redirect_refund(ABNORMAL, CARD)


def unreachable() -> httpx.Response:
    raise httpx.ReadError("connection reset")


@pytest.mark.parametrize(
    "reaction",
    [
        lambda: httpx.Response(
            400, json={"code": "PARAM_ERROR", "message": f"{CARD.number} 与 {CARD.holder} 不符"}
        ),
        lambda: httpx.Response(500, json={"code": "SYSTEM_ERROR", "message": CARD.number}),
        lambda: httpx.Response(200, json={"bank_account": CARD.number}),
        unreachable,
    ],
)
async def test_the_card_shows_in_no_error_and_no_log(
    pay: WeChatPay, wire: Wire, caplog: pytest.LogCaptureFixture, reaction: Callable[[], httpx.Response]
) -> None:
    caplog.set_level(logging.DEBUG)
    wire.answers[REDIRECTION] = reaction
    with pytest.raises(PaymentError) as failure:
        await pay.redirect_refund(ABNORMAL, CARD)
    shown = [repr(CARD), repr(failure.value), caplog.text, *traceback.format_exception(failure.value)]
    assert not any(secret in text for text in shown for secret in (CARD.number, CARD.holder))


async def test_a_name_too_long_to_seal_is_refused_without_quoting_it(pay: WeChatPay, wire: Wire) -> None:
    name = "欧阳" * 60
    with pytest.raises(ValueError, match="too long") as failure:
        await pay.redirect_refund(ABNORMAL, BankCard(bank_type="ICBC_DEBIT", number="6222", holder=name))
    assert name not in "".join(traceback.format_exception(failure.value))
    assert wire.requests == []
