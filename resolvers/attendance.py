"""What a venue asks of who books, shown before; coming in time; and pauses of who did not, with their appeals."""

from datetime import date, datetime
from typing import Self

import strawberry

from models.attendance import checking_in, pauses, rule_book
from models.attendance.pauses import MOST_APPEALS, MOST_PAUSES, PauseView
from models.attendance.rule_book import MOST_RULES, RuleKind, ToldRule
from models.calendar import business_day
from plans.costs import ListSize, Weight
from plans.public import Public
from resolvers.acting import HelperPower, acting
from resolvers.context import Info
from resolvers.errors import UserError, act, user_errors
from resolvers.venues import PointInput, point_of
from resolvers.words import AttendanceState

strawberry.enum(RuleKind, name="BookingRuleKind", description="What a booking rule is about.")
_MISSED_EXPECTED = 3


@strawberry.type(description="A rule of a venue in a sentence to show as it is.")
class BookingRule:
    kind: RuleKind
    sentence: str
    figure: int | None = strawberry.field(
        description="Its number, for programs: days, minutes, courts, people or percent, as the kind says."
    )
    is_demonstration: bool = strawberry.field(description="Nobody published this figure.")

    @classmethod
    def of(cls, told: ToldRule) -> Self:
        return cls(
            kind=told.kind, sentence=told.sentence, figure=told.figure, is_demonstration=told.is_demonstration
        )


@strawberry.type(description="Somebody cannot book at a venue for some days, since they did not come.")
class BookingPause:
    id: strawberry.ID
    venue_id: strawberry.ID
    venue_name: str
    no_shows: int
    missed: list[str] = strawberry.field(
        directives=[ListSize(assumed_size=_MISSED_EXPECTED)], description="To what nobody came."
    )
    starts_at: datetime
    ends_at: datetime
    freed_at: datetime | None = strawberry.field(
        description="Over since then: an appeal was granted, or a no-show was none."
    )
    is_over: bool
    appealed_at: datetime | None
    appeal_words: str
    decided_at: datetime | None
    is_granted: bool | None
    answer: str

    @classmethod
    def of(cls, pause: PauseView, now: datetime) -> Self:
        return cls(
            id=strawberry.ID(pause.public_id),
            venue_id=strawberry.ID(pause.venue_id),
            venue_name=pause.venue_name,
            no_shows=pause.no_shows,
            missed=list(pause.missed),
            starts_at=pause.starts_at,
            ends_at=pause.ends_at,
            freed_at=pause.freed_at,
            is_over=pause.is_over(now),
            appealed_at=pause.appealed_at,
            appeal_words=pause.appeal_words,
            decided_at=pause.decided_at,
            is_granted=pause.is_granted,
            answer=pause.answer,
        )


@strawberry.type
class BookingPausePayload:
    pause: BookingPause | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class CheckInPayload:
    attendance: AttendanceState | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class AttendanceQueries:
    @strawberry.field(
        directives=[ListSize(assumed_size=MOST_RULES), Weight(weight=100), Public(max_age=60)],
        description="Every rule of a venue for a sport that is played on a day (today), to be shown before booking.",
    )
    async def booking_rules(
        self, info: Info, venue_id: strawberry.ID, sport: str, date: date | None = None
    ) -> list[BookingRule]:
        found = await rule_book.booking_rules(
            venue_id=venue_id, sport=sport, day=date or business_day(info.context.now), now=info.context.now
        )
        return [BookingRule.of(told) for told in found]

    @strawberry.field(
        directives=[ListSize(assumed_size=MOST_PAUSES), Weight(weight=200)],
        description="Where I cannot book for a while, or could not: the latest first.",
    )
    async def my_booking_pauses(self, info: Info) -> list[BookingPause]:
        member = await info.context.member()
        found = await pauses.my_pauses(member_id=member.member_id)
        return [BookingPause.of(pause, info.context.now) for pause in found]

    @strawberry.field(
        directives=[ListSize(assumed_size=MOST_APPEALS), Weight(weight=500)],
        description="Staff: appeals against pauses that wait at a venue, or at all of mine; the oldest first.",
    )
    async def pause_appeals(self, info: Info, venue_id: strawberry.ID | None = None) -> list[BookingPause]:
        clerk = await info.context.staff()
        found = await pauses.appeals(clerk=clerk, venue_id=venue_id)
        return [BookingPause.of(pause, info.context.now) for pause in found]


@strawberry.type
class AttendanceActs:
    @act(
        CheckInPayload,
        "Say that I am there, without a gate: `place` is where my phone is, which must be near the venue. `forMember`: for "
        "a ward, or for somebody whose helper I am. Checking in twice is the same as once.",
    )
    async def check_in(
        self,
        info: Info,
        order_no: str,
        line_no: int,
        place: PointInput,
        for_member: strawberry.ID | None = None,
    ) -> CheckInPayload:
        whose = await acting(info, for_member, HelperPower.SHOW_CODES)
        await checking_in.check_in(
            member_id=whose.member_id,
            order_no=order_no,
            line_no=line_no,
            place=point_of(place),
            now=info.context.now,
        )
        return CheckInPayload(attendance=AttendanceState.CAME)

    @act(CheckInPayload, "Staff: whoever this line is for stands at the desk, and has not lost the slot yet.")
    async def check_in_at_desk(self, info: Info, order_no: str, line_no: int) -> CheckInPayload:
        clerk = await info.context.staff()
        await checking_in.check_in_at_desk(clerk=clerk, order_no=order_no, line_no=line_no, now=info.context.now)
        return CheckInPayload(attendance=AttendanceState.CAME)

    @act(
        BookingPausePayload,
        "Say why I am not to blame, once a pause. The same words again are the same appeal.",
    )
    async def appeal_pause(self, info: Info, pause_id: strawberry.ID, words: str) -> BookingPausePayload:
        member = await info.context.member()
        pause = await pauses.appeal(
            member_id=member.member_id, pause_id=pause_id, words=words, now=info.context.now
        )
        return BookingPausePayload(pause=BookingPause.of(pause, info.context.now))

    @act(
        BookingPausePayload,
        "Staff: grant an appeal, and the pause is over at once, or refuse it. Never by who had a hand in it.",
    )
    async def decide_appeal(
        self, info: Info, pause_id: strawberry.ID, grant: bool, answer: str
    ) -> BookingPausePayload:
        clerk = await info.context.staff()
        pause = await pauses.decide_appeal(
            clerk=clerk, pause_id=pause_id, grant=grant, answer=answer, now=info.context.now
        )
        await info.context.services.wake("tell_people")
        return BookingPausePayload(pause=BookingPause.of(pause, info.context.now))
