"""However the people of a town sign in, bind, prove who they are, join accounts, part them, guard, help, book and leave:
nothing is left behind, nothing grows, parting brings back exactly what joining moved, no child is alone, and everybody is
reached.

One machine does one thing after another, and what it finds Hypothesis makes short. The other, on PostgreSQL, does the
same and lets two things happen at the same moment. Refusals are answers, anything else is a bug. Who lives in the town
and what they can do stands in people_town.py, what must hold in people_books.py. `make soak` runs both for about as long
as it is told.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Collection, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from models.consents.rules import Purpose
from models.errors import DomainError
from models.merging.tables import Merge
from models.shifts.operations import open_shift
from models.staff.rules import StaffSignedIn
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.booking import Hall, a_hall
from tests.factories.people import a_clerk
from tests.properties import people_books as books
from tests.properties.people_town import CHILDREN, GROWN, PHONES, SEATS, Town, forget_everybody

T = TypeVar("T")
SOAK_SECONDS = int(os.environ.get("SOAK_SECONDS", "0"))
RUNS_A_SECOND = 0.4
RUNS = 8
STEPS_A_RUN = 60 if SOAK_SECONDS else 30
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
    "come_in": (seats, st.sampled_from((None, *range(len(GROWN)))), st.booleans()),
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
    "end_help_at_desk": (cards,),
}
HERE: Acts = {"join_at_desk": (cards, seats)}
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
}
COURTS: Acts = {
    "book": (
        seats,
        st.integers(0, 3),
        st.integers(0, 3),
        st.sampled_from((8, 8, 9, 10)),  # at eight it is free, and paid at once
        st.sampled_from((1, 1, 2)),
    )
}
ORDERS: Acts = {"pay": (seats,), "cancel": (seats,)}
WORKER: Acts = {"delete": (), "end_holds": (), "grow_up": (), "purge": (), "move_latecomers": ()}


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
    failures: list[Exception] = field(default_factory=list)
    """With what had been done until then: when two act at once, Hypothesis cannot make it happen again."""


@pytest.fixture
async def world(db: Database) -> World:
    hall = await a_hall(free_mornings=True)
    clerk = await a_clerk(hall.venue.public_id)
    await open_shift(clerk=clerk, venue_id=hall.venue.public_id, float_fen=10_000, now=NOW)
    return World(asyncio.get_running_loop(), hall, clerk)


class People(RuleBasedStateMachine):
    """One act after the other."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.town = Town(world.hall, world.clerk)
        self.seen = books.Seen(at=self.town.now)
        self.told: list[str] = []
        self.run(forget_everybody())

    def run(self, act: Coroutine[Any, Any, T]) -> T:
        try:
            return self.world.loop.run_until_complete(act)
        except Exception as failure:
            failure.add_note("\n".join(self.told))
            self.world.failures.append(failure)
            raise

    @initialize(
        adults=st.lists(st.tuples(seats, grown), min_size=1, max_size=3),
        ward=children,
        numbers=st.lists(st.tuples(seats, phones), max_size=2),
        court=st.integers(0, 3),
    )
    def a_town_awakes(
        self, adults: list[tuple[int, int]], ward: int, numbers: list[tuple[int, int]], court: int
    ) -> None:
        """In the middle of people's lives: a family, mostly, somebody's helper, and something booked."""
        (first, _), (last, _) = adults[0], adults[-1]
        for seat, phone in numbers:
            self.run(self.attempt("bind", seat, phone))
        for seat, person in adults:
            self.run(self.attempt("name", seat, person, True))
        self.run(self.attempt("come_in", last, None, False))
        self.run(self.attempt("add_ward", first, ward))
        self.run(self.attempt("share_ward", first, last))
        self.run(self.attempt("get_help", last, first))
        self.run(self.attempt("book", last, 0, court, 8, 1))

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

    @rule(act=one_of(ORDERS))
    def with_an_order(self, act: tuple[Any, ...]) -> None:
        self.run(self.attempt(*act))

    @rule(act=one_of(WORKER))
    def at_night(self, act: tuple[Any, ...]) -> None:
        self.run(self.attempt(*act))

    @rule(kept=seats, joined=seats)
    def merge(self, kept: int, joined: int) -> None:
        self.run(self.joined_and_counted("merge", kept, joined))

    @rule(card=cards, joined=seats)
    def join_here(self, card: int, joined: int) -> None:
        """Mostly somebody whom only the desk knows."""
        self.run(self.attempt("show_card", card, 1))
        self.run(self.joined_and_counted("join_at_desk", card, joined))

    @rule(seat=seats, which=st.sampled_from((0, 0, 0, 1)))
    def undo(self, seat: int, which: int) -> None:
        self.run(self.parted_and_compared(seat, which))

    @rule(kept=seats, joined=seats)
    def regret(self, kept: int, joined: int) -> None:
        self.run(self.joined_and_parted_at_once(kept, joined))

    @rule(kept=seats, joined=seats, between=one_of(DOORS, NAMES, FAMILIES, COURTS, ORDERS))
    def part_later(self, kept: int, joined: int, between: tuple[Any, ...]) -> None:
        """What the account that stayed does before they are parted is how things would get lost."""
        self.run(self.joined_and_counted("merge", kept, joined))
        self.run(self.attempt(between[0], kept, *between[2:]))
        self.run(self.parted_and_compared(kept, 0))

    @rule(minutes=st.sampled_from(MINUTES))
    def wait(self, minutes: int) -> None:
        """Within the day the worker ends what is over; until then a guardianship of who is 14 gives nothing."""
        self.town.now += timedelta(minutes=minutes)
        self.run(self.attempt("grow_up"))

    @rule(phone=phones)
    def a_number_is_given_out_again(self, phone: int) -> None:
        self.run(self.attempt("get_number", phone))

    @rule(seat=seats)
    def be_gone(self, seat: int) -> None:
        self.run(self.attempt("go", seat))

    # how

    async def attempt(self, act: str, *given: Any) -> bool:
        """Whether the rooms did it. A refusal is an answer, anything else is raised."""
        self.told.append(f"{self.town.now:%j %H:%M} {act} {given}")
        try:
            await getattr(self.town, act)(*given)
        except DomainError as refused:
            self.world.done[f"{act} refused"] += 1
            self.told.append(f"  {act} {given} refused: {refused.code}")
            return False
        self.world.done[act] += 1
        return True

    async def alone(self, act: str, *given: Any) -> None:
        """No binding, freeing, guarding or leaving changes what anybody holds."""
        before = await books.courts_held()
        await self.attempt(act, *given)
        assert await books.courts_held() == before

    async def joined_and_counted(self, act: str, kept: int, joined: int) -> None:
        """What both held, one holds: to the court, and to the admission."""
        held, admitted, merges = await books.courts_held(), await books.admitted(), len(self.town.merges)
        await self.attempt(act, kept, joined)
        if len(self.town.merges) > merges:
            merge = await Merge.get(public_id=self.town.merges[-1])
            held = books.added_up(held, joined=merge.joined_id, kept=merge.kept_id)
            admitted[merge.kept_id] += (came := admitted.pop(merge.joined_id, 0))
            self.world.done["an admission moved"] += came
        assert await books.courts_held() == held
        assert await books.admitted() == admitted

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
            merge_id = self.town.merges.pop()
            if await self.attempt("undo_one", kept, merge_id):
                books.check_same(before, await books.picture())
            else:
                merge = await Merge.get(public_id=merge_id)
                assert {merge.kept_id, merge.joined_id} & self.seen.unreached, "there was a way into both"

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
        self.run(books.check(self.town, self.seen))


