"""What is asked of both sides: random points, random halls and days, fresh slots, fresh tickets."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from models.calendar import instant_of
from models.codes import rules as codes
from models.codes.rules import CodeKeys, CodeVersions
from models.orders.rules import Channel
from plans.documents import hash_of
from tests.bench.letters import Letter, LetterWriter, path_of
from tests.bench.world import COURTS_A_HALL, FREE_UNTIL, OPEN_FROM, OPEN_TO, World
from tests.factories.places import TIANFU_SQUARE

OPERATIONS = Path(__file__).parents[2] / "clients" / "bench"
FIRST = 50
RADIUS_M = 10_000
POINTS_WITHIN = 0.2  # degrees around the square: every circle lies among the made-up venues
PLACE_FROM_DAY, PLACE_TO_DAY = 10, 30
FEW = 20

MOVE_PEOPLE = "UPDATE occupancy SET inside = inside + 1, counted_at = now()"
MOVE_HOLDS = """
WITH held AS (SELECT h.id, h.part_id, h.step, h.venue_id, h.order_line_id
                FROM held_cell h JOIN order_line l ON l.id = h.order_line_id JOIN orders o ON o.id = l.order_id
               WHERE o.order_no LIKE 'HELD%'),
     freed AS (DELETE FROM held_cell WHERE id IN (SELECT id FROM held ORDER BY random() LIMIT 300))
INSERT INTO held_cell (part_id, step, venue_id, order_line_id)
SELECT part_id, step + 1, venue_id, order_line_id FROM held ORDER BY random() LIMIT 300
ON CONFLICT (part_id, step) DO NOTHING"""
"""Of the holds that the world was made with, some are freed, and as many begin beside others."""


@dataclass(frozen=True)
class Case:
    """One request: GraphQL's variables, and who asks."""

    variables: dict[str, Any]
    authorization: str = ""
    letter: Letter | None = None
    """What is sent in place of them, to either side alike: a payment channel's notice."""

    @property
    def key(self) -> str:
        """By which the traces of an act are found: its number, or the token that it ended."""
        return str(
            self.variables.get("idempotencyKey")
            or self.variables.get("nonce")
            or self.variables.get("paymentNo")
            or self.authorization.partition(" ")[2]
        )


@dataclass(frozen=True)
class Workload:
    """`cases` never ends for reads; of a write each is good for once. `proof` stands so often in each answer."""

    name: str
    operation: str
    bare_path: str
    cases: Iterator[Case]
    requests_a_round: int
    proof: tuple[bytes, int]
    status: int = 200
    writes: dict[str, int] = field(default_factory=dict)
    """What is counted, as it stands behind FROM → by how much each request raises it."""
    stirred_by: str | None = None
    """For answers that are cached: what changes between two equal questions, as a statement; nothing may."""

    @cached_property
    def document(self) -> str:
        return (OPERATIONS / f"{self.operation}.graphql").read_text()

    @cached_property
    def document_id(self) -> str:
        return hash_of(self.document)

    @cached_property
    def free_document(self) -> str:
        """The same words in one line: in a text of ours the trusted document would be recognised."""
        return " ".join(self.document.split())


def workloads(
    world: World,
    keys: CodeKeys,
    letters: LetterWriter,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> dict[str, Workload]:
    """By name. The same world gives the same cases, but for the codes, which follow the clock."""
    nearby, grids = (b'"distanceM"', FIRST), (b'"startsAt"', _slots_a_day())
    every = [
        Workload("venues_near", "VenuesNear", "/venues-near", _points(), 120, nearby),
        Workload("venues_near_live", "VenuesNearLive", "/venues-near-live", _points(), 60, nearby),
        Workload("slots", "Slots", "/slots", _days(world), 80, grids),
        Workload(
            "sign_out",
            "SignOut",
            "/sign-out",
            (Case({}, f"Bearer {bearer}") for bearer in world.leavers),
            150,
            (b'"signedOut":true', 1),
            writes={"sign_in WHERE end_reason = 'SIGNED_OUT'": 1, "member WHERE code_version = 1": 1},
        ),
        Workload(
            "place_order",
            "PlaceOrder",
            "/place-order",
            _orders(world),
            120,
            (b'"userErrors":[]', 1),
            writes={
                "orders": 1,
                "order_line": 1,
                "held_cell": 2,
                "finance_event WHERE kind = 'CHARGED'": 1,
            },
        ),
        Workload(
            "redeem",
            "Redeem",
            "/redeem",
            _scans(world, keys, clock),
            150,
            (b'"outcome":"ENTERED"', 1),
            writes={"redemption": 1, "passage": 1, "outbox": 1, "audit_line": 1},
        ),
        _notices("settle_notice", Channel.WECHAT_PAY, letters.wechat_pay(world), 204, b""),
        _notices("settle_notice_alipay", Channel.ALIPAY, letters.alipay(world), 200, b"success"),
        Workload("venues_near_cached", "VenuesNear", "/venues-near", _few(_points()), 200, nearby, stirred_by=""),
        Workload(
            "venues_near_live_cached",
            "VenuesNearLive",
            "/venues-near-live",
            _few(_points()),
            200,
            nearby,
            stirred_by=MOVE_PEOPLE,
        ),
        Workload("slots_cached", "Slots", "/slots", _few(_days(world)), 100, grids, stirred_by=MOVE_HOLDS),
    ]
    return {workload.name: workload for workload in every}


def _notices(
    name: str, channel: Channel, written: Iterator[tuple[str, Letter]], status: int, acknowledged: bytes
) -> Workload:
    """Each is sealed and signed when it is asked for, before it is timed: signatures are good for five minutes."""
    return Workload(
        name,
        "",
        path_of(channel),
        (Case({"paymentNo": payment_no}, letter=letter) for payment_no, letter in written),
        100,
        (acknowledged, 1),
        status,
        writes={
            "payment_notice": 1,
            "payment WHERE status = 'SETTLED'": 1,
            "orders WHERE status = 'PAID'": 1,
            "finance_event WHERE kind = 'PAID'": 1,
            "admission": 2,
            "outbox": 1,
            "message": 1,
        },
    )


def _slots_a_day() -> int:
    return COURTS_A_HALL * (OPEN_TO - OPEN_FROM)


def _points() -> Iterator[Case]:
    """In WGS-84, which we store: the trigonometry of GCJ-02 would weigh the same on both sides."""
    chance = random.Random(1)
    while True:
        lon, lat = (degrees + chance.uniform(-1, 1) * POINTS_WITHIN for degrees in TIANFU_SQUARE)
        point = {"lon": round(lon, 6), "lat": round(lat, 6), "system": "WGS84"}
        yield Case({"point": point, "radiusM": RADIUS_M, "first": FIRST, "coordinateSystem": "WGS84"})


def _few(cases: Iterator[Case]) -> Iterator[Case]:
    """The same few again and again, as from people who look at one square, or at their own hall."""
    some = list(islice(cases, FEW))
    chance = random.Random(5)
    while True:
        yield chance.choice(some)


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
