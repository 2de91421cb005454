"""From a decision to an instance that answers, forked or started plainly."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

from faas.engine.contract.revision import EnvVar, SecretRef
from tests.plans import changed

HELLO = """
    async def answer(path):
        return 200, b"hello"
"""
WHO = """
    async def answer(path):
        return 200, str([os.getpid(), os.getppid()]).encode()
"""


def test_a_decision_for_one_starts_an_instance_that_answers(world: Any) -> None:
    plan = world.function(HELLO)

    async def main() -> None:
        async with world.engine() as instances:
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 1)
            (endpoint,) = await world.ready(plan)
            assert await world.ask(endpoint) == (200, b"hello")
            await instances.stop_all(10)
        assert world.board.endpoints.get(plan.key) in (None, ())

    asyncio.run(main())


def test_instances_of_a_revision_are_forks_of_one_zygote(world: Any) -> None:
    plan = world.function(WHO)

    async def main() -> None:
        async with world.engine() as instances:
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 3)
            answers = [eval((await world.ask(endpoint))[1]) for endpoint in await world.ready(plan, 3)]
            assert len({pid for pid, _ in answers}) == 3
            assert len({parent for _, parent in answers}) == 1
            assert world.board.fleets[plan.key].notes == ()
            await instances.stop_all(10)

    asyncio.run(main())


def test_an_instance_does_not_interrupt_whoever_wakes_it(world: Any) -> None:
    plan = world.function("""
        async def answer(path):
            return 200, str(os.sched_getscheduler(0)).encode()
    """)

    async def main() -> None:
        async with world.engine() as instances:
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 1)
            (endpoint,) = await world.ready(plan)
            assert await world.ask(endpoint) == (200, str(os.SCHED_BATCH).encode())
            await instances.stop_all(10)

    asyncio.run(main())


def test_a_module_that_starts_a_thread_is_never_forked_and_the_note_names_it(world: Any) -> None:
    plan = world.function(
        """
        import threading
        def forever():
            threading.Event().wait()
        threading.Thread(target=forever, daemon=True, name="poller").start()
        """
        + WHO.replace("    async", "        async").replace("        return", "            return")
    )

    async def main() -> None:
        async with world.engine() as instances:
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 2)
            answers = [eval((await world.ask(endpoint))[1]) for endpoint in await world.ready(plan, 2)]
            assert len({pid for pid, _ in answers}) == 2
            ((reason, message),) = world.board.fleets[plan.key].notes
            assert reason == "PlainStart"
            assert "module main started the thread 'poller'" in message
            await instances.stop_all(10)

    asyncio.run(main())


def test_an_open_socket_or_event_loop_refuses_the_fork(world: Any) -> None:
    sources = {
        "sock": ("import socket; leak = socket.socket()", "module main opened a socket"),
        "loop": ("import asyncio; loop = asyncio.SelectorEventLoop()", "module main opened an event loop"),
    }

    async def main() -> None:
        async with world.engine() as instances:
            for name, (line, cause) in sources.items():
                plan = world.function(f"\n    {line}\n" + HELLO, name=name)
                world.board.plans.put(plan.key, plan)
                world.scale(plan, 1)
                (endpoint,) = await world.ready(plan)
                assert await world.ask(endpoint) == (200, b"hello")
                ((_, message),) = world.board.fleets[plan.key].notes
                assert cause in message
            await instances.stop_all(10)

    asyncio.run(main())


def test_with_snapshot_off_each_instance_imports_for_itself(world: Any) -> None:
    plan = world.function(
        """
        born = os.getpid()
        async def answer(path):
            return 200, str(born == os.getpid()).encode()
        """,
        snapshot=False,
    )

    async def main() -> None:
        async with world.engine() as instances:
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 2)
            for endpoint in await world.ready(plan, 2):
                assert await world.ask(endpoint) == (200, b"True")
            await instances.stop_all(10)

    asyncio.run(main())


def test_forks_do_not_share_random_numbers(world: Any) -> None:
    plan = world.function("""
        import random
        random.seed(1)
        async def answer(path):
            return 200, str(random.random()).encode()
    """)

    async def main() -> None:
        async with world.engine() as instances:
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 3)
            numbers = [await world.ask(endpoint) for endpoint in await world.ready(plan, 3)]
            assert len(set(numbers)) == 3
            await instances.stop_all(10)

    asyncio.run(main())


def test_a_function_sees_its_own_environment_and_nothing_of_the_toolkit(world: Any) -> None:
    os.environ["ENGINE_ONLY"] = "secret"
    plan = world.function("""
        import importlib.util
        async def answer(path):
            if path == "/modules":
                wanted = ("click", "starlette", "cryptography", "faas.engine", "pytest")
                def there(name):
                    try:
                        return importlib.util.find_spec(name) is not None
                    except ModuleNotFoundError:
                        return False
                return 200, json.dumps([name for name in wanted if there(name)]).encode()
            return 200, json.dumps(dict(os.environ)).encode()
    """)
    plan = changed(plan, env=(*plan.container.env, EnvVar("GREETING", "hi")), container_concurrency=7, timeout_s=9.0)

    async def main() -> None:
        import json

        async with world.engine() as instances:
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 1)
            (endpoint,) = await world.ready(plan)
            env = json.loads((await world.ask(endpoint))[1])
            assert (env["GREETING"], env["K_SERVICE"], env["K_REVISION"]) == ("hi", "hello", "hello-00001")
            assert (env["FAAS_CONCURRENCY"], env["FAAS_TIMEOUT"], env["PORT"]) == ("7", "9", "8080")
            assert env["FAAS_GATEWAY"] == f"unix:{world.settings.internal_socket}"
            assert env["HOSTNAME"] == endpoint.id
            assert "ENGINE_ONLY" not in env
            assert "FAAS_DEV" not in env
            assert json.loads((await world.ask(endpoint, "/modules"))[1]) == []
            await instances.stop_all(10)

    try:
        asyncio.run(main())
    finally:
        del os.environ["ENGINE_ONLY"]


def test_a_secret_is_read_when_an_instance_starts_and_a_changed_one_reaches_the_next(world: Any) -> None:
    plan = world.function("""
        async def answer(path):
            return 200, os.environ["PASSWORD"].encode()
    """)
    plan = changed(plan, env=(*plan.container.env, EnvVar("PASSWORD", SecretRef("Secret", "db", "password"))))

    def secret(value: str) -> dict[str, Any]:
        import base64

        data = {"password": base64.b64encode(value.encode()).decode()}
        return {"metadata": {"namespace": "default", "name": "db"}, "kind": "Secret", "data": data}

    async def main() -> None:
        from faas.resources.kinds import SECRET

        async with world.engine() as instances:
            await world.client.create(SECRET, secret("one"))
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 1)
            (first,) = await world.ready(plan)
            assert await world.ask(first) == (200, b"one")
            await world.client.create(SECRET, secret("two"))
            world.scale(plan, 2)
            both = await world.ready(plan, 2)
            assert {(await world.ask(endpoint))[1] for endpoint in both} == {b"one", b"two"}
            await instances.stop_all(10)

    asyncio.run(main())


def test_a_missing_secret_is_a_configuration_error_that_names_it(world: Any) -> None:
    plan = world.function(HELLO)
    plan = changed(plan, env=(*plan.container.env, EnvVar("PASSWORD", SecretRef("Secret", "db", "password"))))

    async def main() -> None:
        async with world.engine():
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 1)
            failure = await world.until(lambda: (world.board.fleets.get(plan.key) or plan_less).failure)
            assert (failure.reason, failure.message) == ("CreateContainerConfigError", 'secret "db" not found')

    asyncio.run(main())


def test_an_image_that_does_not_exist_is_container_missing_for_good(world: Any) -> None:
    plan = changed(world.function(HELLO), image="faas.local/nothing@sha256:" + "1" * 64)

    async def main() -> None:
        async with world.engine():
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 1)
            failure = await world.until(lambda: (world.board.fleets.get(plan.key) or plan_less).failure)
            assert failure.reason == "ContainerMissing"
            assert "nobody has built it" in failure.message

    asyncio.run(main())


def test_a_zygote_that_is_killed_takes_no_instance_with_it_and_is_replaced(world: Any) -> None:
    plan = world.function(WHO)

    async def main() -> None:
        async with world.engine() as instances:
            world.board.plans.put(plan.key, plan)
            world.scale(plan, 1)
            (first,) = await world.ready(plan)
            pid, zygote = eval((await world.ask(first))[1])
            os.kill(zygote, signal.SIGKILL)
            world.scale(plan, 2)
            both = await world.ready(plan, 2)
            answers = dict([eval((await world.ask(endpoint))[1]) for endpoint in both])
            assert pid in answers
            assert zygote not in answers.values()
            await instances.stop_all(10)

    asyncio.run(main())


class _PlanLess:
    failure = None


plan_less = _PlanLess()
