"""The tests of this folder ask for everything there is, and every act answers in the one shape."""

from pathlib import Path

from graphql import (
    FieldNode,
    GraphQLNonNull,
    GraphQLObjectType,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    build_schema,
    parse,
    validate,
    visit,
)

from tests.resolvers import documents

SCHEMA = build_schema((Path(__file__).parents[2] / "schema.graphql").read_text())


def test_every_field_of_the_schema_is_asked_for_by_a_document_of_these_tests() -> None:
    asked: set[tuple[str, str]] = set()
    for text in documents.ALL:
        document, types = parse(text), TypeInfo(SCHEMA)
        assert validate(SCHEMA, document) == []

        class Reader(Visitor):
            def enter_field(self, node: FieldNode, *_: object, types: TypeInfo = types) -> None:
                owner = types.get_parent_type()
                assert owner is not None
                asked.add((owner.name, node.name.value))

        visit(document, TypeInfoVisitor(types, Reader()))
    there = {
        (name, field)
        for name, kind in SCHEMA.type_map.items()
        if isinstance(kind, GraphQLObjectType) and not name.startswith("__")
        for field in kind.fields
    }
    assert asked == there


def test_every_act_answers_with_what_is_nullable_and_user_errors() -> None:
    assert SCHEMA.mutation_type is not None
    user_error = SCHEMA.type_map["UserError"]
    assert isinstance(user_error, GraphQLObjectType)
    assert list(user_error.fields) == ["code", "message", "field"]
    for name, act in SCHEMA.mutation_type.fields.items():
        assert isinstance(act.type, GraphQLNonNull), name
        *results, errors = act.type.of_type.fields.items()
        assert results, name
        assert not any(isinstance(result[1].type, GraphQLNonNull) for result in results), name
        assert (errors[0], str(errors[1].type)) == ("userErrors", "[UserError!]!"), name
