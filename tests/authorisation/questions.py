"""One document for each root field, asking for all there is below it: written by the schema itself."""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLObjectType,
    get_named_type,
    is_abstract_type,
    is_composite_type,
)

from plans.public import max_age_of
from resolvers.schema import build_schema

SCHEMA = build_schema()._schema
DEEPEST = 10
"""Fields in fields; deeper the door lets nobody ask."""

Coordinate = tuple[str, str]
"""A type and one of its fields."""


@dataclass(frozen=True)
class Taken:
    """An argument in a document: the variable that fills it, and where it stands in the schema (`order.orderNo`)."""

    name: str
    variable: str
    place: str
    argument: GraphQLArgument


@dataclass(frozen=True)
class Asked:
    """A field, its arguments, and what is asked for below it, by type."""

    name: str
    takes: list[Taken]
    below: Mapping[str, "list[Asked]"] = field(default_factory=dict)

    def walk(self) -> "Iterator[Asked]":
        yield self
        for fields in self.below.values():
            for each in fields:
                yield from each.walk()

    def text(self, given: Container[str]) -> str:
        """The selection, with those arguments that are given."""
        filled = ", ".join(f"{each.name}: ${each.variable}" for each in self.takes if each.variable in given)
        said = f"{self.name}({filled})" if filled else self.name
        if not self.below:
            return said
        inside = (
            f"... on {kind} {{ {' '.join(f.text(given) for f in below)} }}" for kind, below in self.below.items()
        )
        return f"{said} {{ __typename {' '.join(inside)} }}"


@dataclass(frozen=True, eq=False)
class Question:
    """A root field with everything below it."""

    kind: str
    field: GraphQLField
    asked: Asked

    @property
    def name(self) -> str:
        return self.asked.name

    @property
    def max_age(self) -> int | None:
        return max_age_of(self.field)

    @property
    def is_public(self) -> bool:
        return self.max_age is not None

    @property
    def takes(self) -> list[Taken]:
        return [taken for each in self.asked.walk() for taken in each.takes]

    @property
    def covers(self) -> set[Coordinate]:
        return {
            (kind, below.name)
            for each in self.asked.walk()
            for kind, fields in each.below.items()
            for below in fields
        }

    @property
    def operation_name(self) -> str:
        return f"Walk{self.name[0].upper()}{self.name[1:]}"

    def text(self, given: Container[str]) -> str:
        """The document with a variable for each argument that is given."""
        filled = [f"${each.variable}: {each.argument.type}" for each in self.takes if each.variable in given]
        declared = f"({', '.join(filled)})" if filled else ""
        return f"{self.kind} {self.operation_name}{declared} {{ {self.asked.text(given)} }}"


def _asked(name: str, found: GraphQLField, place: str, path: str = "", above: tuple[str, ...] = ()) -> Asked:
    takes = [Taken(key, f"{path}{key}", f"{place}.{key}", argument) for key, argument in found.args.items()]
    named = get_named_type(found.type)
    if not is_composite_type(named):
        return Asked(name, takes)
    above = (*above, named.name)
    below = {
        kind.name: [
            _asked(key, each, f"{kind.name}.{key}", f"{path}{name}_", above)
            for key, each in kind.fields.items()
            if _goes_on(get_named_type(each.type), above)
        ]
        for kind in _kinds(named)
    }
    return Asked(name, takes, below)


def _goes_on(named: GraphQLNamedType, above: tuple[str, ...]) -> bool:
    """Not round in a circle, and not deeper than the door lets anybody ask."""
    return not is_composite_type(named) or (named.name not in above and len(above) < DEEPEST - 1)


def _kinds(named: GraphQLNamedType) -> Iterator[GraphQLObjectType]:
    """The type itself, or those that an interface or a union can be."""
    if isinstance(named, GraphQLObjectType):
        yield named
    elif is_abstract_type(named):
        yield from SCHEMA.get_possible_types(named)


def _questions() -> Iterator[Question]:
    for kind, root in (("query", SCHEMA.query_type), ("mutation", SCHEMA.mutation_type)):
        assert root is not None
        yield from (question_of(kind, name, found) for name, found in root.fields.items())


def question_of(kind: str, name: str, found: GraphQLField) -> Question:
    return Question(kind, found, _asked(name, found, name))


TAKING_AWAY = (
    "withdraw", "decline", "revoke", "hide", "suspend", "reset", "remove", "close", "leave", "end", "undo",
)  # fmt: skip
"""How acts begin that take something away: later ones take more, and what earlier ones are about."""
SIGN_OUTS = ("signOut", "staffSignOut")


def _when(question: Question) -> tuple[bool, bool, int, bool]:
    """First who looks, then who acts, then who takes something away; acts that take nothing are about whoever asks, and
    after a sign-out nobody asks as who they were."""
    is_act = question.kind == "mutation"
    taking = [number for number, word in enumerate(TAKING_AWAY, 1) if question.name.startswith(word)]
    return (
        question.name in SIGN_OUTS,
        is_act and not question.takes,
        max(taking, default=0),
        is_act,
    )


QUESTIONS = sorted(_questions(), key=_when)
"""Every root field, in an order in which its owner can ask for one after the other."""


def input_fields(argument: GraphQLArgument | GraphQLInputField) -> Mapping[str, GraphQLInputField] | None:
    """The fields of an argument that is an input object, or a list of them."""
    named = get_named_type(argument.type)
    return named.fields if isinstance(named, GraphQLInputObjectType) else None


def everything_there_is() -> set[Coordinate]:
    """Every field of every object type, but for the roots and the machine's own."""
    roots = (SCHEMA.query_type, SCHEMA.mutation_type)
    return {
        (kind.name, name)
        for kind in SCHEMA.type_map.values()
        if isinstance(kind, GraphQLObjectType) and kind not in roots and not kind.name.startswith("__")
        for name in kind.fields
    }


def seen_in(data: Any) -> Iterator[Coordinate]:
    """Of which fields an answer really holds something."""
    if isinstance(data, list):
        for each in data:
            yield from seen_in(each)
    elif isinstance(data, dict):
        for name, below in data.items():
            if name != "__typename" and below not in (None, []):
                yield data.get("__typename", ""), name
                yield from seen_in(below)
