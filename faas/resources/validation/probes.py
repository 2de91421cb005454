"""The rules for probes. Source: knative/serving pkg/apis/serving/k8s_validation.go."""

from __future__ import annotations

from collections.abc import Iterator

from faas.resources.podspec import Probe
from faas.resources.validation.errors import (
    FieldError,
    invalid_value,
    missing_one_of,
    multiple_one_of,
    out_of_bounds,
)

MAX_INT32 = 2**31 - 1


def validate_probe(probe: Probe | None, port_name: str, at: str) -> Iterator[FieldError]:
    """The rules for every probe of the container that serves; `port_name` is what a probe may name as its port."""
    if probe is None:
        return
    handlers = {"httpGet": probe.http_get, "tcpSocket": probe.tcp_socket, "exec": probe.exec, "grpc": probe.grpc}
    given = [name for name, handler in handlers.items() if handler is not None]
    if not given:
        yield missing_one_of(*(f"{at}.{name}" for name in handlers))
    elif len(given) > 1:
        yield multiple_one_of(*(f"{at}.{name}" for name in given))
    for name, action in (("httpGet", probe.http_get), ("tcpSocket", probe.tcp_socket)):
        if action is not None and isinstance(action.port, str) and action.port not in ("", port_name):
            yield invalid_value(action.port, f"{at}.{name}.port", "Probe port must match container port")


def validate_readiness_probe(probe: Probe | None, port_name: str, at: str) -> Iterator[FieldError]:
    """Without a period a readiness probe is Knative's own, many times a second; then some fields have no meaning."""
    if probe is None:
        return
    yield from validate_probe(probe, port_name, at)
    for name, value, low in (
        ("periodSeconds", probe.period_seconds, 0),
        ("initialDelaySeconds", probe.initial_delay_seconds, 0),
        ("successThreshold", probe.success_threshold, 1),
    ):
        if value < low:
            yield out_of_bounds(value, low, MAX_INT32, f"{at}.{name}")
    for name, value in (
        ("failureThreshold", probe.failure_threshold),
        ("timeoutSeconds", probe.timeout_seconds),
    ):
        if probe.period_seconds == 0:
            if value != 0:
                yield FieldError(f"{name} is disallowed when periodSeconds is zero", (f"{at}.{name}",))
        elif value < 1:
            yield out_of_bounds(value, 1, MAX_INT32, f"{at}.{name}")
