"""RSA and AES-GCM as WeChat Pay v3 uses them (pay.weixin.qq.com, 签名与验签, 加密与解密)."""

from __future__ import annotations

import base64
import binascii
import re
import secrets

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SCHEME = "WECHATPAY2-SHA256-RSA2048"
AUTHORIZATION_FIELDS = {"mchid", "nonce_str", "timestamp", "serial_no", "signature"}
FIELD_ENCRYPTION = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)  # noqa: S303 (WeChat's choice)


def signature(key: rsa.RSAPrivateKey, message: bytes) -> str:
    return base64.b64encode(key.sign(message, padding.PKCS1v15(), hashes.SHA256())).decode()


def is_signed_by(key: rsa.RSAPublicKey, message: bytes, signature_text: str) -> bool:
    try:
        raw = base64.b64decode(signature_text, validate=True)
        key.verify(raw, message, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def parse_authorization(header: str) -> dict[str, str] | None:
    """The five fields of the Authorization header, or None when it isn't of WeChat Pay's form."""
    scheme, _, rest = header.partition(" ")
    if scheme != SCHEME or not re.fullmatch(r'\s*\w+="[^"]*"(\s*,\s*\w+="[^"]*")*\s*', rest):
        return None
    fields = dict(re.findall(r'(\w+)="([^"]*)"', rest))
    return fields if set(fields) == AUTHORIZATION_FIELDS else None


def encrypted(apiv3_key: str, plaintext: bytes, associated_data: str) -> dict[str, str]:
    """AEAD_AES_256_GCM with a nonce of 12 printable characters, the tag appended."""
    nonce = secrets.token_hex(6)
    sealed = AESGCM(apiv3_key.encode()).encrypt(nonce.encode(), plaintext, associated_data.encode())
    return {
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": base64.b64encode(sealed).decode(),
        "associated_data": associated_data,
        "nonce": nonce,
    }
