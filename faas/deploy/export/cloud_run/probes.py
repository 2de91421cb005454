"""Probes of a Knative container as Cloud Run takes them. Pure.

Knative's readiness probe is asked while an instance starts, and so is Cloud Run's startup probe; its readiness probe
takes HTTP and gRPC alone. Its default, a TCP connection to the port, is Knative's too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from faas.client.protocol import Object

_NOT_THERE = {"httpGet": ("host", "scheme"), "tcpSocket": ("host",), "grpc": ()}
_TIMES = ("initialDelaySeconds", "periodSeconds", "timeoutSeconds", "failureThreshold")


def for_cloud_run(container: Mapping[str, Any]) -> tuple[Object, list[str]]:
    """The probes of a container, and what they have lost."""
    found: Object = {}
    lost: list[str] = []
    for field in ("startupProbe", "livenessProbe", "readinessProbe"):
        probe = container.get(field)
        if not probe:
            continue
        way = next((way for way in _NOT_THERE if way in probe), None)
        if way is None:
            lost.append(f"{field} that runs a command" if "exec" in probe else field)
        elif field == "readinessProbe" and way == "tcpSocket":
            if "startupProbe" not in container and probe["tcpSocket"].get("port"):
                found["startupProbe"] = _probe(probe, way)
        else:
            found[field] = _probe(probe, way)
    return found, lost


def _probe(probe: Mapping[str, Any], way: str) -> Object:
    asked = {key: value for key, value in probe[way].items() if key not in _NOT_THERE[way]}
    times = {key: probe[key] for key in _TIMES if probe.get(key)}
    if "timeoutSeconds" in times:  # Kubernetes lets a probe take longer than its period
        times["periodSeconds"] = max(times.get("periodSeconds", 10), times["timeoutSeconds"])
    return {way: asked, **times}
