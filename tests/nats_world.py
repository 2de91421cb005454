"""A real nats-server with JetStream on a free port of loopback, that tests may kill and start again."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.programs import find_program, free_port

PATIENCE_S = 20.0
_USER, _PASSWORD = "faas", "test"  # the literal names make a failing test's connection easy to repeat by hand


@dataclass
class Nats:
    """One server's folder and port, which survive its process. `folder` is as the engine's `nats_dir`."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """With the credentials, as FAAS_NATS_URL would have it."""
        return f"nats://{_USER}:{_PASSWORD}@127.0.0.1:{self.port}"

    def start(self) -> None:
        """Return when it accepts connections: its streams are there."""
        assert self.process is None
        with (self.folder / "nats.log").open("ab") as log:
            self.process = subprocess.Popen(
                [find_program("nats-server"), "-c", self.folder / "nats.conf"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + PATIENCE_S
        while not _answers(self.port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"nats-server did not start:\n{(self.folder / 'nats.log').read_text()}")
            time.sleep(0.01)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def restart(self) -> None:
        """Kill it, as a crash would, and start it again on the same port."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """It takes connections and bytes, and answers nothing until `resume`."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED)

    def resume(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def _end(self, signum: signal.Signals) -> None:
        process, self.process = self.process, None
        if process is not None:
            process.send_signal(signum)
            process.send_signal(signal.SIGCONT)
            process.wait(PATIENCE_S)


@contextlib.contextmanager
def running_nats(
    folder: Path, *, port: int = 0, durability: str = "os", max_store: str = "64GB", max_payload: str = "8MB"
) -> Iterator[Nats]:
    """A server that is ready; its process is gone when the block ends.

    Args:
        folder: made if it is not there; holds nats.conf, credentials.json, nats.log and jetstream/.
        port: 0: a free one.
        durability: "fsync": each message is synced before it is acknowledged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    nats = Nats(folder, port or free_port())
    sync = "sync_interval: always" if durability == "fsync" else ""
    (folder / "nats.conf").write_text(
        f'listen: "127.0.0.1:{nats.port}"\n'
        f"max_payload: {max_payload}\n"
        f'jetstream {{ store_dir: "{folder / "jetstream"}", max_file_store: {max_store}, {sync} }}\n'
        f'authorization {{ user: "{_USER}", password: "{_PASSWORD}" }}\n'
    )
    (folder / "credentials.json").write_text(json.dumps({"user": _USER, "password": _PASSWORD}))
    nats.start()
    try:
        yield nats
    finally:
        nats.kill()


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
            return connection.recv(5) == b"INFO "
    except OSError:
        return False
