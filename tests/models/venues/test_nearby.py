"""Venues nearby: the right ones in the right order, with geopy's geodesic as the judge, and cheap whatever is far."""

import json
import random
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from geopy.distance import geodesic
from tortoise.connection import get_connection

from maps.coordinates import CoordinateSystem, Point
from maps.nearest import Metric
from models import database
from models.errors import BadInput, DomainError, ErrorCode
from models.venues import queries
from models.venues.queries import NearbyRow, VenueRow, nearby_statement, venues_near
from models.venues.tables import OpeningHours, Venue
from tests import databases
from tests.databases import Database
from tests.factories.places import TIANFU_SQUARE, a_court, a_region, a_venue, all_places

FRIDAY = date(2026, 11, 20)
CHENGDU = Point(*TIANFU_SQUARE)
PLACES = {
    "天府广场": CHENGDU,
    "解放碑": Point(106.5770, 29.5570),
    "眉山": Point(103.8480, 30.0770),
    "万州": Point(108.3950, 30.8080),
    "荣昌, at the border": Point(105.5940, 29.4050),
    "巫山": Point(109.8790, 31.0750),
}


async def near(point: Point = CHENGDU, **asked: Any) -> list[NearbyRow]:
    page = await venues_near(point=point, **{"radius_m": 100_000, "today": FRIDAY, "first": 50, **asked})
    return page.rows


async def all_pages(point: Point, **asked: Any) -> AsyncIterator[list[NearbyRow]]:
    after = None
    while True:
        page = await venues_near(point=point, today=FRIDAY, after=after, **asked)
        yield page.rows
        if not page.has_next:
            return
        after = (page.rows[-1].squared_metres, page.rows[-1].venue.id)


# The right ones in the right order


@pytest.mark.parametrize("radius_m", [3_000, 30_000, 100_000])
async def test_geopy_finds_the_same_real_venues_in_the_same_order(db: Database, radius_m: int) -> None:
    await all_places()
    venues = [(venue.public_id, venue.lat, venue.lon) for venue in await Venue.all()]
    found_somewhere = 0
    for point in PLACES.values():
        judged = sorted((geodesic((point.lat, point.lon), (lat, lon)).meters, key) for key, lat, lon in venues)
        expected = [(key, metres) for metres, key in judged if metres <= radius_m]
        found = [row async for page in _pages(point, radius_m) for row in page]
        assert [row.venue.public_id for row in found] == [key for key, _ in expected]
        for row, (_, metres) in zip(found, expected, strict=True):
            assert row.squared_metres**0.5 == pytest.approx(metres, abs=0.02)
            assert row.distance_m == pytest.approx(metres, abs=0.55)
        found_somewhere += len(found)
    assert found_somewhere > 10


def _pages(point: Point, radius_m: int) -> AsyncIterator[list[NearbyRow]]:
    return all_pages(point, radius_m=radius_m, first=7)


async def test_metres_count_not_degrees(db: Database) -> None:
    east = await a_venue(name="东", lon=CHENGDU.lon + 0.00998, lat=CHENGDU.lat)  # 956 m
    north = await a_venue(name="北", lon=CHENGDU.lon, lat=CHENGDU.lat + 0.00953)  # 1,056 m, though fewer degrees
    assert [row.venue.id for row in await near()] == [east.id, north.id]
    assert [row.venue.id for row in await near(radius_m=1000)] == [east.id]


async def test_a_corner_of_the_box_is_not_within_the_radius(db: Database) -> None:
    await a_venue(lon=CHENGDU.lon + 0.0095, lat=CHENGDU.lat + 0.0085)  # 910 m east, 942 m north
    assert await near(radius_m=1000) == []
    assert len(await near(radius_m=1320)) == 1


async def test_a_point_in_another_system_is_the_same_place(db: Database) -> None:
    await a_venue(lon=CHENGDU.lon, lat=CHENGDU.lat)
    for system in CoordinateSystem:
        assert [row.distance_m for row in await near(CHENGDU.to(system), radius_m=5)] == [0]


async def test_equally_near_venues_are_paged_by_id_without_loss_or_repetition(db: Database) -> None:
    ids = [(await a_venue()).id for _ in range(5)]
    pages = [[row.venue.id for row in page] async for page in all_pages(CHENGDU, radius_m=10, first=2)]
    assert pages == [ids[:2], ids[2:4], ids[4:]]


async def test_there_is_no_next_page_after_exactly_the_last_row(db: Database) -> None:
    for _ in range(2):
        await a_venue()
    page = await venues_near(point=CHENGDU, radius_m=10, today=FRIDAY, first=2)
    assert (len(page.rows), page.has_next) == (2, False)
    page = await venues_near(point=CHENGDU, radius_m=10, today=FRIDAY, first=1)
    assert (len(page.rows), page.has_next) == (1, True)


