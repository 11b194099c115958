"""What a notice must have before we believe it (WeChat Pay documentation, 签名验证 and 支付成功回调通知)."""

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest

from payments.port import (
    NoticeForged,
    NoticeKeyUnknown,
    NoticeProbe,
    NoticeRefused,
    NoticeStale,
    NoticeUnreadable,
    PaymentError,
    PaymentNotice,
    PaymentState,
    RefundNotice,
    RefundState,
)
from payments.wechat_pay import WeChatPay
from tests.payments.conftest import Clock
from tests.payments.wechat_pay_platform import (
    APPID,
    MCHID,
    Certificate,
    Signer,
    Wire,
    notice,
    order,
    refund,
    sealed,
)


async def test_a_genuine_payment_notice_is_read_to_the_last_fen(
    pay: WeChatPay, public_key: Signer, now: datetime
) -> None:
    body = notice(order())
    told = await pay.parse_notice(public_key.headers(body, now), body, now)
    assert isinstance(told, PaymentNotice)
    assert (told.notice_id, told.kind) == ("EV-2018022511223320873", "TRANSACTION.SUCCESS")
    payment = told.payment
    assert (payment.payment_no, payment.state, payment.amount_fen) == (
        "P20261120000001",
        PaymentState.SUCCEEDED,
        4500,
    )
    assert payment.channel_trade_no == "1217752501201407033233368018"
    assert payment.payer == "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"
    assert payment.paid_at == datetime(2026, 11, 20, 1, 59, 56, tzinfo=UTC)
    assert payment.paid_at.tzinfo is UTC
    assert (payment.appid, payment.mchid) == (APPID, MCHID)


@pytest.mark.parametrize("state", ["SUCCESS", "ABNORMAL", "CLOSED"])
async def test_a_genuine_refund_notice_is_read(
    pay: WeChatPay, public_key: Signer, now: datetime, state: str
) -> None:
    contents = refund(refund_status=state)
    if state != "SUCCESS":
        del contents["success_time"]
    body = notice(contents, kind=f"REFUND.{state}")
    told = await pay.parse_notice(public_key.headers(body, now), body, now)
    assert isinstance(told, RefundNotice)
    assert told.refund.state is RefundState(state)
    assert (told.refund.amount_fen, told.refund.payment_amount_fen) == (1500, 4500)
    assert (told.refund.refund_no, told.refund.payment_no) == ("R20261120000001", "P20261120000001")
    assert told.refund.refunded_at == (datetime(2026, 11, 20, 2, 5, tzinfo=UTC) if state == "SUCCESS" else None)


@pytest.mark.parametrize(
    "reencode",
    [
        lambda body: orjson.dumps(orjson.loads(body)),  # other spaces
        lambda body: json.dumps(json.loads(body)).encode(),  # \u escapes
        lambda body: body.decode().encode("gbk"),
        lambda body: body + b"\n",
        lambda body: body.replace(b"EV-", b"EV_"),
        gzip.compress,
    ],
)
async def test_a_body_that_was_written_anew_on_the_way_is_forged(
    pay: WeChatPay, public_key: Signer, now: datetime, reencode: Callable[[bytes], bytes]
) -> None:
    body = notice(order())
    changed = reencode(body)
    assert changed != body
    with pytest.raises(NoticeForged):
        await pay.parse_notice(public_key.headers(body, now), changed, now)


async def test_a_stranger_who_knows_the_name_of_the_key_does_not_pass(
    pay: WeChatPay, stranger: Signer, now: datetime, wire: Wire
) -> None:
    body = notice(order())
    with pytest.raises(NoticeForged):
        await pay.parse_notice(stranger.headers(body, now), body, now)
    assert wire.requests == []


@pytest.mark.parametrize("name", ["Timestamp", "Nonce", "Signature", "Serial"])
async def test_every_header_of_the_seal_is_needed(
    pay: WeChatPay, public_key: Signer, now: datetime, name: str
) -> None:
    body = notice(order())
    headers: dict[str, str | None] = {name: None}
    with pytest.raises(NoticeForged):
        await pay.parse_notice(public_key.headers(body, now, **headers), body, now)


async def test_without_a_signature_type_rsa_is_meant(pay: WeChatPay, public_key: Signer, now: datetime) -> None:
    body = notice(order())
    headers = public_key.headers(body, now, Signature_Type=None)
    assert "Wechatpay-Signature-Type" not in headers
    assert isinstance(await pay.parse_notice(headers, body, now), PaymentNotice)


