"""The government platform's wire, composed by hand from its description; nothing unsigned is believed."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from federation.government_platform import (
    GovernmentPlatform,
    PlatformRefused,
    PlatformUnavailable,
    Receipt,
    ReceiptStatus,
    Row,
    RowKind,
)

SECRET = b"the-platform-secret"
ROWS = [
    Row(idempotency_key="41", subject="O20261120000001", payload={"amountFen": 4500, "venue": "大田湾体育场"}),
    Row(idempotency_key="42", subject="O20261120000002", payload={"amountFen": 0}),
]
ACCEPTED = [
    {"idempotencyKey": "41", "status": "ACCEPTED", "receiptNo": "G1", "message": ""},
    {"idempotencyKey": "42", "status": "ACCEPTED", "receiptNo": "G2", "message": ""},
]


def hmac_hex(message: str, secret: bytes = SECRET) -> str:
    return hmac.new(secret, message.encode(), hashlib.sha256).hexdigest()


def signed(body: bytes, at: datetime, secret: bytes = SECRET) -> dict[str, str]:
    timestamp, nonce = str(int(at.timestamp())), "answer-nonce"
    signature = hmac_hex(f"{timestamp}\n{nonce}\n{hashlib.sha256(body).hexdigest()}\n", secret)
    return {"X-Timestamp": timestamp, "X-Nonce": nonce, "X-Signature": signature}


class Platform:
    """Answers as a test says, and keeps what it was asked."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.answer: Callable[[], httpx.Response] = lambda: httpx.Response(200)
        self.http = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))

    def says(self, contents: Any, *, at: datetime, secret: bytes = SECRET) -> None:
        body = json.dumps(contents).encode()
        self.answer = lambda: httpx.Response(200, content=body, headers=signed(body, at, secret))

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.answer()


@pytest.fixture
async def platform(now: datetime) -> AsyncIterator[Platform]:
    platform = Platform()
    platform.says({"receipts": ACCEPTED}, at=now)
    yield platform
    await platform.http.aclose()


@pytest.fixture
def client(platform: Platform, now: datetime) -> GovernmentPlatform:
    return GovernmentPlatform(
        platform.http,
        base_url="https://platform.example/",
        app_id="sports-for-all",
        secret=SECRET,
        clock=lambda: now,
        nonce=lambda: "request-nonce",
    )


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        (RowKind.ORDERS, "/api/v1/orders"),
        (RowKind.REDEMPTIONS, "/api/v1/redemptions"),
        (RowKind.GATE_SCANS, "/api/v1/gate-scans"),
        (RowKind.HOURLY_FIGURES, "/api/v1/hourly-figures"),
    ],
)
async def test_a_batch_is_signed_over_the_bytes_that_are_sent(
    client: GovernmentPlatform, platform: Platform, now: datetime, kind: RowKind, path: str
) -> None:
    await client.send(kind, ROWS)
    (request,) = platform.requests
    assert (request.method, str(request.url)) == ("POST", f"https://platform.example{path}")
    assert json.loads(request.content) == {
        "rows": [
            {
                "idempotencyKey": "41",
                "subject": "O20261120000001",
                "payload": {"amountFen": 4500, "venue": "大田湾体育场"},
            },
            {"idempotencyKey": "42", "subject": "O20261120000002", "payload": {"amountFen": 0}},
        ]
    }
    stamp = str(int(now.timestamp()))
    digest = hashlib.sha256(request.content).hexdigest()
    assert request.headers["X-App-Id"] == "sports-for-all"
    assert (request.headers["X-Timestamp"], request.headers["X-Nonce"]) == (stamp, "request-nonce")
    assert request.headers["X-Signature"] == hmac_hex(f"POST\n{path}\n{stamp}\nrequest-nonce\n{digest}\n")


async def test_receipts_come_back_in_the_order_of_the_rows(
    client: GovernmentPlatform, platform: Platform, now: datetime
) -> None:
    rejected = {"idempotencyKey": "42", "status": "REJECTED", "receiptNo": None, "message": "缺少场馆编码"}
    duplicate = {"idempotencyKey": "41", "status": "DUPLICATE", "receiptNo": "G1", "message": ""}
    platform.says({"receipts": [rejected, duplicate]}, at=now)
    assert await client.send(RowKind.ORDERS, ROWS) == [
        Receipt(idempotency_key="41", status=ReceiptStatus.DUPLICATE, receipt_no="G1", message=""),
        Receipt(idempotency_key="42", status=ReceiptStatus.REJECTED, receipt_no=None, message="缺少场馆编码"),
    ]


async def test_receipts_that_nobody_signed_are_not_believed(
    client: GovernmentPlatform, platform: Platform
) -> None:
    platform.answer = lambda: httpx.Response(200, json={"receipts": ACCEPTED})
    with pytest.raises(PlatformUnavailable):
        await client.send(RowKind.ORDERS, ROWS)


async def test_receipts_signed_with_another_secret_are_not_believed(
    client: GovernmentPlatform, platform: Platform, now: datetime
) -> None:
    platform.says({"receipts": ACCEPTED}, at=now, secret=b"another")
    with pytest.raises(PlatformUnavailable):
        await client.send(RowKind.ORDERS, ROWS)


