"""What is refused before anything is run, that refusing is cheap, and what a document is said to cost."""

import gc
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from os import environ
from typing import Any

import pytest
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
    get_introspection_query,
    parse,
)
from hypothesis import given
from hypothesis import strategies as st

from plans.checking import CheckedOperation, Checker, Refused
from plans.costs import UNSIZED
from plans.engine import KILOBYTES_KEPT, Engine
from plans.limits import Limits
from resolvers.schema import build_schema as our_schema
from tests.plans.menagerie import menagerie

BOUND_SECONDS = 0.050 * (
    2 if environ.get("CI") == "true" or "TEST_PART" in environ else 1
)  # three runs on two cores
UNBOUNDED = Limits(**dict.fromkeys(Limits.__slots__, 10**9))


@cache
def ours() -> GraphQLSchema:
    return our_schema()._schema


@cache
def animals() -> GraphQLSchema:
    return menagerie()


@cache
def checker(schema: Callable[[], GraphQLSchema] = animals, *, open_to_explore: bool = False) -> Checker:
    return Checker(schema(), introspection=open_to_explore, suggestions=open_to_explore)


def checked(text: str, **limits: int) -> CheckedOperation:
    """The first operation of a document of the menagerie."""
    found = Checker(animals(), Limits(**limits)) if limits else checker()
    return next(iter(found.check(text).operations.values()))


def refusal(text: str, asked: Checker | None = None) -> str:
    with pytest.raises(Refused) as refused:
        (asked or checker()).check(text)
    return str(refused.value)


def cpu_seconds(check: Checker, text: str) -> float:
    """The least of five, refused or not: what else the machine does is not the document's."""
    taken = []
    for _ in range(5):
        started = time.process_time()
        with suppress(Refused):
            check.check(text)
        taken.append(time.process_time() - started)
    return min(taken)


def repeated(text: str, times: int) -> str:
    """`text` so often, each with its number for `#`."""
    return " ".join(text.replace("#", str(number)) for number in range(times))


TOO_LARGE = {
    "characters": ("{ again { count } }" + " " * 15_000, "15000 characters"),
    "tokens": ("{ " + "count " * 1_000 + "}", "1000 tokens"),
    "comments, which are kept like tokens": ("{ count }" + "#\n" * 1_000, "1000 tokens"),
    "brackets of selections": ("{ again " * 41 + "}" * 41, "40 brackets"),
    "brackets of a value": ("{ count(n: " + "[" * 5_000 + "]" * 5_000 + ") }", "40 brackets"),
    "brackets that never close": ("{a" * 7_000, "40 brackets"),
    "depth": ("{ again " * 10 + "{ count }" + "}" * 10, "11 levels deep"),
    "depth in fragments": (
        (
            "{ again { again { again { ...A } } } } fragment A on Query { again { again { again { again { ...B } } } } }"
            " fragment B on Query { again { again { again { count } } } }"
        ),
        "11 levels deep",
    ),
    "aliases": ("{ " + repeated("a#: count", 16) + " }", "16 aliases"),
    "aliases in fragments": (
        "{ ...F again { ...F } } fragment F on Query { " + repeated("a#: count", 8) + " }",
        "16 aliases",
    ),
    "directives": ("{ count " + "@skip(if: false) " * 51 + "}", "51 directives"),
    "directives of an operation": ("query " + "@skip(if: false) " * 51 + "{ count }", "51 directives"),
    "directives in fragments": (
        "{ ...F again { ...F } } fragment F on Query { count " + "@skip(if: false) " * 25 + "id @a @b }",
        "54 directives",
    ),
    "repeated fields": ("{ " + "count " * 21 + "}", "21 times by one name"),
    "repeated fields in fragments": (
        "{ again { count } "
        + repeated("...F#", 20)
        + "} "
        + repeated("fragment F# on Query { again { count } }", 20),
        "21 times by one name",
    ),
    "pairs of fields": (
        "{ " + ("again { " + repeated("f#", 27) + "}") * 20 + "}",
        "5000 pairs",
    ),
    "fields written out": (
        repeated("query Q# { ...F }", 40) + "fragment F on Query { " + repeated("f#", 200) + "}",
        "5000 fields",
    ),
    "fragments in fragments": (
        "{ ...F0 } " + " ".join(f"fragment F{n} on Query {{ ...F{n + 1} }}" for n in range(40)),
        "30 fragments stand inside each other",
    ),
    "cost": ("{ animals(first: 50) { friends(first: 50) { friends(first: 50) { id } } } }", "40000 are allowed"),
    "cost of a number that nobody reads": ("{ animals(first: " + "9" * 5_000 + ") { id } }", "40000 are allowed"),
}


