"""What leaves the house: in answers, in the log, in traces, in metrics and at rest.

No phone number, openid, token, code or session_key.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from models.database import rows
from models.footfall import devices
from tests.bff.conftest import Valkey
from tests.collector import a_collector
from tests.databases import Database
from tests.factories.booking import a_hall, at
from tests.house import PASSWORD, House, contents, line, opened
from tests.outside import Outside
from tests.resolvers import documents

PHONE = "13987654321"


@asynccontextmanager
async def a_broken_table() -> AsyncIterator[None]:
    """Something that nobody expects: a table is gone."""
    await rows("ALTER TABLE sport RENAME TO sport_elsewhere")
    try:
        yield
    finally:
        await rows("ALTER TABLE sport_elsewhere RENAME TO sport")


async def test_an_unexpected_error_is_told_by_a_reference_that_is_in_the_log_with_its_cause(house: House) -> None:
    async with a_broken_table():
        answer = await house.ask(documents.SPORTS)
    (error,) = answer.said["errors"]
    reference = error["extensions"]["reference"]
    assert re.fullmatch(r"[2-9A-HJ-NP-Z]{6}", reference)
    assert error["message"] == f"系统出了点问题，请稍后再试。编号 {reference}"
    assert error["extensions"]["code"] == "INTERNAL"
    assert "sport_elsewhere" not in answer.text
    assert not re.search(r"Error|Traceback|SELECT|table|relation", answer.text)
    (logged,) = [said for said in house.log_lines() if said.get("reference") == reference]
    assert logged["level"] == "error"
    assert "sport" in logged["exception"]


async def test_a_refusal_of_a_query_carries_its_code_field_and_way_out_and_no_internals(house: House) -> None:
    answer = await house.ask(documents.SLOTS, {"venueId": "ven_unknown", "date": "2026-11-21"})
    (error,) = answer.said["errors"]
    assert answer.said["data"] is None
    assert error["message"] == "没有找到这个场馆。请返回列表重新选择。"
    assert error["extensions"] == {
        "code": "VENUE_UNKNOWN",
        "field": "venueId",
        "nextStep": "请返回列表重新选择。",
    }
    assert not [said for said in house.log_lines() if said["level"] in ("warning", "error")]


async def test_a_whole_journey_leaves_nothing_personal_anywhere(
    db: Database, outside: Outside, shared_valkey: Valkey, tmp_path: Path
) -> None:
    with a_collector() as collector:
        given = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
        async with opened(db, outside, shared_valkey, tmp_path, **given) as house:
            secrets = await _a_whole_journey(house)
            metrics = (await house.http.get("/metrics")).text
    assert len(collector.named("POST /graphql")) >= 20
    assert len(collector.named("POST wechat-pay")) == 1
    assert len(collector.named("POST /gates/{token}")) == 1
    spans = b"".join(collector.bodies)
    assert 'route="/gates/{token}"' in metrics
    for secret in secrets:
        assert secret not in house.log(), secret
        assert secret.encode() not in spans, secret
        assert secret not in metrics, secret


async def _a_whole_journey(house: House) -> list[str]:
    """Gives every secret that was used on the way."""
    session_keys: list[str] = []

    async def overhear(response: httpx.Response) -> None:
        if response.request.url.path == "/sns/jscode2session":
            session_keys.append(response.json()["session_key"])

    async def read(response: httpx.Response) -> None:
        await response.aread()

    house.wechat.event_hooks = {"response": [read, overhear]}
    hall = await a_hall()
    gate = await devices.create_gate(
        device_no="GATE-1",
        venue_public_id=hall.venue.public_id,
        direction="ENTRY",
        keys=house.wired.settings.gate_keys,
    )
    citizen = await house.citizen(phone=PHONE)
    first = citizen.tokens
    phone_code = await citizen.phone_code()
    await citizen.ask(documents.BIND_PHONE, code=phone_code)
    await citizen.ask(documents.BIND_PHONE, code=phone_code)  # used up: refused
    order = await citizen.has_paid(line(hall.badminton, at(11, days=0), people=2))
    one, two = [admission["id"] for admission in order["admissions"]]
    await house.travel(at(10, 45, days=0))
    clerk = await house.clerk(hall.venue.public_id)
    codes = [await citizen.code(one), await citizen.code(two)]
    printed = (await citizen.ask(documents.ADMISSION_CODES, admissionId=one)).value["printedCode"]
    for code in (codes[0], codes[0], printed, "8" * 24):
        await clerk.scans(code, hall.venue.public_id)
    opened = await house.http.post(
        f"/gates/{gate.token}", content=f"vgdecoderesult={codes[1]}&&devicenumber=GATE-1&&otherparams="
    )
    assert opened.text.startswith("code=0000")
    refused = await citizen.ask(documents.CANCEL_ORDER, orderNo=order["orderNo"])
    assert refused.refusal.code == "ORDER_STARTED"
    await house.ask(documents.REFRESH_SIGN_IN, {"refreshToken": first["refreshToken"], "deviceId": "phone-1"})
    async with a_broken_table():
        await citizen.ask(documents.SPORTS)
    await citizen.ask(documents.ME)
    await citizen.ask(documents.SIGN_OUT)
    await citizen.ask(documents.ME)

    answers, kept = "\n".join(house.answers), str(await contents())
    assert len(house.log_lines()) > 20
    assert len(session_keys) == 1
    tokens = [citizen.tokens["accessToken"], citizen.tokens["refreshToken"], clerk.authorization.split()[1]]
    never = {
        "phone": PHONE,
        "session_key": session_keys[0],
        "wechat secret": house.outside.env["WECHAT_MINI_PROGRAM_SECRET"],
    }
    for what, secret in {**never, "openid": citizen.openid, "password": PASSWORD}.items():
        assert secret not in answers, what
    logged = [*never.values(), citizen.openid, PASSWORD, phone_code, gate.token, gate.signing_secret, printed]
    for secret in (*never.values(), PASSWORD, gate.token, gate.signing_secret, printed, *tokens, *codes):
        assert secret not in kept, secret
    assert "session_key" not in answers + kept
    assert "139****4321" in answers
    return [*logged, *tokens, *codes, "8" * 24]
