"""Grows documents, keeping those that cost most: a search for what a limit has forgotten.

A document is a few definitions, each a tree of selections that knows the type it stands on, so that what grows is
valid far more often than not: validation gives up on nonsense early, and the dear documents are the right ones.
"""

import copy
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_required_argument,
)

CHARACTERS = 15_000
KEPT = 10
BEDS = 8
SCALARS = {
    "Int": "1",
    "Float": "1.5",
    "Boolean": "true",
    "Fen": "1",
    "Date": '"2026-11-20"',
    "DateTime": '"2026-11-20T02:00:00Z"',
}


@dataclass
class Selection:
    """A field, a spread or an inline fragment. `on` is the type of what stands below it."""

    text: str
    on: str | None = None
    below: list["Selection"] = field(default_factory=list)
    alias: str = ""
    directives: str = ""
    noise: str = ""

    def __str__(self) -> str:
        inner = "{" + " ".join(map(str, self.below or [Selection("__typename")])) + "}" if self.on else ""
        return f"{self.noise}{self.alias}{self.text} {self.directives}{inner}"


@dataclass
class Definition:
    kind: str
    name: str
    on: str
    below: list[Selection]
    variables: dict[str, str] = field(default_factory=dict)
    directives: str = ""

    def __str__(self) -> str:
        head = f"fragment {self.name} on {self.on}" if self.kind == "fragment" else f"{self.kind} {self.name}"
        said = "(" + " ".join(f"${name}: {text}" for name, text in self.variables.items()) + ")"
        inner = " ".join(map(str, self.below or [Selection("__typename")]))
        return f"{head}{said if self.variables else ''} {self.directives}{{{inner}}}"


Document = list[Definition]
Family = Callable[["Grower", Document], None]


def written(document: Document) -> str:
    return "\n".join(map(str, document))


def selections(document: Document) -> Iterator[tuple[str, list[Selection]]]:
    """Every list of selections, with the type it stands on."""
    waiting = [(definition.on, definition.below) for definition in document]
    while waiting:
        on, below = waiting.pop()
        yield on, below
        waiting += [(one.on, one.below) for one in below if one.on]


class Grower:
    """Mutates documents of one schema. A field has the same arguments everywhere, so that its copies can merge."""

    def __init__(self, schema: GraphQLSchema, seed: int = 0) -> None:
        self.schema = schema
        self.random = random.Random(seed)
        self._numbers = count()
        self._said: dict[tuple[str, str], str] = {}

    def seedling(self) -> Document:
        """One small operation."""
        root = self.schema.query_type
        assert root is not None
        return [Definition("query", self.fresh("Q"), root.name, [self.field(root.name) for _ in range(3)])]

    def mutated(self, document: Document, families: Sequence[Family]) -> Document:
        grown = copy.deepcopy(document)
        for _ in range(self.random.choice((1, 1, 2, 3))):
            self.random.choice(families)(self, grown)
        return grown

    def fresh(self, word: str) -> str:
        return f"{word}{next(self._numbers)}"

    def somewhere(self, document: Document) -> tuple[str, list[Selection]]:
        return self.random.choice(list(selections(document)))

    def many(self) -> int:
        return self.random.choice((1, 2, 3, 5, 8, 15, 19, 40, 250))

    def field(self, on: str, depth: int = 0) -> Selection:
        """One field of a type, with the arguments that it demands and sometimes others."""
        fields = getattr(self.schema.type_map[on], "fields", {})
        if not fields or self.random.random() < 0.05:
            return Selection("__typename")
        name = self.random.choice(list(fields))
        if (on, name) not in self._said:
            arguments = [
                f"{key}: {self.literal(argument.type)}"
                for key, argument in fields[name].args.items()
                if is_required_argument(argument) or self.random.random() < 0.3
            ]
            self._said[on, name] = name + (f"({' '.join(arguments)})" if arguments else "")
        named = get_named_type(fields[name].type)
        found = Selection(self._said[on, name])
        if is_composite_type(named):
            found.on = named.name
            found.below = [self.field(named.name, depth + 1) for _ in range(2 if depth < 2 else 0)]
        return found

    def deep(self, text: str, on: str) -> Selection:
        return Selection(text, on, [self.field(on) for _ in range(4)])

    def literal(self, kind: GraphQLInputType, depth: int = 0) -> str:
        if isinstance(kind, GraphQLNonNull):
            return self.literal(kind.of_type, depth)
        if isinstance(kind, GraphQLList):
            return (
                "[" + " ".join(self.literal(kind.of_type, depth + 1) for _ in range(2 if depth < 3 else 0)) + "]"
            )
        if isinstance(kind, GraphQLEnumType):
            return self.random.choice(list(kind.values))
        if isinstance(kind, GraphQLInputObjectType):
            parts = [
                f"{key}: {self.literal(part.type, depth + 1)}"
                for key, part in kind.fields.items()
                if isinstance(part.type, GraphQLNonNull) or (depth < 3 and self.random.random() < 0.4)
            ]
            return "{" + " ".join(parts) + "}"
        return SCALARS.get(kind.name, '"x"')


