"""Finding somewhere to move: venues nearby, one venue, its slots; divisions and sports."""

import base64
from dataclasses import replace
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Self

import orjson
import strawberry
from strawberry.relay import PageInfo

from federation.port import Search
from maps.coordinates import CoordinateOutOfRange, CoordinateSystem, Point, convert
from models.booking import queries as booking
from models.booking.rules import SlotStatus
from models.calendar import business_day, clock_text, minute_of_day
from models.errors import BadInput, wrong_cursor
from models.footfall import counting
from models.footfall.counting import Inside
from models.regions import queries as regions
from models.venues import queries as venues
from models.venues.queries import MOST_AT_ONCE
from models.venues.rules import PriceKind
from plans.answers import live
from plans.costs import ListSize, Weight
from plans.public import Public
from plans.rows import Rows
from resolvers.context import Context, Info
from resolvers.paging import page_info
from resolvers.prices import PARTS_OF_A_SLOT, PricePart
from resolvers.scalars import Fen

strawberry.enum(CoordinateSystem, description="GCJ02 is what WeChat and Chinese maps speak; stored is WGS84.")
strawberry.enum(SlotStatus)
strawberry.enum(PriceKind)

# How long lists get: what `data/` holds, with room to grow. A test compares.
MOST_SPORTS = 20
MOST_OPENINGS = 4
MOST_COURTS = 60
MOST_SLOTS = 32  # from 06:00 to 22:00 by half hours
MOST_REGIONS = 400


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
    is_live: bool = strawberry.field(
        description="Not older than a quarter of an hour. Else say that it is old, or leave it out."
    )

    @classmethod
    def of(cls, found: Inside | None, now: datetime) -> Self | None:
        if found is None:
            return None
        age = int((now - found.counted_at).total_seconds())
        live = found.is_live(now)
        return cls(inside=found.inside, counted_at=found.counted_at, age_seconds=age, is_live=live)


async def _occupancies(venue_ids: list[int], context: Context) -> list[Occupancy | None]:
    """For answers that are kept: they are laid over them."""
    found = await counting.occupancy_of(venue_ids, now=context.now)
    return [Occupancy.of(found.get(venue_id), context.now) for venue_id in venue_ids]


@strawberry.type(
    description="Where a venue is booked that is not booked here. What was searched for is carried along: the sport, and day and "
    "time of `openAt`."
)
class Jump:
    platform_name: str
    appid: str | None = strawberry.field(description="Of a mini-program, with `path`: wx.navigateToMiniProgram.")
    path: str | None
    url: str | None = strawberry.field(description="A page for browsers.")
    is_demonstration: bool


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
    sports: list[Sport] = strawberry.field(directives=[ListSize(assumed_size=MOST_SPORTS)])
    price_from: Fen | None = strawberry.field(description="The lowest price of an hour.")
    price_is_demonstration: bool = strawberry.field(
        description="True: made up for the walk-through, not published."
    )
    opening_today: list[Opening] = strawberry.field(directives=[ListSize(assumed_size=MOST_OPENINGS)])
    jump: Jump | None = strawberry.field(
        description="Null: it is booked here. Else its slots, prices and rules are the other platform's."
    )

    @strawberry.field(
        metadata=live("row_id", _occupancies), description="Null when no gate of this venue has counted yet."
    )
    async def occupancy(self, info: Info) -> Occupancy | None:
        return Occupancy.of(await info.context.occupancy.load(self.row_id), info.context.now)


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
    price_explanation: list[PricePart] = strawberry.field(
        directives=[ListSize(assumed_size=PARTS_OF_A_SLOT)],
        description="Why it costs that, for somebody without a concession; `orderQuote` has yours.",
    )


@strawberry.type(description="One row of the grid: a court and its slots of the day.")
class CourtSlots:
    court_id: strawberry.ID
    court_name: str
    max_people: int
    slots: list[Slot] = strawberry.field(directives=[ListSize(assumed_size=MOST_SLOTS)])


@strawberry.type(description="An administrative division as it is on some day.")
class Region:
    key: str
    code: str | None = strawberry.field(description="GB/T 2260; null while not published.")
    name: str
    level: str
    parent_key: str | None


