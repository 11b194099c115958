"""Stars and words of who was let in, the venue's answer, and the regulator's hand before what must not be shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from models import database
from models.audit.deeds import concerning
from models.calendar import business_day, moment_text
from models.database import utc
from models.errors import DomainError, ErrorCode
from models.feedback.rules import (
    LONGEST_REASON,
    LONGEST_WORDS,
    RATED_WITHIN,
    RatingRefused,
    RatingUnknown,
    average_tenths,
    checked_line,
    checked_public_words,
    checked_stars,
)
from models.feedback.tables import Rating
from models.ids import new_id
from models.messages.operations import tell
from models.staff.powers import demand, may
from models.staff.rules import Power, StaffSignedIn


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingView:
    """A rating as everybody sees it: the day and not the hour, nobody's name."""

    id: int
    public_id: str
    stars: int
    words: str
    rated_on: date
    answer: str
    answered_on: date | None
    hidden_reason: str
    """For its author; empty while it is shown."""
    venue_id: str
    venue_name: str
    admission_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueRatings:
    count: int
    average_tenths: int | None
    ratings: list[RatingView]


async def rate_admission(
    *, member_id: int, admission_id: str, stars: int, words: str, now: datetime
) -> RatingView:
    """Once for each admission that was entered. The same again gives the same.

    Raises BAD_INPUT, ADMISSION_UNKNOWN, and RATING_REFUSED for who was not let in, was more than 30 days ago, or has
    said something else already.
    """
    checked_stars(stars)
    words = checked_public_words(words, shortest=0, longest=LONGEST_WORDS, field="words")
    return await _rate(member_id, admission_id, stars, words, now)


async def answer_rating(*, clerk: StaffSignedIn, rating_id: str, text: str, now: datetime) -> RatingView:
    """The venue's one answer, shown below the words. The same again by the same person changes nothing. No role of an
    administration holds the power, so that none answers in a venue's stead.

    Raises NOT_ALLOWED, RATING_UNKNOWN outside the clerk's venues, RATING_REFUSED for another answer or a hidden
    rating, BAD_INPUT.
    """
    await demand(clerk, Power.ANSWER_RATING)
    text = checked_public_words(text, shortest=1, longest=LONGEST_WORDS, field="text")
    return await _answer(clerk, rating_id, text, now)


async def hide_rating(*, clerk: StaffSignedIn, rating_id: str, reason: str, now: datetime) -> RatingView:
    """Takes a rating out of sight and out of the average, and tells its author why. A hidden one stays as it is.

    Who may, has the power in the venue's region: no role of a venue's holds it, so that none hides what is said about
    it. Raises NOT_ALLOWED, RATING_UNKNOWN, BAD_INPUT without a reason.
    """
    await demand(clerk, Power.HIDE_RATING)
    reason = checked_line(reason, shortest=1, longest=LONGEST_REASON, field="reason")
    return await _hide(clerk, rating_id, reason, now)


async def ratings_of_venue(*, venue_id: str, first: int, before_id: int | None) -> VenueRatings:
    """The shown ones, the latest first, one more than asked, and what they come to. Two statements, for everybody.

    Raises VENUE_UNKNOWN.
    """
    async with database.Together():
        summary = await database.row(
            """SELECT venue.id, COUNT(rating.id) AS count, COALESCE(SUM(rating.stars), 0) AS stars
                 FROM venue LEFT JOIN rating ON rating.venue_id = venue.id AND rating.hidden_at IS NULL
                WHERE venue.public_id = $1 GROUP BY venue.id""",
            venue_id,
        )
        found = (
            ()
            if summary is None
            else await database.rows(
                _RATING
                + """WHERE rating.venue_id = $1 AND rating.hidden_at IS NULL AND rating.id < $2
                     ORDER BY rating.id DESC LIMIT $3""",
                summary["id"],
                before_id or 2**62,
                first + 1,
            )
        )
    if summary is None:
        raise DomainError(
            "没有找到这个场馆。",
            code=ErrorCode.VENUE_UNKNOWN,
            next_step="请返回列表重新选择。",
            field="venueId",
        )
    count = int(summary["count"])
    return VenueRatings(
        count=count,
        average_tenths=average_tenths(int(summary["stars"]), count),
        ratings=[_view(row) for row in found],
    )


async def ratings_by(*, member_id: int, first: int, before_id: int | None) -> list[RatingView]:
    """What a member rated, the latest first, hidden ones with the reason, and one more."""
    found = await database.rows(
        _RATING + "WHERE rating.member_id = $1 AND rating.id < $2 ORDER BY rating.id DESC LIMIT $3",
        member_id,
        before_id or 2**62,
        first + 1,
    )
    return [_view(row) for row in found]


_RATING = """
SELECT rating.*, venue.public_id AS venue_public_id, venue.name AS venue_name,
       admission.public_id AS admission_public_id, region.key AS region_key, member.public_id AS member_public_id
  FROM rating JOIN venue ON venue.id = rating.venue_id JOIN region ON region.id = venue.region_id
       JOIN admission ON admission.id = rating.admission_id JOIN member ON member.id = rating.member_id
"""


