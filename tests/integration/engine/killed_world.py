"""A whole engine whose processes are killed, with functions that write down what they handled before they answer."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import signal
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from faas.cli.dev.project_state import load_project, make_desired
from faas.cli.dev.rollout import Brought, bring_events, roll_out
from faas.client.services.eventing import EventingClient
from faas.engine.supervisor.census import Role, census
from faas.engine.supervisor.start import launch
from faas.project.manifests.podspec import Overrides
from faas.project.python.discover import describe
from tests.integration.engine.conftest import PATIENCE_S, eventually
from tests.integration.engine.killed_load import INGRESS, HttpWay, MqttWay, UnixConnection, Way
from tests.integration.engine.whole import PYTHON, Whole, host, running
from tests.programs import Program, free_port, running_mosquitto

Victim = Role | str  # or EVERYTHING
EVERYTHING = "everything"
# Which functions handle the events of which keys, by the first part of the key.
HANDLERS = {
    "ingress": ("ordered", "plain", "flaky", "chain", "chained"),
    "function": ("ordered", "plain", "flaky", "chain", "chained"),
    "door": ("from_door",),
    "mosquitto": ("from_mosquitto",),
}
# The engine's own door gives what a killed source had not acknowledged after others (30 s later, by nats-server's
# ack_wait): at the log it is out of order already.
ORDERED = {"ordered": ("ingress", "function"), "from_mosquitto": ("mosquitto",)}
CODE = '''
import asyncio
import os
import random

from faas import Context, Event, HTTPError, function

WORK = {{"service": "work", "concurrency": 20, "max_scale": 2}}
PATIENT = {{**WORK, "retry": 100, "backoff": "linear", "backoff_delay": 0.05}}


async def handle(event: Event, who: str) -> None:
    """At its end it is written down for good; it may be killed before, and after."""
    await asyncio.sleep(0.003)
    line = f"{{event.subject}} {{event.data['n']}}\\n".encode()
    file = os.open(f"{folder}/{{who}}", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, line)
    os.close(file)


@function.http("/", methods=["POST"], concurrency=20)
async def publish(event: Event, ctx: Context) -> None:
    await ctx.publish(Event(type="load", subject=event.subject, data=event.data))


@function.event(type="load", ordered_by="subject", **PATIENT)
async def ordered(event: Event) -> None:
    await handle(event, "ordered")


@function.event(type="load", **PATIENT)
async def plain(event: Event) -> None:
    await handle(event, "plain")


@function.event(type="load", retry=2, backoff_delay=0.02, **WORK)
async def flaky(event: Event) -> None:
    if random.random() < 0.4:
        raise HTTPError(503, "not now")
    await handle(event, "flaky")


@function.event(type="load", reply_type="load.chained", **PATIENT)
async def chain(event: Event) -> Event:
    await handle(event, "chain")
    return Event(type="load.chained", subject=event.subject, data=event.data)


@function.event(type="load.chained", ordered_by="subject", **PATIENT)
async def chained(event: Event) -> None:
    await handle(event, "chained")


@function.mqtt("door/+", ordered_by="subject", **PATIENT)
async def from_door(event: Event) -> None:
    await handle(event, "from_door")


@function.mqtt("mosquitto/+", url="mqtt://127.0.0.1:{mosquitto}", ordered_by="subject", **PATIENT)
async def from_mosquitto(event: Event) -> None:
    await handle(event, "from_mosquitto")
'''
Handled = dict[str, dict[str, list[int]]]  # function -> key -> numbers, as they were written down


@dataclass
class World:
    """`whole` is the engine of the moment: another one after everything was killed."""

    whole: Whole
    folder: Path
    mosquitto: Program

    def ways(self, each: int) -> dict[str, Way]:
        """Args: each: keys of each kind."""
        internal = Path(self.whole.plan.runtime_dir) / "internal.sock"
        port = self.whole.plan.port

        def ingress() -> http.client.HTTPConnection:
            return UnixConnection(internal, INGRESS)

        def function() -> http.client.HTTPConnection:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
            connection.putrequest = _with_host(connection, host("publish"))  # type: ignore[method-assign]
            return connection

        ways: dict[str, Way] = {}
        for number in range(each):
            ways[f"ingress/{number}"] = HttpWay(ingress, "/default/default")
            ways[f"function/{number}"] = HttpWay(function, "/")
            ways[f"door/{number}"] = self.device(f"device-{number}")
            ways[f"mosquitto/{number}"] = MqttWay(self.mosquitto.port, f"device-{number}")
        return ways

    def device(self, name: str) -> MqttWay:
        """At the engine's own door."""
        return MqttWay(self.whole.plan.mqtt_port, name)

    def pids(self, victim: Victim) -> set[int]:
        if victim != EVERYTHING:
            return self.whole.pids(victim)  # type: ignore[arg-type]
        return {member.pid for member in census(self.whole.running.process.pid, self.whole.plan.runtime_dir)}

    def kill(self, victim: Victim) -> None:
        """As soon as there is one."""
        eventually(lambda: bool(self.pids(victim)), f"there is a {victim} to kill")
        for pid in sorted(self.pids(victim), key=lambda pid: pid != self.whole.running.process.pid):
            with contextlib.suppress(ProcessLookupError):  # with its parent
                os.kill(pid, signal.SIGKILL)
        if victim == EVERYTHING:
            self.whole.running.process.wait()
            running = launch(self.whole.plan)
            self.whole = replace(self.whole, running=running, file=running.wait_ready())

    def handled(self) -> Handled:
        found: Handled = defaultdict(lambda: defaultdict(list))
        for file in (self.folder / "handled").iterdir():
            for line in file.read_text().splitlines():
                key, number = line.split()
                found[file.name][key].append(int(number))
        return found

    def dead(self) -> Handled:
        """The same, of the dead letters."""

        async def read() -> Handled:
            found: Handled = defaultdict(lambda: defaultdict(list))
            async with self.whole.client() as client:
                async for letter in EventingClient(client, "default").dead_letters("default", limit=100_000):
                    if "trigger" not in letter:
                        continue  # the last line counts them
                    function = letter["trigger"].partition("/")[2].replace("-", "_")
                    found[function][letter["event"]["subject"]].append(letter["event"]["data"]["n"])
            return found

        return asyncio.run(read())

    def report(self) -> dict[str, Any]:
        """Brokers, triggers and sources as the engine tells of them."""

        async def read() -> dict[str, Any]:
            async with self.whole.client() as client:
                return await EventingClient(client, "default").report() or {}

        return asyncio.run(read())

    def settle(self, acknowledged: dict[str, int]) -> None:
        """Wait until nobody has anything left to do. What the door of the engine gave to a source that was killed comes
        again 30 s later.
        """
        deadline = time.monotonic() + 3 * PATIENCE_S
        while (lost := missing(acknowledged, self.handled(), self.dead())) or not self._is_drained():
            assert time.monotonic() < deadline, f"lost, or not handled yet: {lost}\n{self.report()}"
            time.sleep(0.2)  # reads all that was ever handled, and the engine has two cores to share

    def _is_drained(self) -> bool:
        triggers = self.report()["triggers"]
        return bool(triggers) and all(
            not trigger["held"] and trigger.get("backlog") == 0 and trigger.get("behind") == 0 for trigger in triggers
        )


