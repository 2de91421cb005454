"""None of our containers is left behind, and those that serve go on."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

from faas.engine.instances.docker.ownership import OWNER
from faas.engine.instances.driver import ExitStatus, Mount
from tests.integration.instances.docker.conftest import KEY, PATIENCE_S, Recorded, World

LOOP = "while :; do sleep 0.05; done"
PRINTER = "echo up; (exec httpd -f -p $PORT -h /www) & i=0; while :; do echo tick $((i+=1)); sleep 0.1; done"


async def adopted(world: World, driver: Any) -> list[tuple[Any, Recorded]]:
    found = []
    for one in await asyncio.to_thread(driver.adopt):
        recorded = Recorded(driver)
        recorded.run = one.attach(recorded.events)
        found.append((one, recorded))
    return found


def test_the_next_engine_goes_on_with_what_serves(world: World, shell: str) -> None:
    async def first() -> str:
        async with world.driver() as driver:
            one = world.start(driver, await world.image(driver, shell), run=2)
            await one.ready()
            await one.answers()
            return str(one.run.address)

    async def second(address: str) -> None:
        async with world.driver() as driver:
            ((found, one),) = await adopted(world, driver)
            assert (found.key, found.pod, found.run_number, found.container) == (KEY, "hello-00001-x", 2, "")
            assert abs(found.created_s - time.time()) < 600
            assert one.run.address == address
            assert await one.get() == b"hello from a shell\n"
            assert await one.run.execute(("true",), {}, 10.0) == ""
            one.run.stop()
            assert (await one.exited()).code == 143
            await world.nothing_left()

    asyncio.run(second(asyncio.run(first())))


def test_what_is_printed_while_no_engine_runs_is_read_by_the_next_one(world: World, shell: str) -> None:
    async def first() -> int:
        async with world.driver() as driver:
            image = await world.image(driver, shell)
            one = world.start(driver, image, command=("/bin/sh", "-c"), args=(PRINTER,))
            await one.printed(b"tick 3")
            await one.answers()
            log = world.settings.logs_dir / KEY.namespace / KEY.name / "hello-00001-x" / "0.jsonl"
            log.parent.mkdir(parents=True)
            log.write_text("")  # as the engine does with each line
            return int(one.lines[-1][1].split()[1])

    async def second(last: int) -> None:
        async with world.driver() as driver:
            ((_, one),) = await adopted(world, driver)
            await one.printed(b"tick %d" % (last + 5))
            ticks = [int(line.split()[1]) for _, line in one.lines]
            assert ticks == list(range(ticks[0], ticks[0] + len(ticks)))
            assert ticks[0] <= last + 2  # one may be lost in the moment in which the engine ended
            one.run.kill()
            await one.exited()

    asyncio.run(second(asyncio.run(first())))


def test_one_that_ends_while_no_engine_runs_and_one_that_does_not_serve_are_removed(world: World, shell: str) -> None:
    async def first() -> None:
        async with world.driver() as driver:
            image = await world.image(driver, shell)
            mounts = (Mount("/data", "data", None, read_only=False),)
            ends = world.start(
                driver, image, pod="ends", command=("/bin/sh", "-c", "echo up; sleep 0.3"), mounts=mounts
            )
            await ends.printed(b"up")
            deaf = world.start(driver, image, pod="deaf", command=("/bin/sh", "-c", "echo up; sleep 1000"))
            await deaf.printed(b"up")

    async def second() -> None:
        async with world.driver() as driver:
            assert await adopted(world, driver) == []
            await world.nothing_left()

    asyncio.run(first())
    asyncio.run(second())


def test_sidecars_are_adopted_with_the_container_they_are_beside(world: World, shell: str) -> None:
    async def first() -> None:
        async with world.driver() as driver:
            image = await world.image(driver, shell)
            serving = world.start(driver, image)
            await serving.ready()
            side = world.start(driver, image, beside=serving, name="side", port=9000)
            await side.ready()
            await side.answers()
            await serving.answers()

    async def second() -> None:
        async with world.driver() as driver:
            found = await adopted(world, driver)
            assert [one.container for one, _ in found] == ["", "side"]
            assert await found[1][1].get() == b"hello from a shell\n"
            for _, one in found:
                one.run.stop()
                await one.exited()

    asyncio.run(first())
    asyncio.run(second())


def test_under_faas_run_everything_goes_with_the_engine(world: World, shell: str) -> None:
    world.foreground()

    async def run() -> None:
        async with world.driver() as driver:
            image = await world.image(driver, shell)
            one = world.start(driver, image, mounts=(Mount("/data", "data", None, read_only=False),))
            await one.ready()
            (container,) = world.containers()
            assert OWNER in container.labels

    asyncio.run(run())
    assert (world.containers(), world.volumes(), world.networks()) == ([], [], [])


def test_without_an_engine_a_program_lets_containers_finish_and_removes_everything(world: World, shell: str) -> None:
    async def run() -> None:
        async with world.driver() as driver:
            image = await world.image(driver, shell)
            polite = world.start(
                driver, image, pod="polite", command=("/bin/sh", "-c"), args=("trap 'exit 0' TERM; echo up; " + LOOP,)
            )
            deaf = world.start(
                driver, image, pod="deaf", command=("/bin/sh", "-c"), args=("trap '' TERM; echo up; " + LOOP,)
            )
            for one in (polite, deaf):
                await one.printed(b"up")

    asyncio.run(run())
    assert len(world.containers()) == 2
    done = subprocess.run(
        [sys.executable, "-P", "-m", "faas.engine.instances.docker.ending", str(world.settings.state_dir), "1"],
        capture_output=True, text=True, check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "ended 2 containers\n")
    assert (world.containers(), world.volumes(), world.networks()) == ([], [], [])


ENGINE = """
    import asyncio, json, sys
    from pathlib import Path
    from faas.engine.contract.revision import ContainerPlan, RevisionKey, RevisionPlan
    from faas.engine.contract.settings import EngineSettings, Listeners
    from faas.engine.instances.docker import DockerDriver
    from faas.engine.instances.driver import Launch, Mount, Pull, RunEvents

    async def main(state, runtime, image, watched):
        settings = EngineSettings(Path(state), Path(runtime), Listeners(-1, -1, -1, -1), foreground=True)
        async with DockerDriver(settings) as driver:
            found = await driver.resolve(image, Pull())
            if not watched:
                driver._watcher._process.kill()
            container = ContainerPlan(image)
            plan = RevisionPlan(RevisionKey("default", "hello-00001"), "uid", "hello", "hello", container)
            for number in range(3):
                ready = asyncio.Event()
                events = RunEvents(lambda pid: None, ready.set, lambda status: None, lambda stream, line: None)
                mounts = (Mount("/data", "data", None, read_only=False),)
                driver.start(Launch(plan, container, f"p{number}", 0, found, {"PORT": "8080"}, mounts), events)
                await ready.wait()
            print("up", flush=True)
            await asyncio.Event().wait()

    asyncio.run(main(*sys.argv[1:4], sys.argv[4] == "watched"))