@pytest.mark.parametrize(("text", "why"), TOO_LARGE.values(), ids=TOO_LARGE.keys())
def test_what_is_too_large_is_refused_with_the_limit_in_its_words(text: str, why: str) -> None:
    assert why in refusal(text)
    assert cpu_seconds(checker(), text) < BOUND_SECONDS


@pytest.mark.parametrize("name", Limits.__slots__)
def test_every_limit_is_one_that_can_be_reached(name: str) -> None:
    """A document that passes the usual limits is refused when this one alone is tightened."""
    text = (
        "query ($n: Int) { a: again @skip(if: false) { count count again { count(n: $n) } } ...F }"
        " fragment F on Query { ...G again { count } } fragment G on Query { things { __typename } }"
    )
    tight = {"errors": 0, "fragments_deep": 1, "depth": 1, "repeats": 1, "comparing": 5}.get(name, 0)
    if name == "errors":
        text = "{ nothing }"
        assert len(refusal("{ a b c d e f g h }").split(";")) == 6  # the sixth says that there are more
    else:
        assert checked(text)
    with pytest.raises(Refused):
        checked(text, **{name: tight})


HOSTILE = {
    "fields of one name": "{ " + "again { count } " * 199 + "}",
    "many merged objects": "{ " + ("animals { " + "id name owner { id } age mother { id } " * 1 + "} ") * 19 + "}",
    "names that merge deeply": "{ " + ("thing { ... on Ball { of { owner { owner { id } } } } } " * 19) + "}",
    "types side by side": "{ things { "
    + "... on Ball { colour of { id } } ... on Bone { smell of { id } } " * 19
    + "} }",
    "fragments that spread twice": "{ ...F0 } "
    + " ".join(
        f"fragment F{n} on Query {{ again {{ ...F{n + 1} }} x{n}: again {{ ...F{n + 1} }} }}" for n in range(28)
    ),
    "fragments side by side": "{ again { "
    + repeated("...F#", 90)
    + "} } "
    + repeated("fragment F# on Query { f#: count }", 90),
    "every fragment in every field": "{ "
    + repeated("again { ...A ...B ...C ...D }", 19)
    + "} "
    + " ".join(f"fragment {name} on Query {{ {repeated('count again { count }', 4)} }}" for name in "ABCD"),
    "circles": "{ ...F0 } "
    + " ".join(
        f"fragment F{n} on Query {{ again {{ ...F{(n + 1) % 20} ...F{(n + 7) % 20} }} }}" for n in range(20)
    ),
    "operations": repeated("query Q# { count }", 190),
    "operations over the same fragments": repeated("query Q#($b: Boolean!) { ...F }", 50)
    + "fragment F on Query { "
    + "count @skip(if: $b) " * 20
    + "}",
    "variables": "query (" + repeated('$v#: Filter = {name: "x" age: {to: 1}}', 60) + ") { count }",
    "deep inputs": "{ count(where: {all: ["
    + '{name: "x" age: {from: 1 to: 2} colours: [RED BLUE]} ' * 40
    + "]}) }",
    "deep objects": "{ count(where: " + "{not: " * 36 + "{}" + "}" * 36 + ") }",
    "the same large argument": "{ " + ("count(where: {all: [" + '{name: "x"} ' * 7 + "]}) ") * 19 + "}",
    "unknown fields": "{ " + repeated("thingss#", 990) + "}",
    "unknown types": repeated("fragment F# on Personn# { id }", 120) + "{ count }",
    "unknown arguments": "{ count(" + repeated("wheree#: 1", 300) + ") }",
    "unknown enum values": "{ count(where: {colours: [" + repeated("REDD#", 900) + "]}) }",
    "a long name that nearly exists": "{ " + "things" * 2_400 + " }",
    "long aliases": "{ " + " ".join("n" * 1_400 + f"{n}: count" for n in range(10)) + " }",
    "newlines before many errors": "{ " + "\n" * 14_000 + repeated("x#", 200) + "}",
    "comments": "{ " + "#\n" * 7_000 + "count }",
    "commas": "{ " + "," * 14_900 + "count }",
    "a long text": '{ count(s: "' + "文" * 14_900 + '") }',
    "escapes": '{ count(s: "' + r"\u{1F600}" * 1_600 + '") }',
    "a block string of lines": '{ count(s: """' + " \n" * 7_400 + '""") }',
    "escaped quotes": '{ count(s: """' + r'\"""' * 3_700 + '""") }',
    "a number of 14,000 digits": "{ count(n: " + "9" * 14_000 + ") }",
    "an exponent of 14,000 digits": "{ count(n: 1e" + "9" * 14_000 + ") }",
    "half a surrogate": '{ count(s: "\ud800") }',
    "introspection of one name": "{ __schema { " + "types { fields { name } } " * 120 + "} }",
    "introspection side by side": "{ " + "__schema { types { name fields { name } } } " * 19 + "}",
    "introspection with directives": "{ __schema { types { name " + "@skip(if: false) " * 160 + "} } }",
    "nothing": "",
    "one bracket": "{",
}


