"""A court every week: what would come of it, asking for it, what became of its dates."""

from datetime import date, datetime
from typing import Any

import strawberry

from models import database
from models.arrangements import at_desk, previewing, queries, series
from models.arrangements.previewing import DatePreview, Would
from models.arrangements.queries import MOST_SERIES_SHOWN
from models.arrangements.rules import (
    MOST_COMPANIONS_NAMED,
    MOST_DATES,
    MOST_SLOTS_A_DATE,
    DateState,
    SeriesState,
    SeriesWanted,
)
from models.checkout.placing import PlacedBy
from models.errors import ErrorCode
from models.orders.rules import OrderStatus
from plans.costs import ListSize, Weight
from resolvers.acting import HelperPower, acting, booking
from resolvers.context import Info
from resolvers.errors import UserError, act, user_errors
from resolvers.prices import PARTS_OF_A_LINE, PricePart, price_parts
from resolvers.scalars import Fen

PREVIEW_WEIGHT = 4000
"""Of 52 dates with four slots each: 30 to 40 ms of CPU."""

strawberry.enum(SeriesState, description="LAPSED: one of its dates was not paid in time.")
strawberry.enum(
    DateState,
    name="SeriesDateState",
    description="PLANNED: its day is not open yet; SKIPPED: not booked, and why; ENDED: the series was over before.",
)
strawberry.enum(Would, name="SeriesDateWould", description="LATER: when its day opens, if nobody is faster.")


@strawberry.type(description="One day of a series.")
class SeriesDate:
    day: date
    state: DateState
    code: ErrorCode | None = strawberry.field(description="Of SKIPPED: why.")
    reason: str | None = strawberry.field(description="The same in a Chinese sentence.")
    order_no: str | None = strawberry.field(description="Of BOOKED: an order, paid and cancelled by itself.")
    pay_until: datetime | None = strawberry.field(description="While its order waits to be paid.")

    @classmethod
    def of(cls, told: Any) -> "SeriesDate":
        day, state, code, reason, order_no, status, hold = told
        waits = status == OrderStatus.PENDING_PAYMENT
        return cls(
            day=database.day(day),
            state=DateState(state),
            code=ErrorCode(code) if code else None,
            reason=reason or None,
            order_no=order_no,
            pay_until=database.utc(hold) if waits else None,
        )


@strawberry.type(description="A court, every week at the same time.")
class Series:
    id: strawberry.ID
    venue_id: strawberry.ID
    venue_name: str
    court_id: strawberry.ID
    court_name: str
    weekday: int = strawberry.field(description="1 Monday to 7 Sunday.")
    from_minute: int = strawberry.field(description="Local, of its first slot.")
    slots: int = strawberry.field(description="One after another, each time.")
    first_day: date
    last_day: date
    people: int
    companion_ids: list[strawberry.ID] = strawberry.field(
        directives=[ListSize(assumed_size=MOST_COMPANIONS_NAMED)],
        description="Who plays along on every date, by the ids of `myPeople.companions`; not who is none any more.",
    )
    organisation_name: str | None = strawberry.field(description="In whose name.")
    state: SeriesState
    dates: list[SeriesDate] = strawberry.field(directives=[ListSize(assumed_size=MOST_DATES)])
    asked_at: datetime

    @classmethod
    def of(cls, row: Any) -> "Series":
        return cls(
            id=strawberry.ID(row["public_id"]),
            venue_id=strawberry.ID(row["venue_id"]),
            venue_name=row["venue_name"],
            court_id=strawberry.ID(row["court_id"]),
            court_name=row["court_name"],
            weekday=row["weekday"],
            from_minute=row["from_minute"],
            slots=row["slots"],
            first_day=row["first_day"],
            last_day=row["last_day"],
            people=row["people"],
            companion_ids=[strawberry.ID(each) for each in row["companion_ids"]],
            organisation_name=row["organisation_name"],
            state=SeriesState(row["state"]),
            dates=[SeriesDate.of(told) for told in row["dates"]],
            asked_at=row["asked_at"],
        )


