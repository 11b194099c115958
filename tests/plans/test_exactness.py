"""Plans and the fast executor answer as graphql-core does, to the letter: data, errors, paths, places, null propagation."""

import asyncio
import os
import random
import re
import time
from collections import Counter
from inspect import isawaitable
from typing import Any

import orjson
import pytest
from graphql import DocumentNode, ExecutionResult, GraphQLSchema, execute, parse, specified_rules, validate
from graphql.validation import NoUnusedVariablesRule

from plans.compiling import compiled
from plans.leaves import FastExecutor, completer
from plans.planning import Plan
from tests.plans.documents_at_random import Documents
from tests.plans.zoo import SCHEMA, Values

# graphql-core itself drops what it was about to await when a value beside it has already failed; so do we, as often.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

RULES = [rule for rule in specified_rules if rule is not NoUnusedVariablesRule]
SWITCHED = [*[True, False] * 4, None]
"""Null is no Boolean to switch by: where the variable may be null, graphql-core objects when it gets there."""
SECONDS = float(os.environ.get("SOAK_SECONDS", "6"))


class Resolvers:
    """Counts how often each root resolver is called, and gives or raises what was prepared."""

    def __init__(self, seed: int, badness: float) -> None:
        self.seed = seed
        self.badness = badness
        self.called: Counter[str] = Counter()

    def __call__(self, field: str) -> Any:
        """The same value for the same seed, made anew: some can be read once only."""
        self.called[field] += 1
        value = Values(random.Random(f"{self.seed} {field} {self.called[field]}"), self.badness).root(field)
        if isinstance(value, Exception):
            raise value
        return value


async def awaited(result: Any) -> ExecutionResult:
    found = await result if isawaitable(result) else result
    assert isinstance(found, ExecutionResult)
    return found


def told(result: ExecutionResult) -> bytes:
    """What goes over the wire, with every error's place and path. Addresses in reprs differ by nature."""
    errors = sorted(
        (orjson.dumps(error.formatted, default=str) for error in result.errors or []),
    )
    text = orjson.dumps({"data": result.data, "errors": [error.decode() for error in errors]}, default=str)
    return re.sub(rb"0x[0-9a-f]+", b"0x", text)


async def stock(document: DocumentNode, variables: dict[str, Any], resolvers: Resolvers) -> ExecutionResult:
    return await awaited(execute(SCHEMA, document, context_value=resolvers, variable_values=variables))


async def planned(
    document: DocumentNode, variables: dict[str, Any], resolvers: Resolvers, backend: Any
) -> ExecutionResult:
    plan = Plan(SCHEMA, document, document.definitions[0], backend)  # type: ignore[arg-type]
    return await awaited(plan.run(variables, resolvers))


async def fast(document: DocumentNode, variables: dict[str, Any], resolvers: Resolvers) -> ExecutionResult:
    return await awaited(
        execute(SCHEMA, document, context_value=resolvers, variable_values=variables, executor_class=FastExecutor)
    )


def document_of(seed: int, schema: GraphQLSchema = SCHEMA) -> DocumentNode | None:
    """Some random documents have conflicting fields: those are not valid and not wanted."""
    document = parse(Documents(schema, random.Random(seed)).document())
    return None if validate(schema, document, RULES) else document


async def compare(seed: int, badness: float) -> bool:
    document = document_of(seed)
    if document is None:
        return False
    chance = random.Random(seed)
    variables = {name: chance.choice(SWITCHED) for name in ("a", "b")}
    expected_calls = Resolvers(seed, badness)
    expected = told(await stock(document, variables, expected_calls))
    ways = {"compiled": compiled, "put together": completer}
    for name, backend in ways.items():
        resolvers = Resolvers(seed, badness)
        found = told(await planned(document, variables, resolvers, backend))
        assert found == expected, (seed, name, document.loc and document.loc.source.body)
        assert resolvers.called == expected_calls.called, (seed, name)
    resolvers = Resolvers(seed, badness)
    assert told(await fast(document, variables, resolvers)) == expected, (
        seed,
        "fast",
        document.loc and document.loc.source.body,
    )
    assert resolvers.called == expected_calls.called
    return True


@pytest.mark.parametrize("badness", [0.0, 0.02, 0.2])
async def test_random_documents_over_random_data_are_answered_as_graphql_core_answers(badness: float) -> None:
    until = time.monotonic() + SECONDS / 3
    seed, compared = int(badness * 1000) * 1_000_000, 0
    while time.monotonic() < until or compared < 100:
        compared += await compare(seed, badness)
        seed += 1
        await asyncio.sleep(0)
    assert compared >= 100
