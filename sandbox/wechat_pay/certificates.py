"""The platform's own keys: one public key, and certificates that can be rotated."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from datetime import datetime
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
    """The newest certificate signs unless the merchant asks for the public key; the older ones stay listed."""

    def __init__(self, folder: Path, public_key_id: str) -> None:
        self._folder = folder
        self.public_key = Identity(public_key_id, load_private_key(folder / "wechat_pay_private_key.pem"))
        self.certificates = [_identity(path) for path in platform_certificate_files(folder)]

    def identity_for(self, wanted_serial: str | None) -> Identity:
        return self.public_key if wanted_serial == self.public_key.serial else self.certificates[-1]

    def key_of(self, serial: str | None) -> rsa.RSAPrivateKey:
        """What opens a field that the merchant sealed under `serial`, also under an older certificate."""
        named = [each for each in self.certificates if each.serial == serial]
        return (named[0] if named else self.identity_for(serial)).key

    def rotate(self, now: datetime) -> None:
        add_platform_certificate(self._folder, now)
        self.certificates.append(_identity(platform_certificate_files(self._folder)[-1]))

    def listed(self, apiv3_key: str) -> dict[str, object]:
        """`GET /v3/certificates`."""
        return {"data": [_listed(identity, apiv3_key) for identity in reversed(self.certificates)]}


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
