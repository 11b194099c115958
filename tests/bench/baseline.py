"""The bare routes beside which ours are measured: Starlette, asyncpg, orjson, and plain Python written by hand.

They send the statements that ours send, in the same order, and answer with the same data; `test_baseline.py` holds
both. They know no layers, no types of ours, no GraphQL, and only the way that succeeds: what would be refused is
a 409. What they share with ours, and why, is in docs/decisions/bench-baseline.md; changing them, their
`statements.py` or their `bare_grid.py` needs a page in docs/decisions/.
"""

import hashlib
import os
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bff.settings import read_settings
from jobs.queue import Queue
from maps.nearest import Metric
from models.booking.queries import HELD
from models.calendar import SHANGHAI
from models.codes import rules as codes
from models.codes.rules import CodeKeys, CodeVersions
from models.ids import new_id, new_no
from models.keys import code_keys
from models.venues.queries import nearby_sql
from tests.bench import statements as sql
from tests.bench.bare_grid import Day, clock_text, demand, is_taken, priced, read_day

NEARBY = nearby_sql(True, False, False, False)
CONNECTIONS = 8


@dataclass(frozen=True)
class House:
    pool: asyncpg.Pool
    wake: Callable[[str], Awaitable[None]]
    keys: CodeKeys


Asked = Mapping[str, Any]
Answer = Callable[[House, Asked, str, datetime], Awaitable[dict[str, Any]]]


def from_environment() -> Starlette:
    """What uvicorn serves: the variables that ours reads, and its pool's size."""
    settings = read_settings()

    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        queue = Queue(settings.redis_url)
        async with open_pool(os.environ["BARE_DATABASE_URL"]) as pool:
            app.state.house = House(pool, queue.wake, code_keys(settings.code_keys))
            yield
        await queue.close()

    return Starlette(routes=routes(), lifespan=life)


def open_pool(database_url: str) -> Any:
    return asyncpg.create_pool(
        database_url, min_size=CONNECTIONS, max_size=CONNECTIONS, server_settings={"application_name": "bare"}
    )


def routes() -> list[Route]:
    return [
        _route("/venues-near", venues_near),
        _route("/slots", slots),
        _route("/place-order", place_order),
        _route("/redeem", redeem),
    ]


def _route(path: str, answer: Answer) -> Route:
    """A POST of what GraphQL calls variables."""

    async def endpoint(request: Request) -> Response:
        asked = orjson.loads(await request.body())
        token = request.headers.get("authorization", "").partition(" ")[2]
        data = await answer(request.app.state.house, asked, token, datetime.now(UTC))
        return Response(orjson.dumps({"data": data}), media_type="application/json")

    return Route(path, endpoint, methods=["POST"])


# Venues nearby


async def venues_near(house: House, asked: Asked, _token: str, now: datetime) -> dict[str, Any]:
    point, radius, first = asked["point"], asked["radiusM"], asked["first"]
    demand(point["system"] == asked["coordinateSystem"] == "WGS84" and 0 < radius <= 100_000 and 0 < first <= 50)
    metric = Metric.at(point["lon"], point["lat"])
    weekday = now.astimezone(SHANGHAI).weekday()
    found = await house.pool.fetch(
        NEARBY, *metric.box(radius), *metric.numbers, float(radius) ** 2, first + 1, weekday
    )
    edges = [_venue_edge(row) for row in found[:first]]
    page = {"hasNextPage": len(found) > first, "endCursor": edges[-1]["cursor"] if edges else None}
    return {"venuesNear": {"edges": edges, "pageInfo": page}}


