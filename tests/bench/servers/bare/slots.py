"""The grid of a venue's day, by hand. Like courts share their slots: each is made once, as free and as taken."""

from datetime import date, datetime, timedelta
from typing import Any

from models.booking.queries import HELD
from tests.bench.servers.bare.grid import Day, priced, read_day
from tests.bench.servers.bare.house import Asked, House

Offer = tuple[int, dict[str, Any], dict[str, Any]]
"""The half hours that it covers, as bits; the slot while it is free; the slot when somebody holds a part of it."""


async def slots(house: House, asked: Asked, _token: str, now: datetime) -> dict[str, Any]:
    async with house.pool.acquire() as connection:
        day = await read_day(connection, asked["venueId"], date.fromisoformat(asked["date"]))
        found = await connection.fetch(HELD, day.venue_id, day.first_step, day.first_step + 48)
    held: dict[int, int] = {}
    for part, step in found:
        held[part] = held.get(part, 0) | 1 << step - day.first_step
    names = {window[8] for window in day.windows}
    offers: dict[tuple[Any, ...], list[Offer]] = {}
    grid = []
    for court_id, public_id, name, sport, length, most_people, *_ in day.courts.values():
        kind = sport, length, name if name in names else ""
        if kind not in offers:
            offers[kind] = _offers(day, day.courts[court_id], now)
        taken = 0
        for part in day.parts[court_id]:
            taken |= held.get(part, 0)
        row = [busy if bits & taken else free for bits, free, busy in offers[kind]]
        if row:
            grid.append({"courtId": public_id, "courtName": name, "maxPeople": most_people, "slots": row})
    return {"slots": grid}


def _offers(day: Day, court: list[Any], now: datetime) -> list[Offer]:
    limits = day.limits_of(court[3])
    status_of_free = "AVAILABLE" if day.released_at(limits) <= now else "NOT_RELEASED"
    last = now + timedelta(minutes=limits[11])
    offers = []
    for start, end, price, kind, label, published, _ in priced(day, court):
        starts_at = day.midnight + timedelta(minutes=start)
        is_past = starts_at <= now
        free = {
            "startsAt": starts_at,
            "endsAt": day.midnight + timedelta(minutes=end),
            "status": "PAST" if is_past else "TOO_LATE" if starts_at < last else status_of_free,
            "price": price,
            "priceKind": kind,
            "priceLabel": label,
            "priceIsDemonstration": not published,
        }
        taken = free if is_past else {**free, "status": "TAKEN"}
        offers.append(((1 << end // 30) - (1 << start // 30), free, taken))
    return offers
