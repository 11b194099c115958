"""What is asked of both sides: random points, random halls and days, fresh slots, fresh tickets."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from models.calendar import instant_of
from models.codes import rules as codes
from models.codes.rules import CodeKeys, CodeVersions
from tests.bench.world import COURTS_A_HALL, FREE_UNTIL, OPEN_FROM, OPEN_TO, World
from tests.factories.places import TIANFU_SQUARE

OPERATIONS = Path(__file__).parent / "operations"
FIRST = 50
RADIUS_M = 10_000
POINTS_WITHIN = 0.2  # degrees around the square: every circle lies among the made-up venues
PLACE_FROM_DAY, PLACE_TO_DAY = 10, 30


@dataclass(frozen=True)
class Case:
    """One request: GraphQL's variables, and who asks."""

    variables: dict[str, Any]
    authorization: str = ""


@dataclass(frozen=True)
class Workload:
    """`cases` never ends for reads; of a write each is good for once. `proof` stands so often in each answer."""

    name: str
    bare_path: str
    cases: Iterator[Case]
    requests_a_round: int
    proof: tuple[bytes, int]
    writes: dict[str, int]
    """Table → rows that each request adds."""

    @cached_property
    def document(self) -> str:
        return (OPERATIONS / f"{self.name}.graphql").read_text()


def workloads(
    world: World, keys: CodeKeys, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> list[Workload]:
    """The four benches of issue 2. The same world gives the same cases, but for the codes, which follow the clock."""
    return [
        Workload("venues_near", "/venues-near", _points(), 100, (b'"distanceM"', FIRST), {}),
        Workload("slots", "/slots", _days(world), 50, (b'"startsAt"', _slots_a_day()), {}),
        Workload(
            "place_order",
            "/place-order",
            _orders(world),
            120,
            (b'"userErrors":[]', 1),
            {"orders": 1, "order_line": 1, "held_cell": 2},
        ),
        Workload(
            "redeem",
            "/redeem",
            _scans(world, keys, clock),
            150,
            (b'"outcome":"ENTERED"', 1),
            {"redemption": 1, "passage": 1, "outbox": 1},
        ),
    ]


def _slots_a_day() -> int:
    return COURTS_A_HALL * (OPEN_TO - OPEN_FROM)


def _points() -> Iterator[Case]:
    """In WGS-84, which we store: the trigonometry of GCJ-02 would weigh the same on both sides."""
    chance = random.Random(1)
    while True:
        lon, lat = (degrees + chance.uniform(-1, 1) * POINTS_WITHIN for degrees in TIANFU_SQUARE)
        point = {"lon": round(lon, 6), "lat": round(lat, 6), "system": "WGS84"}
        yield Case({"point": point, "radiusM": RADIUS_M, "first": FIRST, "coordinateSystem": "WGS84"})


def _days(world: World) -> Iterator[Case]:
    chance = random.Random(2)
    while True:
        day = world.today + timedelta(days=chance.randint(1, 6))
        yield Case({"venueId": chance.choice(world.halls).public_id, "date": day.isoformat()})


def _orders(world: World) -> Iterator[Case]:
    """A slot that nobody has, for a member who has none on that day."""
    chance = random.Random(3)
    for day in range(PLACE_FROM_DAY, PLACE_TO_DAY):
        slots = [
            (court, hour)
            for hall in world.halls
            for court in hall.court_ids
            for hour in range(FREE_UNTIL, OPEN_TO)
        ]
        for bearer, (court, hour) in zip(world.bearers, chance.sample(slots, len(world.bearers)), strict=True):
            starts_at = instant_of(world.today + timedelta(days=day), hour * 60)
            line = {"courtId": court, "startsAt": starts_at.isoformat(), "people": 2}
            yield Case({"idempotencyKey": f"{day}-{bearer[:8]}", "lines": [line]}, f"Bearer {bearer}")


def _scans(world: World, keys: CodeKeys, clock: Callable[[], datetime]) -> Iterator[Case]:
    """Rotating codes, made when they are asked for: after a minute they would be stale."""
    for number, ticket in enumerate(world.tickets):
        code = codes.make_rotating(
            keys,
            handle=ticket.handle,
            venue=ticket.venue,
            day=ticket.day,
            versions=CodeVersions(0, 0),
            at=clock(),
        )
        scan = {"code": code, "venueId": ticket.venue, "checkpoint": "前台", "nonce": f"scan-{ticket.handle}"}
        yield Case(scan, f"Staff {world.desks[number % len(world.desks)]}")
