"""Delivering events once more: a time span of the log, or dead letters.

A replay uses the trigger's subscriber, retries, order and slots, beside its normal deliveries. What fails again is
counted and left where it is: the event in the log, the letter among the dead. Its progress is in memory only: when this
process ends, so does the replay, and who asked for it asks again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from faas.engine.broker.delivery.attempts import Failure
from faas.engine.broker.delivery.dead import living_attributes
from faas.engine.broker.dispatch.deliveries import Deliveries, Services
from faas.engine.broker.dispatch.items import Held, Item
from faas.engine.broker.dispatch.trigger import TriggerRun
from faas.engine.broker.dispatch.window import Bounds, Window
from faas.engine.broker.seams.dispatching import OpenBroker
from faas.engine.broker.seams.log import LogError, StoredEvent
from faas.engine.contract.eventing import Replay, ReplayDead, ReplayDone, ReplayFailure

_BATCH = 256
_BOUNDS = Bounds(ready=256, events=1024, bytes=2 << 20)
_WAIT_S = 1.0
_TOLD = 100  # failures that are told one by one; the others are counted
_SAID = 300  # characters of what a subscriber said: enough for a problem document's detail


class _Failures:
    """How many, and what became of the first of them."""

    def __init__(self, stream: str = "") -> None:
        self.count = 0
        self._stream = stream
        self._told: list[ReplayFailure] = []

    def add(self, sequence: int, reason: str, *, id: str = "", trigger: str = "", code: int = 0) -> None:
        self.count += 1
        if len(self._told) < _TOLD:
            self._told.append(ReplayFailure(sequence, id, trigger, reason, code, self._stream))

    def in_order(self) -> tuple[ReplayFailure, ...]:
        return tuple(sorted(self._told, key=lambda failure: failure.sequence))


class _Again:
    """Deliveries of one trigger beside its own; `room` and `idle` are waited for."""

    def __init__(
        self,
        run: TriggerRun,
        services: Services,
        failures: _Failures,
        succeeded: Callable[[Item], None] | None = None,
    ) -> None:
        self.delivered = 0
        self._failures, self._succeeded = failures, succeeded
        self._given_up: set[int] = set()
        self._moved = asyncio.Event()
        config, outlet = run.plan.config, run.deliveries.outlet
        self._trigger = config.key
        self.deliveries = Deliveries(
            config, run.plan.subscriber, outlet.slots, services, Window(0), _BOUNDS,
            finished=self._finished, give_up=self._give_up, waits=self._moved.set,
        )  # fmt: skip

    async def take(self, event: StoredEvent) -> None:
        """Deliver it, when there is room in memory."""
        while self.deliveries.is_full:
            await self._next()
        self.deliveries.take(Held(event))

    async def finish(self) -> None:
        while self.deliveries.window.unfinished:
            await self._next()

    def stop(self) -> None:
        self.deliveries.stop()

    async def _next(self) -> None:
        self._moved.clear()
        await self._moved.wait()

    def _give_up(self, item: Item, failure: Failure) -> None:
        said = failure.body[:_SAID].decode(errors="replace") if failure.status else ""
        id = str(item.event.attributes.get("id", ""))
        self._failures.add(item.position, said or failure.reason, id=id, trigger=self._trigger, code=failure.status)
        self._given_up.add(item.position)
        self.deliveries.finish(item)

    def _finished(self, item: Item) -> None:
        self._moved.set()
        if item.position in self._given_up:
            self._given_up.discard(item.position)
            return
        self.delivered += 1
        if self._succeeded is not None:
            self._succeeded(item)


async def replay_span(request: Replay, run: TriggerRun, broker: OpenBroker, services: Services) -> ReplayDone:
    """Deliver what was stored in the span, up to the log's end as it is now."""
    failures = _Failures()
    again = _Again(run, services, failures)
    error = ""
    try:
        position, end = await broker.log.find(request.since_s), await broker.log.find(request.until_s)
        while position < end:
            events = await broker.log.read(position, limit=_BATCH, wait_s=_WAIT_S)
            if not events:
                break
            for event in events:
                if event.sequence < end and run.plan.matcher.matches(event.attributes):
                    await again.take(event)
            position = events[-1].sequence + 1
        await again.finish()
    except LogError as failure:
        error = f"the log could not be read any further: {failure}"
        await again.finish()
    finally:
        again.stop()
    return ReplayDone(request.id, again.delivered, failures.count, error, failures.in_order())


async def replay_dead(
    request: ReplayDead, run_of: Callable[[str], TriggerRun | None], broker: OpenBroker, services: Services
) -> ReplayDone:
    """Deliver dead letters to the triggers that they failed for; those that succeed leave the stream."""
    triggers: dict[str, _Again] = {}
    errors: list[str] = []
    failures = _Failures(request.stream)
    removals: asyncio.Queue[int | None] = asyncio.Queue()
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_remove(broker, request.stream, removals, errors))
            for sequence in sorted(set(request.sequences)):
                try:
                    letter = await broker.dead_letters.get(request.stream, sequence)
                except LogError as error:
                    failures.add(sequence, f"it could not be read: {error}")
                    continue
                if letter is None:
                    failures.add(sequence, "it is not there any more")
                    continue
                run = run_of(letter.trigger)
                if run is None:
                    id, reason = str(letter.event.attributes.get("id", "")), "its trigger is not there any more"
                    failures.add(sequence, reason, id=id, trigger=letter.trigger)
                    continue
                if letter.trigger not in triggers:
                    triggers[letter.trigger] = _Again(
                        run, services, failures, lambda item: removals.put_nowait(item.position)
                    )
                attributes = living_attributes(letter.event.attributes)
                await triggers[letter.trigger].take(letter.event._replace(sequence=sequence, attributes=attributes))
            for again in triggers.values():
                await again.finish()
            removals.put_nowait(None)
    finally:
        for again in triggers.values():
            again.stop()
    delivered = sum(again.delivered for again in triggers.values())
    return ReplayDone(request.id, delivered, failures.count, "; ".join(errors[:5]), failures.in_order())


async def _remove(broker: OpenBroker, stream: str, delivered: asyncio.Queue[int | None], errors: list[str]) -> None:
    """Take delivered letters out of the stream, until None comes."""
    while (sequence := await delivered.get()) is not None:
        try:
            await broker.dead_letters.remove(stream, sequence)
        except LogError as error:
            errors.append(f"letter {sequence} was delivered and is still in the stream: {error}")
