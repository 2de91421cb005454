"""Whether an instance still works off its requests: what kubelet asks a container, asked of our own runtime.

Only instances that can have got stuck since the last look are asked: those of Revisions that had a request. An idle
machine stays idle.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from faas.engine.contract.dataplane import LoadSample
from faas.engine.contract.revision import RevisionKey
from faas.engine.instances.instance import Instance, Phase
from faas.engine.instances.probes import http_answer

PERIOD_S: Final = 2.0  # not kubelet's 10: one that refuses everything at once is the least loaded of all meanwhile
LOOKS: Final = 2  # after the last request: it may have passed its deadline just after the first
SHORTEST_PATIENCE_S: Final = 30.0  # with a shorter timeout, a process that got no processor would look stuck
PATH: Final = "/_faas/live"
_REASON_BYTES = 500


class Liveness:
    """Finds the instances that do not live any more; what is to be done with them is its owner's."""

    def __init__(
        self,
        instances: Callable[[RevisionKey], Iterable[Instance]],
        dead: Callable[[RevisionKey, Instance, str], None],
        *,
        patient: bool,
    ) -> None:
        """Args: patient: never mind silence, since a developer may have stopped the process in a debugger."""
        self._instances, self._dead, self._patient = instances, dead, patient
        self._looks: dict[RevisionKey, int] = {}
        self._asked: set[Instance] = set()

    def on_load(self, samples: tuple[LoadSample, ...]) -> None:
        for sample in samples:
            self._looks[RevisionKey.parse(sample.revision)] = LOOKS

    def look_at(self, key: RevisionKey) -> None:
        """Somebody else has a reason to; an engine that has adopted instances does not know their past."""
        self._looks[key] = LOOKS

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                await asyncio.sleep(PERIOD_S)
                for key, looks in list(self._looks.items()):
                    self._looks[key] = looks - 1
                    if looks <= 1:
                        del self._looks[key]
                    for instance in self._instances(key):
                        if instance.phase is Phase.READY and instance.has_our_runtime and instance not in self._asked:
                            self._asked.add(instance)
                            group.create_task(self._ask(key, instance))

    async def _ask(self, key: RevisionKey, instance: Instance) -> None:
        endpoint = instance.endpoint()
        try:
            if endpoint is None:
                return
            reason = await self._trouble(endpoint.address, max(SHORTEST_PATIENCE_S, instance.timeout_s))
            if reason and instance.phase is Phase.READY and instance.endpoint() == endpoint:
                self._dead(key, instance, reason)
        finally:
            self._asked.discard(instance)

    async def _trouble(self, address: str, patience_s: float) -> str:
        """Why it does not live; "" when it does. One that says nothing for as long as a request may take is stuck too:
        its event loop is blocked, and whatever it was doing is overdue."""
        try:
            async with asyncio.timeout(patience_s):
                status, body = await http_answer(address, PATH, {})
        except TimeoutError:
            return "" if self._patient else f"its event loop has been blocked for {patience_s:g} s"
        except (OSError, ValueError):  # it is ending, which is noticed elsewhere
            return ""
        return body[:_REASON_BYTES].decode("utf-8", "replace") if status == 503 else ""
