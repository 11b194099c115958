"""What a selection asks of a value, as far as it is plain: read attributes, check types, build dictionaries.

A `Value` describes how graphql-core would complete a value of one type for one selection, when everything is as it
should be. It is derived from the GraphQLSchema that Strawberry made and collected by graphql-core itself, so merged
fields, fragments and aliases are its business, not ours. A field is plain when asking for it only reads an attribute
of a class that we know: no resolver, no arguments, no extension, no property. Whatever is not plain makes `NotPlain`.

Both backends (`compiling`, `leaves`) only ever confirm: every check that fails raises `Anomaly`, and the value that
the resolver already returned is then completed by graphql-core. So a shape may be too strict, never too lax.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, Flag
from typing import Any
from zoneinfo import ZoneInfo

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLField,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
    GraphQLUnionType,
    OperationDefinitionNode,
    Undefined,
)
from graphql.execution.collect_fields import FieldDetailsList, FragmentDetails, collect_subfields
from graphql.execution.values import VariableValues
from graphql.pyutils import is_awaitable
from strawberry.schema.types.base_scalars import DateDefinition, DateTimeDefinition
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from plans.rows import column_of, place_of
from plans.scalars import WholeNumber

DEFINITION = "strawberry-definition"
LIVE = "plans.live"
_ZERO = timedelta(0)
LEAST_INT, MOST_INT = -(2**31), 2**31 - 1


class NotPlain(Exception):
    """This part of a selection is graphql-core's alone."""


class Anomaly(Exception):
    """A value is not as expected: let graphql-core say what that means."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """`kind`: "text", "int", "whole", "float", "bool", "instant", "day", "enum" or "other"."""

    kind: str
    coerce: Callable[[Any], Any]
    enum: type[Enum] | None = None
    names: Mapping[Any, str] | None = None
    """Member → name in the schema; None when it is the member's own."""
    most: int = 0


@dataclass(frozen=True, slots=True)
class Live:
    """A field that is left out of a kept answer and laid over it later; `key` is where its parent says who it is."""

    number: int
    key: "Source"


@dataclass(frozen=True, slots=True)
class Source:
    """How a field's value is had from an object (`attribute`), a keyed row (`column`) or a positional one (`place`)."""

    attribute: str
    column: str
    place: int


@dataclass(frozen=True, slots=True)
class Field:
    """One entry of the answer. `value` is a constant text for `__typename`."""

    key: str
    source: Source | None
    value: "Value | Live | str"


@dataclass(frozen=True, slots=True)
class One:
    origin: type
    fields: tuple[Field, ...]
    may_be_cast: bool
    """`strawberry.cast` could make it another type: an object that carries its mark is an anomaly."""


@dataclass(frozen=True, slots=True)
class Either:
    """A union or an interface: the object's class decides."""

    choices: tuple[One, ...]


@dataclass(frozen=True, slots=True)
class Many:
    item: "Value"


@dataclass(frozen=True, slots=True)
class Value:
    what: Leaf | One | Either | Many
    nullable: bool


def runs_foreign_code(value: Value) -> bool:
    """Whether completing it calls anything that is not ours: a scalar's own function."""
    match value.what:
        case Leaf():
            return value.what.kind == "other"
        case Many():
            return runs_foreign_code(value.what.item)
        case One():
            return any(
                isinstance(each.value, Value) and runs_foreign_code(each.value) for each in value.what.fields
            )
        case Either():
            return any(runs_foreign_code(Value(one, nullable=False)) for one in value.what.choices)


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads shapes of one operation under one choice of its `@include` and `@skip`."""

    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDetails]
    operation: OperationDefinitionNode
    variables: VariableValues
    live: list[tuple[GraphQLObjectType, FieldDetailsList]] | None = None
    """When given, live fields are left out, and gathered here by their number."""

    def value(self, kind: GraphQLOutputType, details: FieldDetailsList) -> Value:
        """Raises NotPlain."""
        if isinstance(kind, GraphQLNonNull):
            return Value(self._what(kind.of_type, details), nullable=False)
        return Value(self._what(kind, details), nullable=True)

    def _what(self, kind: Any, details: FieldDetailsList) -> Leaf | One | Either | Many:
        match kind:
            case GraphQLList():
                return Many(self.value(kind.of_type, details))
            case GraphQLScalarType() | GraphQLEnumType():
                return leaf_of(kind)
            case GraphQLObjectType():
                return self.one(kind, details)
            case GraphQLUnionType() | GraphQLInterfaceType():
                return self._either(kind, details)
        raise NotPlain(f"{kind} is none of the kinds known")

    def one(self, kind: GraphQLObjectType, details: FieldDetailsList) -> One:
        definition = definition_of(kind)
        if kind.is_type_of is not None and definition.is_type_of is not None:
            raise NotPlain(f"{kind} decides by code of its own what belongs to it")
        collected = collect_subfields(
            self.schema, dict(self.fragments), self.variables, self.operation, kind, details
        )
        fields = tuple(self._field(kind, key, inner) for key, inner in collected.grouped_field_set.items())
        return One(definition.origin, fields, may_be_cast=kind.is_type_of is not None)

    def _field(self, parent: GraphQLObjectType, key: str, details: FieldDetailsList) -> Field:
        name = details[0].node.name.value
        if name == "__typename":
            return Field(key, None, parent.name)
        field = parent.fields.get(name)
        if field is None or field.args or details[0].node.arguments:
            raise NotPlain(f"{parent}.{name} takes arguments")
        if self.live is not None and (owner := live_key_of(field)) is not None:
            self.live.append((parent, details))
            return Field(key, None, Live(len(self.live) - 1, source_of(parent, owner)))
        return Field(key, plain_source(parent, field), self.value(field.type, details))

    def _either(self, kind: GraphQLUnionType | GraphQLInterfaceType, details: FieldDetailsList) -> Either:
        definition: Any = kind.extensions.get(DEFINITION)
        if definition is None or getattr(definition, "resolve_type", None) is not None:
            raise NotPlain(f"{kind} resolves its types by code of its own")
        possible = self.schema.get_possible_types(kind)
        if any(definition_of(one).concrete_of is not None for one in possible):
            raise NotPlain(f"{kind} has generic types in it")
        return Either(tuple(self._choice(one, details) for one in possible))

    def _choice(self, kind: GraphQLObjectType, details: FieldDetailsList) -> One:
        one = self.one(kind, details)
        return One(one.origin, one.fields, may_be_cast=True)


def definition_of(kind: GraphQLObjectType) -> StrawberryObjectDefinition:
    definition = kind.extensions.get(DEFINITION)
    if not isinstance(definition, StrawberryObjectDefinition) or definition.is_graphql_generic:
        raise NotPlain(f"{kind} is not one plain Strawberry type")
    return definition


def plain_source(parent: GraphQLObjectType, field: GraphQLField) -> Source:
    """Where the field's value is, when having it is nothing but reading. Raises NotPlain."""
    said = field.extensions.get(DEFINITION)
    if not isinstance(said, StrawberryField) or not said.is_basic_field:
        raise NotPlain(f"a field of {parent} has a resolver")
    if id(said.default_resolver) != id(getattr) or getattr(field.resolve, "__name__", "") != "_get_basic_result":
        raise NotPlain(f"{parent}.{said.python_name} is read in a way of its own")
    return source_of(parent, said.python_name)


