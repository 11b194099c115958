"""Whatever happens to a session in whatever order, nobody is sold a place that is not there, and none is lost.

A machine books on the phone and at the desk, pays in cash and by a channel that tells late, cancels whole orders and
lines for the member and for the venue, lets people in by gates, changes the plan in mid-course, and jumps in time.
After each step: `0 ≤ taken ≤ capacity`, and what is taken is the people of the lines that live; of a paid order, each
of them has an admission.
"""

import asyncio
import os
import secrets
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from models import database
from models.admissions.tables import Admission
from models.booking.session_making import make_sessions
from models.booking.session_operations import count_inside
from models.booking.session_queries import sessions
from models.booking.tables import HeldPlace, Session, SessionPlan
from models.checkout.cancelling import cancel_order
from models.checkout.ending import end_overdue_holds
from models.checkout.placing import PlacedBy, place_order
from models.checkout.staff_refunding import cancel_for_venue
from models.orders.rules import OrderStatus
from models.orders.tables import Order, OrderLine
from models.shifts.operations import open_shift
from models.staff.rules import Role, StaffSignedIn
from models.venues.tables import Venue
from tests.conftest import NOW
from tests.databases import KIND, Database
from tests.factories.accounts import ID_KEYS
from tests.factories.booking import Person, a_person
from tests.factories.people import a_clerk
from tests.factories.places import a_venue
from tests.factories.sessions import a_session, places
from tests.properties.paying import CHANNELS, Paying, recent

STEPS = 16
STEPS_AT_LEAST = 80
CAPACITY = 5
JUMPS = (60, 10 * 60, 16 * 60, 16 * 60, 3600, 24 * 3600)


@dataclass(frozen=True)
class World:
    """What all runs share: a loop, a pool and its staff."""

    loop: asyncio.AbstractEventLoop
    venue: Venue
    clerk: StaffSignedIn
    steps: list[str] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)


@pytest.fixture
async def world(db: Database) -> World:
    venue = await a_venue()
    clerk = await a_clerk(venue.public_id, roles=[Role.REDEEMER, Role.FINANCE, Role.VENUE_MANAGER])
    await open_shift(clerk=clerk, venue_id=venue.public_id, float_fen=10_000, now=NOW)
    return World(asyncio.get_running_loop(), venue, clerk)


