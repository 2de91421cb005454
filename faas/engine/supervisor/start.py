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

from faas.engine.supervisor.children import CONTAINERS_S, are_containers_in_use, end_of_containers
from faas.engine.supervisor.endings import end_processes
from faas.engine.supervisor.errors import Died, from_wire
from faas.engine.supervisor.plan import Plan
from faas.engine.supervisor.processes import is_alive, socket_holders

_LEFT_GRACE_S = 3.0


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
    run_as: str = ""  # the user whose functions are
    nats: str = ""  # host and port of the server that keeps events
    own_nats: bool = True
    durability: str = ""
    mqtt: str = ""  # host and port that devices connect to; "": none

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> EngineFile:
        """What an engine of another version wrote counts too: it lacks what is newer, and may have more."""
        return cls(**{name: document[name] for name in cls.__slots__ if name in document})

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
    except (OSError, ValueError, TypeError):
        return None
    return found if found.is_alive else None


class Running:
    """A supervisor that this process started; in the foreground it is ours to end."""

    def __init__(self, process: subprocess.Popen[bytes], pipe: int, log: Path) -> None:
        self.process, self._pipe, self.log = process, pipe, log

    def wait_ready(self) -> EngineFile:
        """Block until the engine serves; once.

        Raises: StartError: it does not, and why.
        """
        with open(self._pipe, "rb") as pipe:
            line = pipe.readline()
        if not line:
            code = self.process.wait()
            raise Died("supervisor", f"exit code {code}", self.log_tail())
        document = json.loads(line)
        if document["event"] != "ready":
            self.process.wait()
            raise from_wire(document)
        return EngineFile.parse(document)

    def log_tail(self) -> str:
        """The last lines that supervisor, gateway and engine wrote."""
        try:
            return "".join(self.log.read_text(errors="replace").splitlines(keepends=True)[-20:])
        except OSError:
            return ""

    def end(self) -> None:
        """Ask it to end everything, and do not wait; asked again, it hurries."""
        if self.process.poll() is None:
            self.process.terminate()

    def end_and_wait(self) -> None:
        """Until everything has ended; a KeyboardInterrupt meanwhile hurries it."""
        self.end()
        while True:
            try:
                self.process.wait()
                return
            except KeyboardInterrupt:
                self.end()


def launch(plan: Plan) -> Running:
    """Start the supervisor in a session of its own, so that a terminal's Ctrl-C is ours alone."""
    log = Path(plan.state_dir) / "logs" / "engine.log"
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    read_end, write_end = os.pipe()
    try:
        with open(log, "ab") as output:
            process = subprocess.Popen(
                supervisor_command(plan._replace(nats_url="").dump(), str(write_end)),
                env={**os.environ, **({"FAAS_NATS_URL": plan.nats_url} if plan.nats_url else {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(write_end,),
                start_new_session=True,
                cwd="/",
            )
    finally:
        os.close(write_end)
    return Running(process, read_end, log)


def supervisor_command(plan: str, *report: str) -> list[str]:
    return [sys.executable, "-P", "-m", "faas.engine.supervisor", plan, *report]


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


def clear_containers(state_dir: Path) -> str:
    """End the containers that an engine which was killed has left running; returns what became of them, if any."""
    if not are_containers_in_use(str(state_dir)):
        return ""
    command = end_of_containers(str(state_dir), _LEFT_GRACE_S)
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd="/", timeout=_LEFT_GRACE_S + CONTAINERS_S
        )
    except subprocess.TimeoutExpired:
        return "containers of this engine may still run: the Docker engine takes too long"
    return done.stderr.strip()


def clear_leftovers(runtime: Path) -> int:
    """End what an engine that was killed has left running, and remove its sockets; returns how many processes."""
    ended = end_processes(lambda: socket_holders(str(runtime)), grace_s=_LEFT_GRACE_S)
    shutil.rmtree(runtime, ignore_errors=True)
    return ended
