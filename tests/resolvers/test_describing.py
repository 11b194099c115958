"""Whoever reads the schema finds a word at everything that is public, and no word stands there for nothing."""

from collections.abc import Iterator

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    get_named_type,
)

from plans.public import max_age_of
from resolvers.describing import ARGUMENTS, EVERY_VALUE, FIELDS, PUBLIC, TYPES
from resolvers.describing_inputs import GIVEN, INPUTS
from resolvers.schema import build_schema

JOURNEY = {
    "Query": """consentTexts me orders order orderQuote refundQuote admissionCodes moveQuote messages myVouchers voucherCodes
        claimDoor claimPuzzle billsToConfirm myDrawEntry myWaiting""",
    "Mutation": """requestSmsCode signInWithPhone signInWithMiniProgram signInWithOfficialAccount signInWithAlipay refreshSignIn
        signOut bindPhone giveConsent verifyMyName placeOrder payOrder splitOrder payShare checkIn cancelOrder
        claimVoucher confirmBill enterDraw askForSeries joinWaitingList""",
}
"""From signing in to the refund."""

Said = dict[str, str | None]
"""Whatever may have a description, by the name that `PUBLIC` gives it."""


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema()._schema


@pytest.fixture(scope="module")
def public(schema: GraphQLSchema) -> Said:
    """Of the public root fields and of every type that they lead to."""
    assert schema.query_type
    said: Said = {}
    waiting: list[GraphQLNamedType] = []
    for name, field in schema.query_type.fields.items():
        if max_age_of(field) is None:
            continue
        said[f"Query.{name}"] = field.description
        said |= {f"Query.{name}({each})": argument.description for each, argument in field.args.items()}
        waiting += [get_named_type(field.type), *(get_named_type(each.type) for each in field.args.values())]
    seen: set[str] = set()
    while waiting:
        kind = waiting.pop()
        if kind.name not in seen and not isinstance(kind, GraphQLScalarType):
            seen.add(kind.name)
            said |= of_type(kind)
            waiting += leads_to(kind)
    return said


def of_type(kind: GraphQLNamedType) -> Said:
    said: Said = {kind.name: kind.description}
    if isinstance(kind, GraphQLEnumType):
        said |= {f"{kind.name}.{name}": value.description for name, value in kind.values.items()}
    if isinstance(kind, GraphQLObjectType | GraphQLInputObjectType):
        said |= {f"{kind.name}.{name}": field.description for name, field in kind.fields.items()}
    return said


def described(schema: GraphQLSchema, place: str) -> str | None:
    """Of `Type.field(argument)` or `Input.field`."""
    name, _, inside = place.partition(".")
    field_name, _, argument = inside.rstrip(")").partition("(")
    field = schema.type_map[name].fields[field_name]  # type: ignore[attr-defined]
    told: str | None = (field.args[argument] if argument else field).description
    return told


def leads_to(kind: GraphQLNamedType) -> Iterator[GraphQLNamedType]:
    if isinstance(kind, GraphQLObjectType | GraphQLInputObjectType):
        yield from (get_named_type(field.type) for field in kind.fields.values())


def test_nothing_that_third_parties_may_ask_for_is_left_without_a_word(public: Said) -> None:
    assert len(public) > 200
    assert [place for place, description in public.items() if not description] == []


def given_on_the_journey(schema: GraphQLSchema) -> Said:
    """Every argument, and every field of every input that one leads to."""
    said: Said = {}
    waiting: list[GraphQLNamedType] = []
    for kind in (schema.query_type, schema.mutation_type):
        assert kind
        for name in JOURNEY[kind.name].split():
            for argument_name, argument in kind.fields[name].args.items():
                said[f"{kind.name}.{name}({argument_name})"] = argument.description
                waiting.append(get_named_type(argument.type))
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, GraphQLInputObjectType) and kind.name not in said:
            said |= of_type(kind)
            waiting += leads_to(kind)
    return said


def test_nothing_that_is_given_on_the_way_to_a_booking_and_back_is_without_a_word(schema: GraphQLSchema) -> None:
    said = given_on_the_journey(schema)
    assert len(said) > 80
    assert [place for place, description in said.items() if not description] == []


def test_no_value_of_an_enum_is_left_without_a_word_nor_is_any_enum(schema: GraphQLSchema) -> None:
    enums = [
        kind
        for name, kind in schema.type_map.items()
        if isinstance(kind, GraphQLEnumType) and not name.startswith("__")
    ]
    values = {f"{kind.name}.{name}": value.description for kind in enums for name, value in kind.values.items()}
    assert len(values) > 450
    assert [place for place, said in values.items() if not said] == []
    assert [kind.name for kind in enums if not kind.description] == []
    ours = [kind.extensions["strawberry-definition"].wrapped_cls for kind in enums]
    assert len(set(ours)) == len(ours)  # none under two names: resolvers/words.py


def test_every_list_of_refusals_and_every_page_says_what_it_is(schema: GraphQLSchema) -> None:
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLObjectType):
            told = [
                kind.fields[name].description for name in ("userErrors", "edges", "cursor") if name in kind.fields
            ]
            assert all(told), kind.name
            assert kind.description or not kind.name.endswith(("Payload", "Connection", "Edge")), kind.name


def test_no_line_describes_what_is_not_there_or_what_speaks_for_itself(
    schema: GraphQLSchema, public: Said
) -> None:
    assert [place for place in PUBLIC if public.get(place) != PUBLIC[place]] == []
    given = {place: described(schema, place) for place in GIVEN}
    assert [place for place, words in given.items() if words != GIVEN[place]] == []
    assert [name for name in INPUTS if schema.type_map[name].description != INPUTS[name]] == []
    idle = [
        f"{enum}.{name}"
        for enum, said in EVERY_VALUE.items()
        for name, words in said.items()
        if schema.type_map[enum].values[name].description != words
    ]
    assert idle == []
    assert [name for name in TYPES if schema.type_map[name].description != TYPES[name]] == []
    objects = [kind for kind in schema.type_map.values() if isinstance(kind, GraphQLObjectType)]
    fields = [(name, field) for kind in objects for name, field in kind.fields.items()]
    assert set(FIELDS.items()) <= {(name, field.description) for name, field in fields}
    arguments = [(name, given.description) for _, field in fields for name, given in field.args.items()]
    assert set(ARGUMENTS.items()) <= set(arguments)
