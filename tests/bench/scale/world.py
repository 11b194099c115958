"""Houses of 1,000 to 100,000 venues, as their databases look on a working day, written by the database itself.

Three quarters of the venues lie in and around Chengdu and Chongqing, so a hundred times as many are a hundred times as
dense. Each has ten courts and takes in as many bookings a day at every size, of two hours each. Cells reach seven days
ahead, as far as is released; behind today stand the days for which there are cells left: in the largest house as many as
`purge_past` leaves, in smaller ones more. Neighbouring bookings of a venue lie far from each other in the tables.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from models.calendar import business_day, instant_of, step_of
from models.keys import new_token, token_hash
from tests.factories.places import TIANFU_SQUARE

COURTS = 10
OPEN_FROM, OPEN_TO = 7, 23
HOURS_A_BOOKING = 2
CELLS_A_BOOKING = 2 * HOURS_A_BOOKING
BLOCKS_A_DAY = COURTS * (OPEN_TO - OPEN_FROM) // HOURS_A_BOOKING  # what could be booked of a venue's day
CELLS_A_VENUE_A_DAY = 500 / 9  # in every house: a sixth of what is there
DAYS_AHEAD = 7
BOOKINGS_A_MEMBER = 12
TURN = 37  # so many blocks later each venue begins
CITIES = (TIANFU_SQUARE, (106.5770, 29.5570))
CITY_DEGREES = 0.12  # most of a city's venues lie within 15 km
COUNTRY = (101.5, 28.0, 109.5, 32.0)
BEARERS = 200


@dataclass(frozen=True)
class Size:
    name: str
    venues: int
    cells: int

    @property
    def bookings_a_venue(self) -> int:
        return self.cells // CELLS_A_BOOKING // self.venues

    @property
    def bookings(self) -> int:
        return self.venues * self.bookings_a_venue

    @property
    def days(self) -> int:
        """For which there are cells, today and those ahead included."""
        return max(round(self.cells / self.venues / CELLS_A_VENUE_A_DAY), DAYS_AHEAD + 1)

    @property
    def members(self) -> int:
        return max(self.bookings // BOOKINGS_A_MEMBER, BEARERS) | 1


SIZES = (Size("small", 1_000, 1_000_000), Size("medium", 10_000, 10_000_000), Size("large", 100_000, 50_000_000))


@dataclass(frozen=True)
class ScaleWorld:
    size: Size
    today: date
    first_venue: int
    bearers: tuple[str, ...]

    def venue(self, number: int) -> str:
        return f"ven_SCALE{number:06d}"

    def court(self, number: int, court: int) -> str:
        return f"crt_SCALE{number:06d}{court}"

    def free_slots(self, chance: random.Random) -> Iterator[tuple[str, datetime]]:
        """Never the same twice: a court and an instant of the days ahead, at random venues."""
        given: set[tuple[int, int]] = set()
        all_blocks = self.size.days * BLOCKS_A_DAY
        taken = {n * all_blocks // self.size.bookings_a_venue for n in range(self.size.bookings_a_venue)}
        first_day = self.size.days - DAYS_AHEAD
        while True:
            number = chance.randrange(self.size.venues)
            block = chance.randrange(first_day * BLOCKS_A_DAY, (self.size.days - 1) * BLOCKS_A_DAY)
            if (block - number * TURN) % all_blocks in taken or (number, block) in given:
                continue
            given.add((number, block))
            day, rest = divmod(block, BLOCKS_A_DAY)
            hour = OPEN_FROM + HOURS_A_BOOKING * (rest // COURTS)
            played = self.today + timedelta(days=day - first_day + 1)
            yield self.court(number, rest % COURTS), instant_of(played, 60 * hour)


async def build(connection: Any, size: Size, *, now: datetime, in_bulk: bool = True) -> ScaleWorld:
    """Fills a migrated PostgreSQL with real regions, sports and rules in it. `in_bulk`: references are not checked and
    indexes are made afterwards, which needs a superuser."""
    today = business_day(now)
    first_day = instant_of(today - timedelta(days=size.days - DAYS_AHEAD - 1), 0)
    numbers = {
        "venues": size.venues,
        "first_venue": await connection.fetchval("SELECT COALESCE(MAX(id), 0) + 1 FROM venue"),
        "first_court": await connection.fetchval("SELECT COALESCE(MAX(id), 0) + 1 FROM court"),
        "first_part": await connection.fetchval("SELECT COALESCE(MAX(id), 0) + 1 FROM court_part"),
        "bookings": size.bookings,
        "bookings_a_venue": size.bookings_a_venue,
        "members": size.members,
        "blocks": size.days * BLOCKS_A_DAY,
        "now": f"'{now.isoformat()}'::timestamptz",
        "first_day": f"'{first_day.isoformat()}'::timestamptz",
        "first_date": f"'{business_day(first_day)}'::date",
        "first_step": step_of(first_day),
    }
    async with connection.transaction():
        if in_bulk:
            await connection.execute("SET LOCAL session_replication_role = replica")
            await connection.execute("TRUNCATE orders CASCADE")
            await connection.execute("SET LOCAL maintenance_work_mem = '1GB'")
        await connection.execute(_VENUES.format(**numbers), *_places(size.venues))
        for text in (_HOURS, _TARIFFS, _RULES, _COURTS, _PARTS, _COVERS, _MEMBERS):
            await connection.execute(text.format(**numbers))
        again = await _without_indexes(connection) if in_bulk else []
        for text in (_ORDERS, _LINES, _CELLS, *again):
            await connection.execute(text.format(**numbers) if "{" in text else text)
        for table in ("venue", "court", "court_part", "court_cover", "member", "orders", "order_line"):
            await connection.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), MAX(id)) FROM {table}"
            )
    bearers = await _bearers(connection, now)
    await connection.execute("VACUUM ANALYZE")
    return ScaleWorld(size, today, numbers["first_venue"], bearers)


def _places(count: int) -> tuple[list[float], list[float]]:
    """Three of four in one of the two cities, the fourth anywhere."""
    chance = random.Random(2026)
    west, south, east, north = COUNTRY
    lon, lat = [], []
    for number in range(count):
        if number % 4:
            city = CITIES[number // 4 % 2]
            lon.append(chance.gauss(city[0], CITY_DEGREES))
            lat.append(chance.gauss(city[1], CITY_DEGREES))
        else:
            lon.append(chance.uniform(west, east))
            lat.append(chance.uniform(south, north))
    return lon, lat


async def _without_indexes(connection: Any) -> Sequence[str]:
    """Takes away all but the keys of the large tables; gives what brings them back."""
    found = await connection.fetch(
        """SELECT pg_index.indexrelid::regclass::text AS name, pg_index.indrelid::regclass::text AS on_table,
                  pg_get_indexdef(pg_index.indexrelid) AS index, pg_constraint.conname AS rule,
                  pg_get_constraintdef(pg_constraint.oid) AS text
             FROM pg_index LEFT JOIN pg_constraint ON conindid = indexrelid AND contype = 'u'
            WHERE indrelid IN ('orders'::regclass, 'order_line'::regclass, 'held_cell'::regclass)
              AND NOT indisprimary"""
    )
    again = []
    for each in found:
        if each["rule"]:
            await connection.execute(f'ALTER TABLE {each["on_table"]} DROP CONSTRAINT "{each["rule"]}"')
            again.append(f'ALTER TABLE {each["on_table"]} ADD CONSTRAINT "{each["rule"]}" {each["text"]}')
        else:
            await connection.execute(f"DROP INDEX {each['name']}")
            again.append(each["index"])
    return again


_VENUES = """
INSERT INTO venue (id, public_id, ref, name, published_name, address, published_address, venue_type, region_id,
                   province_code, city_code, published_facts, phone, grade, lon, lat, coordinate_quality, is_open,
                   sport_codes, price_from_fen, price_from_provenance)
