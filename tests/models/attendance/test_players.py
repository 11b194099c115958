"""Who plays: limits and pauses are a person's, on whichever account, and those of whoever is named count as well."""

from datetime import timedelta
from typing import Any

import pytest

from models.attendance.tables import BookingPause, LineCompanion
from models.errors import DomainError, ErrorCode
from models.families.companions import end_companionship
from models.families.tables import Companionship
from models.orders.tables import Order
from models.real_names import binding
from models.real_names.queries import person_key
from models.real_names.rules import Assurance
from tests.databases import Database
from tests.factories.accounts import ID_KEYS
from tests.factories.attendance import a_rule, befriend
from tests.factories.booking import TOMORROW, Hall, Person, a_hall, an_order, at, census, wanted
from tests.factories.families import Somebody, somebody
from tests.factories.names import a_person as a_named
from tests.house import SENTENCE

CHEN, LI = a_named("陈静", "19850412"), a_named("李国强", "19790803")


async def a_town(**rule: Any) -> tuple[Hall, Somebody, Somebody, str]:
    """Free mornings, two friends with real names, and what ties them."""
    hall = await a_hall(free_mornings=True)
    await a_rule(hall.venue, **rule)
    one, other = await somebody(CHEN), await somebody(LI)
    await befriend(one, other)
    return hall, one, other, (await Companionship.get()).public_id


async def places(who: Somebody, court: Any, hour: int = 8, *, now: Any = None, **line: Any) -> Order:
    more = {"now": now} if now else {}
    return await an_order(Person(who.id, ""), wanted(court, at(hour), **line), **more)


async def refused(who: Somebody, court: Any, hour: int = 8, **line: Any) -> DomainError:
    before = await census()
    with pytest.raises(DomainError) as refusal:
        await places(who, court, hour, **line)
    assert await census() == before
    assert await LineCompanion.filter(order_line__order__member_id=who.id).count() == 0
    assert SENTENCE.fullmatch(refusal.value.sentence())
    return refusal.value


async def test_every_player_is_named_where_the_venue_wants_it_and_never_more(db: Database) -> None:
    hall, one, other, tie = await a_town(companions_named=True)
    assert (await refused(one, hall.badminton, people=2)).code is ErrorCode.COMPANIONS_NEEDED
    assert (await refused(one, hall.badminton, people=3, companions=[tie])).message.endswith("还差1位。")
    assert (await refused(one, hall.badminton, people=1, companions=[tie])).code is ErrorCode.BAD_INPUT
    assert (await refused(one, hall.badminton, people=3, companions=[tie, tie])).code is ErrorCode.BAD_INPUT
    assert (await refused(one, hall.badminton, people=2, companions=["cmp_X"])).code is ErrorCode.RELATION_UNKNOWN
    await places(one, hall.badminton, people=2, companions=[tie])
    (named,) = await LineCompanion.all()
    assert (named.member_id, named.person_id) == (other.id, await person_key(other.id))
    await end_companionship(member_id=other.id, companionship_id=tie, now=at(10, days=0))
    assert (await refused_again(one, hall, tie)).code is ErrorCode.RELATION_UNKNOWN


async def refused_again(who: Somebody, hall: Hall, tie: str) -> DomainError:
    with pytest.raises(DomainError) as refusal:
        await places(who, hall.badminton_2, people=2, companions=[tie])
    return refusal.value


async def test_what_a_companion_was_named_on_counts_for_their_own_limits_and_others_limits_for_them(
    db: Database,
) -> None:
    hall, one, other, tie = await a_town(courts_a_person_a_day=1)
    await places(one, hall.badminton, people=2, companions=[tie])
    own = await refused(other, hall.badminton_2)
    assert own.code is ErrorCode.TOO_MANY_COURTS
    assert "最多订1片场地" in own.message
    third = await somebody()
    await befriend(third, other)
    (new_tie,) = [each.public_id for each in await Companionship.all() if third.id in (each.one_id, each.other_id)]
    theirs = await refused(third, hall.badminton_2, people=2, companions=[new_tie])
    assert theirs.message.startswith("球友李**已到上限：每人每天在本馆最多订1片场地")
    await places(third, hall.badminton_2, people=2)


