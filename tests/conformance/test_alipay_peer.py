"""Alipay's own SDKs judge our Alipay wire: our sandbox and our adapter, with PyPI `alipay-sdk-python` and npm
`alipay-sdk`.

The Python one knows no certificates; the Node.js one signs nothing that Alipay says.
"""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from payments.alipay import CertificateTrust
from payments.alipay.wire import BEIJING, instant
from payments.port import (
    NoticeForged,
    PaymentError,
    PaymentNotice,
    PaymentState,
    PrepayRequest,
    RefundHint,
    RefundRequest,
    Way,
)
from tests.conformance.peers import ALIPAY_PEERS, ALIPAY_PYTHON, Peer, PeerGaveUp, each_peer_and_mode
from tests.conformance.sandbox_houses import House, NoticeDoor, notice_door, running
from tests.payments.alipay_platform import (
    ALIPAYS_KEY,
    APP_ID,
    NOW,
    OUR_KEY,
    STRANGERS_KEY,
    Clock,
    Line,
    channel,
    elliptic_root,
    issue,
    notice,
    refused,
    trade,
)

pytestmark = pytest.mark.conformance

METHODS = {
    *("alipay.trade.wap.pay", "alipay.trade.page.pay", "alipay.trade.precreate", "alipay.trade.pay"),
    *("alipay.trade.query", "alipay.trade.close", "alipay.trade.cancel"),
    *("alipay.trade.refund", "alipay.trade.fastpay.refund.query"),
    "alipay.data.dataservice.bill.downloadurl.query",
}


def pem_of(key: RSAPrivateKey) -> str:
    """In the one form that the Python SDK reads, PKCS#1."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


def public_pem_of(key: RSAPrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def form_of(body: bytes) -> dict[str, str]:
    return dict(parse_qsl(body.decode(), keep_blank_values=True))


# ---- the peers at our sandbox


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with running("alipay", tmp_path_factory.mktemp("alipay")) as house:
        yield house


@pytest.fixture
def door(house: House) -> Iterator[NoticeDoor]:
    house.switch_on(statements_anytime=True)
    with notice_door(says=b"success") as door:
        yield door
    house.switch_on()


def merchant_of(house: House, door: NoticeDoor, mode: str) -> dict[str, Any]:
    """The sandbox's merchant, as a peer is told of it in this mode."""
    folder = Path(house.env["ALIPAY_APP_KEY_FILE"]).parent

    def file(name: str) -> str:
        return (folder / f"alipay_{name}.pem").read_text()

    by_certificate = {
        "app": file("app_certificate"),
        "alipay": file("certificate"),
        "root": file("root_certificate"),
    }
    return {
        "app_id": house.env["ALIPAY_APP_ID"],
        "app_key": file("app_key_pkcs1"),
        "alipay_public_key": file("public_key"),
        "certificates": by_certificate if mode == "certificate" else None,
        "notify_url": door.url,
        "today": f"{datetime.now(BEIJING):%Y-%m-%d}",
    }


@each_peer_and_mode(*ALIPAY_PEERS)
def test_the_peer_pays_queries_closes_and_refunds_at_our_sandbox(
    house: House, door: NoticeDoor, peer: Peer, mode: str
) -> None:
    facts = peer.asked("journey", merchant=merchant_of(house, door, mode), base_url=house.base_url)
    said = {fact["fact"]: fact["answer"] for fact in facts}
    assert {name: answer["sub_code"] for name, answer in said.items() if answer["code"] != "10000"} == {
        "wap not closed": "ACQ.TRADE_STATUS_ERROR",
        "page not closed": "ACQ.TRADE_STATUS_ERROR",
        "code not closed": "ACQ.TRADE_STATUS_ERROR",
        "unpaid unknown": "ACQ.TRADE_NOT_EXIST",
    }
    for way in ("wap", "page", "code"):
        paid, refunded, known = (said[f"{way} {act}"] for act in ("queried", "refunded", "refund queried"))
        assert (paid["trade_status"], paid["total_amount"]) == ("TRADE_SUCCESS", "45.00")
        assert (refunded["fund_change"], refunded["refund_fee"]) == ("Y", "15.00")
        assert (known["refund_status"], known["refund_amount"]) == ("REFUND_SUCCESS", "15.00")
        assert paid["trade_no"] == refunded["trade_no"] == known["trade_no"]
    assert said["bar paid"]["buyer_pay_amount"] == "45.00"
    assert said["bar cancelled"]["action"] == "refund"
    assert said["unpaid queried"]["trade_status"] == "TRADE_CLOSED"
    assert said["bill"]["bill_download_url"].startswith(house.base_url)


