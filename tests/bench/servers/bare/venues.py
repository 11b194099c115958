"""Venues nearby, by hand; without and with how many are inside."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import orjson

from maps.nearest import Metric
from models.calendar import SHANGHAI
from models.venues.queries import nearby_sql
from tests.bench.servers.bare import statements as sql
from tests.bench.servers.bare.grid import clock_text
from tests.bench.servers.bare.house import Asked, House, demand

NEARBY = nearby_sql(True, False, False, False)


async def venues_near(house: House, asked: Asked, _token: str, now: datetime) -> dict[str, Any]:
    found = await house.pool.fetch(NEARBY, *_numbers(asked, now))
    return _page(found, asked["first"])


async def venues_near_live(house: House, asked: Asked, _token: str, now: datetime) -> dict[str, Any]:
    """The same page, and one more statement for who is inside."""
    first = asked["first"]
    async with house.pool.acquire() as connection:
        found = await connection.fetch(NEARBY, *_numbers(asked, now))
        ids = [row["id"] for row in found[:first]]
        counted = await connection.fetch(sql.occupancy_of(len(ids)), *ids) if ids else []
    inside = {row["venue_id"]: row for row in counted}
    answer = _page(found, first)
    today = now.astimezone(SHANGHAI).date()
    for row, edge in zip(found, answer["venuesNear"]["edges"], strict=False):
        edge["node"]["occupancy"] = _occupancy(inside.get(row["id"]), today, now)
    return answer


def _numbers(asked: Asked, now: datetime) -> tuple[Any, ...]:
    point, radius, first = asked["point"], asked["radiusM"], asked["first"]
    demand(point["system"] == asked["coordinateSystem"] == "WGS84" and 0 < radius <= 100_000 and 0 < first <= 50)
    metric = Metric.at(point["lon"], point["lat"])
    today = now.astimezone(SHANGHAI).date()
    return (*metric.box(radius), *metric.numbers, float(radius) ** 2, first + 1, today.weekday(), today)


def _page(found: list[Any], first: int) -> dict[str, Any]:
    edges = [_venue_edge(row) for row in found[:first]]
    page = {"hasNextPage": len(found) > first, "endCursor": edges[-1]["cursor"] if edges else None}
    return {"venuesNear": {"edges": edges, "pageInfo": page}}


def _occupancy(counted: Mapping[str, Any] | None, today: date, now: datetime) -> dict[str, Any] | None:
    """A figure of an earlier day is read as nobody, with its real age."""
    if counted is None:
        return None
    return {
        "inside": counted["inside"] if counted["business_day"] == today else 0,
        "countedAt": counted["counted_at"],
        "ageSeconds": int((now - counted["counted_at"]).total_seconds()),
    }


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
