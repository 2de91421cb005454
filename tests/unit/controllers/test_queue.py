"""The queue of keys: each waits once, is worked on once at a time, and backs off by itself."""

from __future__ import annotations

import asyncio

from faas.engine.controllers.queue import WorkQueue
from tests.virtual_clock import VirtualClock


async def taken(queue: WorkQueue[str]) -> list[str]:
    """All that can be taken now, without marking it done."""
    result = []
    while True:
        try:
            result.append(await asyncio.wait_for(queue.get(), 0.01))
        except TimeoutError:
            return result


def test_a_key_waits_once() -> None:
    async def body() -> None:
        queue: WorkQueue[str] = WorkQueue(VirtualClock())
        for key in ("a", "b", "a"):
            queue.add(key)
        assert await taken(queue) == ["a", "b"]

    asyncio.run(body())


def test_a_key_that_is_worked_on_waits_until_it_is_done() -> None:
    async def body() -> None:
        queue: WorkQueue[str] = WorkQueue(VirtualClock())
        queue.add("a")
        assert await queue.get() == "a"
        queue.add("a")
        assert await taken(queue) == []
        queue.done("a")
        assert await taken(queue) == ["a"]

    asyncio.run(body())


def test_of_several_delays_the_earliest_counts() -> None:
    async def body() -> None:
        clock = VirtualClock()
        queue: WorkQueue[str] = WorkQueue(clock)
        queue.add_after("a", 10)
        queue.add_after("a", 3)
        queue.add_after("a", 7)
        clock.advance(2.9)
        assert await taken(queue) == []
        clock.advance(0.2)
        assert await taken(queue) == ["a"]
        queue.done("a")
        clock.advance(20)
        assert await taken(queue) == []

    asyncio.run(body())


def test_failures_double_the_wait_and_success_forgets_them() -> None:
    queue: WorkQueue[str] = WorkQueue(VirtualClock())
    assert [queue.add_failed("a") for _ in range(4)] == [0.005, 0.01, 0.02, 0.04]
    assert queue.add_failed("b") == 0.005
    queue.forget("a")
    assert queue.add_failed("a") == 0.005
    for _ in range(100):
        longest = queue.add_failed("a")
    assert longest == 60


def test_a_closed_queue_leaves_no_timer() -> None:
    clock = VirtualClock()
    queue: WorkQueue[str] = WorkQueue(clock)
    queue.add_after("a", 10)
    queue.close()
    assert clock.pending == 0
