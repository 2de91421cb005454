"""An instance's life on a virtual clock, with a driver that a test plays."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from faas.engine.contract.revision import ContainerPlan, RevisionKey, RevisionPlan
from faas.engine.instances.container import Means
from faas.engine.instances.driver import ExitStatus, Image, Launch, RunEvents
from faas.engine.instances.fleet import make_name, pick_surplus
from faas.engine.instances.instance import Instance, Phase
from faas.engine.instances.logs import LogStore
from faas.engine.instances.provision import Provision
from tests.virtual_clock import EPOCH, VirtualClock

PLAN = RevisionPlan(
    RevisionKey("default", "hello-00001"), "uid", "hello", "hello", ContainerPlan("image"), timeout_s=30.0
)
IMAGE = Image("sha256:0", (), object())
PROVISIONS = (Provision(PLAN.container, IMAGE, {"A": "1"}),)


class Played:
    """A driver whose runs do what the test says."""

    def __init__(self) -> None:
        self.launches: list[Launch] = []
        self.events: list[RunEvents] = []
        self.signals: list[str] = []

    def start(self, launch: Launch, events: RunEvents) -> Played:
        self.launches.append(launch)
        self.events.append(events)
        return self

    address = "unix:/x"
    pid = 1
    announces_ready = True

    def stop(self) -> None:
        self.signals.append("TERM")

    def kill(self, *, oom: bool = False) -> None:
        self.signals.append("KILL")


class Owner:
    plan = PLAN

    def __init__(self) -> None:
        self.gone: list[Instance] = []

    def launch(self, instance: Instance) -> None:
        instance.start(PROVISIONS)

    def changed(self, instance: Instance) -> None:
        pass

    def ended(self, instance: Instance) -> None:
        self.gone.append(instance)


def make(tmp_path: Path) -> tuple[Instance, Played, VirtualClock, Owner]:
    driver, clock, owner = Played(), VirtualClock(), Owner()
    means: Any = Means(driver, LogStore(tmp_path), clock, asyncio.ensure_future, None)  # type: ignore[arg-type]
    instance = Instance("pod-a", owner, means, EPOCH)
    instance.start(PROVISIONS)
    return instance, driver, clock, owner


def test_it_has_an_endpoint_once_it_is_ready(tmp_path: Path) -> None:
    instance, driver, _, _ = make(tmp_path)
    assert instance.endpoint() is None
    driver.events[0].ready()
    assert instance.endpoint() is not None
    assert driver.launches[0].env == {"A": "1", "HOSTNAME": "pod-a"}


def test_a_crash_loop_restarts_at_once_then_after_ten_then_twenty_seconds(tmp_path: Path) -> None:
    instance, driver, clock, _ = make(tmp_path)
    driver.events[-1].line("stderr", b"boom")
    driver.events[-1].exited(ExitStatus(1))
    clock.advance(0)
    assert len(driver.launches) == 2
    driver.events[-1].exited(ExitStatus(1))
    assert instance.phase is Phase.BACKOFF
    clock.advance(9.9)
    assert len(driver.launches) == 2
    clock.advance(0.1)
    assert [launch.run for launch in driver.launches] == [0, 1, 2]
    driver.events[-1].line("stderr", b"boom")
    driver.events[-1].exited(ExitStatus(1))
    assert instance.failure is not None
    assert (instance.failure.reason, instance.failure.restarts) == ("ExitCode1", 3)
    assert instance.failure.message == "Container failed with: boom"
    clock.advance(20)
    assert len(driver.launches) == 4
    driver.events[-1].ready()
    assert instance.failure is None


def test_draining_waits_for_idle_then_terminates_then_kills(tmp_path: Path) -> None:
    instance, driver, clock, owner = make(tmp_path)
    driver.events[0].ready()
    instance.drain()
    assert (driver.signals, instance.phase) == ([], Phase.DRAINING)
    instance.idle()
    assert driver.signals == ["TERM"]
    clock.advance(35)
    assert driver.signals == ["TERM", "KILL"]
    driver.events[0].exited(ExitStatus(137, 9))
    assert owner.gone == [instance]
    assert instance.failure is None


def test_draining_does_not_wait_for_ever_for_a_gateway_that_says_nothing(tmp_path: Path) -> None:
    instance, driver, clock, _ = make(tmp_path)
    driver.events[0].ready()
    instance.drain()
    clock.advance(34.9)
    assert driver.signals == []
    clock.advance(0.1)
    assert driver.signals == ["TERM"]


def test_what_never_was_ready_is_stopped_at_once(tmp_path: Path) -> None:
    instance, driver, _, _ = make(tmp_path)
    instance.drain()
    assert driver.signals == ["TERM"]


def test_what_waits_to_be_restarted_just_ends(tmp_path: Path) -> None:
    instance, driver, clock, owner = make(tmp_path)
    driver.events[0].exited(ExitStatus(1))
    instance.drain()
    clock.advance(1000)
    assert (owner.gone, len(driver.launches)) == ([instance], 1)


def test_those_that_do_not_serve_are_given_up_first_then_the_youngest() -> None:
    def instance(phase: Phase, age: int) -> Any:
        from datetime import timedelta

        made = object.__new__(Instance)
        made.phase, made.created = phase, EPOCH - timedelta(seconds=age)
        return made

    old, young = instance(Phase.READY, 100), instance(Phase.READY, 1)
    starting, crashed = instance(Phase.STARTING, 50), instance(Phase.BACKOFF, 200)
    everybody = [old, young, starting, crashed]
    assert pick_surplus(everybody, 4) == []
    assert pick_surplus(everybody, 3) == [crashed]
    assert pick_surplus(everybody, 1) == [crashed, starting, young]
    assert pick_surplus(everybody, 0) == [crashed, starting, young, old]


def test_pods_of_a_revision_share_a_template_hash() -> None:
    first, second = make_name(PLAN), make_name(PLAN)
    assert first.rpartition("-")[0] == second.rpartition("-")[0]
    assert first.startswith("hello-00001-deployment-")
    assert first != second


def test_a_start_that_the_machine_refuses_is_a_crash_that_says_why(tmp_path: Path) -> None:
    instance, driver, clock, _ = make(tmp_path)

    def refuse(launch: Launch, events: RunEvents) -> Played:
        raise OSError(11, "Resource temporarily unavailable")

    driver.events[0].exited(ExitStatus(1))
    driver.start = refuse  # type: ignore[method-assign]
    clock.advance(0)
    assert instance.phase is Phase.BACKOFF
    assert instance.failure is not None
    assert instance.failure.message.endswith("cannot start a process: Resource temporarily unavailable")
