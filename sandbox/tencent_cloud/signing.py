"""Whether a request is signed as TC3-HMAC-SHA256 wants it (cloud.tencent.com/document/api/213/30654)."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sandbox.tencent_cloud.errors import CloudError

TOLERANCE_SECONDS = 300
AUTHORIZATION = re.compile(
    r"TC3-HMAC-SHA256 Credential=(?P<id>[^/,\s]+)/(?P<date>\d{4}-\d{2}-\d{2})/(?P<service>[a-z0-9]+)/tc3_request, ?"
    r"SignedHeaders=(?P<headers>[a-z0-9;-]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True)
class KeyPair:
    secret_id: str
    secret_key: str


def service_of(headers: Mapping[str, str], body: bytes, keys: KeyPair, now: datetime) -> str:
    """The service that a well signed POST to `/` is meant for. Raises CloudError."""
    given = AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if given is None:
        raise CloudError("AuthFailure.InvalidAuthorization")
    signed = given["headers"].split(";")
    if signed != sorted(signed) or not {"content-type", "host"} <= set(signed):
        raise CloudError("AuthFailure.InvalidAuthorization")
    timestamp = headers.get("x-tc-timestamp", "")
    if not re.fullmatch(r"\d{1,12}", timestamp, re.ASCII):
        raise CloudError("MissingParameter", "X-TC-Timestamp")
    if given["id"] != keys.secret_id:
        raise CloudError("AuthFailure.SecretIdNotFound")
    if abs(int(timestamp) - now.timestamp()) > TOLERANCE_SECONDS:
        raise CloudError("AuthFailure.SignatureExpire")
    day = datetime.fromtimestamp(int(timestamp), UTC).date().isoformat()
    expected = _signature(headers, signed, body, keys, given["service"], day)
    if given["date"] != day or not hmac.compare_digest(expected, given["signature"]):
        raise CloudError("AuthFailure.SignatureFailure")
    return given["service"]


def _signature(
    headers: Mapping[str, str], signed: list[str], body: bytes, keys: KeyPair, service: str, day: str
) -> str:
    canonical_headers = "".join(f"{name}:{headers.get(name, '').strip().lower()}\n" for name in signed)
    canonical = f"POST\n/\n\n{canonical_headers}\n{';'.join(signed)}\n{_sha256(body)}"
    to_sign = (
        f"TC3-HMAC-SHA256\n{headers['x-tc-timestamp']}\n{day}/{service}/tc3_request\n{_sha256(canonical.encode())}"
    )
    secret_date = _hmac(("TC3" + keys.secret_key).encode(), day)
    secret_service = _hmac(secret_date, service)
    return _hmac(_hmac(secret_service, "tc3_request"), to_sign).hex()


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
