"""What is told of each GraphQL operation: counted, timed, one span, and the facts of the request's log line.

The outcome is one word: `ok`; the code of the refusal, in `errors` or in a payload's `userErrors`; `INTERNAL` when
anything unexpected was among the errors; `DOCUMENT_REFUSED` for a document that is not valid or too dear. Never
variables, never documents, never a name that a stranger chose, never an error's text.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError

from bff import metrics, visits
from bff.graphql.errors import root_cause
from bff.tracing import OperationSpan, Spans
from bff.visits import HASH_SHOWN
from models.errors import DomainError, ErrorCode
from plans.checking import Refused
from plans.engine import Operation
from resolvers.context import Context

OK, INTERNAL, FREE = "ok", "INTERNAL", "free"


@dataclass(frozen=True, slots=True)
class Watching:
    """Handed to the endpoint, which enters it around each run. `spans` only where a collector is named."""

    spans: Spans | None = None

    def __call__(self, operation: Operation) -> "Run":
        return Run(operation, self.spans)

    def turned_away(self, outcome: str) -> None:
        """The request ended before there was an operation to run."""
        metrics.count_unfound(outcome)
        if visit := visits.current.get():
            visit.outcome = outcome


class Run:
    """One run of one operation. Entered, it gives what wants to be told the run's errors before they are masked."""

    __slots__ = ("_errors", "_operation", "_refusals", "_span", "_spans", "_started")

    def __init__(self, operation: Operation, spans: Spans | None) -> None:
        self._operation = operation
        self._spans = spans
        self._span: OperationSpan | None = None
        self._errors: Sequence[GraphQLError] = ()
        self._refusals: Sequence[ErrorCode] = ()

    def __enter__(self) -> "Run":
        self._started = time.perf_counter()
        if self._spans:
            self._span = self._spans.operation()
        return self

    def __call__(self, errors: Sequence[GraphQLError], context: Context) -> None:
        self._errors = errors
        self._refusals = context.refusals

    def __exit__(self, _kind: Any, error: BaseException | None, _trace: Any) -> None:
        operation = self._operation
        name = (operation.name or "unnamed") if operation.trusted else FREE
        outcome = _outcome(error, self._errors, self._refusals)
        metrics.count_operation(name, operation.kind, outcome, time.perf_counter() - self._started)
        visit = visits.current.get()
        if visit:
            visit.operation, visit.kind, visit.outcome = name, operation.kind, outcome
            visit.document = (operation.document_id or "")[:HASH_SHOWN]
        if self._span:
            self._span.end(name, operation.kind, operation.document_id or FREE, outcome)


def _outcome(error: BaseException | None, errors: Sequence[GraphQLError], refusals: Sequence[ErrorCode]) -> str:
    if isinstance(error, DomainError):
        return error.code
    if isinstance(error, asyncio.CancelledError):  # the time-out, or the client went away
        return ErrorCode.BUSY
    if isinstance(error, Refused):  # for its variables; the document was checked before
        return ErrorCode.BAD_INPUT
    if error is not None:
        return INTERNAL
    told = [_code_of(each) for each in errors]
    if INTERNAL in told:
        return INTERNAL
    return next(iter(told or refusals), OK)


def _code_of(error: GraphQLError) -> str:
    """As `bff.graphql.errors.shown` tells it to the caller."""
    cause = root_cause(error)
    if isinstance(cause, DomainError):
        return cause.code
    if cause is None or (error.path is None and error.nodes):
        return ErrorCode.BAD_INPUT
    return INTERNAL
