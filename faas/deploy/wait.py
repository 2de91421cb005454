"""What a Service's status says about a change that was made to it, and waiting for that to be settled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from faas.client.errors import Gone
from faas.client.protocol import Client, Object
from faas.resources.kinds import SERVICE

Goal = Literal["revision", "routes", "service"]
"""What has to be ready: the newest revision, the routes whatever the newest revision does, or all of it."""

_CONDITION: dict[Goal, str] = {"revision": "ConfigurationsReady", "routes": "RoutesReady", "service": "Ready"}


@dataclass(frozen=True, slots=True)
class Verdict:
    state: Literal["waiting", "ready", "failed"]
    reason: str = ""
    message: str = ""


def judge(service: Mapping[str, Any], goal: Goal) -> Verdict:
    """Whether `service` has come to where its spec wants it."""
    status = service.get("status") or {}
    if status.get("observedGeneration") != service["metadata"].get("generation"):
        return Verdict("waiting", "OutOfDate", "not seen yet")
    conditions = {condition["type"]: condition for condition in status.get("conditions") or ()}
    condition = conditions.get(_CONDITION[goal], {})
    if goal == "service" and (conditions.get("ConfigurationsReady") or {}).get("status") == "False":
        condition = conditions["ConfigurationsReady"]
    reason, message = str(condition.get("reason") or ""), str(condition.get("message") or "")
    if condition.get("status") == "True":
        if goal == "routes":
            return Verdict("ready")
        newest = status.get("latestCreatedRevisionName")
        if newest and newest == status.get("latestReadyRevisionName"):
            return Verdict("ready")
        return Verdict("waiting", reason, message)
    if condition.get("status") == "False":
        return Verdict("failed", reason, message)
    return Verdict("waiting", reason, message)


async def wait_for(
    client: Client,
    namespace: str,
    services: Sequence[str],
    goal: Goal,
    *,
    timeout_s: float,
    changed: Callable[[str, Verdict], None] = lambda name, verdict: None,
) -> tuple[dict[str, Object], dict[str, Verdict]]:
    """Watch until each Service is ready or failed; returns the last objects and what became of each.

    Those that are still waiting at the end are so in the answer.
    """
    objects: dict[str, Object] = {}
    verdicts = {name: Verdict("waiting") for name in services}
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                try:
                    await _watch(client, namespace, verdicts, objects, goal, changed)
                    break
                except Gone:
                    continue  # list again; what is settled stays so
    except TimeoutError:
        pass
    return objects, verdicts


async def _watch(
    client: Client,
    namespace: str,
    verdicts: dict[str, Verdict],
    objects: dict[str, Object],
    goal: Goal,
    changed: Callable[[str, Verdict], None],
) -> None:
    only = f"metadata.name={next(iter(verdicts))}" if len(verdicts) == 1 else ""
    events = client.watch(SERVICE, namespace, field_selector=only)
    async for event in events:
        name = event.object["metadata"].get("name", "")
        if event.type == "BOOKMARK" or name not in verdicts:
            continue
        objects[name] = event.object
        verdict = judge(event.object, goal)
        if event.type == "DELETED":
            verdict = Verdict("failed", "Deleted", "it was deleted meanwhile")
        if verdict != verdicts[name]:
            verdicts[name] = verdict
            changed(name, verdict)
        if all(verdict.state != "waiting" for verdict in verdicts.values()):
            return
