"""Complaints and ratings as they are shown."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Self

import strawberry
from strawberry.relay import PageInfo

from models.feedback.queries import ComplaintView, StepView
from models.feedback.ratings import RatingView
from models.feedback.rules import MOST_STEPS, ComplaintKind, ComplaintStatus, Level, StepKind
from plans.costs import ListSize
from resolvers.errors import UserError, user_errors
from resolvers.paging import page_of

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
            page_info=page_of(edges, found, after),
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
