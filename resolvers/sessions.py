"""Sessions (场次) of a venue's day with their free places, and how full the venue will be."""

from datetime import date, datetime

import strawberry

from models.booking import session_queries
from models.booking.rules import SlotStatus
from models.booking.session_queries import SessionOnDay
from models.calendar import instant_of
from models.footfall.counting import Inside
from models.footfall.forecast_rules import HOURS
from models.footfall.forecasting import forecast_of
from models.venues.rules import PriceKind
from plans.costs import ListSize, Weight
from plans.public import Public
from resolvers.context import Info
from resolvers.scalars import Fen
from resolvers.venues import Occupancy
from resolvers.words import Ticket

MOST_SESSIONS = 16
TICKETS = len(Ticket)


@strawberry.type(description="What one person pays for a session.")
class SessionTicket:
    ticket: Ticket
    price: Fen
    price_kind: PriceKind
    price_label: str
    price_is_demonstration: bool


@strawberry.type(description="A timed admission to a pool or a hall, with so many places for everybody together.")
class Session:
    id: strawberry.ID
    name: str = strawberry.field(description="Of the pool or hall.")
    sport: str = strawberry.field(description="Its code.")
    starts_at: datetime
    ends_at: datetime
    status: SlotStatus = strawberry.field(description="TAKEN: full. It is on sale until shortly before its end.")
    capacity: int
    free: int = strawberry.field(
        description="Places that can be sold now, booked or at the desk; people whom gates count take some as well."
    )
    most_places: int = strawberry.field(description="For one person, of this sport at this venue on the day.")
    tickets: list[SessionTicket] = strawberry.field(directives=[ListSize(assumed_size=TICKETS)])
    occupancy: Occupancy | None = strawberry.field(
        description="Of a session under way; null while nobody has come by a gate or a desk."
    )

    @classmethod
    def of(cls, found: SessionOnDay, now: datetime) -> "Session":
        facts, inside = found.facts, found.inside
        return cls(
            id=strawberry.ID(facts.public_id),
            name=facts.name,
            sport=facts.sport_code,
            starts_at=facts.starts_at,
            ends_at=facts.ends_at,
            status=found.status,
            capacity=facts.capacity,
            free=facts.free,
            most_places=facts.places_a_person_a_day,
            tickets=[
                SessionTicket(
                    ticket=Ticket(price.ticket),
                    price=Fen(price.price_fen),
                    price_kind=PriceKind(price.kind),
                    price_label=price.label,
                    price_is_demonstration=price.provenance != "PUBLISHED",
                )
                for price in facts.prices
            ],
            occupancy=Occupancy.of(
                None if inside is None else Inside(inside=inside.inside, counted_at=inside.counted_at), now
            ),
        )


@strawberry.type(
    description="How many will be inside in one hour: as usual, and between which figures past weeks lay."
)
class HourForecast:
    starts_at: datetime
    expected: int
    low: int
    high: int


@strawberry.type(description="From the same weekdays of past weeks. Without ground for one there are no hours.")
class OccupancyForecast:
    weeks: int = strawberry.field(
        description="How many past days it rests on; at least four, or there are no hours."
    )
    basis: str = strawberry.field(description="On what it rests, or why there is none; to be shown beside it.")
    hours: list[HourForecast] = strawberry.field(directives=[ListSize(assumed_size=HOURS)])


@strawberry.type
class SessionQueries:
    @strawberry.field(  # not shared: what is free is true only now
        directives=[ListSize(assumed_size=MOST_SESSIONS), Weight(weight=500), Public(max_age=0)],
        description="The sessions of a venue's day with their free places, the earliest first.",
    )
    async def sessions(
        self, info: Info, venue_id: strawberry.ID, date: date, sport: str | None = None
    ) -> list[Session]:
        now = info.context.now
        found = await session_queries.sessions(venue_id=venue_id, sport=sport, day=date, now=now)
        return [Session.of(each, now) for each in found]

    @strawberry.field(
        directives=[Weight(weight=300), Public(max_age=600)],
        description="How full a venue will be today or within a week, hour by hour, and how sure that is.",
    )
    async def occupancy_forecast(self, info: Info, venue_id: strawberry.ID, date: date) -> OccupancyForecast:
        found = await forecast_of(venue_id=venue_id, day=date, now=info.context.now)
        return OccupancyForecast(
            weeks=found.weeks,
            basis=found.basis,
            hours=[
                HourForecast(
                    starts_at=instant_of(found.day, each.hour * 60),
                    expected=each.expected,
                    low=each.low,
                    high=each.high,
                )
                for each in found.hours
            ],
        )
