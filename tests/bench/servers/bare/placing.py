"""Placing an order, by hand: sign-in, the book's rules, one line."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from models.calendar import SHANGHAI
from models.ids import new_no
from models.real_names.queries import CONCESSIONS
from tests.bench.servers.bare import statements as sql
from tests.bench.servers.bare.grid import Day, clock_text, parts_of, priced, read_day
from tests.bench.servers.bare.house import Asked, House, demand


async def place_order(house: House, asked: Asked, token: str, now: datetime) -> dict[str, Any]:
    key, (line,) = asked["idempotencyKey"], asked["lines"]
    court_id, people = line["courtId"], line["people"]
    starts_at = datetime.fromisoformat(line["startsAt"]).astimezone(UTC)
    request_hash = hashlib.sha256(orjson.dumps([[court_id, starts_at.timestamp(), people, None]])).hexdigest()
    async with house.pool.acquire() as connection:
        member = await connection.fetchrow(sql.MEMBER, hashlib.sha256(token.encode()).hexdigest(), now)
        demand(member and 0 < len(key) <= 64)
        member_id = member["member_id"]
        demand(not await connection.fetchrow(sql.REAL_NAME, member_id))  # with one, their age would be looked at
        demand(not await connection.fetchrow(sql.PLACED_BEFORE, member_id, key))
        venue = await connection.fetchrow(sql.VENUE_OF_COURT, court_id)
        local = starts_at.astimezone(SHANGHAI)
        day = await read_day(connection, venue["venue_public_id"], local.date())
        court = next(court for court in day.courts.values() if court[1] == court_id)
        minute = local.hour * 60 + local.minute
        slot = next(slot for slot in priced(day, court) if slot[0] == minute)
        limits = day.limits_of(court[3])
        demand(starts_at > now and starts_at - timedelta(minutes=limits[11]) >= now)
        demand(day.released_at(limits) <= now and limits[9] <= people <= court[5])
        if slot[2]:  # a concession is the person's, and nobody here has a name
            demand(not await connection.fetchrow(CONCESSIONS, member_id))
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
    start, end, price, _, label, _, halves = slot
    limits = day.limits_of(court[3])
    living = await connection.fetchrow(sql.LOCK_MEMBER, member_id)
    demand(living["joined_to_id"] is None and living["deleted_at"] is None)
    (player,) = await connection.fetch(sql.PLAYERS, [member_id], day.venue_id, now)
    demand(player["paused_until"] is None and not any(limits[-2:]))
    demand(not await connection.fetchrow(sql.PLACED_BEFORE, member_id, key))
    monday = day.date - timedelta(days=day.date.weekday())
    minutes = {court[0]: end - start}
    for held in await connection.fetch(sql.HELD_BY_ACCOUNTS, [member_id], day.venue_id, monday):
        if held["business_day"] == day.date:
            length = int((held["ends_at"] - held["starts_at"]).total_seconds()) // 60
            minutes[held["court_id"]] = minutes.get(held["court_id"], 0) + length
    demand(len(minutes) <= limits[0] and minutes[court[0]] <= limits[1])
    demand(limits[6] is limits[7] is limits[8] is None)  # else more would be counted
    order_no = new_no("O", now)
    expires_at = now + timedelta(minutes=limits[4])
    order_id = await connection.fetchval(
        sql.INSERT_ORDER,
        *(order_no, "PENDING_PAYMENT", price, 0, key, request_hash, now, expires_at, None, None, ""),
        *(
            member_id,
            day.venue_id,
            None,
            None,
            player["person_id"],
            None,
            player["home_province"],
            None,
            False,
            None,
        ),
    )
    starts_at, ends_at = day.midnight + timedelta(minutes=start), day.midnight + timedelta(minutes=end)
    title = f"{court[2]} {day.date.month}月{day.date.day}日 {clock_text(start)}–{clock_text(end)}"
    parts = orjson.dumps(parts_of(halves, day.year_known)).decode()
    line_id = await connection.fetchval(
        sql.INSERT_LINE,
        *(1, "COURT_SLOT", starts_at, ends_at, day.date, price, 0, people, title, label, None, court[0], order_id),
        *(0, "", parts, None, "", limits[22], limits[23]),
    )
    steps = range(day.first_step + start // 30, day.first_step + end // 30)
    cells = [(part, step, day.venue_id, line_id) for part in day.parts[court[0]] for step in steps]
    taken = await connection.fetch(sql.insert_cells(len(cells)), *[value for cell in cells for value in cell])
    demand(len(taken) == len(cells))
    await connection.execute(sql.INSERT_EVENT, order_id, "CHARGED", price, order_no, now)
    return order_no


async def _order(connection: Any, member_id: int, order_no: str) -> dict[str, Any]:
    order = await connection.fetchrow(sql.ORDER, member_id, order_no)
    lines = await connection.fetch(sql.LINES, order["id"])
    await connection.fetch(sql.ADMISSIONS, order["id"])
    await connection.fetch(sql.REFUND_LINES, order["id"])
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
