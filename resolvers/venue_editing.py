"""Staff write a venue's tariff and booking rules, after seeing what that changes."""

from datetime import date
from enum import StrEnum

import strawberry

from models.booking import editing
from models.booking.editing import RulesWanted
from models.booking.limits import Limits
from models.venues.concessions import Covers, Rule
from models.venues.rules import DAY_MINUTES, Window
from models.venues.writing import TariffWanted
from plans.costs import ListSize, Weight
from resolvers.context import Info
from resolvers.errors import UserError, act, user_errors
from resolvers.scalars import Fen
from resolvers.words import ConcessionKind

SENTENCES = 40
strawberry.enum(
    Covers, name="ConcessionCovers", description="Of what the percentage is paid: the court, or one's share."
)


@strawberry.enum(description="What a window charges.")
class TariffWindowKind(StrEnum):
    FREE = "FREE"
    LOW = "LOW"
    MARKET = "MARKET"


@strawberry.input(description="What an hour costs from one local minute to another, on days of a kind.")
class TariffWindowInput:
    days: str = strawberry.field(
        description="A kind of day (ALL, WORKDAY, HOLIDAY, …) or a rule of the calendar: EVERY:WED, NTH:1:SUN, DATE:08-08."
    )
    from_minute: int
    to_minute: int
    kind: TariffWindowKind
    price_per_hour: Fen
    sport: str = strawberry.field(default="", description="Empty: every sport.")
    court_name: str = strawberry.field(default="", description="Empty: every court.")


@strawberry.input(description="What a group pays.")
class ConcessionInput:
    kind: ConcessionKind
    pays_percent: int
    covers: Covers = Covers.WHOLE


@strawberry.input(
    description="A venue's whole tariff, from a day until the day before another, or until further notice."
)
class TariffInput:
    from_day: date
    until_day: date | None = strawberry.field(default=None, description="The first on which it holds no more.")
    windows: list[TariffWindowInput]
    free_days: list[str] = strawberry.field(
        default_factory=list,
        description="Rules of the calendar by which whole days are free: EVERY:WED, DATE:08-08.",
    )
    concessions: list[ConcessionInput] | None = strawberry.field(default=None, description="Null: as before.")
    note: str = strawberry.field(description="Why, for whoever reads the history.")

    def wanted(self) -> TariffWanted:
        """What a venue itself says is published."""
        told = "PUBLISHED", "PUBLISHED"
        windows = [
            Window(
                each.days,
                each.from_minute,
                each.to_minute,
                str(each.kind),
                each.price_per_hour,
                *told,
                each.sport,
                each.court_name,
            )
            for each in self.windows
        ]
        windows += [Window(rule, 0, DAY_MINUTES, "FREE", 0, *told) for rule in self.free_days]
        return TariffWanted(
            windows=windows,
            concessions=None
            if self.concessions is None
            else [Rule(str(each.kind), each.pays_percent, str(each.covers)) for each in self.concessions],
            from_day=self.from_day,
            to_day=self.until_day,
            note=self.note,
        )


@strawberry.input(description="All limits of one version. Null: there is no such limit.")
class BookingLimitsInput:
    courts_a_person_a_day: int
    minutes_a_court_a_day: int
    days_ahead: int
    release_minute: int
    hold_minutes: int
    entry_opens_minutes_before: int
    minutes_a_person_a_day: int | None = None
    courts_a_person_a_week: int | None = None
    minutes_a_person_a_week: int | None = None
    fewest_players: int = 1
    most_players: int | None = None
    notice_minutes: int = 0
    check_in_minutes: int | None = None
    no_show_kept_percent: int = 100
    no_shows: int | None = None
    no_show_days: int | None = None
    pause_days: int | None = None
    series_weeks: int | None = None
    series_a_person: int | None = None
    group_days_ahead: int | None = None
    group_answer_hours: int = 48
    arranged_hold_minutes: int = 1440
    cancel_free_minutes: int | None = strawberry.field(
        default=None,
        description="Who cancels so long before the start has everything back; who does later pays "
        "`cancelKeptPercent`. Null: by the refund rules of the house. Bookings keep the terms under which they were made.",
    )
    cancel_kept_percent: int | None = None
    companions_named: bool = False
    real_name_needed: bool = False


