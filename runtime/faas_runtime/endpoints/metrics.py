"""Counters of an instance in Prometheus' text format; a handful of additions a request, so none of a library."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class Stats:
    """What one function has done. Only the loop's thread writes."""

    __slots__ = ("buckets", "codes", "events", "in_flight", "seconds")

    def __init__(self) -> None:
        self.codes: dict[int, int] = {}
        self.buckets = [0] * (len(BUCKETS_S) + 1)
        self.seconds = 0.0
        self.in_flight = 0
        self.events = 0  # received, each of a batch

    def observe(self, status: int, seconds: float) -> None:
        self.codes[status] = self.codes.get(status, 0) + 1
        self.buckets[bisect_left(BUCKETS_S, seconds)] += 1
        self.seconds += seconds


def exposition(stats: Iterable[tuple[str, Stats]], *, threads_overdue: int, revision: str) -> str:
    """The text that /_faas/metrics answers. Source: Prometheus exposition format 0.0.4."""
    lines: list[str] = []
    every = [(f'function="{function}",revision="{revision}"', each) for function, each in stats]

    def family(name: str, kind: str, help: str) -> None:
        lines.extend((f"# HELP {name} {help}", f"# TYPE {name} {kind}"))

    family("faas_requests_total", "counter", "Requests answered, by status code.")
    for labels, each in every:
        lines += [
            f'faas_requests_total{{{labels},code="{code}"}} {count}' for code, count in sorted(each.codes.items())
        ]
    family("faas_request_duration_seconds", "histogram", "From the request's head to the end of its answer.")
    for labels, each in every:
        total = 0
        for bound, count in zip((*map(str, BUCKETS_S), "+Inf"), each.buckets, strict=True):
            total += count
            lines.append(f'faas_request_duration_seconds_bucket{{{labels},le="{bound}"}} {total}')
        lines.append(f"faas_request_duration_seconds_sum{{{labels}}} {each.seconds:.6f}")
        lines.append(f"faas_request_duration_seconds_count{{{labels}}} {total}")
    family("faas_requests_in_flight", "gauge", "Requests that are being executed.")
    lines += [f"faas_requests_in_flight{{{labels}}} {each.in_flight}" for labels, each in every]
    family("faas_events_received_total", "counter", "CloudEvents received, each of a batch.")
    lines += [f"faas_events_received_total{{{labels}}} {each.events}" for labels, each in every]
    family("faas_threads_overdue", "gauge", "Threads whose request has passed its deadline.")
    lines.append(f"faas_threads_overdue {threads_overdue}")
    return "\n".join(lines) + "\n"