@strawberry.type
class VenueQueries:
    @strawberry.field(
        directives=[
            ListSize(assumed_size=MOST_AT_ONCE, slicing_arguments=["first"], sized_fields=["edges"]),
            Weight(weight=200),
            Public(max_age=30),
        ],
        description="Open venues within `radiusM` metres (at most 100,000), nearest first.",
    )
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
            point=point_of(point),
            radius_m=radius_m,
            sport=sport,
            open_at=open_at,
            today=business_day(info.context.now),
            first=first,
            after=_read_cursor(after),
            keep=info.context.services.keep,
        )
        search = _search(sport, open_at)
        edges = [
            (_venue_row(venue, coordinate_system, search), _cursor(squared_metres, venue.id), distance_m)
            for venue, squared_metres, distance_m in page.rows
        ]
        return VenueConnection(
            edges=Rows.positional(VenueEdge, edges),  # type: ignore[arg-type]
            page_info=page_info(
                [cursor for _, cursor, _ in edges], has_next=page.has_next, has_previous=after is not None
            ),
        )

    @strawberry.field(
        directives=[Weight(weight=100), Public(max_age=60)],
        description="One venue, also when it is closed; null when there is none.",
    )
    async def venue(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 - the argument's name in the schema
        coordinate_system: CoordinateSystem = CoordinateSystem.GCJ02,
        sport: str | None = None,
        open_at: datetime | None = None,
    ) -> Venue | None:
        found = await venues.venue_by_public_id(id, today=business_day(info.context.now))
        if found is None:
            return None
        row = _venue_row(found, coordinate_system, _search(sport, open_at))
        answer: Venue = Rows.positional(Venue, [row])[0]
        return answer

    @strawberry.field(  # not shared whole: what is taken is true only now. The room keeps what may be kept of it
        directives=[ListSize(assumed_size=MOST_COURTS), Weight(weight=500), Public(max_age=0)],
        description="The court × time grid of a venue's day, with status and price.",
    )
    async def slots(
        self, info: Info, venue_id: strawberry.ID, date: date, sport: str | None = None
    ) -> list[CourtSlots]:
        keep = info.context.services.keep
        found = await booking.slots(venue_id=venue_id, sport=sport, day=date, now=info.context.now, keep=keep)
        return Rows.positional(CourtSlots, found)  # type: ignore[return-value]

    @strawberry.field(
        directives=[ListSize(assumed_size=MOST_REGIONS), Weight(weight=200), Public(max_age=3600)],
        description="The divisions that exist on a day (today), all or those under a parent.",
    )
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

    @strawberry.field(
        directives=[ListSize(assumed_size=MOST_SPORTS), Weight(weight=50), Public(max_age=3600)],
        description="Every sport, in the order to show them.",
    )
    async def sports(self) -> list[Sport]:
        return [Sport(code=row["code"], name=row["name"]) for row in await venues.sports()]


def point_of(given: PointInput) -> Point:
    """Raises BAD_INPUT."""
    try:
        return Point(given.lon, given.lat, given.system)
    except CoordinateOutOfRange as error:
        raise BadInput(str(error), next_step="请检查经纬度是否写反、坐标系是否选对。", field="point") from error


def _search(sport: str | None, open_at: datetime | None) -> Search:
    """What a jump carries along of what was asked for."""
    if open_at is None:
        return Search(venue="", sport=sport or "")
    return Search(venue="", sport=sport or "", day=business_day(open_at), minute=minute_of_day(open_at))


def _venue_row(found: venues.VenueRow, system: CoordinateSystem, search: Search) -> tuple[Any, ...]:
    """In the order of `Venue`'s fields: the room's row, with its place in the system asked for and hours as texts."""
    lon, lat = convert(found.lon, found.lat, CoordinateSystem.WGS84, system)
    return (
        *found[:6],
        (round(lon, 6), round(lat, 6), system),
        *found[8:-2],
        _clock_texts(found.opening_today),
        _jump(found, search),
    )


def _jump(found: venues.VenueRow, search: Search) -> tuple[Any, ...] | None:
    if found.partner is None:
        return None
    lon, lat = convert(found.lon, found.lat, CoordinateSystem.WGS84, CoordinateSystem.GCJ02)
    to = found.partner.jump(replace(search, lon=lon, lat=lat))
    return (found.partner.name, to.appid or None, to.path or None, to.url or None, found.partner.is_demonstration)


@lru_cache(maxsize=1024)
def _clock_texts(openings: tuple[tuple[int, int], ...]) -> tuple[tuple[str, str], ...]:
    return tuple([(clock_text(opens), clock_text(closes)) for opens, closes in openings])


def _cursor(squared_metres: float, row_id: int) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([squared_metres, row_id])).decode()


def _read_cursor(after: str | None) -> tuple[float, int] | None:
    """The place in the list after which to go on; only the shape is checked here, the values by the query."""
    if after is None:
        return None
    try:
        squared_metres, row_id = orjson.loads(base64.urlsafe_b64decode(after))
        return float(squared_metres), int(row_id)
    except (ValueError, TypeError):
        raise wrong_cursor() from None
