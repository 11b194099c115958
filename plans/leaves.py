"""The faster executor: graphql-core's own, which passes by what is plain.

Everything that has a resolver is executed by graphql-core, field by field. Where a value is plain (see `shapes`), small
functions put together once read it instead; at the first thing that is not as expected they give up, and graphql-core
completes the same value from its beginning.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date, datetime
from operator import attrgetter
from typing import Any, NamedTuple

from graphql import GraphQLError, GraphQLObjectType, GraphQLOutputType, GraphQLResolveInfo, Undefined
from graphql.execution import Executor
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet
from graphql.pyutils import Path, gather_with_cancel
from strawberry.types.cast import TYPE_CAST_ATTRIBUTE

from plans.rows import Rows, is_object_of
from plans.shapes import (
    LEAST_INT,
    MOST_INT,
    Anomaly,
    Either,
    Field,
    Leaf,
    Many,
    NotPlain,
    One,
    Reader,
    Value,
    definition_of,
    is_utc,
    other_leaf,
    plain_source,
)

Complete = Callable[[Any], Any]
"""A value of ours → what the answer holds. Raises Anomaly, or whatever reading raises."""


def completer(value: Value) -> Complete:
    """The functions of a shape, put together."""
    match value.what:
        case Leaf():
            inner = _leaf(value.what)
        case One():
            inner = _one(value.what)
        case Many():
            inner = _many(completer(value.what.item))
        case Either():
            inner = _either(value.what)
    return _or_none(inner) if value.nullable else inner


def _or_none(complete: Complete) -> Complete:
    return lambda value: None if value is None else complete(value)


def _one(shape: One) -> Complete:
    belongs = is_object_of(shape.origin)
    fields = [(field.key, *_read(field)) for field in shape.fields]
    may_be_cast = shape.may_be_cast

    def complete(source: Any) -> dict[str, Any]:
        if not belongs(type(source)) or (may_be_cast and hasattr(source, TYPE_CAST_ATTRIBUTE)):
            raise Anomaly
        return {key: inner(read(source)) for key, read, inner in fields}

    return complete


def _read(field: Field) -> tuple[Callable[[Any], Any], Complete]:
    if isinstance(field.value, str):
        name = field.value
        return (lambda _source: name), (lambda value: value)
    assert isinstance(field.value, Value)
    assert field.source is not None
    return attrgetter(field.source.attribute), completer(field.value)


def _many(complete: Complete) -> Complete:
    def every(value: Any) -> list[Any]:
        if type(value) not in (list, tuple, Rows):
            raise Anomaly
        return [complete(each) for each in value]

    return every


def _either(shape: Either) -> Complete:
    choices = [(is_object_of(one.origin), _one(one)) for one in shape.choices]

    def complete(source: Any) -> dict[str, Any]:
        for belongs, inner in choices:
            if belongs(type(source)):
                return inner(source)  # type: ignore[no-any-return]
        raise Anomaly

    return complete


# Leaves


def _leaf(shape: Leaf) -> Complete:
    if shape.kind == "enum":
        return _enum(shape)
    if shape.kind == "whole":
        return _whole(shape.most)
    return _EXACTLY[shape.kind] if shape.kind in _EXACTLY else other_leaf(shape.coerce)


def _enum(shape: Leaf) -> Complete:
    enum, names = shape.enum, shape.names

    def name(value: Any) -> Any:
        if type(value) is not enum:
            raise Anomaly
        return value._name_ if names is None else names[value]

    return name


def _text(value: Any) -> Any:
    if type(value) is not str:
        raise Anomaly
    return value


def _int(value: Any) -> Any:
    if type(value) is not int or not LEAST_INT <= value <= MOST_INT:
        raise Anomaly
    return value


def _whole(most: int) -> Complete:
    def complete(value: Any) -> Any:
        if type(value) is not int or not -most <= value <= most:
            raise Anomaly
        return value

    return complete


def _float(value: Any) -> Any:
    if type(value) is not float or value - value != 0.0:  # neither infinite nor no number
        raise Anomaly
    return value


def _bool(value: Any) -> Any:
    if type(value) is not bool:
        raise Anomaly
    return value


def _instant(value: Any) -> Any:
    """Left as it is: orjson writes an instant in UTC as `isoformat` does."""
    if type(value) is not datetime or not is_utc(value):
        raise Anomaly
    return value


def _day(value: Any) -> Any:
    if type(value) is not date:
        raise Anomaly
    return value


_EXACTLY: Mapping[str, Complete] = {
    "text": _text,
    "int": _int,
    "float": _float,
    "bool": _bool,
    "instant": _instant,
    "day": _day,
}


# The executor


class _Entry(NamedTuple):
    key: str
    details: FieldDetailsList
    read: Callable[[Any], Any] | None
    """None when the field is not plain."""
    complete: Complete | None


class FastExecutor(Executor[Any]):
    """graphql-core's executor, faster where an object's fields are plain. The same answers, the same errors."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.completers: dict[int, tuple[Complete | None, FieldDetailsList]] = {}
        """Field, by the id of its details (kept alive beside) → what completes its value; a plan brings its own."""
        self._entries: dict[int, tuple[Callable[[type], bool], list[_Entry], GroupedFieldSet]] = {}

    def complete_value(
        self,
        return_type: GraphQLOutputType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        """As `Executor.complete_value`. What a resolver returned is completed at once, when all below it is plain."""
        if return_type is info.return_type:  # else a part of such a value
            found = self.completers.get(id(field_details_list))
            if found is None:
                complete = self._completer(return_type, field_details_list)
                found = self.completers[id(field_details_list)] = (complete, field_details_list)
            if found[0] is not None:
                try:
                    return found[0](result)
                except Exception:  # graphql-core says below, with its own words, what is wrong
                    self.gave_up()
        return super().complete_value(return_type, field_details_list, info, path, result, position_context)

    def gave_up(self) -> None:
        """A value that should have been plain was not."""

    def _completer(self, kind: GraphQLOutputType, details: FieldDetailsList) -> Complete | None:
        try:
            return completer(self._reader().value(kind, details))
        except (NotPlain, GraphQLError):  # what is wrong further down graphql-core says, if it comes to it
            return None

    def _reader(self) -> Reader:
        return Reader(self.schema, self.fragments, self.operation, self.variable_values)

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: GroupedFieldSet,
        position_context: Any,
    ) -> Any:
        """As `Executor.execute_fields`, but plain fields are read on the spot."""
        if path is None:
            return super().execute_fields(parent_type, source_value, path, grouped_field_set, position_context)
        belongs, entries, _ = self._entries_of(parent_type, grouped_field_set)
        if not belongs(type(source_value)):
            return super().execute_fields(parent_type, source_value, path, grouped_field_set, position_context)
        results: dict[str, Any] = {}
        waiting: list[str] = []
        try:
            for key, details, read, complete in entries:
                if read is not None and complete is not None:
                    try:
                        results[key] = complete(read(source_value))
                        continue
                    except Exception:
                        results.pop(key, None)
                at = Path(path, key, parent_type.name)
                result = self.execute_field(parent_type, source_value, details, at, position_context)
                if result is not Undefined:
                    results[key] = result
                    if self.is_awaitable(result):
                        waiting.append(key)
        except Exception:
            if waiting:
                self.settle_in_background([results[key] for key in waiting])
            raise
        return _all_of(results, waiting) if waiting else results

    def _entries_of(
        self, parent: GraphQLObjectType, grouped: GroupedFieldSet
    ) -> tuple[Callable[[type], bool], list[_Entry], GroupedFieldSet]:
        """Once for each selection of this execution; it is kept alive with the answer, so that its id stays its own."""
        found = self._entries.get(id(grouped))
        if found is None:
            try:
                belongs = is_object_of(definition_of(parent).origin)
            except NotPlain:
                belongs = _nothing
            entries = [self._entry(parent, key, details) for key, details in grouped.items()]
            found = self._entries[id(grouped)] = (belongs, entries, grouped)
        return found

    def _entry(self, parent: GraphQLObjectType, key: str, details: FieldDetailsList) -> _Entry:
        try:
            field = parent.fields[details[0].node.name.value]
            source = plain_source(parent, field)
            return _Entry(
                key, details, attrgetter(source.attribute), completer(self._reader().value(field.type, details))
            )
        except (NotPlain, KeyError, GraphQLError):
            return _Entry(key, details, None, None)


def _nothing(_cls: type) -> bool:
    return False


async def _all_of(results: dict[str, Any], waiting: list[str]) -> dict[str, Any]:
    """Awaits them as graphql-core does."""
    if len(waiting) == 1:
        results[waiting[0]] = await results[waiting[0]]
        return results
    awaitables: list[Awaitable[Any]] = [results[key] for key in waiting]
    results.update(zip(waiting, await gather_with_cancel(*awaitables), strict=True))
    return results
