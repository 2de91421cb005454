"""Instances that are containers of a real Docker engine: probes, sidecars, crashes, drains, other engines' Pods."""

from __future__ import annotations

import asyncio
import http.client
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from faas.engine.contract.revision import (
    ContainerPlan,
    EnvVar,
    ProbePlan,
    RevisionKey,
    RevisionPlan,
    VolumeMount,
)
from tests.containers_world import MadeImage, busybox, docker

__all__ = ["busybox", "docker"]

pytestmark = pytest.mark.timeout(120)

SERVE = "mkdir -p /tmp/www; echo $GREETING > /tmp/www/index.html; exec httpd -f -p $PORT -h /tmp/www"
SHARED = VolumeMount("/shared", (), volume="shared", read_only=False)


@pytest.fixture
def image(docker: Any, busybox: MadeImage) -> Iterator[str]:
    name = f"dev.local/pods-{uuid.uuid4().hex[:8]}:latest"
    busybox.load(docker, name)
    yield name
    docker.images.remove(name, force=True)


@pytest.fixture(autouse=True)
def nothing_stays(world: Any, docker: Any) -> Iterator[None]:
    yield
    label = f"faas.dev/state={world.settings.state_dir}"
    for container in docker.containers.list(all=True, filters={"label": label}):
        container.remove(force=True)  # of a test that failed before its engine had ended it


@pytest.fixture
def pods(world: Any) -> Any:
    """A world whose engine leaves nothing behind."""
    world.settings = msgspec.structs.replace(world.settings, foreground=True)
    return world


def shell(image: str, script: str = SERVE, name: str = "user-container", **fields: Any) -> ContainerPlan:
    env = (EnvVar("GREETING", "hello"), *fields.pop("env", ()))
    return ContainerPlan(image, name, ("/bin/sh", "-c"), (script,), env=env, **fields)


def revision(container: ContainerPlan, *sidecars: ContainerPlan) -> RevisionPlan:
    key = RevisionKey("default", "shell-00001")
    return RevisionPlan(key, "uid", "shell", "shell", container, sidecars, timeout_s=10.0)


def sidecar(image: str, script: str, **fields: Any) -> ContainerPlan:
    return shell(image, script, **{"name": "side", "port": 0, "readiness": None, **fields})


async def ask(endpoint: Any, path: str = "/") -> tuple[int, str]:
    def get() -> tuple[int, str]:
        host, port = endpoint.address.removeprefix("tcp:").split(":")
        with closing(http.client.HTTPConnection(host, int(port), timeout=10)) as connection:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()

    return await asyncio.to_thread(get)


async def drained(world: Any, plan: RevisionPlan) -> None:
    """Scale to zero; the gateway says that no request is left."""
    world.scale(plan, 0)
    (endpoint,) = await world.until(lambda: [e for e in world.board.endpoints[plan.key] if e.draining])
    for tell in world.board.signals.idle:
        tell(plan.key, endpoint.id)
    await world.until(lambda: not world.board.endpoints.get(plan.key))


def states(world: Any) -> dict[str, dict[str, Any]]:
    """Of the only Pod, by container."""
    pods = world.client.pods()
    return {status["name"]: status for status in pods[0]["status"]["containerStatuses"]} if len(pods) == 1 else {}


async def text(engine: Any, pod: str, sidecar: str = "") -> list[str]:
    return [line.line async for line in engine.logs.read("default", pod, sidecar=sidecar)]


def test_a_server_in_any_language_is_ready_once_it_listens_on_its_port(pods: Any, image: str) -> None:
    plan = revision(shell(image, "sleep 0.3; " + SERVE, port=9000))

    async def main() -> None:
        async with pods.engine():
            pods.board.plans.put(plan.key, plan)
            pods.scale(plan, 1)
            (endpoint,) = await pods.ready(plan)
            assert endpoint.address.endswith(":9000")
            assert await ask(endpoint) == (200, "hello\n")
            status = pods.board.fleets[plan.key]
            assert status.image_digests[0].startswith(image.removesuffix(":latest") + "@sha256:")
            (pod,) = await pods.until(lambda: [p for p in pods.client.pods() if p["status"]["phase"] == "Running"])
            assert f"tcp:{pod['status']['podIP']}:9000" == endpoint.address
            await drained(pods, plan)
            await pods.until(lambda: not pods.client.pods())

    asyncio.run(main())


