"""What the broker counts outside of delivery, as Prometheus text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from faas.engine.broker.ingress import Door
from faas.engine.contract.eventing import BrokerStatus


class BrokerCounts(NamedTuple):
    status: BrokerStatus
    stored: int
    stored_bytes: int
    refused: int


def render(door: Door, brokers: Iterable[BrokerCounts], *, is_connected: bool) -> str:
    """The Prometheus text format, version 0.0.4."""
    brokers = list(brokers)
    labels = [_labels(counts.status.broker) for counts in brokers]
    lines: list[str] = []

    def family(name: str, kind: str, text: str, samples: Iterable[tuple[str, int]]) -> None:
        lines.extend((f"# HELP {name} {text}", f"# TYPE {name} {kind}"))
        lines.extend(f"{name}{label} {value}" for label, value in samples)

    def of_brokers(name: str, kind: str, text: str, values: Iterable[int]) -> None:
        family(name, kind, text, zip(labels, values, strict=True))

    total, gauge = "counter", "gauge"
    of_brokers("faas_broker_events_total", total, "Events stored.", (each.stored for each in brokers))
    of_brokers("faas_broker_event_bytes_total", total, "Their data.", (each.stored_bytes for each in brokers))
    of_brokers(
        "faas_broker_events_refused_total",
        total,
        "Events not stored for want of room or of the NATS server.",
        (each.refused for each in brokers),
    )
    of_brokers("faas_broker_log_events", gauge, "Events in the log.", (each.status.events for each in brokers))
    of_brokers("faas_broker_log_bytes", gauge, "The log on disk.", (each.status.bytes for each in brokers))
    of_brokers("faas_broker_dead_letters", gauge, "Dead letters kept.", (each.status.dead for each in brokers))
    of_brokers("faas_broker_ready", gauge, "1: takes events.", (int(each.status.ready) for each in brokers))
    counts = door.counts
    family("faas_broker_ingress_requests_total", total, "Requests of senders.", [("", counts.requests)])
    family(
        "faas_broker_ingress_refused_total",
        total,
        "Requests answered with an error.",
        [(f'{{code="{status}"}}', count) for status, count in sorted(counts.refused.items())],
    )
    family("faas_broker_ingress_in_flight", gauge, "Requests without their answer.", [("", door.in_flight)])
    family("faas_broker_ingress_connections", gauge, "Connections open.", [("", len(door.connections))])
    family("faas_broker_nats_connected", gauge, "1: the NATS server answers.", [("", int(is_connected))])
    return "\n".join(lines) + "\n"


def _labels(key: str) -> str:
    namespace, _, name = key.partition("/")
    return f'{{namespace="{namespace}",broker="{name}"}}'
