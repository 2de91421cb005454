"""A root zygote: one interpreter that has imported the runtime, and the way its reports come."""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from faas_runtime.serving.wire import BOOTSTRAP, Channel, FromZygote, NewMember, channel_pair

LAST_WORDS_BYTES = 4000  # of a zygote that cannot start: a traceback


class ReportLoop:
    """Reads the reports of one control socket on the engine's loop."""

    def __init__(self, channel: Channel, report: Callable[[FromZygote], None], gone: Callable[[], None]) -> None:
        self.channel = channel
        self._report, self._gone = report, gone
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(channel.fileno(), self._read)

    def _read(self) -> None:
        while self.channel.fileno() >= 0:
            try:
                message = self.channel.receive_report()
            except BlockingIOError:
                return
            if message is None:
                self.close()
                self._gone()
                return
            self._report(message)

    def close(self) -> None:
        if self.channel.fileno() >= 0:
            self._loop.remove_reader(self.channel.fileno())
            self.channel.close()


class Root:
    """Started when it is made; it forks on order until its control socket closes."""

    def __init__(
        self, python: Path, runtime: Path, lifeline: int | None, report: Callable[[Root, FromZygote], None],
        gone: Callable[[Root], None],
    ) -> None:  # fmt: skip
        channel, theirs = channel_pair()
        fds = [theirs.fileno(), *([lifeline] if lifeline is not None else [])]
        try:
            # -I -S: no user site, no environment variables of Python's, no site-packages: only what the bundle lists.
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # open as long as the process
            self.process = subprocess.Popen(
                [str(python), "-I", "-S", "-c", BOOTSTRAP, str(runtime), *map(str, fds)],
                pass_fds=fds, stdin=subprocess.DEVNULL, stdout=self._errors, stderr=self._errors,
                env={"PATH": os.defpath}, cwd="/",
            )  # fmt: skip
        except OSError:
            channel.close()
            raise
        finally:
            theirs.close()
        self.ordered: set[str] = set()  # the ids of members that it has not yet forked
        self._reports = ReportLoop(channel, lambda message: report(self, message), lambda: gone(self))

    def fork(self, order: NewMember, fds: tuple[int, int, int]) -> None:
        """Args: fds: of the member's end of its control socket, its stdout and its stderr. Raises: OSError."""
        self.ordered.add(order.id)
        self._reports.channel.send(order, fds)

    def last_words(self) -> bytes:
        """What it printed, which it does only when something is wrong with it."""
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - LAST_WORDS_BYTES))
        return self._errors.read()

    def close(self) -> None:
        """Its control socket closes, so it ends; what it forked goes on."""
        self._reports.close()

    def reap(self) -> None:
        """Blocking, but a closed root ends at once."""
        self._errors.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
