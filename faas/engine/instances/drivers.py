"""Which driver runs an image: what was built for this machine's Python is a process, everything else a container.

The container driver, and with it all that speaks to a Docker engine, is imported when the first image needs it: an
engine that only has functions as processes neither has a Docker engine nor pays for one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from faas.engine.contract.revision import ContainerPlan, RevisionKey, RevisionPlan
from faas.engine.instances.driver import AdoptedRun, Driver, Image, ImageUnavailable, Launch, Pull, Run, RunEvents
from faas.engine.instances.process import ProcessDriver

log = logging.getLogger(__name__)

OPEN_AGAIN_S = 10.0  # a machine without a descriptor or a byte of disk left may have some by then


class Drivers:
    """Both drivers as one; an `async with` object, on the engine's loop."""

    def __init__(
        self,
        processes: ProcessDriver,
        is_process: Callable[[str], bool],
        make_containers: Callable[[], Driver],
        mark: Path,
    ) -> None:
        """Args:
        is_process: whether an image is one for processes, by its reference; blocking.
        make_containers: makes the container driver; may raise ImageUnavailable where there can be none.
        mark: a file that says to later engines that containers of ours may have been left running.
        """
        self._processes, self._is_process, self._make_containers = processes, is_process, make_containers
        self._mark = mark
        self._containers: Driver | None = None
        self._opening = asyncio.Lock()
        self._opened: asyncio.Future[Driver] | None = None
        self._closing = asyncio.Event()
        self._in_containers: set[RevisionKey] = set()

    @property
    def changed(self) -> Callable[[RevisionKey], None]:
        return self._processes.changed

    @changed.setter
    def changed(self, tell: Callable[[RevisionKey], None]) -> None:
        """Whom to tell that a Revision's notes are new."""
        self._processes.changed = tell

    async def __aenter__(self) -> Drivers:
        self._group = asyncio.TaskGroup()
        await self._group.__aenter__()
        await self._processes.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._closing.set()
        await self._processes.__aexit__()
        await self._group.__aexit__(None, None, None)

    async def resolve(self, plan: RevisionPlan, credentials: tuple[str, ...]) -> tuple[Image, ...]:
        """The images of all containers of a plan, the serving one first. Raises: ImageUnavailable."""
        if await asyncio.to_thread(self._is_process, plan.container.image):
            if refused := beyond_a_process(plan):
                raise ImageUnavailable(refused)
            return (await _resolved(self._processes, plan.container, ()),)
        try:
            driver = await self._open()
        except OSError as error:
            raise ImageUnavailable(f"cannot run containers: {error}", retry_after_s=OPEN_AGAIN_S) from error
        self._in_containers.add(plan.key)
        return tuple([await _resolved(driver, container, credentials) for container in plan.containers])

    async def _open(self) -> Driver:
        """The container driver, from the first time that anybody wants it. Raises: ImageUnavailable, OSError."""
        async with self._opening:
            if self._opened is None or (self._opened.done() and self._opened.exception() is not None):
                made = await asyncio.to_thread(self._make_containers)
                self._opened = asyncio.get_running_loop().create_future()
                self._group.create_task(self._hold(made, self._opened))
        return await asyncio.shield(self._opened)  # whoever asks may change their mind; the driver stays

    async def _hold(self, driver: Driver, opened: asyncio.Future[Driver]) -> None:
        """One task opens and closes it: it may have tasks of its own, which belong to that one."""
        try:
            self._mark.parent.mkdir(parents=True, exist_ok=True)
            self._mark.touch()
            await driver.__aenter__()
        except (ImageUnavailable, OSError) as error:
            opened.set_exception(error)
            opened.exception()  # it counts as told, also when nobody waits any more
            return
        self._containers = driver
        opened.set_result(driver)
        try:
            await self._closing.wait()
        finally:
            await driver.__aexit__()

    def start(self, launch: Launch, events: RunEvents) -> Run:
        """Raises: OSError."""
        if launch.image.in_container and self._containers is not None:
            return self._containers.start(launch, events)
        return self._processes.start(launch, events)

    def pod_ended(self, key: RevisionKey, pod: str) -> None:
        if key in self._in_containers and self._containers is not None:
            self._containers.pod_ended(key, pod)

    def warm(self, plan: RevisionPlan, image: Image, env: dict[str, str]) -> None:
        if not image.in_container:
            self._processes.warm(plan, image, env)
        elif self._containers is not None:
            self._containers.warm(plan, image, env)

    def cool(self, key: RevisionKey) -> None:
        self._processes.cool(key)
        if key in self._in_containers and self._containers is not None:
            self._containers.cool(key)

    def forget(self, key: RevisionKey) -> None:
        self._processes.forget(key)
        if key in self._in_containers and self._containers is not None:
            self._containers.forget(key)

    def notes(self, key: RevisionKey) -> tuple[tuple[str, str], ...]:
        if key in self._in_containers and self._containers is not None:
            return self._containers.notes(key)
        return self._processes.notes(key)

    async def adopt(self) -> list[AdoptedRun]:
        """What a previous engine left running; it asks a Docker engine only where that one had used it."""
        adopted = self._processes.adopt()
        if not self._mark.exists():
            return adopted
        try:
            driver = await self._open()
            containers = await asyncio.to_thread(driver.adopt)
        except (ImageUnavailable, OSError) as error:
            log.warning("cannot look for containers of an earlier engine: %s", error)
            return adopted
        self._in_containers.update(run.key for run in containers)
        return adopted + containers


async def _resolved(driver: Driver, container: ContainerPlan, credentials: tuple[str, ...]) -> Image:
    """What the container's image was found to be when its Revision was new, wherever its tag may point by now.

    Where images have no digest of a registry's, the tag is what there is; it counts while it still means the same.
    """
    pull = Pull(container.pull_policy, credentials)
    if not container.resolved or "@" in container.image:
        return await driver.resolve(container.image, pull)
    try:
        return await driver.resolve(container.resolved, pull)
    except ImageUnavailable:
        image = await driver.resolve(container.image, pull)
        if image.digest != container.resolved.rpartition("@")[2]:
            raise
        return image


def beyond_a_process(plan: RevisionPlan) -> str:
    """Why a process of this machine cannot be what this plan asks for; "" when it can."""
    container = plan.container
    asked = {
        "a command": container.command,
        "arguments": container.args,
        "a workingDir": container.working_dir,
        "an h2c port": plan.protocol != "http1",
        "sidecars": plan.sidecars,
        "another user": container.security.user is not None or container.security.group is not None,
        "a read-only root": container.security.read_only_root,
    }
    if not (found := [name for name, value in asked.items() if value]):
        return ""
    return (
        f"a process of this machine cannot have {', '.join(found)}: it serves a function over HTTP/1 as the engine's "
        "own user. Let it run in a container: container=True, or an image with a base of its own"
    )
