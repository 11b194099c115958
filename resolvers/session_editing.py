"""Staff write the sessions of a pool or hall with their tickets, after seeing what that changes and for whom."""

from datetime import date, datetime

import strawberry

from models.booking import plan_editing as editing
from models.booking.plan_fates import SoldTicket
from models.booking.plan_rules import PlannedSession, PlansWanted
from models.booking.session_rules import TicketPrice
from plans.costs import ListSize, Weight
from resolvers.context import Info
from resolvers.errors import act
from resolvers.scalars import Fen
from resolvers.venue_editing import TariffWindowKind, WriteSettingsPayload
from resolvers.words import Ticket

SENTENCES = 100


@strawberry.input(description="What one person pays for a session. FREE costs nothing, and only FREE does.")
class SessionTicketInput:
    ticket: Ticket
    kind: TariffWindowKind
    price: Fen


@strawberry.input(description="A session of one kind of day, from one local minute to another.")
class PlannedSessionInput:
    days: str = strawberry.field(
        description="A kind of day (ALL, WORKDAY, HOLIDAY, …) or a rule of the calendar: EVERY:WED, NTH:1:SUN, DATE:08-08. "
        "Of two that overlap on a day the narrower is held."
    )
    from_minute: int
    to_minute: int
    capacity: int = strawberry.field(description="People; of a pool at most one for each 2.5 m² (GB 19079.1).")
    tickets: list[SessionTicketInput]


@strawberry.input(
    description="All sessions of a pool or hall, from a day until the day before another, or until further notice."
)
class SessionPlanInput:
    sport: str
    name: str = strawberry.field(description="Of the pool or hall; a new name is a new one, beside the others.")
    area_m2: int = strawberry.field(description="Of the water, or of the floor.", name="areaM2")
    lifeguards: int = strawberry.field(default=0, description="On duty; a pool needs 3, and more above 250 m².")
    places_a_person_a_day: int = strawberry.field(description="Of this sport at this venue, for whoever orders.")
    sessions: list[PlannedSessionInput]
    from_day: date
    until_day: date | None = strawberry.field(default=None, description="The first on which they hold no more.")
    note: str = strawberry.field(description="Why, for whoever reads the history.")

    def wanted(self) -> PlansWanted:
        """What a venue itself says is published."""
        return PlansWanted(
            sport_code=self.sport,
            name=self.name,
            area_m2=self.area_m2,
            lifeguards=self.lifeguards,
            places_a_person_a_day=self.places_a_person_a_day,
            sessions=[
                PlannedSession(
                    each.days,
                    each.from_minute,
                    each.to_minute,
                    each.capacity,
                    tuple(
                        TicketPrice(str(price.ticket), str(price.kind), price.price, "PUBLISHED")
                        for price in each.tickets
                    ),
                )
                for each in self.sessions
            ],
            from_day=self.from_day,
            to_day=self.until_day,
            note=self.note,
        )


@strawberry.type(description="Places of a session that would be held no more.")
class TicketWithoutSession:
    order_no: str
    starts_at: datetime
    ends_at: datetime
    ticket: Ticket
    people: int
    paid: bool

    @classmethod
    def of(cls, sold: SoldTicket) -> "TicketWithoutSession":
        return cls(
            order_no=sold.order_no,
            starts_at=sold.starts_at,
            ends_at=sold.ends_at,
            ticket=Ticket(sold.ticket),
            people=sold.people,
            paid=sold.paid,
        )


@strawberry.type(description="What writing would do now. Nothing was changed by asking.")
class SessionPlanPreview:
    from_day: date
    until_day: date | None
    changes: list[str] = strawberry.field(
        directives=[ListSize(assumed_size=SENTENCES)], description="A Chinese sentence each: old → new."
    )
    bookings: int = strawberry.field(description="With places of the pool's sessions, on these days.")
    bookings_without: int = strawberry.field(
        description="Of them, whose session would be held no more. They are asked as under a closure: another session, or "
        "all the money back."
    )
    bookings_otherwise: int = strawberry.field(
        description="Of them, whose session would cost something else now, or end at another time. They keep what they have."
    )
    listed: list[TicketWithoutSession] = strawberry.field(
        directives=[ListSize(assumed_size=editing.MOST_LISTED)],
        description="Those whose session would be held no more, the earliest first.",
    )
    promise: str = strawberry.field(description="What becomes of them, in a Chinese sentence.")
    change_hash: str = strawberry.field(description="For `expectedChange` of the write.")


@strawberry.type
class SessionEditingQueries:
    @strawberry.field(
        directives=[Weight(weight=3000)],
        description="Staff: what other sessions of a pool or hall of my venue would change, from when, for whom.",
    )
    async def preview_session_plan(
        self, info: Info, venue_id: strawberry.ID, plan: SessionPlanInput
    ) -> SessionPlanPreview:
        seen = await editing.preview_plans(
            clerk=await info.context.staff(), venue_id=venue_id, wanted=plan.wanted(), now=info.context.now
        )
        return SessionPlanPreview(
            from_day=seen.from_day,
            until_day=seen.to_day,
            changes=list(seen.changes),
            bookings=seen.bookings,
            bookings_without=seen.bookings_without,
            bookings_otherwise=seen.bookings_otherwise,
            listed=[TicketWithoutSession.of(each) for each in seen.listed],
            promise=seen.promise,
            change_hash=seen.change_hash,
        )


@strawberry.type
class SessionEditingActs:
    @act(
        WriteSettingsPayload,
        "Write the sessions of a pool or hall with their tickets as their preview showed them. The same again under its key "
        "changes nothing; whoever has a ticket keeps it, or is asked as under a closure where its session is held no more.",
        weight=3000,
    )
    async def write_session_plan(
        self,
        info: Info,
        venue_id: strawberry.ID,
        plan: SessionPlanInput,
        expected_change: str,
        idempotency_key: str,
    ) -> WriteSettingsPayload:
        return WriteSettingsPayload(
            version=await editing.write_plans(
                clerk=await info.context.staff(),
                venue_id=venue_id,
                wanted=plan.wanted(),
                expected_change=expected_change,
                idempotency_key=idempotency_key,
                now=info.context.now,
            )
        )
