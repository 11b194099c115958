"""What the schema says is open to everybody, read from the code and from the text that clients get."""

from pathlib import Path

import pytest
import strawberry
from graphql import GraphQLSchema, build_schema

from plans.public import Public, max_age_of

SCHEMA = Path(__file__).parents[2] / "schema.graphql"


@strawberry.type
class Query:
    @strawberry.field(directives=[Public(max_age=60)])
    def shared(self) -> int:
        return 1

    @strawberry.field(directives=[Public(max_age=0)])
    def open(self) -> int:
        return 1

    @strawberry.field
    def closed(self) -> int:
        return 1


CODE = strawberry.Schema(Query)


@pytest.mark.parametrize("schema", [CODE._schema, build_schema(CODE.as_str())], ids=["code", "text"])
def test_a_root_field_is_shared_for_a_while_or_open_or_closed(schema: GraphQLSchema) -> None:
    assert schema.query_type is not None
    said = {name: max_age_of(field) for name, field in schema.query_type.fields.items()}
    assert said == {"shared": 60, "open": 0, "closed": None}


def test_no_act_of_the_house_is_ever_shared() -> None:
    acts = build_schema(SCHEMA.read_text()).mutation_type
    assert acts is not None
    assert {name for name, field in acts.fields.items() if max_age_of(field)} == set()