async def test_receipts_changed_after_signing_are_not_believed(
    client: GovernmentPlatform, platform: Platform, now: datetime
) -> None:
    body = json.dumps({"receipts": ACCEPTED}).encode()
    headers = signed(body, now)
    platform.answer = lambda: httpx.Response(200, content=body.replace(b"G1", b"G9"), headers=headers)
    with pytest.raises(PlatformUnavailable):
        await client.send(RowKind.ORDERS, ROWS)


@pytest.mark.parametrize(("seconds", "believed"), [(-301, False), (-300, True), (300, True), (301, False)])
async def test_receipts_signed_more_than_five_minutes_off_are_not_believed(
    client: GovernmentPlatform, platform: Platform, now: datetime, seconds: int, believed: bool
) -> None:
    platform.says({"receipts": ACCEPTED}, at=now + timedelta(seconds=seconds))
    if believed:
        assert len(await client.send(RowKind.ORDERS, ROWS)) == 2
        return
    with pytest.raises(PlatformUnavailable):
        await client.send(RowKind.ORDERS, ROWS)


async def test_receipts_signed_at_no_time_at_all_are_not_believed(
    client: GovernmentPlatform, platform: Platform
) -> None:
    body = json.dumps({"receipts": ACCEPTED}).encode()
    signature = hmac_hex(f"soon\nn\n{hashlib.sha256(body).hexdigest()}\n")
    headers = {"X-Timestamp": "soon", "X-Nonce": "n", "X-Signature": signature}
    platform.answer = lambda: httpx.Response(200, content=body, headers=headers)
    with pytest.raises(PlatformUnavailable):
        await client.send(RowKind.ORDERS, ROWS)


@pytest.mark.parametrize(
    "contents",
    [
        None,
        1,
        [],
        {},
        {"receipts": None},
        {"receipts": [1, 2]},
        {"receipts": ACCEPTED[:1]},
        {"receipts": [ACCEPTED[0], ACCEPTED[0]]},
        {"receipts": [ACCEPTED[0], ACCEPTED[1] | {"idempotencyKey": "43"}]},
        {"receipts": [ACCEPTED[0], ACCEPTED[1] | {"idempotencyKey": []}]},
        {"receipts": [ACCEPTED[0], ACCEPTED[1] | {"status": "MAYBE"}]},
    ],
)
async def test_genuine_receipts_that_do_not_answer_the_rows_are_not_believed(
    client: GovernmentPlatform, platform: Platform, now: datetime, contents: Any
) -> None:
    platform.says(contents, at=now)
    with pytest.raises(PlatformUnavailable):
        await client.send(RowKind.ORDERS, ROWS)


async def test_a_refusal_of_the_whole_batch_keeps_the_platforms_word(
    client: GovernmentPlatform, platform: Platform
) -> None:
    platform.answer = lambda: httpx.Response(401, json={"code": "BAD_SIGNATURE", "message": "签名错误"})
    with pytest.raises(PlatformRefused, match="签名错误") as refusal:
        await client.send(RowKind.ORDERS, ROWS)
    assert refusal.value.code == "BAD_SIGNATURE"


@pytest.mark.parametrize("status", [301, 408, 429, 500, 502, 503])
async def test_an_answer_that_settles_nothing_means_unavailable(
    client: GovernmentPlatform, platform: Platform, status: int
) -> None:
    platform.answer = lambda: httpx.Response(status, json={"code": "BUSY", "message": "稍后再试"})
    with pytest.raises(PlatformUnavailable):
        await client.send(RowKind.ORDERS, ROWS)


async def test_a_404_from_some_proxy_on_the_way_is_no_refusal(
    client: GovernmentPlatform, platform: Platform
) -> None:
    platform.answer = lambda: httpx.Response(404, content=b"<html>nginx</html>")
    with pytest.raises(PlatformUnavailable):
        await client.send(RowKind.ORDERS, ROWS)


async def test_a_batch_that_would_never_be_taken_is_not_sent(
    client: GovernmentPlatform, platform: Platform
) -> None:
    def row(key: int, text: str = "") -> Row:
        return Row(idempotency_key=str(key), subject="S", payload={"text": text})

    too_many = [row(key) for key in range(101)]
    for batch in ([], too_many, [row(1), row(1)], [row(1, "x" * 1_000_000)]):
        with pytest.raises(ValueError):
            await client.send(RowKind.ORDERS, batch)
    assert platform.requests == []


async def test_a_silent_platform_is_given_up_in_time(now: datetime) -> None:
    ended = asyncio.Event()

    async def stay_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ended.wait()
        writer.close()

    listening = await asyncio.start_server(stay_silent, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with listening, httpx.AsyncClient(verify=False) as http:
        client = GovernmentPlatform(
            http,
            base_url=f"http://127.0.0.1:{port}",
            app_id="a",
            secret=SECRET,
            clock=lambda: now,
            nonce=lambda: "n",
            timeout_s=0.2,
        )
        async with asyncio.timeout(5):
            with pytest.raises(PlatformUnavailable):
                await client.send(RowKind.ORDERS, ROWS)
        ended.set()