"""


def engine_killed(world: World, image: str, watched: str) -> None:
    """A process group of its own runs three containers, and is killed as a whole."""
    command = [sys.executable, "-c", textwrap.dedent(ENGINE), str(world.settings.state_dir)]
    with subprocess.Popen(
        [*command, str(world.settings.runtime_dir), image, watched],
        stdout=subprocess.PIPE,
        start_new_session=True,
        cwd=Path(__file__).parents[4],
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"up\n"
            assert len(world.containers(all=False)) == 3
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def test_after_kill_9_of_the_whole_process_group_not_one_container_is_left(world: World, shell: str) -> None:
    engine_killed(world, shell, "watched")
    deadline = time.monotonic() + PATIENCE_S
    while world.containers() or world.volumes() or world.networks():
        assert time.monotonic() < deadline, (world.containers(), world.volumes(), world.networks())


def test_if_the_watcher_was_killed_too_the_next_engine_of_any_state_removes_them(
    world: World, shell: str, tmp_path: Path
) -> None:
    engine_killed(world, shell, "alone")
    assert len(world.containers(all=False)) == 3
    other = World(world.client, tmp_path / "other", world.settings.runtime_dir)

    async def run() -> None:
        async with other.driver() as driver:
            await other.image(driver, shell)

    asyncio.run(run())
    assert (world.containers(), world.volumes(), world.networks()) == ([], [], [])


def test_the_end_of_one_engine_leaves_the_others_containers_alone(world: World, shell: str, tmp_path: Path) -> None:
    other = World(world.client, tmp_path / "other", world.settings.runtime_dir / "other")
    other.settings.runtime_dir.mkdir()
    other.foreground()

    async def run() -> None:
        async with world.driver() as driver:
            one = world.start(driver, await world.image(driver, shell))
            await one.ready()
            async with other.driver() as second:
                theirs = other.start(second, await other.image(second, shell))
                await theirs.ready()
            assert other.containers() == []
            assert len(world.containers(all=False)) == 1
            one.run.kill()
            assert await one.exited() == ExitStatus(137)

    asyncio.run(run())


def test_what_belongs_to_a_deleted_state_is_removed_by_the_next_engine_of_any(
    world: World, shell: str, tmp_path: Path
) -> None:
    async def first() -> None:
        async with world.driver() as driver:
            await world.start(driver, await world.image(driver, shell)).ready()

    asyncio.run(first())
    world.settings.state_dir.rmdir()
    other = World(world.client, tmp_path / "other", world.settings.runtime_dir)

    async def second() -> None:
        async with other.driver() as driver:
            await other.image(driver, shell)

    asyncio.run(second())
    assert (world.containers(), world.networks()) == ([], [])
