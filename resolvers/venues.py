"""Finding somewhere to move: venues nearby, one venue, its slots; divisions and sports."""

import base64
from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Any

import orjson
import strawberry
from strawberry.relay import PageInfo

from maps.coordinates import CoordinateOutOfRange, CoordinateSystem, Point, convert
from models.booking import queries as booking
from models.booking.rules import SlotStatus
from models.calendar import business_day, clock_text
from models.errors import BadInput
from models.regions import queries as regions
from models.venues import queries as venues
from models.venues.rules import PriceKind
from resolvers.context import Info
from resolvers.paging import page_info
from resolvers.scalars import Fen

strawberry.enum(CoordinateSystem, description="GCJ02 is what WeChat and Chinese maps speak; stored is WGS84.")
strawberry.enum(SlotStatus)
strawberry.enum(PriceKind)


@strawberry.input(description="A place, and the system its numbers are in.")
class PointInput:
    lon: float
    lat: float
    system: CoordinateSystem = CoordinateSystem.GCJ02


@strawberry.type(description="A place, and the system its numbers are in.")
class Coordinate:
    lon: float
    lat: float
    system: CoordinateSystem


@strawberry.type
class Sport:
    code: str
    name: str


@strawberry.type(description="Local time, half-open: closed again at `closes`.")
class Opening:
    opens: str
    closes: str


@strawberry.type(description="How many are inside by the gates' count, and how old that count is.")
class Occupancy:
    inside: int
    counted_at: datetime
    age_seconds: int = strawberry.field(description="Show it with its age; an old figure is not a live one.")


@strawberry.type
class Venue:
    row_id: strawberry.Private[int]
    id: strawberry.ID
    name: str
    address: str
    venue_type: str
    region_name: str
    coordinate: Coordinate
    coordinate_quality: str = strawberry.field(
        description="DISTRICT_CENTROID: placed at the district's centre with an offset, not surveyed."
    )
    phone: str | None
    grade: str | None
    is_open: bool
    sports: list[Sport]
    price_from: Fen | None = strawberry.field(description="The lowest price of an hour.")
    price_is_demonstration: bool = strawberry.field(
        description="True: made up for the walk-through, not published."
    )
    opening_today: list[Opening]

    @strawberry.field(description="Null when no gate of this venue has counted yet.")
    async def occupancy(self, info: Info) -> Occupancy | None:
        found = await info.context.occupancy.load(self.row_id)
        if found is None:
            return None
        age = int((info.context.now - found.counted_at).total_seconds())
        return Occupancy(inside=found.inside, counted_at=found.counted_at, age_seconds=age)

    @classmethod
    def of(cls, row: Any, system: CoordinateSystem) -> "Venue":
        lon, lat = convert(row["lon"], row["lat"], CoordinateSystem.WGS84, system)
        return cls(
            row_id=row["id"],
            id=strawberry.ID(row["public_id"]),
            name=row["name"],
            address=row["address"],
            venue_type=row["venue_type"],
            region_name=row["region_name"],
            coordinate=Coordinate(lon=round(lon, 6), lat=round(lat, 6), system=system),
            coordinate_quality=row["coordinate_quality"],
            phone=row["phone"],
            grade=row["grade"],
            is_open=row["is_open"],
            sports=[Sport(code=code, name=name) for code, name in row["sports"]],
            price_from=None if row["price_from_fen"] is None else Fen(row["price_from_fen"]),
            price_is_demonstration=row["price_is_demonstration"],
            opening_today=[
                Opening(opens=clock_text(opens), closes=clock_text(closes))
                for opens, closes in row["opening_today"]
            ],
        )


@strawberry.type
class VenueEdge:
    node: Venue
    cursor: str
    distance_m: int = strawberry.field(description="True metres from the point that was asked for.")


@strawberry.type
class VenueConnection:
    edges: list[VenueEdge]
    page_info: PageInfo


@strawberry.type
class Slot:
    starts_at: datetime
    ends_at: datetime
    status: SlotStatus
    price: Fen
    price_kind: PriceKind
    price_label: str
    price_is_demonstration: bool


@strawberry.type(description="One row of the grid: a court and its slots of the day.")
class CourtSlots:
    court_id: strawberry.ID
    court_name: str
    max_people: int
    slots: list[Slot]