SELECT {first_venue} + n, 'ven_SCALE' || lpad(n::text, 6, '0'), 'S' || n, '第' || n || '全民健身中心',
       '第' || n || '全民健身中心', '成都市健身路' || n || '号', '成都市健身路' || n || '号', '全民健身中心',
       districts.ids[1 + n % cardinality(districts.ids)], '510000', '510100', '', '', '', place.lon, place.lat,
       'DISTRICT_CENTROID', true, '["BADMINTON", "TABLE_TENNIS"]', 2000, 'DEMONSTRATION'
  FROM (SELECT lon, lat, (row_number() OVER ())::int - 1 AS n FROM unnest($1::float8[], $2::float8[]) AS t(lon, lat)) place,
       (SELECT array_agg(id ORDER BY id) AS ids FROM region WHERE parent_key = '510100' AND valid_to IS NULL) districts"""
_EACH_VENUE = "FROM generate_series({first_venue}, {first_venue} + {venues} - 1) AS venue_id"
_HOURS = f"""
INSERT INTO opening_hours (venue_id, sport_code, weekday, opens_minute, closes_minute, provenance)
SELECT venue_id, '', weekday, {OPEN_FROM * 60}, {OPEN_TO * 60}, 'DEMONSTRATION'
  {_EACH_VENUE}, generate_series(0, 6) AS weekday"""
_TARIFFS = f"""
INSERT INTO tariff_window (venue_id, sport_code, court_name, day_kind, from_minute, to_minute, kind,
                           price_fen_per_hour, window_provenance, price_provenance, source)
SELECT venue_id, '', '', 'ALL', span.from_minute, span.to_minute, span.kind, span.fen, 'DEMONSTRATION', 'DEMONSTRATION', ''
  {_EACH_VENUE}, (VALUES (0, 540, 'MARKET', 3000), (540, 1080, 'LOW', 2000), (1080, 1440, 'MARKET', 5000))
                 AS span(from_minute, to_minute, kind, fen)"""
# Nobody is kept from a booking: each order that is measured is to be placed.
_RULES = f"""
INSERT INTO booking_rule (venue_id, courts_a_person_a_day, minutes_a_court_a_day, days_ahead, release_minute,
                          hold_minutes, entry_opens_minutes_before, provenance, source)
