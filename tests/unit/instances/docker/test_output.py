"""What a container prints, taken apart."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from faas.engine.instances.docker.output import Demultiplexer
from faas.engine.instances.driver import Stream
from faas.engine.instances.logs import MAX_LINE_BYTES


def frame(stream: int, data: bytes) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(data).to_bytes(4) + data


def read(*pieces: bytes) -> list[tuple[Stream, bytes]]:
    demultiplexer = Demultiplexer()
    found = [line for piece in pieces for line in demultiplexer.feed(piece)]
    return found + list(demultiplexer.end())


def test_both_streams_are_told_apart() -> None:
    assert read(frame(1, b"out\n") + frame(2, b"err\n")) == [("stdout", b"out"), ("stderr", b"err")]


def test_a_line_may_come_in_several_frames_between_those_of_the_other_stream() -> None:
    assert read(frame(1, b"one "), frame(2, b"oops\n"), frame(1, b"line\n")) == [
        ("stderr", b"oops"),
        ("stdout", b"one line"),
    ]


def test_what_comes_after_the_last_line_end_is_a_line_too() -> None:
    assert read(frame(2, b"Killed")) == [("stderr", b"Killed")]


def test_a_line_that_never_ends_is_cut() -> None:
    lines = read(frame(1, b"x" * (2 * MAX_LINE_BYTES + 5)))
    assert [len(line) for _, line in lines] == [MAX_LINE_BYTES, MAX_LINE_BYTES, 5]


def test_an_empty_frame_means_nothing() -> None:
    assert read(frame(1, b"") + frame(1, b"a\n")) == [("stdout", b"a")]


@given(
    st.lists(st.tuples(st.sampled_from([1, 2]), st.lists(st.binary(max_size=20), max_size=4))),
    st.lists(st.integers(1, 30), min_size=1),
)
def test_it_does_not_matter_where_the_stream_is_cut(frames: list[tuple[int, list[bytes]]], sizes: list[int]) -> None:
    data = b"".join(frame(stream, b"\n".join(lines)) for stream, lines in frames)
    pieces: list[bytes] = []
    position = 0
    while position < len(data):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(data[position : position + size])
        position += size
    assert read(*pieces) == read(data)
