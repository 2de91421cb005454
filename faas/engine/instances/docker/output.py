"""What a container prints, from the stream in which the Docker engine mixes both of its streams."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from faas.engine.instances.driver import Stream
from faas.engine.instances.lines import LineCutter

_HEADER_BYTES = 8  # which stream, three zeros, the length in 4 bytes. Source: Docker Engine API, ContainerAttach
_STREAMS: dict[int, Stream] = {1: "stdout", 2: "stderr"}
_CHUNK = 65536


class Demultiplexer:
    """Takes the mixed stream as it comes, gives whole lines."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._left = 0  # bytes of the current frame that are still to come
        self._stream: Stream = "stdout"
        self._cutters = {stream: LineCutter() for stream in _STREAMS.values()}

    def feed(self, data: bytes) -> Iterator[tuple[Stream, bytes]]:
        self._buffer += data
        while self._buffer:
            if not self._left:
                if len(self._buffer) < _HEADER_BYTES:
                    return
                self._stream = _STREAMS.get(self._buffer[0], "stdout")
                self._left = int.from_bytes(self._buffer[4:_HEADER_BYTES])
                del self._buffer[:_HEADER_BYTES]
                continue
            piece = bytes(self._buffer[: self._left])
            del self._buffer[: self._left]
            self._left -= len(piece)
            for line in self._cutters[self._stream].feed(piece):
                yield self._stream, line

    def end(self) -> Iterator[tuple[Stream, bytes]]:
        for stream, cutter in self._cutters.items():
            for line in cutter.end():
                yield stream, line


async def follow(reader: asyncio.StreamReader, tell: Callable[[Stream, bytes], None]) -> None:
    """Tell each line until the stream ends. Who prints faster than this reads is held up by the Docker engine."""
    demultiplexer = Demultiplexer()
    try:
        while data := await reader.read(_CHUNK):
            for stream, line in demultiplexer.feed(data):
                tell(stream, line)
    except OSError:  # the Docker engine has gone; what became of the container is found out elsewhere
        pass
    finally:
        for stream, line in demultiplexer.end():
            tell(stream, line)
