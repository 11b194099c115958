"""Ratings: once for who was let in, read by everybody, answered by the venue, hidden by nobody it speaks of."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from models import database
from models.errors import ErrorCode
from models.feedback.ratings import (
    RatingView,
    VenueRatings,
    answer_rating,
    hide_rating,
    rate_admission,
    ratings_by,
    ratings_of_venue,
)
from models.feedback.rules import average_tenths
from models.feedback.tables import Rating
from models.messages.tables import Message
from models.staff.rules import Role
from models.venues.tables import Venue
from tests.databases import Database
from tests.factories.feedback import a_manager, a_regulator, a_venue_in, an_entered_admission, divisions
from tests.factories.gates import a_ticket
from tests.factories.people import a_clerk, a_member
from tests.models.feedback.test_complaints import refusal_of


@pytest.fixture
async def venue(db: Database) -> Venue:
    await divisions()
    return await a_venue_in("510107", "城南体育馆")


@pytest.fixture
async def an(venue: Venue) -> int:
    member_id, _ = await a_member()
    return member_id


async def rated(
    venue: Venue, member_id: int, now: datetime, stars: int = 4, words: str = "地板新，人少"
) -> RatingView:
    admission_id = await an_entered_admission(venue, member_id, entered_at=now)
    return await rate_admission(member_id=member_id, admission_id=admission_id, stars=stars, words=words, now=now)


async def shown(venue: Venue, **asked: Any) -> VenueRatings:
    return await ratings_of_venue(**{"venue_id": venue.public_id, "first": 20, "before_id": None, **asked})


async def test_who_was_let_in_rates_once_and_the_same_again_is_the_same(
    venue: Venue, an: int, now: datetime
) -> None:
    admission_id = await an_entered_admission(venue, an, entered_at=now)
    asked: dict[str, Any] = {"member_id": an, "admission_id": admission_id, "stars": 5}
    first = await rate_admission(**asked, words=" 很好 ", now=now)
    again = await rate_admission(**asked, words="很好", now=now + timedelta(hours=1))
    assert (first, first.words, first.rated_on.isoformat()) == (again, "很好", "2026-11-20")
    for other in ({"words": "不好"}, {"words": "很好", "stars": 1}):
        refused = await refusal_of(rate_admission(**{**asked, **other}, now=now))
        assert (refused.code, refused.field) == (ErrorCode.RATING_REFUSED, "admissionId")
    assert await Rating.all().count() == 1
    second = await an_entered_admission(venue, an, entered_at=now)
    await rate_admission(member_id=an, admission_id=second, stars=2, words="", now=now)
    assert (await shown(venue)).count == 2


async def test_who_was_not_let_in_was_long_ago_or_is_somebody_else_rates_nothing(
    venue: Venue, an: int, now: datetime
) -> None:
    ticket = await a_ticket(venue, member_id=an)
    entered = await an_entered_admission(venue, an, entered_at=now)
    stranger, _ = await a_member()
    for member_id, admission_id, at, code in (
        (an, ticket.admission.public_id, now, ErrorCode.RATING_REFUSED),
        (an, entered, now + timedelta(days=30), ErrorCode.RATING_REFUSED),
        (stranger, entered, now, ErrorCode.ADMISSION_UNKNOWN),
        (an, "adm_UNKNOWN", now, ErrorCode.ADMISSION_UNKNOWN),
    ):
        refused = await refusal_of(
            rate_admission(member_id=member_id, admission_id=admission_id, stars=3, words="", now=at)
        )
        assert (refused.code, refused.field) == (code, "admissionId")
    assert await Rating.all().count() == 0
    last_moment = now + timedelta(days=30) - timedelta(seconds=1)
    await rate_admission(member_id=an, admission_id=entered, stars=3, words="", now=last_moment)


@pytest.mark.parametrize(
    ("stars", "words", "field"),
    [
        (0, "", "stars"),
        (6, "", "stars"),
        (5, "长" * 301, "words"),
        (5, "两\n行", "words"),
        (5, "找我打球13800000001", "words"),
        (5, "加微信 138 0000-0001 打球", "words"),
        (5, "证件 51010719900101001X", "words"),
        (5, "找我打球１３８００００００００", "words"),
    ],
)
async def test_what_everybody_will_read_holds_no_phone_and_no_id_number(
    venue: Venue, an: int, now: datetime, stars: int, words: str, field: str
) -> None:
    refused = await refusal_of(rated(venue, an, now, stars=stars, words=words))
    assert (refused.code, refused.field) == (ErrorCode.BAD_INPUT, field)
    assert await Rating.all().count() == 0
    await rated(venue, an, now, words="028-85551234 前台电话没人接，2026年12月 3个场地 👨‍👩‍👧")


async def test_everybody_reads_the_latest_first_with_the_average_and_nobodys_name(
    venue: Venue, an: int, now: datetime
) -> None:
    assert await shown(venue) == VenueRatings(count=0, average_tenths=None, ratings=[])
    for stars in (5, 4, 4):
        await rated(venue, an, now, stars=stars, words=f"{stars}颗星")
    other = await a_venue_in("510104", "锦江体育馆")
    await rated(other, an, now, stars=1)
    found = await shown(venue, first=2)
    assert (found.count, found.average_tenths, len(found.ratings)) == (3, 43, 3)
    rest = await shown(venue, before_id=found.ratings[1].id)
    assert [each.words for each in rest.ratings] == ["5颗星"]
    assert (await refusal_of(shown(venue, venue_id="ven_UNKNOWN"))).code is ErrorCode.VENUE_UNKNOWN


def test_averages_are_rounded_half_up_to_a_tenth() -> None:
    assert [average_tenths(stars, count) for stars, count in ((0, 0), (5, 1), (13, 3), (9, 2), (17, 4))] == [
        None, 50, 43, 45, 43
    ]  # fmt: skip


async def test_the_venue_answers_once_and_the_author_hears_of_it(venue: Venue, an: int, now: datetime) -> None:
    rating, manager = await rated(venue, an, now), await a_manager(venue)
    for _ in range(2):
        answered = await answer_rating(clerk=manager, rating_id=rating.public_id, text="谢谢您。", now=now)
        assert (answered.answer, answered.answered_on) == ("谢谢您。", rating.rated_on)
    colleague = await a_manager(venue, device_id="desk-2")
    for clerk, text in ((manager, "不谢。"), (colleague, "谢谢您。")):
        refused = await refusal_of(answer_rating(clerk=clerk, rating_id=rating.public_id, text=text, now=now))
        assert refused.code is ErrorCode.RATING_REFUSED
    (message,) = await Message.filter(template="RATING_ANSWERED")
    assert (message.member_id, message.values) == (an, {"what": "城南体育馆", "when": "11月20日 10:00"})
    named = await refusal_of(
        answer_rating(clerk=manager, rating_id=rating.public_id, text="请打13800000001", now=now)
    )
    assert named.code is ErrorCode.BAD_INPUT


async def test_only_that_venues_staff_answer(venue: Venue, an: int, now: datetime) -> None:
    rating, other = await rated(venue, an, now), await a_venue_in("510104", "锦江体育馆")
    for clerk, code in (
        (await a_manager(other), ErrorCode.RATING_UNKNOWN),
        (await a_regulator("510107"), ErrorCode.NOT_ALLOWED),
        (await a_clerk(venue.public_id), ErrorCode.NOT_ALLOWED),
    ):
        refused = await refusal_of(answer_rating(clerk=clerk, rating_id=rating.public_id, text="好。", now=now))
        assert refused.code is code
    assert (await shown(venue)).ratings[0].answer == ""


async def test_a_venue_cannot_hide_what_is_said_about_it_and_its_region_can_with_a_reason(
    venue: Venue, an: int, now: datetime
) -> None:
    bad, good = await rated(venue, an, now, stars=1, words="骂人的话"), await rated(venue, an, now, stars=5)
    manager, district = await a_manager(venue), await a_regulator("510107")
    of_all_there = await a_clerk(roles=(Role.VENUE_MANAGER,), region_key="510107")
    for runs_it in (manager, of_all_there):
        refused = await refusal_of(hide_rating(clerk=runs_it, rating_id=bad.public_id, reason="不好看", now=now))
        assert refused.code is ErrorCode.NOT_ALLOWED
    for clerk in (await a_regulator("510104"), await a_regulator("500000")):
        unknown = await refusal_of(hide_rating(clerk=clerk, rating_id=bad.public_id, reason="辱骂他人", now=now))
        assert unknown.code is ErrorCode.RATING_UNKNOWN
    silent = await refusal_of(hide_rating(clerk=district, rating_id=bad.public_id, reason="  ", now=now))
    assert (silent.code, silent.field) == (ErrorCode.BAD_INPUT, "reason")
    assert ((await shown(venue)).count, await Message.all().count()) == (2, 0)
    for _ in range(2):
        await hide_rating(clerk=district, rating_id=bad.public_id, reason="辱骂他人", now=now)
    found = await shown(venue)
    assert (found.count, found.average_tenths) == (1, 50)
    assert [each.public_id for each in found.ratings] == [good.public_id]
    (message,) = await Message.all()
    assert (message.template, message.values["what"]) == ("RATING_HIDDEN", "辱骂他人")
    mine = await ratings_by(member_id=an, first=5, before_id=None)
    assert [(each.stars, each.hidden_reason) for each in mine] == [(5, ""), (1, "辱骂他人")]
    late = await refusal_of(answer_rating(clerk=manager, rating_id=bad.public_id, text="好。", now=now))
    assert late.code is ErrorCode.RATING_REFUSED


async def test_the_database_itself_knows_no_sixth_star_and_no_second_rating(
    venue: Venue, an: int, now: datetime
) -> None:
    rating = await rated(venue, an, now)
    with pytest.raises(Exception, match="rating_stars_one_to_five"):
        await database.rows("UPDATE rating SET stars = 6 WHERE public_id = $1", rating.public_id)
    stored = await Rating.get(public_id=rating.public_id)
    with pytest.raises(Exception, match=r"(?i)unique"):
        await Rating.create(
            public_id="rtg_2",
            admission_id=stored.admission_id,
            member_id=an,
            venue_id=venue.id,
            stars=1,
            rated_at=now,
        )
