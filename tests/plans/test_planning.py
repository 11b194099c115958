"""Plans: what is compiled, what is left to graphql-core, and that it is so for the documents of our own clients."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import strawberry
from graphql import GraphQLSchema, parse
from graphql.execution.values import VariableValues

from plans import documents
from plans.checking import Checker
from plans.compiling import compiled
from plans.engine import Engine, Operation
from plans.planning import MOST_VARIANTS, Plan
from resolvers.schema import build_schema
from tests.plans.test_exactness import awaited
from tests.plans.test_odd_values import Puppy
from tests.plans.zoo import SCHEMA

CLIENTS = Path(__file__).parents[2] / "clients"
HOUSE = build_schema()._schema

NOT_WHOLLY_PLAIN = {
    "VenueOccupancy": {"venue"},
    "VenuesNearLive": {"venuesNear"},
    "SignIn": {"signInWithMiniProgram"},
    "SignInWithPhone": {"signInWithPhone"},
}
"""A live figure, and what is asked at the door, have resolvers, so a run goes through graphql-core around them."""


def plan_of(text: str, schema: GraphQLSchema = SCHEMA) -> Plan:
    document = parse(text)
    return Plan(schema, document, document.definitions[0], compiled)  # type: ignore[arg-type]


def planned_fields(plan: Plan, **variables: Any) -> dict[str, bool]:
    """Root field → whether one function completes all of it."""
    grouped, completers, _ = plan.variant(VariableValues({}, variables))
    return {key: completers[id(details)][0] is not None for key, details in grouped.items()}


def trusted_operations() -> list[Operation]:
    texts = documents.texts(CLIENTS)
    engine = Engine(HOUSE, Checker(HOUSE), texts)
    return [engine.trusted(document_id) for document_id in texts]


@pytest.mark.parametrize("operation", trusted_operations(), ids=lambda operation: operation.name)
def test_every_document_of_our_clients_is_compiled_but_for_what_has_a_resolver_inside(
    operation: Operation,
) -> None:
    planned = planned_fields(operation.plan)
    left = {name for name, is_planned in planned.items() if not is_planned}
    assert left == NOT_WHOLLY_PLAIN.get(operation.name or "", set())


def test_the_plans_of_all_trusted_documents_compile_in_under_two_seconds_of_cpu() -> None:
    started = time.process_time()
    assert trusted_operations()
    assert time.process_time() - started < 2.0


SOME = {
    "{ node { name tags { code } numbers } }": {"node": True},
    "{ node { name later } }": {"node": False},
    "{ node { name greeting } }": {"node": False},
    "{ node { stones { label } } }": {"node": True},
    "{ thing { ... on Dog { barks } } pets { name } }": {"thing": True, "pets": True},
    "{ a: leaves { text } b: node { friend { name } } }": {"a": True, "b": False},
    "mutation { count change { name } }": {"count": True, "change": True},
}


@pytest.mark.parametrize(("text", "planned"), SOME.items())
def test_a_root_field_is_planned_when_all_below_it_is_plain(text: str, planned: dict[str, bool]) -> None:
    assert planned_fields(plan_of(text)) == planned


def test_what_is_included_decides_whether_a_field_is_planned() -> None:
    plan = plan_of("query ($l: Boolean!) { node { name later @include(if: $l) } }")
    assert planned_fields(plan, l=False) == {"node": True}
    assert planned_fields(plan, l=True) == {"node": False}


def test_however_many_switches_a_document_has_few_variants_are_kept() -> None:
    names = [f"v{number}" for number in range(10)]
    declared = ", ".join(f"${name}: Boolean!" for name in names)
    fields = " ".join(f"{name}: name @include(if: ${name})" for name in names)
    plan = plan_of(f"query ({declared}) {{ node {{ name {fields} }} }}")
    for number in range(100):
        planned_fields(plan, **{name: bool(number >> place & 1) for place, name in enumerate(names)})
    assert len(plan._variants) == MOST_VARIANTS


@dataclass
class Counted:
    """A source whose attribute is computed: reading it twice would show."""

    reads: int = 0


async def test_a_computed_attribute_is_read_once_whatever_the_plan_thinks_of_the_object() -> None:
    counted = Counted()

    class Reader(Puppy):
        @property
        def age(self) -> int:  # type: ignore[override]
            counted.reads += 1
            return 3

        @age.setter
        def age(self, value: int | None) -> None: ...

    plan = plan_of("{ pets { ... on Dog { age name } } }")
    result = await awaited(plan.run({}, lambda _field: [Reader(name="n", barks=True, age=None, tags=[])]))
    assert result.errors is None
    assert result.data == {"pets": [{"age": 3, "name": "n"}]}
    assert counted.reads == 1


async def test_an_anomaly_is_counted_so_that_somebody_sees_why_an_operation_is_slow() -> None:
    plan = plan_of("{ leaves { text } }")
    await awaited(plan.run({}, lambda _field: object()))
    assert plan.anomalies == 1


def test_a_type_that_reads_its_attributes_in_a_way_of_its_own_is_not_planned() -> None:
    @strawberry.type
    class Lazy:
        name: str

        def __getattr__(self, name: str) -> str:
            return "computed"

    @strawberry.type
    class Query:
        @strawberry.field
        def lazy(self) -> Lazy:
            return Lazy(name="n")

    schema = strawberry.Schema(Query)._schema
    assert planned_fields(plan_of("{ lazy { name } }", schema)) == {"lazy": False}