# What a row says


async def test_a_row_carries_what_the_list_shows(db: Database) -> None:
    region = await a_region()
    venue = await a_venue(region=region, phone="028-12345678", free_mornings=True)
    await a_court(venue, sport="TABLE_TENNIS")
    await a_court(venue, sport="BADMINTON")
    await OpeningHours.filter(venue=venue, weekday=4).update(closes_minute=720)
    await OpeningHours.create(venue=venue, weekday=4, opens_minute=840, closes_minute=1320, provenance="PUBLISHED")
    await OpeningHours.create(
        venue=venue, weekday=4, opens_minute=0, closes_minute=30, sport_code="BADMINTON", provenance="PUBLISHED"
    )
    (row,) = await near()
    assert row.distance_m == 0
    assert row.venue == VenueRow(
        id=venue.id,
        public_id=venue.public_id,
        name="测试体育馆",
        address="成都市武侯区测试路1号",
        venue_type="体育馆",
        region_name="武侯区",
        lon=CHENGDU.lon,
        lat=CHENGDU.lat,
        coordinate_quality="DISTRICT_CENTROID",
        phone="028-12345678",
        grade=None,
        is_open=True,
        sports=(("BADMINTON", "羽毛球"), ("TABLE_TENNIS", "乒乓球")),
        price_from_fen=0,
        price_is_demonstration=True,
        opening_today=((480, 720), (840, 1320)),
        partner=None,
    )


async def test_a_venue_without_courts_or_hours_has_empty_lists(db: Database) -> None:
    await a_venue(open_minutes=None)
    (row,) = await near()
    assert (row.venue.sports, row.venue.opening_today) == ((), ())


async def test_a_closed_venue_is_not_offered(db: Database) -> None:
    await a_venue(is_open=False)
    assert await near() == []


# Asked for a sport, or for a time


async def test_only_venues_with_the_sport(db: Database) -> None:
    with_it, without_it = await a_venue(), await a_venue()
    await a_court(with_it, sport="TENNIS")
    await a_court(without_it, sport="BADMINTON")
    assert [row.venue.id for row in await near(sport="TENNIS")] == [with_it.id]


@pytest.mark.parametrize(
    ("clock", "open_"), [("07:59", False), ("08:00", True), ("21:59", True), ("22:00", False)]
)
async def test_opening_hours_are_half_open_on_the_local_clock(db: Database, clock: str, open_: bool) -> None:
    await a_venue()
    at = datetime.fromisoformat(f"2026-11-21T{clock}:00+08:00").astimezone(UTC)
    assert bool(await near(open_at=at)) is open_


async def test_the_weekday_is_shanghais_not_utcs(db: Database) -> None:
    venue = await a_venue(open_minutes=None)
    await OpeningHours.create(venue=venue, weekday=5, opens_minute=0, closes_minute=1440, provenance="PUBLISHED")
    saturday_0030 = datetime(2026, 11, 20, 16, 30, tzinfo=UTC)
    assert len(await near(open_at=saturday_0030)) == 1
    assert await near(open_at=saturday_0030 - timedelta(hours=1)) == []
    assert len(await near(open_at=datetime(2026, 11, 21, 12, tzinfo=ZoneInfo("Asia/Shanghai")))) == 1


async def test_a_sport_with_hours_of_its_own_is_open_by_those(db: Database) -> None:
    venue = await a_venue()
    await a_court(venue, sport="TENNIS")
    await a_court(venue, sport="BADMINTON")
    await OpeningHours.create(
        venue=venue, weekday=4, opens_minute=360, closes_minute=480, sport_code="TENNIS", provenance="PUBLISHED"
    )
    seven, nine = (datetime(2026, 11, 20, hour, tzinfo=ZoneInfo("Asia/Shanghai")) for hour in (7, 9))
    assert len(await near(sport="TENNIS", open_at=seven)) == 1
    assert await near(sport="TENNIS", open_at=nine) == []
    assert await near(sport="BADMINTON", open_at=seven) == []
    assert len(await near(sport="BADMINTON", open_at=nine)) == 1
    assert await near(open_at=seven) == []


async def test_everything_asked_at_once_still_pages(db: Database) -> None:
    for _ in range(3):
        await a_court(await a_venue(), sport="TENNIS")
    at = datetime(2026, 11, 20, 4, tzinfo=UTC)
    pages = [page async for page in all_pages(CHENGDU, radius_m=10, first=2, sport="TENNIS", open_at=at)]
    assert [len(page) for page in pages] == [2, 1]


# Bad input


