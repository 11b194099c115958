"""What a GraphQL error says outside: expected refusals as they are, everything else a reference."""

import re
from collections.abc import Mapping

from graphql import GraphQLError

from bff import metrics
from bff.logging import report, sentence_for
from models.errors import DomainError, ErrorCode

_SUGGESTION = re.compile(r" Did you mean .*\?$", re.DOTALL)


def shown(error: GraphQLError) -> GraphQLError:
    """The error that the caller may see.

    A refusal keeps its sentence. What is wrong with the document or its variables is told with the machine's own
    words behind ours, but without suggestions, which would spell out the schema. The text of anything else can
    hold an address with a password, so only its reference goes out.
    """
    cause = root_cause(error)
    if isinstance(cause, DomainError):
        told = {
            "code": cause.code.value,
            "field": cause.field,
            "nextStep": cause.next_step,
            "retryAfterSeconds": cause.retry_after,
        }
        return _like(error, cause.sentence(), {name: value for name, value in told.items() if value})
    if cause is None or (error.path is None and error.nodes):  # no path: not from a resolver
        detail = _SUGGESTION.sub("", error.message)
        return _like(error, f"请求的写法不合要求，请检查后再试。（{detail}）", {"code": ErrorCode.BAD_INPUT.value})
    metrics.UNEXPECTED.inc()
    reference = report(cause, path=".".join(map(str, error.path or ())))
    return _like(error, sentence_for(reference), {"code": "INTERNAL", "reference": reference})


def root_cause(error: GraphQLError) -> BaseException | None:
    """The exception of ours inside; None when graphql-core itself objects."""
    cause: BaseException | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def _like(error: GraphQLError, message: str, extensions: Mapping[str, object]) -> GraphQLError:
    return GraphQLError(
        message, error.nodes, error.source, error.positions, error.path, extensions=dict(extensions)
    )
