"""Traces for OpenTelemetry: one span a request, an operation, an outside call, a job. Never one a field.

Only where OTEL_EXPORTER_OTLP_ENDPOINT names a collector; else `opened` gives None, nothing of OpenTelemetry is
imported (`bff/spans.py` does it), and whoever would make spans has nothing to call. A span holds names of ours,
numbers and codes: no path, no address, no document, no variable, no error's text.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Protocol

import httpx
from starlette.types import Scope

from bff.settings import Settings
from bff.visits import Visit
from jobs.job import Job, Tools


class RequestSpan(Protocol):
    def end(self, method: str, route: str, status: int, visit: Visit) -> None: ...


class OperationSpan(Protocol):
    def end(self, name: str, kind: str, document: str, outcome: str) -> None: ...


class Spans(Protocol):
    """What makes spans. They nest by themselves: an operation's lies in its request's, an outside call in either."""

    def request(self, scope: Scope, *, from_proxy: bool) -> RequestSpan:
        """A trusted proxy's traceparent is continued; anybody else's is not even read."""

    def operation(self) -> OperationSpan: ...

    def job(self, name: str) -> AbstractContextManager[None]: ...

    def outside(self, peer: str, method: str) -> AbstractContextManager[Callable[[int], None]]:
        """Gives what wants to be told the status of the answer."""

    async def close(self) -> None:
        """Sends what is left, but does not wait long for a collector that does not take it."""


def opened(settings: Settings, process: str) -> Spans | None:
    """`process` is web or worker."""
    if not settings.otlp_endpoint:
        return None
    from bff.spans import to_collector

    return to_collector(settings.otlp_endpoint, process)


class SpannedTransport(httpx.AsyncBaseTransport):
    """A span around each call to one of those outside. They are not told of it: no header goes out."""

    def __init__(self, inner: httpx.AsyncBaseTransport, spans: Spans, peer: str) -> None:
        self._inner = inner
        self._spans = spans
        self._peer = peer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        with self._spans.outside(self._peer, request.method) as answered:
            response = await self._inner.handle_async_request(request)
            answered(response.status_code)
            return response

    async def aclose(self) -> None:
        await self._inner.aclose()


def spanned(job: Job, spans: Spans) -> Job:
    """The same job, each of its runs a trace of its own."""

    async def run(tools: Tools) -> object:
        with spans.job(job.name):
            return await job.function(tools)

    return replace(job, function=run)
