"""The gates' door: what a reader and a signing device send, and what opens."""

import hashlib
import hmac
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Any

import httpx
import orjson
import pytest
from starlette.applications import Starlette

from bff.http.doorway import Doorway
from bff.http.gates import gate_routes, read_form
from models.admissions.tables import Passage
from models.errors import BadInput
from models.footfall import devices
from models.footfall.devices import Protocol
from models.footfall.tables import GateScan
from models.venues.tables import Venue
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.gates import GATE_KEYS, Gate, a_gate, a_ticket
from tests.factories.people import CODE_KEYS
from tests.factories.places import a_venue

woken: list[str] = []


@pytest.fixture
async def door(db: Database) -> AsyncIterator[httpx.AsyncClient]:
    """The one route, called from 192.0.2.7 at NOW."""
    woken.clear()

    async def wake(name: str) -> None:
        woken.append(name)

    routes = gate_routes(code_keys=CODE_KEYS, gate_keys=GATE_KEYS, clock=lambda: NOW, wake=wake)
    transport = httpx.ASGITransport(Starlette(routes=routes), client=("192.0.2.7", 40000))
    async with httpx.AsyncClient(transport=transport, base_url="http://gates.test") as client:
        yield client


@pytest.fixture
async def venue(db: Database) -> Venue:
    return await a_venue()


async def read(door: httpx.AsyncClient, gate: Gate, body: str | bytes, **headers: str) -> httpx.Response:
    return await door.post(f"/gates/{gate.credentials.token}", content=body, headers=headers)


def form(gate: Gate, code: str) -> str:
    return f"vgdecoderesult={code}&&devicenumber={gate.device.device_no}&&otherparams="


async def nothing_happened() -> bool:
    return await GateScan.all().count() == await Passage.all().count() == len(woken) == 0


async def test_a_reader_opens_for_a_good_code_and_the_platform_job_is_woken(
    door: httpx.AsyncClient, venue: Venue
) -> None:
    gate, ticket = await a_gate(venue), await a_ticket(venue)
    answer = await read(door, gate, form(gate, ticket.code()))
    assert (answer.status_code, answer.text) == (200, "code=0000")
    assert answer.headers["content-type"].startswith("text/plain")
    assert woken == ["forward"]


async def test_a_reader_says_why_it_does_not_open(door: httpx.AsyncClient, venue: Venue) -> None:
    gate = await a_gate(venue)
    answer = await read(door, gate, form(gate, "0" * 24))
    assert (answer.status_code, answer.text) == (200, "code=0001&&desc=无效的码")
    assert woken == []


@pytest.mark.parametrize("content_type", ["text/html; charset=UTF-8", "application/json", "image/png", ""])
async def test_raw_mode_takes_the_bare_code_under_any_content_type(
    door: httpx.AsyncClient, venue: Venue, content_type: str
) -> None:
    gate, ticket = await a_gate(venue), await a_ticket(venue)
    answer = await read(door, gate, f"{ticket.code()}\r\n", **{"content-type": content_type})
    assert answer.text == "code=0000"


async def test_another_devices_number_is_refused(door: httpx.AsyncClient, venue: Venue) -> None:
    gate, other, ticket = await a_gate(venue), await a_gate(venue), await a_ticket(venue)
    for body in (form(other, ticket.code()), f"vgdecoderesult={ticket.code()}"):
        answer = await read(door, gate, body)
        assert (answer.status_code, answer.text[:9]) == (404, "code=0001")
    assert await nothing_happened()


async def test_a_token_that_is_not_ours_and_an_address_that_is_not_the_devices_look_the_same(
    door: httpx.AsyncClient, venue: Venue
) -> None:
    fenced = await a_gate(venue, allowed_networks=["198.51.100.0/24"])
    ticket = await a_ticket(venue)
    answers = [
        await read(door, fenced, form(fenced, ticket.code())),
        await door.post("/gates/unknown", content=form(fenced, ticket.code())),
    ]
    assert answers[0].status_code == answers[1].status_code == 404
    assert answers[0].content == answers[1].content
    assert await nothing_happened()


async def test_a_device_in_its_network_is_served(door: httpx.AsyncClient, venue: Venue) -> None:
    gate, ticket = await a_gate(venue, allowed_networks=["192.0.2.0/24"]), await a_ticket(venue)
    assert (await read(door, gate, form(gate, ticket.code()))).text == "code=0000"


