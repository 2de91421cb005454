"""The state directory of an engine, as those see it who talk to that engine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from faas.client.http.client import HttpClient
    from faas.client.kubeconfigs.cluster import Cluster


class EngineInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What the supervisor writes to `engine.json` when everything listens."""

    pid: int
    public_url: str  # http://127.0.0.1:8080
    api_url: str  # https://127.0.0.1:6443
    start_ticks: int = 0  # when that pid started, so that a reused one is not taken for it
    runtime_dir: str  # sockets: internal.sock answers for cluster-local services too
    version: str = ""
    domain: str = "localhost"
    run_as: str = ""  # the user whose functions are


@dataclass(frozen=True, slots=True)
class State:
    """Paths inside a state directory. Nothing in here creates anything."""

    path: Path

    @property
    def kubeconfig(self) -> Path:
        return self.path / "kubeconfig"

    @property
    def engine_json(self) -> Path:
        return self.path / "engine.json"

    @property
    def images(self) -> Path:
        return self.path / "images"

    @property
    def uses_events(self) -> bool:
        """Whether there are Brokers, or were a minute ago: then the engine has a broker and a NATS server."""
        return (self.path / "nats" / "in-use").exists()

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    def engine(self) -> EngineInfo | None:
        """The engine that runs on this state, None when none does."""
        try:
            info = msgspec.json.decode(self.engine_json.read_bytes(), type=EngineInfo)
        except (OSError, msgspec.DecodeError):
            return None
        return info if _is_alive(info.pid, info.start_ticks) else None


class EngineNotRunning(Exception):
    """No engine runs on this state directory."""

    def __init__(self, state: State) -> None:
        super().__init__(f"no engine runs on {state.path}")
        self.state = state


def resolve_state(option: Path | None, variables: Mapping[str, str]) -> State:
    """--state, else FAAS_STATE, else `faas` in XDG's state home."""
    if option is not None:
        return State(Path(os.path.abspath(option)))
    if named := variables.get("FAAS_STATE"):
        return State(Path(os.path.abspath(named)))
    home = variables.get("XDG_STATE_HOME", "")
    base = Path(home) if os.path.isabs(home) else Path.home() / ".local" / "state"
    return State(base / "faas")


def connect(state: State) -> HttpClient:
    """A client of the engine that runs on `state`; use it as an async context manager.

    Raises: EngineNotRunning; KubeconfigError: the kubeconfig it wrote was damaged.
    """
    from faas.client.http.client import HttpClient  # most who ask for a state's paths connect to nothing

    if state.engine() is None:
        raise EngineNotRunning(state)
    return HttpClient(engine_of(state))


def engine_of(state: State) -> Cluster:
    """How the engine is reached, running or not. Raises: KubeconfigError."""
    from faas.client.kubeconfigs.loading import load

    return replace(load(state.kubeconfig), context="local")  # whatever its file calls it


def _is_alive(pid: int, ticks: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return False
        try:  # no /proc: macOS
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True
    # Fields after the command's closing parenthesis start with the third; the start time is the 22nd.
    fields = stat.rpartition(")")[2].split()
    return fields[0] != "Z" and ticks in (0, int(fields[19]))
