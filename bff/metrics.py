"""What Prometheus may ask: requests by route, and figures of the business read when it asks."""

import os
from collections.abc import Awaitable, Callable, Mapping
from functools import cache

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

Figures = Callable[[], Awaitable[Mapping[str, float]]]
"""Reads figures of the business from the database: name → value, such as `outbox_waiting` → 3."""

REQUESTS = Counter("http_requests_total", "Requests answered", ["method", "route", "status"])
DURATIONS = Histogram(
    "http_request_seconds",
    "Time to the end of the answer",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
RATE_REFUSALS = Counter("rate_refusals_total", "Operations refused because there were too many", ["limit"])
UNEXPECTED = Counter("unexpected_errors_total", "Errors that nobody expected; each has a reference in the log")
OPERATIONS = Counter(
    "graphql_operations_total",
    "GraphQL requests by what became of them: ok, a refusal's code, INTERNAL, DOCUMENT_REFUSED",
    ["operation", "kind", "outcome"],
)
OPERATION_DURATIONS = Histogram(
    "graphql_operation_seconds",
    "Time that operations ran, rates and answers kept from before included",
    ["operation", "kind"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15),
)
DOCUMENT_CHECKS = Histogram(
    "graphql_document_check_cpu_seconds",
    "CPU time to look up, or to parse, measure and validate, a document that is not trusted",
    buckets=(0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1),
)
ANOMALIES = Counter(
    "plan_anomalies_total",
    "Values that were not as the schema's types say: answered rightly, but the slow way",
    ["operation"],
)
METHODS = frozenset(("GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"))


@cache
def _request(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """`labels` costs more than counting does. Routes and methods are few, and strangers make no new ones."""
    return REQUESTS.labels(method, route, str(status)), DURATIONS.labels(method, route)


@cache
def _operation(operation: str, kind: str, outcome: str) -> tuple[Counter, Histogram]:
    return OPERATIONS.labels(operation, kind, outcome), OPERATION_DURATIONS.labels(operation, kind)


def count_request(method: str, route: str, status: int, seconds: float) -> None:
    """A request that was answered, or with status 0 was not: the client went away."""
    count, duration = _request(method if method in METHODS else "other", route, status)
    count.inc()
    duration.observe(seconds)


def count_operation(operation: str, kind: str, outcome: str, seconds: float) -> None:
    """`operation` is a trusted one's name or `free`, never what a stranger wrote."""
    count, duration = _operation(operation, kind, outcome)
    count.inc()
    duration.observe(seconds)


def count_unfound(outcome: str) -> None:
    """A request from which no operation came: not understood, unknown, not allowed, not valid."""
    OPERATIONS.labels("none", "none", outcome).inc()


def count_anomaly(operation: str | None) -> None:
    """`operation` is a trusted one's name, or None."""
    ANOMALIES.labels(operation or "free").inc()


def exposition(figures: Mapping[str, float]) -> bytes:
    """The answer to /metrics. Several web processes of one machine share PROMETHEUS_MULTIPROC_DIR."""
    registry = REGISTRY
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    gauges = CollectorRegistry()
    gauges.register(_Gauges(figures))
    return generate_latest(registry) + generate_latest(gauges)


class _Gauges(Collector):
    def __init__(self, figures: Mapping[str, float]) -> None:
        self.figures = figures

    def collect(self) -> list[GaugeMetricFamily]:
        return [GaugeMetricFamily(name, name.replace("_", " "), value) for name, value in self.figures.items()]
