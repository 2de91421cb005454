"""Secrets and ConfigMaps that a function names, as its handler sees them."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
from typing import Any

import pytest

from faas.engine.contract.revision import EnvVar, FleetStatus, SecretRef, VolumeMount
from faas.engine.instances import fleet
from faas.resources.kinds import CONFIG_MAP, SECRET

ASK = """
    from faas_runtime import Context, function

    @function
    def read(ctx: Context) -> str:
        return ctx.secrets["db"]["password"] + " " + ctx.config["limits"]["max"] + " " + str(os.getpid())
"""
VOLUMES = (
    VolumeMount("/var/run/faas/secrets/db", (SecretRef("Secret", "db", None),)),
    VolumeMount("/var/run/faas/config/limits", (SecretRef("ConfigMap", "limits", None),)),
)


def reading(world: Any, **changes: Any) -> Any:
    return world.function(ASK, env=(EnvVar("FAAS_FUNCTION", "main:read"),), **{"volumes": VOLUMES, **changes})


async def put_secret(world: Any, password: str) -> None:
    data = {"password": base64.b64encode(password.encode()).decode()}
    await world.client.create(SECRET, {"metadata": {"namespace": "default", "name": "db"}, "data": data})


async def put_config(world: Any, most: str) -> None:
    await world.client.create(
        CONFIG_MAP, {"metadata": {"namespace": "default", "name": "limits"}, "data": {"max": most}}
    )


def failure(world: Any, plan: Any) -> Any:
    return (world.board.fleets.get(plan.key) or FleetStatus()).failure


def trees(world: Any) -> list[str]:
    return os.listdir(world.settings.runtime_dir / "v")


def test_an_instance_waits_for_what_it_names_and_then_starts_by_itself(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "CONFIG_RETRY_S", 0.05)
    plan = reading(world)

    async def main() -> None:
        async with world.engine() as instances:
            await put_config(world, "7")
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 1)
            missing = await world.until(lambda: failure(world, plan))
            assert (missing.reason, missing.message) == ("CreateContainerConfigError", 'secret "db" not found')
            await put_secret(world, "s3cret")
            (endpoint,) = await world.ready(plan)
            status, body = await world.ask(endpoint)
            assert (status, body.split()[:2]) == (200, [b"s3cret", b"7"])
            await world.until(lambda: world.board.fleets[plan.key].failure is None)
            await instances.stop_all(10)
            assert trees(world) == []

    asyncio.run(main())


def test_a_changed_secret_reaches_new_instances_and_leaves_the_others_alone(world: Any) -> None:
    plan = reading(world)

    async def main() -> None:
        async with world.engine() as instances:
            await put_config(world, "7")
            await put_secret(world, "old")
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 1)
            (first,) = await world.ready(plan)
            await put_secret(world, "new")
            world.scale(plan, 2)
            said = {(await world.ask(entry))[1].split()[0] for entry in await world.ready(plan, 2)}
            assert said == {b"old", b"new"}
            assert (await world.ask(first))[1].startswith(b"old ")
            await instances.stop_all(10)

    asyncio.run(main())


def test_an_adopted_instance_that_dies_starts_again_with_its_secrets(world: Any) -> None:
    plan = reading(world)

    async def main() -> None:
        await put_config(world, "7")
        await put_secret(world, "s3cret")
        async with world.engine():
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 1)
            (before,) = await world.ready(plan)
            pid = int((await world.ask(before))[1].split()[2])
        world.new_engine_state()
        async with world.engine() as instances:
            await world.ready(plan)
            assert (await world.ask(before))[1].startswith(b"s3cret 7")  # its files are still there
            os.kill(pid, signal.SIGKILL)  # before anybody has said what its image is
            await world.until(lambda: not world.board.endpoints.get(plan.key))
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 1)
            (after,) = await world.ready(plan)
            assert after.id == before.id
            assert (await world.ask(after))[1].startswith(b"s3cret 7")
            await instances.stop_all(10)

    asyncio.run(main())


def test_a_volume_that_only_a_container_can_have_says_what_to_do(world: Any) -> None:
    plan = reading(world, volumes=(VolumeMount("/etc/db", (SecretRef("Secret", "db", None),)),))

    async def main() -> None:
        async with world.engine():
            await put_secret(world, "s3cret")
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 1)
            refused = await world.until(lambda: failure(world, plan))
            assert refused.reason == "CreateContainerConfigError"
            assert "mount a Secret below /var/run/faas/secrets" in refused.message

    asyncio.run(main())
