"""The functions' own metrics, put together."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from faas.engine.instances import exposition
from faas.engine.instances.exposition import collect, merge


def test_a_family_is_explained_once_and_its_samples_say_whose_they_are() -> None:
    text = '# HELP calls Calls.\n# TYPE calls counter\ncalls{code="200",pod="liar"} 1\n'

    assert merge([(text, {"pod": "a"}), (text, {"pod": "b"})], taken=()) == (
        '# HELP calls Calls.\n# TYPE calls counter\ncalls{pod="a",code="200"} 1\ncalls{pod="b",code="200"} 1\n'
    )


def test_a_histogram_stays_in_one_piece_and_label_values_may_have_any_character() -> None:
    text = '# TYPE t histogram\nt_bucket{le="+Inf",x="} \\"1"} 2\nt_sum 0.5\nt_count 2\nalone NaN\n'

    assert merge([(text, {"pod": "a"})], taken=()) == (
        '# TYPE t histogram\nt_bucket{pod="a",le="+Inf",x="} \\"1"} 2\nt_sum{pod="a"} 0.5\nt_count{pod="a"} 2\n'
        'alone{pod="a"} NaN\n'
    )


def test_what_is_no_metric_and_what_others_tell_is_left_out() -> None:
    assert merge([("<html>\nup 1\n# TYPE up gauge\n", {"pod": "a"})], taken={"up"}) == ""


def test_a_silent_instance_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposition, "TIMEOUT_S", 0.2)

    async def scenario() -> str:
        released = asyncio.Event()

        async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await released.wait()
            writer.close()

        async def talks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nseen 1\ncut sho")
            writer.close()

        async with (
            await asyncio.start_unix_server(silent, tmp_path / "s"),
            await asyncio.start_unix_server(talks, tmp_path / "t"),
        ):
            asked = [(f"unix:{tmp_path}/{name}", {"pod": name}) for name in ("s", "t", "gone")]
            text = await collect(asked, taken=())
            released.set()
            return text

    assert asyncio.run(scenario()) == 'seen{pod="t"} 1\n'
