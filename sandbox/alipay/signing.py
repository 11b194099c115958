"""RSA2 as Alipay uses it (opendocs.alipay.com: common/057k53 request, common/02mse7 answer, 异步通知验签)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sandbox.store import Row

SIGNED_WITH_RSA = "1.2.840.113549.1.1."  # the root's SN counts only certificates whose signature is RSA


def signature(key: rsa.RSAPrivateKey, message: bytes) -> str:
    return base64.b64encode(key.sign(message, padding.PKCS1v15(), hashes.SHA256())).decode()


def is_signed_by(key: rsa.RSAPublicKey, message: bytes, signature_text: str) -> bool:
    try:
        raw = base64.b64decode(signature_text, validate=True)
        key.verify(raw, message, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def request_content(parameters: Mapping[str, str]) -> bytes:
    """What the merchant signs: sorted, without `sign`, without blank values, sign_type included."""
    return _joined({name: value for name, value in parameters.items() if name != "sign" and value.strip()})


def notice_content(parameters: Mapping[str, str]) -> bytes:
    """What Alipay signs in a notice or a return: sorted, without `sign` and `sign_type`, blank values kept."""
    return _joined({name: value for name, value in parameters.items() if name not in ("sign", "sign_type")})


def _joined(parameters: Mapping[str, str]) -> bytes:
    return "&".join(f"{name}={value}" for name, value in sorted(parameters.items())).encode()


def as_alipay_json(content: Row) -> str:
    """The bytes that are signed and sent: compact, Chinese as it is, and `/` as `\\/`."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).replace("/", "\\/")


def certificate_sn(certificate: x509.Certificate) -> str:
    """MD5 over the issuer's names, most specific first, and the decimal serial number."""
    named = f"{certificate.issuer.rfc4514_string()}{certificate.serial_number}"
    return hashlib.md5(named.encode(), usedforsecurity=False).hexdigest()


def root_certificate_sn(certificates: list[x509.Certificate]) -> str:
    """The root file holds several roots; those not signed with RSA (Alipay's SM2 ones) don't count."""
    counted = [
        each for each in certificates if each.signature_algorithm_oid.dotted_string.startswith(SIGNED_WITH_RSA)
    ]
    return "_".join(certificate_sn(each) for each in counted)