class PeopleAtOnce(People):
    """The same, and two acts at the same moment."""

    @rule(
        one=one_of(ACCOUNTS, HERE, NAMES, DESK, FAMILIES),
        other=one_of(ACCOUNTS, HERE, FAMILIES, PRIVACY, DOORS, NAMES, DESK, COURTS, ORDERS, WORKER),
    )
    def two_at_once(self, one: tuple[Any, ...], other: tuple[Any, ...]) -> None:
        self.run(self.together(self.attempt(*one), self.attempt(*other)))

    @rule(one=seats, other=seats)
    def each_into_the_other(self, one: int, other: int) -> None:
        self.run(self.together(self.attempt("merge", one, other), self.attempt("merge", other, one)))

    @rule(kept=seats, joined=seats, meanwhile=one_of(DOORS, NAMES, FAMILIES, PRIVACY, COURTS, ORDERS))
    def part_while(self, kept: int, joined: int, meanwhile: tuple[Any, ...]) -> None:
        """By the door of the joined account, which is going home."""
        self.run(self.attempt("merge", kept, joined))
        act, _, *given = meanwhile
        self.run(self.together(self.attempt("undo", kept, 0), self.attempt(act, joined, *given)))

    async def together(self, *doing: Awaitable[bool]) -> None:
        """With what the worker moves within the minute: of an act that had begun before the accounts were joined."""
        await asyncio.gather(*doing)
        await self.attempt("move_latecomers")


def walk(machine: type[People], world: World, phases: Collection[Phase]) -> None:
    try:
        run_state_machine_as_test(
            lambda: machine(world),  # type: ignore[arg-type] # a maker of machines is as good as their class
            settings=settings(
                max_examples=RUNS + round(RUNS_A_SECOND * SOAK_SECONDS),
                stateful_step_count=STEPS_A_RUN,
                deadline=None,
                derandomize=not SOAK_SECONDS,  # what it is to have seen, it sees each time
                phases=phases,
                suppress_health_check=list(HealthCheck),
                print_blob=True,
            ),
        )
    except Flaky as flaky:
        raise world.failures[0] from flaky
    assert world.done["steps"] >= RUNS * STEPS_A_RUN // 2, "a run is rarely cut short, however slow the machine"
    for act in ("merge", "join_at_desk", "undo_one", "name", "add_ward", "book", "get_help", "come_in"):
        assert world.done[act], f"nobody ever did {act}"


def test_nothing_is_left_behind_nothing_grows_and_everybody_is_reached(world: World) -> None:
    walk(People, world, Phase)


@pytest.mark.postgres
def test_nor_when_two_things_happen_at_once(world: World) -> None:
    walk(PeopleAtOnce, world, (Phase.generate,))  # what chance brought about, nothing makes short