@database.operation
async def _rate(member_id: int, admission_id: str, stars: int, words: str, now: datetime) -> RatingView:
    admission = await database.row(
        "SELECT id, venue_id, first_entered_at FROM admission WHERE public_id = $1 AND member_id = $2",
        admission_id,
        member_id,
    )
    if admission is None:
        raise DomainError(
            "没有找到这张入场凭证。",
            code=ErrorCode.ADMISSION_UNKNOWN,
            next_step="请在“我的订单”里查看。",
            field="admissionId",
        )
    before = await _rating_of(admission["id"])
    if before is None:
        _check_entered(admission["first_entered_at"], now)
        await database.rows(
            """INSERT INTO rating (public_id, admission_id, member_id, venue_id, stars, words, rated_at, answer,
                                   hidden_reason)
               VALUES ($1, $2, $3, $4, $5, $6, $7, '', '') ON CONFLICT (admission_id) DO NOTHING""",
            new_id("rtg"),
            admission["id"],
            member_id,
            admission["venue_id"],
            stars,
            words,
            now,
        )
        before = await _rating_of(admission["id"])  # ours, or that of who was faster
    assert before is not None
    if (before["stars"], before["words"]) != (stars, words):
        raise RatingRefused(
            "这次入场您已经评价过了。", next_step="每次入场评价一次，可在“我的评价”里查看。", field="admissionId"
        )
    return _view(before)


async def _rating_of(admission_id: int) -> Any | None:
    return await database.row(_RATING + "WHERE rating.admission_id = $1", admission_id)


def _check_entered(first_entered_at: Any, now: datetime) -> None:
    if first_entered_at is None:
        raise RatingRefused("入场之后才能评价。", next_step="请在入场后30天内评价。", field="admissionId")
    if now >= utc(first_entered_at) + RATED_WITHIN:
        raise RatingRefused(
            f"入场已超过{RATED_WITHIN.days}天。", next_step="如有意见，请改为提交建议或投诉。", field="admissionId"
        )


@database.operation
async def _answer(clerk: StaffSignedIn, rating_id: str, text: str, now: datetime) -> RatingView:
    rating, row = await _locked(rating_id)
    if not await may(clerk, Power.ANSWER_RATING, venue_id=row["venue_public_id"]):
        raise RatingUnknown
    if rating.answered_by_id == clerk.staff_id and rating.answer == text:
        return _view(row)
    if rating.answered_at is not None:
        raise RatingRefused("这条评价已经答复过了。", next_step="每条评价答复一次。", field="ratingId")
    if rating.hidden_at is not None:
        raise RatingRefused("这条评价已隐藏，不能答复。", next_step="如有疑问请联系主管部门。", field="ratingId")
    concerning("MEMBER", row["member_public_id"], venue_id=row["venue_public_id"], detail=rating_id)
    rating.answer, rating.answered_by_id, rating.answered_at = text, clerk.staff_id, now
    await rating.save(update_fields=["answer", "answered_by_id", "answered_at"])
    await tell(
        member_id=rating.member_id,
        template="RATING_ANSWERED",
        values={"what": row["venue_name"], "when": moment_text(now)},
        about_no=rating.public_id,
        now=now,
    )
    return await _again(rating.admission_id)


@database.operation
async def _hide(clerk: StaffSignedIn, rating_id: str, reason: str, now: datetime) -> RatingView:
    rating, row = await _locked(rating_id)
    if not await may(clerk, Power.HIDE_RATING, region_key=row["region_key"]):
        raise RatingUnknown
    if rating.hidden_at is not None:
        return _view(row)
    concerning("MEMBER", row["member_public_id"], venue_id=row["venue_public_id"], detail=rating_id)
    rating.hidden_at, rating.hidden_by_id, rating.hidden_reason = now, clerk.staff_id, reason
    await rating.save(update_fields=["hidden_at", "hidden_by_id", "hidden_reason"])
    await tell(
        member_id=rating.member_id,
        template="RATING_HIDDEN",
        values={"what": reason, "when": moment_text(now)},
        about_no=rating.public_id,
        now=now,
    )
    return await _again(rating.admission_id)


async def _locked(rating_id: str) -> tuple[Rating, Any]:
    """Raises RATING_UNKNOWN."""
    rating = await Rating.select_for_update().get_or_none(public_id=rating_id)
    if rating is None:
        raise RatingUnknown
    row = await _rating_of(rating.admission_id)
    assert row is not None
    return rating, row


async def _again(admission_id: int) -> RatingView:
    row = await _rating_of(admission_id)
    assert row is not None
    return _view(row)


def _view(row: Mapping[str, Any]) -> RatingView:
    return RatingView(
        id=row["id"],
        public_id=row["public_id"],
        stars=row["stars"],
        words=row["words"],
        rated_on=business_day(utc(row["rated_at"])),
        answer=row["answer"],
        answered_on=None if row["answered_at"] is None else business_day(utc(row["answered_at"])),
        hidden_reason=row["hidden_reason"] if row["hidden_at"] is not None else "",
        venue_id=row["venue_public_id"],
        venue_name=row["venue_name"],
        admission_id=row["admission_public_id"],
    )