def test_the_peer_learns_who_came_in_and_that_a_code_was_used(house: House, door: NoticeDoor) -> None:
    person = house.control("POST", "/_sandbox/people", {}).json()
    code = house.control("POST", "/_sandbox/auth-codes", {"buyer_user_id": person["buyer_user_id"]}).json()
    told, codes = merchant_of(house, door, "public_key"), [code["auth_code"]] * 2
    known, used = ALIPAY_PYTHON.asked("who", merchant=told, base_url=house.base_url, codes=codes)
    assert known["answer"]["user_id"] == person["buyer_user_id"]
    assert used["answer"]["sub_code"] == "isv.code-invalid"


@each_peer_and_mode(*ALIPAY_PEERS)
def test_the_peer_would_notice_an_answer_that_is_signed_wrongly(
    house: House, door: NoticeDoor, peer: Peer, mode: str
) -> None:
    told = merchant_of(house, door, mode) | {"alipay_public_key": public_pem_of(STRANGERS_KEY)}
    if told["certificates"]:
        stranger = issue("Alipay Gateway", key=STRANGERS_KEY, ca=False)
        told["certificates"] = told["certificates"] | {"alipay": stranger.pem.decode()}
    with pytest.raises(PeerGaveUp, match=r"verify failed|验签失败"):
        peer.asked("journey", merchant=told, base_url=house.base_url)


@each_peer_and_mode(*ALIPAY_PEERS)
def test_the_peer_believes_the_sandboxs_notices(house: House, door: NoticeDoor, peer: Peer, mode: str) -> None:
    told = merchant_of(house, door, mode)
    peer.asked("journey", merchant=told, base_url=house.base_url)
    received = [form_of(each.body) for each in door.received(8)]
    assert sum("gmt_refund" in each for each in received) == 4
    forged = [received[0] | changed for changed in ({"total_amount": "45.01"}, {"body": " "}, {"added": "1"})]
    facts = peer.asked("read_notices", merchant=told, notices=[*received, *forged])
    assert [fact["believed"] for fact in facts] == [True] * 8 + [False] * 3


# ---- our requests before the peers


@dataclass(frozen=True)
class Certificates:
    """Those of one seller, issued as Ant issues them; its keys are those that tests.payments.alipay_platform has."""

    app: str
    alipay: str
    root: str

    @property
    def trust(self) -> CertificateTrust:
        return CertificateTrust(app=self.app.encode(), alipay=[self.alipay.encode()], roots=self.root.encode())


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    root = issue("Ant Financial Certification Authority R1")
    between = issue("Ant Financial Certification Authority Class 2 R1", root)
    alipay = issue("Alipay Gateway", between, key=ALIPAYS_KEY, ca=False)
    app = issue("A Seller", between, key=OUR_KEY, ca=False)
    pems = (app.pem, alipay.pem + between.pem, root.pem + elliptic_root().pem)
    return Certificates(*(pem.decode() for pem in pems))


def payment(way: Way) -> PrepayRequest:
    return PrepayRequest(
        payment_no="P20261120000001",
        description='羽毛球/2 号场 "A" & 更多',
        amount_fen=4500,
        way=way,
        appid=APP_ID,
        expires_at=NOW + timedelta(minutes=15),
        return_url="https://example.org/orders/7?a=1&b={2}",
        venue="V1",
    )


async def all_that_we_ask(certificates: Certificates | None, at: datetime) -> list[dict[str, str]]:
    """The signed parameters of every request that our client makes at this time, pages included."""
    line = Line()
    for method in METHODS:
        line.says(method, refused("ACQ.TRADE_NOT_EXIST"))
    pay = channel(line, trust=certificates and certificates.trust, clock=Clock(at))
    no, refund_no, end = "P20261120000001", "R20261120000001", NOW + timedelta(minutes=15)
    refund = RefundRequest(
        payment_no=no, refund_no=refund_no, amount_fen=1500, payment_amount_fen=4500, reason="预订已取消"
    )
    pages = [(await pay.prepay(payment(way))).invocation.url for way in (Way.MOBILE_WEB, Way.DESKTOP_WEB)]
    for act in (
        pay.prepay(payment(Way.CODE)),
        pay.charge(payment(Way.PAYER_CODE), "286801346868493272"),
        pay.query(no),
        pay.close(no, Way.CODE, end),
        pay.close(no, Way.PAYER_CODE, end),  # which asks, and then cancels
        pay.refund(refund),
        pay.query_refund(refund_no, no),
        pay.statement(NOW.date()),
    ):
        with contextlib.suppress(PaymentError):
            await act
    await line.http.aclose()
    return [dict(parse_qsl(urlsplit(url).query)) for url in pages if url] + [
        each.parameters for each in line.questions
    ]


