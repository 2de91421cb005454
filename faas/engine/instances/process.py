"""Runs instances as processes of this machine, forked from zygotes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from faas_builders.bundle import Bundle
from faas_runtime.serving.wire import Spawn, User

from faas.engine.contract.revision import RevisionKey, RevisionPlan
from faas.engine.contract.settings import EngineSettings
from faas.engine.instances.capture import Capture
from faas.engine.instances.driver import AdoptedRun, ExitStatus, Image, ImageUnavailable, Launch, Pull, RunEvents
from faas.engine.instances.records import Record, is_alive, process_start, read_record, write_record
from faas.engine.instances.zygotes import Pending, Zygotes, proportional_size

BACKLOG = 2048
RESTOCK_AFTER_S = 0.05  # the start that has just begun needs the processor more
STATUS_GRACE_S = 0.5  # how long a zygote has to say how its child ended, once the child is seen to be dead


class ProcessRun:
    """One instance process. Its files in the runtime folder: TOKEN.sock, TOKEN.json, TOKEN.out, TOKEN.err."""

    def __init__(self, base: Path, capture: Capture, record: Record, events: RunEvents, driver: ProcessDriver) -> None:
        self._base, self._record, self._events, self._driver = base, record, events, driver
        self._capture = capture
        capture.tell(events.line)
        self._loop = asyncio.get_running_loop()
        self.pid: int | None = None
        self._pidfd = -1
        self._ready_fd = -1
        self._signal_on_start = 0
        self._oom = False
        self._ended = False
        self._late: asyncio.TimerHandle | None = None

    @property
    def address(self) -> str:
        return f"unix:{self._base}.sock"

    @property
    def announces_ready(self) -> bool:
        return True

    def reach(self, port: int) -> str:
        """A process of ours listens at its socket and nowhere else."""
        return self.address

    async def execute(self, command: tuple[str, ...], env: dict[str, str], timeout_s: float) -> str:
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                env=env,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
        except OSError as error:
            return f"cannot run {command[0]}: {error.strerror or error}"
        try:
            async with asyncio.timeout(timeout_s):
                code = await process.wait()
        except TimeoutError:
            return f"no answer within {timeout_s:g} s"
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        return "" if code == 0 else f"the command ended with exit code {code}"

    def pending(self, env: dict[str, str], timeout_s: float) -> Pending:
        """Bind the socket before anyone is there to accept, so that the first connection waits instead of failing."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(f"{self._base}.sock")
            listener.listen(BACKLOG)
            stdout, stderr = self._capture.open_for_instance()
            self._ready_fd, theirs = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
            self._loop.add_reader(self._ready_fd, self._on_ready)
            order = Spawn(self._base.name, env, timeout_s)
            return Pending(order, (listener.detach(), stdout, stderr, theirs), self._started, self._failed)

    def attach(self) -> None:
        """Go on with a process that an earlier engine started."""
        self._watch(self._record.pid)

    def _started(self, pid: int) -> None:
        if self._ended:
            return
        self._record = msgspec.structs.replace(self._record, pid=pid, started_ticks=process_start(pid) or 0)
        if not self._watch(pid):
            return
        self._driver.by_pid[pid] = self
        self._loop.call_soon(self._write_record)
        if self._signal_on_start:
            self._send(self._signal_on_start)
        self._events.started(pid)

    def _watch(self, pid: int) -> bool:
        self.pid = pid
        try:
            self._pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            self._dead()
            return False
        self._loop.add_reader(self._pidfd, self._dead)
        return True

    def _failed(self, status: int | None) -> None:
        self.reaped(status)

    def _on_ready(self) -> None:
        try:
            said = os.read(self._ready_fd, 64)
        except BlockingIOError:
            return
        self._close_ready()
        if said and not self._ended:
            self._record = msgspec.structs.replace(self._record, ready=True)
            self._events.ready()
            self._loop.call_soon(self._write_record)  # after whatever the gateway is to be told

    def _write_record(self) -> None:
        if not self._ended:
            with contextlib.suppress(OSError):  # a full disk: the next engine starts a new instance instead
                write_record(self._base.with_suffix(".json"), self._record)

    def _dead(self) -> None:
        """The process is gone, and what it started goes with it; its zygote, if there still is one, says how."""
        self._close_pidfd()
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)  # a number that is in use as a group's is not given away again
        if not self._ended and self._late is None:
            self._late = self._loop.call_later(STATUS_GRACE_S, self.reaped, None)

    def reaped(self, status: int | None) -> None:
        """Args: status: as waitpid has it; None: nobody could tell."""
        if self._ended:
            return
        self._ended = True
        self._cleanup()
        self._events.exited(exit_status(status, oom=self._oom))

    def stop(self) -> None:
        self._send(signal.SIGTERM)

    def kill(self, *, oom: bool = False) -> None:
        self._oom = self._oom or oom
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        if self._pidfd >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)
        else:
            self._signal_on_start = number

    def detach(self) -> None:
        """Leave it to the next engine."""
        self._ended = True
        self._close_pidfd()
        self._close_ready()
        self._capture.detach()

    def abandon(self) -> None:
        """It could not even be ordered: nothing is told to anyone."""
        self._ended = True
        self._cleanup()

    def _cleanup(self) -> None:
        if self.pid is not None:
            self._driver.by_pid.pop(self.pid, None)
        self._driver.runs.discard(self)
        if self._late is not None:
            self._late.cancel()
        self._close_pidfd()
        self._close_ready()
        self._capture.close()
        for suffix in (".sock", ".json"):
            self._base.with_suffix(suffix).unlink(missing_ok=True)

    def _close_pidfd(self) -> None:
        if self._pidfd >= 0:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = -1

    def _close_ready(self) -> None:
        if self._ready_fd >= 0:
            self._loop.remove_reader(self._ready_fd)
            os.close(self._ready_fd)
            self._ready_fd = -1