def _with_host(connection: http.client.HTTPConnection, name: str) -> Any:
    """By its host name, as a stranger asks; http.client would name the address."""

    def putrequest(method: str, url: str, skip_host: bool = False, skip_accept_encoding: bool = False) -> None:
        http.client.HTTPConnection.putrequest(connection, method, url, skip_host=True)
        connection.putheader("Host", name)

    return putrequest


def missing(acknowledged: dict[str, int], handled: Handled, dead: Handled) -> dict[str, list[int]]:
    """What was acknowledged and nobody has, by function and key."""
    found = {}
    for key, count in acknowledged.items():
        for function in HANDLERS[key.partition("/")[0]]:
            lost = set(range(count)) - set(handled[function][key]) - set(dead[function][key])
            if lost:
                found[f"{function} {key}"] = sorted(lost)
    return found


def overtaken(handled: Handled) -> dict[str, list[tuple[int, int]]]:
    """Where an ordered function had a later event before an earlier one was handled for the first time."""
    found = {}
    for function, kinds in ORDERED.items():
        for key, numbers in handled[function].items():
            if key.partition("/")[0] not in kinds:
                continue
            first = list(dict.fromkeys(numbers))
            wrong = [(one, other) for one, other in pairwise(first) if other < one]
            if wrong:
                found[f"{function} {key}"] = wrong
    return found


def deploy(whole: Whole, project: Path, code: str) -> None:
    """Deploy a project of one module; returns when its functions, triggers and sources are ready."""
    project.mkdir(exist_ok=True)
    (project / "main.py").write_text(code)
    read = load_project(project, PYTHON, {})
    description = describe(read.settings.root, read.environment)
    assert not description.errors, description.errors
    desired = make_desired(
        read, description, images=whole.state.images, namespace="default", overrides=Overrides(), variables={}
    )

    async def apply() -> Brought:
        async with whole.client() as client:
            await roll_out(client, desired, namespace="default", timeout_s=PATIENCE_S)
            return await bring_events(client, desired, project=read.settings.name, namespace="default")

    waiting = asyncio.run(apply()).waiting
    assert not waiting, waiting


@contextmanager
def running_world(folder: Path, **changes: Any) -> Iterator[World]:
    """Everything is ready when the block begins. Args: changes: of the engine's plan."""
    (folder / "handled").mkdir()
    with (
        running_mosquitto(folder / "mosquitto") as mosquitto,
        running(folder, **{"port": free_port(), "mqtt_port": free_port(), **changes}) as whole,
    ):
        world = World(whole, folder, mosquitto)
        deploy(whole, folder / "project", CODE.format(folder=folder / "handled", mosquitto=mosquitto.port))
        try:
            yield world
        finally:
            world.whole.running.end_and_wait()
