"""Instances that hang before they serve: they accepted nothing, so nobody waits for them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.integration.instances.test_lifecycle import wait_for, with_env
from tests.integration.instances.test_zygotes import gone

ANSWERS = """
    async def answer(path):
        return 200, b"new"
"""
TELL = """
import os, pathlib
draft = pathlib.Path(os.environ["HANGS"] + "~")
draft.write_text(str(os.getpid()))
draft.rename(os.environ["HANGS"])
"""
IN_IMPORT = f"""
    exec({TELL!r})
    __import__("threading").Event().wait(300)
    async def answer(path):
        return 200, b"old"
"""
IN_START = f"""
    async def answer(path):
        return 200, b"old"
    serve = app
    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            exec({TELL!r})
            __import__("threading").Event().wait(300)
        await serve(scope, receive, send)
"""
AWAITING = IN_START.replace('__import__("threading").Event().wait(300)', 'await __import__("asyncio").Event().wait()')


@pytest.fixture
def hangs(tmp_path: Path) -> Iterator[Path]:
    """Where what hangs leaves its process id."""
    path = tmp_path / "hangs"
    yield path
    if path.exists():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(path.read_text()), signal.SIGKILL)


def in_their_import_or_a_start_hook(test: Any) -> Any:
    sources = [
        pytest.param(IN_IMPORT, id="in its import"),
        pytest.param(IN_START, id="in a start hook"),
        pytest.param(AWAITING, id="in a start hook that awaits"),
    ]
    snapshots = [pytest.param(True, id="forked"), pytest.param(False, id="plain")]
    return pytest.mark.parametrize("source", sources)(pytest.mark.parametrize("snapshot", snapshots)(test))


def other(world: Any, plan: Any, hangs: Path) -> Any:
    """Another Revision with this one's name and environment, which serves."""
    made = replace(world.function(ANSWERS, name="mended"), key=plan.key, service=plan.service)
    return with_env(made, HANGS=str(hangs))


async def hanging(world: Any, plan: Any, hangs: Path) -> int:
    """The process of its only instance, which hangs."""
    world.board.plans.put(plan.key, plan)
    world.scale(plan, 1)
    await asyncio.to_thread(wait_for, hangs)
    await world.until(lambda: world.client.pods())
    return int(hangs.read_text())


@in_their_import_or_a_start_hook
def test_what_hangs_before_it_serves_ends_with_its_revision_and_the_next_of_its_name_does_not_wait(
    world: Any, hangs: Path, source: str, snapshot: bool
) -> None:
    plan = with_env(world.function(source, timeout_s=300.0, snapshot=snapshot), HANGS=str(hangs))
    mended = other(world, plan, hangs)

    async def main() -> None:
        async with world.engine() as instances:
            pid = await hanging(world, plan, hangs)
            world.board.plans.delete(plan.key)
            world.board.decisions.delete(plan.key)
            world.board.plans.put(mended.key, mended)
            world.scale(mended, 1)
            (endpoint,) = await world.ready(mended)
            assert (await world.ask(endpoint))[1] == b"new"
            await gone(pid)
            await world.until(lambda: [pod["metadata"]["name"] for pod in world.client.pods()] == [endpoint.id])
            await instances.stop_all(10)

    asyncio.run(main())


def test_another_revision_of_the_name_takes_its_place_also_when_nobody_said_that_the_first_is_gone(
    world: Any, hangs: Path
) -> None:
    plan = with_env(world.function(ANSWERS.replace("new", "old")), HANGS=str(hangs))
    mended = other(world, plan, hangs)

    async def main() -> None:
        async with world.engine() as instances:
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 1)
            (first,) = await world.ready(plan)
            world.board.plans.put(mended.key, mended)
            (second,) = await world.ready(mended)
            assert ((await world.ask(first))[1], (await world.ask(second))[1]) == (b"old", b"new")
            for listener in world.board.signals.idle:
                listener(plan.key, first.id)
            await world.until(lambda: [entry.id for entry in world.board.endpoints[plan.key]] == [second.id])
            await instances.stop_all(10)

    asyncio.run(main())


def test_an_import_that_hangs_ends_with_the_engine(world: Any, hangs: Path) -> None:
    plan = with_env(world.function(IN_IMPORT), HANGS=str(hangs))

    async def main() -> None:
        async with world.engine():
            pid = await hanging(world, plan, hangs)
        await gone(pid)

    asyncio.run(main())


def test_a_function_that_could_not_be_forked_may_be_when_it_is_made_anew(world: Any, hangs: Path) -> None:
    threaded = "    import threading\n    threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    plan = with_env(world.function(threaded + ANSWERS), HANGS=str(hangs))
    mended = other(world, plan, hangs)

    async def main() -> None:
        async with world.engine() as instances:
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 1)
            await world.ready(plan)
            await world.until(lambda: [reason for reason, _ in world.board.fleets[plan.key].notes] == ["PlainStart"])
            world.board.plans.delete(plan.key)
            world.board.plans.put(mended.key, mended)
            await world.ready(mended)
            assert world.board.fleets[plan.key].notes == ()
            await instances.stop_all(10)

    asyncio.run(main())
