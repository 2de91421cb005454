"""Draining, adoption and ends: over real processes, with an engine that comes and goes."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import msgspec
from faas_builders import bundle as bundles

from tests.plans import changed

SLOW = """
    import asyncio
    async def answer(path):
        if path == "/slow":
            open(os.environ["STARTED"], "w").close()
            await asyncio.sleep(0.5)
        return 200, str(os.getpid()).encode()
"""
TALK = """
    import sys
    print("importing")
    async def answer(path):
        print("said", path)
        print("complained", path, file=sys.stderr)
        os.write(1, b"raw " + path.encode() + b"\\n")
        return 200, str(os.getpid()).encode()
"""


def wait_for(path: Path) -> None:
    while not path.exists():
        os.sched_yield()


def with_env(plan: Any, **env: str) -> Any:

    from faas.engine.contract.revision import EnvVar

    return changed(plan, env=(*plan.container.env, *(EnvVar(name, value) for name, value in env.items())))


def test_scaling_down_drains_the_youngest_and_finishes_what_it_does(world: Any, tmp_path: Path) -> None:
    started = tmp_path / "started"
    plan = with_env(world.function(SLOW), STARTED=str(started))

    async def main() -> None:
        async with world.engine() as instances:
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 1)
            (oldest,) = await world.ready(plan)
            world.scale(plan, 2)
            youngest = next(entry for entry in await world.ready(plan, 2) if entry.id != oldest.id)
            request = asyncio.create_task(world.ask(youngest, "/slow"))
            await asyncio.to_thread(wait_for, started)
            world.scale(plan, 1)
            assert {entry.id: entry.draining for entry in world.board.endpoints[plan.key]} == {
                oldest.id: False,
                youngest.id: True,
            }
            for listener in world.board.signals.idle:  # too early, as a gateway that has lost count would say it
                listener(plan.key, youngest.id)
            assert (await request)[0] == 200
            await world.until(lambda: len(world.board.endpoints[plan.key]) == 1)
            await world.until(lambda: len(world.client.pods()) == 1)
            assert world.board.fleets[plan.key].failure is None
            await instances.stop_all(10)

    asyncio.run(main())


def test_a_draining_instance_waits_for_the_gateway_to_say_that_it_is_idle(world: Any) -> None:
    plan = world.function(TALK)

    async def main() -> None:
        async with world.engine() as instances:
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 1)
            (endpoint,) = await world.ready(plan)
            world.scale(plan, 0)
            assert (await world.ask(endpoint))[0] == 200  # still there for what was on its way
            for listener in world.board.signals.idle:
                listener(plan.key, endpoint.id)
            await world.until(lambda: not world.board.endpoints[plan.key])
            await instances.stop_all(10)

    asyncio.run(main())


def test_deleting_the_pod_ends_the_instance_and_another_one_takes_its_place(world: Any) -> None:
    plan = world.function(TALK)

    async def main() -> None:
        from faas.resources.kinds import POD

        async with world.engine() as instances:
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 1)
            (first,) = await world.ready(plan)
            await world.until(lambda: world.client.pods() and world.client.watched)
            await world.client.delete(POD, first.id, "default")
            await world.until(lambda: (world.board.endpoints.get(plan.key) or (first,))[-1].id != first.id)
            (second,) = await world.ready(plan)
            assert second.id != first.id
            await instances.stop_all(10)

    asyncio.run(main())


def test_a_pod_looks_as_knatives_do(world: Any) -> None:
    plan = world.function(TALK)

    async def main() -> None:
        async with world.engine() as instances:
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 1)
            (endpoint,) = await world.ready(plan)
            ready = {"type": "Ready", "status": "True"}
            pod = await world.until(
                lambda: next(
                    (p for p in world.client.pods() if ready.items() <= p["status"]["conditions"][-1].items()), None
                )
            )
            assert pod["metadata"]["name"] == endpoint.id
            assert endpoint.id.startswith("hello-00001-deployment-")
            assert pod["metadata"]["labels"] == {
                "serving.knative.dev/service": "hello",
                "serving.knative.dev/configuration": "hello",
                "serving.knative.dev/revision": "hello-00001",
                "serving.knative.dev/revisionUID": "uid-hello",
                "app": "hello-00001",
            }
            assert pod["metadata"]["ownerReferences"][0]["kind"] == "Revision"
            assert pod["status"]["phase"] == "Running"
            assert pod["status"]["podIP"] == "127.0.0.1"
            assert "running" in pod["status"]["containerStatuses"][0]["state"]
            await instances.stop_all(10)
            await world.until(lambda: not world.client.pods())

    asyncio.run(main())


def test_output_is_kept_by_line_and_stream_and_can_be_followed_to_the_end(world: Any) -> None:
    plan = world.function(TALK)

    async def main() -> None:
        async with world.engine() as instances:
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 1)
            (endpoint,) = await world.ready(plan)
            lines: list[Any] = []
            seen = asyncio.Event()

            async def follow() -> None:
                async for line in instances.logs.read("default", endpoint.id, follow=True):
                    lines.append(line)
                    if line.line.startswith("raw /two"):
                        seen.set()

            follower = asyncio.create_task(follow())
            await world.ask(endpoint, "/one")
            await world.ask(endpoint, "/two")
            async with asyncio.timeout(10):
                await seen.wait()
            await instances.stop_all(10)
            async with asyncio.timeout(10):
                await follower
            said = [(line.stream, line.line) for line in lines]
            assert said[0] == ("stdout", "importing")
            assert [line for stream, line in said if stream == "stdout" and "/" in line] == [
                "said /one", "raw /one", "said /two", "raw /two",
            ]  # fmt: skip
            assert ("stderr", "complained /one") in said
            assert {line.revision for line in lines} == {"hello-00001"}
            tail = [line.line async for line in instances.logs.read("default", endpoint.id, tail_lines=1)]
            assert tail == [said[-1][1]]

    asyncio.run(main())


def test_the_log_of_a_crashed_run_is_the_previous_one(world: Any) -> None:
    plan = world.function("""
        async def answer(path):
            print("run", path, flush=True)
            if path == "/die":
                os._exit(1)
            return 200, b""
    """)

    async def main() -> None:
        async with world.engine() as instances:
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 1)
            (first,) = await world.ready(plan)
            await asyncio.gather(world.ask(first, "/die"), return_exceptions=True)
            await world.until(lambda: world.board.endpoints[plan.key] != (first,))
            (again,) = await world.ready(plan)
            previous = [line.line async for line in instances.logs.read("default", again.id, previous=True)]
            assert "run /die" in previous
            await instances.stop_all(10)

    asyncio.run(main())


def test_instances_outlive_the_engine_and_the_next_one_adopts_them(world: Any) -> None:
    plan = world.function(TALK)

    async def main() -> None:
        async with world.engine():
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 2)
            before = await world.ready(plan, 2)
            pids = {(await world.ask(endpoint))[1] for endpoint in before}
        assert {(await world.ask(endpoint, "/alone"))[1] for endpoint in before} == pids  # nobody is there to read

        world.new_engine_state()
        async with world.engine() as instances:
            after = await world.ready(plan, 2)
            assert {entry.address for entry in after} == {entry.address for entry in before}
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 2)
            assert {(await world.ask(endpoint))[1] for endpoint in after} == pids
            await world.until(lambda: world.board.fleets.get(plan.key) and world.board.fleets[plan.key].ready == 2)
            said = [line.line async for line in instances.logs.read("default", after[0].id)]
            assert "said /alone" in said
            os.kill(int(min(pids)), signal.SIGKILL)  # an adopted one is watched, and replaced
            await world.until(lambda: len(world.board.endpoints[plan.key]) == 1)
            await world.ready(plan, 2)
            await instances.stop_all(10)

    asyncio.run(main())


ENGINE = """
    import asyncio, json, sys
    from pathlib import Path
    from faas_builders import bundle as bundles
    from faas.engine.contract.board import Board
    from faas.engine.contract.revision import ContainerPlan, EnvVar, RevisionKey, RevisionPlan, ScaleDecision
    from faas.engine.contract.settings import EngineSettings, Listeners
    from faas.engine.instances import Instances

    sys.path.insert(0, sys.argv[1])
    from conftest import MemoryClient

    async def main():
        runtime, state, foreground = Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4] == "foreground"
        bundle = bundles.decode(Path(sys.argv[5]).read_bytes())
        settings = EngineSettings(state, runtime, Listeners(-1, -1, -1, -1), foreground=foreground)
        board = Board()
        key = RevisionKey("default", "hello-00001")
        container = ContainerPlan(f"dev.local/x@sha256:{'0' * 64}", env=(EnvVar("FAAS_FUNCTION", "main:app"),))
        plan = RevisionPlan(key, "u", "hello", "hello", container, warm=True)
        async with Instances(settings, board, MemoryClient(), resolve=lambda _: bundle):
            board.plans.put(key, plan)
            board.decisions.put(key, ScaleDecision(2))
            while len(board.endpoints.get(key) or ()) < 2:
                await asyncio.sleep(0.01)
            print(json.dumps([entry.address for entry in board.endpoints[key]]), flush=True)
            await asyncio.sleep(60)

    asyncio.run(main())
