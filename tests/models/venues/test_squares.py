"""Venues nearby from what is kept of a square: the very rows that the statement finds, whoever in it asks."""

import random
from datetime import date, timedelta
from math import hypot, inf, nextafter
from typing import Any

import pytest
from geopy.distance import geodesic
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maps.coordinates import Point
from maps.nearest import Metric
from models import database
from models.calendar import instant_of
from models.venues.queries import FURTHEST_M, MOST_KEPT, NearbyPage, venues_near
from models.venues.squares import FINEST, Square
from models.venues.tables import OpeningHours, Sport, Venue
from plans.keeping import Keeper
from tests.databases import Database
from tests.factories.places import TIANFU_SQUARE, a_region
from tests.plans.shelf import Shelf

FRIDAY = date(2026, 11, 20)
MIDNIGHT = instant_of(FRIDAY, 0)
CHENGDU = Point(*TIANFU_SQUARE)
CROWD = Point(106.55, 29.56)
SPORTS = ("BADMINTON", "TENNIS", "SWIMMING")

places = st.builds(Point, st.floats(96.8, 110.8), st.floats(25.5, 34.9))
radii = st.one_of(st.sampled_from([1, 500, 3_000, 5_000, 10_000, FURTHEST_M]), st.integers(1, FURTHEST_M))


# The square


@given(places, radii)
def test_a_place_lies_in_its_square_whose_edge_follows_the_radius(place: Point, radius_m: int) -> None:
    square = Square.around(place, radius_m)
    edge, centre = 2.0**square.power, square.centre
    assert abs(place.lon - centre.lon) <= edge / 2
    assert abs(place.lat - centre.lat) <= edge / 2
    assert square.power == FINEST or radius_m / 11.4 < edge * 111_000 < radius_m / 5.6


@settings(max_examples=400)
@given(places, radii, st.floats(0, 360), st.floats(0, 1), st.floats(0, 1))
def test_whatever_is_within_the_radius_of_any_place_of_a_square_is_in_its_reach(
    place: Point, radius_m: int, bearing: float, east: float, north: float
) -> None:
    square = Square.around(place, radius_m)
    edge = 2.0**square.power
    asking = ((square.column + east) * edge, (square.row + north) * edge)
    found = geodesic(meters=radius_m).destination((asking[1], asking[0]), bearing)
    centre, reach_m = square.centre, square.reach_m(radius_m)
    metric = Metric.at(centre.lon, centre.lat)
    assert metric.squared_metres(found.longitude, found.latitude) <= reach_m**2
    box = metric.box(reach_m)
    assert box.west <= found.longitude <= box.east
    assert box.south <= found.latitude <= box.north


@given(places, radii)
def test_the_reach_is_hardly_more_than_the_radius(place: Point, radius_m: int) -> None:
    square = Square.around(place, radius_m)
    half_diagonal = hypot(1, 1) * 2.0**square.power * 111_000 / 2
    assert radius_m < square.reach_m(radius_m) < 1.002 * (radius_m + half_diagonal)


# The same rows


@pytest.fixture(scope="module")
async def land(_database: Database) -> list[tuple[float, float]]:
    """Venues in towns of all sizes, several in one place, some closed, and a crowd that is too many to keep."""
    await _database.clean()
    chance = random.Random(16)
    region = await a_region()
    await Sport.bulk_create(Sport(code=code, name=code.lower(), position=n) for n, code in enumerate(SPORTS))
    towns = [(chance.uniform(97, 110.6), chance.uniform(25.7, 34.7)) for _ in range(12)] + [TIANFU_SQUARE]
    where = [
        (lon + chance.gauss(0, spread), lat + chance.gauss(0, spread))
        for lon, lat in towns
        for spread in (0.001, 0.01, 0.1, 0.5)
        for _ in range(18)
    ]
    where += chance.sample(where, 60)  # equally far from everywhere
    where += [
        (CROWD.lon + chance.uniform(-0.01, 0.01), CROWD.lat + chance.uniform(-0.01, 0.01))
        for _ in range(MOST_KEPT + 1)
    ]
    await Venue.bulk_create(_venue(number, place, region.id, chance) for number, place in enumerate(where))
    venue_ids: list[Any] = await Venue.all().order_by("id").values_list("id", flat=True)
    await OpeningHours.bulk_create(
        OpeningHours(
            venue_id=venue_id,
            weekday=weekday,
            sport_code=sport,
            opens_minute=opens,
            closes_minute=opens + 300,
            provenance="DEMONSTRATION",
        )
        for venue_id in venue_ids
        for weekday, sport, opens in {
            (chance.choice((4, 5)), chance.choice(("", "", "TENNIS")), 60 * chance.choice((6, 9, 14)))
            for _ in range(3)
        }
    )
    return where


