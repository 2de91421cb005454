"""One container, from its creation to its end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from faas.engine.instances.docker import output
from faas.engine.instances.docker.connection import Api, Docker, DockerError
from faas.engine.instances.docker.place import DockerUnavailable
from faas.engine.instances.docker.spec import NotStartable
from faas.engine.instances.driver import ExitStatus, RunEvents

START_ERROR_CODE = 128  # kubelet's, for what never ran
NOT_FOUND = 404
ATTEMPTS = 3
PATIENCE_S = 3.0  # with a Docker engine that restarts: with its live-restore containers outlive that
_ASK_AGAIN_S = 0.2
_STDIO = {"stream": "1", "stdout": "1", "stderr": "1"}
_ATTACHED = json.dumps({"Detach": False, "Tty": False}).encode()
_KILLED, _TERMINATED = ExitStatus(137, 9), ExitStatus(143, 15)


@dataclass(frozen=True, slots=True)
class Created:
    """A container that exists."""

    id: str
    name: str
    stop_signal: str = "SIGTERM"
    unread_since_s: float | None = None  # of one that runs already: since when nobody has read what it prints


@dataclass(frozen=True, slots=True)
class Running:
    pid: int
    ip: str
    published: dict[int, int]  # where on 127.0.0.1 its ports are, if the bridge cannot be reached


@dataclass(frozen=True, slots=True)
class Means:
    """How a run comes to its container, and what becomes of it."""

    docker: Docker
    make: Callable[[], Awaitable[Created]]  # raises NotStartable, DockerError, DockerUnavailable, OSError
    mend: Callable[[DockerError], Awaitable[bool]]  # whether making another one may go better now
    ended: Callable[[ContainerRun], None]
    port: int
    beside: ContainerRun | None = None


class ContainerRun:
    """A `Run`; `live` is its task. It tells `exited` after the last line."""

    def __init__(self, means: Means, events: RunEvents, *, running: Running | None = None) -> None:
        self._means, self._docker, self._events = means, means.docker, events
        self.container: Created | None = None
        self._running = running
        self._ending = ""  # the signal by which somebody wants it to end
        self._oom = False
        self._signals: set[asyncio.Task[None]] = set()
        self._hanging: dict[tuple[str, ...], str] = {}  # commands that had not ended in time, and Docker's ids of them

    @property
    def pid(self) -> int | None:
        """None: nobody has to watch its memory, the kernel holds it to its limit."""
        return None

    @property
    def ip(self) -> str:
        """On the containers' bridge; "" while it does not run."""
        return self._running.ip if self._running is not None else ""

    @property
    def announces_ready(self) -> bool:
        return False

    @property
    def address(self) -> str:
        return self.reach(0)

    def reach(self, port: int) -> str:
        port = port or self._means.port
        running = (self._means.beside or self)._running
        if running is not None and port not in running.published:
            return f"tcp:{running.ip}:{port}"
        return f"tcp:127.0.0.1:{running.published[port] if running is not None else port}"

    async def execute(self, command: tuple[str, ...], env: dict[str, str], timeout_s: float) -> str:
        """In its own environment. A command that hangs goes on in the container, as Docker cannot end it, and is not
        begun again: it would be one more process each time."""
        if self.container is None or self._running is None:
            return "the container does not run"
        try:
            async with asyncio.timeout(timeout_s):
                if await self._still_hangs(command):
                    return "the command of an earlier probe has not ended"
                code = await self._execute(self.container.id, command)
        except TimeoutError:
            return f"no answer within {timeout_s:g} s"
        except (DockerError, DockerUnavailable) as error:
            return str(error)
        return "" if code == 0 else f"the command ended with exit code {code}"

    async def _execute(self, id: str, command: tuple[str, ...]) -> int:
        made = str((await self._docker.call(lambda api: api.exec_create(id, list(command))))["Id"])
        try:
            async with await self._docker.open("POST", f"/exec/{made}/start", body=_ATTACHED, upgrade=True) as answer:
                while await answer.reader.read(65536):  # until it ends; a probe says what it says by its exit code
                    pass
        except asyncio.CancelledError:
            self._hanging[command] = made
            raise
        code = (await self._docker.call(lambda api: api.exec_inspect(made)))["ExitCode"]
        return int(code) if code is not None else START_ERROR_CODE

    async def _still_hangs(self, command: tuple[str, ...]) -> bool:
        made = self._hanging.get(command)
        if made is None:
            return False
        if (await self._docker.call(lambda api: api.exec_inspect(made)))["Running"]:
            return True
        self._hanging.pop(command, None)
        return False

    def stop(self) -> None:
        self._signal(self.container.stop_signal if self.container is not None else "SIGTERM")

    def kill(self, *, oom: bool = False) -> None:
        self._oom = self._oom or oom
        self._signal("SIGKILL")

    def _signal(self, name: str) -> None:
        self._ending = name
        if self._running is not None and self.container is not None:
            task = asyncio.get_running_loop().create_task(self._send(self.container.id, name))
            self._signals.add(task)
            task.add_done_callback(self._signals.discard)

    async def _send(self, id: str, name: str) -> None:
        with contextlib.suppress(DockerError, DockerUnavailable):  # it has ended, or its end is found out elsewhere
            await self._docker.call(lambda api: api.kill(id, name))

    async def live(self) -> None:
        status = _KILLED
        try:
            status = await self._live()
        except (NotStartable, DockerError, DockerUnavailable, OSError) as error:
            ran = self._running is not None
            code = None if ran or isinstance(error, DockerUnavailable) else START_ERROR_CODE
            status = ExitStatus(code, start_error="" if ran else str(error))
            self._events.line("stderr", str(error).encode())
        finally:
            for task in self._signals:
                task.cancel()
        self._running = None
        self._means.ended(self)
        self._events.exited(status)

    async def _live(self) -> ExitStatus:
        for attempt in range(ATTEMPTS):
            if self._ending:
                break
            try:
                self.container = created = await self._means.make()
                if created.unread_since_s is not None:
                    return await self._resume(created.id, created.unread_since_s)
                return await self._start(created.id)
            except DockerError as error:
                if self._running is not None or attempt == ATTEMPTS - 1 or not await self._means.mend(error):
                    raise
        return _KILLED if self._ending == "SIGKILL" else _TERMINATED

    async def _start(self, id: str) -> ExitStatus:
        async with await self._docker.open("POST", f"/containers/{id}/attach", _STDIO, upgrade=True) as attached:
            if self._ending:
                return _TERMINATED
            await self._docker.call(lambda api: api.start(id))
            following = asyncio.get_running_loop().create_task(output.follow(attached.reader, self._events.line))
            try:
                self._running = running = await self._look(id)
                if running.pid:
                    self._events.started(running.pid)
                    self._events.ready()
                if self._ending:  # said while it was starting
                    self._signal(self._ending)
                await following
            finally:
                following.cancel()
        return await self._find_end(id)

    async def _look(self, id: str) -> Running:
        return await self._docker.call(lambda api: running_of(api, id))

    async def _resume(self, id: str, since_s: float) -> ExitStatus:
        """Go on with one that runs, reading from where nobody has."""
        query = {"follow": "1", "stdout": "1", "stderr": "1", "since": f"{since_s:.9f}"}
        with contextlib.suppress(DockerError):  # nobody kept its log: what it printed is lost
            async with await self._docker.open("GET", f"/containers/{id}/logs", query) as answer:
                await output.follow(answer.reader, self._events.line)
        return await self._find_end(id)

    async def _find_end(self, id: str) -> ExitStatus:
        """Its output has ended: because it has, or it closed it, or because the Docker engine went away."""
        since_s = time.time()
        deadline_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                async with await self._docker.open(
                    "POST", f"/containers/{id}/wait", {"condition": "not-running"}
                ) as answer:
                    await answer.reader.read()
                state = (await self._docker.call(lambda api: api.inspect_container(id)))["State"]
                break
            except DockerUnavailable:
                if time.monotonic() > deadline_s:
                    raise
                await asyncio.sleep(_ASK_AGAIN_S)
            except DockerError as error:
                if error.status == NOT_FOUND:
                    return ExitStatus(None)  # somebody removed it
                raise
        if state["Running"]:
            return await self._resume(id, since_s)
        return ExitStatus(int(state["ExitCode"]), 0, self._oom or bool(state.get("OOMKilled")))


def running_of(api: Api, id: str) -> Running:
    found = api.inspect_container(id)
    settings = found["NetworkSettings"]
    published = {
        int(port.partition("/")[0]): int(bindings[0]["HostPort"])
        for port, bindings in (settings.get("Ports") or {}).items()
        if bindings
    }
    addresses = [network["IPAddress"] for network in (settings.get("Networks") or {}).values()]
    return Running(int(found["State"]["Pid"]), next(filter(None, addresses), ""), published)
