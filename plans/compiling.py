"""A shape, written out as the Python function that somebody would write by hand, and compiled.

    def complete(v0):
        if type(v0) is not T0: raise Anomaly
        v1 = v0.edges
        ...
        for v2 in v1:
            ...
            add({"name": v3, "distanceM": v4})
        return {"edges": v5}

One function for each root field: nested loops with the checks written in, no calls. Nothing of a document gets into the
text but response keys, which the grammar confines to letters, digits and `_`, and those as literals. Rows get a
function of their own for each list, compiled when the first such rows come by.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

from strawberry.types.cast import TYPE_CAST_ATTRIBUTE

from plans.leaves import Complete
from plans.rows import ITSELF, Rows
from plans.shapes import (
    LEAST_INT,
    MOST_INT,
    Anomaly,
    Either,
    Field,
    Leaf,
    Live,
    Many,
    One,
    Source,
    Value,
    is_utc,
    other_leaf,
    runs_foreign_code,
)

MARK = "\0live\0"
"""Stands in a kept answer where a live field goes. No text of a database can be it: PostgreSQL stores no NUL."""

CompleteWithHoles = Callable[[Any, list[tuple[int, Any]]], Any]

FIELDS_WORTH_REMEMBERING = 4

OBJECT, KEYED, PLACED = "object", "keyed", "placed"


def compiled(value: Value) -> Complete:
    """The function that completes a value of this shape."""
    made: Complete = _Writer(OBJECT).function(value, "complete", "value")
    return made


def compiled_with_holes(value: Value) -> CompleteWithHoles:
    """The same with `MARK` for each live field; (number of the field, its parent's key) are appended to the list."""
    made: CompleteWithHoles = _Writer(OBJECT).function(value, "complete", "value, holes")
    return made


class _RowLoops(dict[tuple[type, bool], Callable[..., list[Any]]]):
    """The loop over rows of one list: by type and by how the rows are read."""

    def __init__(self, item: Value, parameters: str) -> None:
        super().__init__()
        self.item = item
        self.parameters = parameters.replace("value", "rows")

    def __missing__(self, key: tuple[type, bool]) -> Callable[..., list[Any]]:
        origin, is_keyed = key
        if not isinstance(self.item.what, One) or self.item.what.origin is not origin:
            raise Anomaly
        writer = _Writer(KEYED if is_keyed else PLACED)
        loop: Callable[..., list[Any]] = writer.row_loop(self.item, self.parameters)
        self[key] = loop
        return loop

    def of_one(self, value: Any, *holes: Any) -> Any:
        """An object that stands for a row, by itself."""
        cls: Any = type(value)
        return self[getattr(cls, "plans_row_of", cls), getattr(cls, "plans_is_keyed", True)](
            [value.plans_row], *holes
        )[0]


class _Writer:
    """Writes one function. `access` says what its objects are: objects, keyed rows or positional rows."""

    def __init__(self, access: str) -> None:
        self.access = access
        self.lines: list[str] = []
        self.memories: list[str] = []
        self.level = 1
        self.count = 0
        self.parameters = ""
        self.names: dict[str, Any] = {
            "Anomaly": Anomaly,
            "Rows": Rows,
            "UTC": UTC,
            "is_utc": is_utc,
            "date": date,
            "datetime": datetime,
            "MARK": MARK,
        }

    def function(self, value: Value, name: str, parameters: str) -> Any:
        self.parameters = parameters
        return self.made(self.value(value, "value", OBJECT), name, parameters)

    def row_loop(self, item: Value, parameters: str) -> Any:
        self.parameters = parameters
        self.loop(Many(item), "rows", "done", self.access)
        return self.made("done", "rows_done", parameters)

    def made(self, answer: str, name: str, parameters: str) -> Any:
        text = "\n".join([f"def {name}({parameters}):", *self.memory_lines(), *self.lines, f"    return {answer}"])
        exec(compile(text, f"<plan: {name}>", "exec"), self.names)  # noqa: S102 - our own text, see above
        return self.names[name]

    def memory_lines(self) -> list[str]:
        return ["    alive = []", *self.memories] if self.memories else []

    @property
    def has_holes(self) -> bool:
        return "holes" in self.parameters

    # Each of these writes what completes the value in variable `given`, and gives the expression of the outcome.

    def value(self, value: Value, given: str, access: str) -> str:
        if not value.nullable:
            return self.what(value.what, given, access)
        if isinstance(value.what, Leaf) and value.what.kind not in ("enum", "other"):
            with self.block(f"if {given} is not None:"):
                return self.what(value.what, given, access)  # checked only: the value stays what it is
        done = self.fresh()
        self.line(f"{done} = None")
        with self.block(f"if {given} is not None:"):
            self.line(f"{done} = {self.what(value.what, given, access)}")
        return done

    def what(self, what: Leaf | One | Either | Many, given: str, access: str) -> str:
        match what:
            case Leaf():
                return self.leaf(what, given)
            case One():
                return self.one(what, given, access)
            case Either():
                return self.either(what, given)
            case Many():
                return self.many(what, given, access)

    def leaf(self, leaf: Leaf, given: str) -> str:
        if leaf.kind == "other":
            return f"{self.known(other_leaf(leaf.coerce))}({given})"
        if leaf.kind == "enum":
            self.demand(f"type({given}) is {self.known(leaf.enum)}")
            return f"{given}._name_" if leaf.names is None else f"{self.known(leaf.names)}[{given}]"
        self.demand(_CHECKS[leaf.kind].format(given, leaf.most))
        return given

    def one(self, one: One, given: str, access: str) -> str:
        if access != OBJECT:
            return self.entries(one, given, access)
        done = self.fresh()
        with self.block(f"if type({given}) is {self.known(one.origin)}:"):
            if one.may_be_cast:
                self.demand(f"not hasattr({given}, {TYPE_CAST_ATTRIBUTE!r})")
            self.line(f"{done} = {self.entries(one, given, access)}")
        with self.block("else:"):
            row = self.known(_RowLoops(Value(one, nullable=False), self.parameters).of_one)
            self.line(f"{done} = {row}({given}{self.more_arguments()})")
        return done

    def entries(self, one: One, given: str, access: str) -> str:
        entries = [f"{field.key!r}: {self.field(field, given, access)}" for field in one.fields]
        return f"{{{', '.join(entries)}}}"

    def field(self, field: Field, given: str, access: str) -> str:
        if isinstance(field.value, str):
            return repr(field.value)
        if isinstance(field.value, Live):
            self.line(f"holes.append(({field.value.number}, {_read(field.value.key, given, access)}))")
            return "MARK"
        assert field.source is not None
        if access == KEYED and field.source.column == ITSELF:
            return self.value(field.value, given, KEYED)
        read = self.fresh()
        self.line(f"{read} = {_read(field.source, given, access)}")
        return self.value(field.value, read, OBJECT if access == OBJECT else PLACED)

    def either(self, either: Either, given: str) -> str:
        done, kind, word = self.fresh(), self.fresh(), "if"
        self.line(f"{kind} = type({given})")
        for one in either.choices:
            with self.block(f"{word} {kind} is {self.known(one.origin)}:"):
                self.line(f"{done} = {self.one(one, given, OBJECT)}")
            word = "elif"
        with self.block("else:"):
            self.line("raise Anomaly")
        return done

    def many(self, many: Many, given: str, access: str) -> str:
        if access != OBJECT:
            return self.many_inside(many, given, access)
        done = self.fresh()
        with self.block(f"if type({given}) is list or type({given}) is tuple:"):
            self.loop(many, given, done, access)
        with self.block(f"elif type({given}) is Rows:"):
            loops = self.known(_RowLoops(many.item, self.parameters))
            rows = f"{given}.rows{self.more_arguments()}"
            self.line(f"{done} = {loops}[{given}.origin, {given}.is_keyed]({rows})")
        with self.block("else:"):
            self.line("raise Anomaly")
        return done

    def many_inside(self, many: Many, given: str, access: str) -> str:
        done = self.fresh()
        known = self.memory() if self.remembers(Value(many, nullable=False)) else None
        if known is None:
            self.demand(f"type({given}) is list or type({given}) is tuple")
            self.loop(many, given, done, access, is_inside=True)
            return done
        self.line(f"{done} = {known}.get(id({given}))")
        with self.block(f"if {done} is None:"):
            self.demand(f"type({given}) is list or type({given}) is tuple")
            self.loop(many, given, done, access, is_inside=True)
            self.line(f"{known}[id({given})] = {done}")
            self.line(f"alive.append({given})")
        return done

    def more_arguments(self) -> str:
        return ", holes" if self.has_holes else ""

    def loop(self, many: Many, given: str, done: str, access: str, *, is_inside: bool = False) -> None:
        if not (is_inside and isinstance(many.item.what, One) and self.remembers(many.item)):
            self.each_in(given, done, lambda each: self.value(many.item, each, access))
            return
        known = self.memory()
        self.line(f"{done} = [*map({known}.get, map(id, {given}))]")
        with self.block(f"if None in {done}:"):
            self.each_in(given, done, lambda each: self.remembered(known, each, many.item, access))

    def each_in(self, given: str, done: str, complete: Callable[[str], str]) -> None:
        each, add = self.fresh(), self.fresh()
        self.line(f"{done} = []")
        self.line(f"{add} = {done}.append")
        with self.block(f"for {each} in {given}:"):
            self.line(f"{add}({complete(each)})")

    # What lies inside rows is often the same thing again and again: the sports of most venues, a slot as it is free. It
    # is completed once an answer. A thing is known by its identity, and kept alive as long as the memory, so that no
    # other can have the same; it cannot change meanwhile, since nothing runs but these lines.

    def remembers(self, value: Value) -> bool:
        is_quickly_made = isinstance(value.what, One) and len(value.what.fields) < FIELDS_WORTH_REMEMBERING
        return not (self.has_holes or is_quickly_made or runs_foreign_code(value))

    def memory(self) -> str:
        known = f"known{len(self.memories)}"
        self.memories.append(f"    {known} = {{}}")
        return known

    def remembered(self, known: str, given: str, value: Value, access: str) -> str:
        done = self.fresh()
        self.line(f"{done} = {known}.get(id({given}))")
        with self.block(f"if {done} is None:"):
            self.line(f"{done} = {known}[id({given})] = {self.value(value, given, access)}")
            self.line(f"alive.append({given})")
        return done

    # The text itself

    def line(self, text: str) -> None:
        self.lines.append("    " * self.level + text)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        self.line(head)
        self.level += 1
        yield
        self.level -= 1

    def demand(self, condition: str) -> None:
        self.line(f"if not ({condition}): raise Anomaly")

    def fresh(self) -> str:
        self.count += 1
        return f"v{self.count}"

    def known(self, thing: Any) -> str:
        """A name for something that the text refers to."""
        name = f"k{len(self.names)}"
        self.names[name] = thing
        return name


def _read(source: Source, given: str, access: str) -> str:
    if access == OBJECT:
        return f"{given}.{source.attribute}"
    return f"{given}[{source.column!r}]" if access == KEYED else f"{given}[{source.place}]"


_CHECKS = {
    "text": "type({0}) is str",
    "int": f"type({{0}}) is int and {LEAST_INT} <= {{0}} <= {MOST_INT}",
    "whole": "type({0}) is int and -{1} <= {0} <= {1}",
    "float": "type({0}) is float and {0} - {0} == 0.0",
    "bool": "type({0}) is bool",
    "instant": "type({0}) is datetime and ({0}.tzinfo is UTC or is_utc({0}))",
    "day": "type({0}) is date",
}
