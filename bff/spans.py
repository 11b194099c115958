"""`bff.tracing.Spans` by OpenTelemetry's own SDK, sent in batches by a thread of its own. Imported only on demand.

A request never waits for the collector: spans go into a bounded queue, and when that is full they are lost. The SDK's
own complaints, one for each lost span or batch, are not shown (`bff.logging.QUIETED`); that the collector is away is
said once, and once that it is back.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import requests
from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import Scope

from bff.tracing import Spans
from bff.visits import Visit

EXPORT_SECONDS = 5  # for one batch
FLUSH_SECONDS = 2  # at the end of the process, of the eight that it has
_NOBODY = Context()
_TRACEPARENT = TraceContextTextMapPropagator()

log = logging.getLogger(__name__)


def to_collector(endpoint: str, process: str) -> "CollectedSpans":
    """`endpoint` as OTEL_EXPORTER_OTLP_ENDPOINT has it, without `/v1/traces`. What else OpenTelemetry's own
    variables say (headers, sampler, queue, service name) its SDK reads itself."""
    session = requests.Session()
    session.trust_env = False  # no proxy and no .netrc that happens to lie around
    exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=EXPORT_SECONDS, session=session)
    resource = Resource.create({"process.role": process})
    if str(resource.attributes["service.name"]).startswith("unknown_service"):  # nobody has named us
        resource = resource.merge(Resource({"service.name": "sports-for-all"}))
    return CollectedSpans(resource, exporter)


class CollectedSpans(Spans):
    def __init__(self, resource: Resource, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._processor = BatchSpanProcessor(_SaidOnce(exporter))
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        provider.add_span_processor(self._processor)
        self._tracer = provider.get_tracer("sports-for-all")

    def request(self, scope: Scope, *, from_proxy: bool) -> "_RequestSpan":
        parent = _told_by_proxy(scope) if from_proxy else _NOBODY
        return _RequestSpan(self._tracer.start_span("HTTP", parent, SpanKind.SERVER))

    def operation(self) -> "_OperationSpan":
        return _OperationSpan(self._tracer.start_span("GraphQL"))

    @contextmanager
    def job(self, name: str) -> Iterator[None]:
        span = self._tracer.start_span(f"job {name}", _NOBODY, attributes={"job.name": name})
        with _entered(span):
            yield

    @contextmanager
    def outside(self, peer: str, method: str) -> Iterator[Callable[[int], None]]:
        told = {"peer.service": peer, "http.request.method": method}
        span = self._tracer.start_span(f"{method} {peer}", kind=SpanKind.CLIENT, attributes=told)

        def answered(status: int) -> None:
            span.set_attribute("http.response.status_code", status)
            if status >= 400:
                _mark(span, str(status))

        with _entered(span):
            yield answered

    async def close(self) -> None:
        """In a thread that may be left behind: the SDK itself would wait half a minute for a collector that hangs."""
        sent, loop = asyncio.Event(), asyncio.get_running_loop()

        def flush() -> None:
            self._processor.shutdown()  # type: ignore[no-untyped-call]
            with suppress(RuntimeError):  # the loop is closed: nobody waited that long
                loop.call_soon_threadsafe(sent.set)

        threading.Thread(target=flush, daemon=True).start()
        try:
            async with asyncio.timeout(FLUSH_SECONDS):
                await sent.wait()
        except TimeoutError:
            self._exporter.shutdown()  # which ends its tries


class _Current:
    """A span that is the parent of what begins before its end."""

    def __init__(self, span: Span) -> None:
        self.span = span
        self._token = contexts.attach(trace.set_span_in_context(span))

    def close(self) -> None:
        contexts.detach(self._token)
        self.span.end()


class _RequestSpan(_Current):
    def end(self, method: str, route: str, status: int, visit: Visit) -> None:
        self.span.update_name(f"{method} {route}")
        self.span.set_attributes(
            {
                "http.request.method": method,
                "http.route": route,
                "http.response.status_code": status,
                "request.id": visit.request_id,
            }
        )
        if status >= 500 or status == 0:  # 0: nobody was there to take an answer
            _mark(self.span, str(status))
        self.close()


class _OperationSpan(_Current):
    def end(self, name: str, kind: str, document: str, outcome: str) -> None:
        self.span.update_name(f"{kind} {name}")
        self.span.set_attributes(
            {
                "graphql.operation.name": name,
                "graphql.operation.type": kind,
                "graphql.document.hash": document,
                "graphql.outcome": outcome,
            }
        )
        if outcome != "ok":
            self.span.set_attribute("error.type", outcome)
        if outcome == "INTERNAL":  # a refusal is an answer as good as any
            self.span.set_status(Status(StatusCode.ERROR))
        self.close()


@contextmanager
def _entered(span: Span) -> Iterator[None]:
    """Not OpenTelemetry's own, which would write an error's text and traceback into the span."""
    current = _Current(span)
    try:
        yield
    except BaseException as error:
        _mark(span, type(error).__name__)
        raise
    finally:
        current.close()


def _mark(span: Span, error_type: str) -> None:
    span.set_attribute("error.type", error_type)
    span.set_status(Status(StatusCode.ERROR))


def _told_by_proxy(scope: Scope) -> Context:
    """Of the trace that a proxy of ours has begun; nothing else that it may carry (tracestate, baggage)."""
    for name, value in scope["headers"]:
        if name == b"traceparent":
            return _TRACEPARENT.extract({"traceparent": value.decode("latin-1")}, _NOBODY)
    return _NOBODY


class _SaidOnce(SpanExporter):
    """Whether the collector takes our spans; runs in the processor's thread only."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._away = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        away = result is not SpanExportResult.SUCCESS
        if away and not self._away:
            log.warning("the collector of traces is away; spans are lost until it is back")
        elif self._away and not away:
            log.info("the collector of traces is back")
        self._away = away
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()
