"""HMAC-SHA256 over what was sent and over what is answered."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from datetime import datetime

TOLERANCE_SECONDS = 300


def is_signed(headers: Mapping[str, str], method: str, path: str, body: bytes, secret: str) -> bool:
    timestamp, nonce = headers.get("x-timestamp", ""), headers.get("x-nonce", "")
    if not re.fullmatch(r"\d{1,12}", timestamp, re.ASCII) or not 8 <= len(nonce) <= 64:
        return False
    expected = _hmac(secret, f"{method}\n{path}\n{timestamp}\n{nonce}\n{_digest(body)}\n")
    return hmac.compare_digest(expected.encode(), headers.get("x-signature", "").encode())


def is_fresh(headers: Mapping[str, str], now: datetime) -> bool:
    return abs(int(headers["x-timestamp"]) - now.timestamp()) <= TOLERANCE_SECONDS


def signed_headers(body: bytes, secret: str, now: datetime) -> dict[str, str]:
    timestamp, nonce = str(int(now.timestamp())), secrets.token_hex(16)
    signature = _hmac(secret, f"{timestamp}\n{nonce}\n{_digest(body)}\n")
    return {"X-Timestamp": timestamp, "X-Nonce": nonce, "X-Signature": signature}


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _hmac(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
