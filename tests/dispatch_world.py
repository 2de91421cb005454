"""What a dispatcher works with, in memory: a log, cursors, dead letters, and subscribers that a test answers for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from faas.engine.broker.delivery.answers import Answer
from faas.engine.broker.delivery.subscriber import Subscriber
from faas.engine.broker.dispatch.broker import BrokerDispatch
from faas.engine.broker.dispatch.deliveries import Services
from faas.engine.broker.dispatch.saving import Timing
from faas.engine.broker.dispatch.slots import Targets
from faas.engine.broker.dispatch.window import Bounds
from faas.engine.broker.seams.dispatching import OpenBroker
from faas.engine.broker.seams.log import DeadLetter, LogFull, LogState, StoredEvent
from faas.engine.contract.eventing import BrokerConfig, TriggerConfig, TriggerStatus
from tests.virtual_clock import VirtualClock

DONE = Answer(204, {}, b"")
FAILED = Answer(500, {}, b"boom")
REFUSED = Answer(400, {}, b"no")


class MemoryLog:
    """An EventLog. `wait_s` is not waited for where a read can have nothing until something is appended."""

    def __init__(self) -> None:
        self.events: list[StoredEvent] = []
        self.first = 1
        self.full = False
        self._last = 0
        self._news = asyncio.Event()

    async def append(self, attributes: dict[str, Any], data: bytes | None) -> int:
        if self.full:
            raise LogFull("the log is full")
        return self.put(attributes, data)

    def put(self, attributes: dict[str, Any], data: bytes | None = None) -> int:
        self._last += 1
        self.events.append(StoredEvent(self._last, float(self._last), attributes, data or b"", data is not None))
        self._news.set()
        return self._last

    async def read(self, start: int, *, limit: int, wait_s: float) -> Sequence[StoredEvent]:
        while start > self._last:
            self._news.clear()
            await self._news.wait()
        await asyncio.sleep(0)  # a real one answers later
        offset = max(start, self.first) - self.first
        return self.events[offset : offset + limit]

    async def find(self, stored_s: float) -> int:
        return next((event.sequence for event in self.events if event.stored_s >= stored_s), self._last + 1)

    async def state(self) -> LogState:
        await asyncio.sleep(0)
        return LogState(self.first, self._last, len(self.events), 0)

    async def trim(self, before: int) -> None:
        self.events = [event for event in self.events if event.sequence >= before]
        self.first = min(before, self._last + 1)


class MemoryCursors:
    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}

    async def load(self) -> dict[str, bytes]:
        return dict(self.values)

    async def save(self, values: dict[str, bytes]) -> None:
        await asyncio.sleep(0)
        self.values.update(values)

    async def remove(self, uid: str) -> None:
        self.values.pop(uid, None)


class MemoryDeadLetters:
    def __init__(self) -> None:
        self.letters: dict[int, tuple[str, DeadLetter]] = {}

    async def append(self, stream: str, trigger: str, event: StoredEvent) -> int:
        await asyncio.sleep(0)
        sequence = len(self.letters) + 1
        self.letters[sequence] = (stream, DeadLetter(sequence, 0.0, trigger, event))
        return sequence

    async def read(self, stream: str, start: int, *, limit: int) -> Sequence[DeadLetter]:
        return [letter for name, letter in self.letters.values() if name == stream and letter.sequence >= start][:limit]

    async def get(self, stream: str, sequence: int) -> DeadLetter | None:
        name, letter = self.letters.get(sequence, ("", None))
        return letter if name == stream else None

    async def remove(self, stream: str, sequence: int) -> None:
        del self.letters[sequence]

    async def count(self) -> int:
        return len(self.letters)


@dataclass(eq=False)
class Attempt:
    """One delivery that a test answers."""

    subscriber: Subscriber
    fields: bytes
    body: bytes
    timeout_s: float | None
    _done: Callable[[Answer], None]
    _open: list[Attempt]
    cancelled: bool = False

    @property
    def id(self) -> str:
        return self.header("ce-id")

    def header(self, name: str) -> str:
        lines = dict(line.split(": ", 1) for line in self.fields.decode().split("\r\n") if line)
        return lines.get(name, "")

    def answer(self, answer: Answer) -> None:
        self._open.remove(self)
        self._done(answer)

    def cancel(self) -> None:
        self.cancelled = True
        self._open.remove(self)


@dataclass
class Subscribers:
    """A Sender: `open` are the attempts without an answer, in the order they were made."""

    open: list[Attempt] = field(default_factory=list)
    began: list[Callable[[Attempt], None]] = field(default_factory=list)  # called with each attempt

    def send(
        self,
        subscriber: Subscriber,
        fields: bytes,
        body: bytes,
        timeout_s: float | None,
        done: Callable[[Answer], None],
    ) -> Attempt:
        attempt = Attempt(subscriber, fields, body, timeout_s, done, self.open)
        self.open.append(attempt)
        for listener in self.began:
            listener(attempt)
        return attempt

    @property
    def ids(self) -> list[str]:
        return [attempt.id for attempt in self.open]


async def settle() -> None:
    """Let everything that waits for nothing but the loop come to an end."""
    for _ in range(60):
        await asyncio.sleep(0)


BROKER = BrokerConfig("default/orders", "broker-1")
OFTEN = Timing(save_s=0.0, look_s=3600.0, forget_s=30.0)


def trigger(name: str = "t", *, uid: str = "", **changes: Any) -> TriggerConfig:
    """A trigger of BROKER with a subscriber of the engine's."""
    values: dict[str, Any] = {
        "key": f"default/{name}",
        "uid": uid or f"uid-{name}",
        "broker": BROKER.key,
        "subscriber_uri": f"http://{name}.default.svc.cluster.local/",
        **changes,
    }
    return TriggerConfig(**values)


