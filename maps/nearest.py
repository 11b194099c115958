"""True metres without trigonometry, so that one expression ranks venues in PostgreSQL, SQLite and Python alike.

Around one query point the WGS-84 ellipsoid is smooth enough for polynomials. With x and y the differences of
longitude and latitude in degrees,

    d² = x² · (E(y) - e·x²)  +  y² · (N(y) - n·x²)

where E and N are the squared metres in a degree east and north at the latitude **between** the two points (cubics
in y), and the constants e and n allow for the meridians drawing together. An index narrows to `Metric.box` first;
this re-ranks what is left.

Against geopy's geodesic over Sichuan and Chongqing the error stays within `GREATEST_ERROR_M`; tests hold it there.
Far outside the polynomials mean nothing: never ask for the distance of a place that isn't in the box. No box
crosses the antimeridian; China doesn't reach it.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import cos, pi, sin, sqrt
from typing import NamedTuple, Self

# Metres off, by radius, between 26° and 34.5° N. Two venues closer than this in distance may change places.
GREATEST_ERROR_M = {1_000: 1e-6, 10_000: 1e-4, 50_000: 0.0025, 100_000: 0.02}


class Box(NamedTuple):
    """Degrees, edges included."""

    west: float
    south: float
    east: float
    north: float


@dataclass(frozen=True, slots=True)
class Metric:
    """The lie of the land around one query point on WGS-84 (use `coordinates.Point.to` for other systems).

    `numbers` are the query point, the cubics E and N, and the constants e and n, in the order that
    `squared_metres_sql` takes its parameters.
    """

    numbers: tuple[float, ...]

    @classmethod
    def at(cls, lon: float, lat: float) -> Self:
        east, north = _cubic(_squared_metres_east, lat), _cubic(_squared_metres_north, lat)
        sine2 = sin(lat * _RADIANS) ** 2
        e = east[0] * _RADIANS**2 * sine2 / 12.0
        n = north[0] * _RADIANS**2 * (1.0 + 2.0 * sine2) / 12.0
        return cls((lon, lat, *east, *north, e, n))

    def squared_metres(self, lon: float, lat: float) -> float:
        """From the query point to a place in its `box`; the square root is metres."""
        return self.all_squared_metres([(lon, lat)])[0]

    def all_squared_metres(self, places: Iterable[tuple[float, float]]) -> list[float]:
        """To each (lon, lat). The operations are those of `squared_metres_sql` in their order, so the results are the
        same to the last bit."""
        lon0, lat0, e0, e1, e2, e3, n0, n1, n2, n3, e, n = self.numbers
        found = []
        for lon, lat in places:
            x, y = lon - lon0, lat - lat0
            found.append(
                x * x * (e0 + y * (e1 + y * (e2 + y * e3)) - e * x * x)
                + y * y * (n0 + y * (n1 + y * (n2 + y * n3)) - n * x * x)
            )
        return found

    def box(self, radius_m: float) -> Box:
        """Surely contains every place within the radius, and little more: a margin of a thousandth."""
        lon, lat = self.numbers[:2]
        half_lat = _MARGIN * radius_m / sqrt(_squared_metres_north(0.0))  # a degree is shortest at the equator
        towards_pole = abs(lat) + half_lat
        if towards_pole > 89.0:
            return Box(-180.0, lat - half_lat, 180.0, lat + half_lat)
        half_lon = _MARGIN * radius_m / sqrt(_squared_metres_east(towards_pole))
        return Box(lon - half_lon, lat - half_lat, lon + half_lon, lat + half_lat)


def squared_metres_sql(lon_column: str, lat_column: str, numbers: Sequence[str]) -> str:
    """`Metric.squared_metres` in SQL, with twelve parameters for `Metric.numbers` (such as `$1::float8`, `?1`).

    Its text is the same for every query point, so a prepared statement serves them all. Only column names and
    parameters that look like such are let in: no text of a user's can reach the statement.
    """
    for column in (lon_column, lat_column):
        if not _COLUMN.fullmatch(column):
            raise ValueError(f"not a column's name: {column!r}")
    for number in numbers:
        if not _PARAMETER.fullmatch(number):
            raise ValueError(f"not a parameter: {number!r}")
    lon0, lat0, e0, e1, e2, e3, n0, n1, n2, n3, e, n = numbers
    x, y = f"({lon_column} - {lon0})", f"({lat_column} - {lat0})"
    return (
        f"({x} * {x} * ({e0} + {y} * ({e1} + {y} * ({e2} + {y} * {e3})) - {e} * {x} * {x})"
        f" + {y} * {y} * ({n0} + {y} * ({n1} + {y} * ({n2} + {y} * {n3})) - {n} * {x} * {x}))"
    )


def _squared_metres_east(lat: float) -> float:
    """In one degree of longitude at this latitude."""
    phi = lat * _RADIANS
    return (_WGS84_A * cos(phi) * _RADIANS) ** 2 / (1.0 - _WGS84_E2 * sin(phi) ** 2)


def _squared_metres_north(lat: float) -> float:
    """In one degree of latitude at this latitude."""
    phi = lat * _RADIANS
    return float((_WGS84_A * (1.0 - _WGS84_E2) * _RADIANS) ** 2 / (1.0 - _WGS84_E2 * sin(phi) ** 2) ** 3)


def _cubic(squared_metres: Callable[[float], float], lat: float) -> tuple[float, float, float, float]:
    """A cubic in y through four values of f(lat + y/2): the middle latitude of places y degrees apart."""
    far_south, south, north, far_north = (squared_metres(lat + k * _STEP / 2.0) for k in (-3, -1, 1, 3))
    even, far_even = (north + south) / 2.0, (far_north + far_south) / 2.0
    odd, far_odd = (north - south) / 2.0, (far_north - far_south) / 2.0
    c2 = (far_even - even) / (8.0 * _STEP**2)
    c3 = (far_odd - 3.0 * odd) / (24.0 * _STEP**3)
    return even - c2 * _STEP**2, odd / _STEP - c3 * _STEP**2, c2, c3


_RADIANS = pi / 180.0
_WGS84_A = 6378137.0
_WGS84_E2 = 0.00669437999014131699614
_STEP = 0.3  # degrees; the four values span ±0.9°, which is 100 km
_MARGIN = 1.001

_COLUMN = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?", re.IGNORECASE)
_PARAMETER = re.compile(r"(\$|\?)[0-9]+(::float8)?")