@pytest.mark.parametrize("schema", [animals, ours])
@pytest.mark.parametrize("open_to_explore", [False, True], ids=["production", "development"])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_document_takes_at_most_the_bound(
    text: str, open_to_explore: bool, schema: Callable[[], GraphQLSchema]
) -> None:
    assert cpu_seconds(checker(schema, open_to_explore=open_to_explore), text) < BOUND_SECONDS


def test_nul_is_refused_however_a_document_spells_it() -> None:
    for text in (r'"\u{0}"', r'"\u{000}"', r'"\u0000"', '"""\0"""'):
        assert "NUL" in refusal(f"{{ count(s: {text}) }}") or "Invalid character" in refusal(
            f"{{ count(s: {text}) }}"
        )


def test_a_fragment_inside_itself_is_refused() -> None:
    assert "Cannot spread fragment 'F' within itself" in refusal("{ ...F } fragment F on Query { again { ...F } }")


def test_an_operation_that_the_schema_does_not_know_is_refused() -> None:
    assert "subscription" in refusal("subscription { count }")


@pytest.mark.parametrize("query", ["{ __schema { types { name } } }", '{ __type(name: "Cat") { name } }'])
def test_introspection_is_refused_where_it_is_off(query: str) -> None:
    assert "introspection" in refusal(query)
    assert checker(open_to_explore=True).check(query)


def test_where_introspection_is_on_tools_may_ask_all_that_they_ask() -> None:
    assert checker(open_to_explore=True).check(get_introspection_query(input_value_deprecation=True))
    assert checker(ours, open_to_explore=True).check(get_introspection_query())


@pytest.mark.parametrize(
    "query",
    [
        "{ thingz { __typename } }",
        "{ count(wher: {}) }",
        "{ count(where: {nam: 1}) }",
        "{ count(where: {colours: [REDD]}) }",
        "{ things { ... on Bal { id } } }",
        "{ things { name } }",
        "query ($f: Filte) { count(where: $f) }",
    ],
)
def test_suggestions_spell_out_nothing_where_they_are_off(query: str) -> None:
    assert "Did you mean" in refusal(query, checker(open_to_explore=True))
    assert "Did you mean" not in refusal(query)


def test_root_fields_are_counted_under_all_their_aliases_and_in_fragments() -> None:
    found = checked(
        'mutation { a: name(id: 1, as: "x") { id } name(id: 2, as: "y") { id } ...F ...F'
        " ... on Mutation { feed(id: 1, with: []) { id } } }"
        ' fragment F on Mutation { b: name(id: 3, as: "z") { id } ...G }'
        " fragment G on Mutation { c: feed(id: 4, with: []) { id } }"
    )
    assert found.kind == "mutation"
    assert dict(found.root_fields) == {"name": 4, "feed": 3}


