"""What the dispatcher counts, in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from faas.engine.contract.eventing import TriggerStatus


def render(statuses: Sequence[TriggerStatus]) -> str:
    """The families of all triggers, text format 0.0.4."""
    lines: list[str] = []

    def family(name: str, kind: str, text: str, value: Callable[[TriggerStatus], int]) -> None:
        lines.extend((f"# HELP {name} {text}", f"# TYPE {name} {kind}"))
        lines.extend(f"{name}{{{_labels(status)}}} {value(status)}" for status in statuses)

    family("faas_trigger_delivered_total", "counter", "Events delivered", lambda status: status.delivered)
    family("faas_trigger_failed_attempts_total", "counter", "Attempts that failed", lambda status: status.failed)
    family("faas_trigger_dead_letters_total", "counter", "Events that became dead letters", lambda status: status.dead)
    family("faas_trigger_backlog", "gauge", "Events read and not finished", lambda status: status.backlog)
    family("faas_trigger_behind", "gauge", "Positions of the log that are not read yet", lambda status: status.behind)
    family("faas_trigger_in_flight", "gauge", "Deliveries on their way", lambda status: status.in_flight)
    family("faas_trigger_retrying", "gauge", "Events that wait for a retry", lambda status: status.retrying)
    return "\n".join(lines) + "\n"


def _labels(status: TriggerStatus) -> str:
    namespace, _, name = status.trigger.partition("/")
    return f'namespace="{namespace}",trigger="{name}"'