@dataclass
class World:
    """One Broker's dispatch at a time, over parts that outlive it."""

    log: MemoryLog = field(default_factory=MemoryLog)
    cursors: MemoryCursors = field(default_factory=MemoryCursors)
    dead: MemoryDeadLetters = field(default_factory=MemoryDeadLetters)
    clock: VirtualClock = field(default_factory=VirtualClock)
    subscribers: Subscribers = field(default_factory=Subscribers)
    targets: Targets = field(default_factory=Targets)
    published: list[tuple[dict[str, Any], bytes | None]] = field(default_factory=list)
    bounds: Bounds = field(default_factory=Bounds)

    async def publish(self, broker: str, attributes: dict[str, Any], data: bytes | None) -> int:
        position = await self.log.append(attributes, data)
        self.published.append((attributes, data))
        return position

    @contextlib.asynccontextmanager
    async def dispatching(self, *triggers: TriggerConfig) -> AsyncIterator[Dispatching]:
        """A life of the dispatcher that ends as by kill -9: nothing is saved at its end."""
        async with asyncio.TaskGroup() as tasks:
            parts = OpenBroker(BROKER, self.log, self.dead, self.cursors)
            services = Services(self.subscribers, self.clock, self.publish, tasks.create_task, "localhost")
            broker = BrokerDispatch(parts, services, self.targets, OFTEN)
            running = tasks.create_task(broker.run())
            life = Dispatching(self, broker)
            try:
                await life.apply(*triggers)
                yield life
            finally:
                running.cancel()
                broker.stop()


@dataclass
class Dispatching:
    world: World
    broker: BrokerDispatch

    async def apply(self, *triggers: TriggerConfig, existing: tuple[str, ...] = ()) -> None:
        self.broker.apply({each.uid: each for each in triggers}, frozenset(existing), self.world.bounds)
        await settle()

    async def put(self, *ids: str, **attributes: Any) -> None:
        for id in ids:
            self.world.log.put({**event(id), **attributes})
        await settle()

    async def answer(self, id: str, answer: Answer = DONE) -> None:
        next(attempt for attempt in self.world.subscribers.open if attempt.id == id).answer(answer)
        await settle()

    async def advance(self, seconds: float) -> None:
        self.world.clock.advance(seconds)
        await settle()

    @property
    def sent(self) -> list[str]:
        return self.world.subscribers.ids

    def status(self, key: str = "default/t") -> TriggerStatus:
        return next(status for status in self.broker.status() if status.trigger == key)


def event(id: str) -> dict[str, Any]:
    return {"specversion": "1.0", "id": id, "source": "/test", "type": "made"}