SELECT venue_id, 20, 1200, {DAYS_AHEAD}, 0, 15, 30, 'DEMONSTRATION', '' {_EACH_VENUE}"""
_EACH_COURT = f"FROM generate_series(0, {{venues}} - 1) AS v, generate_series(0, {COURTS - 1}) AS c"
_COURTS = f"""
INSERT INTO court (id, public_id, venue_id, sport_code, name, position, slot_minutes, max_people, is_open, provenance)
SELECT {{first_court}} + {COURTS} * v + c, 'crt_SCALE' || lpad(v::text, 6, '0') || c, {{first_venue}} + v,
       CASE WHEN c % 2 = 0 THEN 'BADMINTON' ELSE 'TABLE_TENNIS' END, c || '号场', c, 60, 6, true, 'DEMONSTRATION'
  {_EACH_COURT}"""
_PARTS = f"""
INSERT INTO court_part (id, venue_id, name)
SELECT {{first_part}} + {COURTS} * v + c, {{first_venue}} + v, c || '号场' {_EACH_COURT}"""
_COVERS = f"""
INSERT INTO court_cover (court_id, part_id)
SELECT {{first_court}} + {COURTS} * v + c, {{first_part}} + {COURTS} * v + c {_EACH_COURT}"""
_MEMBERS = """
INSERT INTO member (id, public_id, created_at, code_version)
SELECT n, 'mem_SCALE' || n, {now} - interval '100 days', 0 FROM generate_series(1, {members}) AS n"""
_EACH_BOOKING = f"""
  FROM (SELECT g, v, block / {BLOCKS_A_DAY} AS day, block % {COURTS} AS c,
               {OPEN_FROM} + {HOURS_A_BOOKING} * (block % {BLOCKS_A_DAY} / {COURTS}) AS hour
          FROM (SELECT g, (g % {{venues}})::int AS v,
                       ((g / {{venues}} * {{blocks}} / {{bookings_a_venue}} + g % {{venues}} * {TURN}) % {{blocks}})::int AS block
                  FROM generate_series(0::bigint, {{bookings}} - 1) AS g) numbered) booking"""
_ORDERS = f"""
INSERT INTO orders (id, order_no, member_id, venue_id, status, total_fen, idempotency_key, request_hash, placed_at,
                    hold_expires_at, paid_at, close_reason)
SELECT 1 + g, 'S' || g, 1 + g * 7919 % {{members}}, {{first_venue}} + v, 'PAID', 8000, 'S' || g, '', placed_at,
       placed_at + interval '15 minutes', placed_at, ''
  FROM (SELECT g, v, LEAST({{now}}, {{first_day}} + (day - 2) * interval '1 day') AS placed_at {_EACH_BOOKING}) placed"""
_LINES = f"""
INSERT INTO order_line (id, order_id, line_no, kind, court_id, starts_at, ends_at, business_day, price_fen, people, title,
                        price_label)
SELECT 1 + g, 1 + g, 1, 'COURT_SLOT', {{first_court}} + {COURTS} * v + c,
       {{first_day}} + day * interval '1 day' + hour * interval '1 hour',
       {{first_day}} + day * interval '1 day' + (hour + {HOURS_A_BOOKING}) * interval '1 hour',
       {{first_date}} + day, 8000, 2, c || '号场', '市场价' {_EACH_BOOKING}"""
_CELLS = f"""
INSERT INTO held_cell (part_id, step, venue_id, order_line_id)
SELECT {{first_part}} + {COURTS} * v + c, {{first_step}} + 48 * day + 2 * hour + half, {{first_venue}} + v, 1 + g
  {_EACH_BOOKING}, generate_series(0, {CELLS_A_BOOKING - 1}) AS half"""
_BEARERS = """
WITH given AS (SELECT n, access_hash FROM unnest($1::text[]) WITH ORDINALITY AS t(access_hash, n)),
     begun AS (
  INSERT INTO sign_in (public_id, member_id, appid, openid, device_id, door, started_at, end_reason)
  SELECT 'sgn_SCALE' || n, n, 'bench', 'scale' || n, 'bench', 'MINI_PROGRAM', $2, '' FROM given
  RETURNING id, member_id)
INSERT INTO sign_in_token (sign_in_id, generation, refresh_hash, access_hash, issued_at, access_expires_at,
                           refresh_expires_at)
SELECT begun.id, 0, reverse(given.access_hash), given.access_hash, $2, $2 + interval '2 hours', $2 + interval '30 days'
  FROM begun JOIN given ON given.n = begun.member_id"""


async def _bearers(connection: Any, now: datetime) -> tuple[str, ...]:
    """Of the first members, who have bookings as all others do."""
    tokens = tuple(new_token() for _ in range(BEARERS))
    await connection.execute(_BEARERS, [token_hash(token) for token in tokens], now)
    return tokens
