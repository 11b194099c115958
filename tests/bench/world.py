"""The world that is benched: the real venues, thousands of made-up ones around Chengdu, halls of 300 slots a day,
members who are signed in, people at the door, clerks at their desks. The same at every run, up to tonight's date.
"""

import random
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import orjson
from tortoise.connection import get_connection

from models.booking.tables import BookingRule
from models.calendar import business_day, instant_of, step_of
from models.ids import new_id
from models.keys import new_token, token_hash
from models.venues.tables import Venue
from tests.factories.people import a_member
from tests.factories.places import TIANFU_SQUARE, a_court, a_tariff, a_venue, all_places

COURTS_A_HALL = 20
OPEN_FROM, OPEN_TO = 7, 22  # 15 slots of an hour: 300 in a hall's day
DAYS_AHEAD = 31
HELD_SHARE = 0.2
UNPAID_DAY = {"WECHAT_PAY": 40, "ALIPAY": 41}
"""Days ahead for which orders wait to be paid: nothing else is on them."""
PRICE_FEN = 4000
PAYER = {"WECHAT_PAY": "oBenchPayer", "ALIPAY": ""}  # at Alipay anybody may pay
FREE_UNTIL = 9  # an order for a free hour needs no payment and takes another way
SPREAD = (0.6, 0.5)  # degrees east and north of the square within which the made-up venues lie


@dataclass(frozen=True)
class Size:
    """How much of everything. Each placed order uses a member's day, each redemption a ticket, each sign-out a leaver,
    each notice an unpaid order."""

    venues: int = 5000
    halls: int = 10
    members: int = 150
    leavers: int = 2600
    tickets: int = 3000
    unpaid: int = 2500  # over each channel
    desks: int = 64  # many, since unknown codes are counted among a desk's scans of the last minute


@dataclass(frozen=True)
class Hall:
    id: int
    public_id: str
    court_ids: tuple[str, ...]


@dataclass(frozen=True)
class Ticket:
    """What makes a code for one admission."""

    handle: str
    venue: str
    day: date


@dataclass(frozen=True)
class World:
    today: date
    halls: tuple[Hall, ...]
    bearers: tuple[str, ...]  # access tokens of members
    leavers: tuple[str, ...]  # access tokens of others, who are going to sign out
    tickets: tuple[Ticket, ...]
    desks: tuple[str, ...]  # tokens of one clerk of every hall, each at a desk of its own
    unpaid: dict[
        str, tuple[str, ...]
    ]  # by channel, the numbers of payments that wait, each of an order of its own


async def build(size: Size, *, apps: Mapping[str, str], now: datetime) -> World:
    """Fills the empty, migrated PostgreSQL that this process is connected to. `apps`: by channel, in which of our
    apps is paid."""
    chance = random.Random(2026)
    async with get_connection("default").acquire_connection() as connection:
        await all_places(today=business_day(now))
        await _venues(connection, size.venues, chance)
        halls = tuple([await _hall(number) for number in range(size.halls)])
        members = [await a_member(device_id="bench", now=now) for _ in range(size.members)]
        member_ids = [member_id for member_id, _ in members]
        await _hold(connection, halls, member_ids[0], chance, now)
        tickets = await _tickets(connection, size.tickets, halls, member_ids, now)
        desks = await _desks(connection, size.desks, halls, now)
        leavers = await _leavers(connection, size.leavers, now)
        unpaid = {
            channel: await _unpaid(connection, channel, appid, size.unpaid, halls, member_ids, now)
            for channel, appid in apps.items()
        }
        await connection.execute(_OCCUPANCY, business_day(now), now)
        await connection.execute("VACUUM ANALYZE")
    bearers = tuple(each.access_token for _, each in members)
    return World(business_day(now), halls, bearers, leavers, tickets, desks, unpaid)


