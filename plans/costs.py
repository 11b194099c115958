"""What an operation may cost: each field 1, or its weight; what is below a list, as often as the list is long.

The schema says it itself, with the directives that public cost specifications name, so that whoever reads it can
count: `@cost(weight:)` on a field whose resolver does more than look something up, `@listSize` on every list.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

import strawberry
from graphql import (
    ArgumentNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    IntValueNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_composite_type,
    value_from_ast_untyped,
)
from strawberry import UNSET
from strawberry.schema_directive import Location
from strawberry.utils.str_converters import to_camel_case

UNSIZED = 100
"""What a list counts as whose size nobody declared."""
MOST_TERMS = 32
"""A cost that depends on more combinations of variables takes their declared maxima instead."""
HUGE = 2**31
"""Beyond every GraphQL Int; longer digits are not even read."""


@strawberry.schema_directive(
    name="cost",
    locations=[Location.FIELD_DEFINITION],
    description="What asking for this field costs by itself, instead of 1.",
)
class Weight:
    weight: int


@strawberry.schema_directive(
    name="listSize",
    locations=[Location.FIELD_DEFINITION],
    description=(
        "How long the list is: what the first of `slicingArguments` that is given says, else `assumedSize`."
        " With `sizedFields` it tells the size of these fields below instead."
    ),
)
class ListSize:
    assumed_size: int
    slicing_arguments: list[str] | None = UNSET
    sized_fields: list[str] | None = UNSET


class Sized(NamedTuple):
    """A list's size that a variable decides."""

    variable: str
    absent: int
    """The size when the variable is not given."""
    most: int
    """The size when the variable is nothing to count with."""

    def of(self, variables: Mapping[str, Any]) -> int:
        given = variables.get(self.variable, self.absent)
        return max(given, 1) if isinstance(given, int) and not isinstance(given, bool) else self.most


class Cost:
    """A sum of products: how much, times the sizes that variables decide. Nearly always one or two terms."""

    __slots__ = ("terms",)

    def __init__(self, fixed: int = 0) -> None:
        self.terms: dict[tuple[Sized, ...], int] = {(): fixed}

    @property
    def least(self) -> int:
        """Whatever the variables say: every list has one element."""
        return sum(self.terms.values())

    def add(self, other: "Cost", times: int | Sized = 1) -> None:
        for sizes, units in other.terms.items():
            if isinstance(times, Sized):
                key, more = (times, *sizes), units
            else:
                key, more = sizes, units * times
            self.terms[key] = self.terms.get(key, 0) + more
        if len(self.terms) > MOST_TERMS:
            self.terms = {(): sum(self._products({}, at_most=True))}

    def of(self, variables: Mapping[str, Any]) -> int:
        return sum(self._products(variables))

    def _products(self, variables: Mapping[str, Any], *, at_most: bool = False) -> Iterator[int]:
        for sizes, units in self.terms.items():
            for size in sizes:
                units *= size.most if at_most else size.of(variables)
            yield units


@dataclass(frozen=True, slots=True)
class Price:
    """What the schema says of one field."""

    itself: Cost = Cost(1)  # noqa: RUF009 - nobody adds to it
    below: str | None = None
    """The name of the type whose fields can be asked for below."""
    is_list: bool = False
    assumed_size: int | None = None
    slicing: Mapping[str, int] = field(default_factory=dict)
    """Slicing argument → what counts when it is left out."""
    sized_fields: frozenset[str] = frozenset()

    @property
    def sizes_itself(self) -> bool:
        return self.is_list and self.assumed_size is not None and not self.sized_fields

    def length(self, arguments: Iterable[ArgumentNode]) -> int | Sized:
        """Of this list, or of the sized fields below, as these arguments decide it."""
        most = UNSIZED if self.assumed_size is None else self.assumed_size
        given = {argument.name.value: argument.value for argument in arguments}
        for name, absent in self.slicing.items():
            if name in given:
                return _size_in(given[name], absent, most)
        return next(iter(self.slicing.values()), most)


def _size_in(value: ValueNode, absent: int, most: int) -> int | Sized:
    if isinstance(value, VariableNode):
        return Sized(value.name.value, absent, most)
    return integer(value, otherwise=most)


def integer(value: ValueNode | None, *, otherwise: int) -> int:
    """The whole number that is written there, but at least 1: what is asked for costs, also of an empty list."""
    if not isinstance(value, IntValueNode):
        return otherwise
    return max(int(value.value), 1) if len(value.value) <= len(str(HUGE)) else HUGE


class Prices:
    """What every field of a schema costs."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._of = {
            name: {key: _price(found) for key, found in kind.fields.items()}
            for name, kind in schema.type_map.items()
            if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)
        }

    def of(self, parent: str | None, name: str) -> Price:
        """A field that the type doesn't have counts 1; validation is going to refuse it."""
        return self._of.get(parent or "", {}).get(name, _PLAIN)


_PLAIN = Price()


def _price(found: GraphQLField) -> Price:
    named = get_named_type(found.type)
    kind = found.type.of_type if isinstance(found.type, GraphQLNonNull) else found.type
    size = _directive(found, ListSize, "listSize")
    assumed = size.get("assumedSize")
    return Price(
        itself=Cost(_directive(found, Weight, "cost").get("weight", 1)),
        below=named.name if is_composite_type(named) else None,
        is_list=isinstance(kind, GraphQLList),
        assumed_size=assumed,
        slicing={
            name: _when_left_out(found, name, UNSIZED if assumed is None else assumed)
            for name in size.get("slicingArguments") or ()
        },
        sized_fields=frozenset(size.get("sizedFields") or ()),
    )


def _when_left_out(found: GraphQLField, name: str, most: int) -> int:
    """The schema's default of a slicing argument, whether a program or a text built the schema."""
    argument = found.args.get(name)
    if argument is None:
        return most
    if argument.default is not None and argument.default.literal is not None:
        return integer(argument.default.literal, otherwise=most)
    return argument.default_value if isinstance(argument.default_value, int) else most


def _directive(found: GraphQLField, kind: type[Any], name: str) -> dict[str, Any]:
    """The directive's arguments: from Strawberry's definition behind the field, or from the schema's own text."""
    definition = found.extensions.get("strawberry-definition")
    for directive in getattr(definition, "directives", ()):
        if isinstance(directive, kind):
            said = {to_camel_case(part.name): getattr(directive, part.name) for part in fields(directive)}
            return {key: value for key, value in said.items() if value is not UNSET}
    for node in (found.ast_node and found.ast_node.directives) or ():
        if node.name.value == name:
            return {part.name.value: value_from_ast_untyped(part.value) for part in node.arguments or ()}
    return {}
