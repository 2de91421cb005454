"""Lines of a stream of bytes, which end at \\n and nowhere else: text knows more line ends, and data may hold them."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator


async def whole_lines(pieces: AsyncIterable[bytes], *, rest: bool = False) -> AsyncIterator[bytes]:
    """Each line that has its end, without it. Args: rest: also what comes after the last one."""
    parts: list[bytes] = []
    async for piece in pieces:
        first, *others = piece.split(b"\n")
        parts.append(first)
        for other in others:
            yield b"".join(parts)
            parts = [other]
    if rest and (last := b"".join(parts)):
        yield last