async def _venues(connection: Any, count: int, chance: random.Random) -> None:
    """Venues with four sports each, some without phone or grade, open every day."""
    sports = [row["code"] for row in await connection.fetch("SELECT code FROM sport ORDER BY position")]
    regions = await connection.fetch(
        "SELECT id, code FROM region WHERE parent_key = '510100' AND valid_to IS NULL"
    )
    first_id = await connection.fetchval("SELECT COALESCE(MAX(id), 0) + 1 FROM venue")
    rows = [_venue(number, first_id + number, sports, chance.choice(regions), chance) for number in range(count)]
    await connection.copy_records_to_table(
        "venue", records=[tuple(row.values()) for row in rows], columns=[*rows[0]]
    )
    await connection.copy_records_to_table(
        "opening_hours",
        records=[
            (row["id"], "", weekday, 60 * (6 + row["id"] % 4), 60 * (20 + row["id"] % 4), "DEMONSTRATION")
            for row in rows
            for weekday in range(7)
        ],
        columns=["venue_id", "sport_code", "weekday", "opens_minute", "closes_minute", "provenance"],
    )
    await connection.execute("SELECT setval(pg_get_serial_sequence('venue', 'id'), MAX(id)) FROM venue")


def _venue(number: int, row_id: int, sports: list[str], region: Any, chance: random.Random) -> dict[str, Any]:
    name, address = f"第{number}全民健身中心", f"成都市{region['code']}健身路{number}号"
    return {
        "id": row_id,
        "public_id": f"ven_BENCH{number:06d}",
        "ref": f"BENCH{number:06d}",
        "name": name,
        "published_name": name,
        "address": address,
        "published_address": address,
        "venue_type": chance.choice(("体育馆", "全民健身中心", "游泳馆")),
        "region_id": region["id"],
        "province_code": "510000",
        "city_code": "510100",
        "published_facts": "",
        "phone": chance.choice(("", f"028-8{number:07d}")),
        "grade": chance.choice(("", "甲级")),
        "lon": TIANFU_SQUARE[0] + chance.uniform(-1, 1) * SPREAD[0],
        "lat": TIANFU_SQUARE[1] + chance.uniform(-1, 1) * SPREAD[1],
        "coordinate_quality": "DISTRICT_CENTROID",
        "is_open": True,
        "sport_codes": orjson.dumps(chance.sample(sports, 4)).decode(),
        "price_from_fen": chance.choice((None, 0, 1500, 4000)),
        "price_from_provenance": chance.choice(("PUBLISHED", "DEMONSTRATION")),
    }


async def _hall(number: int) -> Hall:
    """Twenty courts, prices by the hour, weekday and sport; outside the circle in which venues are searched."""
    venue = await a_venue(
        name=f"第{number}球馆",
        ref=f"HALL{number:03d}",
        lon=106.55,
        lat=29.56,
        open_minutes=(OPEN_FROM * 60, OPEN_TO * 60),
        free_mornings=True,
    )
    await a_tariff(venue, 9 * 60, 12 * 60, 2500, day_kind="WORKDAY", kind="LOW")
    await a_tariff(venue, 18 * 60 + 30, 22 * 60, 6000, day_kind="HOLIDAY", sport_code="BADMINTON")
    await a_rule(venue)
    sports = ("BADMINTON", "TABLE_TENNIS")
    courts = [
        await a_court(venue, sport=sports[court % 2], name=f"{court + 1}号场") for court in range(COURTS_A_HALL)
    ]
    return Hall(venue.id, venue.public_id, tuple(court.public_id for court in courts))


async def a_rule(venue: Venue) -> None:
    """The house's usual limits, but booked a month ahead: each placed order of the bench needs a slot."""
    await BookingRule.create(
        venue=venue,
        courts_a_person_a_day=2,
        minutes_a_court_a_day=120,
        days_ahead=DAYS_AHEAD,
        release_minute=0,
        hold_minutes=15,
        entry_opens_minutes_before=30,
        provenance="DEMONSTRATION",
    )


async def _hold(
    connection: Any, halls: tuple[Hall, ...], member_id: int, chance: random.Random, now: datetime
) -> None:
    """A fifth of the half hours of the coming week is held, so that grids have something to tell."""
    steps = range(step_of(now), step_of(now + timedelta(days=7)))
    for hall in halls:
        line_id = await connection.fetchval(_AN_ORDER, f"HELD{hall.public_id}", member_id, hall.id, now)
        parts = await connection.fetch("SELECT id FROM court_part WHERE venue_id = $1 ORDER BY id", hall.id)
        await connection.copy_records_to_table(
            "held_cell",
            records=[
                (part["id"], step, hall.id, line_id)
                for part in parts
                for step in steps
                if chance.random() < HELD_SHARE
            ],
            columns=["part_id", "step", "venue_id", "order_line_id"],
        )


