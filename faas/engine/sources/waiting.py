"""Waiting by the clock that everybody is given, or until something happens."""

from __future__ import annotations

import asyncio

from faas.engine.contract.clock import Clock


async def wait_for(event: asyncio.Event, clock: Clock, timeout_s: float) -> bool:
    """Whether the event was set before the time was up."""
    waiting = asyncio.ensure_future(event.wait())

    def give_up() -> None:
        waiting.cancel()

    timer = clock.call_later(timeout_s, give_up)
    try:
        await asyncio.wait({waiting})
        return event.is_set()
    finally:
        timer.cancel()
        waiting.cancel()


async def pause(clock: Clock, delay_s: float) -> None:
    """Sleep by this clock."""
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    timer = clock.call_later(max(0.0, delay_s), lambda: None if done.done() else done.set_result(None))
    try:
        await done
    finally:
        timer.cancel()
