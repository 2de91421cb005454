"""Starting and ending an engine for real: who may start, what is left, what comes back."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from faas.engine.supervisor import start
from faas.engine.supervisor.errors import PortInUse, StateInUse
from faas.engine.supervisor.processes import socket_holders
from tests.integration.engine.conftest import Engine

HELLO = """
from faas import function

@function
def hello(name: str = "World") -> str:
    return f"Hello {name}"
"""


def test_a_deployed_function_answers(engine: Engine, make_project: Callable[..., Path]) -> None:
    engine.deploy(make_project(HELLO))

    assert engine.get("hello", "/?name=Ada") == (200, b"Hello Ada")


def test_a_graceful_end_leaves_no_process_and_no_socket(engine: Engine, make_project: Callable[..., Path]) -> None:
    engine.deploy(make_project(HELLO))

    assert engine.end() == 0

    assert socket_holders(engine.plan.runtime_dir) == set()
    assert not Path(engine.plan.runtime_dir).exists()
    assert start.find(engine.state.path) is None
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", engine.file.public_port))


def test_what_was_deployed_is_there_after_a_restart(
    start_engine: Callable[..., Engine], make_project: Callable[..., Path]
) -> None:
    first = start_engine()
    first.deploy(make_project(HELLO))
    first.end()

    second = start_engine()

    assert second.get("hello") == (200, b"Hello World")


def test_a_second_engine_on_the_same_state_is_refused(start_engine: Callable[..., Engine]) -> None:
    first = start_engine()

    with pytest.raises(StateInUse) as refused:
        start_engine()

    assert refused.value.facts["pid"] == first.running.process.pid


def test_an_engine_on_a_taken_port_is_refused(engine: Engine, start_engine: Callable[..., Engine], tmp_path) -> None:
    with pytest.raises(PortInUse) as refused:
        start_engine(
            state_dir=str(tmp_path / "other"), runtime_dir=f"{engine.plan.runtime_dir}x", port=engine.file.public_port
        )

    assert refused.value.facts["port"] == engine.file.public_port
    assert not socket_holders(f"{engine.plan.runtime_dir}x")


def test_under_faas_run_everything_ends_with_the_process_that_started_it(
    start_engine: Callable[..., Engine], make_project: Callable[..., Path]
) -> None:
    engine = start_engine(foreground=True)
    engine.deploy(make_project(HELLO))
    members = [pid for role in ("gateway", "engine", "zygote", "instance") for pid in engine.pids(role)]
    assert len(members) >= 4

    os.kill(engine.running.process.pid, signal.SIGKILL)
    engine.running.process.wait()

    for pid in members:
        fd = _pidfd(pid)
        if fd is not None:
            import select

            assert select.select([fd], [], [], 20)[0], f"{pid} lives on"
            os.close(fd)


def test_the_state_says_how_to_reach_the_engine(engine: Engine) -> None:
    document = json.loads((engine.state.path / "engine.json").read_text())

    assert document["pid"] == engine.running.process.pid
    assert document["public_url"] == f"http://127.0.0.1:{engine.file.public_port}"
    assert document["api_url"] == f"https://127.0.0.1:{engine.file.api_port}"
    assert start.find(engine.state.path) == engine.file


def _pidfd(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None