def _venue_edge(row: Any) -> dict[str, Any]:
    squared_metres = row["squared_metres"]
    return {
        "distanceM": round(squared_metres**0.5),
        "cursor": urlsafe_b64encode(orjson.dumps([squared_metres, row["id"]])).decode(),
        "node": {
            "id": row["public_id"],
            "name": row["name"],
            "address": row["address"],
            "venueType": row["venue_type"],
            "regionName": row["region_name"],
            "coordinate": {"lon": round(row["lon"], 6), "lat": round(row["lat"], 6), "system": "WGS84"},
            "coordinateQuality": row["coordinate_quality"],
            "phone": row["phone"],
            "grade": row["grade"],
            "isOpen": row["is_open"],
            "priceFrom": row["price_from_fen"],
            "priceIsDemonstration": row["price_is_demonstration"],
            "sports": [{"code": code, "name": name} for code, name in orjson.loads(row["sports"] or "[]")],
            "openingToday": [
                {"opens": clock_text(opens), "closes": clock_text(closes)}
                for opens, closes in orjson.loads(row["opening_today"] or "[]")
            ],
        },
    }


# The grid of a day


async def slots(house: House, asked: Asked, _token: str, now: datetime) -> dict[str, Any]:
    async with house.pool.acquire() as connection:
        day = await read_day(connection, asked["venueId"], date.fromisoformat(asked["date"]))
        found = await connection.fetch(HELD, day.venue_id, day.first_step, day.first_step + 48)
    held = {(row["part_id"], row["step"]) for row in found}
    released = day.released_at <= now
    grid = [_court_row(day, court, held, released, now) for court in day.courts.values()]
    return {"slots": [row for row in grid if row["slots"]]}


