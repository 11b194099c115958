"""An operation with one root field goes straight to its resolver, and says what graphql-core would say."""

from datetime import UTC, datetime
from typing import Any

import pytest
import strawberry
from graphql import ExecutionResult, graphql, parse, validate
from graphql.execution.values import VariableValues

from plans.planning import Plan
from plans.straight import Straight

AT = datetime(2026, 11, 20, tzinfo=UTC)


@strawberry.type
class Cup:
    name: str
    size: int


@strawberry.input
class Wish:
    name: str = "tea"


@strawberry.type
class Query:
    @strawberry.field
    async def cup(self, info: strawberry.Info, name: str, size: int = 3, note: str | None = None) -> Cup | None:
        assert info.field_name == "cup"
        if name == "none":
            return None
        if name == "break":
            raise ValueError("broken")
        return Cup(name=f"{name} {note}", size="large" if name == "odd" else size)  # type: ignore[arg-type]

    @strawberry.field
    async def must(self, name: str) -> Cup:
        if name == "break":
            raise ValueError("broken")
        return Cup(name=name, size=1)

    @strawberry.field
    async def wished(self, wish: Wish | None = None, when: datetime | None = None) -> Cup:
        kind = "nothing" if wish is None else wish.name
        return Cup(name=f"{kind} {when and when.year}", size=2)

    @strawberry.field
    def at_once(self) -> Cup:
        return Cup(name="now", size=0)


SCHEMA = strawberry.Schema(Query)._schema


def plan_of(text: str) -> Plan:
    document = parse(text)
    assert not validate(SCHEMA, document)
    return Plan(SCHEMA, document, document.definitions[0])  # type: ignore[arg-type]


async def both(text: str, variables: dict[str, Any]) -> tuple[Any, Any]:
    """(ours, graphql-core's)."""
    result = plan_of(text).run(variables, None)
    ours: ExecutionResult = result if isinstance(result, ExecutionResult) else await result
    theirs = await graphql(SCHEMA, text, variable_values=variables)
    return ours.formatted, theirs.formatted


def short(text: str) -> Straight | None:
    return plan_of(text).variant(VariableValues({}, {})).straight


CUP = "query ($name: String!, $size: Int, $note: String) { cup(name: $name, size: $size, note: $note) { name size } }"


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        (CUP, {"name": "blue"}),
        (CUP, {"name": "blue", "size": 5, "note": "hot"}),
        (CUP, {"name": "blue", "size": None}),
        (CUP, {"name": "none"}),
        (CUP, {"name": "break"}),
        (CUP, {"name": "odd"}),
        (CUP, {}),
        ('{ cup(name: "red", size: 2) { n: name } }', {}),
        ('{ cup(name: "red") { name } }', {}),
        ("query ($n: String!) { mine: must(name: $n) { name } }", {"n": "break"}),
        ("query ($n: String!) { mine: must(name: $n) { name } }", {"n": "well"}),
        ('{ wished(wish: {name: "juice"}) { name } }', {}),
        (
            "query ($w: Wish, $at: DateTime) { wished(wish: $w, when: $at) { name } }",
            {"w": {}, "at": AT.isoformat()},
        ),
        ("{ wished { name } }", {}),
        ("{ atOnce { name } }", {}),
        ('{ cup(name: "a") { name } must(name: "b") { name } }', {}),
        ('{ ...f } fragment f on Query { cup(name: "a") { name } }', {}),
    ],
)
async def test_it_says_what_graphql_core_says(text: str, variables: dict[str, Any]) -> None:
    ours, theirs = await both(text, variables)
    assert ours == theirs


def test_what_is_not_simple_takes_the_long_way() -> None:
    assert short(CUP) is not None
    assert short('{ cup(name: "a") { name } }') is not None
    assert short("{ atOnce { name } }") is None
    assert short('{ cup(name: "a") { name } must(name: "b") { name } }') is None
    assert short('{ wished(wish: {name: "juice"}) { name } }') is None
