"""Where a venue stands on the map when nobody has surveyed it.

The published lists carry no coordinates, so a venue stands near its district's centroid, moved by up to 800 m in a
direction drawn from its reference: venues of one district don't hide behind each other, and every import puts each
in the same place. Show it as coordinate quality DISTRICT_CENTROID, never as surveyed.
"""

from hashlib import sha256
from math import cos, pi, sin, sqrt

from maps.coordinates import CoordinateSystem, Point

_FURTHEST_M = 800.0
_METRES_PER_DEGREE = 111_000.0  # near enough: the offset is invented anyway


def near_centroid(reference: str, centroid: Point) -> Point:
    """The WGS-84 place of the venue with this reference, spread evenly over a disc around the centroid.

    Give the centroid in its own system (`data/regions.csv` is presumed GCJ-02). Rounded to 6 decimals, a tenth
    of a metre, so that every machine agrees to the last digit.
    """
    digest = sha256(reference.encode()).digest()
    direction = 2.0 * pi * _fraction(digest[:8])
    distance = _FURTHEST_M * sqrt(_fraction(digest[8:16]))
    centre = centroid.to(CoordinateSystem.WGS84)
    north = distance * cos(direction) / _METRES_PER_DEGREE
    east = distance * sin(direction) / (_METRES_PER_DEGREE * cos(centre.lat * pi / 180.0))
    return Point(round(centre.lon + east, 6), round(centre.lat + north, 6))


def _fraction(eight_bytes: bytes) -> float:
    return int.from_bytes(eight_bytes) / 2.0**64
