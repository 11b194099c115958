"""One odd value at a time, everywhere it can be: each way of running answers as graphql-core does."""

import random
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import strawberry
from graphql import DocumentNode, get_named_type, is_leaf_type, parse

from plans.compiling import compiled
from plans.leaves import completer
from plans.planning import Plan
from plans.rows import Rows
from tests.plans.test_exactness import awaited, fast, stock, told
from tests.plans.zoo import (
    SCHEMA,
    Box,
    Cat,
    Colour,
    Dog,
    Level,
    Line,
    LineEdge,
    Odd,
    Right,
    Size,
    Soon,
    Stone,
    Tag,
    Text,
    Values,
)

NOW = datetime(2026, 11, 24, 8, 30, 0, 7, tzinfo=UTC)

ODD: dict[str, Callable[[], Any]] = {
    "nothing": lambda: None,
    "unset": lambda: strawberry.UNSET,
    "a text": lambda: "RED",
    "an empty text": lambda: "",
    "a subclass of text": lambda: Text("RED"),
    "true": lambda: True,
    "zero": lambda: 0,
    "an int": lambda: 7,
    "one too large for Int": lambda: 2**31,
    "one too small for Int": lambda: -(2**31) - 1,
    "the largest Int": lambda: 2**31 - 1,
    "a float": lambda: 1.5,
    "a whole float": lambda: 7.0,
    "not a number": lambda: float("nan"),
    "infinity": lambda: float("-inf"),
    "a decimal": lambda: Decimal("1.50"),
    "bytes": lambda: b"x",
    "an instant": lambda: NOW,
    "a naive instant": lambda: NOW.replace(tzinfo=None),
    "an instant of UTC as a zone": lambda: NOW.replace(tzinfo=ZoneInfo("UTC")),
    "an instant of Chengdu as a zone": lambda: NOW.astimezone(ZoneInfo("Asia/Shanghai")),
    "an instant of Chengdu": lambda: NOW.astimezone(timezone(timedelta(hours=8))),
    "an instant of Greenwich by another name": lambda: NOW.astimezone(timezone(timedelta(0), "GMT")),
    "an instant of an odd offset": lambda: NOW.astimezone(timezone(timedelta(hours=8, minutes=5, seconds=43))),
    "a day": lambda: date(2026, 11, 24),
    "an hour": lambda: time(8, 30),
    "a member": lambda: Colour.GREEN,
    "another enum's member": lambda: Size.LARGE,
    "a number that is a member": lambda: Level.HIGH,
    "two rights": lambda: Right.READ | Right.WRITE,
    "a list": lambda: [1, 2],
    "a list of nothing": lambda: [None],
    "a tuple": lambda: ("a", "b"),
    "a generator": lambda: iter(["a", "b"]),
    "a set": lambda: {"a"},
    "a dict": lambda: {"code": "c", "name": "n", "label": None},
    "an object": lambda: Odd(),
    "an error": lambda: ValueError("returned, not raised"),
    "something to await": lambda: Soon("late"),
    "something to await that is nothing": lambda: Soon(None),
    "a list of something to await": lambda: [Soon("late")],
    "a function": lambda: len,
    "a tag": lambda: Tag(code="c"),
    "a list of tags": lambda: [Tag(code="c"), Tag(code="d", label="l")],
    "a tag that is not right": lambda: Tag(code=5),  # type: ignore[arg-type]
    "a dog": lambda: a_dog(),
    "a cat": lambda: Cat(name="n", lives=9, colour=Colour.RED),
    "a stone": lambda: Stone(weight=1.0, size=Size.LARGE),
    "dogs and a stone": lambda: [a_dog(), Stone(weight=None, size=Size.SMALL)],
    "a dog called a stone": lambda: strawberry.cast(Stone, a_dog()),
    "a dog called a cat": lambda: strawberry.cast(Cat, a_dog()),
    "a stone called a dog in a list": lambda: [strawberry.cast(Dog, Stone(weight=None, size=Size.SMALL))],
    "a kind of dog": lambda: Puppy(name="n", barks=True, age=1, tags=[]),
    "a box of a tag": lambda: Box(inside=Tag(code="c"), label="l"),
    "rows": lambda: Rows.keyed(Tag, [{"code": "c", "label": "l"}]),
    "rows by place": lambda: Rows.positional(Tag, [("c", "l"), ("d", None)]),
    "an object that stands for a row": lambda: Rows.keyed(Tag, [{"code": "c", "label": "l"}])[0],
    "an object that stands for a row by place": lambda: Rows.positional(Tag, [("c", None)])[0],
    "an object that stands for half a row": lambda: Rows.positional(Tag, [("c",)])[0],
    "a list of such": lambda: [*Rows.keyed(Line, [a_row(), a_row(tags=None)])],
    "an edge that stands for a row": lambda: Rows.keyed(LineEdge, [a_row()])[0],
    "rows of another type": lambda: Rows.keyed(Line, [a_row()]),
    "rows that lack a column": lambda: Rows.keyed(Tag, [{"code": "c"}]),
    "rows that are too short": lambda: Rows.positional(Tag, [("c",)]),
    "line rows": lambda: Rows.keyed(Line, [a_row(), a_row(label=None, tag=None)]),
    "edge rows": lambda: Rows.keyed(LineEdge, [a_row(), a_row(count=2**31)]),
}


