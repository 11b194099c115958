"""At the very second: whoever comes in, is checked in, cancels or is released; two workers; two friends of one person.
Only PostgreSQL can show it."""

import asyncio
from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import Any

import pytest

from models import database
from models.admissions.operations import pass_door
from models.admissions.rules import Verdict
from models.admissions.tables import Admission
from models.attendance.checking_in import check_in_at_desk
from models.attendance.rules import Fate
from models.attendance.tables import Attendance, BookingPause, LineCompanion
from models.booking.tables import HeldCell
from models.checkout import no_shows
from models.checkout.no_shows import decide_due
from models.errors import DomainError
from models.families.tables import Companionship
from models.members.standing import lock_living
from models.messages.tables import Message
from models.orders.tables import Order, OrderLine
from models.real_names import binding
from models.real_names.binding import holder_of
from models.real_names.rules import Assurance
from tests.databases import Database
from tests.factories.accounts import ID_KEYS
from tests.factories.attendance import (
    a_rule,
    a_strict_hall,
    befriend,
    code_for,
    free_order,
    the_desk_works,
)
from tests.factories.booking import Person, a_hall, a_person, an_order, at, wanted
from tests.factories.families import Somebody, somebody
from tests.factories.names import a_person as a_named
from tests.factories.people import CODE_KEYS
from tests.factories.places import a_court

pytestmark = pytest.mark.postgres

LATE = at(8, 15)


async def at_once(*acts: Awaitable[Any]) -> list[Any]:
    results = await asyncio.gather(*acts, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, DomainError):
            raise result
    return list(results)


@database.operation
async def enters(code: str, venue_id: int, now: datetime) -> Verdict:
    """By a door that nothing else keeps waiting."""
    return await pass_door(
        code=code,
        venue_id=venue_id,
        direction="ENTRY",
        door="东门",
        at_gate=False,
        id_checked=False,
        keys=CODE_KEYS,
        now=now,
    )


async def test_who_comes_in_at_the_very_second_has_entered_or_is_released_and_never_both(db: Database) -> None:
    hall, clerk = await a_strict_hall()
    courts = [await a_court(hall.venue, name=f"{number}号场") for number in range(24)]
    await the_desk_works(clerk, hall.venue, at(8))
    orders = [await free_order(await a_person(), court, at(8)) for court in courts]
    acts: list[Awaitable[Any]] = []
    for number, order in enumerate(orders):
        row = await Attendance.get(order_line__order_id=order.id)
        line: dict[str, Any] = {"order_no": order.order_no, "line_no": 1}
        comes = (
            check_in_at_desk(clerk=clerk, now=LATE - timedelta(seconds=1), **line)
            if number % 3 == 0
            else enters(await code_for(order, LATE), hall.venue.id, LATE)
        )
        acts += [comes, no_shows.decide(row.id, now=LATE), no_shows.decide(row.id, now=LATE)]
    await at_once(*acts)
    for order in orders:
        row = await Attendance.get(order_line__order_id=order.id)
        admission = await Admission.get(order_id=order.id)
        holds = await HeldCell.filter(order_line__order_id=order.id).count()
        told = await Message.filter(member_id=order.member_id, template="NO_SHOW").count()
        came_in = admission.first_entered_at is not None
        if row.state == "NO_SHOW":
            assert (came_in, holds, told, admission.revoked_for) == (False, 0, 1, "NO_SHOW")
        else:
            assert (row.state == "CAME" or came_in, holds, told, admission.revoked_at) == (True, 2, 0, None)
    assert await decide_due(channels={}, now=LATE) == 0
    assert {row.state for row in await Attendance.all()} <= {"NO_SHOW", "CAME"}


async def test_many_workers_count_each_no_show_once_and_each_pause_has_its_own(db: Database) -> None:
    hall, clerk = await a_strict_hall(no_shows=2)
    courts = [await a_court(hall.venue, name=f"{number}号场") for number in range(8)]
    person = await a_person()
    for court in courts:
        await free_order(person, court, at(8))
    await the_desk_works(clerk, hall.venue, at(8))
    ids = [row.id for row in await Attendance.all()]
    found = await at_once(*(no_shows.decide(each, now=LATE) for each in ids for _ in range(2)))
    assert sum(each.fate is Fate.RELEASE for each in found) == 8
    assert await Attendance.filter(state="NO_SHOW").count() == 8
    assert [each.no_shows for each in await BookingPause.all()] == [2, 2, 2, 2]
    assert await Attendance.filter(pause_id=None).count() == 0
    assert await Message.filter(template="NO_SHOW").count() == 8
    assert await Message.filter(template="BOOKING_PAUSED").count() == 4


async def test_two_friends_who_name_one_person_at_once_do_not_pass_that_persons_week(db: Database) -> None:
    hall = await a_hall(free_mornings=True)
    await a_rule(hall.venue, courts_a_person_a_week=9, courts_a_person_a_day=2)
    named = await somebody(a_named("陈静", "19850412"))
    friends = [await somebody() for _ in range(6)]
    for friend in friends:
        await befriend(friend, named)
    ties = {each.one_id + each.other_id - named.id: each.public_id for each in await Companionship.all()}
    courts = [hall.badminton, hall.badminton_2, hall.left, hall.right, hall.badminton, hall.badminton_2]

    def order(friend: Somebody, court: Any, hour: int) -> Awaitable[Order]:
        line = wanted(court, at(hour), people=2, companions=[ties[friend.id]])
        return an_order(Person(friend.id, ""), line)

    hours = [8, 8, 8, 8, 9, 9]
    results = await at_once(*(order(*each) for each in zip(friends, courts, hours, strict=True)))
    refusals = [each for each in results if isinstance(each, DomainError)]
    assert {each.code.value for each in refusals} <= {"TOO_MANY_COURTS", "BUSY"}
    lines = await LineCompanion.filter(member_id=named.id)
    assert len(lines) == 6 - len(refusals)
    courts_held = {(await OrderLine.get(id=each.order_line_id)).court_id for each in lines}
    assert 1 <= len(courts_held) <= 2


async def test_a_person_who_changes_accounts_while_booking_does_not_pass_their_week(db: Database) -> None:
    hall = await a_hall(free_mornings=True)
    await a_rule(hall.venue, courts_a_person_a_week=1, courts_a_person_a_day=1)
    person = a_named("陈静", "19850412")
    old, new = await somebody(person), await somebody()

    async def move() -> None:
        @database.operation
        async def unbind() -> None:
            await lock_living(old.id)
            await binding.unbind(member_id=old.id, keys=ID_KEYS, now=at(10, days=0))

        await unbind()
        hashes = list(ID_KEYS.lookup.hashes(person.number).values())
        await binding.bind(
            await holder_of(hashes),
            member_id=new.id,
            person=person,
            level=Assurance.AGREED,
            keys=ID_KEYS,
            now=at(10, days=0),
        )
        await an_order(Person(new.id, ""), wanted(hall.badminton_2, at(8)))

    await at_once(an_order(Person(old.id, ""), wanted(hall.badminton, at(8))), move())
    placed = await Order.all().count()
    of_the_person = await Order.exclude(person_id=None).count()
    assert of_the_person <= 1, "as a person they have one court a week, whichever account they had"
    assert placed >= 1
