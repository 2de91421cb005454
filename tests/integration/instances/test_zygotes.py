"""Which zygotes are kept, and what is refused."""

from __future__ import annotations

import asyncio
import os
import select
from typing import Any

import msgspec
import pytest

from faas.engine.contract.revision import ContainerPlan, SecurityPlan
from tests.plans import changed

HELLO = """
    async def answer(path):
        return 200, str([os.getpid(), os.getppid()]).encode()
"""


async def gone(pid: int) -> None:
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert await asyncio.to_thread(lambda: select.select([fd], [], [], 10)[0])
    finally:
        os.close(fd)


async def start(world: Any, plan: Any) -> tuple[Any, int, int]:
    """One instance: its endpoint, its process and its zygote."""
    world.board.plans.put(plan.key, plan)
    world.scale(plan, 1)
    (endpoint,) = await world.ready(plan)
    pid, zygote = eval((await world.ask(endpoint))[1])
    return endpoint, pid, zygote


def test_a_revision_without_traffic_and_instances_keeps_no_zygote(world: Any) -> None:
    plan = world.function(HELLO)

    async def main() -> None:
        async with world.engine() as instances:
            endpoint, _, zygote = await start(world, plan)
            world.board.plans.put(plan.key, changed(plan, warm=False))
            world.scale(plan, 0)
            for listener in world.board.signals.idle:
                listener(plan.key, endpoint.id)
            await gone(zygote)
            await instances.stop_all(10)

    asyncio.run(main())


def test_above_the_budget_the_least_recently_used_zygote_ends_and_its_instance_goes_on(world: Any) -> None:
    world.settings = msgspec.structs.replace(world.settings, zygote_budget_bytes=1)
    first, second = world.function(HELLO, name="first"), world.function(HELLO, name="second")

    async def main() -> None:
        async with world.engine() as instances:
            endpoint, pid, zygote = await start(world, first)
            await start(world, second)
            await gone(zygote)
            assert eval((await world.ask(endpoint))[1])[0] == pid
            world.scale(first, 2)  # and it comes back when it is needed
            await world.ready(first, 2)
            await instances.stop_all(10)

    asyncio.run(main())


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({"command": ("python", "server.py")}, id="a command"),
        pytest.param({"args": ("--fast",)}, id="arguments"),
        pytest.param({"working_dir": "/srv"}, id="a workingDir"),
        pytest.param({"protocol": "h2c"}, id="an h2c port"),
        pytest.param({"sidecars": (ContainerPlan("logger", "logger"),)}, id="sidecars"),
        pytest.param({"security": SecurityPlan(user=0)}, id="another user"),
    ],
)
def test_what_a_process_instance_cannot_be_is_refused_with_a_reason(world: Any, asked: dict[str, Any]) -> None:
    plan = changed(world.function(HELLO), **asked)

    async def main() -> None:
        async with world.engine():
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 1)
            await world.until(lambda: (fleet := world.board.fleets.get(plan.key)) and fleet.failure)
            failure = world.board.fleets[plan.key].failure
            assert failure.reason == "ContainerMissing"
            assert failure.message.startswith("a process of this machine cannot have ")
            assert "container=True" in failure.message

    asyncio.run(main())


def test_an_interpreter_that_cannot_run_the_runtime_says_so_in_the_failure(world: Any) -> None:
    plan = world.function(HELLO)
    (world.base / "empty").mkdir()
    bundle = world.bundles[plan.container.image]
    world.bundles[plan.container.image] = msgspec.structs.replace(
        bundle, sys_path=(*bundle.sys_path[:-1], world.base / "empty")
    )

    async def main() -> None:
        async with world.engine() as instances:
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 1)
            failure = await world.until(
                lambda: (fleet := world.board.fleets.get(plan.key)) and fleet.failure and fleet.failure
            )
            assert "No module named 'faas_runtime'" in failure.message
            await instances.stop_all(10)

    asyncio.run(main())
