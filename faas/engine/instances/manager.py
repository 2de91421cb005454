"""The component: watches plans and decisions, owns the fleets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from faas_builders.bundle import Bundle
from faas_builders.oci.processes import runs_as_process
from faas_builders.oci.store import ImageStore

from faas.client.errors import ApiError, Gone
from faas.client.protocol import Client
from faas.engine.contract.board import Board
from faas.engine.contract.clock import Clock, SystemClock
from faas.engine.contract.revision import (
    ContainerPlan,
    RevisionKey,
    RevisionPlan,
    ScaleDecision,
)
from faas.engine.contract.settings import CONTAINERS_MARK, EngineSettings
from faas.engine.instances import probes
from faas.engine.instances.container import Means
from faas.engine.instances.driver import AdoptedRun, Driver
from faas.engine.instances.drivers import Drivers
from faas.engine.instances.fleet import Fleet
from faas.engine.instances.instance import Instance, Phase
from faas.engine.instances.liveness import Liveness
from faas.engine.instances.logs import LogStore
from faas.engine.instances.pods import PodWriter
from faas.engine.instances.process import ProcessDriver, memory
from faas.engine.instances.provisioning.mounts import MountedFiles
from faas.engine.instances.provisioning.provider import Provider
from faas.resources.kinds import POD

log = logging.getLogger(__name__)

ORPHAN_AFTER_S = 30.0  # an adopted instance whose Revision nobody has planned by then is of no use any more
FOREGROUND_GRACE_S = 5.0  # what Ctrl-C waits for requests to finish
REACH_TIMEOUT_S = 1.0


class Instances:
    """Runs what the plans say in the numbers that the decisions say; an `async with` object.

    Leaving the block ends the instances under `faas run` (settings.foreground); otherwise they go on, and the next
    engine adopts them. `stop_all` ends them in any case.
    """

    def __init__(
        self,
        settings: EngineSettings,
        board: Board,
        client: Client,
        *,
        resolve: Callable[[str], Bundle] | None = None,
        make_containers: Callable[[], Driver] | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Args: resolve, make_containers: where bundles and the container driver come from, for tests."""
        self.logs = LogStore(settings.logs_dir)
        self._settings, self._board, self._client = settings, board, client
        store = ImageStore(settings.images_dir)
        self._driver = Drivers(
            ProcessDriver(settings, resolve or store.resolve),
            # What is missing counts as one: who runs processes says best what is missing.
            lambda reference: runs_as_process(store, reference) is not False,
            make_containers or (lambda: _containers(settings)),
            settings.state_dir / CONTAINERS_MARK,
        )
        self._clock = clock or SystemClock()
        self._pods = PodWriter(client)
        user = settings.run_as
        self._files = MountedFiles(settings.runtime_dir / "v", (user.uid, user.gid) if user else None)
        self._provider = Provider(settings, client, self._files)
        self._fleets: dict[RevisionKey, Fleet] = {}
        self._stop_listening: list[Callable[[], None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._empty = asyncio.Event()
        self._liveness = Liveness(self._instances_of, self._dead, patient=settings.foreground)

    async def __aenter__(self) -> Instances:
        self._group = asyncio.TaskGroup()
        await self._group.__aenter__()
        await self._driver.__aenter__()
        self._driver.changed = self._driver_changed
        self._means = Means(self._driver, self.logs, self._clock, self._spawn, self._provider)
        await self._adopt()
        for forever in (self._pods.run(), self._follow_pods(), self._guard_memory(), self._liveness.run()):
            self._spawn(forever)
        board = self._board
        self._stop_listening = [
            board.plans.listen(self._plan_changed),
            board.decisions.listen(self._decision_changed),
        ]
        board.signals.idle.append(self._idle)
        board.signals.unreachable.append(self._unreachable)
        board.signals.load.append(self._liveness.on_load)
        for key, plan in board.plans.items():
            self._plan_changed(key, plan)
        for key, decision in board.decisions.items():
            self._decision_changed(key, decision)
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._settings.foreground:
            await self.stop_all(FOREGROUND_GRACE_S)
        for stop in self._stop_listening:
            stop()
        self._board.signals.idle.remove(self._idle)
        self._board.signals.unreachable.remove(self._unreachable)
        self._board.signals.load.remove(self._liveness.on_load)
        for fleet in self._fleets.values():
            fleet.release()
        for task in self._tasks:
            task.cancel()
        await self._driver.__aexit__()
        await self._group.__aexit__(None, None, None)

    def evict(self, namespace: str, pod: str) -> bool:
        """End the instance that this Pod stands for; another one takes its place. False: there is none."""
        return any(fleet.evict(pod) for fleet in self._fleets.values() if fleet.key.namespace == namespace)

    async def stop_all(self, grace_s: float) -> None:
        """End every instance: SIGTERM, and SIGKILL for what is still there after `grace_s` seconds."""
        for stop in self._stop_listening:
            stop()
        self._stop_listening = []
        for fleet in list(self._fleets.values()):
            fleet.close()
            self._provider.forget(fleet.key)
            for instance in list(fleet.instances.values()):
                instance.idle()
        try:
            async with asyncio.timeout(grace_s):
                await self._until_empty()
        except TimeoutError:
            for instance in self._all():
                instance.kill()
            async with asyncio.timeout(grace_s):
                await self._until_empty()

    async def _until_empty(self) -> None:
        while any(True for _ in self._all()):
            self._empty.clear()
            await self._empty.wait()

    def _all(self) -> list[Instance]:
        return [instance for fleet in self._fleets.values() for instance in fleet.instances.values()]

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._group.create_task(_logged(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # Facts from the board, in line.

    def _plan_changed(self, key: RevisionKey, plan: RevisionPlan | None) -> None:
        fleet = self._fleets.get(key)
        if plan is None or (fleet is not None and fleet.plan.uid not in ("", plan.uid)):  # gone, or made again
            self._provider.forget(key)
            if fleet is not None:
                fleet.close()
                self._forget_if_empty(fleet)
        if plan is None:
            return
        fleet = self._fleets.get(key)
        if fleet is None:
            fleet = self._fleet(plan)
        previous, fleet.plan = fleet.plan, plan
        others = not fleet.is_planned or _images(previous) != _images(plan)
        if others or not fleet.images:
            fleet.is_planned = True
            fleet.resolve(anew=others)
        else:
            fleet.warm()
        decision = self._board.decisions.get(key)
        if decision is not None:
            fleet.desired = decision.desired
        fleet.reconcile()

    def _decision_changed(self, key: RevisionKey, decision: ScaleDecision | None) -> None:
        fleet = self._fleets.get(key)
        if fleet is None or decision is None:
            return
        fleet.desired = decision.desired
        fleet.reconcile()

    def _idle(self, key: RevisionKey, endpoint: str) -> None:
        fleet = self._fleets.get(key)
        instance = fleet.instances.get(endpoint) if fleet is not None else None
        if instance is not None:
            instance.idle()

    def _unreachable(self, key: RevisionKey, endpoint: str) -> None:
        fleet = self._fleets.get(key)
        instance = fleet.instances.get(endpoint) if fleet is not None else None
        if instance is not None and instance.phase is Phase.READY:
            self._spawn(self._check(instance))

    async def _check(self, instance: Instance) -> None:
        """What does not accept connections although it lives is of no use."""
        endpoint = instance.endpoint()
        if endpoint is None:
            return
        accepts = await probes.accepts(endpoint.address, timeout_s=REACH_TIMEOUT_S)
        if not accepts and instance.phase is Phase.READY and instance.endpoint() == endpoint:
            instance.unreachable()

    def _instances_of(self, key: RevisionKey) -> list[Instance]:
        fleet = self._fleets.get(key)
        return list(fleet.instances.values()) if fleet is not None else []

    def _dead(self, key: RevisionKey, instance: Instance, reason: str) -> None:
        if (fleet := self._fleets.get(key)) is not None:
            fleet.replace(instance, reason)

    def _driver_changed(self, key: RevisionKey) -> None:
        fleet = self._fleets.get(key)
        if fleet is not None:
            fleet.warm()
            fleet.reconcile()

    # Fleets.

    def _fleet(self, plan: RevisionPlan) -> Fleet:
        fleet = Fleet(plan, self._board, self._means, self._pods)
        fleet.on_empty = lambda: self._forget_if_empty(fleet)
        self._fleets[plan.key] = fleet
        return fleet

    def _forget_if_empty(self, fleet: Fleet) -> None:
        self._empty.set()
        if not fleet.is_planned and not fleet.instances:
            self._fleets.pop(fleet.key, None)

    async def _adopt(self) -> None:
        found = await self._driver.adopt()
        self._files.adopt({adopted.pod for adopted in found})
        sidecars: dict[tuple[RevisionKey, str], dict[str, AdoptedRun]] = {}
        for adopted in found:
            if adopted.container:
                sidecars.setdefault((adopted.key, adopted.pod), {})[adopted.container] = adopted
        for adopted in found:
            if adopted.container:
                continue
            fleet = self._fleets.get(adopted.key)
            if fleet is None:
                # Enough to serve on; the controllers' plan replaces it.
                fleet = self._fleet(
                    RevisionPlan(adopted.key, "", adopted.key.name, adopted.key.name, ContainerPlan(""))
                )
            fleet.adopt(adopted, sidecars.get((adopted.key, adopted.pod), {}))
            self._liveness.look_at(adopted.key)
        if self._fleets:
            self._spawn(self._end_orphans())

    async def _end_orphans(self) -> None:
        await asyncio.sleep(ORPHAN_AFTER_S)
        for fleet in list(self._fleets.values()):
            if not fleet.is_planned:
                fleet.close()

    # What goes on all the time.

    async def _guard_memory(self) -> None:
        while True:
            await asyncio.sleep(memory.INTERVAL_S)
            for fleet in list(self._fleets.values()):
                limit = fleet.plan.container.memory_limit_bytes
                if limit is None:
                    continue
                for instance in list(fleet.instances.values()):
                    if instance.pid is not None and memory.is_over(instance.pid, limit):
                        instance.kill(oom=True)

    async def _follow_pods(self) -> None:
        """`kubectl delete pod` ends the instance; what we delete ourselves has no instance any more."""
        while True:
            try:
                async for event in self._client.watch(POD):
                    metadata = event.object.get("metadata", {})
                    if event.type == "DELETED" or metadata.get("deletionTimestamp"):
                        self.evict(metadata.get("namespace", ""), metadata.get("name", ""))
            except Gone:
                continue
            except ApiError as error:
                log.warning("cannot watch pods: %s", error)
            await asyncio.sleep(1.0)


def _containers(settings: EngineSettings) -> Driver:
    """Imported here: an engine that runs no container does not carry what speaks to a Docker engine."""
    from faas.engine.instances.docker import DockerDriver

    return DockerDriver(settings)


def _images(plan: RevisionPlan) -> tuple[object, ...]:
    """What its images follow from."""
    return (plan.pull_secrets, *((container.image, container.pull_policy) for container in plan.containers))


async def _logged(work: Coroutine[Any, Any, None]) -> None:
    """One instance's trouble is not the engine's."""
    try:
        await work
    except Exception:
        log.exception("an instance's task failed")
