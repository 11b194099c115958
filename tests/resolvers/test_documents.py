"""The tests of this folder ask for everything there is, and every act answers in the one shape."""

from pathlib import Path

from graphql import (
    FieldNode,
    GraphQLNonNull,
    GraphQLObjectType,
    OperationDefinitionNode,
    build_schema,
    parse,
    validate,
)

from tests.resolvers import documents

SCHEMA = build_schema((Path(__file__).parents[2] / "schema.graphql").read_text())


def test_every_field_of_the_schema_is_asked_for_by_a_document_of_these_tests() -> None:
    asked: set[str] = set()
    for text in documents.ALL:
        document = parse(text)
        assert validate(SCHEMA, document) == []
        for definition in document.definitions:
            assert isinstance(definition, OperationDefinitionNode)
            fields = [node for node in definition.selection_set.selections if isinstance(node, FieldNode)]
            asked |= {field.name.value for field in fields}
    assert SCHEMA.query_type is not None
    assert SCHEMA.mutation_type is not None
    assert asked == {*SCHEMA.query_type.fields, *SCHEMA.mutation_type.fields}


def test_every_act_answers_with_a_nullable_object_and_user_errors() -> None:
    assert SCHEMA.mutation_type is not None
    user_error = SCHEMA.type_map["UserError"]
    assert isinstance(user_error, GraphQLObjectType)
    assert list(user_error.fields) == ["code", "message", "field"]
    for name, act in SCHEMA.mutation_type.fields.items():
        assert isinstance(act.type, GraphQLNonNull), name
        result, errors = act.type.of_type.fields.items()
        assert not isinstance(result[1].type, GraphQLNonNull), name
        assert (errors[0], str(errors[1].type)) == ("userErrors", "[UserError!]!"), name