def _court_row(
    day: Day, court: list[Any], held: set[tuple[int, int]], released: bool, now: datetime
) -> dict[str, Any]:
    parts = day.parts[court[0]]
    row = []
    for start, end, price, kind, label, published in priced(day, court):
        starts_at = day.midnight + timedelta(minutes=start)
        if starts_at <= now:
            status = "PAST"
        elif is_taken(held, parts, day.first_step + start // 30, day.first_step + end // 30):
            status = "TAKEN"
        else:
            status = "AVAILABLE" if released else "NOT_RELEASED"
        row.append(
            {
                "startsAt": starts_at,
                "endsAt": day.midnight + timedelta(minutes=end),
                "status": status,
                "price": price,
                "priceKind": kind,
                "priceLabel": label,
                "priceIsDemonstration": not published,
            }
        )
    return {"courtId": court[1], "courtName": court[2], "maxPeople": court[5], "slots": row}


# Placing an order


async def place_order(house: House, asked: Asked, token: str, now: datetime) -> dict[str, Any]:
    key, (line,) = asked["idempotencyKey"], asked["lines"]
    court_id, people = line["courtId"], line["people"]
    starts_at = datetime.fromisoformat(line["startsAt"]).astimezone(UTC)
    request_hash = hashlib.sha256(orjson.dumps([[court_id, starts_at.timestamp(), people, None]])).hexdigest()
    async with house.pool.acquire() as connection:
        member = await connection.fetchrow(sql.MEMBER, hashlib.sha256(token.encode()).hexdigest(), now)
        demand(member and 0 < len(key) <= 64)
        member_id = member["member_id"]
        demand(not await connection.fetchrow(sql.PLACED_BEFORE, member_id, key))
        venue = await connection.fetchrow(sql.VENUE_OF_COURT, court_id)
        local = starts_at.astimezone(SHANGHAI)
        day = await read_day(connection, venue["venue_public_id"], local.date())
        court = next(court for court in day.courts.values() if court[1] == court_id)
        minute = local.hour * 60 + local.minute
        slot = next(slot for slot in priced(day, court) if slot[0] == minute)
        demand(starts_at > now and day.released_at <= now and 1 <= people <= court[5])
        async with connection.transaction():
            order_no = await _write_order(connection, day, court, slot, member_id, key, request_hash, people, now)
        await house.wake("forward")
        order = await _order(connection, member_id, order_no)
    return {"placeOrder": {"order": order, "userErrors": []}}


async def _write_order(
    connection: Any,
    day: Day,
    court: list[Any],
    slot: tuple[Any, ...],
    member_id: int,
    key: str,
    request_hash: str,
    people: int,
    now: datetime,
) -> str:
    start, end, price, _, label, _ = slot
    await connection.fetchrow(sql.LOCK_MEMBER, member_id)
    demand(not await connection.fetchrow(sql.PLACED_BEFORE, member_id, key))
    minutes = {court[0]: end - start}
    for held in await connection.fetch(sql.MINUTES_HELD, member_id, day.venue_id, day.date):
        length = int((held["ends_at"] - held["starts_at"]).total_seconds()) // 60
        minutes[held["court_id"]] = minutes.get(held["court_id"], 0) + length
    demand(len(minutes) <= day.limits[0] and minutes[court[0]] <= day.limits[1])
    order_no = new_no("O", now)
    expires_at = now + timedelta(minutes=day.limits[4])
    order_id = await connection.fetchval(
        sql.INSERT_ORDER,
        *(order_no, "PENDING_PAYMENT", price, key, request_hash, now, expires_at, None, None, ""),
        *(member_id, day.venue_id),
    )
    starts_at, ends_at = day.midnight + timedelta(minutes=start), day.midnight + timedelta(minutes=end)
    title = f"{court[2]} {day.date.month}月{day.date.day}日 {clock_text(start)}–{clock_text(end)}"
    line_id = await connection.fetchval(
        sql.INSERT_LINE,
        *(1, "COURT_SLOT", starts_at, ends_at, day.date, price, people, title, label, court[0], order_id),
    )
    steps = range(day.first_step + start // 30, day.first_step + end // 30)
    cells = [(part, step, day.venue_id, line_id) for part in day.parts[court[0]] for step in steps]
    taken = await connection.fetch(sql.insert_cells(len(cells)), *[value for cell in cells for value in cell])
    demand(len(taken) == len(cells))
    return order_no


async def _order(connection: Any, member_id: int, order_no: str) -> dict[str, Any]:
    order = await connection.fetchrow(sql.ORDER, member_id, order_no)
    lines = await connection.fetch(sql.LINES, order["id"])
    await connection.fetch(sql.ADMISSIONS, order["id"])
    await connection.fetch(sql.REFUNDS, order["id"])
    return {
        "orderNo": order["order_no"],
        "status": order["status"],
        "venueId": order["venue_id"],
        "venueName": order["venue_name"],
        "total": order["total_fen"],
        "placedAt": order["placed_at"],
        "holdExpiresAt": order["hold_expires_at"],
        "lines": [
            {
                "lineNo": line["line_no"],
                "title": line["title"],
                "courtId": line["court_public_id"],
                "courtName": line["court_name"],
                "startsAt": line["starts_at"],
                "endsAt": line["ends_at"],
                "people": line["people"],
                "price": line["price_fen"],
                "priceLabel": line["price_label"],
            }
            for line in lines
        ],
    }


# Redeeming a code


async def redeem(house: House, asked: Asked, token: str, now: datetime) -> dict[str, Any]:
    code, venue_id, nonce, checkpoint = asked["code"], asked["venueId"], asked["nonce"], asked["checkpoint"]
    demand(8 <= len(nonce) <= 64 and 1 <= len(checkpoint) <= 40)
    async with house.pool.acquire() as connection:
        clerk = await connection.fetchrow(sql.CLERK, hashlib.sha256(token.encode()).hexdigest())
        demand(clerk and now - clerk["started_at"] < timedelta(hours=12))
        demand(now - clerk["last_seen_at"] < timedelta(minutes=1))  # later its row would be written as well
        own = await connection.fetch(sql.VENUES_OF_CLERK, clerk["staff_id"])
        demand(any(row["public_id"] == venue_id for row in own))
        venue = await connection.fetchrow(sql.VENUE_ID, venue_id)
        async with connection.transaction():
            verdict = await _judge(connection, house.keys, clerk, venue["id"], checkpoint, code, nonce, now)
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
) -> dict[str, Any]:
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
    return {
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
    )
    await connection.execute(sql.UPDATE_ADMISSION, number, True, now, admission["id"])
