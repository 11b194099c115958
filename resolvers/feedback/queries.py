"""What can be asked about complaints and ratings."""

from datetime import date, datetime

import strawberry

from models.errors import wrong_cursor
from models.feedback import queries, ratings
from plans.costs import ListSize, Weight
from plans.public import Public
from resolvers.acting import HelperPower, acting
from resolvers.context import Info
from resolvers.feedback.types import (
    FOR_MEMBER,
    MOST_ROWS,
    Complaint,
    ComplaintConnection,
    MyRating,
    MyRatingConnection,
    MyRatingEdge,
    Rating,
    RatingEdge,
    VenueRatings,
)
from resolvers.paging import checked_size, page_of, read_cursor


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
        return await my_complaint(info, whose.member_id, complaint_no)

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
        return await complaint_for_staff(info, complaint_no)

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
            page_info=page_of(edges, found.ratings, after),
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
            page_info=page_of(edges, found, after),
        )


async def my_complaint(info: Info, member_id: int, complaint_no: str) -> Complaint | None:
    found = await queries.complaint_of(
        member_id=member_id,
        complaint_no=complaint_no,
        keys=info.context.services.text_keys,
        now=info.context.now,
    )
    return None if found is None else Complaint.of(found)


async def complaint_for_staff(info: Info, complaint_no: str) -> Complaint | None:
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