def source_of(parent: GraphQLObjectType, name: str) -> Source:
    """An attribute of instances: not a property, not computed by the class, so that reading it twice is nothing."""
    origin = definition_of(parent).origin
    reads_strangely = any({"__getattribute__", "__getattr__"} & vars(cls).keys() for cls in origin.__mro__[:-1])
    is_strange = any(hasattr(origin, special) for special in ("__await__", "__aiter__")) or issubclass(
        origin, Exception
    )
    if reads_strangely or is_strange or hasattr(getattr(origin, name, None), "__get__"):
        raise NotPlain(f"{parent}.{name} is not a plain attribute")
    dataclass_fields: Mapping[str, Any] = getattr(origin, "__dataclass_fields__", {})
    if name not in dataclass_fields:
        raise NotPlain(f"{parent}.{name} is not an attribute of the type's own")
    return Source(name, column_of(dataclass_fields[name]), place_of(origin, name))


def live_key_of(field: GraphQLField) -> str | None:
    """The attribute by which a live field's parent is known, if the field is live."""
    said = field.extensions.get(DEFINITION)
    return said.metadata.get(LIVE) if isinstance(said, StrawberryField) else None


# Leaves


def leaf_of(kind: GraphQLScalarType | GraphQLEnumType) -> Leaf:
    if isinstance(kind, GraphQLEnumType):
        return _enum(kind)
    known = {
        GraphQLString: "text",
        GraphQLID: "text",
        GraphQLInt: "int",
        GraphQLFloat: "float",
        GraphQLBoolean: "bool",
    }
    for scalar, name in known.items():
        if kind is scalar or kind.coerce_output_value == scalar.coerce_output_value:
            return Leaf(name, kind.coerce_output_value)
    if isinstance(kind.coerce_output_value, WholeNumber):
        return Leaf("whole", kind.coerce_output_value, most=kind.coerce_output_value.most)
    definition = kind.extensions.get(DEFINITION)
    if definition is DateTimeDefinition:
        return Leaf("instant", kind.coerce_output_value)
    if definition is DateDefinition:
        return Leaf("day", kind.coerce_output_value)
    return Leaf("other", kind.coerce_output_value)


def _enum(kind: GraphQLEnumType) -> Leaf:
    """Every member's name is asked of the schema's own type, once."""
    enum: Any = getattr(kind, "wrapped_cls", None)
    if not (isinstance(enum, type) and issubclass(enum, Enum)) or hasattr(enum, "__await__"):
        return Leaf("other", kind.coerce_output_value)
    names = {member: kind.coerce_output_value(member) for member in enum}
    own = not issubclass(enum, Flag) and all(names.get(member) == member._name_ for member in enum)
    return Leaf("enum", kind.coerce_output_value, enum, None if own else names)


def is_utc(instant: datetime) -> bool:
    """Whether orjson writes it as `isoformat` does: in UTC, however the library that made it calls that."""
    zone = instant.tzinfo
    return zone is UTC or (isinstance(zone, ZoneInfo) and instant.utcoffset() == _ZERO)


def other_leaf(coerce: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A scalar that only its own code understands, with what graphql-core looks at before and after."""

    def complete(value: Any) -> Any:
        if value is None or value is Undefined or isinstance(value, Exception) or is_awaitable(value):
            raise Anomaly
        coerced = coerce(value)
        if coerced is None or coerced is Undefined or is_awaitable(coerced):
            raise Anomaly
        return coerced

    return complete
