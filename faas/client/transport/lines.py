"""Lines of a stream of bytes, which end at \\n and nowhere else: text knows more line ends, and data may hold them."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from typing import Final

MOST_BYTES: Final = 64 * 1024 * 1024  # of a line; an object has at most a few megabytes


class LineTooLong(ValueError):
    """There is more of a line than any has that means something."""

    def __init__(self) -> None:
        super().__init__(f"a line has more than {MOST_BYTES} bytes")


async def whole_lines(pieces: AsyncIterable[bytes], *, rest: bool = False) -> AsyncIterator[bytes]:
    """Each line that has its end, without it. Args: rest: also what comes after the last one. Raises: LineTooLong."""
    parts: list[bytes] = []
    size = 0
    async for piece in pieces:
        first, *others = piece.split(b"\n")
        parts.append(first)
        size += len(first)
        if size > MOST_BYTES:
            raise LineTooLong
        for other in others:
            yield b"".join(parts)
            parts, size = [other], len(other)
    if rest and (last := b"".join(parts)):
        yield last
