"""Many people at once want the last places of a session. Only PostgreSQL can show it."""

import asyncio
import secrets
from datetime import timedelta

import pytest

from models.booking.session_making import make_sessions
from models.booking.session_operations import count_inside
from models.booking.session_queries import sessions
from models.booking.tables import HeldPlace, Session, SessionPlan
from models.checkout.cancelling import cancel_order
from models.checkout.ending import end_overdue_holds
from models.checkout.placing import PlacedBy, place_order
from models.checkout.wanted import LineWanted
from models.orders.tables import Order, OrderLine
from models.staff.rules import StaffSignedIn
from models.venues.tables import Venue
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.accounts import ID_KEYS
from tests.factories.booking import Person, a_hall, a_person, an_order
from tests.factories.people import a_clerk
from tests.factories.places import a_venue
from tests.factories.sessions import a_plan, a_session, places
from tests.models.checkout.test_placing_races import outcomes_of

pytestmark = pytest.mark.postgres

CLOSED = {"SESSION_FULL", "BUSY"}


async def assert_books_agree(session: Session) -> int:
    """`taken` is what the live lines hold, and within the capacity."""
    row = await Session.get(id=session.id)
    held = await HeldPlace.filter(session_id=session.id)
    live = await OrderLine.filter(session_id=session.id, cancelled_at=None).exclude(order__status="CLOSED")
    assert sorted((each.order_line_id, each.places) for each in held) == sorted(
        (line.id, line.people) for line in live
    )
    assert 0 <= row.taken == sum(each.places for each in held) <= row.capacity
    return row.taken


async def test_sixty_four_at_once_for_the_last_place_give_one_holder(db: Database) -> None:
    session = await a_session(await a_venue(), capacity=1)
    people = [await a_person() for _ in range(64)]
    outcomes = await outcomes_of(*(an_order(person, places(session)) for person in people))
    assert outcomes.count("placed") == 1
    assert set(outcomes) <= {"placed", *CLOSED}
    assert await assert_books_agree(session) == 1
    assert await Order.all().count() == await OrderLine.all().count() == 1


async def test_a_group_of_three_for_two_places_gets_none_and_leaves_them_to_others(db: Database) -> None:
    session = await a_session(await a_venue(), capacity=2)
    groups, couple = [await a_person() for _ in range(20)], await a_person()
    outcomes = await outcomes_of(
        *(an_order(person, places(session, 3)) for person in groups), an_order(couple, places(session, 2))
    )
    assert outcomes == [*["SESSION_FULL"] * 20, "placed"]
    assert await assert_books_agree(session) == 2


async def test_groups_over_two_sessions_get_both_or_neither_and_never_deadlock(db: Database) -> None:
    venue = await a_venue()
    morning = await a_session(venue, capacity=7)
    evening = await a_session(venue, capacity=5, from_minute=19 * 60, to_minute=21 * 60)
    wishes = [[places(morning, 1 + n % 2), places(evening, 1)][:: 1 if n % 3 else -1] for n in range(40)]
    outcomes = await outcomes_of(*[an_order(await a_person(), *wish) for wish in wishes])
    assert set(outcomes) <= {"placed", *CLOSED}
    assert await assert_books_agree(morning) + await assert_books_agree(evening) > 0
    lines = await OrderLine.all()
    assert len(lines) == 2 * outcomes.count("placed")


async def test_the_app_and_the_desk_share_the_last_places(db: Database) -> None:
    """What a clerk sells to whoever walks in is the same row's to give."""
    session = await a_session((await a_hall()).venue, capacity=3)
    clerk = await a_clerk((await Venue.get(id=session.venue_id)).public_id)
    walk_ins, app = [await a_person() for _ in range(8)], [await a_person() for _ in range(8)]
    outcomes = await outcomes_of(
        *(at_the_desk(person, clerk, places(session)) for person in walk_ins),
        *(an_order(person, places(session)) for person in app),
    )
    assert outcomes.count("placed") == 3
    assert set(outcomes) <= {"placed", *CLOSED}
    assert await assert_books_agree(session) == 3


async def test_cancelling_ending_and_taking_at_once_give_each_place_back_once(db: Database) -> None:
    session = await a_session(await a_venue(), capacity=8)
    people = [await a_person() for _ in range(8)]
    orders = [await an_order(person, places(session)) for person in people]
    later = NOW + timedelta(minutes=16)
    takers = [await a_person() for _ in range(12)]
    await asyncio.gather(
        *(
            cancel_order(member_id=person.member_id, order_no=order.order_no, channels={}, now=later)
            for person, order in zip(people, orders, strict=True)
            for _ in range(2)
        ),
        end_overdue_holds(channels={}, now=later),
        end_overdue_holds(channels={}, now=later),
        *(an_order(person, places(session), now=later) for person in takers),
        return_exceptions=True,
    )
    await assert_books_agree(session)
    assert await Order.filter(status="CLOSED").count() == 8


async def test_gates_and_takers_at_once_never_sell_a_place_that_somebody_stands_on(db: Database) -> None:
    session = await a_session(venue := await a_venue(), capacity=10)
    during = session.starts_at
    await asyncio.gather(
        *(count_inside(venue_id=venue.id, sport_code="SWIMMING", people=1, at=during) for _ in range(6))
    )
    outcomes = await outcomes_of(*[an_order(await a_person(), places(session), now=during) for _ in range(12)])
    assert outcomes.count("placed") == 4
    (shown,) = await sessions(venue_id=venue.public_id, sport=None, day=session.business_day, now=during)
    assert (shown.facts.counted, shown.facts.taken, shown.facts.free) == (6, 4, 0)


async def test_workers_that_make_sessions_at_once_make_each_once(db: Database) -> None:
    venue = await a_venue()
    await a_plan(venue)
    made = await asyncio.gather(*(make_sessions(now=NOW) for _ in range(6)))
    assert sum(made) == await Session.filter(venue_id=venue.id).count() == max(made)


async def test_a_plan_that_shrinks_while_people_book_never_undercuts_what_was_sold(db: Database) -> None:
    session = await a_session(await a_venue(), capacity=20)
    await SessionPlan.all().update(capacity=5)
    people = [await a_person() for _ in range(20)]
    await asyncio.gather(
        *(an_order(person, places(session)) for person in people), make_sessions(now=NOW), return_exceptions=True
    )
    await assert_books_agree(session)
    assert (await Session.get(id=session.id)).capacity >= 5


async def at_the_desk(person: Person, clerk: StaffSignedIn, line: LineWanted) -> str:
    return await place_order(
        member_id=person.member_id,
        lines=[line],
        idempotency_key=secrets.token_hex(8),
        placed_by=PlacedBy(staff_id=clerk.staff_id),
        keys=ID_KEYS,
        channels={},
        now=NOW,
    )