def test_a_sidecar_shares_network_and_volumes_and_has_logs_of_its_own(pods: Any, image: str) -> None:
    plan = revision(
        shell(image, "echo serving; echo of the server > /shared/a; " + SERVE, volumes=(SHARED,)),
        sidecar(
            image,
            "until wget -q -O /shared/copy http://127.0.0.1:8080/; do sleep 0.05; done;"
            "cat /shared/a /shared/copy; echo port=$PORT; sleep 60 & wait",
            volumes=(SHARED,),
        ),
    )

    async def main() -> None:
        async with pods.engine() as engine:
            pods.board.plans.put(plan.key, plan)
            pods.scale(plan, 1)
            (endpoint,) = await pods.ready(plan)
            lines: list[str] = []
            async for line in engine.logs.read("default", endpoint.id, sidecar="side", follow=True):
                lines.append(line.line)
                if len(lines) == 3:
                    break
            assert lines == ["of the server", "hello", "port="]
            assert await text(engine, endpoint.id) == ["serving"]
            assert engine.logs.is_sidecar("default", endpoint.id, "side")
            assert not engine.logs.is_sidecar("default", endpoint.id, "user-container")
            await pods.until(lambda: all(status["ready"] for status in states(pods).values()) and states(pods))
            assert set(states(pods)) == {"user-container", "side"}

    asyncio.run(main())


def test_a_sidecar_that_crashes_starts_again_alone_and_is_shown(pods: Any, image: str) -> None:
    crash_once = "test -e /shared/again && exec sleep 60; touch /shared/again; echo lost >&2; exit 3"
    plan = revision(shell(image, volumes=(SHARED,)), sidecar(image, crash_once, volumes=(SHARED,)))

    async def main() -> None:
        async with pods.engine():
            pods.board.plans.put(plan.key, plan)
            pods.scale(plan, 1)
            await pods.until(lambda: states(pods).get("side", {}).get("restartCount") == 1 and states(pods))
            await pods.ready(plan)
            await pods.until(lambda: states(pods)["side"]["ready"])
            found = states(pods)
            assert found["user-container"]["restartCount"] == 0
            assert found["side"]["lastState"]["terminated"]["exitCode"] == 3
            assert found["side"]["lastState"]["terminated"]["message"] == "Container side failed with: lost"

    asyncio.run(main())


def test_a_crash_says_its_exit_code_and_last_words(pods: Any, image: str) -> None:
    plan = revision(shell(image, "echo no such database >&2; exit 5"), sidecar(image, "exec sleep 60"))

    async def main() -> None:
        async with pods.engine():
            pods.board.plans.put(plan.key, plan)
            pods.scale(plan, 1)
            fleet = await pods.until(lambda: (now := pods.board.fleets.get(plan.key)) and now.failure and now)
            assert (fleet.failure.reason, fleet.failure.message) == (
                "ExitCode5",
                "Container failed with: no such database",
            )

    asyncio.run(main())


def test_what_cannot_be_started_says_why(pods: Any, image: str) -> None:
    plan = revision(ContainerPlan(image, command=("/bin/nothing",)))

    async def main() -> None:
        async with pods.engine():
            pods.board.plans.put(plan.key, plan)
            pods.scale(plan, 1)
            fleet = await pods.until(lambda: (now := pods.board.fleets.get(plan.key)) and now.failure and now)
            assert fleet.failure.reason in ("StartError", "ExitCode127")  # the latter where a first process starts it
            assert "/bin/nothing" in fleet.failure.message

    asyncio.run(main())


