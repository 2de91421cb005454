"""Lines end at a line feed and nowhere else, however the bytes come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from hypothesis import given
from hypothesis import strategies as st

from faas.client.transport.lines import whole_lines

PIECES = st.lists(st.binary(max_size=6).map(lambda data: data.replace(b"\x00", b"\n")), max_size=20)


def split(pieces: list[bytes], *, rest: bool) -> list[bytes]:
    async def give() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    async def read() -> list[bytes]:
        return [line async for line in whole_lines(give(), rest=rest)]

    return asyncio.run(read())


@given(PIECES)
def test_lines_are_the_same_however_they_come(pieces: list[bytes]) -> None:
    *whole, last = b"".join(pieces).split(b"\n")

    assert split(pieces, rest=False) == whole
    assert split(pieces, rest=True) == whole + ([last] if last else [])


def test_other_line_ends_are_data() -> None:
    text = "a\u2028b\x0bc\rd\n".encode()

    assert split([text], rest=True) == [text[:-1]]
