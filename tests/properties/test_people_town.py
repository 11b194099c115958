"""However the people of a town sign in, join accounts, part them, guard and leave, alone or two at once: nothing is left
behind, nothing grows, parting brings back exactly what joining moved, no child is alone and everybody is reached.

The machine of test_people.py walks long roads by one person after another; this one knows more doors and relations, lets
two acts happen at the same moment on PostgreSQL, and compares whole pictures around joining and parting. Refusals are
answers, anything else is a bug. What must hold stands in people_town_books.py. `make soak` runs it for longer.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from models.consents.rules import Purpose
from models.errors import DomainError
from models.merging.tables import Merge
from models.staff.rules import StaffSignedIn
from tests.databases import KIND, Database
from tests.factories.booking import Hall, a_hall
from tests.factories.people import a_clerk
from tests.properties import people_town_books as books
from tests.properties.people_town import CHILDREN, GROWN, PHONES, SEATS, Town, forget_everybody

T = TypeVar("T")
SOAK_SECONDS = int(os.environ.get("SOAK_SECONDS", "0"))
RUNS_A_SECOND = 1
RUNS, STEPS_AT_LEAST = (20, 300) if KIND == "postgres" else (8, 120)
DAY = 24 * 60
MINUTES = (5, 30, 3 * 60, DAY, 2 * DAY, 16 * DAY, 35 * DAY, 91 * DAY, 365 * DAY)

seats = st.sampled_from(range(len(SEATS)))
phones = st.sampled_from(range(len(PHONES)))
grown = st.sampled_from(range(len(GROWN)))
children = st.sampled_from(range(len(CHILDREN)))
cards = st.sampled_from(range(len(GROWN) + len(CHILDREN)))
purposes = st.sampled_from((Purpose.NOTICES, Purpose.HELPER, Purpose.REAL_NAME, Purpose.CHILD, Purpose.SERVICE))
mostly = st.sampled_from((True, True, True, False))

Acts = Mapping[str, tuple[st.SearchStrategy[Any], ...]]
"""Methods of the town, and with what each is done."""
DOORS: Acts = {
    "come_in": (seats, st.booleans(), st.booleans()),
    "leave": (seats,),
    "link": (seats, seats),
    "bind": (seats, phones),
    "bind_by_sms": (seats, phones, st.booleans()),
}
NAMES: Acts = {"name": (seats, grown, mostly), "unname": (seats,)}
DESK: Acts = {
    "show_card": (cards, st.integers(1, 2)),
    "free_number": (cards,),
    "find_helper_at_desk": (cards, phones, seats),
}
ACCOUNTS: Acts = {"merge": (seats, seats), "undo": (seats, st.sampled_from((0, 0, 0, 1)))}
FAMILIES: Acts = {
    "add_ward": (seats, children),
    "share_ward": (seats, seats),
    "end_guardianship": (seats,),
    "get_help": (seats, seats),
    "end_help": (seats,),
    "play_with": (seats, seats),
    "play_no_more": (seats,),
}
PRIVACY: Acts = {
    "agree": (seats, purposes),
    "withdraw": (seats, purposes),
    "ask_to_go": (seats, st.booleans()),
    "stay": (seats,),
    "delete": (),
}
COURTS: Acts = {
    "book": (
        seats,
        st.integers(0, 3),
        st.integers(0, 3),
        st.sampled_from((8, 8, 9, 10)),
        st.sampled_from((1, 1, 2)),
    )
}
WORKER: Acts = {"end_holds": (), "grow_up": (), "purge": (), "move_latecomers": ()}


def one_of(*kinds: Acts) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.one_of(*(st.tuples(st.just(act), *given) for kind in kinds for act, given in kind.items()))


@dataclass(frozen=True)
class World:
    """What all runs share: a loop, a hall and its clerk."""

    loop: asyncio.AbstractEventLoop
    hall: Hall
    clerk: StaffSignedIn
    done: Counter[str] = field(default_factory=Counter)
    """By act, how often it was done and how often refused; and how many steps there were."""


@pytest.fixture
async def world(db: Database) -> World:
    hall = await a_hall(free_mornings=True)
    return World(asyncio.get_running_loop(), hall, await a_clerk(hall.venue.public_id))


class PeopleOfATown(RuleBasedStateMachine):
    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.town = Town(world.hall, world.clerk)
        self.owned: dict[str, int] = {}
        self.run(forget_everybody())

    def run(self, act: Coroutine[Any, Any, T]) -> T:
        return self.world.loop.run_until_complete(act)

    @initialize(
        adults=st.lists(st.tuples(seats, grown), min_size=1, max_size=3),
        ward=children,
        numbers=st.lists(st.tuples(seats, phones), max_size=2),
    )
    def a_town_awakes(self, adults: list[tuple[int, int]], ward: int, numbers: list[tuple[int, int]]) -> None:
        for seat, phone in numbers:
            self.run(self.attempt("bind", seat, phone))
        for seat, person in adults:
            self.run(self.attempt("name", seat, person, True))
        self.run(self.attempt("add_ward", adults[0][0], ward))

    # one after the other

    @rule(act=one_of(DOORS))
    def at_a_door(self, act: tuple[Any, ...]) -> None:
        self.run(self.alone(*act))

    @rule(act=one_of(NAMES, DESK))
    def by_name(self, act: tuple[Any, ...]) -> None:
        self.run(self.alone(*act))

    @rule(act=one_of(FAMILIES))
    def in_the_family(self, act: tuple[Any, ...]) -> None:
        self.run(self.alone(*act))

    @rule(act=one_of(PRIVACY))
    def in_private(self, act: tuple[Any, ...]) -> None:
        self.run(self.alone(*act))

    @rule(act=one_of(COURTS))
    def at_the_courts(self, act: tuple[Any, ...]) -> None:
        self.run(self.booked_within_limits(*act[1:]))

    @rule(act=one_of(WORKER))
    def at_night(self, act: tuple[Any, ...]) -> None:
        self.run(self.attempt(*act))

    @rule(kept=seats, joined=seats)
    def merge(self, kept: int, joined: int) -> None:
        self.run(self.joined_and_counted(kept, joined))

    @rule(seat=seats, which=st.sampled_from((0, 0, 0, 1)))
    def undo(self, seat: int, which: int) -> None:
        self.run(self.parted_and_compared(seat, which))

    @rule(kept=seats, joined=seats)
    def regret(self, kept: int, joined: int) -> None:
        self.run(self.joined_and_parted_at_once(kept, joined))

    @rule(kept=seats, joined=seats, between=one_of(DOORS, NAMES, FAMILIES, COURTS))
    def part_later(self, kept: int, joined: int, between: tuple[Any, ...]) -> None:
        """What the account that stayed does before they are parted is how things would get lost."""
        self.run(self.joined_and_counted(kept, joined))
        self.run(self.attempt(between[0], kept, *between[2:]))
        self.run(self.parted_and_compared(kept, 0))

    @rule(minutes=st.sampled_from(MINUTES))
    def wait(self, minutes: int) -> None:
        """Within the day the worker ends what is over; until then a guardianship of who is 14 gives nothing."""
        self.town.now += timedelta(minutes=minutes)
        self.run(self.attempt("grow_up"))

    # two at once

    @precondition(lambda self: KIND == "postgres")
    @rule(
        one=one_of(ACCOUNTS, NAMES, DESK, FAMILIES),
        other=one_of(ACCOUNTS, FAMILIES, PRIVACY, DOORS, NAMES, DESK, COURTS, WORKER),
    )
    def two_at_once(self, one: tuple[Any, ...], other: tuple[Any, ...]) -> None:
        self.run(self.together(self.attempt(*one), self.attempt(*other)))

    @precondition(lambda self: KIND == "postgres")
    @rule(one=seats, other=seats)
    def each_into_the_other(self, one: int, other: int) -> None:
        self.run(self.together(self.attempt("merge", one, other), self.attempt("merge", other, one)))

    # how

    async def attempt(self, act: str, *given: Any) -> bool:
        """Whether the rooms did it. A refusal is an answer, anything else is raised."""
        try:
            await getattr(self.town, act)(*given)
        except DomainError:
            self.world.done[f"{act} refused"] += 1
            return False
        self.world.done[act] += 1
        return True

    async def together(self, *doing: Awaitable[bool]) -> None:
        await asyncio.gather(*doing)

    async def alone(self, act: str, *given: Any) -> None:
        """No binding, freeing, guarding or leaving changes what anybody holds."""
        before = await books.courts_held()
        await self.attempt(act, *given)
        assert await books.courts_held() == before

    async def joined_and_counted(self, kept: int, joined: int) -> None:
        """What both held, one holds: to the court."""
        before, merges = await books.courts_held(), len(self.town.merges)
        await self.attempt("merge", kept, joined)
        expected: books.Held = before
        if len(self.town.merges) > merges:
            merge = await Merge.get(public_id=self.town.merges[-1])
            expected = books.added_up(before, joined=merge.joined_id, kept=merge.kept_id)
        assert await books.courts_held() == expected

    async def parted_and_compared(self, seat: int, which: int) -> None:
        """What had moved and is still there goes back, and nothing else."""
        if not self.town.merges:
            return
        merge_id = self.town.merges[-1 - which % len(self.town.merges)]
        was = await Merge.get_or_none(public_id=merge_id)
        await self.attempt("at", seat)
        before = await books.leads()
        if await self.attempt("undo_one", seat, merge_id) and was is not None and was.undone_at is None:
            await books.check_parting(was, before, await books.leads())

    async def joined_and_parted_at_once(self, kept: int, joined: int) -> None:
        """Everything is as it was."""
        await self.attempt("at", kept)
        await self.attempt("at", joined)
        before = await books.picture()
        if await self.attempt("merge", kept, joined):
            assert await self.attempt("undo_one", kept, self.town.merges.pop())
            books.check_same(before, await books.picture())

    async def booked_within_limits(self, *given: Any) -> None:
        """Whoever books holds, with all that came from other accounts, no more than the rule allows; or is refused."""
        before = await books.courts_held()
        if await self.attempt("book", *given):
            for whose, courts in (await books.courts_held()).items():
                assert len(courts) <= books.COURTS_A_DAY or courts <= before[whose]

    @invariant()
    def it_holds(self) -> None:
        self.world.done["steps"] += 1
        self.town.now += timedelta(minutes=1)
        self.run(self.check())

    async def check(self) -> None:
        await books.check(self.town)
        before, self.owned = self.owned, await books.owners()
        await books.check_owners(before, self.owned, self.town.orders)


def test_nothing_is_left_behind_nothing_grows_and_parting_brings_back_what_joining_moved(world: World) -> None:
    run_state_machine_as_test(
        lambda: PeopleOfATown(world),  # type: ignore[arg-type] # a maker of machines is as good as their class
        settings=settings(
            max_examples=RUNS + RUNS_A_SECOND * SOAK_SECONDS,
            stateful_step_count=60 if SOAK_SECONDS else 30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
    assert world.done["steps"] >= STEPS_AT_LEAST
    for act in ("merge", "undo_one", "name", "add_ward", "book", "get_help", "come_in"):
        assert world.done[act], f"nobody ever did {act}"
