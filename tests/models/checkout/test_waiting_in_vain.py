"""Who waits for a court that is retired, or for a time that is open no more, is told once and leaves the line."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from models.booking.tables import WaitingEntry
from models.checkout import waiting
from models.checkout.waiting_in_vain import leave_in_vain
from models.messages.tables import Message
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.accounts import ID_KEYS
from tests.factories.booking import TOMORROW, Hall, Person, a_hall, a_person
from tests.models.checkout.test_courts import a_manager, of
from tests.models.checkout.test_courts import written as court_written
from tests.models.checkout.test_hours import a_week, from_then
from tests.models.checkout.test_hours import written as hours_written
from tests.models.checkout.test_waiting import LATER, give_up, stand, state, taken


async def told(person: Person) -> list[tuple[str, str]]:
    found = await Message.filter(member_id=person.member_id, template="WAITING_IN_VAIN").order_by("id")
    return [(message.about_no, message.values["what"]) for message in found]


async def people_in_line(hall: Hall) -> dict[str, tuple[Person, str]]:
    """For tomorrow from nine to eleven, or an hour of it."""
    wishes: dict[str, dict[str, Any]] = {
        "that court": {"court_id": hall.badminton.public_id},
        "whichever": {},
        "early": {"until_minute": 600},
        "late": {"from_minute": 600},
    }
    standing = {}
    for name, wish in wishes.items():
        person = await a_person()
        standing[name] = (person, await stand(person, hall, **wish))
    return standing


async def test_who_waits_for_a_court_that_is_retired_is_told_once_and_whoever_takes_any_stays(
    db: Database,
) -> None:
    hall = await a_hall()
    await taken(hall, 9, 10)
    line = await people_in_line(hall)
    assert await leave_in_vain(now=NOW) == 0, "staff wrote nothing"
    manager = await a_manager(hall)
    await court_written(manager, hall, of(hall.badminton, retired=True, from_day=TOMORROW + timedelta(days=1)))
    assert await leave_in_vain(now=NOW) == 0, "tomorrow it still stands"
    await court_written(manager, hall, of(hall.badminton_2, retired=True, from_day=TOMORROW))
    assert await leave_in_vain(now=NOW) == 0, "the other court of theirs stands"
    assert [await state(entry) for _, entry in line.values()] == ["WAITING"] * 4
    other = await a_hall(ref="SC007")
    await taken(other, 9, 10)
    gone = await people_in_line(other)
    await court_written(await a_manager(other), other, of(other.badminton, retired=True, from_day=TOMORROW))
    assert await leave_in_vain(now=NOW) == 1
    assert [await state(entry) for _, entry in gone.values()] == ["LEFT", "WAITING", "WAITING", "WAITING"]
    person, entry = gone["that court"]
    assert await told(person) == [(entry, "羽毛球11月21日 09:00–11:00")]
    assert (await WaitingEntry.get(public_id=entry)).ended_at == NOW
    assert await leave_in_vain(now=LATER) == 0
    assert await Message.filter(template="WAITING_IN_VAIN").count() == 1
    assert [await state(entry) for _, entry in line.values()] == ["WAITING"] * 4, "nobody of another venue"


async def test_who_waits_for_a_time_outside_new_hours_leaves_and_whoever_was_offered_a_slot_keeps_it(
    db: Database,
) -> None:
    hall = await a_hall()
    ((owner, order), *_) = await taken(hall, 9, 10)
    first = await a_person()
    offered = await stand(first, hall, until_minute=600)
    line = await people_in_line(hall)
    await give_up(owner, order)
    assert await waiting.offer_freed(keys=ID_KEYS, channels={}, now=LATER) == 1
    manager = await a_manager(hall)
    await hours_written(
        manager, hall, from_then([*a_week(10, 20)], from_day=TOMORROW, to_day=TOMORROW + timedelta(days=1))
    )
    assert await leave_in_vain(now=LATER) == 1
    assert {name: await state(entry) for name, (_, entry) in line.items()} == {
        "that court": "WAITING", "whichever": "WAITING", "early": "LEFT", "late": "WAITING"
    }  # fmt: skip
    assert await state(offered) == "OFFERED"
    assert await told(first) == []
    assert await told(line["early"][0]) == [(line["early"][1], "羽毛球11月21日 09:00–10:00")]
    await hours_written(manager, hall, from_then([*a_week(12, 20)], from_day=TOMORROW))
    assert await leave_in_vain(now=LATER) == 3
    assert await state(offered) == "OFFERED"
    assert [len(await told(person)) for person, _ in line.values()] == [1] * 4


@pytest.mark.postgres
async def test_two_workers_tell_each_of_them_once(db: Database) -> None:
    hall = await a_hall()
    await taken(hall, 9, 10)
    people = [await a_person() for _ in range(6)]
    for person in people:
        await stand(person, hall)
    await hours_written(await a_manager(hall), hall, from_then(a_week(12, 20), from_day=TOMORROW))
    by_themselves = await WaitingEntry.get(member_id=people[0].member_id)
    *left, _ = await asyncio.gather(
        *(leave_in_vain(now=NOW) for _ in range(3)),
        waiting.leave(member_id=people[0].member_id, entry_id=by_themselves.public_id, now=NOW),
    )
    assert not await WaitingEntry.exclude(state="LEFT").exists()
    assert [len(await told(person)) for person in people[1:]] == [1] * 5
    assert sum(left) == await Message.filter(template="WAITING_IN_VAIN").count(), (
        "who left by themselves is told nothing"
    )
