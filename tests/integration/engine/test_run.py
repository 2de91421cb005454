"""`faas run`: what a save brings, what a mistake does, and that nothing is left behind."""

from __future__ import annotations

import os
import select
import signal
import socket
from collections.abc import Callable
from pathlib import Path

from tests.integration.engine.conftest import eventually
from tests.integration.engine.terminal import faas_run

CODE = """
from faas import Context, function

@function
def hello(ctx: Context, name: str = "World") -> str:
    ctx.log.info("greeting", name=name)
    return f"Hello {name}"
"""


def test_a_save_is_served_and_a_mistake_is_not(make_project: Callable[..., Path]) -> None:
    project = make_project(CODE)
    with faas_run(project) as terminal:
        assert terminal.get("hello", "/?name=Ada") == (200, "Hello Ada")
        assert " info  " in terminal.wait_for("greeting name=Ada")

        (project / "main.py").write_text(CODE.replace("Hello", "Good day"))
        terminal.wait_for("hello serves what you saved")
        assert terminal.get("hello") == (200, "Good day World")

        (project / "main.py").write_text(CODE + "\ndef broken(:\n")
        terminal.wait_for("SyntaxError")
        terminal.wait_for("The last good version keeps serving")
        assert terminal.get("hello") == (200, "Good day World")

        (project / "main.py").write_text(CODE + "\nimport nowhere_to_be_found\n")
        terminal.wait_for("ModuleNotFoundError: No module named 'nowhere_to_be_found'")

        mark = len(terminal.lines)
        (project / "main.py").write_text(CODE.replace("hello", "bye"))
        terminal.wait_for("bye serves what you saved", after=mark)
        terminal.wait_for("hello is gone from the code: removed", after=mark)
        assert terminal.get("bye") == (200, "Hello World")
        assert list(project.iterdir()) == [project / "main.py"]
        assert terminal.interrupt() == 0


def test_a_new_function_is_shown_with_its_address(make_project: Callable[..., Path]) -> None:
    project = make_project(CODE)
    with faas_run(project) as terminal:
        terminal.wait_for("Ready in")
        mark = len(terminal.lines)
        new = '\n@function.event(type="a.b")\ndef on_b(data: dict) -> None: ...\n'

        (project / "main.py").write_text(CODE + new)

        terminal.wait_for(r"hello +http://hello\.default\.localhost", after=mark)
        terminal.wait_for("on-b .* faas invoke on-b --event TYPE --state /", after=mark)
        assert terminal.interrupt() == 0


def test_a_save_changes_the_domains_of_a_function(make_project: Callable[..., Path]) -> None:
    project = make_project(CODE.replace("@function", '@function(domains=["hello.example.com"])'))
    with faas_run(project) as terminal:
        terminal.wait_for("hello answers for hello.example.com, too")
        assert terminal.get("hello", host="hello.example.com") == (200, "Hello World")
        mark = len(terminal.lines)

        (project / "main.py").write_text(CODE)

        terminal.wait_for("hello.example.com is gone from the code: removed", after=mark)
        eventually(lambda: terminal.get("", host="hello.example.com")[0] == 404, "the gateway has forgotten it")


def test_a_mistake_at_the_start_can_be_mended(make_project: Callable[..., Path]) -> None:
    project = make_project("def broken(:\n\nfrom faas import function\n")
    with faas_run(project) as terminal:
        terminal.wait_for("SyntaxError")
        terminal.wait_for("Nothing serves yet")

        (project / "main.py").write_text(CODE)

        terminal.wait_for("Ready in")
        assert terminal.get("hello") == (200, "Hello World")


def test_without_reloads_a_mistake_is_the_end(make_project: Callable[..., Path]) -> None:
    with faas_run(make_project("from faas import function\nraise RuntimeError('no')\n"), "--no-reload") as terminal:
        terminal.wait_for("RuntimeError: no")
        assert terminal.process.wait(60) == 1


def test_ctrl_c_ends_every_process_and_removes_the_state(make_project: Callable[..., Path]) -> None:
    with faas_run(make_project(CODE)) as terminal:
        terminal.wait_for("Ready in")
        watched = [os.pidfd_open(pid) for pid in terminal.family()]
        assert len(watched) >= 5

        assert terminal.interrupt() == 0

    assert all(_has_ended(fd) for fd in watched)


def test_everything_ends_when_the_terminals_process_is_killed(make_project: Callable[..., Path]) -> None:
    with faas_run(make_project(CODE)) as terminal:
        terminal.wait_for("Ready in")
        watched = [os.pidfd_open(pid) for pid in terminal.family()]

        terminal.process.send_signal(signal.SIGKILL)

        assert all(_has_ended(fd) for fd in watched)


def test_a_taken_port_is_refused_with_another_one_to_take(make_project: Callable[..., Path]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with faas_run(make_project(CODE), "--port", str(port)) as terminal:
            said = terminal.wait_for("is in use by pid")
            assert f"127.0.0.1:{port} is in use by pid {os.getpid()}" in said
            terminal.wait_for(f"faas run --port {port + 1}")
            assert terminal.process.wait(60) == 1


def test_a_folder_without_a_project_starts_nothing(tmp_path: Path) -> None:
    with faas_run(tmp_path / "nothing") as terminal:
        terminal.wait_for("is not a project: there is no such folder")
        assert terminal.process.wait(60) == 1


def test_a_state_that_is_kept_has_the_functions_the_next_time(
    make_project: Callable[..., Path], tmp_path: Path
) -> None:
    project = make_project(CODE)
    for _ in range(2):
        with faas_run(project, "--state", str(tmp_path / "kept")) as terminal:
            assert terminal.get("hello") == (200, "Hello World")
            assert terminal.interrupt() == 0
    assert (tmp_path / "kept" / "state.db").exists()


def _has_ended(pidfd: int) -> bool:
    try:
        return bool(select.select([pidfd], [], [], 20)[0])
    finally:
        os.close(pidfd)
