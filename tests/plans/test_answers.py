"""Kept answers: what is shared, what is laid over it, and what never gets in."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson
import pytest
import strawberry
from graphql import ExecutionResult

from plans.answers import Answers, live
from plans.checking import Checker
from plans.documents import hash_of
from plans.engine import Engine, Operation
from plans.keeping import Keeper, Store
from plans.public import Public
from plans.rows import Rows


@dataclass
class Asking:
    """The context: who asks, and what the resolvers saw."""

    who: str | None = "citizen 7"
    crowds: dict[int, Any] = field(default_factory=lambda: {1: 10, 2: 20})
    called: Counter[str] = field(default_factory=Counter)
    names: list[str] = field(default_factory=lambda: ["成都馆", "重庆馆"])


Info = strawberry.Info[Asking, None]


@strawberry.type
class Crowd:
    inside: int


def crowd_of(context: Asking, key: int) -> Crowd | None:
    found = context.crowds.get(key)
    return Crowd(inside=found) if isinstance(found, int) else found


async def crowds(keys: list[int], context: Asking) -> list[Crowd | None]:
    context.called["crowds"] += 1
    assert context.who is None
    return [crowd_of(context, key) for key in keys]


@strawberry.type
class Place:
    row_id: strawberry.Private[int]
    name: str

    @strawberry.field(metadata=live("row_id", crowds))
    async def crowd(self, info: Info) -> Crowd | None:
        return crowd_of(info.context, self.row_id)


@strawberry.type
class Query:
    @strawberry.field(directives=[Public(max_age=30)])
    async def places(self, info: Info, town: str = "", first: int = 2) -> list[Place]:
        info.context.called["places"] += 1
        await asyncio.sleep(0)
        if town == "nowhere":
            raise ValueError("no such town")
        who = info.context.who
        names = [name if who is None else f"{name}，{who}" for name in info.context.names]
        if town == "by rows":
            return Rows.positional(Place, list(enumerate(names, 1))[:first])  # type: ignore[return-value]
        return [Place(row_id=number, name=name) for number, name in enumerate(names, 1)][:first]

    @strawberry.field(directives=[Public(max_age=30)])
    async def place(self, info: Info, number: int) -> Place | None:
        info.context.called["place"] += 1
        rows = Rows.positional(Place, list(enumerate(info.context.names, 1)))
        return rows[number - 1] if 1 <= number <= len(rows) else None  # type: ignore[no-any-return]

    @strawberry.field(directives=[Public(max_age=5)])
    async def towns(self, info: Info) -> list[str]:
        info.context.called["towns"] += 1
        return ["成都", "重庆"]

    @strawberry.field(directives=[Public(max_age=0)])
    async def moment(self, info: Info) -> int:
        info.context.called["moment"] += 1
        return info.context.called["moment"]

    @strawberry.field
    async def me(self, info: Info) -> str | None:
        return info.context.who


@strawberry.type
class Mutation:
    @strawberry.mutation(directives=[Public(max_age=30)])
    async def shout(self, info: Info) -> int:
        info.context.called["shout"] += 1
        return info.context.called["shout"]


SCHEMA = strawberry.Schema(Query, Mutation, types=[Public])._schema


class House:
    """One process's answers, with a clock that a test turns."""

    def __init__(self, store: Store | None = None) -> None:
        self.now = 0.0
        self.day = "Tuesday"
        self.keeper = Keeper(store, clock=lambda: self.now)
        self.answers = Answers(
            self.keeper,
            anonymous=lambda context: Asking(None, context.crowds, context.called, context.names),
            scope=lambda: self.day,
            clock=lambda: self.now,
        )

    async def ask(self, text: str, context: Asking, *, free: bool = False, **variables: Any) -> bytes:
        """The body as it goes over the wire."""
        found = await self.found(text, context, free=free, **variables)
        return found if isinstance(found, bytes) else body_of(found)

    async def found(
        self, text: str, context: Asking, *, free: bool = False, **variables: Any
    ) -> bytes | ExecutionResult:
        operation = operation_of(text, free=free)
        name = self.answers.name_of(operation, variables)
        if name is None:
            return await operation.run(variables, context)
        kept = self.answers.at_hand(name, operation)
        if kept is not None:
            return kept
        run = partial(operation.run, variables, context)
        return await self.answers.answer(name, operation, variables, context, run)


def operation_of(text: str, *, free: bool = False) -> Operation:
    engine = Engine(SCHEMA, Checker(SCHEMA), {} if free else {hash_of(text): text})
    return engine.free(text) if free else engine.trusted(hash_of(text))