COSTS: dict[str, tuple[str, dict[str, Any], int]] = {
    "a field is one": ("{ count }", {}, 1),
    "what is below counts too": ("{ again { again { count } } }", {}, 3),
    "a weight stands for the one": ('{ person(name: "x") { portrait } }', {}, 1 + 100),
    "a list multiplies what is below": ("{ things { ... on Ball { id colour } } }", {}, 1 + 30 * 2),
    "a list of texts is one field": ("{ animals(first: 2) { ... on Dog { tricks } } }", {}, 1 + 2 * 1),
    "a written size": ("{ animals(first: 7) { id name } }", {}, 1 + 7 * 2),
    "a size above the maximum": ("{ animals(first: 700) { id } }", {}, 1 + 700),
    "an empty list still costs": ("{ animals(first: 0) { id } }", {}, 1 + 1),
    "a negative size too": ("{ animals(first: -5) { id } }", {}, 1 + 1),
    "left out: the schema's default": ("{ animals { id } }", {}, 1 + 10),
    "a variable": ("query ($n: Int!) { animals(first: $n) { id } }", {"n": 3}, 1 + 3),
    "a variable's default": ("query ($n: Int! = 4) { animals(first: $n) { id } }", {}, 1 + 4),
    "a variable beside its default": ("query ($n: Int! = 4) { animals(first: $n) { id } }", {"n": 2}, 1 + 2),
    "a variable not given": ("query ($n: Int!) { animals(first: $n) { id } }", {}, 1 + 10),
    "a variable that is no number": ("query ($n: Int!) { animals(first: $n) { id } }", {"n": "1"}, 1 + 50),
    "a variable that is true": ("query ($n: Int!) { animals(first: $n) { id } }", {"n": True}, 1 + 50),
    "a variable that is null": ("query ($n: Int!) { animals(first: $n) { id } }", {"n": None}, 1 + 50),
    "sizes multiply": (
        "query ($n: Int!, $m: Int!) { animals(first: $n) { friends(first: $m) { id } } }",
        {"n": 3, "m": 4},
        1 + 3 * (1 + 4),
    ),
    "sizes for fields below": (
        '{ person(name: "x") { pets(first: 5) { total edges { cursor node { id } } nodes { id } } } }',
        {},
        1 + 1 + 1 + (1 + 5 * 3) + (1 + 5 * 1),
    ),
    "sizes for fields in fragments": (
        (
            '{ person(name: "x") { pets(first: 5) { ...P ... on PetConnection { nodes { id } } } } }'
            " fragment P on PetConnection { edges { cursor } }"
        ),
        {},
        1 + 1 + (1 + 5) + (1 + 5),
    ),
    "one fragment under two sizes": (
        (
            '{ person(name: "x") { a: pets(first: 2) { ...P } b: pets(first: 3) { ...P } } }'
            " fragment P on PetConnection { edges { cursor } }"
        ),
        {},
        1 + (1 + 1 + 2) + (1 + 1 + 3),
    ),
    "a list of which nobody said the size": ("{ unsized { __typename } }", {}, 1 + UNSIZED),
    "fragments as often as they are spread": (
        "{ again { ...F } ...F } fragment F on Query { again { count } }",
        {},
        (1 + 2) + 2,
    ),
    "skipped fields too": ("query ($b: Boolean!) { count again @skip(if: $b) { count } }", {"b": True}, 3),
}


@pytest.mark.parametrize(("text", "variables", "cost"), COSTS.values(), ids=COSTS.keys())
def test_the_cost_of(text: str, variables: dict[str, Any], cost: int) -> None:
    assert checked(text).cost(variables) == cost


def test_variables_decide_whether_an_operation_is_too_dear() -> None:
    operation = checked("query ($n: Int!) { animals(first: $n) { friends(first: $n) { friends { id } } } }")
    operation.require_within({"n": 50})
    with pytest.raises(Refused, match=r"With these variables the operation costs 110101; 40000 are allowed\."):
        operation.require_within({"n": 100})


def test_a_cost_of_many_variables_falls_back_on_what_the_schema_declares() -> None:
    """Else one product for each combination of variables would have to be kept."""
    names = [f"v{number}" for number in range(40)]
    text = (
        "query ("
        + " ".join(f"${name}: Int!" for name in names)
        + ") {"
        + " ".join(f"a{n}: animals(first: ${name}) {{ id }}" for n, name in enumerate(names))
        + "}"
    )
    operation = checked(text, **dict.fromkeys(("aliases", "cost"), 10**9))
    assert operation.cost(dict.fromkeys(names, 1)) >= 40 * (1 + 1)
    assert operation.cost(dict.fromkeys(names, 50)) == 40 * (1 + 50)
    assert len(operation.measured.terms) <= 33


# Properties: measuring each fragment once gives what writing all of them out would give.

FIELDS = ("count", "again", "animals", "things", "unsized")
NAMES = ("F0", "F1", "F2", "F3")


def _selections(fragments: tuple[str, ...]) -> st.SearchStrategy[str]:
    """Selections on Query. Fragments are spread by earlier ones only, so that no circle closes."""
    leaf = st.sampled_from(["count", "a: count", "b: count @skip(if: false)", "animals(first: 3) { id x: name }"])
    spread = st.sampled_from([f"...{name}" for name in fragments]) if fragments else leaf
    one = st.one_of(leaf, spread)
    return st.recursive(
        st.lists(one, min_size=1, max_size=4).map(" ".join),
        lambda inner: st.lists(
            st.one_of(
                one,
                inner.map(lambda text: f"again {{ {text} }}"),
                inner.map(lambda text: f"c: again @include(if: true) {{ {text} }}"),
                inner.map(lambda text: f"... on Query {{ {text} }}"),
                inner.map(lambda text: f"... @skip(if: false) {{ {text} }}"),
            ),
            min_size=1,
            max_size=4,
        ).map(" ".join),
        max_leaves=8,
    )