async def test_an_address_that_only_a_header_claims_counts_only_from_our_proxies(
    door: httpx.AsyncClient, venue: Venue
) -> None:
    gate, ticket = await a_gate(venue, allowed_networks=["192.0.2.0/24"]), await a_ticket(venue)
    routes = gate_routes(code_keys=CODE_KEYS, gate_keys=GATE_KEYS, clock=lambda: NOW, wake=nobody)
    house = Doorway(Starlette(routes=routes), (ip_network("10.0.0.0/8"),), over_tls=False)

    async def from_address(address: str) -> httpx.Response:
        transport = httpx.ASGITransport(house, client=(address, 40000))
        async with httpx.AsyncClient(transport=transport, base_url="http://gates.test") as client:
            return await read(client, gate, form(gate, ticket.code()), **{"X-Forwarded-For": "192.0.2.7"})

    assert (await from_address("203.0.113.9")).status_code == 404
    assert await nothing_happened()
    assert (await from_address("10.0.0.1")).text == "code=0000"


async def nobody(_job: str) -> None: ...


@pytest.mark.parametrize("body", [b"", b"\xff\xfe\xfa", b"1" * 4097])
async def test_a_body_that_cannot_be_a_scan_is_a_400_that_does_not_open(
    door: httpx.AsyncClient, venue: Venue, body: bytes
) -> None:
    answer = await read(door, await a_gate(venue), body)
    assert (answer.status_code, answer.text[:14]) == (400, "code=0001&&des")
    assert await nothing_happened()


async def test_both_tokens_open_while_a_device_is_moved(door: httpx.AsyncClient, venue: Venue) -> None:
    gate, ticket = await a_gate(venue), await a_ticket(venue)
    new = await devices.rotate_token(device_no=gate.device.device_no, keys=GATE_KEYS)
    for token in (gate.credentials.token, new.token):
        assert (await door.post(f"/gates/{token}", content=form(gate, ticket.code()))).text == "code=0000"
    await devices.finish_rotation(device_no=gate.device.device_no)
    assert (await read(door, gate, form(gate, ticket.code()))).status_code == 404


@pytest.mark.parametrize(
    ("body", "meaning"),
    [
        (b"vgdecoderesult=12&&devicenumber=G-1&&otherparams=", ("12", "G-1")),
        (b"vgdecoderesult=12&devicenumber=G-1&otherparams=", ("12", "G-1")),
        (b"VGDECODERESULT=12&&devicenumber= G-1 \n", ("12", "G-1")),
        (b"vgdecoderesult=&&devicenumber=G-1", ("", "G-1")),
        (b"vgdecoderesult=12", ("12", "")),
        (b" 12\r\n", ("12", None)),
    ],
)
def test_what_readers_send_is_understood(body: bytes, meaning: tuple[str, str | None]) -> None:
    assert read_form(body) == meaning


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(BadInput):
        read_form(b"\xff")


def message(gate: Gate, code: str, **changed: Any) -> dict[str, Any]:
    return {
        "deviceNo": gate.device.device_no,
        "eventNo": "e-1",
        "code": code,
        "at": "2026-11-20T10:00:00+08:00",
    } | changed


async def send(
    door: httpx.AsyncClient, gate: Gate, content: object, *, sent_at: datetime = NOW, secret: str | None = None
) -> httpx.Response:
    """What the device would send: the content as JSON (or bytes as they are) and a signature over it."""
    body = content if isinstance(content, bytes) else orjson.dumps(content)
    timestamp = str(int(sent_at.timestamp()))
    key = (secret or gate.credentials.signing_secret).encode()
    signature = hmac.new(key, timestamp.encode() + b"\n" + body, hashlib.sha256).hexdigest()
    headers = {"X-Gate-Timestamp": timestamp, "X-Gate-Signature": signature}
    return await read(door, gate, body, **headers)


@pytest.fixture
async def signing(venue: Venue) -> Gate:
    return await a_gate(venue, protocol=Protocol.SIGNED)


async def test_a_signed_scan_opens_once_and_repeats_its_answer(
    door: httpx.AsyncClient, venue: Venue, signing: Gate
) -> None:
    ticket = await a_ticket(venue)
    answers = [await send(door, signing, message(signing, ticket.code())) for _ in range(2)]
    for answer in answers:
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        assert answer.json() == {"opens": True, "outcome": "ENTERED", "message": "请入场。"}
    assert await GateScan.all().count() == await Passage.all().count() == 1


async def test_a_signed_scan_that_is_refused_says_why(door: httpx.AsyncClient, signing: Gate) -> None:
    answer = await send(door, signing, message(signing, "0" * 24))
    assert (answer.status_code, answer.json()["opens"], answer.json()["outcome"]) == (200, False, "UNKNOWN_CODE")
    assert "无效的码" in answer.json()["message"]


def counted(signing: Gate, people: object) -> dict[str, object]:
    """In place of a code: how many passed."""
    return {key: value for key, value in message(signing, "").items() if key != "code"} | {"people": people}


