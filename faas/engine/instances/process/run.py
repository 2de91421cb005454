"""One instance process, from the order for it to its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from pathlib import Path
from typing import Protocol

import msgspec
from faas_runtime.serving.wire import Spawn

from faas.engine.instances.driver import ExitStatus, RunEvents
from faas.engine.instances.process.capture import Capture
from faas.engine.instances.process.member import Pending
from faas.engine.instances.process.records import Record, process_start, write_record

BACKLOG = 2048
STATUS_GRACE_S = 0.5  # how long a zygote has to say how its child ended, once the child is seen to be dead


class Owner(Protocol):
    """What a run needs of the driver."""

    def forked(self, run: ProcessRun, pid: int) -> None: ...

    def ended(self, run: ProcessRun) -> None: ...

    def withdraw(self, run: ProcessRun) -> bool:
        """Take back the order for a process. False: that is too late, it is being forked."""
        ...


class ProcessRun:
    """One instance process. Its files in the runtime folder: TOKEN.sock, TOKEN.json, TOKEN.out, TOKEN.err."""

    def __init__(self, base: Path, capture: Capture, record: Record, events: RunEvents, owner: Owner) -> None:
        self._base, self._capture, self._record, self._events = base, capture, record, events
        self._owner = owner
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
    def token(self) -> str:
        """Its name among the orders to zygotes."""
        return self._base.name

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
            order = Spawn(self.token, env, timeout_s)
            return Pending(order, (listener.detach(), stdout, stderr, theirs), self._started, self.reaped)

    def attach(self) -> None:
        """Go on with a process that an earlier engine started."""
        self._watch(self._record.pid)

    def _started(self, pid: int) -> None:
        if self._ended:
            return
        self._record = msgspec.structs.replace(self._record, pid=pid, started_ticks=process_start(pid) or 0)
        if not self._watch(pid):
            return
        self._owner.forked(self, pid)
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
        if self.pid is None and self._owner.withdraw(self):
            self._loop.call_soon(self.reaped, int(signal.SIGKILL))
        else:
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
        self._owner.ended(self)
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


def exit_status(status: int | None, *, oom: bool) -> ExitStatus:
    if status is None:
        return ExitStatus(137 if oom else None, signal.SIGKILL if oom else 0, oom)
    code = os.waitstatus_to_exitcode(status)
    return ExitStatus(128 - code, -code, oom) if code < 0 else ExitStatus(code, 0, oom)
