"""`faas up`, `status` and `down`, also after everything was killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from faas.engine.supervisor import start
from faas.engine.supervisor.census import census


def faas(*arguments: str, state: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "faas.cli.main", *arguments, "--state", str(state)]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "state"
    yield folder
    faas("down", state=folder)


def test_the_engine_starts_shows_itself_and_ends(state: Path) -> None:
    up = faas("up", "--port", "0", state=state)
    assert up.returncode == 0, up.stderr
    engine = start.find(state)
    assert engine is not None
    assert engine.public_url in up.stdout
    assert f"faas deploy --state {state}" in up.stderr

    status = json.loads(faas("status", "-o", "json", state=state).stdout)
    assert status["healthy"] is True
    assert [process["role"] for process in status["processes"]] == ["supervisor", "gateway", "engine"]
    assert status["functions"] == 0

    again = faas("up", "--port", "0", state=state)
    assert again.returncode == 1
    assert f"an engine runs on {state} already, pid {engine.pid}" in again.stderr

    down = faas("down", state=state)
    assert (down.returncode, down.stderr) == (0, f"stopped the engine of {state}\n")
    assert not engine.is_alive
    assert faas("status", state=state).returncode == 1


def test_down_cleans_up_after_an_engine_that_was_killed(state: Path) -> None:
    faas("up", "--port", "0", state=state)
    engine = start.find(state)
    assert engine is not None
    for member in census(engine.pid, engine.runtime_dir):
        os.kill(member.pid, signal.SIGKILL)

    down = faas("down", state=state)

    assert down.returncode == 0
    assert "no engine runs on" in down.stderr
    assert not Path(engine.runtime_dir).exists()
    assert not (state / "engine.json").exists()


def test_a_host_of_the_network_wants_encryption(state: Path) -> None:
    refused = faas("up", "--host", "0.0.0.0", state=state)

    assert refused.returncode == 1
    assert "--tls CERT KEY" in refused.stderr
    assert not state.exists()
