"""The government platform (政府平台): rows go out in signed batches, signed receipts come back.

The platform's specification is not public; until it is, this wire is our own: POST /api/v1/{kind} with
HMAC-SHA256 both ways.
"""

import asyncio
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson

CONNECT_TIMEOUT_S = 3.0
MAX_SKEW_S = 300
MAX_ROWS = 100
MAX_BYTES = 1_000_000


class RowKind(StrEnum):
    """What is reported; the value is its path on the platform."""

    ORDERS = "orders"
    REDEMPTIONS = "redemptions"
    GATE_SCANS = "gate-scans"
    HOURLY_FIGURES = "hourly-figures"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing to report. The platform keeps it once per `idempotency_key`, however often it is sent."""

    idempotency_key: str
    subject: str
    payload: Mapping[str, Any]


class ReceiptStatus(StrEnum):
    """What the platform did with a row."""

    ACCEPTED = "ACCEPTED"
    DUPLICATE = "DUPLICATE"  # it had the very row already: as good as accepted
    REJECTED = "REJECTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The platform's receipt (回执) for one row; `message` says why a row was rejected."""

    idempotency_key: str
    status: ReceiptStatus
    receipt_no: str | None
    message: str


class PlatformUnavailable(Exception):
    """No answer, or none that can be believed. It may have taken the rows: send the same ones again later."""


class PlatformRefused(Exception):
    """It refused the batch and took no row: our credentials, clock or shape are wrong. `code` is its word."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class GovernmentPlatform:
    """A client over a given HTTP client. `clock` gives aware UTC, `nonce` 8 to 64 letters or digits, never twice."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        base_url: str,
        app_id: str,
        secret: bytes,
        clock: Callable[[], datetime],
        nonce: Callable[[], str],
        timeout_s: float = 15.0,
    ) -> None:
        self._http = http
        self.base_url = base_url.rstrip("/")
        self._app_id = app_id
        self._secret = secret
        self._clock = clock
        self._nonce = nonce
        self._timeout_s = timeout_s

    async def send(self, kind: RowKind, rows: Sequence[Row]) -> list[Receipt]:
        """Report up to 100 rows (1 MB) of one kind; give their receipts in the order of the rows.

        Raises `PlatformUnavailable` or `PlatformRefused`, and ValueError for a batch that it would never take.
        """
        body = compose_body(rows)
        answer = await self._post(f"{self.base_url}/api/v1/{kind.value}", body)
        if 400 <= answer.status_code < 500 and answer.status_code not in (408, 429):
            raise _refusal(answer)
        if answer.status_code != 200:
            raise PlatformUnavailable(f"HTTP {answer.status_code}")
        self._check(answer)
        return read_receipts(answer.content, rows)

    async def _post(self, url: str, body: bytes) -> httpx.Response:
        timestamp, nonce = str(int(self._clock().timestamp())), self._nonce()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "X-App-Id": self._app_id,
            "X-Timestamp": timestamp,
            "X-Nonce": nonce,
            "X-Signature": sign(self._secret, "POST", urlsplit(url).path, timestamp, nonce, body=body),
        }
        timeout = httpx.Timeout(self._timeout_s, connect=CONNECT_TIMEOUT_S)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._http.post(url, content=body, headers=headers, timeout=timeout)
        except (httpx.RequestError, TimeoutError) as error:
            raise PlatformUnavailable(repr(error)) from error

    def _check(self, answer: httpx.Response) -> None:
        """Believe only an answer signed by the platform, and lately."""
        timestamp, nonce = answer.headers.get("X-Timestamp", ""), answer.headers.get("X-Nonce", "")
        expected = sign(self._secret, timestamp, nonce, body=answer.content)
        if not hmac.compare_digest(expected.encode(), answer.headers.get("X-Signature", "").encode()):
            raise PlatformUnavailable("the answer's signature does not hold")
        if not timestamp.isdecimal() or abs(self._clock().timestamp() - int(timestamp)) > MAX_SKEW_S:
            raise PlatformUnavailable(f"the answer was signed at {timestamp}")


def sign(secret: bytes, *lines: str, body: bytes) -> str:
    """Sign the lines and the body's SHA-256, each ended by a newline: lower-case hex HMAC-SHA256."""
    message = "".join(f"{line}\n" for line in (*lines, sha256(body).hexdigest()))
    return hmac.new(secret, message.encode(), sha256).hexdigest()


def compose_body(rows: Sequence[Row]) -> bytes:
    """Compose a batch, or raise ValueError when it is empty, too long, or names one key twice."""
    keys = {row.idempotency_key for row in rows}
    if not 0 < len(rows) <= MAX_ROWS or len(keys) != len(rows):
        raise ValueError(f"a batch has 1 to {MAX_ROWS} rows, each key once")
    body = orjson.dumps(
        {
            "rows": [
                {"idempotencyKey": row.idempotency_key, "subject": row.subject, "payload": row.payload}
                for row in rows
            ]
        }
    )
    if len(body) > MAX_BYTES:
        raise ValueError(f"a batch has at most {MAX_BYTES} bytes; this one has {len(body)}")
    return body


def read_receipts(body: bytes, rows: Sequence[Row]) -> list[Receipt]:
    """Read the receipts, exactly one a row.

    The signature does not bind an answer to its question, so an old answer with other keys must not pass.
    """
    try:
        receipts = {entry["idempotencyKey"]: _receipt(entry) for entry in orjson.loads(body)["receipts"]}
        return [receipts.pop(row.idempotency_key) for row in rows]
    except (KeyError, TypeError, ValueError) as problem:
        raise PlatformUnavailable(f"the receipts do not answer the rows: {problem!r}") from problem


def _receipt(entry: Mapping[str, Any]) -> Receipt:
    return Receipt(
        idempotency_key=entry["idempotencyKey"],
        status=ReceiptStatus(entry["status"]),
        receipt_no=entry.get("receiptNo") or None,
        message=str(entry.get("message") or ""),
    )


def _refusal(answer: httpx.Response) -> PlatformRefused | PlatformUnavailable:
    """Tell the platform's own refusal from that of some proxy on the way, which settles nothing."""
    try:
        said = orjson.loads(answer.content)
        return PlatformRefused(str(said["code"]), str(said["message"])[:300])
    except (KeyError, TypeError, ValueError):
        return PlatformUnavailable(f"HTTP {answer.status_code}, and not from the platform")
