"""What an entrance asks: an operation by the hash of a trusted document, or by a free document's text; and its run."""

from collections import OrderedDict
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

from graphql import ExecutionResult, GraphQLError, GraphQLSchema, execute

from plans.checking import CheckedDocument, CheckedOperation, Checker, Refused

DOCUMENTS_KEPT = 128


class UnknownDocument(Exception):
    """No trusted document has this hash."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation, checked and ready to run any number of times."""

    engine: "Engine"
    document: CheckedDocument
    checked: CheckedOperation
    trusted: bool

    @property
    def name(self) -> str | None:
        return self.checked.name

    @property
    def kind(self) -> str:
        """"query" or "mutation"."""
        return self.checked.kind

    @property
    def root_fields(self) -> Mapping[str, int]:
        """Field name → how often it stands at the root, aliases and fragments included."""
        return self.checked.root_fields

    def cost(self, variables: Mapping[str, Any]) -> int:
        return self.checked.cost(variables)

    async def run(self, variables: Mapping[str, Any], context: Any) -> ExecutionResult:
        """Data and errors as graphql-core has them. In data, instants may still be `datetime`: orjson writes them."""
        result = execute(
            self.engine.schema,
            self.document.document,
            context_value=context,
            variable_values=dict(variables),
            operation_name=self.name,
        )
        return await _awaited(result)


async def _awaited(result: ExecutionResult | Awaitable[ExecutionResult]) -> ExecutionResult:
    return await result if isawaitable(result) else result


class Engine:
    """One process's plans and the free documents that it has seen lately."""

    def __init__(self, schema: GraphQLSchema, checker: Checker, trusted: Mapping[str, str] | None = None) -> None:
        """`trusted`: hash → text. Raises Refused when one of them does not fit the schema."""
        self.schema = schema
        self.checker = checker
        self._trusted = {key: checker.check(text) for key, text in (trusted or {}).items()}
        self._free: OrderedDict[str, CheckedDocument] = OrderedDict()

    def trusted(self, document_id: str, operation_name: str | None = None) -> Operation:
        """Raises UnknownDocument, and Refused when it holds no such operation."""
        document = self._trusted.get(document_id)
        if document is None:
            raise UnknownDocument(document_id)
        return self._operation(document, operation_name, trusted=True)

    def free(self, text: str, operation_name: str | None = None) -> Operation:
        """Raises Refused."""
        document = self._free.get(text)
        if document is None:
            document = self.checker.check(text)
            self._free[text] = document
            if len(self._free) > DOCUMENTS_KEPT:
                self._free.popitem(last=False)
        else:
            self._free.move_to_end(text)
        return self._operation(document, operation_name, trusted=False)

    def _operation(self, document: CheckedDocument, name: str | None, *, trusted: bool) -> Operation:
        operations = document.operations
        if name is None and len(operations) == 1:
            return Operation(self, document, next(iter(operations.values())), trusted)
        if name is None:
            raise Refused(GraphQLError("Must provide operation name if query contains multiple operations."))
        if name not in operations:
            raise Refused(GraphQLError(f"Unknown operation named '{name}'."))
        return Operation(self, document, operations[name], trusted)
