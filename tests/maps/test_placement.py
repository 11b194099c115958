from geopy.distance import geodesic
from hypothesis import given
from hypothesis import strategies as st

from maps.coordinates import CoordinateSystem, Point
from maps.placement import near_centroid

JINNIU = Point(104.052236, 30.691359, CoordinateSystem.GCJ02)


def metres_between(a: Point, b: Point) -> float:
    return float(geodesic((a.lat, a.lon), (b.lat, b.lon)).m)


def test_a_venue_stands_in_the_same_place_at_every_import() -> None:
    assert near_centroid("SC001", JINNIU) == Point(104.048904, 30.694791)


@given(st.text(min_size=1, max_size=20))
def test_a_venue_stands_within_800_metres_of_its_districts_centroid_in_wgs84(reference: str) -> None:
    place = near_centroid(reference, JINNIU)
    assert place.system is CoordinateSystem.WGS84
    assert metres_between(place, JINNIU.to(CoordinateSystem.WGS84)) < 805


def test_venues_of_one_district_do_not_stand_on_each_other() -> None:
    placed = [near_centroid(f"SC{n:03}", JINNIU) for n in range(1, 31)]
    assert min(metres_between(a, b) for i, a in enumerate(placed) for b in placed[:i]) > 1
