"""What is asked of a house of each size, over HTTP and GraphQL as our clients ask."""

import random
from collections.abc import Iterator
from datetime import timedelta

from tests.bench.scale.world import CITIES, COURTS, DAYS_AHEAD, OPEN_FROM, OPEN_TO, ScaleWorld
from tests.bench.workloads import Case, Workload

FIRST = 50
RADIUS_M = 10_000
WITHIN = 0.04  # degrees around a city's middle: fifty venues are within the radius in the smallest house too
REQUESTS = 100


def asked(world: ScaleWorld) -> dict[str, Workload]:
    """By name. The venues, days and places are as good as never the same twice."""
    slots_a_day = COURTS * (OPEN_TO - OPEN_FROM)
    every = [
        Workload("venues_near", "VenuesNear", "", _points(), REQUESTS, (b'"distanceM"', FIRST)),
        Workload("slots", "Slots", "", _days(world), REQUESTS, (b'"startsAt"', slots_a_day)),
        Workload("place_order", "PlaceOrder", "", _orders(world), REQUESTS, (b'"userErrors":[]', 1)),
    ]
    return {workload.name: workload for workload in every}


def _points() -> Iterator[Case]:
    chance = random.Random(1)
    while True:
        lon, lat = (degrees + chance.uniform(-1, 1) * WITHIN for degrees in chance.choice(CITIES))
        point = {"lon": round(lon, 6), "lat": round(lat, 6), "system": "WGS84"}
        yield Case({"point": point, "radiusM": RADIUS_M, "first": FIRST, "coordinateSystem": "WGS84"})


def _days(world: ScaleWorld) -> Iterator[Case]:
    chance = random.Random(2)
    while True:
        day = world.today + timedelta(days=chance.randint(1, DAYS_AHEAD - 1))
        yield Case({"venueId": world.venue(chance.randrange(world.size.venues)), "date": day.isoformat()})


def _orders(world: ScaleWorld) -> Iterator[Case]:
    for number, (court, starts_at) in enumerate(world.free_slots(random.Random(3))):
        line = {"courtId": court, "startsAt": starts_at.isoformat(), "people": 2}
        bearer = world.bearers[number % len(world.bearers)]
        yield Case({"idempotencyKey": f"scale-{number}", "lines": [line]}, f"Bearer {bearer}")
