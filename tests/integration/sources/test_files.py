"""The files adapter on a real folder: every file once, also those that came while it was away."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from faas_runtime.events.shapes.files import FileChange

from tests.sources_world import StandInSink, running_adapter, stand_in_sink

SETTLE_S = 0.2


def told(sink: StandInSink) -> list[tuple[str, str]]:
    return [(event.type.rpartition(".")[2], event.subject or "") for event in sink.events]


def options(folder: Path, **more: Any) -> dict[str, Any]:
    return {"path": str(folder), "settle_s": SETTLE_S, **more}


def put(path: Path, content: str) -> None:
    """As a careful writer does: the file appears whole."""
    fresh = path.with_name(f".{path.name}")
    fresh.write_text(content)
    os.replace(fresh, path)


def test_files_are_told_when_they_come_change_and_go(tmp_path: Path) -> None:
    async def scenario() -> None:
        folder = tmp_path / "in"
        folder.mkdir()
        (folder / "old.txt").write_text("known before the first start")
        async with stand_in_sink(tmp_path) as sink, running_adapter("files", sink, options(folder)) as adapter:
            await adapter.until("running")
            put(folder / "a.txt", "one")
            await sink.has(1)
            put(folder / "a.txt", "another")
            await sink.has(2)
            (folder / "a.txt").unlink()
            await sink.has(3)
            assert told(sink) == [("created", "a.txt"), ("modified", "a.txt"), ("removed", "a.txt")]
            created = FileChange.of_event(sink.events[0])
            assert (created.path, created.name, created.size) == (str(folder / "a.txt"), "a.txt", 3)
            assert sink.events[0].source == folder.as_uri()
            assert await adapter.end() == 0

    asyncio.run(scenario())


def test_only_what_is_asked_for_is_told(tmp_path: Path) -> None:
    async def scenario() -> None:
        folder = tmp_path / "in"
        (folder / "deep").mkdir(parents=True)
        given = options(folder, patterns=["*.csv"], on=["created"])
        async with stand_in_sink(tmp_path) as sink, running_adapter("files", sink, given) as adapter:
            await adapter.until("running")
            put(folder / "a.txt", "1")
            put(folder / "a.csv", "1")
            await sink.has(1)
            (folder / "a.csv").unlink()
            put(folder / "deep" / "b.csv", "1")
            await sink.has(2)
            assert told(sink) == [("created", "a.csv"), ("created", "deep/b.csv")]

    asyncio.run(scenario())


def test_what_came_while_it_was_killed_or_the_sink_away_is_told_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        folder, state = tmp_path / "in", tmp_path / "state"
        folder.mkdir()
        async with stand_in_sink(tmp_path) as sink:
            async with running_adapter("files", sink, options(folder), state=state) as adapter:
                await adapter.until("running")
                put(folder / "1.txt", "1")
                put(folder / "gone.txt", "1")
                await sink.has(2)
                sink.refuse(503)
                put(folder / "2.txt", "1")
                await adapter.until("failing", "SinkUnavailable")
                await adapter.kill()
            put(folder / "3.txt", "1")
            (folder / "gone.txt").unlink()
            async with running_adapter("files", sink, options(folder), state=state) as adapter:
                await adapter.until("failing", "SinkUnavailable")
                sink.take()
                await sink.has(5)
                await adapter.until("running")
                put(folder / "4.txt", "1")
                await sink.has(6)
                assert await adapter.end() == 0
            assert sorted(told(sink)) == [
                ("created", "1.txt"), ("created", "2.txt"), ("created", "3.txt"), ("created", "4.txt"),
                ("created", "gone.txt"), ("removed", "gone.txt"),
            ]  # fmt: skip

    asyncio.run(scenario())


def test_a_folder_that_is_moved_in_brings_all_its_files(tmp_path: Path) -> None:
    async def scenario() -> None:
        folder, outside = tmp_path / "in", tmp_path / "outside"
        folder.mkdir()
        (outside / "deep").mkdir(parents=True)
        for number in range(300):
            (outside / "deep" / f"{number:03}.txt").write_text("1")
        async with stand_in_sink(tmp_path) as sink, running_adapter("files", sink, options(folder)) as adapter:
            await adapter.until("running")
            outside.rename(folder / "moved")
            await sink.has(300)
            assert sorted(told(sink)) == [("created", f"moved/deep/{number:03}.txt") for number in range(300)]

    asyncio.run(scenario())


def test_a_missing_folder_is_told_and_watched_when_it_is_there(tmp_path: Path) -> None:
    async def scenario() -> None:
        folder = tmp_path / "in"
        async with stand_in_sink(tmp_path) as sink, running_adapter("files", sink, options(folder)) as adapter:
            await adapter.until("failing", "FolderMissing")
            folder.mkdir()
            await adapter.until("running")
            put(folder / "a.txt", "1")
            await sink.has(1)
            folder.rename(tmp_path / "elsewhere")
            await adapter.until("failing", "FolderMissing")
            assert told(sink) == [("created", "a.txt")]

    asyncio.run(scenario())
