"""What can be asked about venues. Hot reads of one statement each, without models.

Of `venues_near` the venues of a whole square may be kept; then they are ranked here, to the same bit as in the database.
A venue's courts, windows and limits are read together, by `models.booking.queries.timetable`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache, lru_cache
from math import isfinite
from typing import Any, NamedTuple, TypedDict

import orjson

from federation.jump import JumpOnly
from federation.port import Jump, Search
from maps.coordinates import CoordinateSystem, Point
from maps.nearest import Metric, squared_metres_sql
from models import database
from models.calendar import MOST_DAYS_AWAY, business_day, minute_of_day
from models.errors import BadInput, DomainError, ErrorCode, wrong_cursor, wrong_page_size
from models.keeping import Keep
from models.venues.hours_versions import hours_on
from models.venues.squares import Square

FURTHEST_M = 100_000  # maps.nearest is exact to 2 cm up to here
MOST_AT_ONCE = 50
KEPT_SECONDS = 30
WEIGHS = 3.0
MOST_KEPT = 400
"""Venues of one square. Ranking more here would cost more than asking the database."""
# Sichuan and Chongqing with half a degree around them, WGS-84: west, south, east, north
OUR_LAND = (96.8, 25.5, 110.8, 34.9)


class VenueRow(NamedTuple):
    """A venue as lists show it. `sports` are (code, name); `opening_today` (opens, closes) in local minutes."""

    id: int
    public_id: str
    name: str
    address: str
    venue_type: str
    region_name: str
    lon: float  # WGS-84
    lat: float
    coordinate_quality: str
    phone: str | None
    grade: str | None
    is_open: bool
    sports: tuple[tuple[str, str], ...]
    price_from_fen: int | None
    price_is_demonstration: bool
    opening_today: tuple[tuple[int, int], ...]
    partner: "Partner | None"


class Partner(NamedTuple):
    """Who books a venue that is not connected, as `federation.jump.JumpOnly` wants it."""

    name: str
    appid: str
    path: str
    web: str
    their_id: str
    is_demonstration: bool

    def jump(self, search: Search) -> Jump:
        return JumpOnly(appid=self.appid, path=self.path, web=self.web).jump(replace(search, venue=self.their_id))


class NearbyRow(NamedTuple):
    venue: VenueRow
    squared_metres: float
    distance_m: int


Cursor = tuple[float, int]
"""The `squared_metres` of the last row seen, and its venue's `id`."""


@dataclass(frozen=True, slots=True)
class NearbyPage:
    rows: list[NearbyRow]
    has_next: bool


async def venues_near(
    *,
    point: Point,
    radius_m: float,
    today: date,
    first: int,
    sport: str | None = None,
    open_at: datetime | None = None,
    after: Cursor | None = None,
    keep: Keep | None = None,
) -> NearbyPage:
    """Open venues within the radius, nearest first by true metres; one statement.

    An index narrows to a box, so venues outside the radius cost nothing. With `keep` the venues may be KEPT_SECONDS
    old; which of them, in what order and how far is the same. Raises BadInput, and DomainError with
    COORDINATE_OUTSIDE or SPORT_UNKNOWN.
    """
    _check_size(radius_m, first)
    if sport is not None and not _could_be_a_code(sport):
        raise sport_unknown()
    place = _on_our_land(point)
    if after is not None:
        _checked(after)
    venues = None if keep is None else await _in_reach(keep, place, radius_m, today, sport, open_at)
    if venues is not None:
        found = _nearest(venues, place, radius_m, first, after)
    else:
        text, values = nearby_statement(place, radius_m, today, first, sport, open_at, after)
        found = [_nearby_row(*row) for row in await database.rows(text, *values)]
    if not found and sport is not None:
        await require_sport(sport)
    return NearbyPage(found[:first], has_next=len(found) > first)


async def _in_reach(
    keep: Keep, place: Point, radius_m: float, today: date, sport: str | None, open_at: datetime | None
) -> Sequence[VenueRow] | None:
    """What anybody in the same square could be shown, and a few more; None when these are too many."""
    square = Square.around(place, radius_m)
    moment = open_at and _day_and_minute(open_at, today)

    async def look() -> Sequence[VenueRow] | None:
        reach_m = square.reach_m(radius_m)
        text, values = nearby_statement(square.centre, reach_m, today, MOST_KEPT, sport, open_at)
        found = await database.rows(text, *values)
        return None if len(found) > MOST_KEPT else [_venue_row(*row[1:]) for row in found]

    return await keep.get(
        f"near:{square.power}:{square.column}:{square.row}:{radius_m}:{today}:{moment}:{sport}",
        KEPT_SECONDS,
        look,
        dump=_dumped,
        load=_loaded,
        weighs=WEIGHS,
    )