def body_of(result: ExecutionResult) -> bytes:
    said: dict[str, Any] = {"data": result.data}
    if result.errors:
        said["errors"] = [error.formatted for error in result.errors]
    return orjson.dumps(said)


async def ordinary(text: str, context: Asking, **variables: Any) -> bytes:
    """What an ordinary run, made for nobody, answers."""
    nobody = Asking(None, context.crowds, Counter(), context.names)
    return body_of(await operation_of(text).run(variables, nobody))


PLACES = "query ($town: String) { places(town: $town) { name } }"
CROWDED = """query ($town: String, $bare: Boolean = false) {
  places(town: $town) { name crowd @skip(if: $bare) { inside } again: crowd { people: inside } } towns
}"""


async def test_an_answer_that_is_kept_is_given_again_without_asking_the_resolver() -> None:
    house, context = House(), Asking()
    first = await house.ask(PLACES, context, town="成都")
    assert await house.ask(PLACES, context, town="成都") == first == await ordinary(PLACES, context, town="成都")
    assert context.called["places"] == 1


async def test_it_is_kept_for_as_long_as_its_shortest_field_says_and_no_longer() -> None:
    house, context = House(), Asking()
    text = "{ places { name } towns }"
    await house.ask(text, context)
    house.now = 4.9
    await house.ask(text, context)
    assert context.called["places"] == 1
    house.now = 5.0
    await house.ask(text, context)
    assert context.called["places"] == 2


async def test_other_variables_are_another_answer_but_their_order_and_strangers_among_them_are_not() -> None:
    house, context = House(), Asking()
    text = "query ($town: String, $first: Int) { places(town: $town, first: $first) { name } }"
    await house.ask(text, context, town="a", first=1)
    await house.ask(text, context, first=1, town="a")
    await house.ask(text, context, town="a", first=1, unknown="b")
    assert context.called["places"] == 1
    assert await house.ask(text, context, town="a", first=2) != await house.ask(text, context, town="a", first=1)
    assert context.called["places"] == 2


async def test_another_day_is_another_answer() -> None:
    house = House()
    called: Counter[str] = Counter()
    for day in ("Tuesday", "Wednesday"):
        house.day = day
        await house.ask(PLACES, Asking(called=called))
    assert called["places"] == 2


async def test_what_is_shared_is_made_for_nobody_whoever_asks() -> None:
    house, context = House(), Asking(who="陈女士")
    answer = await house.ask(PLACES, context)
    assert "陈女士" not in answer.decode()
    assert (
        "陈女士" in body_of(await operation_of(PLACES).run({}, context)).decode()
    )  # the resolver would have said it


@pytest.mark.parametrize("depth", [100, 300, 1000])
@pytest.mark.parametrize("text", [PLACES, CROWDED])
async def test_variables_as_deep_as_json_may_be_are_told_as_ever(text: str, depth: int) -> None:
    deep: Any = "成都"
    for _ in range(depth):
        deep = [deep]
    assert await House().ask(text, Asking(), town=deep) == await ordinary(text, Asking(), town=deep)


async def test_a_switch_that_is_null_is_told_as_ever() -> None:
    """`$bare: Boolean = false` may be null, `@skip(if:)` may not."""
    house = House()
    for _ in range(2):
        assert await house.ask(CROWDED, Asking(), bare=None) == await ordinary(CROWDED, Asking(), bare=None)


@pytest.mark.parametrize("town", ["", "by rows"])
async def test_live_figures_are_laid_over_a_kept_answer_and_it_reads_as_an_ordinary_one(town: str) -> None:
    house, context = House(), Asking()
    for inside in (10, 11, None):
        context.crowds = {2: 20} if inside is None else {1: inside, 2: 20}
        assert await house.ask(CROWDED, context, town=town) == await ordinary(CROWDED, context, town=town)
        house.now += 1.0
    assert context.called["places"] == 1
    assert context.called["crowds"] == 6  # each of the two live fields once a second, for all places together


@pytest.mark.parametrize("number", [1, 3])
async def test_a_single_object_is_kept_too_and_so_is_that_there_is_none(number: int) -> None:
    house, context = House(), Asking()
    text = "query ($number: Int!) { place(number: $number) { name crowd { inside } } }"
    for inside in (10, 11):
        context.crowds = {1: inside}
        assert await house.ask(text, context, number=number) == await ordinary(text, context, number=number)
        house.now += 1.0
    assert context.called["place"] == 1