class Sessions(Paying):
    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.people: tuple[Person, ...]
        self.pool: tuple[Session, ...]

    @initialize(price=st.sampled_from([0, 3000, 3000]))
    def begin(self, price: int) -> None:
        """Two sessions of a pool of this run's own, the first of which begins in four hours."""

        async def act() -> None:
            self.people = tuple([await a_person() for _ in range(3)])
            name = f"泳池{secrets.token_hex(3)}"
            prices = {"ADULT": ("MARKET" if price else "FREE", price), "CHILD": ("MARKET", 1500)}
            made = [
                await a_session(
                    self.world.venue,
                    days=0,
                    from_minute=hour * 60,
                    to_minute=(hour + 2) * 60,
                    name=name,
                    capacity=CAPACITY,
                    places_a_person_a_day=8,
                    prices=prices,
                )
                for hour in (14, 17)
            ]
            self.pool = tuple(made)

        self.world.loop.run_until_complete(act())

    # what citizens and clerks do

    @rule(
        who=st.integers(0, 2),
        lines=st.lists(
            st.tuples(st.integers(0, 1), st.integers(1, 3), st.sampled_from(["ADULT", "CHILD"])),
            min_size=1,
            max_size=3,
            unique_by=lambda line: (line[0], line[2]),
        ),
        at_desk=st.booleans(),
        until=st.sampled_from(["placed", "pressed", "cash", "cash"]),
    )
    def buy(self, who: int, lines: list[tuple[int, int, str]], at_desk: bool, until: str) -> None:
        person = self.people[who]

        async def act() -> None:
            order_no = await place_order(
                member_id=person.member_id,
                lines=[places(self.pool[which], people, ticket) for which, people, ticket in lines],
                idempotency_key=secrets.token_hex(8),
                placed_by=PlacedBy(staff_id=self.world.clerk.staff_id) if at_desk else None,
                keys=ID_KEYS,
                channels=CHANNELS,
                now=self.now,
            )
            self.orders.append((await Order.get(order_no=order_no), person))
            self.saw("bought")

        before = len(self.orders)
        self.run(act())
        if len(self.orders) > before:
            self.pay_as(until)

    @rule(which=st.integers(0, 1), until=st.sampled_from(["placed", "cash"]))
    def come_in_a_crowd(self, which: int, until: str) -> None:
        for who in range(3):
            self.buy(who, [(which, 3, "CHILD")], bool(who), until)

    @rule(who=st.integers(0, 2), which=st.integers(0, 1), people=st.integers(1, 4))
    def come_late_with_money(self, who: int, which: int, people: int) -> None:
        """Paid a minute after the hold ended, when others may have the places."""
        before = len(self.orders)
        self.buy(who, [(which, people, "CHILD")], False, "pressed")
        if len(self.orders) > before:
            self.wait(16 * 60, True)
            self.buy((who + 1) % 3, [(which, 3, "CHILD")], False, "placed")
            self.money_comes(-1)

    @precondition(lambda self: self.orders)
    @rule(which=recent, lines=st.sampled_from([None, None, (1,), (2,), (1, 2)]), by_venue=st.booleans())
    def cancel(self, which: int, lines: tuple[int, ...] | None, by_venue: bool) -> None:
        order, person = self.orders[which % len(self.orders)]
        act: Coroutine[Any, Any, object]
        if by_venue:
            act = cancel_for_venue(
                clerk=self.world.clerk,
                order_no=order.order_no,
                line_nos=lines,
                reason="停电",
                key=secrets.token_hex(8),
                channels=CHANNELS,
                now=self.now,
            )
        else:
            act = cancel_order(
                member_id=person.member_id,
                order_no=order.order_no,
                line_nos=lines,
                channels=CHANNELS,
                now=self.now,
            )
        self.run(act)

    # what gates, planners and time do

    @rule(people=st.sampled_from([1, 2, -1, -3]))
    def pass_the_gate(self, people: int) -> None:
        self.run(count_inside(venue_id=self.world.venue.id, sport_code="SWIMMING", people=people, at=self.now))

    @rule(which=st.integers(0, 1), capacity=st.integers(1, 8))
    def change_the_plan(self, which: int, capacity: int) -> None:
        async def act() -> None:
            await SessionPlan.filter(id=self.pool[which].plan_id).update(capacity=capacity)
            await make_sessions(now=self.now)

        self.run(act())

    @rule(seconds=st.sampled_from(JUMPS), swept=st.booleans())
    def wait(self, seconds: int, swept: bool) -> None:
        self.now += timedelta(seconds=seconds)
        if swept:
            self.sweep()

    @rule()
    def sweep(self) -> None:
        self.run(end_overdue_holds(channels=CHANNELS, now=self.now))

    # what must always hold

    @invariant()
    def what_is_taken_is_who_has_a_place(self) -> None:
        if not hasattr(self, "pool"):
            return
        self.world.steps.append("")
        self.world.loop.run_until_complete(self._look())

    async def _look(self) -> None:
        ids = [session.id for session in self.pool]
        lines = await OrderLine.filter(session_id__in=ids, cancelled_at=None).prefetch_related("order")
        live = {line.id: line for line in lines if line.order.status != OrderStatus.CLOSED}
        held = {row.order_line_id: row for row in await HeldPlace.filter(session_id__in=ids)}
        assert {key: row.places for key, row in held.items()} == {key: line.people for key, line in live.items()}
        for row in await Session.filter(id__in=ids):
            taken = sum(line.people for line in live.values() if line.session_id == row.id)
            assert 0 <= row.taken == taken <= row.capacity
            if taken == row.capacity:
                self.saw("full")
        admitted: Counter[int] = Counter()
        for place in await Admission.filter(order_line__session_id__in=ids, revoked_at=None):
            admitted[place.order_line_id] += 1
        paid = {key: line.people for key, line in live.items() if line.order.status == OrderStatus.PAID}
        assert admitted == paid

    def saw(self, what: str) -> None:
        self.world.seen[what] += 1

    def teardown(self) -> None:
        """In the end nobody waits any more, and what is shown as free is what the books leave."""
        if not hasattr(self, "pool"):
            return
        self.now += timedelta(minutes=20)
        self.sweep()
        self.what_is_taken_is_who_has_a_place()

        async def look() -> None:
            shown = await sessions(
                venue_id=self.world.venue.public_id, sport=None, day=self.pool[0].business_day, now=self.now
            )
            for each in shown:
                assert each.facts.free == max(0, each.facts.capacity - each.facts.taken - each.facts.counted)
            unpaid = Order.filter(id__in=[order.id for order, _ in self.orders], status="PENDING_PAYMENT")
            assert not await unpaid.exists()
            await database.rows("DELETE FROM held_place")  # the next run has a pool of its own
            await database.rows("UPDATE session SET taken = 0, counted_inside = 0")
            await SessionPlan.all().update(valid_to=self.pool[0].business_day)
            await Session.all().update(is_open=False)

        self.world.loop.run_until_complete(look())


def test_nobody_is_sold_a_place_that_is_not_there_and_none_is_lost(world: World) -> None:
    run_state_machine_as_test(
        lambda: Sessions(world),  # type: ignore[arg-type] # a maker of machines is as good as their class
        settings=settings(
            max_examples=8 if KIND == "postgres" else 12,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=not os.environ.get("SOAK_SECONDS"),  # what it is to have seen, it sees each time
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
    assert len(world.steps) >= STEPS_AT_LEAST
    assert {"bought", "SESSION_FULL", "full"} <= set(world.seen)
    assert {"SETTLED late", "SURPLUS late"} & set(world.seen)
