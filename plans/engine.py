"""What an entrance asks: an operation by the hash of a trusted document, or by a free document's text; and its run."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from inspect import isawaitable
from typing import Any

from graphql import ExecutionResult, GraphQLError, GraphQLSchema

from plans.checking import CheckedDocument, CheckedOperation, Checker, Refused
from plans.compiling import compiled
from plans.leaves import completer
from plans.planning import Backend, Plan

KILOBYTES_KEPT = 50_000
"""Of free documents; the longest unused go first."""


class UnknownDocument(Exception):
    """No trusted document has this hash."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation, checked and planned: ready to run any number of times."""

    checked: CheckedOperation
    plan: Plan
    document_id: str | None
    """The hash of its trusted document; None when it was asked freely."""

    @property
    def trusted(self) -> bool:
        return self.document_id is not None

    @property
    def name(self) -> str | None:
        return self.checked.name

    @property
    def kind(self) -> str:
        """ "query" or "mutation"."""
        return self.checked.kind

    @property
    def root_fields(self) -> Mapping[str, int]:
        """Field name → how often it stands at the root, aliases and fragments included."""
        return self.checked.root_fields

    def cost(self, variables: Mapping[str, Any]) -> int:
        return self.checked.cost(variables)

    async def run(self, variables: Mapping[str, Any], context: Any) -> ExecutionResult:
        """Data and errors as graphql-core has them, save that instants and days in data may still be Python's own:
        orjson writes them as the schema's scalars do."""
        result = self.plan.run(variables, context)
        if isawaitable(result):
            result = await result
        assert isinstance(result, ExecutionResult)
        return result


Operations = Mapping[str | None, Operation]


class Engine:
    """One process's plans and the free documents that it has seen lately."""

    def __init__(
        self,
        schema: GraphQLSchema,
        checker: Checker,
        trusted: Mapping[str, str] | None = None,
        *,
        suggestions: bool = True,
        on_anomaly: Callable[[str | None], None] | None = None,
    ) -> None:
        """`trusted`: hash → text. Raises Refused when one of them does not fit the schema. Without `suggestions`, what
        is wrong with variables does not spell out the schema. `on_anomaly` is told the trusted operation's name (None:
        a free one's) when a value is not as its type says."""
        self._on_anomaly = on_anomaly
        self._schema = schema
        self._suggestions = suggestions
        self._checker = checker
        self._trusted = {
            document_id: self._compiled(checker.check(text), document_id)
            for document_id, text in (trusted or {}).items()
        }
        self._free: OrderedDict[str, tuple[int, Operations]] = OrderedDict()
        self._kilobytes = 0

    def trusted(self, document_id: str, operation_name: str | None = None) -> Operation:
        """Raises UnknownDocument, and Refused when it holds no such operation."""
        operations = self._trusted.get(document_id)
        if operations is None:
            raise UnknownDocument(document_id)
        return _chosen(operations, operation_name)

    def free(self, text: str, operation_name: str | None = None) -> Operation:
        """Raises Refused."""
        kept = self._free.get(text)
        if kept is None:
            return _chosen(self._keep(self._checker.check(text)), operation_name)
        self._free.move_to_end(text)
        return _chosen(kept[1], operation_name)

    def _compiled(self, document: CheckedDocument, document_id: str) -> Operations:
        operations = self._planned(document, compiled, document_id)
        for operation in operations.values():
            operation.plan.prepare()
        return operations

    def _keep(self, document: CheckedDocument) -> Operations:
        """Strangers' documents are not compiled: putting functions together costs less than the first run."""
        operations = self._planned(document, completer, None)
        self._free[document.text] = (document.kilobytes, operations)
        self._kilobytes += document.kilobytes
        while self._kilobytes > KILOBYTES_KEPT and len(self._free) > 1:
            _, (kilobytes, _) = self._free.popitem(last=False)
            self._kilobytes -= kilobytes
        return operations

    def _planned(self, document: CheckedDocument, backend: Backend, document_id: str | None) -> Operations:
        nodes = document.document
        return {
            name: Operation(
                checked,
                Plan(
                    self._schema,
                    nodes,
                    checked.node,
                    backend,
                    hide_suggestions=not self._suggestions,
                    on_anomaly=self._on_anomaly and partial(self._on_anomaly, name if document_id else None),
                ),
                document_id,
            )
            for name, checked in document.operations.items()
        }


def _chosen(operations: Operations, name: str | None) -> Operation:
    if name is None:
        if len(operations) == 1:
            return next(iter(operations.values()))
        raise Refused(GraphQLError("Must provide operation name if query contains multiple operations."))
    operation = operations.get(name)
    if operation is None:
        raise Refused(GraphQLError(f"Unknown operation named '{name}'."))
    return operation
