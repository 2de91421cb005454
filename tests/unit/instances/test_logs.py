"""Log files of instances: in order, bounded, and followed."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from faas.engine.contract.revision import RevisionKey
from faas.engine.instances import logs
from faas.engine.instances.logs import LogStore

KEY = RevisionKey("default", "hello-00001")


def read(store: LogStore, pod: str, **how: object) -> list[str]:
    async def main() -> list[str]:
        return [line.line async for line in store.read("default", pod, **how)]  # type: ignore[arg-type]

    return asyncio.run(main())


def test_lines_come_back_in_order_with_their_stream(tmp_path: Path) -> None:
    store = LogStore(tmp_path)
    run = store.open_run(KEY, "pod-a", 0)
    run.write("stdout", b"one")
    run.write("stderr", "zwei ü".encode())
    run.write("stdout", b"\xff broken")
    assert read(store, "pod-a") == ["one", "zwei ü", "\ufffd broken"]
    assert read(store, "pod-a", tail_lines=1) == ["\ufffd broken"]
    assert read(store, "pod-a", tail_lines=0) == []
    assert read(store, "pod-a", since=datetime.now(UTC) + timedelta(hours=1)) == []
    assert list(run.last) == ["zwei ü"]
    run.close()


def test_the_last_lines_of_a_run_are_told_in_words(tmp_path: Path) -> None:
    run = LogStore(tmp_path).open_run(KEY, "pod-a", 0)
    trace = "Traceback:\n" + "  a frame\n" * 200 + "ValueError: no"
    run.write("stderr", json.dumps({"level": "error", "message": "it did not start", "exception": "E: no\n"}).encode())
    run.write("stderr", json.dumps({"level": "error", "message": "failed", "exception": trace}).encode())
    run.close()
    assert run.last[0] == "it did not start\nE: no"
    assert run.last[1].startswith("failed\nTraceback:")
    assert run.last[1].endswith("ValueError: no")
    assert len(run.last[1]) < 1100


def test_a_log_is_bounded_and_keeps_the_newest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_FILE_BYTES", 2000)
    run = LogStore(tmp_path).open_run(KEY, "pod-a", 0)
    for number in range(100):
        run.write("stdout", b"line %d" % number)
    run.close()
    files = list((tmp_path / "default/hello-00001/pod-a").iterdir())
    assert sorted(path.name for path in files) == ["0.jsonl", "0.jsonl.1"]
    assert sum(path.stat().st_size for path in files) <= 4000
    lines = read(LogStore(tmp_path), "pod-a")
    assert lines[-1] == "line 99"
    assert lines == [f"line {number}" for number in range(100 - len(lines), 100)]


def test_following_goes_on_over_a_rotation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_FILE_BYTES", 1000)

    async def main() -> list[str]:
        store = LogStore(tmp_path)
        run = store.open_run(KEY, "pod-a", 0)
        seen: list[str] = []

        async def follow() -> None:
            async for line in store.read("default", "pod-a", follow=True):
                seen.append(line.line)  # noqa: PERF401  # as they come

        follower = asyncio.create_task(follow())
        for number in range(50):
            run.write("stdout", b"%d" % number)
            for _ in range(3):
                await asyncio.sleep(0)
        run.close()
        store.pod_ended(KEY, "pod-a")
        async with asyncio.timeout(10):
            await follower
        return seen

    assert asyncio.run(main()) == [str(number) for number in range(50)]


def test_the_previous_run_is_the_one_before_the_restart(tmp_path: Path) -> None:
    store = LogStore(tmp_path)
    for run in range(3):
        log = store.open_run(KEY, "pod-a", run)
        log.write("stdout", b"run %d" % run)
        log.close()
    assert read(store, "pod-a") == ["run 2"]
    assert read(store, "pod-a", previous=True) == ["run 1"]


def test_an_unknown_pod_is_a_lookup_error(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="no log of pod default/nobody"):
        read(LogStore(tmp_path), "nobody")


def test_logs_of_the_oldest_ended_pods_go(tmp_path: Path) -> None:
    store = LogStore(tmp_path)
    for number in range(logs.KEPT_PODS + 3):
        run = store.open_run(KEY, f"pod-{number:02}", 0)
        run.write("stdout", b"x")
        run.close()
        store.pod_ended(KEY, f"pod-{number:02}")
    assert store.pods("default", "hello-00001") == [f"pod-{number:02}" for number in range(3, logs.KEPT_PODS + 3)]
