"""The keys WeChat Pay signs with: its public key and its certificates, side by side.

While a merchant moves from certificates to the public key, and while a certificate is rotated, messages
signed with either arrive; both are always accepted (WeChat Pay documentation, 平台证书切换微信支付公钥).
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx
import orjson
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from payments.port import NoticeForged, NoticeKeyUnknown, NoticeRefused, PaymentError
from payments.wechat_pay.signing import check_seal, open_box, read_seal

MINIMUM_INTERVAL = timedelta(seconds=30)
GOOD_FOR = timedelta(hours=12)  # 平台证书更新指引: ask for the list at least so often
CERTIFICATE_SERIAL = re.compile(r"[0-9A-F]{1,40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A platform certificate, good in [starts_at, ends_at)."""

    public_key: RSAPublicKey
    starts_at: datetime
    ends_at: datetime


class KeyRing:
    """Finds the key for a serial, and asks WeChat Pay for its certificates when the serial is new.

    However many messages with unknown serials arrive, forged ones too, there is one download at a time and at
    most one in 30 seconds. A list older than 12 hours is asked for anew, so that a certificate which WeChat Pay
    retired before its time does not stay good here.
    """

    def __init__(
        self,
        *,
        public_keys: Mapping[str, RSAPublicKey],
        apiv3_key: bytes,
        fetch: Callable[[], Awaitable[httpx.Response]],
    ) -> None:
        self._public_keys = public_keys
        self._apiv3_key = apiv3_key
        self._fetch = fetch
        self._certificates: Mapping[str, Certificate] = {}
        self._fetched_at: datetime | None = None  # or tried to
        self._listed_at: datetime | None = None
        self._one_at_a_time = asyncio.Lock()

    async def find(self, serial: str, now: datetime) -> RSAPublicKey:
        """Give the key of this serial. Raises `NoticeKeyUnknown`, or whatever stopped the download."""
        if key := self._public_keys.get(serial):
            return key
        key = self._certified(serial, now)
        # A public key's id is never in the list of certificates.
        if CERTIFICATE_SERIAL.fullmatch(serial) and (key is None or self._is_old(now)):
            await self._refresh(now, needed=key is None)
            key = self._certified(serial, now)
        if key is None:
            raise NoticeKeyUnknown(f"WeChat Pay does not list the key {serial[:64]}")
        return key

    async def newest(self, now: datetime) -> tuple[str, RSAPublicKey]:
        """Give a key to seal secrets for, with its serial: the public key if there is one, as WeChat recommends
        (敏感信息加密), else the newest certificate. Raises as `find` does."""
        for serial, key in self._public_keys.items():
            return serial, key
        valid = self._valid(now)
        if not valid or self._is_old(now):
            await self._refresh(now, needed=not valid)
            valid = self._valid(now)
        if not valid:
            raise NoticeKeyUnknown("WeChat Pay lists no certificate that is valid now")
        serial = max(valid, key=lambda serial: valid[serial].starts_at)
        return serial, valid[serial].public_key

    async def _refresh(self, now: datetime, *, needed: bool) -> None:
        async with self._one_at_a_time:
            if self._fetched_at and abs(now - self._fetched_at) < MINIMUM_INTERVAL:
                return  # whoever was here before has just fetched
            self._fetched_at = now
            try:
                answer = await self._fetch()
                self._certificates = read_certificates(answer, self._apiv3_key, self._public_keys, now)
                self._listed_at = now
            except (NoticeRefused, PaymentError):
                if needed:  # else the key in hand stays good until WeChat Pay can be asked, or its time is over
                    raise

    def _certified(self, serial: str, now: datetime) -> RSAPublicKey | None:
        certificate = self._valid(now).get(serial)
        return certificate.public_key if certificate else None

    def _valid(self, now: datetime) -> Mapping[str, Certificate]:
        return {
            serial: certificate
            for serial, certificate in self._certificates.items()
            if certificate.starts_at <= now < certificate.ends_at
        }

    def _is_old(self, now: datetime) -> bool:
        return self._listed_at is None or now - self._listed_at >= GOOD_FOR


def read_certificates(
    answer: httpx.Response, apiv3_key: bytes, public_keys: Mapping[str, RSAPublicKey], now: datetime
) -> dict[str, Certificate]:
    """Read the answer of GET /v3/certificates, or raise `NoticeForged`.

    Its signature may be by a certificate that only this list holds. That is sound: each certificate is sealed
    with our API v3 key, so nobody else can have put it there.
    """
    seal = read_seal(answer.headers, now)
    try:
        certificates = dict(_certificate(entry, apiv3_key) for entry in orjson.loads(answer.content)["data"])
    except (KeyError, TypeError, ValueError) as problem:
        raise NoticeForged(f"the list of certificates has an unexpected shape: {problem!r}") from problem
    signer = public_keys.get(seal.serial)
    if signer is None and seal.serial in certificates:
        signer = certificates[seal.serial].public_key
    if signer is None:
        raise NoticeKeyUnknown(f"the list of certificates is signed by {seal.serial[:64]}, which it does not hold")
    check_seal(seal, answer.content, signer)
    return certificates


def _certificate(entry: Mapping[str, object], apiv3_key: bytes) -> tuple[str, Certificate]:
    serial, box = entry["serial_no"], entry["encrypt_certificate"]
    if not isinstance(serial, str) or not isinstance(box, dict):
        raise TypeError("expected a serial and a sealed certificate")
    certificate = x509.load_pem_x509_certificate(open_box(apiv3_key, box))
    public_key = certificate.public_key()
    if int(serial, 16) != certificate.serial_number or not isinstance(public_key, RSAPublicKey):
        raise ValueError(f"the certificate {serial[:64]} is not what the list says")
    return serial, Certificate(
        public_key=public_key,
        starts_at=certificate.not_valid_before_utc,
        ends_at=certificate.not_valid_after_utc,
    )