async def test_a_signature_type_that_was_not_agreed_is_refused(
    pay: WeChatPay, public_key: Signer, now: datetime
) -> None:
    body = notice(order())
    headers = public_key.headers(body, now, Signature_Type="WECHATPAY2-SM2-WITH-SM3")
    with pytest.raises(NoticeForged):
        await pay.parse_notice(headers, body, now)


@pytest.mark.parametrize("spelling", [str.lower, str.upper])
async def test_header_names_may_come_in_any_case(
    pay: WeChatPay, public_key: Signer, now: datetime, spelling: Callable[[str], str]
) -> None:
    body = notice(order())
    headers = {spelling(name): text for name, text in public_key.headers(body, now).items()}
    assert isinstance(await pay.parse_notice(headers, body, now), PaymentNotice)


@pytest.mark.parametrize("seconds", [-300, -299, 0, 299, 300])
async def test_a_time_within_five_minutes_passes_on_both_sides(
    pay: WeChatPay, public_key: Signer, now: datetime, seconds: int
) -> None:
    body = notice(order())
    headers = public_key.headers(body, now + timedelta(seconds=seconds))
    assert isinstance(await pay.parse_notice(headers, body, now), PaymentNotice)


@pytest.mark.parametrize("seconds", [-86400, -301, 301, 86400])
async def test_a_time_beyond_five_minutes_is_stale_on_both_sides(
    pay: WeChatPay, public_key: Signer, now: datetime, seconds: int
) -> None:
    body = notice(order())
    headers = public_key.headers(body, now + timedelta(seconds=seconds))
    with pytest.raises(NoticeStale):
        await pay.parse_notice(headers, body, now)


async def test_a_time_in_milliseconds_is_stale_and_no_crash(
    pay: WeChatPay, public_key: Signer, now: datetime
) -> None:
    body = notice(order())
    headers = public_key.headers(body, now, Timestamp=str(int(now.timestamp() * 1000)))
    with pytest.raises(NoticeStale):
        await pay.parse_notice(headers, body, now)


@pytest.mark.parametrize("timestamp", ["x", "-1", "1.5", "1e9", " 1", "١٢٣", "9" * 40, "0x10", "1_0"])
async def test_a_time_that_is_no_number_is_forged(
    pay: WeChatPay, public_key: Signer, now: datetime, timestamp: str
) -> None:
    body = notice(order())
    with pytest.raises(NoticeForged):
        await pay.parse_notice(public_key.headers(body, now, Timestamp=timestamp), body, now)


async def test_a_probe_is_refused_by_its_own_name(pay: WeChatPay, public_key: Signer, now: datetime) -> None:
    body = notice(order())
    headers = public_key.headers(body, now)
    headers["Wechatpay-Signature"] = "WECHATPAY/SIGNTEST/" + headers["Wechatpay-Signature"][19:]
    with pytest.raises(NoticeProbe):
        await pay.parse_notice(headers, body, now)


@pytest.mark.parametrize("signature", ["", "%%%", "AAAA", "签名", "A" * 344])
async def test_a_signature_that_is_none_is_forged(
    pay: WeChatPay, public_key: Signer, now: datetime, signature: str
) -> None:
    body = notice(order())
    with pytest.raises(NoticeForged):
        await pay.parse_notice(public_key.headers(body, now, Signature=signature), body, now)


async def test_notices_by_certificate_and_by_public_key_are_both_believed(
    pay: WeChatPay,
    public_key: Signer,
    certificate: Certificate,
    list_certificates: Callable[..., None],
    wire: Wire,
    now: datetime,
) -> None:
    list_certificates(certificate)
    body = notice(order())
    for signer in (certificate, public_key, certificate, public_key):
        assert isinstance(await pay.parse_notice(signer.headers(body, now), body, now), PaymentNotice)
    assert len(wire.asked("/v3/certificates")) == 1


async def test_an_unknown_certificate_is_fetched_once_and_then_refused(
    pay: WeChatPay,
    certificate: Certificate,
    list_certificates: Callable[..., None],
    wire: Wire,
    now: datetime,
) -> None:
    list_certificates(certificate)
    body, unlisted = notice(order()), Certificate(now)
    for _ in range(3):
        with pytest.raises(NoticeKeyUnknown):
            await pay.parse_notice(unlisted.headers(body, now), body, now)
    assert len(wire.asked("/v3/certificates")) == 1


