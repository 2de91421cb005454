"""Every process is killed in turn under load; what failed is counted by class.

Not yet handed to an instance: nothing may be lost, whoever dies. Held by the killed gateway: the connection breaks, and
no other. Executed by the killed instance: 502, unless the method may be tried again.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.engine.clients import Clients, all_at_once
from tests.integration.engine.conftest import Engine, eventually

CODE = """
import asyncio
from faas import function

@function(concurrency=50, {options})
async def work(ms: int = 2) -> str:
    await asyncio.sleep(ms / 1000)
    return "done"
"""


@pytest.fixture
def serving(engine: Engine, make_project: Callable[..., Path]) -> Engine:
    engine.deploy(make_project(CODE.format(options="min_scale=1")))
    return engine


def test_nobody_notices_that_the_engine_was_killed(serving: Engine) -> None:
    with Clients(serving.file.public_port, "work", count=8) as clients:
        clients.wait_for(50)
        (killed,) = serving.kill("engine")
        eventually(lambda: serving.pids("engine") not in (set(), {killed}), "the supervisor starts another one")
        clients.wait_for(200)

    assert set(clients.said) == {"200"}


def test_a_new_engine_adopts_the_instances_of_the_old_one(serving: Engine) -> None:
    instances = serving.pids("instance")

    (killed,) = serving.kill("engine")
    eventually(lambda: serving.pids("engine") not in (set(), {killed}), "the supervisor starts another one")
    serving.deploy(Path(serving.plan.state_dir).parent / "project")

    assert serving.pids("instance") == instances
    assert serving.get("work") == (200, b"done")


def test_nobody_notices_that_the_zygotes_were_killed(serving: Engine) -> None:
    with Clients(serving.file.public_port, "work", count=8) as clients:
        clients.wait_for(50)
        assert serving.kill("zygote")
        clients.wait_for(200)

    assert set(clients.said) == {"200"}


def test_a_killed_gateway_breaks_the_connections_it_held_and_no_others(serving: Engine) -> None:
    with Clients(serving.file.public_port, "work", count=8) as clients:
        clients.wait_for(50)
        (killed,) = serving.kill("gateway")
        eventually(lambda: serving.pids("gateway") not in (set(), {killed}), "the supervisor starts another one")
        clients.wait_for(200)

    broken = [answer for answer in clients.answers if answer.said != "200"]
    assert len(broken) <= 8
    assert {answer.said for answer in broken} <= {"RemoteDisconnected", "ConnectionResetError", "BrokenPipeError"}
    assert not [answer for answer in broken if answer.fresh and answer.began_s > min(b.ended_s for b in broken)]


def test_what_a_killed_instance_was_executing_is_tried_again_when_that_is_safe(serving: Engine) -> None:
    with Clients(serving.file.public_port, "work", count=8) as clients:
        clients.wait_for(50)
        assert serving.kill("instance")
        clients.wait_for(200)

    assert set(clients.said) == {"200"}


def test_a_killed_instance_fails_only_what_it_was_executing(serving: Engine) -> None:
    with Clients(serving.file.public_port, "work", "/?ms=20", count=8, method="POST") as clients:
        clients.wait_for(50)
        assert serving.kill("instance")
        clients.wait_for(200)

    assert set(clients.said) <= {"200", "502"}
    assert clients.said["502"] <= 8


def test_after_all_were_killed_at_once_the_next_start_goes_on_where_it_was(
    start_engine: Callable[..., Engine], make_project: Callable[..., Path]
) -> None:
    first = start_engine()
    first.deploy(make_project(CODE.format(options="min_scale=1")))
    for role in ("supervisor", "engine", "gateway", "zygote", "instance"):
        first.kill(role)
    first.running.process.wait()

    second = start_engine()

    assert second.get("work") == (200, b"done")
    assert second.file.api_port == first.file.api_port


def test_two_hundred_clients_at_once_find_a_function_at_zero(engine: Engine, make_project: Callable[..., Path]) -> None:
    engine.deploy(make_project(CODE.format(options="scale_to_zero_after='1s'")))
    eventually(lambda: not engine.pids("instance"), "it scales to zero")

    assert all_at_once(engine.file.public_port, "work", count=200) == {"200": 200}
