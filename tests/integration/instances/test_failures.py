"""Instances that fail, in every way we know: what is done, and what is said."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from faas.engine.contract.dataplane import LoadSample
from faas.engine.contract.revision import EnvVar, FleetStatus, ProbePlan
from faas.engine.instances import liveness
from tests.plans import changed

PID = """
    async def answer(path):
        if path == "/die":
            os._exit(7)
        return 200, str(os.getpid()).encode()
"""
NOTHING = FleetStatus()


def failure_of(world: Any, plan: Any) -> Any:
    return (world.board.fleets.get(plan.key) or NOTHING).failure


def test_a_module_that_does_not_import_fails_with_its_traceback(world: Any) -> None:
    plan = world.function("""
    async def answer(path):
        return 200, b""
    raise ValueError("no such table: users")
    """)

    async def main() -> None:
        async with world.engine():
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 1)
            failure = await world.until(lambda: failure_of(world, plan))
            assert failure.reason == "ExitCode4"
            assert failure.message.startswith("Container failed with: ")
            assert "ValueError: no such table: users" in failure.message

    asyncio.run(main())


def test_an_instance_that_ends_by_itself_is_restarted_in_the_same_pod(world: Any) -> None:
    plan = world.function(PID)

    async def main() -> None:
        async with world.engine() as instances:
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 1)
            (first,) = await world.ready(plan)
            _, pid = await world.ask(first)
            await asyncio.gather(world.ask(first, "/die"), return_exceptions=True)
            await world.until(lambda: failure_of(world, plan) or world.board.endpoints[plan.key] != (first,))
            (again,) = await world.ready(plan)
            assert again.id == first.id
            assert (await world.ask(again))[1] != pid
            pod = await world.until(lambda: next((p for p in world.client.pods() if restarts(p) == 1), None))
            last = pod["status"]["containerStatuses"][0]["lastState"]["terminated"]
            assert (last["exitCode"], last["reason"]) == (7, "Error")
            assert failure_of(world, plan) is None
            await instances.stop_all(10)

    asyncio.run(main())


def restarts(pod: Any) -> int:
    return int(pod["status"]["containerStatuses"][0]["restartCount"])


def test_a_crash_loop_backs_off_and_leaves_other_revisions_alone(world: Any) -> None:
    looping = world.function("    raise SystemExit(3)\n", name="looping")
    steady = world.function(PID, name="steady")

    async def main() -> None:
        async with world.engine() as instances:
            for plan in (looping, steady):
                world.board.plans.put(plan.key, plan)
                world.scale(plan, 1)
            (endpoint,) = await world.ready(steady)
            failure = await world.until(lambda: (f := failure_of(world, looping)) and f.restarts == 2 and f)
            assert failure.reason == "ExitCode4"
            pod = await world.until(
                lambda: next((p for p in world.client.pods() if "looping" in p["metadata"]["name"] and waits(p)), None)
            )
            assert waits(pod) == "CrashLoopBackOff"
            assert (await world.ask(endpoint))[0] == 200
            await instances.stop_all(10)

    asyncio.run(main())


def waits(pod: Any) -> str:
    return (
        pod["status"]["containerStatuses"][0]["state"]
        .get("waiting", {})
        .get("reason", "")
        .replace("ContainerCreating", "")
    )


def test_an_instance_killed_with_nine_says_exit_code_137_and_comes_back(world: Any) -> None:
    plan = world.function(PID)

    async def main() -> None:
        async with world.engine() as instances:
            seen = []
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 1)
            (first,) = await world.ready(plan)
            world.board.fleets.listen(lambda _, fleet: seen.append(fleet.failure) if fleet and fleet.failure else None)
            os.kill(int((await world.ask(first))[1]), signal.SIGKILL)
            await world.until(lambda: seen)
            assert seen[0].reason == "ExitCode137"
            (again,) = await world.ready(plan)
            assert (await world.ask(again))[0] == 200
            await instances.stop_all(10)

    asyncio.run(main())


def test_an_instance_over_its_memory_limit_is_oom_killed(world: Any) -> None:
    plan = world.function(
        """
        async def answer(path):
            global hoard
            hoard = bytearray(os.urandom(1024)) * (200 * 1024)
            return 200, b"full"
        """,
        memory_limit_bytes=100 * 1024 * 1024,
    )

    async def main() -> None:
        async with world.engine() as instances:
            seen = []
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 1)
            (first,) = await world.ready(plan)
            world.board.fleets.listen(lambda _, fleet: seen.append(fleet.failure) if fleet and fleet.failure else None)
            await asyncio.gather(world.ask(first), return_exceptions=True)
            await world.until(lambda: seen)
            assert seen[0].reason == "OOMKilled"
            await instances.stop_all(10)

    asyncio.run(main())


def test_what_a_subprocess_of_an_instance_takes_counts_too(world: Any) -> None:
    plan = world.function(
        """
        import subprocess, sys
        HOARD = "import os; hoard = os.urandom(1024) * (200 * 1024); print(flush=True); input()"

        async def answer(path):
            global child
            child = subprocess.Popen([sys.executable, "-c", HOARD], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            child.stdout.readline()
            return 200, b"full"
        """,
        memory_limit_bytes=150 * 1024 * 1024,
    )

    async def main() -> None:
        async with world.engine() as instances:
            seen = []
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 1)
            (first,) = await world.ready(plan)
            world.board.fleets.listen(lambda _, fleet: seen.append(fleet.failure) if fleet and fleet.failure else None)
            await asyncio.gather(world.ask(first), return_exceptions=True)
            await world.until(lambda: seen)
            assert seen[0].reason == "OOMKilled"
            await instances.stop_all(10)

    asyncio.run(main())


def test_what_an_instance_started_ends_with_it(world: Any) -> None:
    plan = world.function("""
        import subprocess

        async def answer(path):
            if path == "/die":
                os._exit(7)
            return 200, str(subprocess.Popen(["sleep", "1000"], stdin=subprocess.DEVNULL).pid).encode()
    """)

    async def main() -> None:
        async with world.engine() as instances:
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 1)
            (first,) = await world.ready(plan)
            child = os.pidfd_open(int((await world.ask(first))[1]))
            ended = asyncio.Event()
            asyncio.get_running_loop().add_reader(child, ended.set)
            await asyncio.gather(world.ask(first, "/die"), return_exceptions=True)
            async with asyncio.timeout(10):
                await ended.wait()
            asyncio.get_running_loop().remove_reader(child)
            os.close(child)
            await instances.stop_all(10)

    asyncio.run(main())


def test_a_readiness_probe_over_http_holds_the_endpoint_back(world: Any, tmp_path: Path) -> None:
    switch = tmp_path / "ready"
    plan = world.function(
        f"""
        async def answer(path):
            if path == "/ready" and not os.path.exists({str(switch)!r}):
                return 503, b"not yet"
            return 200, b"ok"
        """,
        readiness=ProbePlan(kind="http", path="/ready"),
    )

    async def main() -> None:
        async with world.engine() as instances:
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 1)
            await world.until(lambda: world.instance_pids())
            assert not world.board.endpoints.get(plan.key)
            switch.touch()
            await world.ready(plan)
            await instances.stop_all(10)

    asyncio.run(main())


def test_a_failing_liveness_probe_restarts_the_instance(world: Any) -> None:
    plan = world.function("""
        sick = False
        async def answer(path):
            global sick
            sick = sick or path == "/sicken"
            return 500 if sick else 200, str(os.getpid()).encode()
    """)
    plan = changed(plan, liveness=ProbePlan(kind="http", path="/", period_s=0.05, failure_threshold=2))

    async def main() -> None:
        async with world.engine() as instances:
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 1)
            (first,) = await world.ready(plan)
            _, pid = await world.ask(first, "/sicken")
            await world.until(lambda: world.board.endpoints[plan.key] != (first,))
            (again,) = await world.ready(plan)
            status, other = await world.ask(again)
            assert (status, other != pid) == (200, True)
            await instances.stop_all(10)

    asyncio.run(main())


def test_an_instance_whose_slots_are_all_overdue_is_replaced_and_its_stacks_are_logged(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liveness, "PERIOD_S", 0.05)
    plan = world.function(
        """
        import threading
        from faas_runtime import function

        @function
        def wait() -> str:
            threading.Event().wait()
        """,
        env=(EnvVar("FAAS_FUNCTION", "main:wait"),),
        container_concurrency=1,
        timeout_s=1.0,
    )

    async def main() -> None:
        async with world.engine() as instances:
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 1)
            (first,) = await world.ready(plan)
            pid = world.instance_pids()
            assert (await world.ask(first))[0] == 504
            for listener in world.board.signals.load:
                listener((LoadSample(str(plan.key), 1.0, 1.0, 0, 0),))
            await world.until(lambda: replace(first, draining=True) in world.board.endpoints[plan.key])
            (second,) = await world.ready(plan)
            assert second.id != first.id
            for idle in world.board.signals.idle:  # the gateway has given up its requests
                idle(plan.key, first.id)
            await world.until(lambda: world.board.endpoints[plan.key] == (second,))
            assert set(world.instance_pids()).isdisjoint(pid)
            lines = [line.line async for line in instances.logs.read("default", first.id)]
            assert any("threading.Event().wait()" in line and "all 1 threads are stuck" in line for line in lines)
            assert any(line.startswith("Liveness: every thread is stuck in a request") for line in lines)
            await instances.stop_all(10)

    asyncio.run(main())
