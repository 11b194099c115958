"""The platform's own keys: one public key, and certificates that can be rotated."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.clock import as_beijing
from sandbox.keys import (
    add_platform_certificate,
    load_certificate,
    load_private_key,
    platform_certificate_files,
    serial_no,
)
from sandbox.wechat_pay import signing


@dataclass(frozen=True)
class Identity:
    """A key that signs, under the serial that `Wechatpay-Serial` names."""

    serial: str
    key: rsa.RSAPrivateKey
    certificate: x509.Certificate | None = None


class Platform:
    """The newest certificate signs unless the merchant asks for the public key.

    The older ones stay listed, and open what was sealed for them, until they are retired.
    """

    def __init__(self, folder: Path, public_key_id: str) -> None:
        self._folder = folder
        self.public_key = Identity(public_key_id, load_private_key(folder / "wechat_pay_private_key.pem"))
        self.certificates = [_identity(path) for path in platform_certificate_files(folder)]

    def identity_for(self, wanted_serial: str | None) -> Identity:
        return self.public_key if wanted_serial == self.public_key.serial else self.certificates[-1]

    @cached_property
    def stranger(self) -> Identity:
        """A key of nobody's, under a serial that is listed nowhere."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return Identity(secrets.token_hex(20).upper(), key)

    def opened(self, sealed: str, serial: str | None, *, retired: bool) -> bytes:
        """A field that the merchant sealed for the key that Wechatpay-Serial names (敏感信息加解密).

        Raises ValueError when no such key is known, or it doesn't open the field.
        """
        known = [self.public_key, *self._in_force(retired=retired)]
        key = next((each.key for each in known if each.serial == serial), None)
        if key is None:
            raise ValueError("no key of that serial")
        return key.decrypt(base64.b64decode(sealed, validate=True), signing.FIELD_ENCRYPTION)

    def rotate(self, now: datetime) -> None:
        add_platform_certificate(self._folder, now)
        self.certificates.append(_identity(platform_certificate_files(self._folder)[-1]))

    def listed(self, apiv3_key: str, *, retired: bool) -> dict[str, object]:
        """`GET /v3/certificates`, newest first; `retired` leaves the newest only."""
        return {"data": [_listed(each, apiv3_key) for each in reversed(self._in_force(retired=retired))]}

    def _in_force(self, *, retired: bool) -> list[Identity]:
        return self.certificates[-1:] if retired else self.certificates


def signed_headers(identity: Identity, body: bytes, now: datetime, *, probe: bool) -> dict[str, str]:
    """The headers of an answer or a notice. `probe` spoils the signature as WeChat Pay itself does at times,
    to see whether the merchant really verifies (WECHATPAY/SIGNTEST/)."""
    timestamp, nonce = str(int(now.timestamp())), secrets.token_hex(16)
    signature = signing.signature(identity.key, f"{timestamp}\n{nonce}\n".encode() + body + b"\n")
    if probe:
        signature = "WECHATPAY/SIGNTEST/" + base64.b64encode(secrets.token_bytes(256)).decode()
    return {
        "Wechatpay-Timestamp": timestamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Signature": signature,
        "Wechatpay-Serial": identity.serial,
        "Wechatpay-Signature-Type": signing.SCHEME,
    }


def _identity(path: Path) -> Identity:
    certificate = load_certificate(path)
    key = load_private_key(path.with_name(path.name.replace(".certificate.", ".key.")))
    return Identity(serial_no(certificate), key, certificate)


def _listed(identity: Identity, apiv3_key: str) -> dict[str, object]:
    assert identity.certificate is not None
    pem = identity.certificate.public_bytes(serialization.Encoding.PEM)
    return {
        "serial_no": identity.serial,
        "effective_time": as_beijing(identity.certificate.not_valid_before_utc),
        "expire_time": as_beijing(identity.certificate.not_valid_after_utc),
        "encrypt_certificate": signing.encrypted(apiv3_key, pem, "certificate"),
    }
