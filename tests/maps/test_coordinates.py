import time
from itertools import product

import pytest
from geopy.distance import geodesic
from hypothesis import given
from hypothesis import strategies as st

from maps.coordinates import CoordinateOutOfRange, CoordinateSystem, Point, convert

WGS84, GCJ02, BD09, CGCS2000 = CoordinateSystem

# A shift inside the edge of the box: along the edge itself a shifted and an unshifted place may coincide.
places_in_china = st.builds(Point, st.floats(72.05, 137.78), st.floats(0.88, 55.77))
systems = st.sampled_from(CoordinateSystem)


def metres_between(a: Point, b: Point) -> float:
    """As if both spoke WGS-84: how far one's numbers lie from the other's."""
    return float(geodesic((a.lat, a.lon), (b.lat, b.lon)).m)


@pytest.mark.parametrize(
    ("lon", "lat", "metres"),
    [
        pytest.param(104.0660, 30.6571, 361, id="天府广场"),
        pytest.param(106.5773, 29.5573, 480, id="解放碑"),
        pytest.param(109.8792, 31.0748, 527, id="巫山"),
    ],
)
def test_gcj02_lies_as_far_from_wgs84_as_known(lon: float, lat: float, metres: float) -> None:
    place = Point(lon, lat)
    assert metres_between(place, place.to(GCJ02)) == pytest.approx(metres, abs=1)


def test_bd09_lies_the_published_step_from_gcj02() -> None:
    """The example of Baidu's own converter that the libraries test with: (116.404, 39.915)."""
    there = Point(116.404, 39.915, GCJ02).to(BD09)
    assert (there.lon, there.lat) == pytest.approx((116.41036949371029, 39.92133699351022), abs=1e-12)


@given(places_in_china, systems, systems)
def test_every_conversion_can_be_undone_to_a_tenth_of_a_millimetre(
    place: Point, one: CoordinateSystem, other: CoordinateSystem
) -> None:
    here = place.to(one)
    back = here.to(other).to(one)
    assert back.system is one
    assert metres_between(here, back) < 1e-4


@given(places_in_china, systems, systems, systems)
def test_a_detour_over_another_system_changes_nothing(
    place: Point, start: CoordinateSystem, detour: CoordinateSystem, end: CoordinateSystem
) -> None:
    here = place.to(start)
    assert metres_between(here.to(end), here.to(detour).to(end)) < 1e-4


@given(st.sampled_from([72.004, 100.0, 137.8347]), st.sampled_from([0.8293, 30.0, 55.8271]))
def test_gcj02_can_be_undone_up_to_the_edge_of_the_box(lon: float, lat: float) -> None:
    edge = Point(lon, lat)
    there = edge.to(GCJ02)
    assert metres_between(edge, there) > 100
    assert metres_between(edge, there.to(WGS84)) < 1e-4


@given(places_in_china)
def test_cgcs2000_is_treated_as_wgs84(place: Point) -> None:
    assert place.to(CGCS2000) == Point(place.lon, place.lat, CGCS2000)


@pytest.mark.parametrize(
    ("lon", "lat"), [(139.76, 35.68), (2.35, 48.86), (71.9, 30.0), (-180.0, -90.0), (180.0, 90.0)]
)
def test_abroad_all_systems_agree(lon: float, lat: float) -> None:
    for source, target in product(CoordinateSystem, repeat=2):
        assert convert(lon, lat, source, target) == (lon, lat)


@given(
    st.floats(-180, 180) | st.floats(71.9, 72.1) | st.floats(137.7, 137.9),
    st.floats(-90, 90) | st.floats(0.7, 0.9) | st.floats(55.7, 55.9),
    systems,
    systems,
)
def test_no_place_on_earth_is_moved_far_or_refused(
    lon: float, lat: float, source: CoordinateSystem, target: CoordinateSystem
) -> None:
    place = Point(lon, lat, source)
    assert metres_between(place, place.to(target)) < 2_500


@pytest.mark.parametrize("beyond", [180.0001, -180.0001, 1e308])
def test_a_longitude_beyond_the_earth_is_refused(beyond: float) -> None:
    with pytest.raises(CoordinateOutOfRange, match="经度应在"):
        Point(beyond, 30.0)


@pytest.mark.parametrize("beyond", [90.0001, -90.0001, 104.06])
def test_a_latitude_beyond_the_poles_is_refused(beyond: float) -> None:
    with pytest.raises(CoordinateOutOfRange, match="纬度应在"):
        Point(30.65, beyond)


@pytest.mark.parametrize("nothing", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_refused(nothing: float) -> None:
    for lon, lat in ((nothing, 30.0), (104.0, nothing)):
        with pytest.raises(CoordinateOutOfRange, match="有限的数值"):
            Point(lon, lat)


def test_a_list_of_venues_is_converted_in_no_time() -> None:
    """100 points take 0.75 ms on the slowest way and 0.15 ms from WGS-84 to GCJ-02, as measured on our machine."""
    points = [convert(97 + 0.045 * i, 26 + 0.028 * i, WGS84, BD09) for i in range(300)]
    rounds = []
    for _ in range(20):
        start = time.process_time()
        for lon, lat in points:
            convert(lon, lat, BD09, WGS84)
        rounds.append(time.process_time() - start)
    assert min(rounds) / 3 < 0.003, "100 points, with room for slower machines"