@strawberry.input(description="Booking rules of a sport at a venue, from a day until the day before another.")
class BookingRulesInput:
    sport: str = strawberry.field(default="", description="Empty: every sport without rules of its own.")
    from_day: date
    until_day: date | None = strawberry.field(default=None, description="The first on which they hold no more.")
    limits: BookingLimitsInput
    note: str = strawberry.field(description="Why, for whoever reads the history.")

    def wanted(self) -> RulesWanted:
        return RulesWanted(
            sport_code=self.sport,
            limits=Limits(**vars(self.limits)),
            from_day=self.from_day,
            to_day=self.until_day,
            note=self.note,
        )


@strawberry.type(description="What writing would do now. Nothing was changed by asking.")
class ChangePreview:
    from_day: date
    until_day: date | None
    changes: list[str] = strawberry.field(
        directives=[ListSize(assumed_size=SENTENCES)], description="A Chinese sentence each: old → new."
    )
    bookings: int = strawberry.field(description="That exist and are concerned.")
    bookings_otherwise: int = strawberry.field(
        description="Of them, how many the new would price otherwise or refuse. They keep what they were promised."
    )
    promise: str = strawberry.field(description="The same in a Chinese sentence.")
    change_hash: str = strawberry.field(description="For `expectedChange` of the write.")

    @classmethod
    def of(cls, seen: editing.Preview) -> "ChangePreview":
        return cls(
            from_day=seen.from_day,
            until_day=seen.to_day,
            changes=list(seen.changes),
            bookings=seen.bookings,
            bookings_otherwise=seen.bookings_otherwise,
            promise=seen.promise,
            change_hash=seen.change_hash,
        )


@strawberry.type
class WriteSettingsPayload:
    version: int | None = strawberry.field(default=None, description="The number of what was written.")
    user_errors: list[UserError] = user_errors()


@strawberry.type
class VenueEditingQueries:
    @strawberry.field(
        directives=[Weight(weight=3000)],
        description="Staff: what a tariff would change at a venue of mine, from when, for whom.",
    )
    async def preview_tariff(self, info: Info, venue_id: strawberry.ID, tariff: TariffInput) -> ChangePreview:
        return ChangePreview.of(
            await editing.preview_tariff(
                clerk=await info.context.staff(),
                venue_id=venue_id,
                wanted=tariff.wanted(),
                now=info.context.now,
            )
        )

    @strawberry.field(directives=[Weight(weight=3000)], description="Staff: the same for booking rules.")
    async def preview_booking_rules(
        self, info: Info, venue_id: strawberry.ID, rules: BookingRulesInput
    ) -> ChangePreview:
        return ChangePreview.of(
            await editing.preview_rules(
                clerk=await info.context.staff(), venue_id=venue_id, wanted=rules.wanted(), now=info.context.now
            )
        )


@strawberry.type
class VenueEditingActs:
    @act(
        WriteSettingsPayload,
        "Write a tariff as its preview showed it. The same again under its key changes nothing; existing orders keep "
        "their prices.",
        weight=3000,
    )
    async def write_tariff(
        self,
        info: Info,
        venue_id: strawberry.ID,
        tariff: TariffInput,
        expected_change: str,
        idempotency_key: str,
    ) -> WriteSettingsPayload:
        return WriteSettingsPayload(
            version=await editing.write_tariff(
                clerk=await info.context.staff(),
                venue_id=venue_id,
                wanted=tariff.wanted(),
                expected_change=expected_change,
                idempotency_key=idempotency_key,
                now=info.context.now,
            )
        )

    @act(
        WriteSettingsPayload,
        "Write booking rules as their preview showed them. The same again changes nothing; existing orders keep theirs.",
        weight=3000,
    )
    async def write_booking_rules(
        self, info: Info, venue_id: strawberry.ID, rules: BookingRulesInput, expected_change: str
    ) -> WriteSettingsPayload:
        return WriteSettingsPayload(
            version=await editing.write_rules(
                clerk=await info.context.staff(),
                venue_id=venue_id,
                wanted=rules.wanted(),
                expected_change=expected_change,
                now=info.context.now,
            )
        )
