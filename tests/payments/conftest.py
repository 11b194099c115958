"""A merchant, WeChat Pay's keys, and a client between them whose clock stands still."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from payments.port import PrepayRequest, Way
from payments.wechat_pay import Merchant, WeChatPay
from tests.payments.wechat_pay_platform import (
    APIV3_KEY,
    APPID,
    MCHID,
    MERCHANT_SERIAL,
    OFFICIAL_ACCOUNT_APPID,
    PUBLIC_KEY_ID,
    Certificate,
    Signer,
    Wire,
    certificate_list,
)


@pytest.fixture(scope="session")
def merchant_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def merchant(merchant_key: RSAPrivateKey) -> Merchant:
    return Merchant(
        mchid=MCHID,
        appid=APPID,
        official_account_appid=OFFICIAL_ACCOUNT_APPID,
        certificate_serial=MERCHANT_SERIAL,
        private_key=merchant_key,
        apiv3_key=APIV3_KEY,
        notify_url="https://example.org/payments/wechat-pay/notices",
    )


@pytest.fixture(scope="session")
def public_key() -> Signer:
    return Signer(PUBLIC_KEY_ID)


@pytest.fixture(scope="session")
def stranger() -> Signer:
    """Somebody who is not WeChat Pay but claims to be."""
    return Signer(PUBLIC_KEY_ID)


@pytest.fixture
def certificate(now: datetime) -> Certificate:
    return Certificate(now)


@dataclass
class Clock:
    time: datetime

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock(now: datetime) -> Clock:
    return Clock(now)


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    wire = Wire()
    yield wire
    await wire.http.aclose()


@pytest.fixture
def pay(wire: Wire, merchant: Merchant, public_key: Signer, clock: Clock) -> WeChatPay:
    """The client of a merchant who holds WeChat Pay's public key and has seen no certificate yet."""
    return WeChatPay(
        wire.http,
        base_url="https://pay.example",
        merchant=merchant,
        public_keys={public_key.serial: public_key.private_key.public_key()},
        clock=clock,
        nonce=lambda: "593BEC0C930BF1AFEB40B4A08C8FB242",
    )


@pytest.fixture
def certificates_only(wire: Wire, merchant: Merchant, clock: Clock) -> WeChatPay:
    """The client of a merchant who never asked for WeChat Pay's public key."""
    return WeChatPay(
        wire.http,
        base_url="https://pay.example",
        merchant=merchant,
        public_keys={},
        clock=clock,
        nonce=lambda: "n" * 32,
    )


@pytest.fixture
def list_certificates(wire: Wire, clock: Clock) -> Callable[..., None]:
    """WeChat Pay lists these certificates from now on; the first signs the list unless told."""

    def publish(*certificates: Certificate, signer: Signer | None = None) -> None:
        def answer() -> httpx.Response:
            body = certificate_list(*certificates)
            headers = (signer or certificates[0]).headers(body, clock())
            return httpx.Response(200, content=body, headers=headers)

        wire.answers["/v3/certificates"] = answer

    return publish


@pytest.fixture
def prepay_request(now: datetime) -> PrepayRequest:
    """A payment inside the mini-program."""
    return PrepayRequest(
        payment_no="P20261120000001",
        description="成都高新体育中心 羽毛球 2 号场",
        amount_fen=4500,
        way=Way.IN_APP,
        appid=APPID,
        payer="oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
        expires_at=now + timedelta(minutes=15),
    )


@pytest.fixture
def answer(wire: Wire, public_key: Signer, clock: Clock) -> Callable[..., None]:
    """WeChat Pay answers this path so from now on, signed like a 2xx unless told otherwise."""

    def prepare(path: str, contents: Any = None, *, status: int = 200, signer: Signer | None = None) -> None:
        body = b"" if contents is None else json.dumps(contents).encode()
        headers = (signer or public_key).headers(body, clock()) if status < 300 else {}
        wire.answers[path] = lambda: httpx.Response(status, content=body, headers=headers)

    return prepare
