"""`faas run` as a user has it: a process whose output is read line by line."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from faas.engine.supervisor.processes import descendants

PATIENCE_S = 60.0


class Terminal:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()

    def wait_for(self, pattern: str, *, after: int = 0) -> str:
        """The first line from number `after` on that matches."""

        def found() -> str | None:
            return next((line for line in self.lines[after:] if re.search(pattern, line)), None)

        with self._changed:
            assert self._changed.wait_for(lambda: found() is not None, PATIENCE_S), "\n".join(self.lines)
            line = found()
        assert line is not None
        return line

    @property
    def port(self) -> int:
        match = re.search(r"http://127\.0\.0\.1:(\d+)/_/", self.wait_for(r"http://127\.0\.0\.1:\d+/_/"))
        assert match is not None
        return int(match[1])

    def get(self, name: str, path: str = "/", *, host: str = "") -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request("GET", path, headers={"Host": host or f"{name}.default.localhost"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def family(self) -> set[int]:
        return descendants(self.process.pid)

    def interrupt(self) -> int:
        """Ctrl-C; returns the exit code."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        return code


@contextmanager
def faas_run(project: Path, *options: str) -> Iterator[Terminal]:
    command = [sys.executable, "-m", "faas.cli.main", "run", str(project), "--port", "0", *options]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"},
    )
    terminal = Terminal(process)
    try:
        yield terminal
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(PATIENCE_S)
        assert process.stdout is not None
        terminal._reader.join(PATIENCE_S)
        process.stdout.close()
