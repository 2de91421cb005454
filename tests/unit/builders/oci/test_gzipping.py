"""Compressing on all processors: one gzip stream, the same whoever makes it."""

from __future__ import annotations

import gzip
import hashlib
import io
import random
import zlib

import pytest
from faas_builders.oci.layers.gzipping import GzipWriter
from hypothesis import given, settings
from hypothesis import strategies as st

PIECE = 1 << 20


def text(size: int, seed: int = 1) -> bytes:
    words = random.Random(seed).choices(
        [b"import ", b"os\n", b"def ", b"self", b"(", b"):\n    ", b"\0\xff\x80"], k=size
    )
    return b"".join(words)[:size]


def zipped(data: bytes, *, threads: int = 0, write: int = 1 << 16) -> bytes:
    out = io.BytesIO()
    with GzipWriter(out, threads=threads) as writer:
        for at in range(0, len(data), write):
            writer.write(data[at : at + write])
    assert writer.plain_digest == "sha256:" + hashlib.sha256(data).hexdigest()
    return out.getvalue()


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 5 * PIECE + 77])
def test_every_size_comes_back_as_one_stream(size: int) -> None:
    data = text(size)

    reader = zlib.decompressobj(16 + zlib.MAX_WBITS)

    assert reader.decompress(zipped(data)) == data
    assert (reader.eof, reader.unused_data) == (True, b"")


def test_neither_threads_nor_the_sizes_of_writes_change_a_byte() -> None:
    data = text(7 * PIECE + 12_345) + random.Random(2).randbytes(2 * PIECE)

    made = {
        hashlib.sha256(zipped(data, threads=threads, write=write)).hexdigest()
        for threads, write in ((1, PIECE), (2, 999), (3, 3 * PIECE + 1), (16, 65_536), (0, len(data)))
    }

    assert len(made) == 1


@settings(max_examples=30, deadline=None)
@given(st.lists(st.binary(max_size=300), max_size=20))
def test_small_content_is_read_by_anybody(parts: list[bytes]) -> None:
    out = io.BytesIO()
    with GzipWriter(out) as writer:
        for part in parts:
            writer.write(part)

    assert gzip.decompress(out.getvalue()) == b"".join(parts)


def test_pieces_refer_back_to_those_before_them() -> None:
    page = random.Random(3).randbytes(30_000)  # again and again; without what was before, each of 9 pieces holds it

    assert len(zipped(page * 300)) < 5 * len(page)


def test_a_block_that_fails_leaves_a_stream_that_nobody_takes_for_whole() -> None:
    out = io.BytesIO()

    def fail() -> None:
        with GzipWriter(out, threads=3) as writer:
            writer.write(text(9 * PIECE))
            raise LookupError("a file went away")

    with pytest.raises(LookupError):
        fail()

    with pytest.raises(EOFError):
        gzip.decompress(out.getvalue())


class Full:
    def write(self, data: bytes, /) -> None:
        raise OSError(28, "No space left on device")


def test_a_full_disk_is_what_the_caller_hears_of() -> None:
    with pytest.raises(OSError, match="No space left"), GzipWriter(Full()):
        pass
