"""A merchant, WeChat Pay's keys, and a client between them whose clock stands still."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from payments.wechat_pay import Merchant, WeChatPay
from tests.payments.wechat_pay_platform import (
    APIV3_KEY,
    APPID,
    MCHID,
    MERCHANT_SERIAL,
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
def list_certificates(wire: Wire, clock: Clock) -> Callable[..., None]:
    """WeChat Pay lists these certificates from now on; the first signs the list unless told."""

    def publish(*certificates: Certificate, signer: Signer | None = None) -> None:
        def answer() -> httpx.Response:
            body = certificate_list(*certificates)
            headers = (signer or certificates[0]).headers(body, clock())
            return httpx.Response(200, content=body, headers=headers)

        wire.answers["/v3/certificates"] = answer

    return publish