@st.composite
def documents(draw: st.DrawFn) -> str:
    parts = [f"query {{ {draw(_selections(NAMES))} }}"]
    for number, name in enumerate(NAMES):
        parts.append(f"fragment {name} on Query {{ {draw(_selections(NAMES[number + 1 :]))} }}")
    return "\n".join(parts)


def measured(text: str) -> CheckedOperation:
    [operation] = Checker(animals(), UNBOUNDED)._measure(parse(text)).values()
    return operation


class WrittenOut:
    """The naive way: every fragment wherever it is spread."""

    def __init__(self, text: str) -> None:
        document = parse(text)
        self.fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        [operation] = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
        self.root: Counter[str] = Counter()
        self.aliases = self.directives = self.depth = self.cost = 0
        self._walk(operation.selection_set, 1, 1)

    def _walk(self, selections: SelectionSetNode, level: int, times: int) -> None:
        for node in selections.selections:
            self.directives += len(node.directives or ())
            if isinstance(node, FragmentSpreadNode):
                self._walk(self.fragments[node.name.value].selection_set, level, times)
            elif isinstance(node, FieldNode):
                self.depth = max(self.depth, level)
                self.aliases += node.alias is not None
                self.cost += times
                if level == 1:
                    self.root[node.name.value] += 1
                if node.selection_set:
                    inner = times * (3 if node.name.value == "animals" else 1)
                    self._walk(node.selection_set, level + 1, inner)
            else:
                self._walk(node.selection_set, level, times)  # type: ignore[attr-defined]


def refused_just_above(text: str, name: str, size: int) -> None:
    """The limit says exactly `size`: allowed at it, refused below it."""
    unbounded = dict.fromkeys(Limits.__slots__, 10**9)
    Checker(animals(), Limits(**unbounded | {name: size}))._measure(parse(text))
    with pytest.raises(Exception, match=f"{size}"):
        Checker(animals(), Limits(**unbounded | {name: size - 1}))._measure(parse(text))


@given(documents())
def test_measuring_a_fragment_once_gives_what_writing_it_out_gives(text: str) -> None:
    naive, found = WrittenOut(text), measured(text)
    assert dict(found.root_fields) == dict(naive.root)
    assert found.cost({}) == naive.cost
    for name, size in (("depth", naive.depth), ("aliases", naive.aliases), ("directives", naive.directives)):
        if size:
            refused_just_above(text, name, size)


@given(documents(), _selections(()))
def test_a_longer_document_is_never_cheaper(text: str, more: str) -> None:
    longer = text.replace("query {", f"query {{ {more} ", 1)
    assert measured(longer).cost({}) > measured(text).cost({})
    assert WrittenOut(longer).depth >= WrittenOut(text).depth
    assert sum(measured(longer).root_fields.values()) > sum(measured(text).root_fields.values())


# What is kept.

KEPT = {
    "fields": lambda n: f"query Q{n} {{ " + "... on Query { again { count } } " * 19 + "}",
    "values": lambda n: f"query Q{n} {{ count(where: {{all: [" + '{name: "x"} ' * 190 + "]}) }",
    "operations": lambda n: f"query Q{n} {{ count }}" + repeated(f"query Q{n}x# {{ count }}", 190),
    "text": lambda n: f'query Q{n} {{ count(s: "' + "😀" * 14_000 + '") }',
    "comments": lambda n: f"query Q{n} {{ count }} # {'😀' * 14_000}",
    "little": lambda n: f"query Q{n} {{ count }}",
}
"""Ever new documents of the kinds that take most memory."""


@pytest.mark.parametrize("document", KEPT.values(), ids=KEPT.keys())
def test_the_documents_that_are_kept_fit_into_64_megabytes(document: Callable[[int], str]) -> None:
    """Whoever asks nothing but ever new documents must not fill a process's memory with them. What checking has thrown
    away again is not kept: its tokens hold each other by the hand until the collector comes, whenever that is."""
    engine = Engine(animals(), Checker(animals()))
    engine.free("{ count }")
    share, kilobytes, number = 20, 0, 0
    tracemalloc.start()
    try:
        while kilobytes < KILOBYTES_KEPT // share:
            kilobytes += checker().check(document(number)).kilobytes
            engine.free(document(number), f"Q{number}").plan.prepare()
            number += 1
        gc.collect()
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size * share < 64 * 1024 * 1024
