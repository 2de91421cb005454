"""Reads what an instance prints, line by line, from named pipes that outlive the engine.

An instance holds both ends of its pipes (opened read-write), so writing never fails while no engine reads: what it
prints in between waits in the pipe (256 KiB, then it blocks) and the next engine, which finds the pipes by their names,
gets it.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from faas.engine.instances.driver import Stream
from faas.engine.instances.lines import LineCutter

PIPE_BYTES = 256 * 1024  # of the 64 MiB that the kernel lets an unprivileged user keep in all its pipes
_CHUNK = 65536


class Pipe:
    """The engine's end of one stream of one instance."""

    def __init__(self, path: Path, stream: Stream) -> None:
        self._path = path
        self._stream: Stream = stream
        self.line: Callable[[Stream, bytes], None] = lambda stream, line: None
        self._cutter = LineCutter()
        if not path.exists():
            os.mkfifo(path, 0o600)
        self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        asyncio.get_running_loop().add_reader(self._fd, self._read)

    def open_for_instance(self) -> int:
        """A descriptor to give away; the caller closes its own copy."""
        fd = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        except OSError:  # the user's pipes have used up what the kernel allows; 64 KiB it stays
            return fd
        return fd

    def _read(self) -> bool:
        """Returns: whether there may be more."""
        try:
            data = os.read(self._fd, _CHUNK)
        except BlockingIOError:
            return False
        if not data:  # every writer is gone; close() follows when the exit is known
            asyncio.get_running_loop().remove_reader(self._fd)
            return False
        for line in self._cutter.feed(data):
            self.line(self._stream, line)
        return True

    def close(self) -> None:
        """Take what is still in the pipe, then remove it."""
        loop = asyncio.get_running_loop()
        for _ in range(PIPE_BYTES // _CHUNK + 1):  # a subprocess of the user's may still be writing
            if not self._read():
                break
        for line in self._cutter.end():
            self.line(self._stream, line)
        loop.remove_reader(self._fd)
        os.close(self._fd)
        self._path.unlink(missing_ok=True)

    def detach(self) -> None:
        """Stop reading and leave the pipe for the next engine."""
        asyncio.get_running_loop().remove_reader(self._fd)
        os.close(self._fd)


class Capture:
    """Both streams of an instance, that there is or that there will be."""

    def __init__(self, base: Path) -> None:
        self._out = Pipe(base.with_suffix(".out"), "stdout")
        self._err = Pipe(base.with_suffix(".err"), "stderr")

    def tell(self, line: Callable[[Stream, bytes], None]) -> None:
        """Whom to give the lines to: at once, before the loop runs again."""
        self._out.line = self._err.line = line

    def open_for_instance(self) -> tuple[int, int]:
        return self._out.open_for_instance(), self._err.open_for_instance()

    def close(self) -> None:
        self._out.close()
        self._err.close()

    def detach(self) -> None:
        self._out.detach()
        self._err.detach()
