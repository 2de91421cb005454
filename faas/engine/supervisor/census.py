"""Which processes an engine consists of, what each is for, and what memory it takes; read from /proc."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from faas.engine.supervisor.processes import descendants, proportional_bytes, socket_holders

Role = Literal["supervisor", "gateway", "engine", "broker", "nats-server", "source", "zygote", "instance"]
_ORDER: tuple[Role, ...] = get_args(Role)
_MODULES: dict[str, Role] = {
    "faas.engine.gateway": "gateway",
    "faas.engine.main": "engine",
    "faas.engine.broker": "broker",
    "faas.sources": "source",
}


@dataclass(frozen=True, slots=True)
class Member:
    role: Role
    pid: int
    memory_bytes: int  # proportional: what processes share is counted once


def census(supervisor: int, runtime_dir: str) -> list[Member]:
    """Every process of the engine, adopted instances too; what a function itself started counts as its instance."""
    instances = socket_holders(f"{runtime_dir}/i")
    found = descendants(supervisor) | instances | {supervisor}
    members = [Member(_role(pid, supervisor, instances), pid, proportional_bytes(pid)) for pid in found]
    return sorted(members, key=lambda member: (_ORDER.index(member.role), member.pid))


def _role(pid: int, supervisor: int, instances: set[int]) -> Role:
    if pid == supervisor:
        return "supervisor"
    arguments = _arguments(pid)
    for module, role in _MODULES.items():
        if module in arguments:  # first: for a moment the engine holds the socket that an instance will get
            return role
    if arguments and arguments[0].endswith("/nats-server"):
        return "nats-server"
    return "instance" if pid in instances else "zygote"


def _arguments(pid: int) -> list[str]:
    try:
        with open(f"/proc/{pid}/cmdline") as file:
            return file.read().split("\0")
    except OSError:
        return []
