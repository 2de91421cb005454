"""The loop over the board: pokes are answered in line, each revision on its own, restarts change nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faas.engine.autoscaler import Autoscaler
from faas.engine.contract.board import Board
from faas.engine.contract.dataplane import LoadSample
from faas.engine.contract.revision import ContainerPlan, FleetStatus, RevisionKey, RevisionPlan, ScalingPolicy
from tests.virtual_clock import VirtualClock

KEY = RevisionKey("default", "hello-00001")
PLAN = RevisionPlan(
    key=KEY,
    uid="1",
    service="hello",
    configuration="hello",
    container=ContainerPlan("app"),
    reachability="Reachable",
    scaling=ScalingPolicy(target=10, total=10),
)


class World:
    """A board with an autoscaler, a virtual clock, and instances that are ready as soon as they are wanted."""

    def __init__(self) -> None:
        self.board, self.clock = Board(), VirtualClock()
        self.autoscaler = Autoscaler(self.board, self.clock)

    def desired(self, key: RevisionKey = KEY) -> int:
        return self.board.decisions[key].desired

    def follow(self, key: RevisionKey = KEY) -> None:
        self.board.fleets.put(key, FleetStatus(ready=max(0, self.desired(key))))

    def poke(self, waiting: int, key: RevisionKey = KEY) -> None:
        for listener in self.board.signals.poke:
            listener(key, waiting)

    def load(self, **concurrency: float) -> None:
        """A second with this load, by revision; as the gateway does, nothing is said of a silent one."""
        samples = tuple(
            LoadSample(f"default/{name.replace('_', '-')}", value, value, int(value), 0)
            for name, value in concurrency.items()
        )
        self.clock.advance(1)
        for listener in self.board.signals.load if samples else ():
            listener(samples)

    def serve_until_idle(self, plan: RevisionPlan = PLAN) -> None:
        self.board.plans.put(plan.key, plan)
        self.follow(plan.key)
        for _ in range(70):
            self.load()
            self.follow(plan.key)


def in_world(test: Callable[[World], None]) -> Callable[[], None]:
    def run() -> None:
        async def body() -> None:
            world = World()
            async with world.autoscaler:
                test(world)
            assert world.clock.pending == 0

        coroutine: Coroutine[Any, Any, None] = body()
        asyncio.run(coroutine)

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


@in_world
def test_a_new_revision_is_decided_before_put_returns(world: World) -> None:
    world.board.plans.put(KEY, PLAN)
    assert (world.desired(), world.board.decisions[KEY].reason) == (1, "Queued")
    world.follow()
    assert (world.board.decisions[KEY].active, world.board.decisions[KEY].initialized) == ("True", True)


@in_world
def test_an_idle_revision_ends_at_zero_and_costs_nothing(world: World) -> None:
    world.serve_until_idle()
    assert (world.desired(), world.board.decisions[KEY].reason) == (0, "NoTraffic")
    assert world.clock.pending == 0


@in_world
def test_a_poke_at_zero_is_answered_in_line(world: World) -> None:
    world.serve_until_idle()
    world.poke(1)
    assert world.desired() == 1
    world.clock.advance(1.9)
    assert world.desired() == 1


@in_world
def test_a_crowd_at_zero_gets_what_it_needs_at_once_and_keeps_it(world: World) -> None:
    world.serve_until_idle()
    world.poke(1)
    world.poke(180)
    assert world.desired() == 18
    world.clock.advance(2)
    assert world.desired() == 18


@in_world
def test_a_crowd_is_bounded_by_max_scale(world: World) -> None:
    world.serve_until_idle(replace(PLAN, scaling=replace(PLAN.scaling, max_scale=5)))
    world.poke(180)
    assert world.desired() == 5


@in_world
def test_load_scales_up_and_silence_scales_down(world: World) -> None:
    world.board.plans.put(KEY, PLAN)
    world.follow()
    for _ in range(4):
        world.load(hello_00001=45)
        world.follow()
    assert world.desired() == 5
    for _ in range(200):
        world.load()
        world.follow()
    assert world.desired() == 0


@in_world
def test_revisions_scale_on_their_own(world: World) -> None:
    other = RevisionKey("default", "other-00001")
    world.board.plans.put(KEY, PLAN)
    world.board.plans.put(other, replace(PLAN, key=other, uid="2"))
    world.follow()
    world.follow(other)
    for _ in range(4):
        world.load(hello_00001=45, other_00001=5)
    assert (world.desired(), world.desired(other)) == (5, 1)
    world.board.plans.delete(other)
    assert other not in world.board.decisions


@in_world
def test_requests_a_second_can_be_the_metric(world: World) -> None:
    world.board.plans.put(KEY, replace(PLAN, scaling=replace(PLAN.scaling, metric="rps", target=20)))
    world.follow()
    for _ in range(4):
        for listener in world.board.signals.load:
            listener((LoadSample(str(KEY), concurrency=0.1, requests=70, in_flight=0, waiting=0),))
        world.clock.advance(1)
    assert world.desired() == 4


@in_world
def test_a_restart_keeps_what_runs_and_starts_in_panic(world: World) -> None:
    world.board.fleets.put(KEY, FleetStatus(ready=4))
    world.board.plans.put(KEY, replace(PLAN, initialized=True))
    assert world.desired() == -1
    world.clock.advance(4.9)
    assert world.desired() == -1  # the gateway may have more to report
    world.load(hello_00001=1)
    assert world.desired() == 4
    world.clock.advance(70)
    assert world.desired() < 4


@in_world
def test_a_restart_waits_for_the_instances_to_report(world: World) -> None:
    world.board.plans.put(KEY, replace(PLAN, initialized=True))
    world.load(other=1)
    assert world.desired() == -1
    world.board.fleets.put(KEY, FleetStatus(ready=2))
    assert world.desired() == 2


@in_world
def test_scale_to_zero_after_is_exact(world: World) -> None:
    world.board.plans.put(KEY, replace(PLAN, scaling=replace(PLAN.scaling, scale_to_zero_after_s=5)))
    world.follow()
    world.load(hello_00001=3)
    world.clock.advance(4.9)
    assert world.desired() == 1
    world.clock.advance(0.2)
    assert world.desired() == 0


@in_world
def test_metrics_have_a_series_for_each_revision(world: World) -> None:
    world.board.plans.put(KEY, PLAN)
    labels = '{configuration="hello",namespace="default",revision="hello-00001",service="hello"}'
    assert f"faas_autoscaler_desired_instances{labels} 1.0" in world.autoscaler.metrics()
    assert f"faas_autoscaler_panic_mode{labels} 0.0" in world.autoscaler.metrics()


def test_one_revision_that_cannot_be_decided_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    async def body() -> None:
        world = World()
        async with world.autoscaler:
            broken = RevisionKey("default", "broken")
            world.board.plans.put(broken, replace(PLAN, key=broken))
            world.board.plans.put(broken, replace(PLAN, key=broken, scaling=replace(PLAN.scaling, target=0)))
            world.board.plans.put(KEY, PLAN)
            world.load(hello_00001=5, broken=5)
            world.clock.advance(10)
            assert world.desired() == 1
            assert world.desired(broken) == 1

    asyncio.run(body())
    assert "cannot decide the scale of revision default/broken" in caplog.text


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.just(0.0) | st.floats(0.01, 300), st.integers(1, 90)), min_size=1, max_size=8),
    st.integers(0, 3),
    st.sampled_from([0, 4, 10]),
)
def test_whatever_the_load_bounds_hold_and_zero_needs_a_silent_window(
    phases: list[tuple[float, int]], low: int, high: int
) -> None:
    """Each phase is a load and for how many seconds it lasts; instances follow at once."""
    scaling = replace(PLAN.scaling, min_scale=low, max_scale=high)

    async def body() -> None:
        world = World()
        async with world.autoscaler:
            world.board.plans.put(KEY, replace(PLAN, scaling=scaling))
            world.follow()
            silent_s = 0
            for load, seconds in phases:
                for _ in range(seconds):
                    before = world.desired()
                    if load and not before:
                        world.poke(1)
                    silent_s = 0 if load else silent_s + 1
                    world.load(**({"hello_00001": load} if load else {}))
                    world.follow()
                    assert world.desired() >= low
                    assert not high or world.desired() <= high
                    if before and not world.desired():
                        assert silent_s >= 58  # the window's last second and the tick, either side

    asyncio.run(body())
