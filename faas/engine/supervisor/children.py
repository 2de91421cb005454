"""Who the supervisor's children are, what they are given, and when they are wanted."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from typing import NamedTuple

from faas.engine.supervisor.child import Child
from faas.engine.supervisor.plan import Plan

# Go's collector lets a heap double, and what a burst took stays with the process: 400 MiB after 400 events of 400 kB.
# With this as a soft limit it is 250, at no cost that can be measured; with 96 MiB the server's work doubles.
_NATS_VARIABLES = {"GOMEMLIMIT": "256MiB"}
CONTAINERS_S = 10.0  # what a Docker engine may take to kill and to remove containers, after their grace


class Children(NamedTuple):
    """In the order in which they start: the store of events is there before those who use it."""

    nats: Child
    broker: Child
    gateway: Child
    engine: Child
    containers: Child  # the program that ends them, which runs when everything ends

    def from_outside(self) -> tuple[Child, ...]:
        """In the order in which they end: sources are the engine's, and what they hand over is still stored."""
        return self.gateway, self.broker, self.engine, self.nats


def make_children(plan: Plan, settings: str, fds: dict[str, int], lock: int, nats_port: int) -> Children:
    """Events cost memory: nats-server and the broker run only while the engine has left its mark that it uses them."""
    mark = f"{nats_dir(plan)}/in-use"
    start_anew = f"{nats_dir(plan)}/start-anew"

    def is_in_use() -> bool:
        return os.path.exists(mark)

    def nats_command() -> list[str]:
        from faas.engine.supervisor.nats_server import prepare  # an engine without events does not need it

        with contextlib.suppress(FileNotFoundError):
            os.unlink(start_anew)
        return prepare(plan, nats_port)

    def python(module: str) -> Callable[[], list[str]]:
        # -P: the current folder holds the user's files, never our modules
        return lambda: [sys.executable, "-P", "-m", module, "--settings", settings]

    # Who holds the lock too has ended before the next supervisor starts: two never write one store.
    children = Children(
        nats=Child(
            "nats-server",
            nats_command,
            (lock,),
            patience_s=plan.stop_s,
            is_wanted=lambda: not plan.nats_url and (bool(plan.mqtt_port) or is_in_use()),
            is_spent=lambda: os.path.exists(start_anew),
            is_essential=False,
            variables=_NATS_VARIABLES,
        ),
        broker=Child(
            "broker",
            python("faas.engine.broker"),
            (fds["broker"], fds["broker_control"], lock),
            patience_s=plan.stop_s,
            is_wanted=is_in_use,
            is_essential=False,
        ),
        gateway=Child(
            "gateway",
            python("faas.engine.gateway"),
            (fds["public"], fds["internal"], fds["control"]),
            patience_s=plan.drain_s,
        ),
        engine=Child("engine", python("faas.engine.main"), (fds["api"], lock), patience_s=plan.stop_s),
        containers=Child(
            "end of containers",
            lambda: end_of_containers(plan.state_dir, plan.stop_s),
            (lock,),
            patience_s=CONTAINERS_S,
            is_wanted=lambda: not plan.foreground and are_containers_in_use(plan.state_dir),
            is_essential=False,
        ),
    )
    children.containers.due_s = None
    return children


def are_containers_in_use(state_dir: str) -> bool:
    return os.path.exists(f"{state_dir}/containers-in-use")


def end_of_containers(state_dir: str, grace_s: float) -> list[str]:
    """Of the instances in containers; a program of its own, so that nothing here knows Docker."""
    return [sys.executable, "-P", "-m", "faas.engine.instances.docker.ending", state_dir, f"{grace_s:g}"]


def nats_dir(plan: Plan) -> str:
    """Where events are kept: configuration, credentials, streams; nobody else's to read."""
    path = f"{plan.state_dir}/nats"
    os.makedirs(path, mode=0o700, exist_ok=True)
    return path