"""


def start_engine(world: Any, plan: Any, mode: str) -> tuple[subprocess.Popen[str], list[int]]:
    """An engine in a process of its own; returns it and its instances' process ids."""
    script = world.base / "engine.py"
    script.write_text(textwrap.dedent(ENGINE))
    bundle = world.base / "bundle.json"
    bundle.write_bytes(bundles.encode(world.bundles[plan.container.image]))
    folder = str(Path(__file__).parent)
    paths = [folder, str(world.settings.runtime_dir), str(world.settings.state_dir), mode, str(bundle)]
    process = subprocess.Popen([sys.executable, str(script), *paths], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    json.loads(process.stdout.readline())
    process.stdout.close()
    records = [msgspec.json.decode(path.read_bytes()) for path in (world.settings.runtime_dir / "i").glob("*.json")]
    return process, [record["pid"] for record in records]


def test_under_faas_run_everything_dies_with_the_engine_even_by_kill_nine(world: Any) -> None:
    plan = world.function("    async def answer(path):\n        return 200, b''\n")
    process, pids = start_engine(world, plan, "foreground")
    assert len(pids) == 2
    watched = [os.pidfd_open(pid) for pid in [*pids, *parents(pids)]]
    process.kill()
    process.wait()
    for fd in watched:
        assert select.select([fd], [], [], 10)[0]
        os.close(fd)


def test_in_the_background_instances_survive_kill_nine_of_the_engine_and_zygotes_do_not(world: Any) -> None:
    plan = world.function("    async def answer(path):\n        return 200, str(os.getpid()).encode()\n")
    process, pids = start_engine(world, plan, "background")
    zygotes = [os.pidfd_open(pid) for pid in parents(pids)]
    process.kill()
    process.wait()
    for fd in zygotes:
        assert select.select([fd], [], [], 10)[0]
        os.close(fd)

    async def main() -> None:
        async with world.engine() as instances:
            after = await world.ready(plan, 2)
            assert {int((await world.ask(endpoint))[1]) for endpoint in after} == set(pids)
            await instances.stop_all(10)

    asyncio.run(main())


def parents(pids: list[int]) -> set[int]:
    """Their zygote, and its own."""
    found = set()
    for pid in pids:
        for _ in range(2):
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
            found.add(pid)
    return found
