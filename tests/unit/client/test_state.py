"""State directories: which one is meant, and whether an engine runs on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from faas.client.places.state import EngineNotRunning, State, connect, resolve_state


@pytest.mark.parametrize(
    ("option", "variables", "expected"),
    [
        (Path("/a"), {"FAAS_STATE": "/b", "XDG_STATE_HOME": "/c"}, "/a"),
        (None, {"FAAS_STATE": "/b", "XDG_STATE_HOME": "/c"}, "/b"),
        (None, {"XDG_STATE_HOME": "/c"}, "/c/faas"),
        (None, {"XDG_STATE_HOME": "relative"}, str(Path.home() / ".local/state/faas")),
    ],
    ids=["flag", "environment", "xdg", "home"],
)
def test_the_flag_wins_over_the_environment_over_xdg(
    option: Path | None, variables: dict[str, str], expected: str
) -> None:
    assert str(resolve_state(option, variables).path) == expected


def engine_json(state: Path, pid: int, **more: int) -> None:
    document = {"pid": pid, "public_url": "http://127.0.0.1:1", "api_url": "https://127.0.0.1:2", "runtime_dir": "/r"}
    (state / "engine.json").write_text(json.dumps({**document, "unknown": 1, **more}))


def test_a_living_engine_is_found(tmp_path: Path) -> None:
    engine_json(tmp_path, os.getpid())

    engine = State(tmp_path).engine()

    assert engine is not None
    assert engine.public_url == "http://127.0.0.1:1"


def test_a_file_that_a_killed_engine_left_does_not_count(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", "pass"])
    dead.wait()
    engine_json(tmp_path, dead.pid)

    with pytest.raises(EngineNotRunning, match=str(tmp_path)):
        connect(State(tmp_path))


def test_another_process_with_the_same_pid_does_not_count(tmp_path: Path) -> None:
    engine_json(tmp_path, os.getpid(), start_ticks=1)

    assert State(tmp_path).engine() is None


def test_a_damaged_file_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "engine.json").write_text('{"pid": ')

    assert State(tmp_path).engine() is None
