"""Variables of one operation, coerced quickly where they are as they should be.

What is wrong with one, and how that is said, is graphql-core's: at the first value that is not of the kind expected,
all of them go through `get_variable_values`.
"""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLError,
    GraphQLFloat,
    GraphQLID,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
    OperationDefinitionNode,
    Undefined,
    VariableDefinitionNode,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values
from graphql.type import is_required_input_field
from graphql.utilities.coerce_input_value import coerce_default_value

from plans.shapes import LEAST_INT, MOST_INT, Anomaly

Coerce = Callable[[Any], Any]
Make = Callable[[], Any]
MOST_ERRORS = 50  # graphql-core's own default


class Variables:
    """How the variables of one operation are read."""

    def __init__(
        self, schema: GraphQLSchema, operation: OperationDefinitionNode, *, hide_suggestions: bool
    ) -> None:
        self._schema = schema
        self._nodes = operation.variable_definitions or ()
        self._hide_suggestions = hide_suggestions
        self._quick = [self._quick_one(node) for node in self._nodes]

    def coerced(self, given: Mapping[str, Any]) -> VariableValues | list[GraphQLError]:
        """As the operation declares them, or what is wrong with them."""
        try:
            return self._quickly(given)
        except Exception:
            return get_variable_values(
                self._schema,
                self._nodes,
                dict(given),
                max_errors=MOST_ERRORS,
                hide_suggestions=self._hide_suggestions,
            )

    def _quick_one(self, node: VariableDefinitionNode) -> tuple[GraphQLVariableSignature, Coerce, Make]:
        signature = self._signature(node)
        return signature, _coercer(signature.type), self._default(node)

    def _signature(self, node: VariableDefinitionNode) -> GraphQLVariableSignature:
        signature = get_variable_signature(self._schema, node)
        assert not isinstance(signature, GraphQLError)  # validation has seen to it
        return signature

    def _default(self, node: VariableDefinitionNode) -> Make:
        """Made anew for each request when somebody could change it: a signature remembers what it made."""
        signature = self._signature(node)
        if signature.default is None:
            return _missing if isinstance(signature.type, GraphQLNonNull) else _nothing
        value = coerce_default_value(signature)
        if isinstance(value, str | int | float | bool | Enum | None):
            return lambda: value
        return lambda: coerce_default_value(self._signature(node))

    def _quickly(self, given: Mapping[str, Any]) -> VariableValues:
        """Raises Anomaly, or whatever coercing raises."""
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        for signature, coerce, default in self._quick:
            name = signature.name
            value = given.get(name, Undefined)
            if value is Undefined:
                sources[name] = VariableValueSource(signature)
                value = default()
                if value is not Undefined:
                    coerced[name] = value
            else:
                sources[name] = VariableValueSource(signature, value)
                coerced[name] = coerce(value)
        return VariableValues(sources, coerced)


def _missing() -> Any:
    raise Anomaly


def _nothing() -> Any:
    return Undefined


def _coercer(kind: Any) -> Coerce:
    if isinstance(kind, GraphQLNonNull):
        return _wanted(_of_some(kind.of_type))
    inner = _of_some(kind)
    return lambda value: None if value is None else inner(value)


def _wanted(inner: Coerce) -> Coerce:
    def coerce(value: Any) -> Any:
        if value is None:
            raise Anomaly
        return inner(value)

    return coerce


def _of_some(kind: Any) -> Coerce:
    match kind:
        case GraphQLList():
            return _list(_coercer(kind.of_type))
        case GraphQLInputObjectType():
            return _object(kind)
        case GraphQLScalarType() | GraphQLEnumType():
            return _leaf(kind)
    raise TypeError(f"{kind} is no input type")


def _list(item: Coerce) -> Coerce:
    def coerce(value: Any) -> list[Any]:
        if type(value) is not list:
            raise Anomaly
        return [item(each) for each in value]

    return coerce


def _object(kind: GraphQLInputObjectType) -> Coerce:
    """Its fields are looked at when they are first needed: input types may hold themselves."""
    if kind.is_one_of:
        return _never
    fields: list[tuple[str, str, Any, Coerce]] = []

    def coerce(value: Any) -> Any:
        if not fields:
            fields.extend(
                (name, field.out_name or name, field, _coercer(field.type)) for name, field in kind.fields.items()
            )
        if type(value) is not dict:
            raise Anomaly
        made: dict[str, Any] = {}
        found = 0
        for name, out_name, field, inner in fields:
            if name in value:
                made[out_name] = inner(value[name])
                found += 1
            elif is_required_input_field(field):
                raise Anomaly
            else:
                default = coerce_default_value(field)
                if default is not Undefined:
                    made[out_name] = default
        if found != len(value):
            raise Anomaly
        return kind.out_type(made)

    return coerce


def _never(_value: Any) -> Any:
    raise Anomaly


def _leaf(kind: GraphQLScalarType | GraphQLEnumType) -> Coerce:
    if kind is GraphQLString or kind is GraphQLID:
        return _exactly(str)
    if kind is GraphQLBoolean:
        return _exactly(bool)
    if kind is GraphQLInt:
        return _int
    if kind is GraphQLFloat:
        return _float
    coerce: Coerce = kind.coerce_input_value

    def by_its_own(value: Any) -> Any:
        coerced = coerce(value)
        if coerced is Undefined:
            raise Anomaly
        return coerced

    return by_its_own


def _exactly(cls: type) -> Coerce:
    def coerce(value: Any) -> Any:
        if type(value) is not cls:
            raise Anomaly
        return value

    return coerce


def _int(value: Any) -> Any:
    if type(value) is not int or not LEAST_INT <= value <= MOST_INT:
        raise Anomaly
    return value


def _float(value: Any) -> Any:
    if type(value) is not float or value - value != 0.0:
        raise Anomaly
    return value