class ProcessDriver:
    """Instances as forks of zygotes, or as processes of their own where a fork is not safe."""

    def __init__(self, settings: EngineSettings, resolve: Callable[[str], Bundle]) -> None:
        self._settings = settings
        self._resolve = resolve
        self._dir = settings.runtime_dir / "i"
        self._refusals: dict[RevisionKey, str] = {}
        self._limited: set[RevisionKey] = set()
        self._warm: set[RevisionKey] = set()
        self._lifeline: tuple[int, int] | None = None
        self._zygotes: Zygotes
        self._measure = asyncio.Event()
        self._sweeper: asyncio.Task[None] | None = None
        self.by_pid: dict[int, ProcessRun] = {}
        self.runs: set[ProcessRun] = set()
        self._next: tuple[Path, Capture] | None = None  # what the next instance will be called, and its pipes
        self._restocking: asyncio.TimerHandle | None = None
        self.changed: Callable[[RevisionKey], None] = lambda key: None  # its notes are new

    async def __aenter__(self) -> ProcessDriver:
        self._dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._settings.foreground:
            # The engine keeps the only writing end: when it is gone, the kernel kills who holds the reading one.
            self._lifeline = os.pipe2(os.O_CLOEXEC)
        self._zygotes = Zygotes(
            exited=self._exited,
            refused=self._refused,
            settled=self._measure.set,
            lost=self._lost,
            lifeline=self._lifeline[0] if self._lifeline else None,
            user=User(user.name, user.uid, user.gid) if (user := self._settings.run_as) else None,
        )
        self._group = asyncio.TaskGroup()
        await self._group.__aenter__()
        self._sweeper = self._group.create_task(self._keep_budget())
        self._restocking = asyncio.get_running_loop().call_later(RESTOCK_AFTER_S, self._restock)
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
        await self._group.__aexit__(None, None, None)
        if self._restocking is not None:
            self._restocking.cancel()
        if self._next is not None:
            self._next[1].close()
        for run in list(self.runs):
            run.detach()
        self.runs.clear()
        await self._zygotes.close()
        for fd in self._lifeline or ():
            os.close(fd)

    async def resolve(self, reference: str, pull: Pull) -> Image:
        try:
            bundle = await asyncio.to_thread(self._resolve, reference)
        except Exception as error:
            raise ImageUnavailable(str(error)) from error
        return Image(bundle.digest, bundle.env, bundle)

    def start(self, launch: Launch, events: RunEvents) -> ProcessRun:
        bundle = launch.image.handle
        assert isinstance(bundle, Bundle)
        record = Record(launch.key.namespace, launch.key.name, launch.pod, launch.run, 0, 0, time.time())
        base, capture = self._take_pipes()
        run = ProcessRun(base, capture, record, events, self)
        self.runs.add(run)
        pending = run.pending(launch.env, launch.plan.timeout_s)
        snapshot = launch.plan.snapshot and launch.key not in self._refusals
        if launch.plan.container.cpu_limit_millis:
            self._limited.add(launch.key)
        try:
            self._zygotes.start(launch.key, bundle, _function(launch.env), pending, snapshot=snapshot)
        except OSError:
            pending.close()
            run.abandon()
            raise
        return run

    def _take_pipes(self) -> tuple[Path, Capture]:
        """Made before anybody wants an instance: two new files take half a millisecond. Raises: OSError."""
        pipes, self._next = self._next or self._make_pipes(), None
        if self._restocking is None:
            self._restocking = asyncio.get_running_loop().call_later(RESTOCK_AFTER_S, self._restock)
        return pipes

    def _make_pipes(self) -> tuple[Path, Capture]:
        base = self._dir / secrets.token_hex(6)
        return base, Capture(base)

    def _restock(self) -> None:
        self._restocking = None
        with contextlib.suppress(OSError):  # whoever wants to start an instance then learns why it cannot be
            self._next = self._make_pipes()

    def warm(self, plan: RevisionPlan, image: Image, env: dict[str, str]) -> None:
        bundle = image.handle
        assert isinstance(bundle, Bundle)
        self._warm.add(plan.key)
        if plan.snapshot and plan.key not in self._refusals:
            self._zygotes.warm(plan.key, bundle, _function(env), env)

    def cool(self, key: RevisionKey) -> None:
        self._warm.discard(key)
        self._zygotes.drop(key)

    def pod_ended(self, key: RevisionKey, pod: str) -> None:
        """A process leaves nothing behind that outlives its run."""

    def notes(self, key: RevisionKey) -> tuple[tuple[str, str], ...]:
        found = []
        if key in self._refusals:
            found.append(("PlainStart", f"each instance imports the function anew: {self._refusals[key]}"))
        if key in self._limited:
            found.append(("CPUNotLimited", "process instances share all processors; the CPU limit is not enforced"))
        return tuple(found)

    def adopt(self) -> list[AdoptedRun]:
        """Instances that still serve; what is left of others is ended and removed."""
        adopted = []
        for path in sorted(self._dir.glob("*.json")):
            record = read_record(path)
            base = path.with_suffix("")
            if record is not None and record.ready and is_alive(record):
                adopted.append(self._adoptable(base, record))
            else:
                if record is not None and is_alive(record):
                    os.kill(record.pid, signal.SIGKILL)
                _remove(base)
        known = {path.stem for path in self._dir.glob("*.json")}
        for path in self._dir.iterdir():
            if path.stem not in known:  # started and never ready: it has no record, and nobody to tell it to
                path.unlink(missing_ok=True)
        return adopted

    def _adoptable(self, base: Path, record: Record) -> AdoptedRun:
        def attach(events: RunEvents) -> ProcessRun:
            run = ProcessRun(base, Capture(base), record, events, self)
            self.runs.add(run)
            run.attach()
            return run

        return AdoptedRun(
            RevisionKey(record.namespace, record.revision), record.pod, record.run, record.created_s, attach
        )

    def _exited(self, pid: int, status: int) -> None:
        run = self.by_pid.get(pid)
        if run is not None:
            run.reaped(status)

    def _refused(self, key: RevisionKey, reason: str) -> None:
        self._refusals[key] = reason
        self.changed(key)

    def _lost(self, key: RevisionKey) -> None:
        if key in self._warm:
            self.changed(key)

    async def _keep_budget(self) -> None:
        """After each import: while the zygotes' memory is above the budget, end the least recently used one."""
        while True:
            await self._measure.wait()
            self._measure.clear()
            members = sorted(self._zygotes.members.values(), key=lambda member: member.used_s)
            pids = [member.pid or 0 for member in members]
            sizes = await asyncio.to_thread(_sizes, pids)
            total = sum(sizes)
            for member, size in zip(members[:-1], sizes[:-1], strict=True):  # the newest one may stay in any case
                if total <= self._settings.zygote_budget_bytes:
                    break
                self._zygotes.drop(member.key)
                total -= size


def _sizes(pids: list[int]) -> list[int]:
    return [proportional_size(pid) for pid in pids]


def exit_status(status: int | None, *, oom: bool) -> ExitStatus:
    if status is None:
        return ExitStatus(137 if oom else None, signal.SIGKILL if oom else 0, oom)
    code = os.waitstatus_to_exitcode(status)
    return ExitStatus(128 - code, -code, oom) if code < 0 else ExitStatus(code, 0, oom)


def _function(env: dict[str, str]) -> str:
    return env.get("FAAS_FUNCTION", "")


def _remove(base: Path) -> None:
    for suffix in (".json", ".sock", ".out", ".err"):
        base.with_suffix(suffix).unlink(missing_ok=True)
