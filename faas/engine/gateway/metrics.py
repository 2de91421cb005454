"""What the gateway counts, and its Prometheus text.

Counting is plain arithmetic on slots: the data plane pays nothing for labels or locks, and one loop owns it all.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

_LATENCY_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_COLD_START_S = (0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)


class Histogram:
    __slots__ = ("bounds", "buckets", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.buckets = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        self.buckets[bisect_left(self.bounds, value)] += 1
        self.total += value


@dataclass(slots=True)
class RevisionMetrics:
    codes: dict[int, int] = field(default_factory=dict)  # 2 for 2xx, ...
    latency: Histogram = field(default_factory=lambda: Histogram(_LATENCY_S))
    cold_starts: Histogram = field(default_factory=lambda: Histogram(_COLD_START_S))

    def answered(self, status: int, seconds: float) -> None:
        code = status // 100
        self.codes[code] = self.codes.get(code, 0) + 1
        self.latency.observe(seconds)


@dataclass(slots=True)
class GatewayMetrics:
    """Counters of the whole gateway."""

    connections: int = 0
    unrouted: int = 0
    malformed: int = 0
    retries: int = 0
    upstream_errors: int = 0


@dataclass(frozen=True, slots=True)
class RevisionView:
    metrics: RevisionMetrics
    service: str
    in_flight: int
    waiting: int
    endpoints: int


def render(gateway: GatewayMetrics, revisions: Mapping[str, RevisionView], open_connections: int) -> str:
    """The Prometheus text format, version 0.0.4. `revisions` by "namespace/name"."""
    labels = {name: _labels(name, view) for name, view in revisions.items()}
    lines: list[str] = []

    def family(name: str, kind: str, text: str, samples: Iterable[str]) -> None:
        lines.extend((f"# HELP {name} {text}", f"# TYPE {name} {kind}", *samples))

    def gauge(name: str, text: str, value: Callable[[RevisionView], int]) -> None:
        family(name, "gauge", text, (f"{name}{{{labels[key]}}} {value(view)}" for key, view in revisions.items()))

    def histogram(name: str, text: str, value: Callable[[RevisionView], Histogram]) -> None:
        family(
            name,
            "histogram",
            text,
            (line for key, view in revisions.items() for line in _histogram(name, labels[key], value(view))),
        )

    requests = "faas_gateway_requests_total"
    family(
        requests,
        "counter",
        "Requests answered, by class of status; 4xx with 499 for clients that left.",
        (
            f'{requests}{{{labels[key]},code_class="{code}xx"}} {count}'
            for key, view in revisions.items()
            for code, count in sorted(view.metrics.codes.items())
        ),
    )
    histogram("faas_gateway_request_seconds", "Arrival to end of answer.", lambda view: view.metrics.latency)
    histogram(
        "faas_gateway_cold_start_seconds",
        "Arrival to hand-over of the request that waited for a first instance.",
        lambda view: view.metrics.cold_starts,
    )
    gauge("faas_gateway_in_flight", "Requests waiting or executing now.", lambda view: view.in_flight)
    gauge("faas_gateway_queue_depth", "Requests waiting for an instance now.", lambda view: view.waiting)
    gauge("faas_gateway_endpoints", "Endpoints known, draining ones included.", lambda view: view.endpoints)
    for name, text, count in (
        ("faas_gateway_connections_total", "Client connections accepted.", gateway.connections),
        ("faas_gateway_unrouted_total", "Requests for a host or path nobody has.", gateway.unrouted),
        ("faas_gateway_malformed_total", "Requests refused for their form or size.", gateway.malformed),
        ("faas_gateway_retries_total", "Requests given to another connection or instance.", gateway.retries),
        ("faas_gateway_upstream_errors_total", "Requests an instance failed to answer.", gateway.upstream_errors),
    ):
        family(name, "counter", text, (f"{name} {count}",))
    name = "faas_gateway_open_connections"
    family(name, "gauge", "Client connections open now.", (f"{name} {open_connections}",))
    return "\n".join(lines) + "\n"


def _labels(name: str, view: RevisionView) -> str:
    namespace, _, revision = name.partition("/")
    return f'namespace="{namespace}",service="{view.service}",revision="{revision}"'


def _histogram(name: str, labels: str, histogram: Histogram) -> Iterable[str]:
    count = 0
    for bound, value in zip(histogram.bounds, histogram.buckets, strict=False):
        count += value
        yield f'{name}_bucket{{{labels},le="{bound}"}} {count}'
    count += histogram.buckets[-1]
    yield f'{name}_bucket{{{labels},le="+Inf"}} {count}'
    yield f"{name}_sum{{{labels}}} {histogram.total}"
    yield f"{name}_count{{{labels}}} {count}"