@pytest.mark.parametrize(
    ("asked", "code", "field"),
    [
        ({"radius_m": 0}, ErrorCode.BAD_INPUT, "radiusM"),
        ({"radius_m": -5}, ErrorCode.BAD_INPUT, "radiusM"),
        ({"radius_m": 100_001}, ErrorCode.BAD_INPUT, "radiusM"),
        ({"radius_m": 10**400}, ErrorCode.BAD_INPUT, "radiusM"),
        ({"radius_m": float("nan")}, ErrorCode.BAD_INPUT, "radiusM"),
        ({"radius_m": float("inf")}, ErrorCode.BAD_INPUT, "radiusM"),
        ({"first": 0}, ErrorCode.BAD_INPUT, "first"),
        ({"first": -1}, ErrorCode.BAD_INPUT, "first"),
        ({"first": 51}, ErrorCode.BAD_INPUT, "first"),
        ({"first": 10**20}, ErrorCode.BAD_INPUT, "first"),
        ({"after": (-1.0, 1)}, ErrorCode.BAD_INPUT, "after"),
        ({"after": (float("nan"), 1)}, ErrorCode.BAD_INPUT, "after"),
        ({"after": (1.0, 0)}, ErrorCode.BAD_INPUT, "after"),
        ({"after": (1.0, 2**31)}, ErrorCode.BAD_INPUT, "after"),
        ({"open_at": datetime(9999, 12, 31, 23, tzinfo=UTC)}, ErrorCode.BAD_INPUT, "openAt"),
        ({"open_at": datetime(1, 1, 1, tzinfo=UTC)}, ErrorCode.BAD_INPUT, "openAt"),
        ({"open_at": datetime(2026, 11, 20)}, ErrorCode.BAD_INPUT, "openAt"),  # noqa: DTZ001
        ({"sport": "CURLING"}, ErrorCode.SPORT_UNKNOWN, "sport"),
        ({"sport": ""}, ErrorCode.SPORT_UNKNOWN, "sport"),
        ({"sport": "TENNIS\0"}, ErrorCode.SPORT_UNKNOWN, "sport"),
        ({"sport": "' OR 1=1 --"}, ErrorCode.SPORT_UNKNOWN, "sport"),
        ({"sport": "网球"}, ErrorCode.SPORT_UNKNOWN, "sport"),
        ({"sport": "X" * 100_000}, ErrorCode.SPORT_UNKNOWN, "sport"),
        ({"point": Point(116.4, 39.9)}, ErrorCode.COORDINATE_OUTSIDE, "point"),
        ({"point": Point(30.66, 104.07 - 90)}, ErrorCode.COORDINATE_OUTSIDE, "point"),
        ({"point": Point(0, 0)}, ErrorCode.COORDINATE_OUTSIDE, "point"),
        ({"point": Point(180, 90, CoordinateSystem.BD09)}, ErrorCode.COORDINATE_OUTSIDE, "point"),
    ],
    ids=str,
)  # fmt: skip
async def test_what_cannot_be_is_refused_with_a_way_out(
    db: Database, asked: dict[str, Any], code: ErrorCode, field: str
) -> None:
    await a_court(await a_venue(), sport="TENNIS")
    with pytest.raises(DomainError) as refused:
        await near(**asked)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert refused.value.next_step
    assert (refused.type is BadInput) == (code is ErrorCode.BAD_INPUT)


async def test_a_known_sport_that_nobody_near_plays_is_an_empty_list(db: Database) -> None:
    await a_court(await a_venue(), sport="TENNIS")
    assert await near(PLACES["巫山"], sport="TENNIS") == []


# What it costs


async def _fill_elsewhere(venues: int) -> None:
    """So many venues around 重庆 and 巫山, more than 200 km from Chengdu."""
    await database.rows(
        """INSERT INTO venue (public_id, ref, name, published_name, address, published_address, venue_type,
                              region_id, province_code, city_code, published_facts, phone, grade, lon, lat,
                              coordinate_quality, is_open, sport_codes, price_from_fen, price_from_provenance)
           WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < $2::int)
           SELECT 'ven_' || n, 'F' || n, 'x', 'x', 'x', 'x', '体育馆', $1::int, '500000', '500000', '', '', '',
                  106.5 + (n % 300) * 0.01, 29.5 + (n / 300) * 0.01, 'SURVEYED', true, '[]', 0, ''
             FROM many""",
        (await a_region()).id,
        venues,
    )
    if databases.KIND == "postgres":  # as autovacuum does; SQLite gathers no figures, and so do we
        await database.rows("ANALYZE venue")


