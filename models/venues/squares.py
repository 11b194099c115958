"""The map in squares: whoever stands in the same one, asking for the same radius, finds their venues among the same few.

Pure. A square's edge is a power of two of a degree, so that it is exact in binary, and about an eighth of the radius:
smaller ones would seldom be asked for twice, larger ones would hold many venues that are too far for whoever asks.
"""

from math import floor, log2, sqrt
from typing import NamedTuple, Self

from maps.coordinates import Point
from maps.nearest import Metric

PARTS_OF_RADIUS = 8
FINEST = -10
"""As a power of two: a hundred metres. Smaller ones would hold nobody else."""
_METRES_A_DEGREE = 111_000
_MARGIN = 1.001
"""For what `maps.nearest` leaves out; ten thousand times as much at a hundred kilometres."""


class Square(NamedTuple):
    power: int
    column: int
    row: int

    @classmethod
    def around(cls, place: Point, radius_m: float) -> Self:
        """The one in which a WGS-84 place lies."""
        power = max(round(log2(max(radius_m, 1) / PARTS_OF_RADIUS / _METRES_A_DEGREE)), FINEST)
        edge = 2.0**power
        return cls(power, floor(place.lon / edge), floor(place.lat / edge))

    @property
    def centre(self) -> Point:
        edge = 2.0**self.power
        return Point((self.column + 0.5) * edge, (self.row + 0.5) * edge)

    def reach_m(self, radius_m: float) -> float:
        """From the centre: whatever is within the radius of any place of the square is within this."""
        edge = 2.0**self.power
        metric = Metric.at(self.centre.lon, self.centre.lat)
        corners = [((self.column + east) * edge, (self.row + north) * edge) for east in (0, 1) for north in (0, 1)]
        return _MARGIN * (radius_m + sqrt(max(metric.squared_metres(*corner) for corner in corners)))
