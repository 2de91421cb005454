"""An instance's life on a virtual clock, with a driver that a test plays."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from faas.engine.contract.revision import ContainerPlan, ProbePlan, RevisionKey, RevisionPlan
from faas.engine.instances.container import Means, State
from faas.engine.instances.driver import AdoptedRun, ExitStatus, Image, Launch, RunEvents
from faas.engine.instances.fleet import make_name, pick_surplus
from faas.engine.instances.instance import Instance, Phase
from faas.engine.instances.logs import LogStore
from faas.engine.instances.provisioning.provider import Provision
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

    def reach(self, port: int) -> str:
        return self.address

    async def execute(self, command: tuple[str, ...], env: dict[str, str], timeout_s: float) -> str:
        return ""

    def stop(self) -> None:
        self.signals.append("TERM")

    def kill(self, *, oom: bool = False) -> None:
        self.signals.append("KILL")


class Owner:
    def __init__(self, plan: RevisionPlan = PLAN, provisions: tuple[Provision, ...] = PROVISIONS) -> None:
        self.plan, self.provisions = plan, provisions
        self.gone: list[Instance] = []

    def launch(self, instance: Instance) -> None:
        instance.start(self.provisions)

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


def test_a_function_that_never_was_ready_is_killed_at_once(tmp_path: Path) -> None:
    instance, driver, _, _ = make(tmp_path)
    instance.drain()
    assert driver.signals == ["KILL"]


def test_a_restarted_function_that_was_ready_in_an_earlier_run_is_killed_too(tmp_path: Path) -> None:
    instance, driver, clock, _ = make(tmp_path)
    driver.events[0].ready()
    driver.events[0].exited(ExitStatus(1))
    clock.advance(0)
    assert len(driver.launches) == 2
    instance.drain()
    assert driver.signals == ["KILL"]


def test_a_container_that_never_was_ready_has_the_grace_that_kubernetes_gives_it(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    pod.newest("user-container").started(7)
    pod.instance.drain()
    assert pod.driver.signals == ["TERM"]
    pod.clock.advance(34.9)
    assert pod.driver.signals == ["TERM"]
    pod.clock.advance(0.1)
    assert pod.driver.signals[1:] == ["KILL", "KILL"]


def test_what_drains_stays_a_pod_of_its_revision_when_another_one_gets_the_name(tmp_path: Path) -> None:
    instance, driver, clock, owner = make(tmp_path)
    driver.events[0].ready()
    instance.drain()
    owner.plan = replace(PLAN, uid="another", timeout_s=1.0)
    assert instance.view().plan.uid == "uid"
    instance.idle()
    clock.advance(34.9)
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


SIDE = ContainerPlan("side-image", "side", port=0, readiness=None)
POD = replace(PLAN, container=replace(PLAN.container, readiness=ProbePlan()), sidecars=(SIDE,))


class Pod:
    """An instance of two containers, whose runs a test plays: `server` and `side` are the newest of each."""

    def __init__(self, tmp_path: Path) -> None:
        self.driver, self.clock = Played(), VirtualClock()
        image = Image("sha256:1", (), object(), in_container=True, has_our_runtime=False)
        provisions = tuple(Provision(container, image, {}) for container in POD.containers)
        self.owner = Owner(POD, provisions)
        means: Any = Means(self.driver, LogStore(tmp_path), self.clock, asyncio.ensure_future, None)  # type: ignore[arg-type]
        self.instance = Instance("pod-a", self.owner, means, EPOCH)
        self.instance.start(provisions)

    def launched(self) -> list[str]:
        return [f"{launch.container.name} {launch.run}" for launch in self.driver.launches]

    def newest(self, name: str) -> RunEvents:
        found = zip(self.driver.launches, self.driver.events, strict=True)
        return [events for launch, events in found if launch.container.name == name][-1]

    def serve(self) -> None:
        """Both run and are ready."""
        for name in ("user-container", "side"):
            self.newest(name).started(7)
            self.newest(name).ready()


def test_sidecars_start_beside_the_serving_container_once_it_runs(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    assert pod.launched() == ["user-container 0"]
    pod.newest("user-container").started(7)
    assert pod.launched() == ["user-container 0", "side 0"]
    assert pod.driver.launches[1].beside is pod.driver
    pod.newest("user-container").ready()
    assert pod.instance.endpoint() is None
    pod.newest("side").ready()
    assert pod.instance.phase is Phase.READY
    assert pod.instance.endpoint() is not None


def test_a_sidecars_crash_takes_the_pod_out_of_service_and_leaves_the_serving_container(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    pod.serve()
    pod.newest("side").line("stderr", b"lost")
    pod.newest("side").exited(ExitStatus(3))
    assert (pod.instance.phase, pod.instance.endpoint()) == (Phase.BACKOFF, None)
    assert pod.instance.failure is not None
    assert pod.instance.failure.message == "Container side failed with: lost"
    pod.clock.advance(0)
    assert pod.launched() == ["user-container 0", "side 0", "side 1"]
    pod.newest("side").started(8)
    pod.newest("side").ready()
    assert pod.instance.endpoint() is not None
    assert pod.instance.failure is None
    server, side = pod.instance.view().containers
    assert (server.restarts, side.restarts) == (0, 1)


def test_a_crash_of_the_serving_container_takes_the_sidecars_along_without_blaming_them(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    pod.serve()
    pod.newest("user-container").exited(ExitStatus(5))
    assert pod.driver.signals == ["KILL"]
    pod.clock.advance(0)
    assert pod.launched() == ["user-container 0", "side 0", "user-container 1"]
    pod.newest("user-container").started(9)
    assert len(pod.driver.launches) == 3  # the old sidecar is still there
    pod.driver.events[1].exited(ExitStatus(137, 9))
    assert pod.launched()[3:] == ["side 1"]
    assert pod.instance.failure is not None
    assert pod.instance.failure.reason == "ExitCode5"
    pod.serve()
    assert pod.instance.failure is None


def test_sidecars_are_stopped_when_the_serving_container_has_ended(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    pod.serve()
    pod.instance.drain()
    assert pod.driver.signals == []
    pod.instance.idle()
    assert pod.driver.signals == ["TERM"]
    pod.newest("user-container").exited(ExitStatus(0))
    assert pod.driver.signals == ["TERM", "TERM"]
    assert pod.owner.gone == []
    pod.clock.advance(35)
    assert pod.driver.signals == ["TERM", "TERM", "KILL"]
    pod.newest("side").exited(ExitStatus(137, 9))
    assert pod.owner.gone == [pod.instance]


def test_a_container_that_announces_nothing_is_asked_until_it_listens(tmp_path: Path) -> None:
    async def main() -> None:
        async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            driver, became_ready = Played(), asyncio.Event()
            driver.announces_ready, driver.address = False, f"tcp:127.0.0.1:{port}"
            owner = Owner()
            owner.changed = lambda instance: became_ready.set() if instance.endpoint() else None  # type: ignore[method-assign]
            means: Any = Means(driver, LogStore(tmp_path), VirtualClock(), asyncio.ensure_future, None)  # type: ignore[arg-type]
            instance = Instance("pod-a", owner, means, EPOCH)
            instance.start(PROVISIONS)
            driver.events[0].started(7)
            driver.events[0].ready()
            assert instance.endpoint() is None
            async with asyncio.timeout(10):
                await became_ready.wait()
            assert [container.ready for container in instance.view().containers] == [True]
            instance.release()

    asyncio.run(main())


def test_what_runs_for_a_while_and_does_not_listen_says_so_once(tmp_path: Path) -> None:
    async def main() -> None:
        clock, driver, owner, noticed = VirtualClock(), Played(), Owner(), asyncio.Event()
        driver.announces_ready, driver.address = False, "tcp:127.0.0.1:1"
        owner.changed = lambda instance: noticed.set() if instance.unready else None  # type: ignore[method-assign]
        means: Any = Means(driver, LogStore(tmp_path), clock, asyncio.ensure_future, None)  # type: ignore[arg-type]
        instance = Instance("pod-a", owner, means, EPOCH)
        instance.start(PROVISIONS)
        driver.events[0].started(7)
        driver.events[0].ready()
        assert instance.unready == ""
        clock.advance(10)
        async with asyncio.timeout(10):
            await noticed.wait()
        assert instance.unready == (
            "Readiness probe failed: cannot connect: Connection refused; it has to listen on port 8080 of every "
            "address, not of 127.0.0.1 only"
        )
        driver.events[0].exited(ExitStatus(1))
        assert instance.unready == ""
        assert instance.failure is not None
        assert instance.failure.message.startswith("Container failed with: Readiness probe failed: cannot connect")
        instance.release()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (ExitStatus(0), "it ended by itself, without a word; what serves has to stay"),
        (ExitStatus(137, 9, oom_killed=True), "it used more memory than its limit"),
        (ExitStatus(5), "it printed nothing"),
    ],
)
def test_what_ends_in_silence_has_words_too(tmp_path: Path, status: ExitStatus, words: str) -> None:
    instance, driver, _, _ = make(tmp_path)
    driver.events[0].exited(status)
    assert instance.failure is not None
    assert instance.failure.message == f"Container failed with: {words}"


def test_what_never_ran_says_why_instead_of_its_last_lines(tmp_path: Path) -> None:
    instance, driver, _, _ = make(tmp_path)
    driver.events[0].exited(ExitStatus(128, start_error="exec: /bin/nothing: no such file"))
    assert instance.failure is not None
    assert (instance.failure.reason, instance.failure.message) == (
        "StartError",
        "Container failed with: exec: /bin/nothing: no such file",
    )


def adopted(pod: Pod, container: str) -> AdoptedRun:
    def attach(events: RunEvents) -> Any:
        pod.driver.events.append(events)
        return pod.driver

    return AdoptedRun(POD.key, "pod-a", 2, 0.0, attach, container)


def test_an_earlier_engines_sidecars_go_on_once_it_is_known_what_they_are(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    instance = pod.instance = Instance("pod-b", pod.owner, pod.instance._means, EPOCH)
    instance.adopt(adopted(pod, ""), {"side": adopted(pod, "side")})
    assert instance.endpoint() is not None
    assert not instance.is_provided
    instance.provide(pod.owner.provisions)
    assert instance.endpoint() is not None
    assert [container.restarts for container in instance.view().containers] == [2, 2]
    assert pod.launched() == ["user-container 0"]  # nothing was started but what the other Pod has


def test_a_sidecar_that_did_not_outlive_the_engine_starts_again(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    instance = Instance("pod-b", pod.owner, pod.instance._means, EPOCH)
    instance.adopt(adopted(pod, ""), {})
    instance.provide(pod.owner.provisions)
    assert pod.launched() == ["user-container 0", "side 0"]
    assert instance.endpoint() is None
    pod.driver.events[-1].ready()
    assert instance.endpoint() is not None


def test_sidecars_of_a_pod_that_ends_before_its_plan_is_known_end_with_it(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    instance = Instance("pod-b", pod.owner, pod.instance._means, EPOCH)
    instance.adopt(adopted(pod, ""), {"side": adopted(pod, "side")})
    instance.drain()
    pod.driver.events[-1].exited(ExitStatus(0))
    assert pod.driver.signals == ["KILL"]
    assert pod.owner.gone == [instance]


def test_what_cannot_be_reached_is_started_again_when_it_is_ours_and_asked_again_when_not(tmp_path: Path) -> None:
    ours, driver, _, _ = make(tmp_path)
    driver.events[0].ready()
    ours.unreachable()
    assert driver.signals == ["KILL"]

    async def main() -> None:
        pod = Pod(tmp_path / "other")
        pod.driver.announces_ready = False
        pod.driver.address = f"unix:{tmp_path}/nobody.sock"
        pod.newest("user-container").started(7)
        pod.instance._serving.state = State.READY
        pod.newest("side").ready()
        assert pod.instance.endpoint() is not None
        pod.instance.unreachable()
        assert (pod.instance.endpoint(), pod.driver.signals) == (None, [])
        pod.instance.release()

    asyncio.run(main())
