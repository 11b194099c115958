"""An appeal against a pause: once, by its person, decided by whoever had no hand in it; granted, it frees at once."""

from typing import Any

import pytest

from models.attendance import pauses
from models.attendance.pauses import PauseView
from models.attendance.tables import Attendance, BookingPause
from models.errors import DomainError, ErrorCode
from models.messages.tables import Message
from models.orders.tables import Order
from models.staff.rules import Role, StaffSignedIn
from tests.databases import Database
from tests.factories.attendance import a_strict_hall, code_for, decide, desk_scans, free_order, the_desk_works
from tests.factories.booking import Hall, Person, a_person, at
from tests.factories.people import a_clerk

BEGAN, LATER = at(8, 15), at(12)


async def a_pause() -> tuple[Hall, StaffSignedIn, Person, BookingPause, Order]:
    """After one no-show, as this venue's rule has it; the clerk is of its desk."""
    hall, clerk = await a_strict_hall(no_shows=1)
    person = await a_person()
    order = await free_order(person, hall.badminton, at(8))
    await the_desk_works(clerk, hall.venue, at(8))
    await decide(order, BEGAN)
    return hall, clerk, person, await BookingPause.get(), order


async def a_manager(hall: Hall, **how: Any) -> StaffSignedIn:
    return await a_clerk(hall.venue.public_id, roles=(Role.VENUE_MANAGER,), device_id="office", **how)


async def appealed(person: Person, pause: BookingPause, words: str = "当天在医院") -> PauseView:
    return await pauses.appeal(member_id=person.member_id, pause_id=pause.public_id, words=words, now=BEGAN)


async def code_of(act: Any) -> ErrorCode:
    with pytest.raises(DomainError) as refusal:
        await act
    return refusal.value.code


def decides(
    clerk: StaffSignedIn, pause: BookingPause, *, grant: bool = True, answer: str = "已核实，予以解除"
) -> Any:
    return pauses.decide_appeal(clerk=clerk, pause_id=pause.public_id, grant=grant, answer=answer, now=LATER)


async def test_a_pause_is_appealed_once_by_its_person_with_words(db: Database) -> None:
    _, _, person, pause, _ = await a_pause()
    stranger = await a_person()
    assert await code_of(appealed(stranger, pause)) is ErrorCode.PAUSE_UNKNOWN
    assert await code_of(appealed(person, pause, "  ")) is ErrorCode.BAD_INPUT
    first = await appealed(person, pause)
    assert (first.appealed_at, first.appeal_words, first.decided_at) == (BEGAN, "当天在医院", None)
    assert await appealed(person, pause) == first, "the same words are the same appeal"
    assert await code_of(appealed(person, pause, "再说一遍")) is ErrorCode.PAUSE_STATE
    (mine,) = await pauses.my_pauses(member_id=person.member_id)
    assert mine == first
    assert mine.missed == ["羽毛球1号场 11月21日 08:00–09:00"]
    assert await pauses.my_pauses(member_id=stranger.member_id) == []


async def test_granted_it_frees_at_once_is_told_and_leaves_a_trail(db: Database) -> None:
    hall, _, person, pause, _ = await a_pause()
    manager = await a_manager(hall)
    assert await code_of(decides(manager, pause)) is ErrorCode.PAUSE_STATE, "nobody has appealed"
    await appealed(person, pause)
    assert [each.public_id for each in await pauses.appeals(clerk=manager, venue_id=hall.venue.public_id)] == [
        pause.public_id
    ]
    freed = await decides(manager, pause)
    assert (freed.freed_at, freed.is_granted, freed.answer) == (LATER, True, "已核实，予以解除")
    assert freed.is_over(LATER)
    stored = await BookingPause.get()
    assert (stored.decided_by_id, stored.decided_at, stored.ends_at) == (manager.staff_id, LATER, pause.ends_at)
    assert (await free_order(person, hall.badminton, at(8, days=2), now=LATER)).status == "PAID"
    assert await decides(manager, pause) == freed, "the second time changes nothing"
    assert await Message.filter(template="PAUSE_FREED").count() == 1
    assert await code_of(decides(manager, pause, grant=False)) is ErrorCode.PAUSE_STATE
    assert await pauses.appeals(clerk=manager, venue_id=None) == []
    assert (await Attendance.get(state="NO_SHOW")).pause_id == pause.id, "what led to it leads to no other"


async def test_refused_it_goes_on_and_says_why(db: Database) -> None:
    hall, _, person, pause, _ = await a_pause()
    await appealed(person, pause)
    office = await a_clerk(roles=(Role.REGULATOR,), region_key="510107")
    assert [each.public_id for each in await pauses.appeals(clerk=office, venue_id=None)] == [pause.public_id]
    standing = await decides(office, pause, grant=False, answer="监控显示闸机正常")
    assert (standing.freed_at, standing.is_granted) == (None, False)
    with pytest.raises(DomainError, match="预订已暂停"):
        await free_order(person, hall.badminton, at(8, days=2), now=LATER)
    (told,) = await Message.filter(template="PAUSE_STANDS")
    assert told.values["answer"] == "监控显示闸机正常"


async def test_nobody_decides_elsewhere_at_a_desk_or_in_their_own_matter(db: Database) -> None:
    hall, clerk, person, pause, order = await a_pause()
    await appealed(person, pause)
    other_hall, _ = await a_strict_hall()
    assert await code_of(decides(clerk, pause)) is ErrorCode.PAUSE_UNKNOWN, "a desk has no such power"
    assert await code_of(decides(await a_manager(other_hall), pause)) is ErrorCode.PAUSE_UNKNOWN
    booked_it, turned_away = await a_manager(hall), await a_manager(hall, username="turned-away")
    await Order.filter(id=order.id).update(placed_by_staff_id=booked_it.staff_id)
    assert await code_of(decides(booked_it, pause)) is ErrorCode.NOT_ALLOWED
    assert await pauses.appeals(clerk=booked_it, venue_id=None) == []
    assert len(await pauses.appeals(clerk=turned_away, venue_id=None)) == 1
    assert (await BookingPause.get()).decided_at is None


async def test_who_turned_them_away_at_the_door_does_not_decide(db: Database) -> None:
    hall, _ = await a_strict_hall(no_shows=1)
    manager = await a_manager(hall)
    person = await a_person()
    order = await free_order(person, hall.badminton, at(8))
    early = at(7)
    assert (await desk_scans(manager, hall.venue, await code_for(order, early), early)).outcome == "TOO_EARLY"
    await decide(order, BEGAN)
    pause = await BookingPause.get()
    await appealed(person, pause)
    assert await code_of(decides(manager, pause)) is ErrorCode.NOT_ALLOWED


async def test_a_pause_that_is_over_needs_no_appeal(db: Database) -> None:
    _, _, person, pause, _ = await a_pause()
    late = pauses.appeal(member_id=person.member_id, pause_id=pause.public_id, words="迟了", now=pause.ends_at)
    assert await code_of(late) is ErrorCode.PAUSE_STATE
