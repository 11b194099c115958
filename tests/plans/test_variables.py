"""Variables read quickly are read as graphql-core reads them, wrong ones included."""

from datetime import date
from enum import Enum
from typing import Any

import strawberry
from graphql import OperationDefinitionNode, parse
from graphql.execution.values import get_variable_values
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plans.variables import Variables


@strawberry.enum
class Kind(Enum):
    RED = "r"
    BLUE = "b"


@strawberry.input
class Part:
    name: str
    size: int = 3
    kind: Kind | None = None
    tags: list[str] | None = None
    inner: "Part | None" = None


@strawberry.input(one_of=True)
class Either:
    number: strawberry.Maybe[int]
    text: strawberry.Maybe[str]


@strawberry.type
class Query:
    @strawberry.field
    def all(
        self,
        text: str | None = None,
        key: strawberry.ID | None = None,
        number: int | None = None,
        ratio: float | None = None,
        flag: bool | None = None,
        kind: Kind | None = None,
        on_day: date | None = None,
        part: Part | None = None,
        parts: list[Part | None] | None = None,
        numbers: list[list[int]] | None = None,
        either: Either | None = None,
    ) -> int:
        return 1


SCHEMA = strawberry.Schema(Query)._schema
OPERATION = parse(
    """query ($text: String!, $key: ID = "k", $number: Int! = 5, $ratio: Float, $flag: Boolean, $kind: Kind = RED,
             $onDay: Date, $part: Part, $parts: [Part], $numbers: [[Int!]!] = [[1]], $either: Either) {
      all(text: $text, key: $key, number: $number, ratio: $ratio, flag: $flag, kind: $kind, onDay: $onDay, part: $part,
          parts: $parts, numbers: $numbers, either: $either)
    }"""
).definitions[0]
assert isinstance(OPERATION, OperationDefinitionNode)
VARIABLES = Variables(SCHEMA, OPERATION, hide_suggestions=False)

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**33), 2**33),
    st.floats(),
    st.sampled_from(["", "RED", "r", "GREEN", "5", "2026-11-24", "k"]),
)
part = st.recursive(
    st.dictionaries(
        st.sampled_from(["name", "size", "kind", "tags", "unknown"]), leaves | st.lists(leaves, max_size=2)
    ),
    lambda inner: st.dictionaries(st.sampled_from(["name", "size", "inner"]), leaves | inner),
    max_leaves=3,
)
either = st.dictionaries(st.sampled_from(["number", "text", "other"]), leaves, max_size=2)
anything = st.one_of(leaves, part, either, st.lists(leaves | part | st.lists(leaves, max_size=2), max_size=2))
good = {
    "text": st.text(max_size=3),
    "key": st.sampled_from(["a", 7]),
    "number": st.integers(-5, 5),
    "ratio": st.sampled_from([1.5, 2, -0.0]),
    "flag": st.booleans(),
    "kind": st.sampled_from(["RED", "BLUE", None]),
    "onDay": st.sampled_from(["2026-11-24", None]),
    "part": st.fixed_dictionaries({"name": st.just("n")}, optional={"kind": st.just("RED"), "inner": part}),
    "parts": st.lists(st.fixed_dictionaries({"name": st.just("n")}) | st.none(), max_size=2),
    "numbers": st.lists(st.lists(st.integers(0, 3), max_size=2), max_size=2),
    "either": st.fixed_dictionaries({"number": st.just(1)}),
}


def as_graphql_core_reads(given_values: dict[str, Any]) -> Any:
    return get_variable_values(SCHEMA, OPERATION.variable_definitions, given_values, max_errors=50)  # type: ignore[union-attr]


def same(found: Any, expected: Any) -> None:
    if isinstance(expected, list):
        assert isinstance(found, list)
        assert [error.formatted for error in found] == [error.formatted for error in expected]
        return
    assert repr(found.coerced) == repr(expected.coerced)
    assert {name: repr(source.value) for name, source in found.sources.items()} == {
        name: repr(source.value) for name, source in expected.sources.items()
    }


@given(st.fixed_dictionaries({}, optional={**good, "stranger": leaves}))
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_good_variables_are_read_as_graphql_core_reads_them(values: dict[str, Any]) -> None:
    same(VARIABLES.coerced(values), as_graphql_core_reads(values))


@given(st.fixed_dictionaries({"text": st.just("t")}, optional=dict.fromkeys(good.keys() - {"text"}, anything)))
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_odd_variables_are_read_or_refused_as_graphql_core_reads_and_refuses_them(values: dict[str, Any]) -> None:
    same(VARIABLES.coerced(values), as_graphql_core_reads(values))


def test_good_variables_do_not_take_the_long_way() -> None:
    """Else the two tests above would prove nothing."""
    values = {"text": "t", "kind": "BLUE", "part": {"name": "n", "inner": {"name": "m"}}, "numbers": [[1]]}
    VARIABLES._quickly(values)


def test_a_default_is_made_anew_for_every_request() -> None:
    first, second = (VARIABLES._quickly({"text": "t"}).coerced["numbers"] for _ in range(2))
    assert first == second == [[1]]
    first.append([2])
    assert VARIABLES._quickly({"text": "t"}).coerced["numbers"] == [[1]]
