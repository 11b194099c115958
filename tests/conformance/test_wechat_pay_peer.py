"""Independent peers judge our WeChat Pay wire: our sandbox and our adapter, with PyPI `wechatpayv3` and npm
`wechatpay-axios-plugin`.

Clients that never saw each other's code agree here, so a misreading would have to be the same in all of them.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from payments.port import PaymentError, PaymentNotice, PaymentState, PrepayRequest, RefundRequest, Way
from payments.wechat_pay import Merchant, WeChatPay, load_private_key
from tests.conformance.peers import WECHAT_PAY_PEERS, Peer, PeerGaveUp, each_peer, each_peer_and_mode
from tests.conformance.sandbox_houses import House, NoticeDoor, notice_door, running
from tests.payments.wechat_pay_platform import Certificate, Signer, Wire, certificate_list, order

pytestmark = pytest.mark.conformance

NONCE = "593BEC0C930BF1AFEB40B4A08C8FB242"
TRADE_TYPES = {"jsapi": "JSAPI", "h5": "MWEB", "native": "NATIVE"}


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
    """One merchant, told to all clients."""

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


def our_channel(http: httpx.AsyncClient, merchant: Merchant, signer: Signer, at: datetime) -> WeChatPay:
    """Our client, with a clock that stands still, whose WeChat Pay signs as this signer."""
    public_keys = {} if isinstance(signer, Certificate) else {signer.serial: signer.private_key.public_key()}
    return WeChatPay(
        http,
        base_url="https://pay.example",
        merchant=merchant,
        public_keys=public_keys,
        clock=lambda: at,
        nonce=lambda: NONCE,
    )


def pem_of(key: RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@each_peer_and_mode(*WECHAT_PAY_PEERS)
def test_the_peer_pays_queries_closes_and_refunds_at_our_sandbox(
    house: House, parties: Parties, peer: Peer, mode: str
) -> None:
    facts = {
        fact["fact"]: fact
        for fact in peer.asked("journey", merchant=parties.peers_with(mode), base_url=house.base_url)
    }
    assert {name: fact["status"] for name, fact in facts.items() if fact["status"] != 200} == {
        "jsapi not closed": 400,
        "h5 not closed": 400,
        "native not closed": 400,
        "unpaid closed": 204,
    }
    said = {name: fact.get("answer") for name, fact in facts.items()}
    for way, trade_type in TRADE_TYPES.items():
        paid = said[f"{way} queried"]
        assert (paid["trade_state"], paid["trade_type"]) == ("SUCCESS", trade_type)
        assert paid["amount"]["total"] == 4500
        assert said[f"{way} not closed"]["code"] == "ORDER_PAID"
        assert said[f"{way} refunded"]["status"] == "PROCESSING"
        assert said[f"{way} refund queried"]["refund_id"] == said[f"{way} refunded"]["refund_id"]
        assert said[f"{way} refund queried"]["amount"]["refund"] == 1500
    assert (said["codepay paid"]["trade_state"], said["codepay paid"]["trade_type"]) == ("SUCCESS", "MICROPAY")
    assert said["codepay reversed"]["out_trade_no"] == said["codepay paid"]["out_trade_no"]
    assert said["unpaid queried"]["trade_state"] == "CLOSED"


@each_peer_and_mode(*WECHAT_PAY_PEERS)
def test_the_peer_would_notice_an_answer_that_is_signed_wrongly(
    house: House, parties: Parties, peer: Peer, mode: str
) -> None:
    house.switch_on(signtest=True)
    with pytest.raises(PeerGaveUp, match=r"(?i)verify|forged"):
        peer.asked("journey", merchant=parties.peers_with(mode), base_url=house.base_url)


@each_peer_and_mode(*WECHAT_PAY_PEERS)
def test_the_peer_believes_and_reads_the_sandboxs_notices(
    house: House, parties: Parties, door: NoticeDoor, peer: Peer, mode: str
) -> None:
    house.switch_on(notices_signed_by=mode)
    peer.asked("journey", merchant=parties.peers_with(mode), base_url=house.base_url)
    received = door.received(6)
    tampered = replace(received[0], body=received[0].body.replace(b'"id"', b'"Id"'))
    facts = peer.asked(
        "read_notices",
        merchant=parties.peers_with(mode),
        base_url=house.base_url,
        notices=[{"headers": notice.headers, "body": notice.body.decode()} for notice in [*received, tampered]],
    )
    *told, refused = (fact["told"] for fact in facts)
    assert refused is None
    payments = [each["resource"] for each in told if each["event_type"] == "TRANSACTION.SUCCESS"]
    refunds = [each["resource"] for each in told if each["event_type"] == "REFUND.SUCCESS"]
    assert {(each["trade_type"], each["amount"]["total"]) for each in payments} == {
        (trade_type, 4500) for trade_type in TRADE_TYPES.values()
    }
    (in_app,) = (each for each in payments if each["trade_type"] == "JSAPI")
    assert in_app["payer"] == {"openid": "oChengduCitizen"}
    assert [(each["refund_status"], each["amount"]["refund"]) for each in refunds] == [("SUCCESS", 1500)] * 3


@each_peer_and_mode(*WECHAT_PAY_PEERS)
async def test_we_believe_and_read_a_notice_that_the_peer_made(
    wire: Wire, parties: Parties, peer: Peer, mode: str
) -> None:
    now = datetime.now(UTC)
    signer = Certificate(now) if mode == "certificate" else Signer("PUB_KEY_ID_0100000000000000000000000001")
    contents = order(mchid=parties.ours.mchid, appid=parties.ours.appid)
    made = peer.asked_one(
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
    pay = our_channel(wire.http, parties.ours, signer, now)
    told = await pay.parse_notice(made["headers"], made["body"].encode(), datetime.now(UTC))
    assert isinstance(told, PaymentNotice)
    assert (told.payment.state, told.payment.amount_fen) == (PaymentState.SUCCEEDED, 4500)
    assert told.payment.payment_no == contents["out_trade_no"]


PAYMENT_NO, REFUND_NO = "P20261120000001", "R20261120000001"
EXPIRES_AT = datetime(2026, 11, 20, 2, 15, tzinfo=UTC)
ACTS = 9


def prepay_request(merchant: Merchant, way: Way) -> PrepayRequest:
    return PrepayRequest(
        payment_no=PAYMENT_NO,
        description="大田湾体育场 足球 1 号场",
        amount_fen=4500,
        way=way,
        appid=merchant.appid,
        expires_at=EXPIRES_AT,
        payer="oChengduCitizen" if way is Way.IN_APP else "",
        payer_address="203.0.113.7",
        venue="V1",
    )


def our_acts(pay: WeChatPay, merchant: Merchant) -> list[Callable[[], Awaitable[object]]]:
    """Everything that our client asks WeChat Pay for."""
    refund = RefundRequest(
        payment_no=PAYMENT_NO, refund_no=REFUND_NO, amount_fen=1500, payment_amount_fen=4500, reason="预订已取消"
    )
    return [
        lambda: pay.prepay(prepay_request(merchant, Way.IN_APP)),
        lambda: pay.prepay(prepay_request(merchant, Way.MOBILE_WEB)),
        lambda: pay.prepay(prepay_request(merchant, Way.CODE)),
        lambda: pay.charge(prepay_request(merchant, Way.PAYER_CODE), "134567890123456789"),
        lambda: pay.query(PAYMENT_NO),
        lambda: pay.close(PAYMENT_NO, Way.CODE, EXPIRES_AT),
        lambda: pay.refund(refund),
        lambda: pay.query_refund(REFUND_NO, PAYMENT_NO),
        lambda: pay.statement(EXPIRES_AT.date()),
    ]


@each_peer(*WECHAT_PAY_PEERS)
async def test_the_peer_would_sign_our_requests_just_as_we_do(parties: Parties, peer: Peer) -> None:
    requests: list[httpx.Request] = []

    def keep(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(500)  # the answer is of no interest here

    async with httpx.AsyncClient(transport=httpx.MockTransport(keep)) as http:

        async def sent(number: int, at: datetime) -> httpx.Request:
            """What our client sends for this act at this time."""
            acts = our_acts(our_channel(http, parties.ours, Signer("PUB_KEY_ID_0"), at), parties.ours)
            with pytest.raises(PaymentError):
                await acts[number]()
            return requests[-1]

        probes = [await sent(number, datetime.now(UTC)) for number in range(ACTS)]
        assert len({(probe.method, probe.url.path) for probe in probes}) == ACTS
        facts = peer.asked(
            "sign_requests",
            merchant=parties.peers,
            requests=[
                {
                    "method": probe.method,
                    "path": probe.url.raw_path.decode(),
                    "body": probe.content.decode(),
                    "nonce": NONCE,
                }
                for probe in probes
            ],
        )
        for number, fact in enumerate(facts):
            peers = fields_of(fact["header"])
            ours = await sent(number, datetime.fromtimestamp(int(peers["timestamp"]), UTC))
            assert fields_of(ours.headers["Authorization"]) == peers, ours.url
    assert len(facts) == ACTS


def fields_of(authorization: str) -> dict[str, str]:
    scheme, _, rest = authorization.partition(" ")
    return {"scheme": scheme} | dict(re.findall(r'(\w+)="([^"]*)"', rest))


@each_peer(*WECHAT_PAY_PEERS)
async def test_the_peer_would_sign_the_invocation_just_as_we_do(wire: Wire, parties: Parties, peer: Peer) -> None:
    now, signer = datetime.now(UTC), Signer("PUB_KEY_ID_0")
    said = b'{"prepay_id":"wx201120181501000000000000000000000000"}'
    headers = signer.headers(said, now)
    wire.answers["/v3/pay/transactions/jsapi"] = lambda: httpx.Response(200, content=said, headers=headers)
    pay = our_channel(wire.http, parties.ours, signer, now)
    ours = (await pay.prepay(prepay_request(parties.ours, Way.IN_APP))).invocation.parameters
    assert ours
    parameters = [ours[name] for name in ("appId", "timeStamp", "nonceStr", "package")]
    fact = peer.asked_one("sign_invocation", merchant=parties.peers, parameters=parameters)
    assert fact["pay_sign"] == ours["paySign"]
