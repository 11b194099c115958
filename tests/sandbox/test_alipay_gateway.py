"""The gateway's door: who is let in, which error says what, in key mode and in certificate mode."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from tests.sandbox.alipay_merchant import AlipayMerchant, beijing, rsa_private, sn
from tests.sandbox.conftest import switch_on

QUERY = "alipay.trade.query"


def unsigned(answer: httpx.Response, node: str = "alipay_trade_query_response") -> tuple[str, str]:
    content = answer.json()
    assert set(content) == {node}
    return content[node]["code"], content[node]["sub_code"]


async def refused(merchant: AlipayMerchant, **changed: str) -> tuple[str, str]:
    """The signed refusal of a query whose common parameters were changed before they were signed."""
    answer = await merchant.call(QUERY, {"out_trade_no": "T1"}, **changed)
    return answer["code"], answer["sub_code"]


async def test_a_signed_question_gets_a_signed_answer_whose_slashes_are_escaped(
    alipay_merchant: AlipayMerchant,
) -> None:
    answer = await alipay_merchant.send(alipay_merchant.signed(QUERY, {"out_trade_no": "T1"}))
    assert "https:\\/\\/open.alipay.com\\/" in answer.text
    content = alipay_merchant.opened(answer.text, QUERY, alipay_merchant.alipay_key)
    assert (content["code"], content["msg"]) == ("40004", "Business Failed")
    assert content["sub_code"] == "ACQ.TRADE_NOT_EXIST"


async def test_parameters_may_come_in_the_query_or_in_the_body_by_get_or_post(
    alipay_merchant: AlipayMerchant,
) -> None:
    parameters = alipay_merchant.signed(QUERY, {"out_trade_no": "全民健身"})
    for answer in (
        await alipay_merchant.http.get("/gateway.do", params=parameters),
        await alipay_merchant.http.post("/gateway.do", data=parameters),
    ):
        content = alipay_merchant.opened(answer.text, QUERY, alipay_merchant.alipay_key)
        assert content["sub_code"] == "ACQ.TRADE_NOT_EXIST"


async def test_blank_parameters_are_not_signed(alipay_merchant: AlipayMerchant) -> None:
    parameters = alipay_merchant.signed(QUERY, {"out_trade_no": "T1"}) | {"notify_url": ""}
    answer = await alipay_merchant.send(parameters)
    assert answer.json()["alipay_trade_query_response"]["sub_code"] == "ACQ.TRADE_NOT_EXIST"


async def test_whoever_is_not_known_hears_why_without_a_signature(alipay_merchant: AlipayMerchant) -> None:
    right = alipay_merchant.signed(QUERY, {"out_trade_no": "T1"})
    wrong: dict[tuple[str, str], dict[str, Any]] = {
        ("40002", "isv.invalid-app-id"): right | {"app_id": "2021000000000000", "sign": ""},
        ("40001", "isv.missing-app-id"): right | {"app_id": ""},
        ("40001", "isv.missing-signature"): right | {"sign": ""},
        ("40001", "isv.missing-signature-type"): right | {"sign_type": ""},
        ("40002", "isv.invalid-signature-type"): right | {"sign_type": "RSA"},
        ("40002", "isv.invalid-signature"): right | {"biz_content": '{"out_trade_no":"T2"}'},
        ("40001", "isv.missing-app-cert-sn"): right | {"alipay_root_cert_sn": "1"},
        ("40001", "isv.missing-alipay-root-cert-sn"): right | {"app_cert_sn": "1"},
        ("40002", "isv.app-cert-not-exist"): right | alipay_merchant.certificates() | {"app_cert_sn": "1"},
        ("40002", "isv.invalid-alipay-root-cert-sn"): (
            right | alipay_merchant.certificates() | {"alipay_root_cert_sn": "1"}
        ),
    }
    for expected, parameters in wrong.items():
        assert unsigned(await alipay_merchant.send(parameters)) == expected
    not_base64 = right | {"sign": "é"}
    assert unsigned(await alipay_merchant.send(not_base64)) == ("40002", "isv.invalid-signature")


async def test_an_unknown_method_is_an_error_response(alipay_merchant: AlipayMerchant) -> None:
    for method, expected in (
        ("alipay.trade.steal", ("40002", "isv.invalid-method")),
        ("", ("40001", "isv.missing-method")),
    ):
        answer = await alipay_merchant.send(alipay_merchant.signed(method, {}))
        assert unsigned(answer, "error_response") == expected


async def test_what_is_wrong_besides_the_signature_is_said_under_a_signature(
    alipay_merchant: AlipayMerchant,
) -> None:
    wrong = {
        ("40002", "isv.invalid-charset"): {"charset": "gbk"},
        ("40002", "isv.invalid-format"): {"format": "XML"},
        ("40001", "isv.missing-version"): {"version": ""},
        ("40001", "isv.missing-timestamp"): {"timestamp": ""},
        ("40002", "isv.invalid-timestamp"): {"timestamp": "2026-13-01 00:00:00"},
        ("40002", "isv.illegal-json"): {"biz_content": "{"},
        ("40002", "isv.invalid-parameter"): {"notify_url": "ftp://merchant"},
        ("20001", "aop.invalid-app-auth-token"): {"app_auth_token": "x"},
    }
    for expected, changed in wrong.items():
        assert await refused(alipay_merchant, **changed) == expected
    answer = await alipay_merchant.call("alipay.fund.trans.uni.transfer", {})
    assert (answer["code"], answer["sub_code"]) == ("40006", "isv.insufficient-isv-permissions")


async def test_a_timestamp_may_be_off_by_a_quarter_of_an_hour_and_no_more(alipay_merchant: AlipayMerchant) -> None:
    for seconds in (-880, 880):
        assert (await refused(alipay_merchant, timestamp=beijing(seconds)))[1] == "ACQ.TRADE_NOT_EXIST"
    for seconds in (-920, 920):
        assert (await refused(alipay_merchant, timestamp=beijing(seconds)))[1] == "isv.invalid-timestamp"
    await alipay_merchant.move_clock(3600)
    assert (await refused(alipay_merchant, timestamp=beijing(3600)))[1] == "ACQ.TRADE_NOT_EXIST"


async def test_in_certificate_mode_the_certificate_signs_and_is_named(alipay_merchant: AlipayMerchant) -> None:
    parameters = alipay_merchant.signed(QUERY, {"out_trade_no": "T1"}, **alipay_merchant.certificates())
    answer = await alipay_merchant.send(parameters)
    assert answer.json()["alipay_cert_sn"] == sn(alipay_merchant.alipay_certificate())
    content = alipay_merchant.opened(answer.text, QUERY, alipay_merchant.certificate_key())
    assert content["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    with pytest.raises(InvalidSignature):
        alipay_merchant.opened(answer.text, QUERY, alipay_merchant.alipay_key)


async def test_the_roots_sn_counts_only_certificates_signed_with_rsa(alipay_merchant: AlipayMerchant) -> None:
    assert len(alipay_merchant.certificates()["alipay_root_cert_sn"].split("_")) == 2
    assert (alipay_merchant.folder / "alipay_root_certificate.pem").read_bytes().count(b"BEGIN CERT") == 3


async def test_the_merchants_key_stands_in_every_form_an_sdk_asks_for(alipay_merchant: AlipayMerchant) -> None:
    folder = alipay_merchant.folder
    bare = base64.b64decode((folder / "alipay_app_key_pkcs8.txt").read_text(), validate=True)
    numbers = alipay_merchant.key.private_numbers()
    assert rsa_private("alipay_app_key_pkcs1.pem", folder).private_numbers() == numbers
    assert (folder / "alipay_app_key_pkcs1.pem").read_text().startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert serialization.load_der_private_key(bare, None).private_numbers() == numbers  # type: ignore[union-attr]


async def test_signed_text_holds_braces_and_quotes_that_end_nothing(alipay_merchant: AlipayMerchant) -> None:
    answer = await alipay_merchant.call(QUERY, {"out_trade_no": 'a"}' * 30})
    assert answer["sub_code"] == "ACQ.INVALID_PARAMETER"
    assert '"}a"}' in answer["sub_msg"]
    order = await alipay_merchant.paid()
    assert json.loads((await alipay_merchant.query(order))["ext_infos"]) == {"action": "pay"}


async def test_faults_act_on_the_wire_alone(alipay_merchant: AlipayMerchant) -> None:
    order = alipay_merchant.order()
    parameters = alipay_merchant.signed("alipay.trade.precreate", order)
    await switch_on(alipay_merchant.http, http_500=True)
    assert (await alipay_merchant.http.post("/gateway.do", data=parameters)).status_code == 500
    assert (await alipay_merchant.control("pay", out_trade_no=order["out_trade_no"])).status_code == 404
    await switch_on(alipay_merchant.http, http_500_after=True)
    assert (await alipay_merchant.http.post("/gateway.do", data=parameters)).status_code == 500
    assert (await alipay_merchant.control("pay", out_trade_no=order["out_trade_no"])).status_code == 200
    await switch_on(alipay_merchant.http, drop_connection=True)
    with pytest.raises(httpx.RemoteProtocolError):
        await alipay_merchant.query(order)


async def test_faults_that_are_not_understood_are_refused(alipay: httpx.AsyncClient) -> None:
    for faults in (
        {"statement_amounts": {"T1": 0}},
        {"statement_amounts": ["T1"]},
        {"statement_adds": [{"out_trade_no": "T1"}]},
        {"notices_app_id": 1},
        {"signtest": True},
    ):
        assert (await alipay.put("/_sandbox/faults", json=faults)).status_code == 400, faults