def more_fields(grower: Grower, document: Document) -> None:
    on, below = grower.somewhere(document)
    below += [grower.field(on) for _ in range(grower.many())]


def copies(grower: Grower, document: Document) -> None:
    _, below = grower.somewhere(document)
    if below:
        one = grower.random.choice(below)
        below += [copy.deepcopy(one) for _ in range(grower.many())]


def aliases(grower: Grower, document: Document) -> None:
    _, below = grower.somewhere(document)
    for one in below[: grower.many()]:
        if not one.text.startswith("..."):
            one.alias = grower.fresh("a") + ":"


def one_alias_for_all(grower: Grower, document: Document) -> None:
    _, below = grower.somewhere(document)
    for one in below:
        if not one.text.startswith("..."):
            one.alias = "same:"


def into_a_fragment(grower: Grower, document: Document) -> None:
    """What stands somewhere moves into a fragment of its own."""
    on, below = grower.somewhere(document)
    name = grower.fresh("F")
    document.append(Definition("fragment", name, on, list(below)))
    below[:] = [Selection(f"...{name}")]


def spreads(grower: Grower, document: Document) -> None:
    """A later fragment is spread in earlier definitions, so that no circle closes."""
    places = [
        (index, on, below) for index, definition in enumerate(document) for on, below in selections([definition])
    ]
    index, on, below = grower.random.choice(places)
    fitting = [later.name for later in document[index + 1 :] if later.kind == "fragment" and later.on == on]
    if fitting:
        below += [Selection(f"...{grower.random.choice(fitting)}") for _ in range(grower.many())]


def every_fragment(grower: Grower, document: Document) -> None:
    on, below = grower.somewhere(document[:1])
    below += [Selection(f"...{one.name}") for one in document[1:] if one.kind == "fragment" and one.on == on]


def twin_fragments(grower: Grower, document: Document) -> None:
    fragments = [one for one in document if one.kind == "fragment"]
    if fragments:
        chosen = grower.random.choice(fragments)
        for _ in range(grower.many()):
            twin = copy.deepcopy(chosen)
            twin.name = grower.fresh("F")
            document.append(twin)
            on, below = grower.somewhere(document[:1])
            if on == twin.on:
                below.append(Selection(f"...{twin.name}"))


def circles(grower: Grower, document: Document) -> None:
    on, below = grower.somewhere(document)
    below += [Selection(f"...{one.name}") for one in document if one.kind == "fragment" and one.on == on]


def inline(grower: Grower, document: Document) -> None:
    on, below = grower.somewhere(document)
    kind = grower.schema.type_map[on]
    possible = [one.name for one in grower.schema.get_possible_types(kind)] if is_abstract_type(kind) else [on]  # type: ignore[arg-type]
    for _ in range(grower.many()):
        name = grower.random.choice(possible)
        inner = [grower.field(name) for _ in range(2)] if name != on else copy.deepcopy(below[:3])
        below.append(Selection(f"... on {name}", name, inner))


def deeper(grower: Grower, document: Document) -> None:
    on, below = grower.somewhere(document)
    for _ in range(grower.random.choice((1, 3, 6))):
        found = next((one for one in (grower.field(on, 2) for _ in range(8)) if one.on), None)
        if found is None or found.on is None:
            return
        below.append(found)
        on, below = found.on, found.below


def directives(grower: Grower, document: Document) -> None:
    _, below = grower.somewhere(document)
    for one in below:
        one.directives += grower.random.choice(("@skip(if: false) ", "@include(if: true) "))


def odd_directives(grower: Grower, document: Document) -> None:
    grower.random.choice(document).directives += "@skip(if: false) " * grower.many()


def variables(grower: Grower, document: Document) -> None:
    """Declared by every operation, with default values, and used in fragments too."""
    names = [grower.fresh("v") for _ in range(grower.many())]
    for definition in document:
        if definition.kind != "fragment":
            definition.variables |= dict.fromkeys(names, "Boolean! = true")
    for name in names:
        _, below = grower.somewhere(document)
        for one in below[:2]:
            one.directives = f"@include(if: ${name}) "


def deep_variables(grower: Grower, document: Document) -> None:
    """With deep default values, used by nobody."""
    kinds = [kind for kind in grower.schema.type_map.values() if isinstance(kind, GraphQLInputObjectType)]
    for _ in range(grower.many()):
        kind = grower.random.choice(kinds)
        document[0].variables[grower.fresh("v")] = f"{kind.name} = {grower.literal(kind)}"


