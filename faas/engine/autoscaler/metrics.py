"""What Prometheus sees of the autoscaler: names after Knative's own, one series a revision."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from faas.engine.autoscaler.decider import Decider
from faas.engine.contract.revision import RevisionKey

_LABELS = ("namespace", "service", "configuration", "revision")
_GAUGES: tuple[tuple[str, str, Callable[[Decider], float]], ...] = (
    ("faas_autoscaler_desired_instances", "Instances wanted; -1: not known yet.", lambda d: d.decision.desired),
    ("faas_autoscaler_ready_instances", "Instances that take requests.", lambda d: d.ready),
    ("faas_autoscaler_stable_value", "The metric averaged over the stable window.", lambda d: d.load.stable),
    ("faas_autoscaler_panic_value", "The metric averaged over the panic window.", lambda d: d.load.panic),
    ("faas_autoscaler_target_per_instance", "What one instance should take.", lambda d: d.plan.scaling.target),
    ("faas_autoscaler_backlog_instances", "Instances that waiting events ask for.", lambda d: d.backlog),
    (
        "faas_autoscaler_excess_burst_capacity",
        "Room of the ready instances beyond the burst.",
        lambda d: d.excess_burst_capacity,
    ),
    ("faas_autoscaler_panic_mode", "1 while the revision scales in panic.", lambda d: float(d.state.panicking)),
)


def render(deciders: Mapping[RevisionKey, Decider]) -> str:
    # With the first scrape: an engine that nobody scrapes starts sooner and stays smaller without it.
    from prometheus_client import CollectorRegistry, Gauge, generate_latest

    registry = CollectorRegistry()
    for name, help_text, value in _GAUGES:
        gauge = Gauge(name, help_text, _LABELS, registry=registry)
        for key, decider in deciders.items():
            plan = decider.plan
            gauge.labels(key.namespace, plan.service, plan.configuration, key.name).set(value(decider))
    return generate_latest(registry).decode()