async def test_a_live_figure_serves_for_a_second() -> None:
    house, context = House(), Asking()
    await house.ask(CROWDED, context)
    context.crowds[1] = 99
    house.now = 0.9
    assert b"99" not in await house.ask(CROWDED, context)
    house.now = 1.0
    assert b"99" in await house.ask(CROWDED, context)


async def test_switched_variants_of_one_operation_are_kept_apart() -> None:
    house, context = House(), Asking()
    for bare in (True, False, True):
        assert await house.ask(CROWDED, context, bare=bare) == await ordinary(CROWDED, context, bare=bare)
    assert context.called["places"] == 2


async def test_a_hundred_who_ask_at_once_cost_one_making() -> None:
    house, context = House(), Asking()
    answers = await asyncio.gather(*(house.ask(CROWDED, context) for _ in range(100)))
    assert set(answers) == {await ordinary(CROWDED, context)}
    assert context.called == {"places": 1, "towns": 1, "crowds": 2}


NEVER_SHARED = {
    "the member's own": "{ me }",
    "the member's own beside something public": "{ me places { name } }",
    "public, but never to be kept": "{ moment }",
    "a mutation": "mutation { shout }",
    "what asks for nothing of ours": "{ __typename }",
    "something of which every caller may choose another variant": "query ("
    + ", ".join(f"$s{n}: Boolean = false" for n in range(5))
    + ") { places { "
    + " ".join(f"n{n}: name @skip(if: $s{n})" for n in range(5))
    + " } }",
}


@pytest.mark.parametrize("text", NEVER_SHARED.values(), ids=NEVER_SHARED.keys())
async def test_what_is_not_public_is_asked_for_every_time(text: str) -> None:
    house = House()
    for who in ("陈女士", "王先生"):
        context = Asking(who=who)
        assert await house.ask(text, context) == body_of(await operation_of(text).run({}, Asking(who=who)))
    assert not house.keeper._kept


async def test_free_documents_are_never_shared() -> None:
    house, context = House(), Asking()
    for _ in range(2):
        await house.ask("{ places { name } }", context, free=True)
    assert context.called["places"] == 2
    assert not house.keeper._kept


async def test_an_answer_with_errors_is_given_and_not_kept() -> None:
    house, context = House(), Asking()
    for _ in range(2):
        found = await house.found(PLACES, context, town="nowhere")
        assert isinstance(found, ExecutionResult)
        assert [error.message for error in found.errors or []] == ["no such town"]
    assert context.called["places"] == 2
    assert not house.keeper._kept


async def test_wrong_variables_are_told_as_ever() -> None:
    house = House()
    found = await house.found(PLACES, Asking(), town=5)
    assert isinstance(found, ExecutionResult)
    assert found.data is None
    assert found.errors


@pytest.mark.parametrize("odd", ["many", None, 2**31])
async def test_a_live_figure_that_is_not_as_its_type_says_is_told_by_an_ordinary_run(odd: Any) -> None:
    house, context = House(), Asking(who=None, crowds={1: Crowd(inside=odd), 2: 20})
    answer = await house.ask(CROWDED, context)
    assert orjson.loads(answer)["errors"]
    assert answer == await ordinary(CROWDED, context)


async def test_an_answer_with_an_odd_value_in_it_is_not_kept() -> None:
    house, context = House(), Asking(who=None, names=["成都馆", 5])  # type: ignore[list-item]
    assert orjson.loads(await house.ask(CROWDED, context))["data"]["places"][1]["name"] == "5"
    assert not house.keeper._kept


async def test_a_text_that_looks_like_the_mark_of_a_hole_does_no_harm() -> None:
    house, context = House(), Asking(who=None, names=["\0live\0", "重庆馆"])
    assert await house.ask(CROWDED, context) == await ordinary(CROWDED, context)
    assert not house.keeper._kept


async def test_what_another_process_kept_reads_the_same() -> None:
    """Through the dumped form, as it lies in the store."""

    class Shelf:
        def __init__(self) -> None:
            self.things: dict[str, bytes] = {}

        async def get(self, key: str) -> tuple[bytes, float] | None:
            return (self.things[key], 30.0) if key in self.things else None

        async def put(self, key: str, value: bytes, seconds: float) -> None:
            self.things[key] = value

        async def generation(self) -> str | None:
            return "first"

        async def next_generation(self, name: str) -> bool:
            return True

    shelf, called = Shelf(), Counter[str]()
    told = set()
    for _ in range(2):
        house = House(shelf)
        await house.keeper.listen()
        told.add(await house.ask(CROWDED, Asking(called=called)))
    assert told == {await ordinary(CROWDED, Asking())}
    assert called["places"] == 1
