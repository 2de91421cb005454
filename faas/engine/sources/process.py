"""One run of an adapter's process: started, listened to, ended, with everything that it started itself."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Self

import msgspec

from faas.engine.contract.clock import Clock
from faas.engine.contract.settings import RunAs
from faas.engine.contract.sources import AdapterReport

_log = logging.getLogger("faas.source")
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_STOP_GRACE_S = 9.0  # an adapter that is told to stop takes up to 8 s to settle what it is sending
_DRAIN_S = 2.0
_LINE_BYTES = 8 * 1024  # of its output in engine.log; longer ones are cut
_LINES_A_SECOND = 50
_libc = ctypes.CDLL(None, use_errno=True)


class AdapterProcess:
    """Started by `start`; `ended` returns how it ended, `stop` ends it. Reports come by the callback."""

    def __init__(self, name: str, clock: Clock, report: Callable[[AdapterReport], None]) -> None:
        self._name, self._clock, self._report = name, clock, report
        self.last_line = ""
        self._process: asyncio.subprocess.Process
        self._readers: asyncio.Future[tuple[None, None]]

    @classmethod
    async def start(
        cls,
        name: str,
        command: Sequence[str],
        env: dict[str, str],
        user: RunAs | None,
        clock: Clock,
        report: Callable[[AdapterReport], None],
    ) -> Self:
        """Raises: OSError: there is no such program, or no process can be made."""
        self = cls(name, clock, report)
        reports, theirs = os.pipe2(os.O_CLOEXEC)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                env={**env, "FAAS_SOURCE_REPORT": str(theirs)},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                pass_fds=(theirs,),
                start_new_session=True,
                preexec_fn=_Confined(os.getpid(), user),
            )
        except BaseException:
            os.close(reports)
            raise
        finally:
            os.close(theirs)
        self._readers = asyncio.gather(self._read_output(), self._read_reports(reports))
        return self

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ended(self) -> int:
        """Wait; returns its exit code, negative for a signal's number."""
        code = await self._process.wait()
        self._kill_group()  # what it started goes with it, and so the pipes end
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_S):  # what made itself independent may hold them
                await self._readers
        return code

    async def stop(self) -> None:
        """End it: asked first, killed when it takes too long."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_STOP_GRACE_S):
                    await self._process.wait()
        self._kill_group()
        await self._process.wait()
        self._readers.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._readers

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    async def _read_output(self) -> None:
        assert self._process.stdout is not None  # it was asked for
        second, lines, dropped = 0, 0, 0
        async for line in cut_lines(self._process.stdout):
            if line:
                self.last_line = line
            if (now := int(self._clock.now())) != second:
                if dropped:
                    _log.warning("%s: %d more lines are left out", self._name, dropped)
                second, lines, dropped = now, 0, 0
            lines += 1
            if lines <= _LINES_A_SECOND:
                _log.info("%s: %s", self._name, line)
            else:
                dropped += 1

    async def _read_reports(self, fd: int) -> None:
        reader = asyncio.StreamReader(limit=_LINE_BYTES)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(fd, "rb", buffering=0)
        )
        try:
            async for line in cut_lines(reader):
                try:
                    self._report(msgspec.json.decode(line, type=AdapterReport))
                except msgspec.MsgspecError as error:
                    _log.warning("%s: its report is not understood: %s", self._name, error)
        finally:
            transport.close()


class _Confined:
    """What the child does to itself before it becomes the adapter; between fork and exec, so nothing that locks."""

    def __init__(self, parent: int, user: RunAs | None) -> None:
        self._parent, self._user = parent, user

    def __call__(self) -> None:
        if self._user is not None:
            os.setgroups([self._user.gid])
            os.setgid(self._user.gid)
            os.setuid(self._user.uid)
        _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        # A change of user clears it, so it comes last. SIGKILL: nothing is acknowledged upstream that is not stored.
        _libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != self._parent:
            os._exit(1)


async def cut_lines(reader: asyncio.StreamReader) -> AsyncIterator[str]:
    """The lines of a stream, each cut to a bound, so that a program without line ends takes no memory."""
    rest, cutting = b"", False
    while data := await reader.read(65536):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            if not cutting:
                yield line[:_LINE_BYTES].decode("utf-8", "replace").rstrip("\r")
            cutting = False
        if len(rest) > _LINE_BYTES:
            if not cutting:
                yield rest[:_LINE_BYTES].decode("utf-8", "replace")
            rest, cutting = b"", True
    if rest and not cutting:
        yield rest.decode("utf-8", "replace")
