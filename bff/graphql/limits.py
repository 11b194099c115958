"""How large a GraphQL document may be. Every check is one pass over it, nested fragments included.

Strawberry's own depth and alias limiters walk a fragment again each time it is spread, which a 750-byte document
turns into seconds; here a fragment is measured once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    Lexer,
    OperationDefinitionNode,
    SelectionSetNode,
    Source,
    TokenKind,
    ValidationRule,
    parse,
)
from strawberry.extensions import SchemaExtension

CHARACTERS = 15_000
TOKENS = 500
"""The longest of ours has 124. Comparing fields costs the square: 1,000 took 220 ms of CPU, 500 take 40."""
BRACKETS = 40  # the parser calls itself for each; far below Python's own limit
DEPTH = 10
ALIASES = 15
DIRECTIVES = 50
DOCUMENTS_KEPT = 128
"""Strangers' documents are kept too, up to 300 KB each. A flood of them evicts ours; the next issue pins trusted ones."""

_OPENING = {TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L}
_CLOSING = {TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R}


class Documents(SchemaExtension):
    """Parses within the limits, and each document once."""

    def on_parse(self) -> Iterator[None]:
        self.execution_context.graphql_document = parse_within_limits(self.execution_context.query or "")
        yield


@lru_cache(maxsize=DOCUMENTS_KEPT)
def parse_within_limits(text: str) -> DocumentNode:
    if len(text) > CHARACTERS:
        raise GraphQLError(f"The document has more than {CHARACTERS} characters.")
    _count_tokens(text)
    return parse(text, no_location=False)


def _count_tokens(text: str) -> None:
    """Reads the words without parsing them: the parser is recursive, and deep documents would break it."""
    lexer = Lexer(Source(text))
    tokens = depth = 0
    while (token := lexer.advance()).kind is not TokenKind.EOF:
        tokens += 1
        depth += (token.kind in _OPENING) - (token.kind in _CLOSING)
        if tokens > TOKENS:
            raise GraphQLError(f"The document has more than {TOKENS} tokens.")
        if depth > BRACKETS:
            raise GraphQLError(f"The document has more than {BRACKETS} brackets in brackets.")
        if "\0" in (token.value or ""):  # "\u{0}", which the endpoint's look at the body cannot see
            raise GraphQLError("The document holds the character NUL, which PostgreSQL cannot store.")


@dataclass(frozen=True, slots=True)
class _Size:
    depth: int
    aliases: int
    directives: int


class WithinLimits(ValidationRule):
    """Depth, aliases and directives of each operation, counted as if every fragment were written out."""

    def enter_document(self, document: DocumentNode, *_: Any) -> None:
        fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        measured: dict[str, _Size] = {}
        for node in document.definitions:
            if isinstance(node, OperationDefinitionNode):
                for fault in _faults(_measure(node.selection_set, fragments, measured)):
                    self.report_error(GraphQLError(fault, node))


def _faults(size: _Size) -> Iterator[str]:
    if size.depth > DEPTH:
        yield f"The operation is {size.depth} levels deep; {DEPTH} are allowed."
    if size.aliases > ALIASES:
        yield f"The operation has {size.aliases} aliases; {ALIASES} are allowed."
    if size.directives > DIRECTIVES:
        yield f"The operation has {size.directives} directives; {DIRECTIVES} are allowed."


def _measure(
    selections: SelectionSetNode | None, fragments: dict[str, FragmentDefinitionNode], measured: dict[str, _Size]
) -> _Size:
    if selections is None:
        return _Size(0, 0, 0)
    depth = aliases = directives = 0
    for node in selections.selections:
        level = 0
        if isinstance(node, FragmentSpreadNode):
            inner = _measure_fragment(node.name.value, fragments, measured)
        else:
            inner = _measure(node.selection_set, fragments, measured)  # type: ignore[attr-defined]
        if isinstance(node, FieldNode):
            level = 1
            aliases += node.alias is not None
        depth = max(depth, level + inner.depth)
        aliases += inner.aliases
        directives += len(node.directives or ()) + inner.directives
    return _Size(depth, aliases, directives)


def _measure_fragment(
    name: str, fragments: dict[str, FragmentDefinitionNode], measured: dict[str, _Size]
) -> _Size:
    """Each fragment once. A fragment inside itself counts nothing; another rule refuses it."""
    if name not in measured:
        measured[name] = _Size(0, 0, 0)
        if name in fragments:
            measured[name] = _measure(fragments[name].selection_set, fragments, measured)
    return measured[name]
