"""An independent peer judges our wire: PyPI `wechatpayv3`, against our sandbox and our adapter.

Two clients that never saw each other's code agree here, so a misreading would have to be the same in both.
"""

import json
import re
import secrets
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from payments.port import PaymentError, PaymentNotice, PaymentState, PrepayRequest
from payments.wechat_pay import Merchant, WeChatPay, load_private_key
from tests.conformance.sandbox_houses import House, NoticeDoor, notice_door, running
from tests.payments.wechat_pay_platform import Certificate, Signer, Wire, certificate_list, order

pytestmark = pytest.mark.conformance

ROOT = Path(__file__).resolve().parents[2]
INTERPRETER = ROOT / ".venv-conformance" / "bin" / "python"
PEER = Path(__file__).with_name("peer_wechatpayv3.py")
NONCE = "593BEC0C930BF1AFEB40B4A08C8FB242"


def ask_the_peer(task: str, **told: Any) -> list[dict[str, Any]]:
    """Run the peer in its own interpreter and give the facts it prints."""
    if not INTERPRETER.exists():
        pytest.fail(
            "the independent peer is not installed: make .venv-conformance from requirements-conformance.lock"
            " (`make test` does it)"
        )
    done = subprocess.run(
        [str(INTERPRETER), str(PEER)],
        input=json.dumps({"task": task, **told}),
        capture_output=True,
        text=True,
        timeout=60,
        env={"PYTHONIOENCODING": "utf-8", "PYTHONUTF8": "1"},
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with running("wechat-pay", tmp_path_factory.mktemp("wechat-pay")) as house:
        yield house


@pytest.fixture
def door(house: House) -> Iterator[NoticeDoor]:
    with notice_door() as door:
        yield door
    house.switch_on()


@dataclass(frozen=True)
class Parties:
    """One merchant, told to both clients."""

    ours: Merchant
    peers: dict[str, str]
    public_key: dict[str, str]

    def peers_with(self, mode: str) -> dict[str, str]:
        """The peer in this mode: by public key, or by the certificates that it downloads itself."""
        return self.peers | (self.public_key if mode == "public_key" else {})


@pytest.fixture
def parties(house: House, door: NoticeDoor) -> Parties:
    pem = Path(house.env["WECHAT_PAY_MERCHANT_KEY_FILE"]).read_bytes()
    ours = Merchant(
        mchid=house.env["WECHAT_PAY_MCHID"],
        appid=house.env["WECHAT_MINI_PROGRAM_APPID"],
        certificate_serial=house.env["WECHAT_PAY_MERCHANT_SERIAL"],
        private_key=load_private_key(pem),
        apiv3_key=house.env["WECHAT_PAY_APIV3_KEY"].encode(),
        notify_url=door.url,
    )
    peers = {
        "mchid": ours.mchid,
        "appid": ours.appid,
        "serial": ours.certificate_serial,
        "apiv3_key": ours.apiv3_key.decode(),
        "notify_url": ours.notify_url,
        "private_key": pem.decode(),
    }
    public_key = {
        "public_key": Path(house.env["WECHAT_PAY_PUBLIC_KEY_FILE"]).read_text(),
        "public_key_id": house.env["WECHAT_PAY_PUBLIC_KEY_ID"],
    }
    return Parties(ours, peers, public_key)


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    wire = Wire()
    yield wire
    await wire.http.aclose()


def our_channel(wire: Wire, merchant: Merchant, signer: Signer, at: datetime) -> WeChatPay:
    """Our client, with a clock that stands still, whose WeChat Pay signs as this signer."""
    public_keys = {} if isinstance(signer, Certificate) else {signer.serial: signer.private_key.public_key()}
    return WeChatPay(
        wire.http,
        base_url="https://pay.example",
        merchant=merchant,
        public_keys=public_keys,
        clock=lambda: at,
        nonce=lambda: NONCE,
    )


def pem_of(key: RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize("mode", ["public_key", "certificate"])
def test_the_peer_pays_queries_closes_and_refunds_at_our_sandbox(
    house: House, parties: Parties, mode: str
) -> None:
    facts = {
        fact["fact"]: fact
        for fact in ask_the_peer("journey", merchant=parties.peers_with(mode), base_url=house.base_url)
    }
    assert {name: fact["status"] for name, fact in facts.items()} == {
        "prepaid": 200,
        "payer": 200,
        "queried": 200,
        "not_closed": 400,
        "refunded": 200,
        "refund_queried": 200,
        "unpaid_prepaid": 200,
        "closed": 204,
        "closed_queried": 200,
    }
    paid = facts["queried"]["answer"]
    assert (paid["trade_state"], paid["amount"]["total"]) == ("SUCCESS", 4500)
    assert facts["not_closed"]["answer"]["code"] == "ORDER_PAID"
    assert facts["refunded"]["answer"]["status"] == "PROCESSING"
    assert facts["refund_queried"]["answer"]["refund_id"] == facts["refunded"]["answer"]["refund_id"]
    assert facts["closed_queried"]["answer"]["trade_state"] == "CLOSED"


@pytest.mark.parametrize("mode", ["public_key", "certificate"])
def test_the_peer_believes_and_reads_the_sandboxs_notices(
    house: House, parties: Parties, door: NoticeDoor, mode: str
) -> None:
    house.switch_on(notices_signed_by=mode)
    ask_the_peer("journey", merchant=parties.peers_with(mode), base_url=house.base_url)
    received = door.received(2)
    tampered = replace(received[0], body=received[0].body.replace(b'"id"', b'"Id"'))
    facts = ask_the_peer(
        "read_notices",
        merchant=parties.peers_with(mode),
        base_url=house.base_url,
        notices=[{"headers": notice.headers, "body": notice.body.decode()} for notice in [*received, tampered]],
    )
    payment, refund, refused = (fact["told"] for fact in facts)
    assert payment["event_type"] == "TRANSACTION.SUCCESS"
    assert payment["resource"]["amount"]["total"] == 4500
    assert payment["resource"]["payer"] == {"openid": "oChengduCitizen"}
    assert refund["event_type"] == "REFUND.SUCCESS"
    assert (refund["resource"]["refund_status"], refund["resource"]["amount"]["refund"]) == ("SUCCESS", 1500)
    assert refused is None


@pytest.mark.parametrize("mode", ["public_key", "certificate"])
async def test_we_believe_and_read_a_notice_that_the_peer_made(wire: Wire, parties: Parties, mode: str) -> None:
    now = datetime.now(UTC)
    signer = Certificate(now) if mode == "certificate" else Signer("PUB_KEY_ID_0100000000000000000000000001")
    contents = order(mchid=parties.ours.mchid, appid=parties.ours.appid)
    (made,) = ask_the_peer(
        "write_notice",
        merchant=parties.peers,
        signer={"serial": signer.serial, "private_key": pem_of(signer.private_key)},
        contents=contents,
        kind="TRANSACTION.SUCCESS",
    )
    assert made["opens_for_the_peer"]
    if isinstance(signer, Certificate):
        listed = certificate_list(signer, key=parties.ours.apiv3_key)
        headers = signer.headers(listed, now)
        wire.answers["/v3/certificates"] = lambda: httpx.Response(200, content=listed, headers=headers)
    pay = our_channel(wire, parties.ours, signer, now)
    told = await pay.parse_notice(made["headers"], made["body"].encode(), datetime.now(UTC))
    assert isinstance(told, PaymentNotice)
    assert (told.payment.state, told.payment.amount_fen) == (PaymentState.SUCCEEDED, 4500)
    assert told.payment.payment_no == contents["out_trade_no"]


@pytest.mark.parametrize("act", ["prepay", "query"])
async def test_the_peer_would_sign_our_requests_just_as_we_do(wire: Wire, parties: Parties, act: str) -> None:
    expires_at = datetime.now(UTC) + timedelta(minutes=15)
    for path in ("jsapi", "out-trade-no/P20261120000001"):
        wire.answers[f"/v3/pay/transactions/{path}"] = lambda: httpx.Response(500)

    async def sent(at: datetime) -> httpx.Request:
        """What our client sends at this time; the answer is of no interest here, so it is a 500."""
        pay = our_channel(wire, parties.ours, Signer("PUB_KEY_ID_0"), at)
        request = PrepayRequest(
            payment_no="P20261120000001",
            description="大田湾体育场 足球 1 号场",
            amount_fen=4500,
            payer_openid="oChengduCitizen",
            expires_at=expires_at,
        )
        with pytest.raises(PaymentError):
            await (pay.prepay(request) if act == "prepay" else pay.query("P20261120000001"))
        return wire.requests[-1]

    probe = await sent(datetime.now(UTC))
    (fact,) = ask_the_peer(
        "sign_request",
        merchant=parties.peers,
        method=probe.method,
        path=probe.url.raw_path.decode(),
        body=probe.content.decode(),
        nonce=NONCE,
    )
    peers = fields_of(fact["header"])
    ours = fields_of((await sent(datetime.fromtimestamp(int(peers["timestamp"]), UTC))).headers["Authorization"])
    assert ours == peers


def fields_of(authorization: str) -> dict[str, str]:
    scheme, _, rest = authorization.partition(" ")
    return {"scheme": scheme} | dict(re.findall(r'(\w+)="([^"]*)"', rest))


def test_the_peer_would_sign_the_invocation_just_as_we_do(wire: Wire, parties: Parties) -> None:
    pay = our_channel(wire, parties.ours, Signer("PUB_KEY_ID_0"), datetime.now(UTC))
    ours = pay.invocation(f"wx{secrets.token_hex(17)}")
    parameters = [ours[name] for name in ("appId", "timeStamp", "nonceStr", "package")]
    (fact,) = ask_the_peer("sign_invocation", merchant=parties.peers, parameters=parameters)
    assert fact["pay_sign"] == ours["paySign"]
