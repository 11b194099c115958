"""Staff let a day's slots be drawn for, and what everybody may see of it. See models/booking/draw_rules.py."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson

from models import database
from models.audit.deeds import concerning
from models.booking import draw_rules
from models.booking.draw_rules import SEED_BYTES, DrawOfDay, DrawState, commitment_of, draw_unknown
from models.booking.limits import released_at
from models.booking.queries import timetable
from models.booking.rules import aware, check_day, grid
from models.booking.tables import SlotDraw
from models.booking.timetables import Timetable
from models.calendar import instant_of
from models.ids import new_id
from models.keys import Sealed, SealingKeys
from models.staff import powers
from models.staff.rules import Power, StaffSignedIn
from models.venues.rules import DAY_MINUTES, price_of

MOST_DRAWS_SHOWN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawWanted:
    """The slots of a sport that start on a day at or after one local minute and before another; `court_ids` (public)
    empty: on every court. Entries are taken from the release until `closes_at`."""

    venue_id: str
    sport: str
    day: date
    closes_at: datetime
    court_ids: Sequence[str] = ()
    from_minute: int = 0
    until_minute: int = DAY_MINUTES


async def schedule(*, clerk: StaffSignedIn, wanted: DrawWanted, keys: SealingKeys, now: datetime) -> str:
    """Announces a draw with its commitment; gives its id. The same again is the same draw.

    Raises NOT_ALLOWED, DRAW_REFUSED, VENUE_CLOSED, BAD_INPUT for a silly day or an instant without a zone.
    """
    await powers.demand(clerk, Power.MANAGE_DRAWS, venue_id=wanted.venue_id)
    concerning("VENUE", wanted.venue_id, venue_id=wanted.venue_id)
    check_day(wanted.day, now)
    table = await timetable(venue_id=wanted.venue_id, sport=None, day=wanted.day)
    rows = [court.id for court in table.courts if court.public_id in wanted.court_ids]
    if len(rows) < len(set(wanted.court_ids)):
        raise draw_rules.nothing_to_draw()
    opens_at, closes_at = released_at(wanted.day, table.limits_of(wanted.sport)), aware(wanted.closes_at)
    said = " ".join(map(str, sorted(rows)))
    drawn = DrawOfDay("", wanted.sport, said, wanted.from_minute, wanted.until_minute, "", "")
    starts = slots_of(table, drawn)
    if not starts:
        raise draw_rules.nothing_to_draw()
    first = min(datetime.fromisoformat(slot[1]) for slot in starts)
    columns = {
        "court_ids": said,
        "from_minute": wanted.from_minute,
        "until_minute": wanted.until_minute,
        "opens_at": opens_at,
        "closes_at": closes_at,
    }
    draw = SlotDraw(
        public_id=new_id("drw"),
        venue_id=table.venue_id,
        sport_code=wanted.sport,
        business_day=wanted.day,
        state=DrawState.PLANNED,
        made_by_id=clerk.staff_id,
        made_at=now,
        **columns,
    )
    return await _schedule(draw, columns, first, keys, now)


@database.operation
async def _schedule(
    draw: SlotDraw, columns: dict[str, Any], first: datetime, keys: SealingKeys, now: datetime
) -> str:
    await database.alone_with(f"draws of {draw.venue_id}")
    standing = await SlotDraw.get_or_none(
        venue_id=draw.venue_id, business_day=draw.business_day, sport_code=draw.sport_code
    )
    if standing is not None:
        if all(getattr(standing, name) == value for name, value in columns.items()):
            return str(standing.public_id)
        raise draw_rules.draw_exists()
    draw_rules.check_times(opens_at=draw.opens_at, closes_at=draw.closes_at, first_start=first, now=now)
    seed = secrets.token_bytes(SEED_BYTES)
    draw.commitment = commitment_of(seed, draw.public_id)
    draw.sealed_seed, draw.seal_key_id = b"", ""
    await draw.save()
    sealed = keys.seal(seed.hex(), table="slot_draw", column="sealed_seed", row=draw.id)
    draw.sealed_seed, draw.seal_key_id = sealed.value, sealed.key_id
    await draw.save(update_fields=["sealed_seed", "seal_key_id"])
    return str(draw.public_id)


def seed_of(draw: SlotDraw, keys: SealingKeys) -> bytes:
    sealed = Sealed(draw.seal_key_id, draw.sealed_seed)
    return bytes.fromhex(keys.open(sealed, table="slot_draw", column="sealed_seed", row=draw.id))


async def reseal_all(*, keys: SealingKeys) -> int:
    """Brings every seed under the current key and tells how many it moved; there are a few a venue and day."""
    old = await SlotDraw.exclude(seal_key_id=keys.current_id).order_by("id")
    return sum([await _reseal(draw.id, keys) for draw in old])


@database.operation
async def _reseal(draw_id: int, keys: SealingKeys) -> int:
    draw = await SlotDraw.select_for_update().get(id=draw_id)
    sealed = keys.seal(seed_of(draw, keys).hex(), table="slot_draw", column="sealed_seed", row=draw.id)
    draw.sealed_seed, draw.seal_key_id = sealed.value, sealed.key_id
    await draw.save(update_fields=["sealed_seed", "seal_key_id"])
    return 1


def of_day(draw: SlotDraw) -> DrawOfDay:
    return DrawOfDay(
        *(draw.public_id, draw.sport_code, draw.court_ids, draw.from_minute, draw.until_minute),
        *(draw.opens_at.isoformat(), draw.closes_at.isoformat()),
    )


def slots_of(table: Timetable, draw: DrawOfDay) -> list[list[Any]]:
    """What a draw gives out, for `Pot.of`: every slot of its courts that has a price and lies under no closure, as [court,
    starts, ends, parts]."""
    day = table.day.date
    return [
        [
            court.public_id,
            aware(instant_of(day, start)).isoformat(),
            aware(instant_of(day, end)).isoformat(),
            list(court.part_ids),
        ]
        for court in table.courts
        for start, end in grid(table.openings_of(court), court.slot_minutes)
        if draw.has(court.id, court.sport_code, start)
        and not price_of(table.prices_of(court), start, end).not_priced
        and not any(
            closure.over_court(court) and closure.during(instant_of(day, start), instant_of(day, end))
            for closure in table.closures
        )
    ]


_DRAW = """
SELECT slot_draw.id, slot_draw.public_id, venue.public_id AS venue_id, venue.name AS venue_name, sport_code, business_day,
       court_ids, from_minute, until_minute, opens_at, closes_at, state, commitment, done_at,
       (SELECT json_agg(court.public_id) FROM court
         WHERE court.venue_id = venue.id
           AND ' ' || slot_draw.court_ids || ' ' LIKE '% ' || court.id || ' %') AS courts,
       (SELECT COUNT(*) FROM draw_entry WHERE draw_entry.draw_id = slot_draw.id) AS entries
  FROM slot_draw JOIN venue ON venue.id = slot_draw.venue_id"""


async def draw(draw_id: str) -> tuple[Any, Any]:
    """What everybody may see of it, with its record once it is done. Raises DRAW_UNKNOWN."""
    found = await database.row(f"{_DRAW} WHERE slot_draw.public_id = $1", draw_id)
    if found is None:
        raise draw_unknown("id")
    kept = await SlotDraw.get(public_id=draw_id).only("id", "record", "state")
    return _told(found), kept.record if kept.state == DrawState.DONE else None


async def draws(venue_id: str) -> Sequence[Any]:
    """A venue's, the latest day first, at most MOST_DRAWS_SHOWN."""
    found = await database.rows(
        f"""{_DRAW} WHERE venue.public_id = $1
            ORDER BY slot_draw.business_day DESC, slot_draw.id DESC LIMIT {MOST_DRAWS_SHOWN}""",
        venue_id,
    )
    return [_told(row) for row in found]


def _told(row: Any) -> dict[str, Any]:
    told = database.with_instants(row, "opens_at", "closes_at")
    return {
        **told,
        "business_day": database.day(told["business_day"]),
        "courts": orjson.loads(told["courts"] or "[]"),
    }