def _walk(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [node, *(inner for child in node.get("Plans", []) for inner in _walk(child))]


async def test_the_work_does_not_grow_with_venues_elsewhere(db: Database) -> None:
    near_ids = [(await a_venue()).id for _ in range(5)]
    work = []
    for more in (500, 20_000):
        await database.rows("DELETE FROM venue WHERE ref LIKE 'F%'")
        await _fill_elsewhere(more)
        text, values = nearby_statement(CHENGDU, 5_000, FRIDAY, 50)
        count = _rows_examined if databases.KIND == "postgres" else _steps
        work.append(await count(text, values))
        assert [row.venue.id for row in await near(radius_m=5_000)] == near_ids
    if databases.KIND == "postgres":  # whose plan follows its figures, which are a sample
        assert max(work) < 2 * queries._SOME
    else:
        assert work[1] == pytest.approx(work[0], rel=0.01)


async def _rows_examined(text: str, values: list[Any]) -> float:
    """Of venues, by PostgreSQL: those in the box, and as many of the nearest as are tried first."""
    found = await database.row(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}", *values)
    assert found is not None
    nodes = _walk(json.loads(found["QUERY PLAN"])[0]["Plan"])
    assert "venue_place" in {node.get("Index Name") for node in nodes}
    examined = {_examined_by(node) for node in nodes if _reads_venues(node)}
    assert {5, queries._SOME} <= examined, found["QUERY PLAN"]
    return max(examined)


def _reads_venues(node: dict[str, Any]) -> bool:
    return node.get("Relation Name") == "venue" or node.get("Index Name") == "venue_place"


def _examined_by(node: dict[str, Any]) -> float:
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float((node["Actual Rows"] + removed) * node["Actual Loops"])


async def test_a_city_ten_times_as_dense_gives_the_nearest_for_as_little_work(db: Database) -> None:
    chance = random.Random(7)
    region = (await a_region()).id
    metric = Metric.at(CHENGDU.lon, CHENGDU.lat)
    said: dict[str, Any] = dict.fromkeys(
        ("name", "published_name", "address", "published_address", "venue_type", "coordinate_quality"), "密"
    )
    said |= {"region_id": region, "province_code": "510000", "city_code": "510100"}
    venues: list[Venue] = []
    examined = []
    for many in (80, 800):
        made = [
            Venue(
                public_id=f"d{n}",
                ref=f"D{n}",
                is_open=n % 10 > 0,
                **said,
                lon=round(CHENGDU.lon + chance.uniform(-0.1, 0.1), 3),  # on a grid: many are equally far
                lat=round(CHENGDU.lat + chance.uniform(-0.1, 0.1), 3),
            )
            for n in range(len(venues), many)
        ]
        await Venue.bulk_create(made, batch_size=2_000)
        venues = await Venue.all().order_by("id")
        far = metric.all_squared_metres([(venue.lon, venue.lat) for venue in venues])
        judged = sorted(
            (metres, venue.id)
            for metres, venue in zip(far, venues, strict=True)
            if venue.is_open and metres <= 8_000**2
        )
        if many == 80:
            pages = [row async for page in all_pages(CHENGDU, radius_m=8_000, first=20) for row in page]
            assert [(row.squared_metres, row.venue.id) for row in pages] == judged
        first = await venues_near(point=CHENGDU, radius_m=8_000, today=FRIDAY, first=20)
        after = (first.rows[-1].squared_metres, first.rows[-1].venue.id)
        second = await venues_near(point=CHENGDU, radius_m=8_000, today=FRIDAY, first=20, after=after)
        assert [(row.squared_metres, row.venue.id) for row in first.rows + second.rows] == judged[:40]
        if databases.KIND == "postgres":
            await database.rows("ANALYZE venue")
            text, values = nearby_statement(CHENGDU, 8_000, FRIDAY, 20)
            found = await database.row(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}", *values)
            assert found is not None
            nodes = _walk(json.loads(found["QUERY PLAN"])[0]["Plan"])
            examined.append(max(_examined_by(node) for node in nodes if _reads_venues(node)))
    assert all(count <= 1.2 * queries._SOME for count in examined), examined


async def _steps(text: str, values: list[Any]) -> int:
    """That SQLite's machine takes for this statement."""
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1

    async with get_connection("default").acquire_connection() as connection:
        await connection.set_progress_handler(step, 1)
    assert len(await database.rows(text, *values)) == 5
    async with get_connection("default").acquire_connection() as connection:
        await connection.set_progress_handler(None, 1)
    return steps


async def test_an_index_narrows_to_the_box_on_either_database(db: Database) -> None:
    await a_venue()
    await _fill_elsewhere(5_000)
    text, values = nearby_statement(CHENGDU, 5_000, FRIDAY, 50)
    if databases.KIND == "postgres":
        plan = [row["QUERY PLAN"] for row in await database.rows(f"EXPLAIN {text}", *values)]
        assert any("venue_place" in line for line in plan)
    else:
        plan = [row["detail"] for row in await database.rows(f"EXPLAIN QUERY PLAN {text}", *values)]
        assert any(line.startswith("SCAN b VIRTUAL TABLE INDEX 2") for line in plan)  # 1 only looks one row up
        assert "SCAN v" not in plan
    assert len(await near(radius_m=5_000)) == 1