@each_peer_and_mode(*ALIPAY_PEERS)
async def test_the_peer_believes_our_requests_and_would_sign_them_just_as_we_do(
    certificates: Certificates, peer: Peer, mode: str
) -> None:
    held = certificates if mode == "certificate" else None
    asked = await all_that_we_ask(held, NOW)
    assert {each["method"] for each in asked} == METHODS
    told = {
        "app_id": APP_ID,
        "app_key": pem_of(OUR_KEY),
        "app_public_key": public_pem_of(OUR_KEY),
        "alipay_public_key": public_pem_of(ALIPAYS_KEY),
        "certificates": held and vars(held),
    }
    forged = asked[0] | {"biz_content": asked[0]["biz_content"].replace("45.00", "0.01")}
    *facts, refusal = peer.asked("sign_requests", merchant=told, requests=[*asked, forged])
    assert [fact["believed"] for fact in facts] == [True] * len(asked)
    assert not refusal["believed"]
    for number, fact in enumerate(facts):
        at = instant(fact["parameters"]["timestamp"])
        assert (await all_that_we_ask(held, at))[number] == fact["parameters"]
        ours = json.loads(asked[number]["biz_content"])
        assert fact.get("known", ours) == ours  # the Python SDK's models drop the words that Alipay does not know


# ---- what the Python SDK signs as Alipay, before our client


def say(raw: str, signature: str) -> bytes:
    return f'{{"alipay_trade_query_response":{raw},"sign":"{signature}"}}'.encode()


async def test_we_believe_an_answer_that_the_peer_signed_and_no_other() -> None:
    told = {"code": "10000", "msg": "Success"} | trade(store_name='重庆/成都 "1" 号 {馆}')
    raw = json.dumps(told, ensure_ascii=False).replace("/", r"\/")
    signature = ALIPAY_PYTHON.asked_one("sign_answer", signer=pem_of(ALIPAYS_KEY), raw=raw)["sign"]
    line = Line()
    pay = channel(line)
    line.answers["alipay.trade.query"] = lambda: httpx.Response(200, content=say(raw, signature))
    known = await pay.query("P20261120000001")
    assert known
    assert (known.state, known.amount_fen) == (PaymentState.SUCCEEDED, 4500)
    changed = raw.replace("45.00", "45.01")
    line.answers["alipay.trade.query"] = lambda: httpx.Response(200, content=say(changed, signature))
    with pytest.raises(PaymentError, match="FORGED_ANSWER"):
        await pay.query("P20261120000001")
    await line.http.aclose()


def written_by_the_peer(key: RSAPrivateKey = ALIPAYS_KEY, **changed: str) -> bytes:
    """A notice whose signature is the peer's; all else is as Alipay documents it."""
    unsigned = {name: text for name, text in form_of(notice(**changed)).items() if name != "sign"}
    made = ALIPAY_PYTHON.asked_one("write_notice", signer=pem_of(key), form=unsigned)
    return urlencode(made["form"]).encode()


@pytest.mark.parametrize("mode", ["public_key", "certificate"])
async def test_we_believe_and_read_a_notice_that_the_peer_made(certificates: Certificates, mode: str) -> None:
    line = Line()
    pay = channel(line, trust=certificates.trust if mode == "certificate" else None)
    body = written_by_the_peer()
    told = await pay.parse_notice({}, body, NOW)
    assert isinstance(told, PaymentNotice)
    assert (told.payment.state, told.payment.amount_fen) == (PaymentState.SUCCEEDED, 4500)
    assert (told.payment.payment_no, told.payment.appid) == ("P20261120000001", APP_ID)
    with pytest.raises(NoticeForged):
        await pay.parse_notice({}, body.replace(b"total_amount=45.00", b"total_amount=45.01"), NOW)
    refund = written_by_the_peer(gmt_refund="2026-11-20 10:05:00.123", refund_fee="15.00", out_biz_no="R1")
    assert isinstance(await pay.parse_notice({}, refund, NOW), RefundHint)
    await line.http.aclose()
