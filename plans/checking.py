"""Is a document small enough and right? Asked once a document, before anything of it is run.

In this order, so that no step meets what could break or slow it: characters, words and brackets (the parser is
recursive), the parser, one measuring pass, and only then standard validation, whose comparison of fields alone
can take seconds over a kilobyte.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    ASTValidationRule,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    Lexer,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OverlappingFieldsCanBeMergedRule,
    Source,
    Token,
    TokenKind,
    ValidationContext,
    parse,
    specified_rules,
    validate,
)

from plans.costs import Cost, Prices, integer
from plans.limits import Limits
from plans.measuring import Measure, Merged, Size, merged

_OPENING = {TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L}
_CLOSING = {TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R}


class Refused(Exception):
    """The document may not be run. `errors` say why, as graphql-core says it."""

    def __init__(self, *errors: GraphQLError) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class CheckedOperation:
    """One operation of a document, measured."""

    name: str | None
    kind: str
    """"query" or "mutation"."""
    node: OperationDefinitionNode
    root_fields: Mapping[str, int]
    """Field name → how often it stands at the root, aliases and fragments included."""
    limit: int
    measured: Cost
    defaults: Mapping[str, int]
    """What variables say that nobody gives."""
    depends_on_variables: bool
    """Whether its cost does; else it was held against the limit once and for all."""

    def cost(self, variables: Mapping[str, Any]) -> int:
        """What running it costs at most, given the variables."""
        return self.measured.of({**self.defaults, **variables} if self.defaults else variables)

    def require_within(self, variables: Mapping[str, Any]) -> None:
        """Raises Refused when these variables make it too dear."""
        if self.depends_on_variables and (cost := self.cost(variables)) > self.limit:
            raise Refused(_too_dear(cost, self.limit, self.node))


@dataclass(frozen=True, slots=True)
class CheckedDocument:
    text: str
    document: DocumentNode
    operations: Mapping[str | None, CheckedOperation]
    tokens: int

    @property
    def kilobytes(self) -> int:
        """What keeping it takes, roughly: a token brings nodes with it, a character's 4 bytes are kept thrice, and
        each operation gets a plan."""
        return self.tokens + 5 * len(self.operations) + len(self.text) // 80


class Checker:
    """Parses, measures and validates documents of one schema."""

    def __init__(
        self,
        schema: GraphQLSchema,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        *,
        introspection: bool = True,
        suggestions: bool = True,
    ) -> None:
        self.schema = schema
        self.limits = limits
        self._prices = Prices(schema)
        self.suggestions = suggestions
        self._rules = _rules(limits, introspection=introspection)

    def check(self, text: str) -> CheckedDocument:
        """Raises Refused."""
        try:
            tokens = _count_tokens(text, self.limits)
            document = parse(text)
            operations = self._measure(document)
        except GraphQLError as error:
            raise Refused(error) from None
        errors = validate(
            self.schema, document, self._rules, self.limits.errors, hide_suggestions=not self.suggestions
        )
        if errors:
            raise Refused(*errors)
        return CheckedDocument(text, document, operations, tokens)

    def _measure(self, document: DocumentNode) -> dict[str | None, CheckedOperation]:
        """Raises GraphQLError for the first limit that is passed."""
        for fault in _merged_faults(merged(document, self.limits), self.limits):
            raise GraphQLError(fault)
        measure = Measure(self.schema, self._prices, self.limits, document)
        operations = {}
        for node in document.definitions:
            if isinstance(node, OperationDefinitionNode):
                size = measure.operation(node)
                for fault in _faults(size, self.limits):
                    raise GraphQLError(fault, node)
                name = node.name.value if node.name else None
                operations[name] = CheckedOperation(
                    name,
                    node.operation.value,
                    node,
                    size.fields,
                    self.limits.cost,
                    size.cost,
                    dict(_defaults(node, size.cost)),
                    any(size.cost.terms),
                )
        return operations


def _count_tokens(text: str, limits: Limits) -> int:
    """Reads the words without parsing them: the parser is recursive, and deep documents would break it."""
    if len(text) > limits.characters:
        raise GraphQLError(f"The document has more than {limits.characters} characters.")
    tokens = depth = 0
    for token in _tokens(text):
        tokens += 1
        depth += (token.kind in _OPENING) - (token.kind in _CLOSING)
        if tokens > limits.tokens:
            raise GraphQLError(f"The document has more than {limits.tokens} tokens.")
        if depth > limits.brackets:
            raise GraphQLError(f"The document has more than {limits.brackets} brackets in brackets.")
        if "\0" in (token.value or ""):  # "\u{0}", which a look at the raw body cannot see
            raise GraphQLError("The document holds the character NUL, which databases cannot store.")
    return tokens


def _tokens(text: str) -> Iterator[Token]:
    """Comments too, which the lexer passes over in silence but keeps."""
    lexer = Lexer(Source(text))
    while lexer.token.kind is not TokenKind.EOF:
        last, token = lexer.token, lexer.advance()
        while last.next is not None and last.next is not token:
            last = last.next
            yield last
        if token.kind is not TokenKind.EOF:
            yield token


def _merged_faults(found: Merged, limits: Limits) -> Iterator[str]:
    if found.selections > limits.selections:
        yield f"The document has more than {limits.selections} fields with its fragments written out."
    if found.repeats > limits.repeats:
        yield f"A field is asked for {found.repeats} times by one name; {limits.repeats} are allowed."
    if found.comparisons > limits.comparisons:
        yield f"The document has more than {limits.comparisons} pairs of fields of one name."


def _faults(size: Size, limits: Limits) -> Iterator[str]:
    if size.depth > limits.depth:
        yield f"The operation is {size.depth} levels deep; {limits.depth} are allowed."
    if size.aliases > limits.aliases:
        yield f"The operation has {size.aliases} aliases; {limits.aliases} are allowed."
    if size.directives > limits.directives:
        yield f"The operation has {size.directives} directives; {limits.directives} are allowed."
    if size.cost.least > limits.cost:
        yield f"The operation costs {size.cost.least}; {limits.cost} are allowed."


def _too_dear(cost: int, limit: int, node: OperationDefinitionNode) -> GraphQLError:
    return GraphQLError(f"With these variables the operation costs {cost}; {limit} are allowed.", node)


def _defaults(node: OperationDefinitionNode, cost: Cost) -> Iterator[tuple[str, int]]:
    """The default values of the variables that decide sizes."""
    sizing = {sized.variable for sizes in cost.terms for sized in sizes}
    for definition in node.variable_definitions or ():
        name = definition.variable.name.value
        if name in sizing and definition.default_value is not None:
            most = max(sized.most for sizes in cost.terms for sized in sizes if sized.variable == name)
            yield name, integer(definition.default_value, otherwise=most)


def _rules(limits: Limits, *, introspection: bool) -> tuple[type[ASTValidationRule], ...]:
    """The standard's rules, with a bound of our own on the one that compares fields."""

    class Overlaps(OverlappingFieldsCanBeMergedRule):
        def __init__(self, context: ValidationContext) -> None:
            super().__init__(context)
            self.rule_context.remaining_complexity_budget = limits.comparing

    rules = [Overlaps if rule is OverlappingFieldsCanBeMergedRule else rule for rule in specified_rules]
    return (*rules, *(() if introspection else (NoSchemaIntrospectionCustomRule,)))
