"""Database rows in place of objects: what a hot resolver may return where a list of a type is wanted.

    class Venue:
        id: strawberry.ID = column("public_id")     # said only where the column has another name
        name: str
        sports: list[Sport]                         # a column that holds [code, name], [code, name], …

    return VenueConnection(edges=Rows.keyed(VenueEdge, found), …)

The mapping is the type's own. A *keyed* row is read by column name, the field's Python name unless `column` says
otherwise; a *positional* row by the order of the type's fields. Whatever lies inside a row (an object, a list of
objects) is positional again. A compiled plan reads such rows as they are; anybody else who iterates over `Rows`
gets objects that behave like the type's own.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, fields
from functools import cache
from typing import Any, Self

import strawberry
from strawberry.types.base import StrawberryList, StrawberryOptional, get_object_definition

COLUMN = "plans.column"
ITSELF = "plans.itself"


def column(name: str, **more: Any) -> Any:
    """A Strawberry field that keyed rows keep under another name."""
    return strawberry.field(metadata={COLUMN: name}, **more)


def itself(**more: Any) -> Any:
    """A Strawberry field whose object is read from the very same row."""
    return strawberry.field(metadata={COLUMN: ITSELF}, **more)


class Rows(Sequence[Any]):
    """Rows of one Strawberry type. Reading them changes nothing, so they may be read twice."""

    __slots__ = ("is_keyed", "origin", "rows")

    def __init__(self, origin: type, rows: Sequence[Any], *, is_keyed: bool) -> None:
        self.origin = origin
        self.rows = rows
        self.is_keyed = is_keyed

    @classmethod
    def keyed(cls, origin: type, rows: Sequence[Any]) -> Self:
        """Mappings or database records."""
        return cls(origin, rows, is_keyed=True)

    @classmethod
    def positional(cls, origin: type, rows: Sequence[Any]) -> Self:
        """Tuples or lists, in the order of the type's fields."""
        return cls(origin, rows, is_keyed=False)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Any]:
        return map(object_class(self.origin, self.is_keyed), self.rows)

    def __getitem__(self, place: Any) -> Any:
        wrap = object_class(self.origin, self.is_keyed)
        return [wrap(row) for row in self.rows[place]] if isinstance(place, slice) else wrap(self.rows[place])


def column_of(field: Any) -> str:
    """The name under which a keyed row keeps this field, or ITSELF."""
    return str(field.metadata.get(COLUMN, field.name))


def place_of(origin: type, name: str) -> int:
    """Where a positional row keeps the field of this Python name."""
    return [field.name for field in fields(origin) if _is_stored(field)].index(name)


def _is_stored(field: Any) -> bool:
    return field.init or field.default is not MISSING


def is_object_of(origin: type) -> Callable[[type], bool]:
    """Whether a class is the type's own or one that stands for its rows: reading its attributes runs no resolver."""
    return lambda cls: cls is origin or getattr(cls, "plans_row_of", None) is origin


@cache
def object_class(origin: type, is_keyed: bool) -> type:
    """A subclass of the type whose attributes are read from a row."""

    def __init__(self: Any, row: Any) -> None:  # noqa: N807
        object.__setattr__(self, "plans_row", row)

    body: dict[str, Any] = {
        "__init__": __init__,
        "plans_row_of": origin,
        "plans_is_keyed": is_keyed,
        "__module__": origin.__module__,
    }
    wraps = {
        field.python_name: _wrap_of(field.type) for field in get_object_definition(origin, strict=True).fields
    }
    for field in fields(origin):
        if _is_stored(field):
            body[field.name] = _reader(origin, field, wraps.get(field.name) or _as_it_is, is_keyed)
    return type(f"{origin.__name__}Row", (origin,), body)


def _reader(origin: type, field: Any, wrap: Callable[[Any], Any], is_keyed: bool) -> property:
    name = column_of(field)
    if is_keyed and name == ITSELF:
        inner = _object_type(field.type)
        return property(lambda self: object_class(inner, True)(self.plans_row))
    key: Any = name if is_keyed else place_of(origin, field.name)
    return property(lambda self: wrap(self.plans_row[key]))


def _wrap_of(kind: Any) -> Callable[[Any], Any]:
    """What lies inside a row, as objects; what is no object stays as it is."""
    if isinstance(kind, StrawberryOptional):
        return _wrap_of(kind.of_type)
    if isinstance(kind, StrawberryList):
        each = _wrap_of(kind.of_type)
        return lambda value: [each(item) for item in value] if type(value) in (list, tuple) else value
    if get_object_definition(kind) is None:
        return _as_it_is
    return lambda value: None if value is None else object_class(kind, False)(value)


def _as_it_is(value: Any) -> Any:
    return value


def _object_type(kind: Any) -> type:
    while isinstance(kind, StrawberryOptional):
        kind = kind.of_type
    assert isinstance(kind, type)
    return kind
