"""The government platform's wire: signatures both ways, every row once."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from typing import Any

import httpx
import pytest

from sandbox.keys import Secrets
from tests.sandbox.conftest import store_of, switch_on


def row(key: str, subject: str = "order-1", **payload: Any) -> dict[str, Any]:
    return {"idempotencyKey": key, "subject": subject, "payload": payload}


class Sender:
    """Signs batches and verifies receipts, written for these tests alone."""

    def __init__(self, http: httpx.AsyncClient, known: Secrets) -> None:
        self.http, self.known = http, known

    def _hmac(self, text: str) -> str:
        return hmac.new(self.known.government_secret.encode(), text.encode(), hashlib.sha256).hexdigest()

    def headers(self, path: str, body: bytes, **changed: str) -> dict[str, str]:
        timestamp = changed.get("X-Timestamp", str(int(time.time())))
        nonce = changed.get("X-Nonce", secrets.token_hex(16))
        signature = self._hmac(f"POST\n{path}\n{timestamp}\n{nonce}\n{hashlib.sha256(body).hexdigest()}\n")
        return {
            "X-App-Id": self.known.government_app_id,
            "X-Timestamp": timestamp,
            "X-Nonce": nonce,
            "X-Signature": signature,
        } | changed

    async def post(self, kind: str, body: bytes, **changed: str) -> httpx.Response:
        path = f"/api/v1/{kind}"
        answer = await self.http.post(path, content=body, headers=self.headers(path, body, **changed))
        told = answer.headers
        digest = hashlib.sha256(answer.content).hexdigest()
        assert told["x-signature"] == self._hmac(f"{told['x-timestamp']}\n{told['x-nonce']}\n{digest}\n")
        return answer

    async def send(self, kind: str, *rows: Any) -> list[dict[str, Any]]:
        answer = await self.post(kind, json.dumps({"rows": rows}, ensure_ascii=False).encode())
        assert answer.status_code == 200, answer.text
        receipts: list[dict[str, Any]] = answer.json()["receipts"]
        return receipts


@pytest.fixture
def sender(platform: httpx.AsyncClient, known: Secrets) -> Sender:
    return Sender(platform, known)


async def test_a_row_is_accepted_once_and_its_repetition_gets_the_first_receipt(sender: Sender) -> None:
    [first] = await sender.send("orders", row("k1", total=4500, venue="大田湾体育场"))
    [again] = await sender.send("orders", row("k1", venue="大田湾体育场", total=4500))
    assert (first["status"], again["status"]) == ("ACCEPTED", "DUPLICATE")
    assert again["receiptNo"] == first["receiptNo"]
    [kept] = (await store_of(sender.http, kind="orders"))["rows"]
    assert kept["payload"] == {"total": 4500, "venue": "大田湾体育场"}
    assert (kept["idempotencyKey"], kept["kind"], kept["subject"]) == ("k1", "orders", "order-1")
    assert (kept["receiptNo"], kept["deliveries"]) == (first["receiptNo"], 2)
    assert (await store_of(sender.http, kind="gate-scans"))["rows"] == []


async def test_a_known_key_with_other_contents_is_rejected_and_the_first_stays(sender: Sender) -> None:
    await sender.send("orders", row("k1", total=4500))
    [changed] = await sender.send("orders", row("k1", total=4501))
    [moved] = await sender.send("orders", row("k1", "order-2", total=4500))
    assert (changed["status"], moved["status"]) == ("REJECTED", "REJECTED")
    [kept] = (await store_of(sender.http))["rows"]
    assert (kept["payload"], kept["subject"], kept["deliveries"]) == ({"total": 4500}, "order-1", 3)


async def test_receipts_stand_in_the_order_of_the_rows_and_a_bad_row_harms_no_other(sender: Sender) -> None:
    receipts = await sender.send("gate-scans", row("a"), "nonsense", {"idempotencyKey": "b"}, row("c"), row("a"))
    statuses = [each["status"] for each in receipts]
    assert statuses == ["ACCEPTED", "REJECTED", "REJECTED", "ACCEPTED", "DUPLICATE"]
    assert [each["idempotencyKey"] for each in receipts] == ["a", None, "b", "c", "a"]
    assert len((await store_of(sender.http))["rows"]) == 2


async def test_whoever_does_not_sign_rightly_and_just_now_is_refused(sender: Sender) -> None:
    body = json.dumps({"rows": [row("k1")]}).encode()
    wrong = [
        ({"X-App-Id": "someone-else"}, "UNKNOWN_APP"),
        ({"X-Signature": "0" * 64}, "BAD_SIGNATURE"),
        ({"X-Nonce": "short"}, "BAD_SIGNATURE"),
        ({"X-Timestamp": "now"}, "BAD_SIGNATURE"),
        ({"X-Timestamp": str(int(time.time()) - 310)}, "TIMESTAMP_OUT_OF_RANGE"),
        ({"X-Timestamp": str(int(time.time()) + 310)}, "TIMESTAMP_OUT_OF_RANGE"),
    ]
    for changed, code in wrong:
        answer = await sender.post("orders", body, **changed)
        assert (answer.status_code, answer.json()["code"]) == (401, code), changed
    headers = sender.headers("/api/v1/orders", body)
    tampered = await sender.http.post("/api/v1/orders", content=body + b" ", headers=headers)
    elsewhere = await sender.http.post("/api/v1/redemptions", content=body, headers=headers)
    assert (tampered.status_code, elsewhere.status_code) == (401, 401)
    assert (await store_of(sender.http))["rows"] == []


async def test_a_nonce_works_once_in_ten_minutes(sender: Sender) -> None:
    body = json.dumps({"rows": [row("k1")]}).encode()
    assert (await sender.post("orders", body, **{"X-Nonce": "n" * 16})).status_code == 200
    again = await sender.post("orders", body, **{"X-Nonce": "n" * 16})
    assert (again.status_code, again.json()["code"]) == (401, "NONCE_REUSED")
    [kept] = (await store_of(sender.http))["rows"]
    assert kept["deliveries"] == 1

    await sender.http.put("/_sandbox/clock", json={"offset_seconds": 601})
    now = str(int(time.time()) + 601)
    assert (await sender.post("orders", body, **{"X-Nonce": "n" * 16, "X-Timestamp": now})).status_code == 200


async def test_a_batch_of_the_wrong_shape_or_size_is_refused_whole(sender: Sender) -> None:
    for body in (b"null", b"[]", b'{"rows": 1}', b'{"rows": []}', b"\xff", b"[" * 100_000):
        answer = await sender.post("orders", body)
        assert (answer.status_code, answer.json()["code"]) == (400, "MALFORMED"), body[:20]
    many = json.dumps({"rows": [row(f"k{number}") for number in range(101)]}).encode()
    too_many = await sender.post("orders", many)
    too_large = await sender.post("orders", json.dumps({"rows": [row("k", text="x" * 1_000_000)]}).encode())
    unknown = await sender.post("medals", json.dumps({"rows": [row("k")]}).encode())
    assert (too_many.status_code, too_many.json()["code"]) == (400, "TOO_MANY_ROWS")
    assert (too_large.status_code, too_large.json()["code"]) == (413, "TOO_LARGE")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "UNKNOWN_KIND")
    assert (await store_of(sender.http))["rows"] == []


async def test_a_later_hourly_figure_replaces_and_an_older_one_sent_again_does_not(sender: Sender) -> None:
    hour = {"venueId": "v1", "deviceId": "d1", "acqTime": "2026-11-20 18:00:00"}
    older, later = row("k1", **hour, acqNumOfPeople=3), row("k2", **hour, acqNumOfPeople=4)
    next_hour = row("k3", **(hour | {"acqTime": "2026-11-20 19:00:00"}), acqNumOfPeople=1)
    receipts = await sender.send("hourly-figures", older, later, next_hour, older)
    assert [each["status"] for each in receipts] == ["ACCEPTED", "ACCEPTED", "ACCEPTED", "DUPLICATE"]
    store = await store_of(sender.http, kind="hourly-figures")
    assert [each["payload"]["acqNumOfPeople"] for each in store["rows"]] == [4, 1]
    assert [(each["idempotencyKey"], each["replacedBy"]) for each in store["replaced"]] == [("k1", "k2")]
    [incomplete] = await sender.send("hourly-figures", row("k4", venueId="v1"))
    assert incomplete["status"] == "REJECTED"


async def test_what_is_rejected_on_purpose_is_accepted_when_it_comes_again_later(sender: Sender) -> None:
    await switch_on(sender.http, reject_kinds=["redemptions"], reject_subjects=["order-9"])
    [kind] = await sender.send("redemptions", row("a"))
    subject, other = await sender.send("orders", row("b", "order-9"), row("c"))
    assert [kind["status"], subject["status"], other["status"]] == ["REJECTED", "REJECTED", "ACCEPTED"]
    await switch_on(sender.http)
    [again] = await sender.send("redemptions", row("a"))
    assert again["status"] == "ACCEPTED"


async def test_500_before_keeps_nothing_and_500_after_keeps_the_row(sender: Sender) -> None:
    body = json.dumps({"rows": [row("k1")]}).encode()
    await switch_on(sender.http, http_500=True)
    assert (await sender.post("orders", body)).status_code == 500
    assert (await store_of(sender.http))["rows"] == []
    await switch_on(sender.http, http_500_after=True)
    assert (await sender.post("orders", body)).status_code == 500
    await switch_on(sender.http)
    [again] = await sender.send("orders", row("k1"))
    assert again["status"] == "DUPLICATE"


async def test_a_dropped_connection_loses_the_answer_but_not_the_row(sender: Sender) -> None:
    await switch_on(sender.http, drop_connection=True)
    with pytest.raises(httpx.RemoteProtocolError):
        await sender.send("orders", row("k1"))
    await switch_on(sender.http)
    [again] = await sender.send("orders", row("k1"))
    assert again["status"] == "DUPLICATE"


async def test_a_slow_answer_comes_late(sender: Sender) -> None:
    await switch_on(sender.http, slow=0.2)
    started = time.monotonic()
    await sender.send("orders", row("k1"))
    assert time.monotonic() - started >= 0.2