@strawberry.type(description="What would come of a date. Nothing is held by asking.")
class SeriesDatePreview:
    day: date
    starts_at: datetime
    would: Would
    opens_at: datetime | None = strawberry.field(description="Of LATER: when its day opens for booking.")
    price: Fen | None = strawberry.field(description="At today's tariff. Null: it cannot be sold.")
    price_explanation: list[PricePart] = strawberry.field(
        directives=[ListSize(assumed_size=MOST_SLOTS_A_DATE * PARTS_OF_A_LINE)]
    )
    code: ErrorCode | None = strawberry.field(description="Of SKIPPED: why.")
    reason: str | None = strawberry.field(description="The same in a Chinese sentence.")

    @classmethod
    def of(cls, seen: DatePreview) -> "SeriesDatePreview":
        return cls(
            day=seen.day,
            starts_at=seen.starts_at,
            would=seen.would,
            opens_at=seen.opens_at,
            price=None if seen.price_fen is None else Fen(seen.price_fen),
            price_explanation=price_parts(seen.price_parts),
            code=seen.code,
            reason=seen.reason or None,
        )


@strawberry.input(
    description="A court, on a weekday from a local minute on, for so many of its slots one after another, from the "
    "first day to the last, both included."
)
class SeriesInput:
    court_id: strawberry.ID
    weekday: int = strawberry.field(description="1 Monday to 7 Sunday.")
    from_minute: int
    first_day: date
    last_day: date
    slots: int = 1
    people: int = 1
    organisation_id: strawberry.ID | None = strawberry.field(
        default=None, description="In whose name: of an organisation of mine for which I act."
    )
    companion_ids: list[strawberry.ID] | None = strawberry.field(
        default=None,
        description="Who plays along on every date, by the ids of `myPeople.companions`; each date asks whether they may.",
    )

    def wanted(self) -> SeriesWanted:
        return SeriesWanted(**vars(self) | {"companion_ids": tuple(self.companion_ids or ())})


@strawberry.type
class SeriesPayload:
    series: Series | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class SeriesQueries:
    @strawberry.field(
        directives=[ListSize(assumed_size=MOST_DATES), Weight(weight=PREVIEW_WEIGHT)],
        description="Date by date what would come of a series: booked at once, later, or not, and why; with the price "
        "each. `forMember` as in `placeOrder`.",
    )
    async def series_preview(
        self, info: Info, wanted: SeriesInput, for_member: strawberry.ID | None = None
    ) -> list[SeriesDatePreview]:
        whose = await booking(info, for_member)
        found = await previewing.preview(
            member_id=whose.member_id,
            wanted=wanted.wanted(),
            placed_by_id=whose.by_member_id,
            keys=info.context.services.id_keys,
            now=info.context.now,
        )
        return [SeriesDatePreview.of(each) for each in found]

    @strawberry.field(
        directives=[ListSize(assumed_size=MOST_SERIES_SHOWN), Weight(weight=500)],
        description="My series, or my ward's, or of whoever gave me the power SEE_ORDERS; the newest first.",
    )
    async def my_series(self, info: Info, for_member: strawberry.ID | None = None) -> list[Series]:
        whose = await acting(info, for_member, HelperPower.SEE_ORDERS)
        return [Series.of(row) for row in await queries.series_of(member_id=whose.member_id)]

    @strawberry.field(
        directives=[ListSize(assumed_size=MOST_DATES), Weight(weight=PREVIEW_WEIGHT)],
        description="Staff: `seriesPreview` at this venue for the person before them.",
    )
    async def series_preview_at_desk(
        self, info: Info, person_id: strawberry.ID, venue_id: strawberry.ID, wanted: SeriesInput
    ) -> list[SeriesDatePreview]:
        found = await at_desk.preview_at_desk(
            clerk=await info.context.staff(),
            person_id=person_id,
            venue_id=venue_id,
            wanted=wanted.wanted(),
            keys=info.context.services.id_keys,
            now=info.context.now,
        )
        return [SeriesDatePreview.of(each) for each in found]

    @strawberry.field(
        directives=[ListSize(assumed_size=MOST_SERIES_SHOWN), Weight(weight=500)],
        description="Staff: the series at this venue of the person before them, the newest first.",
    )
    async def series_at_desk(self, info: Info, person_id: strawberry.ID, venue_id: strawberry.ID) -> list[Series]:
        found = await at_desk.series_at_desk(
            clerk=await info.context.staff(),
            person_id=person_id,
            venue_id=venue_id,
            keys=info.context.services.id_keys,
            now=info.context.now,
        )
        return [Series.of(row) for row in found]