async def test_a_key_that_cannot_be_fetched_asks_for_the_notice_again(
    pay: WeChatPay, certificate: Certificate, wire: Wire, now: datetime
) -> None:
    wire.answers["/v3/certificates"] = lambda: httpx.Response(503)
    body = notice(order())
    with pytest.raises(PaymentError) as failure:
        await pay.parse_notice(certificate.headers(body, now), body, now)
    assert failure.value.retryable


async def test_a_resource_sealed_with_another_key_is_forged(
    pay: WeChatPay, public_key: Signer, now: datetime
) -> None:
    body = notice(order(), **sealed(b"{}", key=b"another-key-of-thirty-two-bytes!"))
    with pytest.raises(NoticeForged):
        await pay.parse_notice(public_key.headers(body, now), body, now)


@pytest.mark.parametrize(
    "box",
    [
        {"associated_data": "another"},
        {"associated_data": None},
        {"nonce": "0" * 12},
        {"nonce": ""},
        {"nonce": 7},
        {"ciphertext": "QUFBQQ=="},
        {"ciphertext": "not base64"},
        {"ciphertext": None},
        {"algorithm": "AEAD_SM4_GCM"},
    ],
)
async def test_a_resource_that_was_tampered_with_is_forged(
    pay: WeChatPay, public_key: Signer, now: datetime, box: dict[str, Any]
) -> None:
    body = notice(order(), **box)
    with pytest.raises(NoticeForged):
        await pay.parse_notice(public_key.headers(body, now), body, now)


@pytest.mark.parametrize(
    ("contents", "kind"),
    [
        (order(mchid="1900000110"), "TRANSACTION.SUCCESS"),
        (order(appid="wx0000000000000000"), "TRANSACTION.SUCCESS"),
        (refund(mchid="1900000110"), "REFUND.SUCCESS"),
    ],
)
async def test_a_genuine_notice_for_another_merchant_or_app_is_refused(
    pay: WeChatPay, public_key: Signer, now: datetime, contents: dict[str, Any], kind: str
) -> None:
    body = notice(contents, kind)
    with pytest.raises(NoticeUnreadable):
        await pay.parse_notice(public_key.headers(body, now), body, now)


@pytest.mark.parametrize(
    "contents",
    [
        b"null",
        b"1",
        b'"x"',
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        order(amount={"total": 45.0}),
        order(amount={"total": "4500"}),
        order(amount={"total": True}),
        order(amount={"total": -1}),
        order(amount="4500"),
        order(amount=None),
        order(payer={}),
        order(success_time="2026-11-20T09:59:56"),
        order(success_time="yesterday"),
        order(amount={"total": 4500, "currency": "USD"}),
        order(success_time=None),
        order(trade_state="WON"),
        order(trade_state={}),
        order(out_trade_no=""),
        order(transaction_id=None),
    ],
)
async def test_genuine_nonsense_is_refused_and_no_crash(
    pay: WeChatPay, public_key: Signer, now: datetime, contents: Any
) -> None:
    body = notice(contents)
    with pytest.raises(NoticeUnreadable):
        await pay.parse_notice(public_key.headers(body, now), body, now)


@pytest.mark.parametrize("body", [b"null", b"1", b"[]", b"{}", b"", b"\xff\xfe", b'{"resource": 1}'])
async def test_a_genuine_body_that_is_no_notice_is_refused(
    pay: WeChatPay, public_key: Signer, now: datetime, body: bytes
) -> None:
    with pytest.raises(NoticeRefused):
        await pay.parse_notice(public_key.headers(body, now), body, now)


async def test_a_kind_we_did_not_ask_for_is_refused(pay: WeChatPay, public_key: Signer, now: datetime) -> None:
    body = notice(order(), kind="PAYSCORE.USER_PAID")
    with pytest.raises(NoticeUnreadable):
        await pay.parse_notice(public_key.headers(body, now), body, now)


async def test_the_time_that_counts_is_the_one_given_not_the_clients_clock(
    pay: WeChatPay, public_key: Signer, now: datetime, clock: Clock
) -> None:
    clock.time = now + timedelta(days=1)
    body = notice(order())
    assert isinstance(await pay.parse_notice(public_key.headers(body, now), body, now), PaymentNotice)