def _nearest(
    venues: Sequence[VenueRow], place: Point, radius_m: float, first: int, after: Cursor | None
) -> list[NearbyRow]:
    """The statement's WHERE, ORDER BY and LIMIT."""
    metric, within = Metric.at(place.lon, place.lat), float(radius_m) ** 2
    far = metric.all_squared_metres([(venue.lon, venue.lat) for venue in venues])
    near = [(metres, venue.id, venue) for metres, venue in zip(far, venues, strict=True) if metres <= within]
    if after is not None:
        near = [found for found in near if found[:2] > after]
    near.sort()
    return [NearbyRow(venue, metres, round(metres**0.5)) for metres, _, venue in near[: first + 1]]


def _dumped(venues: Sequence[VenueRow] | None) -> bytes:
    """What lies inside a row as texts, in which the database gave them and `_venue_row` takes them."""
    return orjson.dumps(
        venues
        and [
            (
                *(*row[:12], orjson.dumps(row[12]).decode(), *row[13:15], orjson.dumps(row[15]).decode()),
                row[16] and orjson.dumps(tuple(row[16])).decode(),
            )
            for row in venues
        ]
    )


def _loaded(text: bytes) -> Sequence[VenueRow] | None:
    rows = orjson.loads(text)
    return rows and [
        VenueRow._make(
            (*row[:12], _pairs(row[12]), *row[13:15], _pairs(row[15]), _partner(row[16]) if row[16] else None)
        )
        for row in rows
    ]


def nearby_statement(
    place: Point,
    radius_m: float,
    today: date,
    first: int,
    sport: str | None = None,
    open_at: datetime | None = None,
    after: Cursor | None = None,
) -> tuple[str, list[Any]]:
    """The statement and its values. Public for `make bench`, whose bare route runs the same text."""
    metric = Metric.at(place.lon, place.lat)
    values: list[Any] = [*metric.box(radius_m), *metric.numbers, float(radius_m) ** 2, first + 1]
    values += [today.weekday(), today]
    if after is not None:
        values += _checked(after)
    if sport is not None:
        values.append(sport)
    if open_at is not None:
        values += _day_and_minute(open_at, today)
    text = nearby_sql(database.on_postgres(), after is not None, sport is not None, open_at is not None)
    return text, values


async def venue_by_public_id(public_id: str, *, today: date) -> VenueRow | None:
    """One venue, also when it is closed; None if there is none."""
    if not _could_be_a_code(public_id):
        return None
    found = await database.row(_venue_sql(database.on_postgres()), public_id, today.weekday(), today)
    return None if found is None else _venue_row(*found)


@cache
def nearby_sql(on_postgres: bool, with_cursor: bool, with_sport: bool, with_open_at: bool) -> str:
    """$1–$4 box, $5–$16 the metric's numbers, $17 squared radius, $18 limit, $19 weekday, $20 today; then what
    is asked."""
    says = _POSTGRES if on_postgres else _SQLITE
    numbers = [f"${n}::float8" for n in range(5, 17)]
    parameter = iter(range(21, 30))
    beyond = filters = ""
    if with_cursor:
        beyond = f"AND (m2, id) > (${next(parameter)}, ${next(parameter)})"
    if with_sport:
        sport = f"${next(parameter)}::text"
        filters += f" AND {says['plays'].format(sport=sport)}"
    if with_open_at:
        weekday, minute, day = (f"${next(parameter)}" for _ in range(3))
        whose = "''"
        if with_sport:
            own = f"{hours_on('v.id', day)} AND sport_code = {sport}"
            whose = f"CASE WHEN EXISTS (SELECT 1 FROM {own}) THEN {sport} ELSE '' END"
        # whoever books a venue elsewhere knows its hours, we don't: it is shown, and the time is carried along
        filters += f""" AND (v.partner_id IS NOT NULL OR EXISTS (
                         SELECT 1 FROM {hours_on("v.id", day)} AND sport_code = {whose} AND weekday = {weekday}
                          AND opens_minute <= {minute} AND closes_minute > {minute}))"""
    metres = squared_metres_sql("v.lon", "v.lat", numbers)
    some = _SOME_TO_FILTER if beyond or filters else _SOME
    text = _NEAR_POSTGRES if on_postgres else _NEAR_SQLITE
    near = text.format(metres=metres, beyond=beyond, filters=filters, some=some)
    return f"""
        WITH {near}
        SELECT near.m2 AS squared_metres, {_venue_columns(says, weekday="$19", today="$20")}
          FROM near JOIN venue v ON v.id = near.id JOIN region r ON r.id = v.region_id
         ORDER BY near.m2, v.id"""


