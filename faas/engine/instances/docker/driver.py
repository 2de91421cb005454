"""The driver: containers of a Docker engine as instances."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Coroutine
from dataclasses import replace
from functools import partial
from typing import Any

from faas_builders.oci.store import ImageStore

from faas.engine.contract.revision import RevisionKey, RevisionPlan
from faas.engine.contract.settings import EngineSettings
from faas.engine.instances.docker import ownership
from faas.engine.instances.docker.adoption import Adoptable, find_adoptable
from faas.engine.instances.docker.connection import Api, Docker, DockerError
from faas.engine.instances.docker.doorway import Doorway, make_doorway
from faas.engine.instances.docker.images import DockerImage, Images
from faas.engine.instances.docker.loading import Loader
from faas.engine.instances.docker.network import Network
from faas.engine.instances.docker.ownership import make_ownership
from faas.engine.instances.docker.place import DockerUnavailable
from faas.engine.instances.docker.relay import Relay, names_in
from faas.engine.instances.docker.run import NOT_FOUND, ContainerRun, Created, Means
from faas.engine.instances.docker.spec import Surroundings, make_container, ports_of, texts_of
from faas.engine.instances.docker.sweeping import (
    Sweeper,
    Wanted,
    remove_container,
    remove_forsaken,
    remove_labelled,
    stop_container,
)
from faas.engine.instances.docker.volumes import Volumes
from faas.engine.instances.docker.watcher import Watcher
from faas.engine.instances.driver import AdoptedRun, Image, Launch, Pull, RunEvents

log = logging.getLogger(__name__)

# What is printed while no engine runs is kept there for the next one; under `faas run` there is none.
KEPT_LOG = {"Type": "local", "Config": {"max-size": "1m", "max-file": "1", "compress": "false"}}
NO_LOG: dict[str, object] = {"Type": "none", "Config": {}}
LEAVE_S = 10.0  # for removing what is left, when the engine ends
ADOPT_S = 10.0  # for finding what is there, when it starts: functions that are processes, and the API, wait for that


class DockerDriver:
    """An `async with` object on the engine's loop; `adopt` is for another thread, and blocks it."""

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._ownership = make_ownership(settings)
        self._docker = Docker()
        self._loader = Loader(ImageStore(settings.images_dir))
        self._images = Images(self._docker, self._loader)
        self._network = Network(self._docker, self._ownership)
        self._relay = Relay(settings.internal_socket, self._has_address)
        self._volumes = Volumes(settings.runtime_dir / "c", self._ownership)
        self._runs: dict[ContainerRun, str] = {}  # and their Pods
        self._removals: dict[asyncio.Task[None], str] = {}
        self._wanted = Wanted()
        self._sweeper = Sweeper(self._docker, self._ownership, self._volumes, self._wanted)
        self._background: set[asyncio.Task[None]] = set()
        self._preparing = asyncio.Lock()
        self._is_prepared = False
        self._watcher: Watcher | None = None
        self._doorway: Doorway | None = None
        self._has_init = True
        self._processors = 0

    async def __aenter__(self) -> DockerDriver:
        self._loop = asyncio.get_running_loop()
        self._group = asyncio.TaskGroup()
        await self._group.__aenter__()
        self._spawn(self._sweeper.run())
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Under `faas run` all go; else containers go on, until they are adopted or `ending` ends them."""
        if self._removals:
            await asyncio.wait(self._removals, timeout=LEAVE_S)
        await self._relay.close()
        left = [run.container.id for run in self._runs if run.container is not None]
        for task in self._background:
            task.cancel()
        await self._group.__aexit__(None, None, None)
        if self._is_prepared:
            with contextlib.suppress(DockerError, DockerUnavailable, TimeoutError):
                async with asyncio.timeout(LEAVE_S):
                    await self._leave(left)
        self._docker.close()

    async def _leave(self, left: list[str]) -> None:
        if not self._settings.foreground:
            if not self._wanted.containers:
                await self._network.remove()
            return
        await asyncio.gather(*(self._docker.call(partial(stop_container, id=id)) for id in left))
        labels = [f"{name}={value}" for name, value in self._ownership.labels.items()]
        await self._docker.call(lambda api: remove_labelled(api, labels))
        if self._watcher is not None:
            await asyncio.to_thread(self._watcher.dismiss)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._group.create_task(_logged(work))
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    async def _prepare(self) -> None:
        """Before the first use of the Docker engine. Raises: DockerUnavailable, DockerError, OSError."""
        async with self._preparing:
            if self._is_prepared:
                return
            place = await self._docker.place()
            if self._ownership.owner and self._watcher is None:
                self._watcher = Watcher(place, self._ownership.owner)
            self._processors = int((await self._docker.call(lambda api: api.info())).get("NCPU", 0))
            await self._docker.call(remove_forsaken)
            await self._docker.call(self._loader.sweep)
            try:
                self._doorway = make_doorway(self._settings)
            except OSError as error:
                log.warning("functions in containers cannot call others or publish events: %s", error)
            self._is_prepared = True
            self._sweeper.ask()

    async def resolve(self, reference: str, pull: Pull) -> Image:
        try:
            await self._prepare()
        except (DockerError, DockerUnavailable, OSError) as error:
            raise self._images.unavailable(reference, error) from error
        return await self._images.resolve(reference, pull)

    def start(self, launch: Launch, events: RunEvents) -> ContainerRun:
        beside = launch.beside
        assert beside is None or isinstance(beside, ContainerRun)
        assert isinstance(launch.image.handle, DockerImage)
        means = Means(
            self._docker,
            partial(self._make, launch, launch.image.handle, beside),
            partial(self._mend, launch.image.handle),
            self._ended,
            launch.container.port,
            beside,
        )
        return self._go_on(ContainerRun(means, events), launch.pod)

    def _go_on(self, run: ContainerRun, pod: str) -> ContainerRun:
        self._runs[run] = pod
        self._wanted.pods.add(pod)
        self._spawn(run.live())
        return run

    def _ended(self, run: ContainerRun) -> None:
        pod = self._runs.pop(run, "")
        if run.container is not None:
            task = self._spawn(self._remove(run.container))
            self._removals[task] = pod
            task.add_done_callback(self._removals.pop)

    async def _remove(self, container: Created) -> None:
        try:
            await self._docker.call(lambda api: remove_container(api, container.id))
        except DockerUnavailable:
            self._sweeper.ask()
        finally:
            self._wanted.containers.discard(container.name)

    async def _make(self, launch: Launch, image: DockerImage, beside: ContainerRun | None) -> Created:
        await self._prepare()
        around = await self._place(launch, beside)
        return await self._docker.call(lambda api: self._create(api, launch, image, around))

    async def _place(self, launch: Launch, beside: ContainerRun | None) -> Surroundings:
        """Where it is in the network."""
        if beside is not None:
            assert beside.container is not None
            network = f"container:{beside.container.id}"
            return Surroundings(network, {**self._labels(launch), ownership.SERVING: beside.container.id})
        bridge = await self._network.bridge()
        around = Surroundings(bridge.id, self._labels(launch))
        if not bridge.is_reachable:
            return replace(around, published=ports_of(launch.plan))
        if not await self._relay.open(bridge.gateway):
            return around
        return replace(around, hosts=tuple(f"{name}:{bridge.gateway}" for name in names_in(texts_of(launch))))

    def _has_address(self, address: str) -> bool:
        return any(run.ip == address for run in self._runs)

    def _create(self, api: Api, launch: Launch, image: DockerImage, around: Surroundings) -> Created:
        doorway = self._doorway if image.has_our_runtime else None
        mounts = self._volumes.prepare(api, image.id, launch.pod, launch.mounts)
        around = replace(
            around,
            mounts=(*mounts, doorway.mount) if doorway else mounts,
            logs=NO_LOG if self._settings.foreground else KEPT_LOG,
            env=doorway.env if doorway else {},
            groups=(doorway.group,) if doorway and doorway.group is not None else (),
            processors=self._processors,
            init=self._has_init,
        )
        body = make_container(launch, image.id, image.user, around)
        name = f"{self._ownership.name}-{launch.pod}-{launch.container.name}-{secrets.token_hex(3)}"
        self._wanted.containers.add(name)
        try:
            id = str(api.create_container_from_config(body, name)["Id"])
        except BaseException:
            self._wanted.containers.discard(name)
            raise
        return Created(id, name, image.stop_signal)

    def _labels(self, launch: Launch) -> dict[str, str]:
        return {
            **self._ownership.labels,
            ownership.NAMESPACE: launch.key.namespace,
            ownership.REVISION: launch.key.name,
            ownership.POD: launch.pod,
            ownership.CONTAINER: launch.container.name,
            ownership.RUN: str(launch.run),
            ownership.PORT: str(launch.container.port),
            ownership.CREATED: f"{time.time():.3f}",
        }

    async def _mend(self, image: DockerImage, error: DockerError) -> bool:
        """Change what a second attempt needs changed. Which that is the Docker engine says only in words."""
        said = str(error).lower()
        if "docker-init" in said and self._has_init:
            self._has_init = False
            return True
        if error.status == NOT_FOUND and "network" in said:
            self._network.forget()
            return True
        return error.status == NOT_FOUND and "image" in said and await self._images.restore(image)

    def pod_ended(self, key: RevisionKey, pod: str) -> None:
        self._spawn(self._forget_pod(pod))

    async def _forget_pod(self, pod: str) -> None:
        self._wanted.pods.discard(pod)
        if removing := [task for task, other in self._removals.items() if other == pod]:
            await asyncio.wait(removing)
        try:
            await self._docker.call(lambda api: self._volumes.remove(api, pod))
        except (DockerError, DockerUnavailable):
            self._sweeper.ask()

    def warm(self, plan: RevisionPlan, image: Image, env: dict[str, str]) -> None:
        """Nothing: creating a container is 10 of the 290 ms of its start, and its Pod's name is not known before."""

    def cool(self, key: RevisionKey) -> None:
        """Nothing was kept ready."""

    def forget(self, key: RevisionKey) -> None:
        """Nothing was learnt."""

    def notes(self, key: RevisionKey) -> tuple[tuple[str, str], ...]:
        """Nothing is different: the kernel holds a container to its limits."""
        return ()

    def adopt(self) -> list[AdoptedRun]:
        """Containers that an earlier engine started and that accept connections; all others of ours are removed."""
        return asyncio.run_coroutine_threadsafe(self._adopt(), self._loop).result()

    async def _adopt(self) -> list[AdoptedRun]:
        found: list[Adoptable] = []
        try:
            async with asyncio.timeout(ADOPT_S):
                found = await find_adoptable(self._docker, self._ownership, self._settings.logs_dir)
                self._wanted.containers.update(one.created.name for one in found)  # before anything is swept
                self._wanted.pods.update(one.pod for one in found)
                await self._prepare()
                if found and (bridge := await self._network.bridge()).is_reachable:
                    await self._relay.open(bridge.gateway)
        except (DockerError, DockerUnavailable, OSError) as error:  # and TimeoutError
            self._wanted.containers.difference_update(one.created.name for one in found)
            self._wanted.pods.difference_update(one.pod for one in found)
            reason = str(error) or f"the Docker engine has not answered within {ADOPT_S:g} s"
            log.warning("cannot look for containers of an earlier engine: %s; others take their place", reason)
            self._sweeper.ask()
            return []
        runs: dict[str, ContainerRun] = {}
        return [
            AdoptedRun(
                one.key,
                one.pod,
                one.run,
                one.created_s,
                partial(self._attach, one, runs),
                one.container if one.serving else "",
            )
            for one in found
        ]

    def _attach(self, one: Adoptable, runs: dict[str, ContainerRun], events: RunEvents) -> ContainerRun:
        """Args: runs: attached so far, by their containers' ids; the serving one of a Pod comes before the others."""

        async def make() -> Created:
            return one.created

        async def mend(error: DockerError) -> bool:
            return False

        means = Means(self._docker, make, mend, self._ended, one.port, runs.get(one.serving))
        run = ContainerRun(means, events, running=one.running)
        runs[one.created.id] = run
        return self._go_on(run, one.pod)


async def _logged(work: Coroutine[Any, Any, None]) -> None:
    """What nobody has thought of in one container's life does not end the others'."""
    try:
        await work
    except Exception:
        log.exception("a container's task failed")
