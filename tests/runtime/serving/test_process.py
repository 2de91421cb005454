"""`python -m faas_runtime` as an image runs it: sockets, signals, exit codes."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PATIENCE_S = 20.0
SOURCE = """
    import asyncio, os
    from faas_runtime import function

    @function
    async def hello(name: str = "world") -> str:
        return f"hello {name}"

    @function.http("/slow")
    async def slow() -> str:
        open("started", "w").close()
        while not os.path.exists("go"):
            await asyncio.sleep(0.01)
        return "finished"

    @function.on_stop
    def stopped():
        print("on_stop ran", flush=True)
"""
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "main.py").write_text(textwrap.dedent(SOURCE))
    return tmp_path


@pytest.fixture
def start(project: Path) -> Iterator[Start]:
    processes = []

    def run(**env: str) -> subprocess.Popen[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("FAAS_", "K_", "PORT"))}
        process = subprocess.Popen(
            [sys.executable, "-m", "faas_runtime"],
            cwd=project,
            env={**kept, "FAAS_FUNCTION": "main:hello", **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def port_of(process: subprocess.Popen[str]) -> int:
    """It says where it listens once it accepts requests."""
    assert process.stderr is not None
    line = process.stderr.readline()
    assert "http://127.0.0.1:" in line, line + process.stderr.read()
    return int(line.rsplit(":", 1)[1])


def get(port: int, path: str = "/") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_it_serves_the_function_that_the_environment_names(start: Start) -> None:
    process = start(PORT="0")
    assert get(port_of(process), "/?name=you") == (200, b"hello you")


def test_sigterm_finishes_what_runs_and_exits_with_zero(start: Start, project: Path) -> None:
    process = start(PORT="0", FAAS_FUNCTION="main:slow")
    port = port_of(process)
    running = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    running.request("GET", "/slow")
    while not (project / "started").exists():
        os.sched_yield()
    process.send_signal(signal.SIGTERM)
    while accepts(port):
        os.sched_yield()
    (project / "go").touch()
    response = running.getresponse()
    assert (response.status, response.read()) == (200, b"finished")
    running.close()
    assert process.wait(PATIENCE_S) == 0
    assert process.stdout is not None
    assert process.stdout.read() == "on_stop ran\n"


def accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S).close()
    except ConnectionError:
        return False
    return True


def test_idle_connections_do_not_delay_the_shutdown(start: Start) -> None:
    process = start(PORT="0")
    port = port_of(process)
    with socket.create_connection(("127.0.0.1", port)) as silent, socket.create_connection(("127.0.0.1", port)) as kept:
        kept.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert kept.recv(4096).startswith(b"HTTP/1.1 200")
        process.send_signal(signal.SIGTERM)
        assert silent.recv(1) == b""
        assert kept.recv(1) == b""
        assert process.wait(PATIENCE_S) == 0


def test_a_request_that_has_arrived_when_sigterm_comes_is_answered(start: Start) -> None:
    process = start(PORT="0")
    port = port_of(process)
    with socket.create_connection(("127.0.0.1", port)) as kept:
        kept.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        kept.recv(4096)
        os.kill(process.pid, signal.SIGSTOP)
        kept.sendall(b"GET /?name=late HTTP/1.1\r\nHost: x\r\n\r\n")
        process.send_signal(signal.SIGTERM)
        os.kill(process.pid, signal.SIGCONT)
        answer = b""
        while data := kept.recv(4096):
            answer += data
        assert b"hello late" in answer
        assert process.wait(PATIENCE_S) == 0


@pytest.mark.parametrize(
    "hanging",
    [
        pytest.param("wait()", id="the import"),
        pytest.param("@function.on_start\ndef begin():\n    wait()", id="a start hook that holds the loop"),
        pytest.param(
            "@function.on_start\nasync def begin():\n    say()\n    await asyncio.Event().wait()",
            id="a start hook that waits",
        ),
    ],
)
@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_hangs_before_it_serves_ends_at_once(start: Start, project: Path, hanging: str, workers: str) -> None:
    (project / "main.py").write_text(
        "import asyncio, threading\n"
        "from faas_runtime import function\n"
        "def say():\n    print('hangs', flush=True)\n"
        "def wait():\n    say()\n    threading.Event().wait()\n"
        "@function\ndef hello():\n    pass\n"
        "@function.on_stop\ndef stopped():\n    print('stopped', flush=True)\n" + hanging
    )
    process = start(PORT="0", FAAS_WORKERS=workers)
    assert process.stdout is not None
    assert process.stdout.readline() == "hangs\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0
    assert "stopped" not in process.stdout.read()


def test_it_listens_on_a_unix_socket_and_replaces_a_stale_one(start: Start, project: Path) -> None:
    path = project / "s.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    process = start(FAAS_BIND=f"unix:{path}")
    assert process.stderr is not None
    assert process.stderr.readline() == f"faas-runtime: main:hello on unix:{path}\n"
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 200")


def test_more_than_one_worker_share_the_port_and_stop_together(start: Start) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = start(PORT=str(port), FAAS_WORKERS="2")
    while not accepts(port):
        os.sched_yield()
    assert get(port) == (200, b"hello world")
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0


@pytest.mark.parametrize(
    ("env", "code", "message"),
    [
        pytest.param({"FAAS_FUNCTION": ""}, 2, "FAAS_FUNCTION is not set", id="no function"),
        pytest.param({"PORT": "http"}, 2, "PORT='http' is not a number", id="port"),
        pytest.param({"PORT": "70000"}, 2, "PORT=70000 is not a TCP port", id="port out of range"),
        pytest.param({"FAAS_BIND": "localhost"}, 2, "neither unix:/path nor fd:NUMBER", id="bind"),
        pytest.param({"FAAS_FUNCTION": "nothing:here"}, 4, "nothing", id="no module"),
        pytest.param({"FAAS_BIND": "unix:/nonexistent/s"}, 5, "cannot listen on /nonexistent/s", id="no folder"),
    ],
)
def test_what_is_wrong_is_said_and_has_an_exit_code(start: Start, env: dict[str, str], code: int, message: str) -> None:
    process = start(**{"PORT": "0", **env})
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, message in errors) == (code, True), errors


def test_a_failing_start_hook_is_exit_code_three(start: Start, project: Path) -> None:
    with (project / "main.py").open("a") as file:
        file.write("\n@function.on_start\ndef broken():\n    raise RuntimeError('no database')\n")
    process = start(PORT="0")
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 3
    assert "no database" in errors


def test_a_taken_port_is_named(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = start(PORT=str(port))
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 5
    assert f"cannot listen on 127.0.0.1:{port}" in errors


def test_a_head_that_never_ends_loses_its_connection(start: Start) -> None:
    process = start(PORT="0", FAAS_HEAD_TIMEOUT="0.1")
    with socket.create_connection(("127.0.0.1", port_of(process)), timeout=PATIENCE_S) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHos")
        assert slow.recv(1) == b""


def test_a_head_that_is_too_large_is_refused(start: Start) -> None:
    process = start(PORT="0")
    with socket.create_connection(("127.0.0.1", port_of(process)), timeout=PATIENCE_S) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Large: " + b"a" * 20_000 + b"\r\n\r\n")
        assert client.recv(4096).split(b"\r\n")[0] == b"HTTP/1.1 431 Request Header Fields Too Large"
