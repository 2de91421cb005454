"""Has `watch.py` wait beside the engine under `faas run`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from faas.engine.instances.docker.place import Place

PROGRAM = Path(__file__).with_name("watch.py")
_END_S = 5.0


class Watcher:
    """Removes every container of this owner when the engine is gone, also by kill -9 of its whole process group."""

    def __init__(self, place: Place, owner: str) -> None:
        """Raises: OSError."""
        variables = {"WATCH_CA": place.ca}
        if place.certificate:
            variables["WATCH_CERTIFICATE"], variables["WATCH_KEY"] = place.certificate
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-E", str(PROGRAM), place.url, owner],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env={**os.environ, **variables},
            cwd="/",
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def dismiss(self) -> None:
        """There is nothing left to remove. Blocking, for as long as it takes a process to end."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(b"done")
            self._process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
