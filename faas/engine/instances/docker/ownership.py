"""Whose container is whose, told by labels that outlive everybody who could tell."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from faas.engine.contract.revision import RevisionKey
from faas.engine.contract.settings import EngineSettings
from faas.engine.instances.process.records import process_start

ENGINE = "faas.dev/engine"  # which state the container belongs to
STATE = "faas.dev/state"  # a folder, without which there will be no engine that could go on with it
MACHINE = "faas.dev/machine"  # whose folder that is: machines may share a Docker engine
OWNER = "faas.dev/owner"  # with whose end it ends; only under `faas run`
NAMESPACE = "faas.dev/namespace"
REVISION = "faas.dev/revision"
POD = "faas.dev/pod"
CONTAINER = "faas.dev/container"
RUN = "faas.dev/run"
PORT = "faas.dev/port"
CREATED = "faas.dev/created"
SERVING = "faas.dev/serving"  # on a sidecar: the id of the container whose network it shares


@dataclass(frozen=True, slots=True)
class Ownership:
    """Of everything that this engine makes in Docker."""

    engine: str
    owner: str  # "": the next engine of this state goes on with it
    state: str = ""

    @property
    def labels(self) -> dict[str, str]:
        labels = {ENGINE: self.engine, STATE: self.state, MACHINE: _machine()}
        return labels | ({OWNER: self.owner} if self.owner else {})

    @property
    def name(self) -> str:
        """What networks, volumes and containers are called by; of two `faas run` of one state each has its own."""
        if not self.owner:
            return f"faas-{self.engine}"
        return f"faas-{hashlib.blake2b(self.owner.encode(), digest_size=6).hexdigest()}"

    def is_ours(self, labels: dict[str, str]) -> bool:
        return labels.get(ENGINE) == self.engine and labels.get(OWNER, "") == self.owner


def make_ownership(settings: EngineSettings) -> Ownership:
    whose = ownership_of(settings.state_dir)
    return replace(whose, owner=describe_process(os.getpid())) if settings.foreground else whose


def ownership_of(state_dir: Path) -> Ownership:
    """Of what the engines of a state make for each other."""
    state = str(state_dir.resolve())
    return Ownership(hashlib.blake2b(f"{_machine()}:{state}".encode(), digest_size=6).hexdigest(), "", state)


def describe_process(pid: int) -> str:
    """A process so that it can be told, later and by others, whether it still lives: MACHINE:BOOT:PIDS:PID:TICKS."""
    return f"{_machine()}:{_boot()}:{_pids()}:{pid}:{process_start(pid) or 0}"


def is_forsaken(labels: Mapping[str, str]) -> bool:
    """Whether surely nobody will ever care for this: its owner is dead, or its state is deleted."""
    if STATE in labels and labels.get(MACHINE) == _machine() and not os.path.exists(labels[STATE]):
        return True
    return OWNER in labels and is_dead(labels[OWNER])


def is_dead(owner: str) -> bool:
    """Whether this process surely lives no more. Of other machines, and other containers, nothing can be said."""
    try:
        machine, boot, pids, pid, ticks = owner.split(":")
        number, started = int(pid), int(ticks)
    except ValueError:
        return False
    if machine != _machine():
        return False
    return boot != _boot() or (pids == _pids() and process_start(number) != started)


def key_of(labels: dict[str, str]) -> RevisionKey:
    return RevisionKey(labels.get(NAMESPACE, ""), labels.get(REVISION, ""))


def _machine() -> str:
    try:
        return Path("/etc/machine-id").read_text().strip() or os.uname().nodename
    except OSError:
        return os.uname().nodename


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:  # no Linux: only the process itself can tell
        return "-"


def _pids() -> str:
    try:
        return os.readlink("/proc/self/ns/pid").removeprefix("pid:").strip("[]")
    except OSError:
        return "-"
