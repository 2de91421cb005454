"""The driver: containers of a Docker engine as instances."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from functools import partial

from faas_builders.oci.store import ImageStore

from faas.engine.contract.revision import RevisionKey, RevisionPlan
from faas.engine.contract.settings import EngineSettings
from faas.engine.instances.docker import ownership
from faas.engine.instances.docker.connection import Api, Docker, DockerError, DockerUnavailable
from faas.engine.instances.docker.images import DockerImage, Images
from faas.engine.instances.docker.loading import Loader
from faas.engine.instances.docker.network import Network
from faas.engine.instances.docker.ownership import make_ownership
from faas.engine.instances.docker.run import NOT_FOUND, ContainerRun, Created, Means
from faas.engine.instances.docker.spec import Surroundings, make_container, ports_of
from faas.engine.instances.docker.volumes import Volumes
from faas.engine.instances.driver import AdoptedRun, Image, Launch, Pull, RunEvents

log = logging.getLogger(__name__)

# What is printed while no engine runs is kept there for the next one; under `faas run` there is none.
KEPT_LOG = {"Type": "local", "Config": {"max-size": "1m", "max-file": "1", "compress": "false"}}
NO_LOG = {"Type": "none", "Config": {}}


class DockerDriver:
    """An `async with` object on the engine's loop; `resolve` and `adopt` are for other threads."""

    def __init__(self, settings: EngineSettings, store: ImageStore) -> None:
        self._settings = settings
        self._ownership = make_ownership(settings)
        self._docker = Docker()
        self._images = Images(self._docker, Loader(store, self._ownership))
        self._network = Network(self._docker, self._ownership)
        self._volumes = Volumes(settings.runtime_dir / "c", self._ownership)
        self._runs: dict[ContainerRun, asyncio.Task[None]] = {}
        self._has_init = True

    async def __aenter__(self) -> DockerDriver:
        self._loop = asyncio.get_running_loop()
        self._group = asyncio.TaskGroup()
        await self._group.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        for task in self._runs.values():
            task.cancel()
        await self._group.__aexit__(None, None, None)
        self._docker.close()

    def resolve(self, reference: str, pull: Pull) -> Image:
        return asyncio.run_coroutine_threadsafe(self._images.resolve(reference, pull), self._loop).result()

    def start(self, launch: Launch, events: RunEvents) -> ContainerRun:
        beside = launch.beside
        assert beside is None or isinstance(beside, ContainerRun)
        means = Means(
            self._docker, partial(self._make, launch, beside), self._mend, self._ended, launch.container.port, beside
        )
        return self._go_on(ContainerRun(means, events))

    def _go_on(self, run: ContainerRun) -> ContainerRun:
        self._runs[run] = self._group.create_task(run.live())
        return run

    def _ended(self, run: ContainerRun) -> None:
        self._runs.pop(run, None)
        if run.container is not None:
            self._group.create_task(self._remove(run.container.id))

    async def _remove(self, id: str) -> None:
        with contextlib.suppress(DockerError, DockerUnavailable):
            await self._docker.call(lambda api: api.remove_container(id, v=True, force=True))

    async def _make(self, launch: Launch, beside: ContainerRun | None) -> Created:
        image = launch.image.handle
        assert isinstance(image, DockerImage)
        if beside is not None:
            assert beside.container is not None
            network = f"container:{beside.container.id}"
            published: tuple[int, ...] = ()
        else:
            bridge = await self._network.bridge()
            network, published = bridge.id, () if bridge.is_reachable else ports_of(launch.plan)
        return await self._docker.call(lambda api: self._create(api, launch, image, network, published))

    def _create(
        self, api: Api, launch: Launch, image: DockerImage, network: str, published: tuple[int, ...]
    ) -> Created:
        around = Surroundings(
            network,
            self._labels(launch, network),
            mounts=self._volumes.prepare(api, launch.pod, launch.mounts),
            logs=NO_LOG if self._settings.foreground else KEPT_LOG,
            published=published,
            init=self._has_init,
        )
        body = make_container(launch, image.id, image.user, around)
        name = f"{self._ownership.name}-{launch.pod}-{launch.container.name}-{secrets.token_hex(3)}"
        id = str(api.create_container_from_config(body, name)["Id"])
        self._volumes.open(api, launch.pod, id, launch.mounts)
        return Created(id, image.stop_signal)

    def _labels(self, launch: Launch, network: str) -> dict[str, str]:
        labels = {
            **self._ownership.labels,
            ownership.NAMESPACE: launch.key.namespace,
            ownership.REVISION: launch.key.name,
            ownership.POD: launch.pod,
            ownership.CONTAINER: launch.container.name,
            ownership.RUN: str(launch.run),
            ownership.PORT: str(launch.container.port),
            ownership.CREATED: f"{time.time():.3f}",
        }
        if launch.beside is not None:
            labels[ownership.SERVING] = network.removeprefix("container:")
        return labels

    def _mend(self, error: DockerError) -> bool:
        """What a second attempt does differently. The Docker engine says which it is only in words."""
        said = str(error).lower()
        if "docker-init" in said and self._has_init:
            self._has_init = False
            return True
        if "network" in said and error.status == NOT_FOUND:
            self._network.forget()
            return True
        return False

    def pod_ended(self, key: RevisionKey, pod: str) -> None:
        self._group.create_task(self._forget_pod(pod))

    async def _forget_pod(self, pod: str) -> None:
        with contextlib.suppress(DockerError, DockerUnavailable):
            await self._docker.call(lambda api: self._volumes.remove(api, pod))

    def warm(self, plan: RevisionPlan, image: Image, env: dict[str, str]) -> None:
        """Nothing: creating a container is 10 of the 290 ms of its start, and its Pod's name is not known before."""

    def cool(self, key: RevisionKey) -> None:
        """Nothing was kept ready."""

    def notes(self, key: RevisionKey) -> tuple[tuple[str, str], ...]:
        return ()

    def adopt(self) -> list[AdoptedRun]:
        return []
