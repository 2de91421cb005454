"""Cuts what an instance prints into lines of a bounded length."""

from __future__ import annotations

from collections.abc import Iterator

from faas.engine.instances.logs import MAX_LINE_BYTES


class LineCutter:
    """Takes the bytes of one stream as they come, gives lines without their ends."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            yield from _cut(line)
        while len(self._rest) > MAX_LINE_BYTES:
            yield self._rest[:MAX_LINE_BYTES]
            self._rest = self._rest[MAX_LINE_BYTES:]

    def end(self) -> Iterator[bytes]:
        """What came after the last line's end."""
        rest, self._rest = self._rest, b""
        if rest:
            yield from _cut(rest)


def _cut(line: bytes) -> Iterator[bytes]:
    for start in range(0, len(line), MAX_LINE_BYTES) or (0,):
        yield line[start : start + MAX_LINE_BYTES].removesuffix(b"\r")