def test_probes_run_in_the_container_and_a_failing_liveness_restarts_it(pods: Any, image: str) -> None:
    plan = revision(
        shell(
            image,
            "touch /tmp/alive; " + SERVE,
            startup=ProbePlan("exec", command=("test", "-e", "/tmp/alive"), period_s=0.1, failure_threshold=50),
            readiness=ProbePlan("http", path="/index.html", period_s=0.1),
            liveness=ProbePlan("exec", command=("test", "-e", "/tmp/alive"), period_s=0.1, failure_threshold=1),
        )
    )

    async def main() -> None:
        async with pods.engine() as engine:
            pods.board.plans.put(plan.key, plan)
            pods.scale(plan, 1)
            (endpoint,) = await pods.ready(plan)
            (instance,) = engine._instances_of(plan.key)
            run = instance._serving.run
            assert await run.execute(("busybox", "rm", "/tmp/alive"), {}, 10.0) == ""
            await pods.until(lambda: states(pods)["user-container"]["restartCount"] == 1)
            await pods.ready(plan)
            lines = [line.line async for line in engine.logs.read("default", endpoint.id, previous=True)]
            assert any("Liveness probe failed" in line for line in lines)

    asyncio.run(main())


def test_sidecars_live_until_the_server_has_ended(pods: Any, image: str) -> None:
    stay = "trap 'sleep 0.3; echo last words > /shared/said; exit 0' TERM; httpd -p $PORT -h /; sleep 60 & wait"
    side = (
        "trap 'cat /shared/said; exit 0' TERM; touch /shared/up;"
        "while true; do test -e /shared/said && echo seen; sleep 0.05; done"
    )
    plan = revision(shell(image, stay, volumes=(SHARED,)), sidecar(image, side, volumes=(SHARED,)))

    async def main() -> None:
        async with pods.engine() as engine:
            pods.board.plans.put(plan.key, plan)
            pods.scale(plan, 1)
            (endpoint,) = await pods.ready(plan)
            await drained(pods, plan)
            lines = await text(engine, endpoint.id, "side")
            assert "last words" in lines

    asyncio.run(main())


def test_the_next_engine_goes_on_with_a_pod_of_several_containers(world: Any, image: str) -> None:
    plan = revision(shell(image), sidecar(image, "while true; do echo tick; sleep 0.1; done"))

    async def main() -> None:
        async with world.engine():
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 1)
            (before,) = await world.ready(plan)
        world.new_engine_state()
        async with world.engine() as engine:
            try:
                world.board.plans.put(plan.key, plan)
                world.scale(plan, 1)
                (after,) = await world.ready(plan)
                assert after == before
                assert await ask(after) == (200, "hello\n")
                await world.until(lambda: len(states(world)) == 2 and all(s["ready"] for s in states(world).values()))
                assert {status["restartCount"] for status in states(world).values()} == {0}
            finally:
                await engine.stop_all(20)

    asyncio.run(main())


def test_a_revision_stays_the_image_that_was_built_here_though_its_tag_moved(
    pods: Any, docker: Any, busybox: MadeImage
) -> None:
    name = f"127.0.0.1:1/pods-{uuid.uuid4().hex[:8]}:v1"  # nobody listens there
    built = busybox.reconfigured(Env=["GREETING=one"]).load(docker, name)
    plan = revision(ContainerPlan(name, command=("/bin/sh", "-c"), args=(SERVE,)))

    async def answer(plan: RevisionPlan) -> tuple[str, str]:
        async with pods.engine():
            pods.board.plans.put(plan.key, plan)
            pods.scale(plan, 1)
            (endpoint,) = await pods.ready(plan)
            _, text = await ask(endpoint)
            return text, pods.board.fleets[plan.key].image_digests[0]

    async def main() -> None:
        text, digest = await answer(plan)
        assert (text, digest) == ("one\n", f"{name.removesuffix(':v1')}@{built}")
        busybox.reconfigured(Env=["GREETING=two"]).load(docker, name)
        pods.new_engine_state()
        assert await answer(replace(plan, container=replace(plan.container, resolved=digest))) == (text, digest)
        pods.new_engine_state()
        assert (await answer(plan))[0] == "two\n"

    try:
        asyncio.run(main())
    finally:
        docker.images.remove(name, force=True)
        docker.images.remove(built, force=True)