_PLACED = """INSERT INTO orders (order_no, member_id, venue_id, status, total_fen, idempotency_key, request_hash,
                                 placed_at, hold_expires_at, paid_at, close_reason)"""
_LINED = """INSERT INTO order_line (order_id, line_no, kind, court_id, starts_at, ends_at, business_day, price_fen,
                                    people, title, price_label)"""
_AN_ORDER = f"""
WITH placed AS ({_PLACED} VALUES ($1, $2, $3, 'PAID', 0, $1, '', $4, $4, $4, '') RETURNING id)
{_LINED} SELECT placed.id, 1, 'COURT_SLOT', (SELECT MIN(id) FROM court WHERE venue_id = $3),
                $4, $4, '2000-01-01', 0, 1, '', '' FROM placed RETURNING id"""
_TICKETS = f"""
WITH placed AS (
  {_PLACED}
  SELECT 'O' || lpad(n::text, 20, '0'), ($1::bigint[])[1 + n % cardinality($1::bigint[])],
         ($2::int[])[1 + n % cardinality($2::int[])], 'PAID', 4000, 'ticket' || n, '', $3, $3, $3, ''
    FROM generate_series(1, $4::int) AS n RETURNING id, member_id, venue_id, order_no),
line AS (
  {_LINED}
  SELECT placed.id, 1, 'COURT_SLOT', (SELECT MIN(id) FROM court WHERE court.venue_id = placed.venue_id),
         $3, $3 + interval '2 hours', $5::date, 4000, 1, '1号场', '市场价' FROM placed RETURNING id, order_id)
INSERT INTO admission (public_id, order_id, order_line_id, member_id, venue_id, seat, handle, code_version,
                       business_day, opens_at, starts_at, ends_at, title, is_inside, passage_count)
SELECT 'adm_' || placed.order_no, placed.id, line.id, placed.member_id, placed.venue_id, 1,
       right(placed.order_no, 10), 0, $5::date, $3 - interval '30 minutes', $3, $3 + interval '2 hours',
       '1号场', false, 0
  FROM placed JOIN line ON line.order_id = placed.id RETURNING handle, venue_id"""


async def _tickets(
    connection: Any, count: int, halls: tuple[Hall, ...], member_ids: list[int], now: datetime
) -> tuple[Ticket, ...]:
    """Admissions of this hour, each of an order of its own: no two scans wait for each other."""
    venues = {hall.id: hall.public_id for hall in halls}
    issued = await connection.fetch(_TICKETS, member_ids, [*venues], now, count, business_day(now))
    return tuple(Ticket(row["handle"], venues[row["venue_id"]], business_day(now)) for row in issued)


_UNPAID = f"""
WITH place AS (
  SELECT court.id AS court_id, court.venue_id, court_cover.part_id, hour,
         row_number() OVER (ORDER BY hour, court.id) AS n
    FROM court JOIN court_cover ON court_cover.court_id = court.id,
         generate_series({OPEN_FROM}, {OPEN_TO - 1}) AS hour
   WHERE court.venue_id = ANY($3::int[]) ORDER BY n LIMIT $4),
placed AS (
  {_PLACED}
  SELECT $1::text || n, ($2::bigint[])[1 + n % cardinality($2::bigint[])], venue_id, 'PENDING_PAYMENT', {PRICE_FEN},
         $1::text || n, '', $5::timestamptz, $5::timestamptz + interval '15 minutes', NULL, '' FROM place RETURNING id, order_no),
line AS (
  {_LINED}
  SELECT placed.id, 1, 'COURT_SLOT', court_id, $6::timestamptz + hour * interval '1 hour', $6::timestamptz + (hour + 1) * interval '1 hour',
         $7::date, {PRICE_FEN}, 2, '1号场', '市场价'
    FROM placed JOIN place ON placed.order_no = $1::text || n RETURNING id, order_id),
cell AS (
  INSERT INTO held_cell (part_id, step, venue_id, order_line_id)
  SELECT part_id, $8::int + 2 * hour + half, venue_id, line.id
    FROM line JOIN placed ON placed.id = line.order_id JOIN place ON placed.order_no = $1::text || n,
         generate_series(0, 1) AS half),
charged AS (
  INSERT INTO finance_event (order_id, kind, amount_fen, about_no, happened_at)
  SELECT id, 'CHARGED', {PRICE_FEN}, order_no, $5::timestamptz FROM placed)
INSERT INTO payment (payment_no, order_id, channel, way, appid, payer, amount_fen, refunded_fen, status, reference,
                     created_at, expires_at, next_check_at, checks)
SELECT 'P' || order_no, id, $9::text, 'IN_APP', $10::text, $11::text, {PRICE_FEN}, 0, 'WAITING', 'prepay of ' || order_no,
       $5::timestamptz, $5::timestamptz + interval '15 minutes', $5::timestamptz + interval '15 seconds', 0
  FROM placed ORDER BY id RETURNING payment_no"""


