"""A schema with one of everything that a plan may meet, and values for it: good ones, and all sorts of bad ones."""

import asyncio
import random
from collections.abc import Callable, Generator
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag, IntEnum, StrEnum
from typing import Annotated, Any, Generic, NewType, TypeVar
from uuid import UUID

import strawberry
from strawberry.schema.config import StrawberryConfig

from plans.rows import Rows, column, itself

Cents = NewType("Cents", int)


def _cents(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("Cents is a whole number")
    return value


@strawberry.enum
class Colour(StrEnum):
    RED = "RED"
    GREEN = "GREEN"


@strawberry.enum
class Size(Enum):
    SMALL = "s"
    LARGE = strawberry.enum_value("l", name="BIG")


@strawberry.enum
class Level(IntEnum):
    LOW = 1
    HIGH = 2


@strawberry.enum
class Right(Flag):
    READ = 1
    WRITE = 2


@strawberry.type
class Tag:
    code: str
    label: str | None = None


@strawberry.interface
class Named:
    name: str


@strawberry.type
class Dog(Named):
    barks: bool
    age: int | None
    tags: list[Tag]


@strawberry.type
class Cat(Named):
    lives: int
    colour: Colour


@strawberry.type
class Stone:
    weight: float | None
    size: Size


Thing = Annotated[Dog | Stone, strawberry.union("Thing")]
T = TypeVar("T")


@strawberry.type
class Box(Generic[T]):
    inside: T
    label: str


@strawberry.type
class Leaves:
    """Each kind of leaf, wanted and optional."""

    text: str
    text_or_none: str | None
    number: int
    number_or_none: int | None
    ratio: float
    ratio_or_none: float | None
    flag: bool
    flag_or_none: bool | None
    key: strawberry.ID
    key_or_none: strawberry.ID | None
    colour: Colour
    colour_or_none: Colour | None
    size: Size
    size_or_none: Size | None
    level: Level
    right: Right | None
    at: datetime
    at_or_none: datetime | None
    on_day: date
    on_day_or_none: date | None
    hour: time | None
    price: Cents
    price_or_none: Cents | None
    exact: Decimal | None
    uuid: UUID | None


@strawberry.type
class Line:
    """What rows stand for."""

    key: strawberry.ID = column("public_key")
    count: int
    at: datetime
    label: str | None
    tag: Tag | None
    tags: list[Tag]
    colour: Colour


@strawberry.type
class LineEdge:
    node: Line = itself()
    cursor: str


@strawberry.type
class Node:
    name: str
    leaves: Leaves
    leaves_or_none: Leaves | None
    tag: Tag | None
    tags: list[Tag]
    maybe_tags: list[Tag | None] | None
    words: list[str] | None
    numbers: list[list[int | None]]
    thing: Thing | None
    things: list[Thing]
    named: Named
    pets: list[Named | None]
    lines: list[Line]
    edges: list[LineEdge] | None
    stones: Box[Stone]
    child: "Node | None"
    children: list["Node"]
    hidden: strawberry.Private[Any] = None

    @strawberry.field
    async def later(self) -> str:
        await asyncio.sleep(0)
        if isinstance(self.hidden, Exception):
            raise self.hidden
        return self.hidden  # type: ignore[no-any-return]

    @strawberry.field
    def greeting(self, to: str = "world", times: int = 1) -> str | None:
        return f"{self.name} greets {to}" * times

    @strawberry.field
    async def friend(self) -> "Node | None":
        await asyncio.sleep(0)
        return self.child

    @strawberry.field
    async def friends(self) -> list["Node"]:
        return self.children

    @property
    def shout(self) -> str:
        return self.name.upper()


@strawberry.type
class Query:
    @strawberry.field
    def node(self, info: strawberry.Info[Any, None]) -> Node:
        return info.context("node")  # type: ignore[no-any-return]

    @strawberry.field
    async def maybe_node(self, info: strawberry.Info[Any, None]) -> Node | None:
        return info.context("maybeNode")  # type: ignore[no-any-return]

    @strawberry.field
    async def nodes(self, info: strawberry.Info[Any, None], first: int = 3) -> list[Node]:
        return info.context("nodes")[:first]  # type: ignore[no-any-return]

    @strawberry.field
    def thing(self, info: strawberry.Info[Any, None]) -> Thing | None:
        return info.context("thing")  # type: ignore[no-any-return]

    @strawberry.field
    async def edges(self, info: strawberry.Info[Any, None]) -> list[LineEdge]:
        return info.context("edges")  # type: ignore[no-any-return]

    @strawberry.field
    async def lines(self, info: strawberry.Info[Any, None]) -> list[Line] | None:
        return info.context("lines")  # type: ignore[no-any-return]

    @strawberry.field
    def pets(self, info: strawberry.Info[Any, None]) -> list[Named]:
        return info.context("pets")  # type: ignore[no-any-return]

    @strawberry.field
    def leaves(self, info: strawberry.Info[Any, None]) -> Leaves | None:
        return info.context("leaves")  # type: ignore[no-any-return]


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def change(self, info: strawberry.Info[Any, None], name: str = "x") -> Node | None:
        return info.context("maybeNode")  # type: ignore[no-any-return]

    @strawberry.mutation
    def count(self, info: strawberry.Info[Any, None]) -> int:
        return info.context("count")  # type: ignore[no-any-return]


SCHEMA = strawberry.Schema(
    Query,
    Mutation,
    types=[Cat],
    config=StrawberryConfig(
        scalar_map={
            Cents: strawberry.scalar(name="Cents", serialize=_cents, parse_value=_cents),
        }
    ),
)._schema


class Odd:
    """An object of no type of the schema's."""

    name = "odd"
    code = "odd"


class Text(str):
    pass


class Soon:
    """An awaitable that minds nothing when nobody awaits it."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __await__(self) -> Generator[Any, None, Any]:
        yield from asyncio.sleep(0).__await__()
        return self.value


def _iterated(values: list[Any]) -> Any:
    """Can be read once only: whoever reads it twice loses it."""
    return iter(values)


class Values:
    """Random values for the schema. `badness`: how often one is not what the schema says."""

    def __init__(self, chance: random.Random, badness: float) -> None:
        self.chance = chance
        self.badness = badness

    def maybe_bad(self, good: Callable[[], Any], *bad: Callable[[], Any]) -> Any:
        if self.chance.random() >= self.badness:
            return good()
        return self.chance.choice([*bad, *ODDITIES])()

    def optional(self, good: Callable[[], Any]) -> Any:
        return None if self.chance.random() < 0.3 else good()

    def many(self, good: Callable[[], Any], most: int = 3) -> Any:
        made = [good() for _ in range(self.chance.randint(0, most))]
        return self.maybe_bad(
            lambda: made, lambda: tuple(made), lambda: _iterated(made), lambda: dict.fromkeys("ab")
        )

    def text(self) -> Any:
        return self.maybe_bad(
            lambda: self.chance.choice(["", "成都", "a\nb", '"\\']), lambda: Text("sub"), lambda: 5
        )

    def number(self) -> Any:
        return self.maybe_bad(lambda: self.chance.randint(-5, 5), lambda: 2**31, lambda: -(2**31) - 1, lambda: "7")

    def ratio(self) -> Any:
        return self.maybe_bad(
            lambda: self.chance.choice([0.5, -0.0, 1e300]), lambda: float("nan"), lambda: float("inf"), lambda: 3
        )

    def flag(self) -> Any:
        return self.maybe_bad(lambda: self.chance.random() < 0.5, lambda: 1, lambda: "true")

    def instant(self) -> Any:
        now = datetime(2026, 11, 24, 8, 0, self.chance.randint(0, 59), self.chance.choice([0, 7]), tzinfo=UTC)
        return self.maybe_bad(
            lambda: now,
            lambda: now.replace(tzinfo=None),
            lambda: now.astimezone(timezone(timedelta(hours=8))),
            lambda: now.date(),
            lambda: "2026-11-24",
        )

    def day(self) -> Any:
        return self.maybe_bad(lambda: date(2026, 11, 24), lambda: datetime(2026, 11, 24, 8, tzinfo=UTC))

    def colour(self) -> Any:
        return self.maybe_bad(
            lambda: self.chance.choice(list(Colour)), lambda: "RED", lambda: "BLUE", lambda: Size.SMALL
        )

    def size(self) -> Any:
        return self.maybe_bad(lambda: self.chance.choice(list(Size)), lambda: "s", lambda: Colour.RED)

    def cents(self) -> Any:
        return self.maybe_bad(lambda: 10**12, lambda: True, lambda: "5")

    def tag(self) -> Any:
        return self.maybe_bad(lambda: Tag(code=self.text(), label=self.optional(self.text)), lambda: Odd())

    def dog(self) -> Any:
        return Dog(name=self.text(), barks=self.flag(), age=self.optional(self.number), tags=self.many(self.tag))

    def cat(self) -> Any:
        return Cat(name=self.text(), lives=self.number(), colour=self.colour())

    def stone(self) -> Any:
        return Stone(weight=self.optional(self.ratio), size=self.size())

    def thing(self) -> Any:
        return self.maybe_bad(
            self.chance.choice([self.dog, self.stone]),
            self.cat,
            self.tag,
            lambda: strawberry.cast(Stone, self.dog()),
        )

    def pet(self) -> Any:
        return self.maybe_bad(
            self.chance.choice([self.dog, self.cat]), self.stone, lambda: strawberry.cast(Cat, self.dog())
        )

    def leaves(self) -> Any:
        return self.maybe_bad(
            lambda: Leaves(
                text=self.text(),
                text_or_none=self.optional(self.text),
                number=self.number(),
                number_or_none=self.optional(self.number),
                ratio=self.ratio(),
                ratio_or_none=self.optional(self.ratio),
                flag=self.flag(),
                flag_or_none=self.optional(self.flag),
                key=strawberry.ID(self.text()),
                key_or_none=self.optional(self.text),
                colour=self.colour(),
                colour_or_none=self.optional(self.colour),
                size=self.size(),
                size_or_none=self.optional(self.size),
                level=self.chance.choice([Level.LOW, 2, Level.HIGH]),
                right=self.chance.choice([None, Right.READ, Right.READ | Right.WRITE]),
                at=self.instant(),
                at_or_none=self.optional(self.instant),
                on_day=self.day(),
                on_day_or_none=self.optional(self.day),
                hour=self.optional(lambda: time(8, 30)),
                price=self.cents(),
                price_or_none=self.optional(self.cents),
                exact=self.optional(lambda: Decimal("1.50")),
                uuid=self.optional(lambda: UUID(int=5)),
            ),
            Odd,
        )

    def tag_row(self) -> Any:
        return self.maybe_bad(lambda: [self.text(), self.optional(self.text)], lambda: ["only one"], lambda: "ab")

    def keyed_row(self) -> Any:
        row = {
            "public_key": self.text(),
            "count": self.number(),
            "at": self.instant(),
            "label": self.optional(self.text),
            "tag": self.optional(self.tag_row),
            "tags": self.many(self.tag_row),
            "colour": self.colour(),
            "cursor": self.text(),
        }
        if self.chance.random() < self.badness:
            row.pop(self.chance.choice(sorted(row)))
        return row

    def lines(self) -> Any:
        rows = [self.keyed_row() for _ in range(self.chance.randint(0, 3))]
        kind = self.chance.randint(0, 2)
        if kind == 0:
            return self.maybe_bad(lambda: Rows.keyed(Line, rows), lambda: Rows.keyed(Tag, rows))
        if kind == 1:
            return Rows.positional(Line, [tuple(row.values())[:7] for row in rows])
        return [
            Line(
                key=row.get("public_key"),
                count=row.get("count"),
                at=row.get("at"),
                label=row.get("label"),
                tag=None,
                tags=self.many(self.tag),
                colour=row.get("colour"),
            )
            for row in rows
        ]

    def edges(self) -> Any:
        rows = [self.keyed_row() for _ in range(self.chance.randint(0, 3))]
        return self.maybe_bad(lambda: Rows.keyed(LineEdge, rows), lambda: Rows.keyed(Line, rows))

    def node(self, depth: int = 2) -> Any:
        return self.maybe_bad(lambda: self._node(depth), Odd)

    def _node(self, depth: int) -> Node:
        deeper = depth > 0 and self.chance.random() < 0.8
        return Node(
            name=self.text(),
            leaves=self.leaves(),
            leaves_or_none=self.optional(self.leaves),
            tag=self.optional(self.tag),
            tags=self.many(self.tag),
            maybe_tags=self.optional(lambda: self.many(lambda: self.optional(self.tag))),
            words=self.optional(lambda: self.many(self.text)),
            numbers=self.many(lambda: self.many(lambda: self.optional(self.number))),
            thing=self.optional(self.thing),
            things=self.many(self.thing),
            named=self.pet(),
            pets=self.many(lambda: self.optional(self.pet)),
            lines=self.lines(),
            edges=self.optional(self.edges),
            stones=self.maybe_bad(lambda: Box(inside=self.stone(), label=self.text()), Odd),
            child=self.node(depth - 1) if deeper else None,
            children=[self.node(depth - 1) for _ in range(2)] if deeper else [],
            hidden=self.text(),
        )

    def root(self, field: str) -> Any:
        """What the resolver of this root field returns; an Exception is raised by it instead."""
        match field:
            case "node":
                return self.node()
            case "maybeNode":
                return self.maybe_bad(self.node, lambda: ValueError("no node"))
            case "nodes":
                return [self.node() for _ in range(3)]
            case "thing":
                return self.optional(self.thing)
            case "edges":
                return self.edges()
            case "lines":
                return self.lines()
            case "pets":
                return self.many(self.pet)
            case "leaves":
                return self.leaves()
        return self.number()


ODDITIES: tuple[Callable[[], Any], ...] = (
    lambda: None,
    lambda: object(),
    lambda: ValueError("returned, not raised"),
    lambda: {"name": "a dict"},
    lambda: [1],
    lambda: Soon("late"),
    lambda: strawberry.UNSET,
)
