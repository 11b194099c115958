"""Complaints and ratings: for who has something to say, for who must answer, and for everybody who reads."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Self

import strawberry
from strawberry.relay import PageInfo

from models.feedback import answering, filing, queries, ratings
from models.feedback.filing import ComplaintWanted
from models.feedback.queries import ComplaintView, StepView
from models.feedback.ratings import RatingView
from models.feedback.rules import MOST_STEPS, ComplaintKind, ComplaintStatus, Level, StepKind
from plans.costs import ListSize, Weight
from plans.public import Public
from resolvers.acting import HelperPower, acting
from resolvers.context import Info
from resolvers.errors import UserError, act, user_errors
from resolvers.paging import checked_size, page_info, read_cursor, wrong_cursor

strawberry.enum(ComplaintKind, description="咨询, 建议 (and 求助), 投诉: each has its own clock.")
strawberry.enum(ComplaintStatus, name="ComplaintStatus")
strawberry.enum(Level, name="ComplaintLevel", description="With whom a complaint lies.")
strawberry.enum(StepKind, name="ComplaintStepKind")

MOST_ROWS = 50
BY_MEMBER, BY_STAFF, BY_SYSTEM = "本人", "工作人员", "系统"
FOR_MEMBER = "`forMember`: for somebody whose guardian or helper with FEEDBACK I am."


@strawberry.type(description="One thing that happened to a complaint.")
class ComplaintStep:
    number: int
    kind: StepKind
    text: str = strawberry.field(description="What was written; empty once it was erased.")
    by: str = strawberry.field(description="本人, 系统, or 工作人员, whose name only staff see.")
    happened_at: datetime

    @classmethod
    def of(cls, step: StepView, *, names: bool) -> Self:
        if step.staff_name is not None:
            by = step.staff_name if names else BY_STAFF
        else:
            by = BY_MEMBER if step.kind in (StepKind.RECEIVED, StepKind.REOPENED) else BY_SYSTEM
        return cls(number=step.number, kind=step.kind, text=step.text, by=by, happened_at=step.happened_at)


@strawberry.type(description="A consultation, suggestion or complaint, and until when it must be answered.")
class Complaint:
    complaint_no: str
    kind: ComplaintKind
    status: ComplaintStatus
    level: Level
    lies_with: str = strawberry.field(description="Who must answer: the venue, or the region above it.")
    venue_id: strawberry.ID | None
    venue_name: str | None
    region_key: str
    region_name: str | None
    order_no: str | None
    received_at: datetime
    working_days: int = strawberry.field(description="Within how many working days an answer is due.")
    due_on: date = strawberry.field(description="The last day on which an answer is in time.")
    is_due_certain: bool = strawberry.field(
        description="False: a year on the way has no announced holidays yet, so the day was counted without them; "
        "it stays."
    )
    is_late: bool
    escalated_at: datetime | None = strawberry.field(
        description="When it went up to an office above the last time, because it was late."
    )
    answered_at: datetime | None
    closed_at: datetime | None
    reopened: int = strawberry.field(description="How often; twice at most.")
    may_reopen: bool
    steps: list[ComplaintStep] = strawberry.field(
        description="In their order. Empty in lists.", directives=[ListSize(assumed_size=MOST_STEPS)]
    )

    @classmethod
    def of(cls, view: ComplaintView, *, names: bool = False) -> Self:
        place = view.place
        return cls(
            complaint_no=view.public_no,
            kind=ComplaintKind(view.kind),
            status=ComplaintStatus(view.status),
            level=view.level,
            lies_with=view.lies_with,
            venue_id=strawberry.ID(place.venue_public_id) if place.venue_public_id else None,
            venue_name=place.venue_name,
            region_key=place.region_key,
            region_name=place.divisions[0].name,
            order_no=view.order_no or None,
            received_at=view.received_at,
            working_days=view.working_days,
            due_on=view.due_on,
            is_due_certain=view.is_due_certain,
            is_late=view.is_late,
            escalated_at=view.escalated_at,
            answered_at=view.answered_at,
            closed_at=view.closed_at,
            reopened=view.reopened,
            may_reopen=view.may_reopen,
            steps=[ComplaintStep.of(step, names=names) for step in view.steps],
        )


@strawberry.type
class ComplaintEdge:
    node: Complaint
    cursor: str


@strawberry.type
class ComplaintConnection:
    edges: list[ComplaintEdge]
    page_info: PageInfo

    @classmethod
    def of(cls, found: Sequence[ComplaintView], cursors: Sequence[str], *, first: int, after: str | None) -> Self:
        edges = [
            ComplaintEdge(node=Complaint.of(view), cursor=cursor)
            for view, cursor in zip(found[:first], cursors, strict=False)
        ]
        return cls(
            edges=edges,
            page_info=page_info(
                [edge.cursor for edge in edges], has_next=len(found) > first, has_previous=after is not None
            ),
        )


@strawberry.type
class ComplaintPayload:
    complaint: Complaint | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class RouteComplaintPayload:
    routed: bool | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type(description="What somebody who was let in says of a venue. Nobody's name is told.")
class Rating:
    id: strawberry.ID
    stars: int
    words: str
    rated_on: date
    answer: str | None = strawberry.field(description="The venue's.")
    answered_on: date | None

    @classmethod
    def of(cls, view: RatingView) -> Self:
        return cls(
            id=strawberry.ID(view.public_id),
            stars=view.stars,
            words=view.words,
            rated_on=view.rated_on,
            answer=view.answer or None,
            answered_on=view.answered_on,
        )


@strawberry.type
class RatingEdge:
    node: Rating
    cursor: str


@strawberry.type(description="A venue's ratings; hidden ones are not among them and do not count.")
class VenueRatings:
    count: int
    average_stars: float | None = strawberry.field(description="To a tenth; null without any.")
    edges: list[RatingEdge]
    page_info: PageInfo


@strawberry.type(description="A rating of mine.")
class MyRating:
    admission_id: strawberry.ID
    venue_id: strawberry.ID
    venue_name: str
    rating: Rating
    hidden_reason: str | None = strawberry.field(description="Why nobody else sees it; null while they do.")

    @classmethod
    def of(cls, view: RatingView) -> Self:
        return cls(
            admission_id=strawberry.ID(view.admission_id),
            venue_id=strawberry.ID(view.venue_id),
            venue_name=view.venue_name,
            rating=Rating.of(view),
            hidden_reason=view.hidden_reason or None,
        )


@strawberry.type
class MyRatingEdge:
    node: MyRating
    cursor: str


@strawberry.type
class MyRatingConnection:
    edges: list[MyRatingEdge]
    page_info: PageInfo


@strawberry.type
class RatingPayload:
    rating: Rating | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class FeedbackQueries:
    @strawberry.field(
        directives=[
            ListSize(assumed_size=MOST_ROWS, slicing_arguments=["first"], sized_fields=["edges"]),
            Weight(weight=500),
        ],
        description=f"My complaints, the latest first. {FOR_MEMBER}",
    )
    async def my_complaints(
        self, info: Info, first: int = 20, after: str | None = None, for_member: strawberry.ID | None = None
    ) -> ComplaintConnection:
        whose = await acting(info, for_member, HelperPower.FEEDBACK)
        found = await queries.complaints_of(
            member_id=whose.member_id,
            first=checked_size(first, MOST_ROWS),
            before_id=read_cursor(after, "c"),
            now=info.context.now,
        )
        return ComplaintConnection.of(found, [f"c{view.id}" for view in found], first=first, after=after)

    @strawberry.field(
        directives=[Weight(weight=300)],
        description=f"One of mine with its steps; null when there is none of that number. {FOR_MEMBER}",
    )
    async def complaint(
        self, info: Info, complaint_no: str, for_member: strawberry.ID | None = None
    ) -> Complaint | None:
        whose = await acting(info, for_member, HelperPower.FEEDBACK)
        return await _mine(info, whose.member_id, complaint_no)

    @strawberry.field(
        directives=[
            ListSize(assumed_size=MOST_ROWS, slicing_arguments=["first"], sized_fields=["edges"]),
            Weight(weight=1000),
        ],
        description="What waits for an answer at the venues and in the regions of the signed-in staff person, the most "
        "urgent first, without its texts. `onlyMine`: what lies with their own office now, also because it went up to it.",
    )
    async def complaints_to_answer(
        self,
        info: Info,
        first: int = 20,
        after: str | None = None,
        only_late: bool = False,
        only_mine: bool = False,
    ) -> ComplaintConnection:
        found = await queries.complaints_to_answer(
            clerk=await info.context.staff(),
            first=checked_size(first, MOST_ROWS),
            after=_read_urgency(after),
            only_late=only_late,
            only_mine=only_mine,
            now=info.context.now,
        )
        cursors = [f"u{view.due_on:%Y%m%d}-{view.id}" for view in found]
        return ComplaintConnection.of(found, cursors, first=first, after=after)

    @strawberry.field(
        directives=[Weight(weight=500)],
        description="One complaint with its texts, for staff who may answer it; null when there is none. That somebody "
        "read it is written down.",
    )
    async def complaint_to_answer(self, info: Info, complaint_no: str) -> Complaint | None:
        return await _for_staff(info, complaint_no)

    @strawberry.field(
        directives=[
            ListSize(assumed_size=MOST_ROWS, slicing_arguments=["first"], sized_fields=["edges"]),
            Weight(weight=500),
            Public(max_age=0),  # what was hidden is hidden at once
        ],
        description="What people who were there say of a venue, the latest first, with the average.",
    )
    async def venue_ratings(
        self, venue_id: strawberry.ID, first: int = 20, after: str | None = None
    ) -> VenueRatings:
        found = await ratings.ratings_of_venue(
            venue_id=venue_id, first=checked_size(first, MOST_ROWS), before_id=read_cursor(after, "r")
        )
        edges = [RatingEdge(node=Rating.of(view), cursor=f"r{view.id}") for view in found.ratings[:first]]
        return VenueRatings(
            count=found.count,
            average_stars=None if found.average_tenths is None else found.average_tenths / 10,
            edges=edges,
            page_info=page_info(
                [edge.cursor for edge in edges],
                has_next=len(found.ratings) > first,
                has_previous=after is not None,
            ),
        )

    @strawberry.field(
        directives=[
            ListSize(assumed_size=MOST_ROWS, slicing_arguments=["first"], sized_fields=["edges"]),
            Weight(weight=300),
        ],
        description=f"What I rated, the latest first, and why something of it was hidden. {FOR_MEMBER}",
    )
    async def my_ratings(
        self, info: Info, first: int = 20, after: str | None = None, for_member: strawberry.ID | None = None
    ) -> MyRatingConnection:
        whose = await acting(info, for_member, HelperPower.FEEDBACK)
        found = await ratings.ratings_by(
            member_id=whose.member_id, first=checked_size(first, MOST_ROWS), before_id=read_cursor(after, "r")
        )
        edges = [MyRatingEdge(node=MyRating.of(view), cursor=f"r{view.id}") for view in found[:first]]
        return MyRatingConnection(
            edges=edges,
            page_info=page_info(
                [edge.cursor for edge in edges], has_next=len(found) > first, has_previous=after is not None
            ),
        )


@strawberry.type
class FeedbackActs:
    @act(
        ComplaintPayload,
        "Ask, suggest or complain about a venue, about an order of mine there, or about a region. It goes to whoever is "
        f"responsible there, under the working-day clock of that city. The same again gives the same. {FOR_MEMBER}",
    )
    async def file_complaint(
        self,
        info: Info,
        idempotency_key: str,
        kind: ComplaintKind,
        text: str,
        venue_id: strawberry.ID | None = None,
        region_key: str | None = None,
        order_no: str | None = None,
        for_member: strawberry.ID | None = None,
    ) -> ComplaintPayload:
        whose = await acting(info, for_member, HelperPower.FEEDBACK)
        wanted = ComplaintWanted(kind=kind, venue_id=venue_id, region_key=region_key, order_no=order_no, text=text)
        complaint_no = await filing.file_complaint(
            member_id=whose.member_id,
            wanted=wanted,
            idempotency_key=idempotency_key,
            keys=info.context.services.text_keys,
            now=info.context.now,
        )
        return ComplaintPayload(complaint=await _mine(info, whose.member_id, complaint_no))

    @act(
        ComplaintPayload,
        f"The answer did not help: within 15 days it waits for another, under a new clock, twice at most. {FOR_MEMBER}",
    )
    async def reopen_complaint(
        self,
        info: Info,
        idempotency_key: str,
        complaint_no: str,
        text: str,
        for_member: strawberry.ID | None = None,
    ) -> ComplaintPayload:
        whose = await acting(info, for_member, HelperPower.FEEDBACK)
        await filing.reopen_complaint(
            member_id=whose.member_id,
            complaint_no=complaint_no,
            text=text,
            idempotency_key=idempotency_key,
            keys=info.context.services.text_keys,
            now=info.context.now,
        )
        return ComplaintPayload(complaint=await _mine(info, whose.member_id, complaint_no))

    @act(ComplaintPayload, f"I am content, or want no answer any more. {FOR_MEMBER}")
    async def close_complaint(
        self, info: Info, complaint_no: str, for_member: strawberry.ID | None = None
    ) -> ComplaintPayload:
        whose = await acting(info, for_member, HelperPower.FEEDBACK)
        await filing.close_complaint(
            member_id=whose.member_id,
            complaint_no=complaint_no,
            keys=info.context.services.text_keys,
            now=info.context.now,
        )
        return ComplaintPayload(complaint=await _mine(info, whose.member_id, complaint_no))

    @act(ComplaintPayload, "Answer a complaint of one's venues or regions. The same again changes nothing.")
    async def answer_complaint(
        self, info: Info, idempotency_key: str, complaint_no: str, text: str
    ) -> ComplaintPayload:
        await answering.answer_complaint(
            clerk=await info.context.staff(),
            complaint_no=complaint_no,
            text=text,
            idempotency_key=idempotency_key,
            keys=info.context.services.text_keys,
            now=info.context.now,
        )
        return ComplaintPayload(complaint=await _for_staff(info, complaint_no))

    @act(
        RouteComplaintPayload,
        "Send a complaint to the venue or the region where it belongs; by the administration of the region where it "
        "lies. In another city that city's clock begins.",
    )
    async def route_complaint(
        self,
        info: Info,
        complaint_no: str,
        venue_id: strawberry.ID | None = None,
        region_key: str | None = None,
    ) -> RouteComplaintPayload:
        await answering.route_complaint(
            clerk=await info.context.staff(),
            complaint_no=complaint_no,
            venue_id=venue_id,
            region_key=region_key,
            keys=info.context.services.text_keys,
            now=info.context.now,
        )
        return RouteComplaintPayload(routed=True)

    @act(
        RatingPayload,
        "Rate a visit: 1 to 5 stars and words for everybody, within 30 days of the entry, once for each admission. "
        f"{FOR_MEMBER}",
    )
    async def rate_admission(
        self,
        info: Info,
        admission_id: strawberry.ID,
        stars: int,
        words: str = "",
        for_member: strawberry.ID | None = None,
    ) -> RatingPayload:
        whose = await acting(info, for_member, HelperPower.FEEDBACK)
        rated = await ratings.rate_admission(
            member_id=whose.member_id,
            admission_id=admission_id,
            stars=stars,
            words=words,
            now=info.context.now,
        )
        return RatingPayload(rating=Rating.of(rated))

    @act(RatingPayload, "The venue's one answer to a rating, for everybody to read.")
    async def answer_rating(self, info: Info, rating_id: strawberry.ID, text: str) -> RatingPayload:
        answered = await ratings.answer_rating(
            clerk=await info.context.staff(), rating_id=rating_id, text=text, now=info.context.now
        )
        return RatingPayload(rating=Rating.of(answered))

    @act(
        RatingPayload,
        "Take a rating out of sight, with a reason that its author is told; by the administration of the venue's region, "
        "never by the venue.",
    )
    async def hide_rating(self, info: Info, rating_id: strawberry.ID, reason: str) -> RatingPayload:
        hidden = await ratings.hide_rating(
            clerk=await info.context.staff(), rating_id=rating_id, reason=reason, now=info.context.now
        )
        return RatingPayload(rating=Rating.of(hidden))


async def _mine(info: Info, member_id: int, complaint_no: str) -> Complaint | None:
    found = await queries.complaint_of(
        member_id=member_id,
        complaint_no=complaint_no,
        keys=info.context.services.text_keys,
        now=info.context.now,
    )
    return None if found is None else Complaint.of(found)


async def _for_staff(info: Info, complaint_no: str) -> Complaint | None:
    found = await queries.complaint_for_staff(
        clerk=await info.context.staff(),
        complaint_no=complaint_no,
        keys=info.context.services.text_keys,
        now=info.context.now,
    )
    return None if found is None else Complaint.of(found, names=True)


def _read_urgency(after: str | None) -> tuple[date, int] | None:
    """u20261211-7: the last day, and the id. Raises BAD_INPUT."""
    if after is None:
        return None
    day, _, number = after.removeprefix("u").partition("-")
    if not (after.startswith("u") and after.isascii() and number.isdigit() and len(number) <= 18):
        raise wrong_cursor()
    try:
        return datetime.strptime(day, "%Y%m%d").date(), int(number)  # noqa: DTZ007 - a day has no zone
    except ValueError as wrong:
        raise wrong_cursor() from wrong