async def _unpaid(
    connection: Any,
    channel: str,
    appid: str,
    count: int,
    halls: tuple[Hall, ...],
    member_ids: list[int],
    now: datetime,
) -> tuple[str, ...]:
    """Orders as they are between placing and paying: a slot of an hour for two, held, charged, a payment announced."""
    day = business_day(now) + timedelta(days=UNPAID_DAY[channel])
    midnight = instant_of(day, 0)
    announced = await connection.fetch(
        _UNPAID,
        *(f"UNPAID{channel[0]}", member_ids, [hall.id for hall in halls], count, now),
        *(midnight, day, step_of(midnight), channel, appid, PAYER[channel]),
    )
    assert len(announced) == count, "the halls are too small"
    return tuple(row["payment_no"] for row in announced)


_OCCUPANCY = """
INSERT INTO occupancy (venue_id, business_day, inside, counted_at)
SELECT id, CASE WHEN id % 5 = 0 THEN $1::date - 1 ELSE $1::date END, id % 200, $2::timestamptz - interval '9 minutes'
  FROM venue WHERE id % 3 > 0"""  # a third never counted; some of the others not today
_LEAVERS = """
WITH given AS (SELECT public_id, access_hash FROM unnest($1::text[], $2::text[]) AS t(public_id, access_hash)),
     people AS (
  INSERT INTO member (public_id, created_at, code_version) SELECT public_id, $3, 0 FROM given
  RETURNING id, public_id),
     begun AS (
  INSERT INTO sign_in (member_id, appid, openid, device_id, started_at, end_reason)
  SELECT id, 'bench', public_id, 'bench', $3, '' FROM people RETURNING id, openid)
INSERT INTO sign_in_token (sign_in_id, generation, refresh_hash, access_hash, issued_at, access_expires_at,
                           refresh_expires_at)
SELECT begun.id, 0, reverse(given.access_hash), given.access_hash, $3, $3 + interval '2 hours', $3 + interval '30 days'
  FROM begun JOIN given ON given.public_id = begun.openid"""


async def _leavers(connection: Any, count: int, now: datetime) -> tuple[str, ...]:
    """Members of their own: a sign-out voids the member's codes, which others redeem here."""
    tokens = tuple(new_token() for _ in range(count))
    ids = [new_id("mem") for _ in tokens]
    await connection.execute(_LEAVERS, ids, [token_hash(token) for token in tokens], now)
    return tokens


async def _desks(connection: Any, count: int, halls: tuple[Hall, ...], now: datetime) -> tuple[str, ...]:
    """Sign-ins written straight into the table: a password's hash is slow for good reason."""
    staff_id = await connection.fetchval(
        """INSERT INTO staff_member (public_id, username, display_name, password_hash, password_set_at, failures,
                                     is_active)
           VALUES ($1, $2, '前台', '', $3, 0, true) RETURNING id""",
        new_id("stf"),
        f"bench-{secrets.token_hex(4)}",
        now,
    )
    await connection.executemany(
        """INSERT INTO staff_role (public_id, staff_id, role, venue_id, region_key, granted_at)
           VALUES ($1, $2, 'REDEEMER', $3, '', $4)""",
        [(new_id("rol"), staff_id, hall.id, now) for hall in halls],
    )
    tokens = tuple(new_token() for _ in range(count))
    await connection.executemany(
        """INSERT INTO staff_sign_in (staff_id, token_hash, device_id, address, started_at, last_seen_at)
           VALUES ($1, $2, $3, '127.0.0.1', $4, $4)""",
        [(staff_id, token_hash(token), f"desk-{number}", now) for number, token in enumerate(tokens)],
    )
    return tokens