@strawberry.type(description="An administrative division as it is on some day.")
class Region:
    key: str
    code: str | None = strawberry.field(description="GB/T 2260; null while not published.")
    name: str
    level: str
    parent_key: str | None


@strawberry.type
class VenueQueries:
    @strawberry.field(description="Open venues within `radiusM` metres (at most 100,000), nearest first.")
    async def venues_near(
        self,
        info: Info,
        point: PointInput,
        radius_m: int = 5000,
        sport: str | None = None,
        open_at: datetime | None = None,
        first: int = 20,
        after: str | None = None,
        coordinate_system: CoordinateSystem = CoordinateSystem.GCJ02,
    ) -> VenueConnection:
        page = await venues.venues_near(
            point=_point(point),
            radius_m=radius_m,
            sport=sport,
            open_at=open_at,
            today=business_day(info.context.now),
            first=first,
            after=_read_cursor(after),
        )
        edges = [
            VenueEdge(node=Venue.of(row, coordinate_system), cursor=_cursor(row), distance_m=row["distance_m"])
            for row in page.rows
        ]
        return VenueConnection(
            edges=edges,
            page_info=page_info(
                [edge.cursor for edge in edges], has_next=page.has_next, has_previous=after is not None
            ),
        )

    @strawberry.field(description="One venue, also when it is closed; null when there is none.")
    async def venue(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 - the argument's name in the schema
        coordinate_system: CoordinateSystem = CoordinateSystem.GCJ02,
    ) -> Venue | None:
        row = await venues.venue_by_public_id(id, today=business_day(info.context.now))
        return None if row is None else Venue.of(row, coordinate_system)

    @strawberry.field(description="The court × time grid of a venue's day, with status and price.")
    async def slots(
        self, info: Info, venue_id: strawberry.ID, date: date, sport: str | None = None
    ) -> list[CourtSlots]:
        return _grid(await booking.slots(venue_id=venue_id, sport=sport, day=date, now=info.context.now))

    @strawberry.field(description="The divisions that exist on a day (today), all or those under a parent.")
    async def regions(self, info: Info, on_day: date | None = None, parent_key: str | None = None) -> list[Region]:
        found = await regions.regions(on_day or business_day(info.context.now), parent_key)
        return [
            Region(
                key=row["key"],
                code=row["code"] or None,
                name=row["name"],
                level=row["level"],
                parent_key=row["parent_key"] or None,
            )
            for row in found
        ]

    @strawberry.field(description="Every sport, in the order to show them.")
    async def sports(self) -> list[Sport]:
        return [Sport(code=row["code"], name=row["name"]) for row in await venues.sports()]


def _grid(slots: Sequence[booking.Slot]) -> list[CourtSlots]:
    return [
        CourtSlots(
            court_id=strawberry.ID(court_id),
            court_name=row[0].court_name,
            max_people=row[0].max_people,
            slots=[
                Slot(
                    starts_at=slot.starts_at,
                    ends_at=slot.ends_at,
                    status=slot.status,
                    price=Fen(slot.price_fen),
                    price_kind=slot.price_kind,
                    price_label=slot.price_label,
                    price_is_demonstration=slot.price_provenance != "PUBLISHED",
                )
                for slot in row
            ],
        )
        for court_id, row in ((key, list(group)) for key, group in groupby(slots, key=lambda slot: slot.court_id))
    ]


def _point(given: PointInput) -> Point:
    try:
        return Point(given.lon, given.lat, given.system)
    except CoordinateOutOfRange as error:
        raise BadInput(str(error), next_step="请检查经纬度是否写反、坐标系是否选对。", field="point") from error


def _cursor(row: Any) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([row["squared_metres"], row["id"]])).decode()


def _read_cursor(after: str | None) -> tuple[float, int] | None:
    """The place in the list after which to go on; only the shape is checked here, the values by the query."""
    if after is None:
        return None
    try:
        squared_metres, row_id = orjson.loads(base64.urlsafe_b64decode(after))
        return float(squared_metres), int(row_id)
    except (ValueError, TypeError):
        raise BadInput("翻页位置无效。", next_step="请从第一页重新查看。", field="after") from None
