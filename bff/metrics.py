"""What Prometheus may ask: requests by route, and figures of the business read when it asks."""

import os
from collections.abc import Awaitable, Callable, Mapping

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
UNEXPECTED = Counter("unexpected_errors_total", "Errors that nobody expected; each has a reference in the log")


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
