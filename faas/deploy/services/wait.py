"""What a Service's status says about a change that was made to it, and waiting for that to be settled."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from faas.client.errors import Gone
from faas.client.protocol import Client, Object
from faas.resources.kinds import SERVICE

Goal = Literal["revision", "routes", "service"]
"""What has to be ready: the newest revision, the routes whatever the newest revision does, or all of it."""

_CONDITION: dict[Goal, str] = {"revision": "ConfigurationsReady", "routes": "RoutesReady", "service": "Ready"}


_NO_NODE = re.compile(r"\b0/\d+ nodes are available")
"""What Knative passes on of the scheduler as a failure at once; nodes may be added. The limit is in `lasting`."""


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
        return Verdict("waiting" if _NO_NODE.search(message) else "failed", reason, message)
    return Verdict("waiting", reason, message)


async def wait_for(
    client: Client,
    namespace: str,
    services: Sequence[str],
    goal: Goal,
    *,
    timeout_s: float,
    patience_s: float = 0.0,
    changed: Callable[[str, Verdict], None] = lambda name, verdict: None,
    objects: dict[str, Object] | None = None,
) -> tuple[dict[str, Object], dict[str, Verdict]]:
    """Watch until each Service is ready or failed; returns the last objects and what became of each.

    Those that are still waiting at the end are so in the answer.

    Args:
        patience_s: how long a failure may last before it is one: on a cluster several controllers write a status, and
            what one has not heard of yet looks like a failure to the next.
        objects: where to put what is seen, for who looks on meanwhile.
    """
    waiting = _Waiting(client, namespace, goal, changed, {} if objects is None else objects, services)
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                await waiting.until(lambda verdict: verdict.state != "waiting")
                if not patience_s or await waiting.recovers(patience_s):
                    break
    except TimeoutError:
        pass
    return waiting.objects, waiting.verdicts


class _Waiting:
    def __init__(
        self,
        client: Client,
        namespace: str,
        goal: Goal,
        changed: Callable[[str, Verdict], None],
        objects: dict[str, Object],
        services: Sequence[str],
    ) -> None:
        self._client, self._namespace, self._goal, self._changed = client, namespace, goal, changed
        self.objects, self.verdicts = objects, {name: Verdict("waiting") for name in services}

    async def until(self, enough: Callable[[Verdict], bool]) -> None:
        while not all(map(enough, self.verdicts.values())):
            try:
                await self._watch(enough)
            except Gone:
                continue  # list again; what is settled stays so

    async def recovers(self, patience_s: float) -> bool:
        """Gives failures time; whether all is settled after it."""
        try:
            async with asyncio.timeout(patience_s):
                await self.until(lambda verdict: verdict.state == "ready")
        except TimeoutError:
            return all(verdict.state != "waiting" for verdict in self.verdicts.values())
        return True

    async def _watch(self, enough: Callable[[Verdict], bool]) -> None:
        only = f"metadata.name={next(iter(self.verdicts))}" if len(self.verdicts) == 1 else ""
        async for event in self._client.watch(SERVICE, self._namespace, field_selector=only):
            name = event.object["metadata"].get("name", "")
            if event.type == "BOOKMARK" or name not in self.verdicts:
                continue
            self.objects[name] = event.object
            verdict = judge(event.object, self._goal)
            if event.type == "DELETED":
                verdict = Verdict("failed", "Deleted", "it was deleted meanwhile")
            if verdict != self.verdicts[name]:
                self.verdicts[name] = verdict
                self._changed(name, verdict)
            if all(map(enough, self.verdicts.values())):
                return
