"""TC3-HMAC-SHA256, the signature of every request to Tencent Cloud's API 3.0.

Source: Tencent Cloud API, 签名方法 v3 (cloud.tencent.com/document/api/213/30654).
"""

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256

ALGORITHM = "TC3-HMAC-SHA256"


def authorization(
    *, secret_id: str, secret_key: str, service: str, headers: Mapping[str, str], body: bytes, at: datetime
) -> str:
    """The Authorization header of a POST to `/`. Signs all of `headers` (names in any case) and the body.

    Tencent Cloud demands that Content-Type and Host are among them. `at` is what X-TC-Timestamp says, in whole
    seconds; the scope's day is UTC's, whatever the zone of `at`.
    """
    lower = sorted((name.lower(), text.strip().lower()) for name, text in headers.items())
    signed = ";".join(name for name, _ in lower)
    request = "\n".join(
        ("POST", "/", "", *(f"{name}:{text}" for name, text in lower), "", signed, sha256(body).hexdigest())
    )
    scope = f"{at.astimezone(UTC):%Y-%m-%d}/{service}/tc3_request"
    text = "\n".join((ALGORITHM, str(int(at.timestamp())), scope, sha256(request.encode()).hexdigest()))
    key = f"TC3{secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    return f"{ALGORITHM} Credential={secret_id}/{scope}, SignedHeaders={signed}, Signature={signature}"
