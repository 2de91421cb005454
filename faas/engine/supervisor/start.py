"""From the outside: start the supervisor of a state directory, find it, end it. For commands, not for the engine."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faas.engine.supervisor.endings import end_processes
from faas.engine.supervisor.errors import Died, StartError, from_wire
from faas.engine.supervisor.plan import Plan
from faas.engine.supervisor.processes import is_alive, socket_holders


@dataclass(frozen=True, slots=True)
class EngineFile:
    """What `engine.json` says of a running engine."""

    pid: int
    start_ticks: int
    version: str
    started: float  # seconds since the epoch
    public_url: str
    api_url: str
    public_host: str
    public_port: int
    api_port: int
    runtime_dir: str
    foreground: bool

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> EngineFile:
        return cls(**{name: document[name] for name in cls.__slots__})

    @property
    def is_alive(self) -> bool:
        return is_alive(self.pid, self.start_ticks)


def runtime_dir(state_dir: Path, variables: Mapping[str, str]) -> Path:
    """A short folder for the sockets of this state: below XDG_RUNTIME_DIR where there is one, else below /tmp."""
    name = hashlib.blake2b(os.fsencode(state_dir.resolve()), digest_size=5).hexdigest()
    base = Path(variables.get("XDG_RUNTIME_DIR", ""))
    if base.is_absolute() and len(str(base)) < 40 and os.access(base, os.W_OK):
        return base / f"faas-{name}"
    return Path("/tmp") / f"faas-{os.getuid()}-{name}"


def find(state_dir: Path) -> EngineFile | None:
    """The engine that runs on this state, or None; a file that a killed engine has left does not count."""
    try:
        found = EngineFile.parse(json.loads((state_dir / "engine.json").read_text()))
    except (OSError, ValueError, KeyError):
        return None
    return found if found.is_alive else None


def launch(plan: Plan, *, log: Path) -> tuple[subprocess.Popen[bytes], int]:
    """Start the supervisor in a session of its own; returns it and the pipe on which it reports."""
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    read_end, write_end = os.pipe()
    try:
        with open(log, "ab") as output:
            process = subprocess.Popen(
                supervisor_command(plan.dump(), str(write_end)),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(write_end,),
                start_new_session=True,
                cwd="/",
            )
    finally:
        os.close(write_end)
    return process, read_end


def supervisor_command(plan: str, *report: str) -> list[str]:
    return [sys.executable, "-P", "-m", "faas.engine.supervisor", plan, *report]


def wait_ready(process: subprocess.Popen[bytes], read_end: int, *, log: Path) -> EngineFile:
    """Block until the engine serves.

    Raises: StartError: it does not, and why.
    """
    with open(read_end, "rb") as pipe:
        line = pipe.readline()
    if not line:
        code = process.wait()
        raise Died("supervisor", f"exit code {code}", "".join(log.read_text(errors="replace").splitlines(True)[-20:]))
    document = json.loads(line)
    if document["event"] != "ready":
        process.wait()
        raise from_wire(document)
    return EngineFile.parse(document)


def start(plan: Plan) -> tuple[subprocess.Popen[bytes], EngineFile]:
    """Start an engine and wait until it serves.

    Raises: StartError.
    """
    log = Path(plan.state_dir) / "logs" / "engine.log"
    process, read_end = launch(plan, log=log)
    return process, wait_ready(process, read_end, log=log)


def stop(engine: EngineFile, *, patience_s: float) -> bool:
    """Ask the engine to end and wait for it; False when it had to be killed."""
    os.kill(engine.pid, signal.SIGTERM)
    deadline = time.monotonic() + patience_s
    while engine.is_alive:
        if time.monotonic() > deadline:
            os.kill(engine.pid, signal.SIGKILL)
            clear_leftovers(Path(engine.runtime_dir))
            return False
        time.sleep(0.02)
    return True


def clear_leftovers(runtime: Path) -> int:
    """End what an engine that was killed has left running, and remove its sockets; returns how many processes."""
    ended = end_processes(lambda: socket_holders(str(runtime)), grace_s=3.0)
    shutil.rmtree(runtime, ignore_errors=True)
    return ended


__all__ = [
    "EngineFile",
    "StartError",
    "clear_leftovers",
    "find",
    "launch",
    "runtime_dir",
    "start",
    "stop",
    "supervisor_command",
    "wait_ready",
]