def _venue(number: int, place: tuple[float, float], region_id: int, chance: random.Random) -> Venue:
    lon, lat = place
    return Venue(
        public_id=f"ven_{number}",
        ref=f"S{number:05d}",
        name=f"第{number}馆",
        published_name=f"第{number}馆",
        address=f"健身路{number}号",
        published_address=f"健身路{number}号",
        venue_type="体育馆",
        region_id=region_id,
        province_code="510000",
        city_code="510100",
        phone=chance.choice(("", "028-81234567")),
        grade=chance.choice(("", "甲级")),
        lon=lon,
        lat=lat,
        coordinate_quality="SURVEYED",
        is_open=chance.random() > 0.1 or number >= 900,
        sport_codes=chance.sample(SPORTS, chance.randint(0, 3)),
        price_from_fen=chance.choice((None, 0, 1500)),
        price_from_provenance=chance.choice(("PUBLISHED", "DEMONSTRATION")),
    )


moments = st.none() | st.integers(0, 2 * 24 * 60).map(lambda minutes: MIDNIGHT + timedelta(minutes=minutes))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    near=st.integers(0, 10_000),
    off=st.tuples(st.floats(-0.2, 0.2), st.floats(-0.2, 0.2)),
    asked=st.fixed_dictionaries(
        {
            "radius_m": radii,
            "first": st.integers(1, 50),
            "sport": st.none() | st.sampled_from(SPORTS),
            "open_at": moments,
        }
    ),
    closeness=st.sampled_from([0.0, 0.01, 1.0]),
)
async def test_kept_or_not_the_pages_are_the_same_to_the_last_bit(
    land: list[tuple[float, float]],
    near: int,
    off: tuple[float, float],
    asked: dict[str, Any],
    closeness: float,
) -> None:
    lon, lat = land[near % len(land)]
    point = Point(min(max(lon + closeness * off[0], 96.8), 110.8), min(max(lat + closeness * off[1], 25.5), 34.9))
    shelf = Shelf()
    makes, loads = Keeper(shelf), Keeper(shelf)
    await makes.listen()
    await loads.listen()
    by_statement = await pages(point, **asked)
    assert await pages(point, keep=makes, **asked) == by_statement
    assert await pages(point, keep=loads, **asked) == by_statement


async def pages(point: Point, **asked: Any) -> list[str]:
    """The first few, each spelled out: a list is no tuple, 1 is neither 1.0 nor True."""
    found: list[NearbyPage] = []
    while not found or (found[-1].has_next and len(found) < 5):
        last = found[-1].rows[-1] if found else None
        after = last and (last.squared_metres, last.venue.id)
        found.append(await venues_near(point=point, today=FRIDAY, after=after, **asked))
    return [repr(page) for page in found]


async def test_who_is_just_within_the_radius_is_found_and_who_is_just_beyond_is_not(
    land: list[tuple[float, float]],
) -> None:
    chance, keeper, borders = random.Random(11), Keeper(), 0
    for _ in range(40):
        lon, lat = chance.choice(land[:900])
        point = Point(lon + chance.uniform(-0.01, 0.01), lat + chance.uniform(-0.01, 0.01))
        nearest = await venues_near(point=point, radius_m=3_000, first=1, today=FRIDAY)
        for row in nearest.rows:
            border = row.squared_metres**0.5
            for radius_m in (nextafter(border, 0), border, nextafter(border, inf)):
                by_statement = await pages(point, radius_m=radius_m, first=1)
                assert await pages(point, radius_m=radius_m, first=1, keep=keeper) == by_statement
                borders += "rows=[]" in by_statement[0]
    assert borders > 30


async def test_whoever_asks_in_a_square_gets_what_is_near_to_them(land: list[tuple[float, float]]) -> None:
    """Out of one keeping: the table may be empty by then."""
    chance = random.Random(5)
    square = Square.around(CHENGDU, 5_000)
    edge = 2.0**square.power
    asking = [
        Point((square.column + chance.random()) * edge, (square.row + chance.random()) * edge) for _ in range(60)
    ]
    by_statement = [await pages(point, radius_m=5_000, first=20) for point in asking]
    assert len({tuple(each) for each in by_statement}) > 50
    shelf = Shelf()
    makes, loads = Keeper(shelf), Keeper(shelf)
    await makes.listen()
    await loads.listen()
    await pages(CHENGDU, radius_m=5_000, first=20, keep=makes)
    await database.rows("UPDATE venue SET is_open = NOT is_open")
    try:
        for keep in (makes, loads):
            assert [await pages(point, radius_m=5_000, first=20, keep=keep) for point in asking] == by_statement
    finally:
        await database.rows("UPDATE venue SET is_open = NOT is_open")


async def test_a_square_with_too_many_venues_is_asked_of_the_database_each_time(
    land: list[tuple[float, float]],
) -> None:
    keeper = Keeper()
    by_statement = await pages(CROWD, radius_m=2_000, first=50)
    assert len(by_statement) == 5
    assert await pages(CROWD, radius_m=2_000, first=50, keep=keeper) == by_statement
    ((_, kept),) = keeper._kept.items()
    assert kept.value is None
    assert kept.weight < 2_000
