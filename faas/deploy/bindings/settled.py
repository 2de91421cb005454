"""Waiting until Triggers and sources are ready, or have been refused for long enough to say so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from faas.client.errors import Gone
from faas.client.protocol import Client
from faas.deploy.objects.which import Which
from faas.deploy.services.wait import Verdict
from faas.resources.keys import SOURCE_URL
from faas.resources.kinds import Kind

PATIENCE_S = 10.0  # how long Ready=False may last: a source that cannot connect tries again by itself
# What a source says while its Pod starts, 20 s and more where its image has to be pulled first.
_STARTING = ("DeploymentUnavailable", "MinimumReplicasUnavailable", "SubjectMissing")
# What is said of a Trigger while its Broker's parts hear of each other; it comes and goes until they have.
PASSING = ("SubscriptionNotMarkedReadyByChannel", "SubscriptionNotConfigured")
_STARTS = 6  # times the patience
_UNSEEN = Verdict("waiting", "OutOfDate", "not seen yet")


def judge_ready(obj: Mapping[str, Any]) -> Verdict:
    """What the Ready condition of any object says, once it is about the spec as it is now.

    The message of a source that is ready and takes requests is where.
    """
    status = obj.get("status") or {}
    if status.get("observedGeneration", obj["metadata"].get("generation")) != obj["metadata"].get("generation"):
        return _UNSEEN
    conditions = {each["type"]: each for each in status.get("conditions") or ()}
    condition = conditions.get("Ready")
    if condition is None:
        return _UNSEEN
    reason, message = str(condition.get("reason") or ""), str(condition.get("message") or "")
    if condition.get("status") == "True":
        return Verdict("ready", message=called_at(obj))
    return Verdict("failed" if condition.get("status") == "False" else "waiting", reason, message)


def called_at(source: Mapping[str, Any]) -> str:
    """The URL of a source that takes requests, "" of every other."""
    return str(((source.get("status") or {}).get("annotations") or {}).get(SOURCE_URL) or "")


async def wait_settled(
    client: Client,
    namespace: str,
    wanted: Sequence[Which],
    *,
    timeout_s: float,
    patience_s: float = PATIENCE_S,
    changed: Callable[[Which, Verdict], None] = lambda which, verdict: None,
) -> dict[Which, Verdict]:
    """Watch until each is ready, has been failing for `patience_s`, or the time is over; what became of each."""
    waiting = _Settling(wanted, changed)
    if not wanted:
        return {}
    async with asyncio.TaskGroup() as group:
        kinds = dict.fromkeys(kind for kind, _ in wanted)
        tasks = [group.create_task(waiting.follow(client, kind, namespace)) for kind in kinds]
        try:
            await waiting.until_settled(timeout_s, patience_s)
        finally:
            for task in tasks:
                task.cancel()
    return waiting.verdicts


_NOBODYS = Verdict(
    "failed", "NoController", "nothing on the cluster has taken it up: is what serves it, or its Broker's class, there?"
)


def _times(verdict: Verdict) -> int:
    """How many times the patience for a plain refusal it gets."""
    return _STARTS if verdict == _UNSEEN or verdict.reason in _STARTING else 1


class _Settling:
    def __init__(self, wanted: Sequence[Which], changed: Callable[[Which, Verdict], None]) -> None:
        self.verdicts: dict[Which, Verdict] = {which: Verdict("waiting") for which in wanted}
        self._since: dict[Which, float] = {}  # it has been failing, or nobody has said anything of it
        self._changed, self._news = changed, asyncio.Event()

    async def follow(self, client: Client, kind: Kind, namespace: str) -> None:
        while True:
            try:
                async for event in client.watch(kind, namespace):
                    which = kind, event.object["metadata"].get("name", "")
                    if event.type == "BOOKMARK" or which not in self.verdicts:
                        continue
                    gone = Verdict("failed", "Deleted", "it was deleted meanwhile")
                    self._note(which, gone if event.type == "DELETED" else judge_ready(event.object))
            except Gone:
                continue  # list again

    def _note(self, which: Which, verdict: Verdict) -> None:
        if verdict.state != self.verdicts[which].state:
            self._since.pop(which, None)
        if verdict.state == "failed" or verdict == _UNSEEN:
            self._since.setdefault(which, asyncio.get_running_loop().time())
        else:
            self._since.pop(which, None)
        if verdict != self.verdicts[which]:
            self.verdicts[which] = verdict
            self._changed(which, verdict)
        self._news.set()

    async def until_settled(self, timeout_s: float, patience_s: float) -> None:
        now = asyncio.get_running_loop().time
        deadline = now() + timeout_s
        while any(verdict.state != "ready" for verdict in self.verdicts.values()) and now() < deadline:
            given_up = [since + patience_s * _times(self.verdicts[which]) for which, since in self._since.items()]
            unready = [which for which, verdict in self.verdicts.items() if verdict.state != "ready"]
            if len(given_up) == len(unready) and max(given_up) <= now():
                self.verdicts |= {which: _NOBODYS for which in unready if self.verdicts[which] == _UNSEEN}
                return
            until = min([deadline, *(moment for moment in given_up if moment > now())])
            self._news.clear()
            try:
                async with asyncio.timeout_at(until):
                    await self._news.wait()
            except TimeoutError:
                continue
