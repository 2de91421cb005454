"""A world for containers: settings in a temporary folder, drivers that come and go, and runs whose events are kept."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from faas.engine.contract.revision import ContainerPlan, RevisionKey, RevisionPlan
from faas.engine.contract.settings import EngineSettings, Listeners
from faas.engine.instances.docker import DockerDriver
from faas.engine.instances.docker.ownership import ENGINE, make_ownership
from faas.engine.instances.driver import ExitStatus, Image, Launch, Mount, Pull, RunEvents, Stream
from tests.containers_world import MadeImage, busybox, docker, registry

__all__ = ["busybox", "docker", "registry"]

PATIENCE_S = 30.0
KEY = RevisionKey("default", "hello-00001")


class Recorded:
    """One run, and what it told."""

    def __init__(self, driver: DockerDriver) -> None:
        self._driver = driver
        self.lines: list[tuple[Stream, bytes]] = []
        self.is_ready = False
        self.ended: ExitStatus | None = None
        self._changed = asyncio.Event()
        self.run: Any = None

    @property
    def events(self) -> RunEvents:
        return RunEvents(lambda pid: None, self._on_ready, self._on_exited, self._on_line)

    def _on_ready(self) -> None:
        self.is_ready = True
        self._changed.set()

    def _on_exited(self, status: ExitStatus) -> None:
        assert self.ended is None
        self.ended = status
        self._changed.set()

    def _on_line(self, stream: Stream, line: bytes) -> None:
        assert self.ended is None, "a line after the end"
        self.lines.append((stream, line))
        self._changed.set()

    async def until(self, holds: Callable[[], Any]) -> Any:
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not (value := holds()):
                    self._changed.clear()
                    await self._changed.wait()
                return value
        except TimeoutError:
            raise AssertionError(f"still not so: {self.lines} {self.ended}") from None

    async def ready(self) -> None:
        await self.until(lambda: self.is_ready or self.ended)
        assert self.is_ready, (self.ended, self.lines)

    async def exited(self) -> ExitStatus:
        status: ExitStatus = await self.until(lambda: self.ended)
        return status

    async def printed(self, line: bytes) -> None:
        await self.until(lambda: line in [text for _, text in self.lines])

    async def answers(self) -> None:
        """Until it accepts connections, as a readiness probe would find out."""
        await accepts(self.run.address)

    async def get(self, path: str = "/") -> bytes:
        await self.answers()
        reader, writer = await connect(self.run.address)
        writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        with contextlib.closing(writer):
            return (await reader.read()).partition(b"\r\n\r\n")[2]


async def connect(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = address.removeprefix("tcp:").rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def accepts(address: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                _, writer = await connect(address)
            except OSError:
                await asyncio.sleep(0.005)
                continue
            writer.close()
            return


class World:
    """One state; its engines come and go."""

    def __init__(self, client: Any, base: Path, runtime_dir: Path) -> None:
        self.client = client
        self.settings = EngineSettings(base / "state", runtime_dir, Listeners(-1, -1, -1, -1))
        self.settings.state_dir.mkdir(parents=True)

    def foreground(self) -> None:
        self.settings = msgspec.structs.replace(self.settings, foreground=True)

    @contextlib.asynccontextmanager
    async def driver(self) -> AsyncIterator[DockerDriver]:
        async with DockerDriver(self.settings) as driver:
            yield driver

    async def image(self, driver: DockerDriver, reference: str, pull: Pull | None = None) -> Image:
        return await driver.resolve(reference, pull or Pull())

    def start(
        self,
        driver: DockerDriver,
        image: Image,
        *,
        pod: str = "hello-00001-x",
        env: dict[str, str] | None = None,
        mounts: tuple[Mount, ...] = (),
        beside: Recorded | None = None,
        run: int = 0,
        **plan: Any,
    ) -> Recorded:
        """A container of `image`, with a plan that has these fields."""
        container = ContainerPlan("image", **plan)
        revision = RevisionPlan(KEY, "uid", "hello", "hello", container)
        recorded = Recorded(driver)
        launch = Launch(
            revision, container, pod, run, image, {"PORT": str(container.port)} | (env or {}), mounts,
            beside.run if beside else None,
        )  # fmt: skip
        recorded.run = driver.start(launch, recorded.events)
        return recorded

    @property
    def label(self) -> str:
        return f"{ENGINE}={make_ownership(self.settings).engine}"

    def containers(self, *, all: bool = True) -> list[Any]:
        return list(self.client.containers.list(all=all, filters={"label": self.label}, ignore_removed=True))

    def volumes(self) -> list[str]:
        return [volume.name for volume in self.client.volumes.list(filters={"label": self.label})]

    def networks(self) -> list[str]:
        return [network.name for network in self.client.networks.list(filters={"label": self.label})]

    async def nothing_left(self) -> None:
        """Until no container and no volume of ours is there."""
        await self.left(0)

    async def left(self, count: int) -> None:
        """Until so many containers and volumes of ours are there; nobody tells, so it asks."""
        async with asyncio.timeout(PATIENCE_S):
            while len(await asyncio.to_thread(lambda: [*self.containers(), *self.volumes()])) != count:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    def clean_up(self) -> None:
        for container in self.containers():
            container.remove(force=True, v=True)
        for volume in self.client.volumes.list(filters={"label": self.label}):
            volume.remove(force=True)
        for network in self.client.networks.list(filters={"label": self.label}):
            network.remove()


@pytest.fixture
def world(docker: Any, tmp_path: Path) -> Iterator[World]:
    runtime_dir = Path(tempfile.mkdtemp(prefix="fd-"))
    made = World(docker, tmp_path, runtime_dir)
    yield made
    made.clean_up()
    shutil.rmtree(runtime_dir)


@pytest.fixture(scope="session")
def shell(docker: Any, busybox: MadeImage) -> Iterator[str]:
    """The name of an image in the Docker engine that is in no registry: a shell and `httpd`."""
    name = f"dev.local/faas-test-{uuid.uuid4().hex[:8]}:latest"
    busybox.load(docker, name)
    yield name
    docker.images.remove(name, force=True)