async def test_a_device_that_counts_people_is_answered_once(door: httpx.AsyncClient, signing: Gate) -> None:
    told = counted(signing, 3)
    for _ in range(2):
        answer = await send(door, signing, told)
        assert (answer.status_code, answer.json()["opens"], answer.json()["outcome"]) == (200, True, "COUNTED")
    (kept,) = await GateScan.all()
    assert (kept.people, kept.admission_id) == (3, None)


@pytest.mark.parametrize("people", [0, -1, 101, True, 1.5, "3", None])
async def test_a_count_that_is_none_leaves_nothing(door: httpx.AsyncClient, signing: Gate, people: object) -> None:
    answer = await send(door, signing, counted(signing, people))
    assert (answer.status_code, answer.json()["outcome"]) == (400, "BAD_INPUT")
    assert await nothing_happened()


async def test_one_number_with_two_contents_is_a_conflict(
    door: httpx.AsyncClient, venue: Venue, signing: Gate
) -> None:
    first, second = await a_ticket(venue), await a_ticket(venue)
    await send(door, signing, message(signing, first.code()))
    answer = await send(door, signing, message(signing, second.code()))
    assert (answer.status_code, answer.json()["outcome"]) == (409, "IDEMPOTENCY_KEY_REUSED")
    assert await Passage.all().count() == 1


async def test_only_the_devices_own_signature_over_these_bytes_is_believed(
    door: httpx.AsyncClient, venue: Venue, signing: Gate
) -> None:
    good, other = message(signing, (await a_ticket(venue)).code()), await a_gate(venue)
    unsigned = await read(door, signing, orjson.dumps(good))
    stranger = await send(door, signing, good, secret=other.credentials.signing_secret)
    plain = await read(door, signing, form(signing, good["code"]))  # who knows only the token leaves it out
    for answer in (unsigned, stranger, plain):
        assert (answer.status_code, answer.json()["outcome"]) == (401, "NOT_ALLOWED")
    assert await nothing_happened()


@pytest.mark.parametrize("minutes", [-6, 6])
async def test_a_signature_of_another_time_is_refused(
    door: httpx.AsyncClient, venue: Venue, signing: Gate, minutes: int
) -> None:
    ticket = await a_ticket(venue)
    sent_at = NOW + timedelta(minutes=minutes)
    answer = await send(door, signing, message(signing, ticket.code(), at=sent_at.isoformat()), sent_at=sent_at)
    assert (answer.status_code, answer.json()["outcome"]) == (401, "NOT_ALLOWED")
    assert await nothing_happened()


BAD_MESSAGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "null": lambda good: None,
    "a text": lambda good: "x",
    "a number": lambda good: 1,
    "a list": lambda good: [good],
    "no JSON": lambda good: b"{",
    "bad UTF-8": lambda good: b'{"deviceNo":"\xff"}',
    "deep": lambda good: b"[" * 4000,
    "no time": lambda good: good | {"at": None},
    "a naive time": lambda good: good | {"at": "2026-11-20T10:00:00"},
    "no such time": lambda good: good | {"at": "yesterday"},
    "the first day of all": lambda good: good | {"at": "0001-01-01T00:00:00+14:00"},
    "a time to come": lambda good: good | {"at": "2026-11-20T10:01:00+08:00"},
    "two days ago": lambda good: good | {"at": "2026-11-18T10:00:00+08:00"},
    "a number for a code": lambda good: good | {"code": 1},
    "no code": lambda good: good | {"code": None},
    "no event number": lambda good: good | {"eventNo": ""},
    "too long": lambda good: good | {"code": "1" * 5000},
}


@pytest.mark.parametrize("kind", BAD_MESSAGES)
async def test_a_malformed_signed_message_is_a_400_and_leaves_nothing(
    door: httpx.AsyncClient, venue: Venue, signing: Gate, kind: str
) -> None:
    good = message(signing, (await a_ticket(venue)).code())
    answer = await send(door, signing, BAD_MESSAGES[kind](good))
    assert (answer.status_code, answer.json()["opens"], answer.json()["outcome"]) == (400, False, "BAD_INPUT")
    assert await nothing_happened()


async def test_a_signed_message_for_another_device_is_refused(
    door: httpx.AsyncClient, venue: Venue, signing: Gate
) -> None:
    good = message(signing, (await a_ticket(venue)).code(), deviceNo="G-else")
    answer = await send(door, signing, good)
    assert (answer.status_code, answer.json()["outcome"]) == (404, "DEVICE_UNKNOWN")
    assert await nothing_happened()


async def test_a_reader_is_never_asked_with_get(door: httpx.AsyncClient, venue: Venue) -> None:
    gate = await a_gate(venue)
    assert (await door.get(f"/gates/{gate.credentials.token}")).status_code == 405
