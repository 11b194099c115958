"""How large a document may be: numbers only. Each has its row in docs/security.md."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Parsing, measuring and validating whatever stays within costs at most 50 ms of CPU; a fuzzer looks for more."""

    characters: int = 15_000
    tokens: int = 1_000
    """Comments included: they are kept in memory as tokens are."""
    brackets: int = 40
    """In brackets. The parser calls itself for each."""

    # Of an operation, its fragments written out:
    depth: int = 10
    aliases: int = 15
    directives: int = 50
    cost: int = 40_000
    """As `plans/costs.py` counts."""

    # Of a document, each fragment written out once a selection:
    fragments_deep: int = 30
    """Fragments in fragments; measuring calls itself for each."""
    repeats: int = 20
    """The same name in one selection."""
    selections: int = 5_000
    comparisons: int = 5_000
    """Pairs of fields of the same name: what validation compares."""

    comparing: int = 60_000
    """graphql-core's own measure of that work, should the pairs not tell it all: it stops there."""
    errors: int = 5
    """More of them tell nobody anything, and each costs."""