class Puppy(Dog):
    """A subclass may compute what its parent stores."""

    @property
    def age(self) -> int:  # type: ignore[override]
        return 1

    @age.setter
    def age(self, value: int | None) -> None: ...


def a_dog() -> Dog:
    return Dog(name="n", barks=True, age=None, tags=[])


def a_row(**more: Any) -> dict[str, Any]:
    row = {
        "public_key": "k",
        "count": 1,
        "at": NOW,
        "label": "l",
        "tag": ["c", "l"],
        "tags": [("c", None), ["d", "l"]],
        "colour": Colour.RED,
        "cursor": "x",
    }
    return {**row, **more}


def everything_of(name: str, depth: int = 3) -> str:
    """A selection of all plain fields of a type."""
    kind: Any = SCHEMA.type_map[name]
    if is_leaf_type(kind):
        return ""
    if not hasattr(kind, "fields"):
        return (
            "{ __typename "
            + " ".join(f"... on {one.name} {everything_of(one.name, depth)}" for one in kind.types)
            + "}"
        )
    parts = ["__typename"]
    for key, field in kind.fields.items():
        inner = get_named_type(field.type)
        if key not in ("later", "greeting", "friend", "friends") and (is_leaf_type(inner) or depth):
            parts.append(f"{key} {everything_of(inner.name, depth - 1)}")
    return f"{{ {' '.join(parts)} }}"


@cache
def ways_of(text: str) -> tuple[DocumentNode, list[Plan]]:
    """The document, and the plans that are used again and again, as in a running house."""
    document = parse(text)
    return document, [Plan(SCHEMA, document, document.definitions[0], how) for how in (compiled, completer)]  # type: ignore[arg-type]


async def answered_alike(text: str, make: Callable[[], Any]) -> None:
    document, plans = ways_of(text)
    expected = told(await stock(document, {}, lambda _field: make()))  # type: ignore[arg-type]
    for plan in plans:
        assert told(await awaited(plan.run({}, lambda _field: make()))) == expected
    assert told(await fast(document, {}, lambda _field: make())) == expected  # type: ignore[arg-type]


GOOD_LEAVES = Values(random.Random(5), 0.0).leaves()
GOOD_NODE = Values(random.Random(5), 0.0)._node(0)


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
async def test_an_odd_value_in_any_leaf_is_treated_as_graphql_core_treats_it(odd: Callable[[], Any]) -> None:
    kind: Any = SCHEMA.type_map["Leaves"]
    for key, field in kind.fields.items():
        name = field.extensions["strawberry-definition"].python_name

        def make(name: str = name) -> Any:
            return replace(GOOD_LEAVES, **{name: odd()})

        await answered_alike(f"{{ leaves {{ text {key} flag }} }}", make)


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
async def test_an_odd_value_in_place_of_any_object_or_list_is_treated_as_graphql_core_treats_it(
    odd: Callable[[], Any],
) -> None:
    kind: Any = SCHEMA.type_map["Node"]
    for key, field in kind.fields.items():
        if key in ("later", "greeting", "friend", "friends"):
            continue
        name = field.extensions["strawberry-definition"].python_name
        below = everything_of(get_named_type(field.type).name, 1)

        def make(name: str = name) -> Any:
            node = copy(GOOD_NODE)
            setattr(node, name, odd())
            return node

        await answered_alike(f"{{ node {{ name {key} {below} }} }}", make)
        await answered_alike(f"{{ maybeNode {{ {key} {below} later greeting }} }}", make)


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
async def test_an_odd_value_from_any_resolver_is_treated_as_graphql_core_treats_it(odd: Callable[[], Any]) -> None:
    query: Any = SCHEMA.query_type
    for key, field in query.fields.items():
        if key != "nodes":  # its resolver takes a slice of what it is given
            await answered_alike(f"{{ {key} {everything_of(get_named_type(field.type).name, 2)} }}", odd)
    await answered_alike("mutation { count change { name later } }", odd)


@pytest.mark.parametrize("column", a_row().keys())
async def test_an_odd_value_in_any_column_of_a_row_is_treated_as_in_an_object(column: str) -> None:
    below = everything_of("Line", 2)
    for odd in ODD.values():

        def row(odd: Callable[[], Any] = odd) -> dict[str, Any]:
            return a_row(**{column: odd()})

        await answered_alike(f"{{ lines {below} }}", lambda: Rows.keyed(Line, [a_row(), row()]))
        await answered_alike(
            f"{{ lines {below} }}",
            lambda: Rows.positional(Line, [tuple(row().values())[:7]]),
        )
        await answered_alike(f"{{ edges {{ cursor node {below} }} }}", lambda: Rows.keyed(LineEdge, [row()]))
