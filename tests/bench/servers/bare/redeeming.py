"""Redeeming a rotating code at a desk, by hand: the first entry."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from models.audit.rules import signed_text
from models.calendar import SHANGHAI
from models.codes import rules as codes
from models.codes.rules import CodeKeys, CodeVersions
from models.ids import new_id
from tests.bench.servers.bare import statements as sql
from tests.bench.servers.bare.house import Asked, House, demand

OPEN_A_DESK = ("REDEEMER", "VENUE_MANAGER")


async def redeem(request: Request) -> Response:
    assert request.client
    asked, token = orjson.loads(await request.body()), request.headers.get("authorization", "").partition(" ")[2]
    data = await _redeem(request.app.state.house, asked, token, request.client.host, datetime.now(UTC))
    return Response(orjson.dumps({"data": data}), media_type="application/json")


async def _redeem(house: House, asked: Asked, token: str, address: str, now: datetime) -> dict[str, Any]:
    code, venue_id, nonce, checkpoint = asked["code"], asked["venueId"], asked["nonce"], asked["checkpoint"]
    demand(8 <= len(nonce) <= 64 and 1 <= len(checkpoint) <= 40)
    async with house.pool.acquire() as connection:
        clerk = await connection.fetchrow(sql.CLERK, hashlib.sha256(token.encode()).hexdigest())
        demand(clerk and clerk["stage"] == "OPEN" and now - clerk["started_at"] < timedelta(hours=12))
        demand(now - clerk["last_seen_at"] < timedelta(minutes=1))  # later its row would be written as well
        roles = await connection.fetch(sql.ROLES_OF_CLERK, clerk["staff_id"])
        demand(any(row["venue_id"] == venue_id and row["role"] in OPEN_A_DESK for row in roles))
        venue = await connection.fetchrow(sql.VENUE_ID, venue_id)
        async with connection.transaction():
            admission_id, verdict = await _judge(
                connection, house.keys, clerk, venue["id"], checkpoint, code, nonce, now
            )
            await _write_down(connection, house, clerk, admission_id, venue_id, address, now)
        await house.wake("forward")
    return {"redeem": {"verdict": verdict, "userErrors": []}}


async def _judge(
    connection: Any,
    keys: CodeKeys,
    clerk: Any,
    venue_id: int,
    checkpoint: str,
    code: str,
    nonce: str,
    now: datetime,
) -> tuple[str, dict[str, Any]]:
    device = f"desk:{clerk['staff_id']}:{clerk['device_id']}"
    asked = hashlib.sha256(orjson.dumps([code, venue_id, "ENTRY", False])).hexdigest()
    scan_id = await connection.fetchval(
        sql.INSERT_SCAN, device, nonce, asked, clerk["staff_id"], venue_id, checkpoint, False, now
    )
    demand(scan_id)
    queue = hashlib.sha256(f"scans of {device}".encode()).digest()[:8]
    await connection.fetchrow(sql.LOCK_DESK, int.from_bytes(queue, signed=True))
    demand(await connection.fetchval(sql.UNKNOWN_CODES, device, now - timedelta(minutes=1)) < 20)
    parts = codes.read(code)
    demand(parts)
    assert parts
    found = await connection.fetchrow(sql.FIND_ADMISSION, parts.handle)
    await connection.fetchrow(sql.LOCK_ORDER, found["order_id"])
    admission = await connection.fetchrow(sql.LOCK_ADMISSION, found["id"], 2)
    versions = CodeVersions(found["member_code_version"], found["code_version"])
    place = {"venue": found["venue_public_id"], "day": found["business_day"], "now": now}
    demand(codes.is_genuine(keys, parts, versions=versions, **place))
    demand(admission["venue_id"] == venue_id and admission["revoked_at"] is None)
    demand(admission["opens_at"] <= now < admission["ends_at"] and admission["first_entered_at"] is None)
    await _enter(connection, admission, checkpoint, now)
    answer = {
        "outcome": "ENTERED",
        "colour": "GREEN",
        "headline": "请入场",
        "detail": "",
        "next_step": "",
        "admission_id": admission["id"],
        "person": f"adm:{admission['id']}",
        "court": admission["title"].rsplit(" ", 2)[0],
        "starts_at": admission["starts_at"].isoformat(),
        "ends_at": admission["ends_at"].isoformat(),
    }
    await connection.execute(sql.ANSWER_SCAN, admission["id"], "ENTERED", orjson.dumps(answer).decode(), scan_id)
    verdict = {
        "outcome": "ENTERED",
        "passed": True,
        "colour": "GREEN",
        "headline": "请入场",
        "detail": "",
        "nextStep": "",
        "court": admission["title"].rsplit(" ", 2)[0],
        "startsAt": admission["starts_at"],
        "endsAt": admission["ends_at"],
    }
    return admission["public_id"], verdict


async def _write_down(
    connection: Any, house: House, clerk: Any, admission_id: str, venue_id: str, address: str, now: datetime
) -> None:
    """The audit line, as the transaction's last statement."""
    line = {
        "public_id": new_id("aud"),
        "at": now,
        "actor_kind": "STAFF",
        "actor_id": clerk["public_id"],
        "act": "redeem",
        "subject_kind": "ADMISSION",
        "subject_id": admission_id,
        "venue_id": venue_id,
        "outcome": "OK",
        "is_reading": False,
        "address": address,
        "device_id": clerk["device_id"],
        "detail": "ENTERED",
    }
    await connection.execute(sql.INSERT_AUDIT_LINE, *line.values(), *house.audit_keys.mac(signed_text(line)))


async def _enter(connection: Any, admission: Any, door: str, now: datetime) -> None:
    number = admission["passage_count"] + 1
    await connection.fetchval(sql.INSERT_PASSAGE, number, "ENTRY", now, door, admission["id"])
    about = await connection.fetchrow(sql.ABOUT_ORDER, admission["order_id"])
    payload = {
        "orderNo": about["order_no"],
        "admissionId": admission["public_id"],
        "venueId": about["ref"],
        "door": door,
        "redeemedAt": now.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S"),
    }
    await connection.execute(
        sql.INSERT_OUTBOX,
        *(new_id("row"), "redemptions", f"order:{about['order_no']}", orjson.dumps(payload).decode(), now),
        about["province_code"],
    )
    await connection.execute(sql.UPDATE_ADMISSION, number, True, now, admission["id"])
