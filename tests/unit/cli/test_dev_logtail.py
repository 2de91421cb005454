"""Following log files under `faas run`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from faas.cli.dev import logtail

LINE = {"time": "2026-11-23T12:00:00Z", "stream": "stdout", "pod": "hi-1", "revision": "hi-00001", "line": "hello"}


def test_a_file_that_the_watch_missed_is_found_while_others_write_all_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy, missed = tmp_path / "busy.jsonl", tmp_path / "new" / "missed.jsonl"
    busy.touch()

    async def only_the_busy_one(*_: object, **__: object) -> AsyncIterator[set[tuple[int, str]]]:
        yield {(1, str(busy))}
        missed.parent.mkdir()
        missed.write_text(json.dumps(LINE) + "\n")
        clock[0] += 1.5
        yield {(1, str(busy))}

    clock = [100.0]
    monkeypatch.setattr(logtail, "awatch", only_the_busy_one)
    monkeypatch.setattr(logtail.time, "monotonic", lambda: clock[0])

    async def read() -> list[list[logtail.Printed]]:
        return [batch async for batch in logtail.follow(tmp_path)]

    assert len(asyncio.run(read())) == 1