@strawberry.type
class SeriesActs:
    @act(
        SeriesPayload,
        "A court every week. What can be booked today is booked at once, the other dates when their days open, under the "
        "rules and limits of every booking; what cannot be booked is skipped, and told. Each date is an order of its own, "
        "to be paid within the time that its message says. `forMember` as in `placeOrder`.",
        weight=8000,
    )
    async def ask_for_series(
        self, info: Info, wanted: SeriesInput, idempotency_key: str, for_member: strawberry.ID | None = None
    ) -> SeriesPayload:
        whose = await booking(info, for_member)
        services = info.context.services
        series_id = await series.ask(
            member_id=whose.member_id,
            wanted=wanted.wanted(),
            key=idempotency_key,
            placed_by=PlacedBy(member_id=whose.by_member_id),
            keys=services.id_keys,
            channels=services.channels,
            now=info.context.now,
        )
        await services.wake("forward")
        return await _payload(whose.member_id, series_id)

    @act(
        SeriesPayload,
        "Book no more of a series. What is booked stays; `cancelOrder` gives up each by itself.",
    )
    async def end_series(
        self, info: Info, series_id: strawberry.ID, for_member: strawberry.ID | None = None
    ) -> SeriesPayload:
        whose = await acting(info, for_member, HelperPower.BOOK)
        await series.end(member_id=whose.member_id, series_id=series_id, now=info.context.now)
        return await _payload(whose.member_id, series_id)

    @act(
        SeriesPayload,
        "Staff: `askForSeries` at this venue for the person before them; each date is paid with `payAtDesk`.",
        weight=8000,
    )
    async def ask_for_series_at_desk(
        self,
        info: Info,
        person_id: strawberry.ID,
        venue_id: strawberry.ID,
        wanted: SeriesInput,
        idempotency_key: str,
    ) -> SeriesPayload:
        services = info.context.services
        member_id, series_id = await at_desk.ask_at_desk(
            clerk=await info.context.staff(),
            person_id=person_id,
            venue_id=venue_id,
            wanted=wanted.wanted(),
            key=idempotency_key,
            keys=services.id_keys,
            channels=services.channels,
            now=info.context.now,
        )
        await services.wake("forward")
        return await _payload(member_id, series_id)

    @act(
        SeriesPayload,
        "Staff: `endSeries` for the person before them, of a series at this venue, whoever asked for it; they are told.",
    )
    async def end_series_at_desk(
        self, info: Info, person_id: strawberry.ID, venue_id: strawberry.ID, series_id: strawberry.ID
    ) -> SeriesPayload:
        member_id = await at_desk.end_at_desk(
            clerk=await info.context.staff(),
            person_id=person_id,
            venue_id=venue_id,
            series_id=series_id,
            keys=info.context.services.id_keys,
            now=info.context.now,
        )
        return await _payload(member_id, series_id)


async def _payload(member_id: int, series_id: str) -> SeriesPayload:
    found = await queries.series_of(member_id=member_id, series_id=series_id)
    return SeriesPayload(series=Series.of(found[0]) if found else None)
