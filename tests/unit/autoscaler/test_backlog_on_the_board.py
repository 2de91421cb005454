"""Waiting events scale a revision beside its requests: up at once, down with the requests' own rules."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from faas.engine.autoscaler import Autoscaler
from faas.engine.contract.board import Board
from faas.engine.contract.dataplane import LoadSample, Split, Target
from faas.engine.contract.eventing import TriggerConfig, TriggerStatus
from faas.engine.contract.revision import ContainerPlan, FleetStatus, RevisionKey, RevisionPlan, ScalingPolicy
from tests.virtual_clock import VirtualClock

KEY = RevisionKey("default", "resize-1")
TRIGGER = TriggerConfig("default/on-image", "t", "default/default", "http://x/", target="default/resize")


class World:
    """A revision at zero that one trigger feeds; instances are ready as soon as `follow` is called."""

    def __init__(self, **policy: Any) -> None:
        self.board, self.clock = Board(), VirtualClock()
        self.autoscaler = Autoscaler(self.board, self.clock, most_for_backlogs=8)
        scaling = ScalingPolicy(target=0.7, total=1, backlog_target=1, initial_scale=0, **policy)
        self.board.plans.put(
            KEY,
            RevisionPlan(
                KEY,
                "1",
                "resize",
                "resize",
                ContainerPlan("app"),
                reachability="Reachable",
                scaling=scaling,
                initialized=True,
            ),
        )
        target = Target("default", "resize", "resize", "", (Split(str(KEY), 100),), True)
        self.board.targets.put("default/resize", target)
        self.board.triggers.put(TRIGGER.key, TRIGGER)

    @property
    def desired(self) -> int:
        return self.board.decisions[KEY].desired

    def follow(self) -> None:
        self.board.fleets.put(KEY, FleetStatus(ready=max(0, self.desired)))

    def queue(self, waiting: int, in_flight: int = 0) -> None:
        self.board.trigger_status.put(
            TRIGGER.key, TriggerStatus(TRIGGER.key, waiting + in_flight, waiting, in_flight, 0, 0, 0, 0)
        )
        self.clock.advance(0.0)

    def pass_time(self, seconds: int, in_flight: int = 0) -> None:
        for _ in range(seconds):
            sample = LoadSample(str(KEY), in_flight, in_flight, in_flight, 0)
            for load in self.board.signals.load:
                load((sample,) if in_flight else ())
            self.clock.advance(1.0)
            self.follow()


def in_world(**policy: Any) -> Callable[[Callable[[World], Coroutine[Any, Any, None]]], Callable[[], None]]:
    def decorate(test: Callable[[World], Coroutine[Any, Any, None]]) -> Callable[[], None]:
        def run() -> None:
            async def body() -> None:
                world = World(**policy)
                async with world.autoscaler:
                    world.follow()
                    world.pass_time(10)
                    await test(world)

            asyncio.run(body())

        run.__name__ = test.__name__
        return run

    return decorate


@in_world()
async def test_a_revision_at_zero_gets_instances_for_what_waits(world: World) -> None:
    assert world.desired == 0

    world.queue(waiting=5)

    assert world.desired == 5


@in_world(max_scale=3)
async def test_max_scale_holds_for_a_backlog_too(world: World) -> None:
    world.queue(waiting=100)

    assert world.desired == 3


@in_world()
async def test_without_max_scale_the_machines_bound_holds(world: World) -> None:
    world.queue(waiting=100)

    assert world.desired == 8


@in_world(min_scale=2)
async def test_min_scale_holds_with_an_empty_queue(world: World) -> None:
    world.queue(waiting=1)
    world.queue(waiting=0)
    world.pass_time(200)

    assert world.desired == 2


@in_world()
async def test_it_stays_up_while_something_is_in_flight_and_goes_to_zero_when_the_queue_is_empty(world: World) -> None:
    world.queue(waiting=3)
    world.follow()
    world.queue(waiting=0, in_flight=3)
    world.pass_time(300, in_flight=3)
    assert world.desired >= 3

    world.queue(waiting=0)
    world.pass_time(300)

    assert world.desired == 0


@in_world(scale_to_zero_after_s=5.0)
async def test_waiting_events_count_as_requests_for_scale_to_zero_after(world: World) -> None:
    world.queue(waiting=1)
    world.pass_time(30)
    assert world.desired == 1

    world.queue(waiting=0)
    world.pass_time(10)

    assert world.desired == 0


@in_world()
async def test_a_trigger_that_is_gone_or_held_asks_for_nothing(world: World) -> None:
    world.queue(waiting=5)
    world.follow()

    world.board.triggers.put(TRIGGER.key, None)
    world.pass_time(300)

    assert world.desired == 0


@in_world()
async def test_a_backlog_never_takes_away_what_requests_ask_for(world: World) -> None:
    for poke in world.board.signals.poke:
        poke(KEY, 7)
    asked = world.desired

    world.queue(waiting=1)

    assert world.desired >= asked >= 7
