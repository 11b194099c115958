"""The bare routes beside which ours are measured: Starlette, asyncpg, orjson, and plain Python written by hand.

They send the statements that ours send, in the same order, and answer with the same data; `test_baseline.py` holds
both. They know no layers, no types of ours, no GraphQL, and only the way that succeeds: what would be refused is
a 409. What they share with ours, and why, is in docs/decisions/bench-baseline.md, and changing them needs a page
there.
"""

import hashlib
import os
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import asyncpg
import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bff.settings import read_settings
from jobs.queue import Queue
from maps.nearest import Metric
from models.booking.queries import HELD, TIMETABLE
from models.calendar import SHANGHAI
from models.codes import rules as codes
from models.codes.rules import CodeKeys, CodeVersions
from models.ids import new_id, new_no
from models.keys import code_keys
from models.venues.queries import _nearby_sql
from tests.bench import statements as sql

NEARBY = _nearby_sql(True, False, False, False)
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


def _demand(condition: object) -> None:
    if not condition:
        raise HTTPException(409)


# Venues nearby


async def venues_near(house: House, asked: Asked, _token: str, now: datetime) -> dict[str, Any]:
    point, radius, first = asked["point"], asked["radiusM"], asked["first"]
    _demand(point["system"] == asked["coordinateSystem"] == "WGS84" and 0 < radius <= 100_000 and 0 < first <= 50)
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
                {"opens": _clock(opens), "closes": _clock(closes)}
                for opens, closes in orjson.loads(row["opening_today"] or "[]")
            ],
        },
    }


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


# The grid of a day

LABELS = {"FREE": "免费时段", "LOW": "低收费", "MARKET": "市场价"}


@dataclass(frozen=True)
class Day:
    """A venue's day out of the timetable's one row, as lists of JSON."""

    venue_id: int
    date: date
    midnight: datetime
    courts: dict[int, list[Any]]  # id → id, public id, name, sport, slot minutes, most people, position
    parts: dict[int, list[int]]
    openings: list[list[Any]]
    windows: list[list[Any]]  # those of this day, broadest first
    limits: list[int]

    @property
    def first_step(self) -> int:
        return int(self.midnight.timestamp()) // 1800

    @property
    def released_at(self) -> datetime:
        return self.midnight - timedelta(days=self.limits[2]) + timedelta(minutes=self.limits[3])