# CROSS JOIN is SQLite's way to say: the box first. Its planner may else go through every venue.
_NEAR_SQLITE = """near AS (
          SELECT id, m2 FROM (
            SELECT v.id, {metres} AS m2
              FROM venue_place b CROSS JOIN venue v ON v.id = b.id
             WHERE b.lon_max >= $1 AND b.lat_max >= $2 AND b.lon_min <= $3 AND b.lat_min <= $4
               AND v.is_open{filters}) AS boxed
           WHERE m2 <= $17 {beyond} ORDER BY m2, id LIMIT $18)"""
_NEAR_POSTGRES = """few AS MATERIALIZED (
          SELECT id, lon, lat, is_open, sport_codes, partner_id
            FROM venue ORDER BY point(lon, lat) <-> point($5, $6) LIMIT {some}),
        reach AS MATERIALIZED (
          SELECT m2 FROM (SELECT v.id, {metres} AS m2 FROM few v WHERE v.is_open{filters}) AS among
           WHERE m2 <= $17 {beyond} ORDER BY m2 OFFSET $18 - 1 LIMIT 1),
        box AS MATERIALIZED (
          SELECT m2, $5 - share * ($5 - $1) AS west, $6 - share * ($6 - $2) AS south,
                 $5 + share * ($3 - $5) AS east, $6 + share * ($4 - $6) AS north
            FROM (SELECT COALESCE((SELECT m2 FROM reach), $17) AS m2,
                         COALESCE((SELECT 1.0001 * sqrt(m2 / $17) FROM reach), 1) AS share) AS sized),
        near AS (
          SELECT id, m2 FROM (
            SELECT v.id, {metres} AS m2, box.m2 AS furthest
              FROM box CROSS JOIN venue v
             WHERE point(v.lon, v.lat) <@ box(point(west, south), point(east, north)) AND v.is_open{filters}) AS boxed
           WHERE m2 <= furthest {beyond} ORDER BY m2, id LIMIT $18)"""
"""Some that are near by their degrees come first, from the index in that order. When as many of them as are wanted suit,
none of those that are nearest by true metres is farther than the last of these, and the box to look through is only so
large, however dense a city is; else it is the radius'. (A share of each of its sides surely contains what is within
that share of the radius: `Metric.box` grows a little faster than its radius.) That LIMIT is no parameter, since one
plan serves all and must know that it is small."""
_SOME, _SOME_TO_FILTER = MOST_AT_ONCE * 3 // 2, MOST_AT_ONCE * 8


@cache
def _venue_sql(on_postgres: bool) -> str:
    says = _POSTGRES if on_postgres else _SQLITE
    return f"""SELECT {_venue_columns(says, weekday="$2", today="$3")}
                 FROM venue v JOIN region r ON r.id = v.region_id WHERE v.public_id = $1"""


def _venue_columns(says: dict[str, str], *, weekday: str, today: str) -> str:
    return f"""v.id, v.public_id, v.name, v.address, v.venue_type, r.name AS region_name, v.lon, v.lat,
               v.coordinate_quality, NULLIF(v.phone, '') AS phone, NULLIF(v.grade, '') AS grade, v.is_open,
               v.price_from_fen, v.price_from_provenance <> 'PUBLISHED' AS price_is_demonstration,
               {says["sports"]} AS sports, {says["opening"].format(weekday=weekday, hours=hours_on("v.id", today))} AS opening_today,
               {says["partner"]} AS partner"""


_POSTGRES = {
    "plays": "jsonb_exists(v.sport_codes, {sport})",
    "sports": """(SELECT json_agg(json_build_array(s.code, s.name) ORDER BY s.position)
                    FROM sport s WHERE jsonb_exists(v.sport_codes, s.code))""",
    "opening": """(SELECT json_agg(json_build_array(opens_minute, closes_minute) ORDER BY opens_minute)
                     FROM {hours} AND sport_code = '' AND weekday = {weekday})""",
    "partner": """(SELECT json_build_array(p.name, p.appid, p.path, p.web, v.their_id, p.provenance <> 'PUBLISHED')
                     FROM partner_platform p WHERE p.code = v.partner_id)""",
}
_SQLITE = {
    "plays": "{sport} IN (SELECT value FROM json_each(v.sport_codes))",
    "sports": """(SELECT json_group_array(json_array(s.code, s.name)) FROM (SELECT code, name FROM sport
                   WHERE code IN (SELECT value FROM json_each(v.sport_codes)) ORDER BY position) AS s)""",
    "opening": """(SELECT json_group_array(json_array(o.opens_minute, o.closes_minute)) FROM (
                     SELECT opens_minute, closes_minute FROM {hours} AND sport_code = '' AND weekday = {weekday}
                      ORDER BY opens_minute) AS o)""",
    "partner": """(SELECT json_array(p.name, p.appid, p.path, p.web, v.their_id, p.provenance <> 'PUBLISHED')
                     FROM partner_platform p WHERE p.code = v.partner_id)""",
}


