"""The four coordinate systems that citizens' phones and maps speak, and the way between any two of them.

GCJ-02 shifts WGS-84 by some hundred metres inside a box around China; BD-09 shifts GCJ-02 once more. Tianditu's
CGCS2000 differs from WGS-84 by centimetres and is treated as the same. We store WGS-84.

The formulas are the published ones that all common libraries share; they agree on WGS-84 to GCJ-02 to a
millimetre. Everything is in degrees, longitude first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from math import atan2, cos, hypot, inf, isfinite, pi, sin, sqrt

# From a place to what it is moved by: degrees east and north.
Shift = Callable[[float, float], tuple[float, float]]


class CoordinateSystem(StrEnum):
    WGS84 = "WGS84"
    GCJ02 = "GCJ02"
    BD09 = "BD09"
    CGCS2000 = "CGCS2000"


class CoordinateOutOfRange(ValueError):
    """Not a place on Earth: beyond ±180°/±90°, or no number at all. The message is fit for a citizen."""


@dataclass(frozen=True, slots=True)
class Point:
    """A place, in degrees of a named system. Refuses what is not on Earth with `CoordinateOutOfRange`."""

    lon: float
    lat: float
    system: CoordinateSystem = CoordinateSystem.WGS84

    def __post_init__(self) -> None:
        # A comparison with NaN is false, so this one line refuses NaN and infinity as well.
        if not (-180.0 <= self.lon <= 180.0 and -90.0 <= self.lat <= 90.0):
            raise CoordinateOutOfRange(_refusal(self.lon, self.lat))

    def to(self, system: CoordinateSystem) -> "Point":
        """The same place in another system."""
        if system is self.system:
            return self
        return Point(*convert(self.lon, self.lat, self.system, system), system)


def _refusal(lon: float, lat: float) -> str:
    if not (isfinite(lon) and isfinite(lat)):
        return "坐标必须是有限的数值。"
    return "坐标超出范围：经度应在 -180 到 180 之间，纬度应在 -90 到 90 之间。"


def convert(lon: float, lat: float, source: CoordinateSystem, target: CoordinateSystem) -> tuple[float, float]:
    """(lon, lat) of `source` in `target`, for long lists where a `Point` each would be a burden."""
    rung, goal = _RUNG[source], _RUNG[target]
    while rung < goal:
        lon, lat = _shifted(_SHIFTS[rung], lon, lat)
        rung += 1
    while rung > goal:
        rung -= 1
        lon, lat = _unshifted(_SHIFTS[rung], lon, lat)
    return lon, lat


def _shifted(shift: Shift, lon: float, lat: float) -> tuple[float, float]:
    if not _in_china(lon, lat):
        return lon, lat
    east, north = shift(lon, lat)
    return lon + east, lat + north


def _unshifted(shift: Shift, lon: float, lat: float) -> tuple[float, float]:
    """The place that `shift` moved here, by iteration: the one-step inverses err by up to 1.7 m."""
    if not _in_china(lon, lat, margin=0.05):
        return lon, lat
    from_lon, from_lat, step = lon, lat, inf
    while step > _CLOSE_ENOUGH:  # each step is less than a fiftieth of the one before
        east, north = shift(from_lon, from_lat)
        step = abs(lon - east - from_lon) + abs(lat - north - from_lat)
        from_lon, from_lat = lon - east, lat - north
    # Whether a place is shifted was decided where it came from. (Along the edge of the box, at sea and abroad, a
    # shifted and an unshifted place may share their numbers; the shifted one is meant.)
    return (from_lon, from_lat) if _in_china(from_lon, from_lat, margin=_CLOSE_ENOUGH) else (lon, lat)


def _in_china(lon: float, lat: float, margin: float = 0.0) -> bool:
    """The box that all common libraries shift within; abroad the systems agree."""
    return 72.004 - margin <= lon <= 137.8347 + margin and 0.8293 - margin <= lat <= 55.8271 + margin


def _wgs84_to_gcj02(lon: float, lat: float) -> tuple[float, float]:
    """GCJ-02's published offset, in degrees east and north."""
    x, y = lon - 105.0, lat - 35.0
    px, py, root = pi * x, pi * y, sqrt(abs(x))
    ripple = 20.0 * (sin(6.0 * px) + sin(2.0 * px))
    north_metres = (
        -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
        + (ripple + 20.0 * sin(py) + 40.0 * sin(py / 3.0) + 160.0 * sin(py / 12.0) + 320.0 * sin(py / 30.0))
        / 1.5
    )  # fmt: skip
    east_metres = (
        300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
        + (ripple + 20.0 * sin(px) + 40.0 * sin(px / 3.0) + 150.0 * sin(px / 12.0) + 300.0 * sin(px / 30.0))
        / 1.5
    )  # fmt: skip
    phi = lat * _RADIANS
    sine = sin(phi)
    w = 1.0 - _KRASOVSKY_E2 * sine * sine
    root_w = sqrt(w)
    metres_east_per_degree = _KRASOVSKY_A / root_w * cos(phi) * _RADIANS
    metres_north_per_degree = _KRASOVSKY_A * (1.0 - _KRASOVSKY_E2) / (w * root_w) * _RADIANS
    return east_metres / metres_east_per_degree, north_metres / metres_north_per_degree


def _gcj02_to_bd09(lon: float, lat: float) -> tuple[float, float]:
    """BD-09's published offset from GCJ-02, in degrees east and north."""
    radius = hypot(lon, lat) + 0.00002 * sin(lat * _BAIDU_PI)
    angle = atan2(lat, lon) + 0.000003 * cos(lon * _BAIDU_PI)
    return radius * cos(angle) + 0.0065 - lon, radius * sin(angle) + 0.006 - lat


_RADIANS = pi / 180.0
_BAIDU_PI = pi * 3000.0 / 180.0
_KRASOVSKY_A = 6378245.0  # GCJ-02 measures its metres on the Krasovsky ellipsoid of 1940
_KRASOVSKY_E2 = 0.00669342162296594323
_CLOSE_ENOUGH = 1e-9  # degrees: a tenth of a millimetre

# A ladder: each rung is one shift away from the rung below it.
_SHIFTS: tuple[Shift, ...] = (_wgs84_to_gcj02, _gcj02_to_bd09)
_RUNG = {
    CoordinateSystem.WGS84: 0,
    CoordinateSystem.CGCS2000: 0,
    CoordinateSystem.GCJ02: 1,
    CoordinateSystem.BD09: 2,
}