async def slots(house: House, asked: Asked, _token: str, now: datetime) -> dict[str, Any]:
    async with house.pool.acquire() as connection:
        day = await _day(connection, asked["venueId"], date.fromisoformat(asked["date"]))
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
    for start, end, price, kind, label, published in _priced(day, court):
        starts_at = day.midnight + timedelta(minutes=start)
        if starts_at <= now:
            status = "PAST"
        elif _is_taken(held, parts, day.first_step + start // 30, day.first_step + end // 30):
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


def _is_taken(held: set[tuple[int, int]], parts: list[int], first: int, last: int) -> bool:
    return any((part, step) in held for part in parts for step in range(first, last))


def _priced(day: Day, court: list[Any]) -> Iterator[tuple[int, int, int, str, str, bool]]:
    """A court's slots that can be sold: from, to, fen, kind, label, whether its price was published."""
    name, sport, length = court[2], court[3], court[4]
    painted: list[Any] = [None] * 48
    mine = [window for window in day.windows if window[7] in ("", sport) and window[8] in ("", name)]
    for window in sorted(mine, key=lambda window: (window[8] != "", window[7] != "")):
        painted[window[1] // 30 : window[2] // 30] = [window] * ((window[2] - window[1]) // 30)
    own = sport if any(opening[3] == sport for opening in day.openings) else ""
    weekday = day.date.weekday()
    for opens, closes in sorted((o[1], o[2]) for o in day.openings if o[3] == own and o[0] == weekday):
        for start in range(opens, closes - length + 1, length):
            halves = painted[start // 30 : (start + length) // 30]
            if None in halves:
                continue
            kinds = list(dict.fromkeys([window[3] for window in halves]))
            yield (
                start,
                start + length,
                (sum([window[4] for window in halves]) + 1) // 2,
                kinds[0] if len(kinds) == 1 else "MIXED",
                "＋".join([LABELS[kind] for kind in kinds]),
                all(window[5] == window[6] == "PUBLISHED" for window in halves),
            )


async def _day(connection: Any, venue_id: str, day: date) -> Day:
    row = await connection.fetchrow(TIMETABLE, venue_id, "", day, date(day.year, 1, 1), date(day.year, 12, 31))
    _demand(row and row["is_open"])
    covers = sorted(orjson.loads(row["courts"] or "[]"), key=lambda court: (court[6], court[0], court[7]))
    parts: dict[int, list[int]] = {}
    for cover in covers:
        parts.setdefault(cover[0], []).append(cover[7])
    off = row["notice"] == "HOLIDAY" or (row["notice"] is None and day.weekday() >= 5)
    if row["notice"] == "HOLIDAY" or day.weekday() >= 5:
        weekday = "WEEKEND_STATUTORY"
    else:
        weekday = "MON" if day.weekday() == 0 else "TUE_FRI"
    kinds = ("ALL", "HOLIDAY" if off else "WORKDAY", weekday)  # broadest first
    windows = [window for window in orjson.loads(row["windows"] or "[]") if window[0] in kinds]
    return Day(
        venue_id=row["id"],
        date=day,
        midnight=datetime.combine(day, time(), SHANGHAI).astimezone(UTC),
        courts={cover[0]: cover for cover in covers},
        parts=parts,
        openings=orjson.loads(row["openings"] or "[]"),
        windows=sorted(windows, key=lambda window: kinds.index(window[0])),
        limits=orjson.loads(row["limits"]),
    )


# Placing an order


async def place_order(house: House, asked: Asked, token: str, now: datetime) -> dict[str, Any]:
    key, (line,) = asked["idempotencyKey"], asked["lines"]
    court_id, people = line["courtId"], line["people"]
    starts_at = datetime.fromisoformat(line["startsAt"]).astimezone(UTC)
    request_hash = hashlib.sha256(orjson.dumps([[court_id, starts_at.timestamp(), people, None]])).hexdigest()
    async with house.pool.acquire() as connection:
        member = await connection.fetchrow(sql.MEMBER, hashlib.sha256(token.encode()).hexdigest(), now)
        _demand(member and 0 < len(key) <= 64)
        member_id = member["member_id"]
        _demand(not await connection.fetchrow(sql.PLACED_BEFORE, member_id, key))
        venue = await connection.fetchrow(sql.VENUE_OF_COURT, court_id)
        local = starts_at.astimezone(SHANGHAI)
        day = await _day(connection, venue["venue_public_id"], local.date())
        court = next(court for court in day.courts.values() if court[1] == court_id)
        minute = local.hour * 60 + local.minute
        slot = next(slot for slot in _priced(day, court) if slot[0] == minute)
        _demand(starts_at > now and day.released_at <= now and 1 <= people <= court[5])
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
    _demand(not await connection.fetchrow(sql.PLACED_BEFORE, member_id, key))
    minutes = {court[0]: end - start}
    for held in await connection.fetch(sql.MINUTES_HELD, member_id, day.venue_id, day.date):
        length = int((held["ends_at"] - held["starts_at"]).total_seconds()) // 60
        minutes[held["court_id"]] = minutes.get(held["court_id"], 0) + length
    _demand(len(minutes) <= day.limits[0] and minutes[court[0]] <= day.limits[1])
    order_no = new_no("O", now)
    expires_at = now + timedelta(minutes=day.limits[4])
    order_id = await connection.fetchval(
        sql.INSERT_ORDER,
        *(order_no, "PENDING_PAYMENT", price, key, request_hash, now, expires_at, None, None, ""),
        *(member_id, day.venue_id),
    )
    starts_at, ends_at = day.midnight + timedelta(minutes=start), day.midnight + timedelta(minutes=end)
    title = f"{court[2]} {day.date.month}月{day.date.day}日 {_clock(start)}–{_clock(end)}"
    line_id = await connection.fetchval(
        sql.INSERT_LINE,
        *(1, "COURT_SLOT", starts_at, ends_at, day.date, price, people, title, label, court[0], order_id),
    )
    steps = range(day.first_step + start // 30, day.first_step + end // 30)
    cells = [(part, step, day.venue_id, line_id) for part in day.parts[court[0]] for step in steps]
    taken = await connection.fetch(sql.insert_cells(len(cells)), *[value for cell in cells for value in cell])
    _demand(len(taken) == len(cells))
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
    _demand(8 <= len(nonce) <= 64 and 1 <= len(checkpoint) <= 40)
    async with house.pool.acquire() as connection:
        clerk = await connection.fetchrow(sql.CLERK, hashlib.sha256(token.encode()).hexdigest())
        _demand(clerk and now - clerk["started_at"] < timedelta(hours=12))
        _demand(now - clerk["last_seen_at"] < timedelta(minutes=1))  # later its row would be written as well
        own = await connection.fetch(sql.VENUES_OF_CLERK, clerk["staff_id"])
        _demand(any(row["public_id"] == venue_id for row in own))
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
    _demand(scan_id)
    _demand(await connection.fetchval(sql.UNKNOWN_CODES, device, now - timedelta(minutes=1)) < 20)
    parts = codes.read(code)
    _demand(parts)
    assert parts
    found = await connection.fetchrow(sql.FIND_ADMISSION, parts.handle)
    await connection.fetchrow(sql.LOCK_ORDER, found["order_id"])
    admission = await connection.fetchrow(sql.LOCK_ADMISSION, found["id"], 2)
    versions = CodeVersions(found["member_code_version"], found["code_version"])
    place = {"venue": found["venue_public_id"], "day": found["business_day"], "now": now}
    _demand(codes.is_genuine(keys, parts, versions=versions, **place))
    _demand(admission["venue_id"] == venue_id and admission["revoked_at"] is None)
    _demand(admission["opens_at"] <= now < admission["ends_at"] and admission["first_entered_at"] is None)
    await _enter(connection, admission, checkpoint, now)
    answer = {
        "outcome": "ENTERED",
        "colour": "GREEN",
        "headline": "请入场",
        "detail": "",
        "next_step": "",
        "admission_id": admission["id"],
        "person": f"adm:{admission['id']}",
        "court": admission["title"],
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
        "court": admission["title"],
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