def _nearby_row(squared_metres: float, *venue: Any) -> NearbyRow:
    return NearbyRow(_venue_row(*venue), squared_metres, round(squared_metres**0.5))


# The columns of `_venue_columns`, by their place: each look-up by name would be done for fifty rows. SQLite has 1 for true.
# fmt: off
def _venue_row(
    row_id: int, public_id: str, name: str, address: str, venue_type: str, region_name: str, lon: float, lat: float,
    quality: str, phone: str | None, grade: str | None, is_open: Any, price_from_fen: int | None, is_made_up: Any,
    sports: str | None, opening_today: str | None, partner: str | None,
) -> VenueRow:
    return VenueRow(
        row_id, public_id, name, address, venue_type, region_name, lon, lat, quality, phone, grade, bool(is_open),
        _pairs(sports), price_from_fen, bool(is_made_up), _pairs(opening_today),
        _partner(partner) if partner else None,
    )
# fmt: on


@lru_cache(maxsize=512)
def _partner(text: str) -> Partner:
    name, appid, path, web, their_id, is_made_up = orjson.loads(text)
    return Partner(name, appid, path, web, their_id, bool(is_made_up))


@lru_cache(maxsize=2048)
def _pairs(text: str | None) -> tuple[Any, ...]:
    """Hundreds of venues have the same sports or hours, so one JSON text is read once. None: no rows."""
    return tuple([tuple(pair) for pair in orjson.loads(text or "[]")])


def _check_size(radius_m: float, first: int) -> None:
    if not 0 < radius_m <= FURTHEST_M:
        raise BadInput(
            f"搜索半径应大于0米、不超过{FURTHEST_M // 1000}公里。", next_step="请调整半径后再试。", field="radiusM"
        )
    if not 1 <= first <= MOST_AT_ONCE:
        raise wrong_page_size(MOST_AT_ONCE)


def _on_our_land(point: Point) -> Point:
    place = point.to(CoordinateSystem.WGS84)
    west, south, east, north = OUR_LAND
    if not (west <= place.lon <= east and south <= place.lat <= north):
        raise DomainError(
            "这个位置不在四川省、重庆市及周边。",
            code=ErrorCode.COORDINATE_OUTSIDE,
            next_step="请检查经纬度是否写反、坐标系是否选对，或在地图上选择川渝境内的一个位置。",
            field="point",
        )
    return place


def _checked(after: Cursor) -> Cursor:
    squared_metres, venue_id = after
    if not (isfinite(squared_metres) and squared_metres >= 0 and 0 < venue_id < 2**31):
        raise wrong_cursor()
    return after


def _day_and_minute(open_at: datetime, today: date) -> tuple[int, int, date]:
    """Its weekday, its minute and the day itself, by the local clock."""
    if open_at.tzinfo is None or abs((open_at.date() - today).days) > MOST_DAYS_AWAY:
        raise BadInput("查询的时间应在今天前后一年之内，并带时区。", next_step="请重新选择时间。", field="openAt")
    day = business_day(open_at)
    return day.weekday(), minute_of_day(open_at), day


def _could_be_a_code(text: str) -> bool:
    """Codes and ids of ours are short and printable; nothing else needs to reach the database."""
    return 0 < len(text) <= 32 and text.isascii() and text.isprintable()


async def require_sport(code: str) -> None:
    """Where nothing was found for it: is it a sport at all? Raises SPORT_UNKNOWN."""
    known = _could_be_a_code(code) and await database.row("SELECT code FROM sport WHERE code = $1", code)
    if not known:
        raise sport_unknown()


def sport_unknown() -> DomainError:
    return DomainError(
        "没有这个运动项目。",
        code=ErrorCode.SPORT_UNKNOWN,
        next_step="请从运动项目列表中选择。",
        field="sport",
    )


class SportRow(TypedDict):
    code: str
    name: str


async def sports() -> list[SportRow]:
    """All sports, in the order to show them."""
    found = await database.rows("SELECT code, name FROM sport ORDER BY position, code")
    return [{"code": row["code"], "name": row["name"]} for row in found]
