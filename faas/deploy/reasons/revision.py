"""What keeps the Pods of a Revision from serving: its containers, the scheduler, Events. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from faas.deploy.reasons import advice
from faas.deploy.reasons.containers import of_containers
from faas.deploy.reasons.events import events_of, of_events
from faas.deploy.reasons.trouble import Raw, Trouble, first_line


def trouble_of(pods: Sequence[Raw], events: Sequence[Raw], revision: str) -> Trouble | None:
    """What keeps the Pods of a Revision from serving; None when nothing says so.

    Args:
        pods: of that revision. events: warnings of its namespace.
    """
    newest = sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp") or ""), reverse=True)
    own = events_of(events, revision)
    for pod in newest:
        if found := of_containers(pod) or _of_scheduling(pod) or of_events(own, pod["metadata"]["name"]):
            return found
    return None if newest else of_events(own, "")


def _of_scheduling(pod: Raw) -> Trouble | None:
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            message = str(condition.get("message") or "")
            sentence = f"no node takes it: {first_line(message)}"
            return Trouble("Unschedulable", sentence, advice.against_no_node(message), cause="room")
    return None