def arguments(grower: Grower, document: Document) -> None:
    """Deep objects, long lists, texts and numbers where a field takes them."""
    for on, below in grower.random.sample(places := list(selections(document)), len(places)):
        fields = getattr(grower.schema.type_map[on], "fields", {})
        for one in below:
            found = fields.get(one.text.split("(")[0])
            if found and found.args:
                taken = {name: grower.literal(argument.type) for name, argument in found.args.items()}
                name = grower.random.choice(list(taken))
                taken[name] = grower.random.choice(
                    (
                        taken[name],
                        "[" + " ".join([taken[name]] * grower.many()) + "]",
                        "{not: " * 8 + taken[name] + "}" * 8,
                        '"' + "x" * grower.random.choice((10, 1_000, 10_000)) + '"',
                        '"""' + " \n" * grower.random.choice((10, 1_000, 4_000)) + '"""',
                        '"' + r"\u{1F600}" * grower.random.choice((10, 1_000)) + '"',
                        "9" * grower.random.choice((9, 400, 10_000)),
                        "1e" + "9" * grower.random.choice((3, 400)),
                        "{" + " ".join(f"k{n}: 1" for n in range(grower.many() * 5)) + "}",
                    )
                )
                one.text = f"{one.text.split('(')[0]}({' '.join(f'{key}: {text}' for key, text in taken.items())})"
                return


def operations(grower: Grower, document: Document) -> None:
    for _ in range(grower.many()):
        twin = copy.deepcopy(document[0])
        twin.name = grower.fresh("Q")
        document.insert(0, twin)


def unknown(grower: Grower, document: Document) -> None:
    """Fields, types and arguments that nearly exist: the names of all that do are compared with them."""
    on, below = grower.somewhere(document)
    fields = list(getattr(grower.schema.type_map[on], "fields", {})) or ["id"]
    for _ in range(grower.many()):
        name = grower.random.choice(fields) * grower.random.choice((1, 1, 3, 50))
        kind = grower.random.choice(list(grower.schema.type_map))
        below.append(
            grower.random.choice(
                (Selection(name + "s"), Selection(f"... on {kind}s", on), Selection(f"{name}({name}s: 1)"))
            )
        )


def introspection(grower: Grower, document: Document) -> None:
    """With whatever hangs below it."""
    operation = document[0]
    operation.below += [grower.deep("__schema", "__Schema") for _ in range(grower.many())]


def long_names(grower: Grower, document: Document) -> None:
    _, below = grower.somewhere(document)
    for one in below[:2]:
        if not one.text.startswith("..."):
            one.alias = "n" * grower.random.choice((100, 1_000, 5_000)) + ":"


def noise(grower: Grower, document: Document) -> None:
    _, below = grower.somewhere(document)
    if below:
        one = grower.random.choice(below)
        one.noise += grower.random.choice(("\n", ",", "\r\n", "#\n", "# words\n", "\t ")) * (grower.many() ** 2)


def fewer(grower: Grower, document: Document) -> None:
    _, below = grower.somewhere(document)
    del below[grower.random.randrange(len(below) + 1) :]


def fewer_definitions(grower: Grower, document: Document) -> None:
    if len(document) > 2:
        del document[grower.random.randrange(1, len(document)) :]


VALID: tuple[Family, ...] = (
    more_fields,
    copies,
    aliases,
    into_a_fragment,
    spreads,
    every_fragment,
    twin_fragments,
    inline,
    deeper,
    directives,
    variables,
    operations,
)
ODD: tuple[Family, ...] = (
    one_alias_for_all,
    circles,
    odd_directives,
    deep_variables,
    arguments,
    unknown,
    introspection,
    long_names,
    noise,
)
SMALLER: tuple[Family, ...] = (fewer, fewer_definitions)


class Bed:
    """The dearest documents that grew from some families only: one lucky family doesn't crowd out the others."""

    def __init__(self, grower: Grower) -> None:
        pick = grower.random
        self.families = [
            more_fields,
            copies,
            *pick.sample(VALID, 5),
            *SMALLER,
            *(pick.sample(ODD, 3) if pick.random() < 0.5 else ()),
        ]
        self.documents = [(0.0, grower.seedling())]

    def keep(self, cost: float, document: Document) -> None:
        self.documents.append((cost, document))
        self.documents.sort(key=lambda one: -one[0])
        del self.documents[KEPT:]


def grown(grower: Grower, cost: Callable[[str], float], go_on: Callable[[float], bool]) -> tuple[float, str]:
    """The dearest document found while `go_on` says so of the dearest cost until then.

    Now and then what grew best in one bed is planted in another, and the poorest bed starts anew.
    """
    beds = [Bed(grower) for _ in range(BEDS)]
    best = (0.0, "")
    while go_on(best[0]):
        bed = grower.random.choice(beds)
        parent = grower.random.choice(bed.documents)[1]
        chance = grower.random.random()
        if chance < 0.02:
            parent = grower.random.choice(beds).documents[0][1]
        elif chance < 0.03:
            beds[beds.index(min(beds, key=lambda one: one.documents[0][0]))] = Bed(grower)
        child = grower.mutated(parent, bed.families)
        text = written(child)
        if len(text) <= CHARACTERS:
            found = cost(text)
            bed.keep(found, child)
            best = max(best, (found, text))
    return best
