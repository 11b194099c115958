"""Staff add, join, change and retire courts, after seeing what that changes and for whom."""

from datetime import date, datetime

import strawberry

from models.booking import court_rules, courts
from models.booking.court_rules import CourtWanted
from plans.costs import ListSize, Weight
from resolvers.context import Info
from resolvers.draw_cuts import DrawCut, cuts_of, draws_field
from resolvers.errors import UserError, act, user_errors


@strawberry.input(description="All of a court, from a day on.")
class CourtInput:
    court_id: strawberry.ID | None = strawberry.field(default=None, description="Null: a new one.")
    sport: str = strawberry.field(default="", description="Of a new one; a court keeps its sport.")
    floor_of: list[strawberry.ID] = strawberry.field(
        default_factory=list,
        description="Courts over which a new one is laid: two halves make a full court, and exclude it. Empty: a floor of "
        "its own.",
    )
    name: str
    slot_minutes: int
    max_people: int
    retired: bool = strawberry.field(default=False, description="It takes no bookings from that day on.")
    from_day: date
    note: str = strawberry.field(description="Why, for whoever reads the history.")

    def wanted(self) -> CourtWanted:
        return CourtWanted(
            court_id=self.court_id,
            sport_code=self.sport,
            floor_of=self.floor_of,
            name=self.name,
            slot_minutes=self.slot_minutes,
            max_people=self.max_people,
            retired=self.retired,
            from_day=self.from_day,
            note=self.note,
        )


@strawberry.type(description="What is booked on a court.")
class CourtBooking:
    order_no: str
    starts_at: datetime
    ends_at: datetime
    people: int
    paid: bool

    @classmethod
    def of(cls, booked: court_rules.Booked) -> "CourtBooking":
        return cls(**booked._asdict())


@strawberry.type(description="What writing would do now. Nothing was changed by asking.")
class CourtChangePreview:
    from_day: date
    changes: list[str] = strawberry.field(
        directives=[ListSize(assumed_size=6)], description="A Chinese sentence each: old → new."
    )
    bookings: int = strawberry.field(description="On this court from then on.")
    bookings_otherwise: int = strawberry.field(
        description="Of them, how many the court would not give any more. Of a retired court they are asked as under a "
        "closure: another time, or all the money back. Otherwise they keep what they have."
    )
    listed: list[CourtBooking] = strawberry.field(
        directives=[ListSize(assumed_size=courts.MOST_LISTED)], description="They, the earliest first."
    )
    promise: str = strawberry.field(description="What becomes of them, in a Chinese sentence.")
    draws: list[DrawCut] = draws_field()
    change_hash: str = strawberry.field(description="For `expectedChange` of the write.")


@strawberry.type
class WriteCourtPayload:
    court_id: strawberry.ID | None = None
    version: int | None = strawberry.field(default=None, description="The number of what was written.")
    user_errors: list[UserError] = user_errors()


@strawberry.type
class CourtEditingQueries:
    @strawberry.field(
        directives=[Weight(weight=3000)],
        description="Staff: what a court of a venue of mine would be, from when, and for whom that changes what.",
    )
    async def preview_court(self, info: Info, venue_id: strawberry.ID, court: CourtInput) -> CourtChangePreview:
        seen = await courts.preview_court(
            clerk=await info.context.staff(), venue_id=venue_id, wanted=court.wanted(), now=info.context.now
        )
        return CourtChangePreview(
            from_day=seen.from_day,
            changes=list(seen.changes),
            bookings=seen.bookings,
            bookings_otherwise=seen.bookings_otherwise,
            listed=[CourtBooking.of(each) for each in seen.listed],
            promise=seen.promise,
            draws=cuts_of(seen.draws),
            change_hash=seen.change_hash,
        )


@strawberry.type
class CourtEditingActs:
    @act(
        WriteCourtPayload,
        "Write a court as its preview showed it. The same again under its key changes nothing.",
        weight=3000,
    )
    async def write_court(
        self,
        info: Info,
        venue_id: strawberry.ID,
        court: CourtInput,
        expected_change: str,
        idempotency_key: str,
    ) -> WriteCourtPayload:
        court_id, version = await courts.write_court(
            clerk=await info.context.staff(),
            venue_id=venue_id,
            wanted=court.wanted(),
            expected_change=expected_change,
            idempotency_key=idempotency_key,
            now=info.context.now,
        )
        return WriteCourtPayload(court_id=strawberry.ID(court_id), version=version)
