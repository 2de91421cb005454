"""The commands: help, a code-only deploy, `faas run` to all Ready, save to served."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from bench.engine import engine, make_project
from bench.processes import free_port, try_request, wait_answer
from bench.report import Figure
from bench.tools import EXAMPLES, FAAS


def _seconds(command: list[str | Path], runs: int = 9) -> float:
    taken = []
    for _ in range(runs):
        begun = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken[1:])


def help_time() -> list[Figure]:
    bare = _seconds([sys.executable, "-c", "pass"]) * 1000
    ours = _seconds([FAAS, "--help"]) * 1000
    return [Figure("faas --help, above `python -c pass`", ours - bare, "ms", 150, "less")]


def deploy(runs: int = 5) -> list[Figure]:
    with engine() as up, tempfile.TemporaryDirectory() as folder:
        project = make_project(Path(folder), "code")
        up.faas("deploy", project)
        taken, digests = [], []
        for index in range(runs):
            source = (project / "main.py").read_text()
            (project / "main.py").write_text(source + f"\n# change {index}\n")
            begun = time.perf_counter()
            up.faas("deploy", project)
            taken.append(time.perf_counter() - begun)
        for _ in range(2):
            services = json.loads(up.faas("deploy", project, "--dry-run", "-o", "json"))
            digests.append(re.findall(r"sha256:[0-9a-f]{64}", json.dumps(services)))
    different = 0 if digests[0] == digests[1] and digests[0] else 1
    return [
        Figure("code-only faas deploy to Ready, whole command", statistics.median(taken), "s", 2.0, "less"),
        Figure("digests that differ in two builds of the same inputs", different, "", 0, "less"),
    ]


class _Run:
    """`faas run` in a process group of its own; `lines` grows as it prints."""

    def __init__(self, project: Path, port: int) -> None:
        self.lines: list[str] = []
        self.begun = time.perf_counter()
        self.process = subprocess.Popen(
            [FAAS, "run", project, "--port", str(port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "160"},
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)

    def end(self) -> None:
        os.killpg(self.process.pid, signal.SIGINT)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def run_weather(runs: int = 4) -> list[Figure]:
    """From starting the command until all three services answer."""
    taken = []
    requests = [
        f"GET {path} HTTP/1.1\r\nhost: {name}.default.localhost\r\nconnection: close\r\n\r\n".encode()
        for name, path in (("web", "/"), ("city", "/api/city"), ("detail", "/api/city/detail/010/2026-12-05"))
    ]
    for _ in range(runs):
        port = free_port()
        run = _Run(EXAMPLES / "weather", port)
        try:
            for request in requests:
                wait_answer(("127.0.0.1", port), request, process=run.process, every_s=0.005)
            taken.append(time.perf_counter() - run.begun)
        finally:
            run.end()
    return [Figure("faas run examples/weather, to all answering", statistics.median(taken[1:]), "s", 1.5, "less")]


def save_to_served(runs: int = 9) -> list[Figure]:
    source = 'from faas import function\n\n@function.http("/")\ndef saved() -> str:\n    return "v{}"\n'
    taken = []
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "saved"
        project.mkdir()
        (project / "main.py").write_text(source.format(0))
        (project / "pyproject.toml").write_text('[project]\nname = "saved"\nversion = "1"\ndependencies = []\n')
        port = free_port()
        run = _Run(project, port)
        request = b"GET / HTTP/1.1\r\nhost: saved.default.localhost\r\nconnection: close\r\n\r\n"
        try:
            wait_answer(("127.0.0.1", port), request, process=run.process)
            for index in range(1, runs + 1):
                time.sleep(0.5)  # a pause as between two saves, so that each is measured alone
                begun = time.perf_counter()
                (project / "main.py").write_text(source.format(index))
                while _body(port, request) != f"v{index}".encode():
                    if time.perf_counter() - begun > 20:
                        raise RuntimeError(f"save {index} was not served: {''.join(run.lines[-20:])}")
                    time.sleep(0.002)
                taken.append(time.perf_counter() - begun)
        finally:
            run.end()
    return [Figure("save to served under faas run, p50", statistics.median(taken) * 1000, "ms", 400, "less")]


def _body(port: int, request: bytes) -> bytes:
    if try_request(("127.0.0.1", port), request) != 200:
        return b""
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(request)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer.partition(b"\r\n\r\n")[2]
