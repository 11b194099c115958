"""geopy's geodesic judges: Karney's method, exact to nanometres, and too slow for the hot path."""

import json
import math
import sqlite3

import pytest
from geopy.distance import geodesic
from hypothesis import given, settings
from hypothesis import strategies as st

from maps.nearest import GREATEST_ERROR_M, Metric, squared_metres_sql
from models import database
from tests.databases import Database

Place = tuple[float, float]

places = st.tuples(st.floats(97, 110.5), st.floats(26, 34.5))
bearings = st.floats(0, 360)
radii = st.sampled_from(list(GREATEST_ERROR_M))


def true_metres(a: Place, b: Place) -> float:
    return float(geodesic((a[1], a[0]), (b[1], b[0])).m)


def our_metres(a: Place, b: Place) -> float:
    return math.sqrt(Metric.at(*a).squared_metres(*b))


def walk(start: Place, bearing: float, metres: float) -> Place:
    end = geodesic(meters=metres).destination((start[1], start[0]), bearing)
    return end.longitude, end.latitude


@settings(max_examples=400)
@given(places, bearings, radii, st.floats(0, 1))
def test_no_distance_within_a_radius_is_off_by_more_than_its_greatest_error(
    here: Place, bearing: float, radius: int, part: float
) -> None:
    there = walk(here, bearing, radius * part)
    assert abs(our_metres(here, there) - true_metres(here, there)) <= GREATEST_ERROR_M[radius]


@settings(max_examples=400)
@given(places, bearings, bearings, radii, st.floats(0, 1), st.floats(-1, 1))
def test_the_order_is_true_whenever_two_distances_differ_by_more_than_both_errors(
    here: Place, bearing: float, other_bearing: float, radius: int, part: float, difference: float
) -> None:
    greatest_error = GREATEST_ERROR_M[radius]
    one = walk(here, bearing, radius * part)
    other = walk(here, other_bearing, min(radius, abs(radius * part + difference * 10 * greatest_error)))
    true_one, true_other = true_metres(here, one), true_metres(here, other)
    metric = Metric.at(*here)
    if abs(true_one - true_other) > 2 * greatest_error:
        assert (metric.squared_metres(*one) < metric.squared_metres(*other)) == (true_one < true_other)


def test_ordering_by_degrees_would_be_wrong_and_ours_is_right() -> None:
    """At 30.66° N a venue 956 m east comes before one 1,056 m north, though it is farther in degrees."""
    here = (104.0657, 30.66)
    east, north = walk(here, 90, 956), walk(here, 0, 1_056)
    assert math.dist(here, east) > math.dist(here, north)
    assert our_metres(here, east) == pytest.approx(956, abs=1e-6)
    assert our_metres(here, north) == pytest.approx(1_056, abs=1e-6)


def test_a_place_is_no_metre_from_itself() -> None:
    assert Metric.at(106.58, 29.56).squared_metres(106.58, 29.56) == 0.0


@settings(max_examples=400)
@given(places, bearings, st.floats(1, 100_000))
def test_the_box_contains_the_whole_circle(here: Place, bearing: float, radius: float) -> None:
    box = Metric.at(*here).box(radius)
    lon, lat = walk(here, bearing, radius)
    assert box.west < lon < box.east
    assert box.south < lat < box.north


@given(places, radii)
def test_the_box_is_hardly_larger_than_the_circle(here: Place, radius: int) -> None:
    box = Metric.at(*here).box(radius)
    for edge in ((box.west, here[1]), (box.east, here[1]), (here[0], box.south), (here[0], box.north)):
        assert true_metres(here, edge) < 1.03 * radius


def test_near_a_pole_the_box_is_every_longitude() -> None:
    box = Metric.at(104.0, 89.5).box(100_000)
    assert (box.west, box.east) == (-180.0, 180.0)


@given(places, bearings, st.floats(0, 100_000))
def test_sqlite_and_python_agree_to_the_last_bit(here: Place, bearing: float, metres: float) -> None:
    there = walk(here, bearing, metres)
    metric = Metric.at(*here)
    with sqlite3.connect(":memory:") as memory:
        text = squared_metres_sql("lon", "lat", [f"?{n}" for n in range(3, 15)])
        sql = f"SELECT {text} FROM (SELECT ?1 AS lon, ?2 AS lat)"
        (found,) = memory.execute(sql, there + metric.numbers).fetchone()
    assert found == metric.squared_metres(*there)


async def test_the_database_under_test_and_python_agree_to_the_last_bit(db: Database) -> None:
    here = (104.0657, 30.66)
    metric = Metric.at(*here)
    around = [walk(here, 7.2 * i, 40.0 * i) for i in range(2501)]
    places = "json_array_elements" if database.on_postgres() else "json_each"
    squared = squared_metres_sql("v.lon", "v.lat", [f"${n}::float8" for n in range(2, 14)])
    pairs = f"SELECT value AS p FROM {places}($1::json)"
    venues = f"SELECT (p->>0)::float8 AS lon, (p->>1)::float8 AS lat FROM ({pairs}) AS pairs"
    found = await database.rows(
        f"SELECT {squared} AS squared FROM ({venues}) AS v ORDER BY squared",
        json.dumps(around),
        *metric.numbers,
    )
    assert [row["squared"] for row in found] == sorted(metric.all_squared_metres(around))


@pytest.mark.parametrize("text", ["lon; DROP TABLE venue", "lon--", "(SELECT 1)", "", "v.lon.x.y z", "经度"])
def test_nothing_but_a_column_reaches_the_statement(text: str) -> None:
    for columns in ((text, "lat"), ("lon", text)):
        with pytest.raises(ValueError, match="not a column"):
            squared_metres_sql(*columns, [f"${n}" for n in range(1, 13)])


@pytest.mark.parametrize("text", ["1; DROP TABLE venue", "'1'", "", "$1 OR 1", "1.0", "$"])
def test_nothing_but_a_parameter_reaches_the_statement(text: str) -> None:
    with pytest.raises(ValueError, match="not a parameter"):
        squared_metres_sql("lon", "lat", [text, *(f"${n}" for n in range(2, 13))])


def test_the_parameters_may_be_postgresqls_or_sqlites() -> None:
    for style in ("${}::float8", "?{}"):
        parameters = [style.format(n) for n in range(1, 13)]
        text = squared_metres_sql("venue.lon", "venue.lat", parameters)
        assert all(parameter in text for parameter in parameters)
