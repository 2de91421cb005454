"""The collector as a process: events become lines of its log, until its time is over."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.inbox_world import event_headers, running_inbox


def until(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def shown(folder: Path) -> list[str]:
    lines = [json.loads(line) for line in (folder / "output.log").read_text().splitlines()]
    return [line["event"]["id"] for line in lines if "event" in line]


def test_each_event_is_a_line(tmp_path: Path) -> None:
    with running_inbox(tmp_path, "collect", FAAS_INBOX_UNTIL=until(600)) as collector:
        statuses = [collector.post("/", b'{"n":\n1}', **event_headers(number)).status_code for number in (1, 2)]

    assert statuses == [202, 202]
    assert shown(tmp_path) == ["id-1", "id-2"]


def test_after_its_time_events_are_taken_and_not_shown(tmp_path: Path) -> None:
    with running_inbox(tmp_path, "collect", FAAS_INBOX_UNTIL=until(-1)) as collector:
        assert collector.post("/", b"{}", **event_headers(1)).status_code == 202

    assert shown(tmp_path) == []


def test_it_does_not_begin_without_an_end(tmp_path: Path) -> None:
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "faas.inbox", "collect"], env={}, capture_output=True, text=True, check=False, timeout=60
    )

    assert done.returncode == 2
    assert "FAAS_INBOX_UNTIL is not set" in done.stderr