async def test_what_is_wanted_together_counts_together_though_a_newer_version_of_the_rules_begins_in_between(
    db: Database,
) -> None:
    hall, one = await a_hall(free_mornings=True), await somebody(CHEN)
    monday = TOMORROW + timedelta(days=2)
    week = {"courts_a_person_a_week": 1, "days_ahead": 30}
    await a_rule(hall.venue, **week)
    await a_rule(hall.venue, from_day=monday + timedelta(days=1), hold_minutes=20, **week)
    both = [wanted(hall.badminton, at(9, days=days)) for days in (3, 4)]
    with pytest.raises(DomainError) as refusal:
        await an_order(Person(one.id, ""), *both)
    assert refusal.value.code is ErrorCode.TOO_MANY_COURTS
    assert "每人每周在本馆最多订1片场地" in refusal.value.message
    assert not await Order.all().exists()


async def test_a_paused_companion_is_refused_by_a_masked_name_without_why(db: Database) -> None:
    hall, one, other, tie = await a_town()
    pause = await BookingPause.create(
        public_id="pau_1", member_id=other.id, venue_id=hall.venue.id, no_shows=3,
        starts_at=at(8, days=-1), ends_at=at(8, days=20),
    )  # fmt: skip
    refusal = await refused(one, hall.badminton, people=2, companions=[tie])
    assert refusal.code is ErrorCode.BOOKING_PAUSED
    assert refusal.message == "球友李**目前不能列入本馆的预订，到12月10日 08:00恢复。"
    assert (await refused(other, hall.badminton)).code is ErrorCode.BOOKING_PAUSED
    await BookingPause.filter(id=pause.id).update(freed_at=at(9, days=0))
    await places(one, hall.badminton, people=2, companions=[tie])


async def test_a_person_is_the_same_on_another_account(db: Database) -> None:
    hall, one, _, _ = await a_town(courts_a_person_a_week=1, courts_a_person_a_day=1)
    await places(one, hall.badminton)
    await BookingPause.create(
        public_id="pau_1", member_id=one.id, person_id=await person_key(one.id), venue_id=(await a_hall()).venue.id,
        no_shows=3, starts_at=at(8, days=-1), ends_at=at(8, days=20),
    )  # fmt: skip
    new = await somebody()
    await places(new, hall.badminton_2)
    await Order.filter(member_id=new.id).update(status="CLOSED")
    await binding.unbind(member_id=one.id, keys=ID_KEYS, now=at(10, days=0))
    await binding.bind(
        await binding.holder_of(list(ID_KEYS.lookup.hashes(CHEN.number).values())),
        member_id=new.id, person=CHEN, level=Assurance.AGREED, keys=ID_KEYS, now=at(10, days=0),
    )  # fmt: skip
    assert (await refused(new, hall.left)).code is ErrorCode.TOO_MANY_COURTS
    elsewhere = await BookingPause.get()
    assert (await person_key(new.id)) == elsewhere.person_id


async def test_real_name_courts_ask_for_the_name_of_who_books_and_of_who_is_named(db: Database) -> None:
    hall, one, _, tie = await a_town(real_name_needed=True)
    nameless = await somebody()
    assert (await refused(nameless, hall.badminton)).code is ErrorCode.REAL_NAME_NEEDED
    await befriend(one, nameless)
    (other_tie,) = [each.public_id for each in await Companionship.all() if each.public_id != tie]
    assert "球友" in (await refused(one, hall.badminton, people=2, companions=[other_tie])).message
    assert (await places(one, hall.badminton, people=2, companions=[tie])).status == "PAID"


async def test_an_overdue_hold_of_a_companion_is_ended_instead_of_counting(db: Database) -> None:
    hall, one, other, tie = await a_town(courts_a_person_a_day=1)
    await places(other, hall.badminton, 10)  # unpaid, held for a quarter of an hour
    assert (await refused_later(one, hall, tie, minutes=14)).code is ErrorCode.TOO_MANY_COURTS
    await places(one, hall.badminton_2, 10, people=2, companions=[tie], now=at(10, 16, days=0))


async def refused_later(who: Somebody, hall: Hall, tie: str, *, minutes: int) -> DomainError:
    with pytest.raises(DomainError) as refusal:
        await places(
            who, hall.badminton_2, 10, people=2, companions=[tie], now=at(10, days=0) + timedelta(minutes=minutes)
        )
    return refusal.value


async def test_the_same_key_with_other_companions_is_another_request(db: Database) -> None:
    hall, one, _, tie = await a_town()
    line = wanted(hall.badminton, at(8), people=2, companions=[tie])
    first = await an_order(Person(one.id, ""), line, key="k")
    assert (await an_order(Person(one.id, ""), line, key="k")).id == first.id
    with pytest.raises(DomainError) as refusal:
        await an_order(Person(one.id, ""), wanted(hall.badminton, at(8), people=2), key="k")
    assert refusal.value.code is ErrorCode.IDEMPOTENCY_KEY_REUSED
