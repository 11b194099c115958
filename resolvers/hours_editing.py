"""Staff write a venue's opening hours, after seeing what that changes and for whom."""

from datetime import date, datetime

import strawberry

from models.booking import hours as editing
from models.booking import hours_rules
from models.booking.hours_rules import HoursWanted
from models.venues.rules import Opening
from plans.costs import ListSize, Weight
from resolvers.context import Info
from resolvers.draw_cuts import DrawCut, cuts_of, draws_field
from resolvers.errors import act
from resolvers.venue_editing import SENTENCES, WriteSettingsPayload


@strawberry.input(description="One opening of one weekday, from one local minute to another.")
class OpeningInput:
    weekday: int = strawberry.field(description="1 Monday to 7 Sunday.")
    from_minute: int
    to_minute: int
    sport: str = strawberry.field(
        default="",
        description="Only for this sport, which then has no others; empty: every sport without its own.",
    )


@strawberry.input(
    description="All hours of a venue, from a day until the day before another, or until further notice. A weekday "
    "without an opening is closed."
)
class OpeningHoursInput:
    from_day: date
    until_day: date | None = strawberry.field(default=None, description="The first on which they hold no more.")
    openings: list[OpeningInput]
    note: str = strawberry.field(description="Why, for whoever reads the history.")

    def wanted(self) -> HoursWanted:
        return HoursWanted(
            openings=[
                Opening(each.weekday - 1, each.from_minute, each.to_minute, each.sport) for each in self.openings
            ],
            from_day=self.from_day,
            to_day=self.until_day,
            note=self.note,
        )


@strawberry.type(description="What is booked for a time at which it would not be open.")
class BookingOutside:
    order_no: str
    court_name: str = strawberry.field(description="Of a session the pool's.")
    starts_at: datetime
    ends_at: datetime
    people: int
    paid: bool

    @classmethod
    def of(cls, booked: hours_rules.Booked) -> "BookingOutside":
        return cls(**booked._asdict())


@strawberry.type(description="What writing would do now. Nothing was changed by asking.")
class OpeningHoursPreview:
    from_day: date
    until_day: date | None
    changes: list[str] = strawberry.field(
        directives=[ListSize(assumed_size=SENTENCES)], description="A Chinese sentence each: old → new."
    )
    bookings: int = strawberry.field(description="Of courts and sessions, on these days.")
    bookings_outside: int = strawberry.field(
        description="Of them, how many would lie outside, if only in part. They are asked as under a closure: another "
        "time, or all the money back."
    )
    listed: list[BookingOutside] = strawberry.field(
        directives=[ListSize(assumed_size=editing.MOST_LISTED)], description="Those outside, the earliest first."
    )
    promise: str = strawberry.field(description="What becomes of them, in a Chinese sentence.")
    draws: list[DrawCut] = draws_field()
    change_hash: str = strawberry.field(description="For `expectedChange` of the write.")


@strawberry.type
class HoursEditingQueries:
    @strawberry.field(
        directives=[Weight(weight=3000)],
        description="Staff: what other opening hours would change at a venue of mine, from when, for whom.",
    )
    async def preview_opening_hours(
        self, info: Info, venue_id: strawberry.ID, hours: OpeningHoursInput
    ) -> OpeningHoursPreview:
        seen = await editing.preview_hours(
            clerk=await info.context.staff(), venue_id=venue_id, wanted=hours.wanted(), now=info.context.now
        )
        return OpeningHoursPreview(
            from_day=seen.from_day,
            until_day=seen.to_day,
            changes=list(seen.changes),
            bookings=seen.bookings,
            bookings_outside=seen.bookings_outside,
            listed=[BookingOutside.of(each) for each in seen.listed],
            promise=seen.promise,
            draws=cuts_of(seen.draws),
            change_hash=seen.change_hash,
        )


@strawberry.type
class HoursEditingActs:
    @act(
        WriteSettingsPayload,
        "Write opening hours as their preview showed them. The same again under its key changes nothing; whoever booked "
        "outside of them is asked as under a closure.",
        weight=3000,
    )
    async def write_opening_hours(
        self,
        info: Info,
        venue_id: strawberry.ID,
        hours: OpeningHoursInput,
        expected_change: str,
        idempotency_key: str,
    ) -> WriteSettingsPayload:
        return WriteSettingsPayload(
            version=await editing.write_hours(
                clerk=await info.context.staff(),
                venue_id=venue_id,
                wanted=hours.wanted(),
                expected_change=expected_change,
                idempotency_key=idempotency_key,
                now=info.context.now,
            )
        )
