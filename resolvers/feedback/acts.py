"""Filing, answering, routing complaints; rating, answering and hiding."""

import strawberry

from models.feedback import answering, filing, ratings
from models.feedback.filing import ComplaintWanted
from models.feedback.rules import ComplaintKind
from resolvers.acting import HelperPower, acting
from resolvers.context import Info
from resolvers.errors import act
from resolvers.feedback.queries import complaint_for_staff, my_complaint
from resolvers.feedback.types import FOR_MEMBER, ComplaintPayload, Rating, RatingPayload, RouteComplaintPayload


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
        return ComplaintPayload(complaint=await my_complaint(info, whose.member_id, complaint_no))

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
        return ComplaintPayload(complaint=await my_complaint(info, whose.member_id, complaint_no))

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
        return ComplaintPayload(complaint=await my_complaint(info, whose.member_id, complaint_no))

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
        return ComplaintPayload(complaint=await complaint_for_staff(info, complaint_no))

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
