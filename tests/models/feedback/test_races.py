"""Two at once, on PostgreSQL: one of them is first, and nothing is there twice."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

import pytest

from models.errors import DomainError
from models.feedback.answering import answer_complaint
from models.feedback.escalating import escalate_due
from models.feedback.queries import complaint_of, complaints_of
from models.feedback.ratings import rate_admission
from models.feedback.rules import MOST_OPEN, ComplaintKind
from models.feedback.steps import reseal_complaints
from models.feedback.tables import Complaint, ComplaintStep, Rating
from models.keys import SealingKeys
from models.messages.tables import Message
from tests.databases import Database
from tests.factories.feedback import (
    TEXT_KEYS,
    WORDS,
    a_complaint,
    a_manager,
    a_venue_in,
    an_entered_admission,
    clocks_and_holidays,
    divisions,
)
from tests.factories.people import a_member

pytestmark = pytest.mark.postgres


@pytest.fixture(autouse=True)
async def _world(db: Database) -> None:
    await divisions()
    await clocks_and_holidays()


def codes_of(outcomes: Sequence[object]) -> list[str]:
    unexpected = [
        each for each in outcomes if isinstance(each, BaseException) and not isinstance(each, DomainError)
    ]
    assert not unexpected, unexpected
    return sorted(str(each.code) for each in outcomes if isinstance(each, DomainError))


async def test_of_two_answers_at_once_one_is_given(now: datetime) -> None:
    venue, (member_id, _) = await a_venue_in("510107", "城南体育馆"), await a_member()
    no = await a_complaint(member_id, venue_id=venue.public_id)
    clerks = [await a_manager(venue, device_id=f"desk-{number}") for number in range(4)]
    outcomes = await asyncio.gather(
        *(
            answer_complaint(
                clerk=clerk, complaint_no=no, text=f"{clerk.device_id}已修好。", idempotency_key=f"key-{clerk.device_id}",
                keys=TEXT_KEYS, now=now,
            )
            for clerk in clerks
        ),
        return_exceptions=True,
    )  # fmt: skip
    assert codes_of(outcomes) == ["COMPLAINT_STATE"] * 3
    assert await ComplaintStep.filter(kind="ANSWERED").count() == 1
    assert await Message.filter(template="COMPLAINT_ANSWERED").count() == 1


async def test_one_answer_sent_twice_at_once_is_one_step(now: datetime) -> None:
    venue, (member_id, _) = await a_venue_in("510107", "城南体育馆"), await a_member()
    no, clerk = await a_complaint(member_id, venue_id=venue.public_id), await a_manager(venue)
    outcomes = await asyncio.gather(
        *(
            answer_complaint(
                clerk=clerk, complaint_no=no, text="已修好。", idempotency_key="a", keys=TEXT_KEYS, now=now
            )
            for _ in range(4)
        ),
        return_exceptions=True,
    )
    assert codes_of(outcomes) == []
    assert await ComplaintStep.filter(kind="ANSWERED").count() == 1


async def test_one_tap_that_arrives_four_times_is_one_complaint_and_no_eleventh_slips_in(now: datetime) -> None:
    venue, (member_id, _) = await a_venue_in("510107", "城南体育馆"), await a_member()
    numbers = await asyncio.gather(
        *(a_complaint(member_id, venue_id=venue.public_id, key="one tap") for _ in range(4))
    )
    assert len(set(numbers)) == 1
    outcomes = await asyncio.gather(
        *(a_complaint(member_id, venue_id=venue.public_id) for _ in range(MOST_OPEN + 2)), return_exceptions=True
    )
    assert codes_of(list(outcomes)) == ["TOO_MANY_ATTEMPTS"] * 3
    assert await Complaint.all().count() == MOST_OPEN


async def test_one_admission_rated_four_times_at_once_has_one_rating(now: datetime) -> None:
    venue, (member_id, _) = await a_venue_in("510107", "城南体育馆"), await a_member()
    admission_id = await an_entered_admission(venue, member_id, entered_at=now)
    outcomes = await asyncio.gather(
        *(
            rate_admission(member_id=member_id, admission_id=admission_id, stars=stars, words="", now=now)
            for stars in (1, 2, 3, 3)
        ),
        return_exceptions=True,
    )
    (rating,) = await Rating.all()
    lost = 2 if rating.stars == 3 else 3
    assert codes_of(outcomes) == ["RATING_REFUSED"] * lost


async def test_two_workers_escalate_a_late_one_by_one_office(now: datetime) -> None:
    venue, (member_id, _) = await a_venue_in("510107", "城南体育馆"), await a_member()
    await a_complaint(member_id, kind=ComplaintKind.CONSULTATION, venue_id=venue.public_id)
    later = datetime(2026, 11, 30, 1, tzinfo=now.tzinfo)
    moved = await asyncio.gather(*(escalate_due(keys=TEXT_KEYS, now=later) for _ in range(3)))
    assert sum(each.escalated for each in moved) == 1
    assert (await Complaint.get()).level == "DISTRICT"
    assert await Message.filter(template="COMPLAINT_LATE").count() == 1


async def test_rotating_the_key_while_people_write_and_read_leaves_nothing_unreadable(now: datetime) -> None:
    venue = await a_venue_in("510107", "城南体育馆")
    clerk = await a_manager(venue)
    before = SealingKeys({**TEXT_KEYS.keys, "2": b"y" * 32})  # everywhere known, nowhere first yet
    after = SealingKeys({"2": b"y" * 32, **TEXT_KEYS.keys})
    people = [(await a_member())[0] for _ in range(4)]
    numbers = [await a_complaint(member_id, venue_id=venue.public_id) for member_id in people]

    async def write_and_read(member_id: int, no: str, ring: SealingKeys) -> None:
        await a_complaint(member_id, venue_id=venue.public_id, keys=ring)
        await answer_complaint(
            clerk=clerk, complaint_no=no, text="已修好。", idempotency_key="a", keys=ring, now=now
        )
        found = await complaint_of(member_id=member_id, complaint_no=no, keys=ring, now=now)
        assert found is not None
        assert [step.text for step in found.steps] == [WORDS, "已修好。"]

    writers = [write_and_read(*each) for each in zip(people, numbers, (before, after, before, after), strict=True)]
    await asyncio.gather(*writers, *(reseal_complaints(keys=after, batch=2) for _ in range(2)))
    await reseal_complaints(keys=after)
    only_new = SealingKeys({"2": b"y" * 32})
    for member_id in people:
        for listed in await complaints_of(member_id=member_id, first=5, before_id=None, now=now):
            found = await complaint_of(member_id=member_id, complaint_no=listed.public_no, keys=only_new, now=now)
            assert found is not None
            assert found.steps[0].text == WORDS
