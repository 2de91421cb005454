"""An engine with events, looked at from the outside: its log, its cursors, and what each of its parts costs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from bench.engine import Engine
from bench.processes import cpu_s, free_port, try_request
from faas.engine.broker.dispatch.window import Cursor
from faas.engine.broker.jetstream import running_logs, server_of
from faas.engine.broker.keeping import table
from faas.engine.broker.seams.log import Cursors, EventLog, LogUnavailable
from faas.engine.contract.eventing import EventingTable
from faas.engine.contract.settings import EngineSettings
from faas.engine.supervisor.census import census

INGRESS = "broker-ingress.knative-eventing.svc.cluster.local"
DATA = json.dumps({"name": "bench", "items": list(range(20))}).encode()
DEADLINE_S = 120.0
_AT_ONCE = 2000  # records on their way to the log
_EVERY_S = 0.05  # between looks at cursors, which are stored four times a second


def attributes(type: str, id: str) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": id,
        "source": "/bench",
        "type": type,
        "time": "2026-11-23T15:00:00Z",
        "datacontenttype": "application/json",
    }


def headers(type: str, id: str = "1") -> dict[str, str]:
    """An event's fields in binary mode."""
    return {f"ce-{name}": value for name, value in attributes(type, id).items() if name != "datacontenttype"}


@dataclass(frozen=True)
class EventEngine(Engine):
    """An engine under `faas up` whose events are watched."""

    @cached_property
    def runtime_dir(self) -> Path:
        return Path(json.loads((self.state / "engine.json").read_text())["runtime_dir"])

    @property
    def internal(self) -> str:
        return str(self.runtime_dir / "internal.sock")

    @property
    def broker_socket(self) -> str:
        return str(self.runtime_dir / "broker.sock")

    @property
    def settings(self) -> EngineSettings:
        return EngineSettings.load(self.runtime_dir / "settings.json")

    @property
    def eventing(self) -> EventingTable:
        """What the broker's process works by."""
        remembered = table.load(self.settings.nats_dir / "eventing.json")
        assert remembered is not None
        return remembered.table

    def pids(self) -> dict[str, set[int]]:
        """By part."""
        found: dict[str, set[int]] = {}
        for member in census(self.pid, str(self.runtime_dir)):
            found.setdefault(member.role, set()).add(member.pid)
        return found

    def wait_taken(self, request: bytes) -> None:
        """Until the ingress takes this event."""
        deadline = time.monotonic() + DEADLINE_S
        while try_request(self.internal, request) != 202:
            if time.monotonic() > deadline:
                raise RuntimeError(f"the ingress took no event within {DEADLINE_S:.0f} s")
            time.sleep(_EVERY_S)

    @contextlib.asynccontextmanager
    async def open(self, broker: str) -> AsyncIterator[Watched]:
        """A Broker's log and cursors, over a connection of our own."""
        settings = self.settings
        config = next(config for config in self.eventing.brokers if config.key == broker)
        async with running_logs(lambda: server_of(settings)) as logs:
            await logs.connection.connected()
            log, _, cursors = await logs.open(config)
            yield Watched(self, broker, log, cursors)

    @contextlib.contextmanager
    def stopped(self, part: str) -> Iterator[None]:
        """The part stands still within the block."""
        (pid,) = self.pids()[part]
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)


def make_project(folder: Path, source: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "main.py").write_text("import os\nimport time\n\nfrom faas import Event, function\n\n" + source)
    (folder / "pyproject.toml").write_text('[project]\nname = "events"\nversion = "1"\n')
    return folder


@contextlib.contextmanager
def event_engine(*options: str) -> Iterator[EventEngine]:
    with tempfile.TemporaryDirectory(prefix="faas-bench-") as folder:
        up = EventEngine(Path(folder) / "state", free_port())
        up.faas("up", "--port", str(up.port), *options)
        try:
            yield up
        finally:
            up.faas("down")


class Spent:
    """CPU seconds of an engine's parts from the making of this to `stop`."""

    def __init__(self, up: EventEngine) -> None:
        self._up = up
        self._before = {part: cpu_s(pids) for part, pids in up.pids().items()}
        self._begun = time.perf_counter()
        self.seconds = 0.0  # on the wall
        self.parts: dict[str, float] = {}

    def stop(self) -> Spent:
        self.seconds = time.perf_counter() - self._begun
        self.parts = {part: cpu_s(pids) - self._before.get(part, 0.0) for part, pids in self._up.pids().items()}
        return self

    def note(self, events: int) -> str:
        """What an event costs, and how many a second that is for one core."""
        total = sum(self.parts.values())
        each = {part: used / events * 1e6 for part, used in sorted(self.parts.items(), key=lambda item: -item[1])}
        said = ", ".join(f"{part} {used:.0f}" for part, used in each.items() if used >= 1)
        return f"{events / total:,.0f}/s for each core it uses; processor µs an event: {said}"


@dataclass(frozen=True)
class Watched:
    up: EventEngine
    broker: str
    log: EventLog
    cursors: Cursors

    async def store(self, types: Iterable[str], count: int, data: bytes = DATA) -> None:
        """Straight into the log, as the broker would have: `count` events, of these types in turn."""
        kinds, name = list(types), time.monotonic_ns()
        stamps = {"knativebrokerttl": 255, "knativearrivaltime": "2026-11-23T15:00:00Z"}
        for start in range(0, count, _AT_ONCE):
            numbers = range(start, min(start + _AT_ONCE, count))
            records = (attributes(kinds[n % len(kinds)], f"{name}-{n}") | stamps for n in numbers)
            await asyncio.gather(*(self.log.append(record, data) for record in records))

    async def until_acknowledged(self, ends: Mapping[str, int]) -> None:
        """Until each trigger's stored cursor is beyond the last event of its type."""
        wanted = {
            trigger.uid: ends[type]
            for trigger in self.up.eventing.triggers
            if trigger.broker == self.broker and (type := _type_of(trigger.filters)) in ends
        }
        if len(wanted) != len(ends):
            raise RuntimeError(f"{len(wanted)} of {len(ends)} triggers of {self.broker} are there")
        decode = msgspec.msgpack.Decoder(Cursor).decode

        def is_done(stored: Mapping[str, bytes]) -> bool:
            return all(uid in stored and decode(stored[uid]).lowest > end for uid, end in wanted.items())

        await self._until(lambda: self.cursors.load(), is_done, "not all events were acknowledged")

    async def until_stored(self, last: int) -> None:
        """Until the log has come to this sequence."""
        await self._until(lambda: self.log.state(), lambda state: state.last >= last, "not all events were stored")

    async def _until(self, ask: Callable[[], Any], is_done: Callable[[Any], bool], otherwise: str) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while True:
            with contextlib.suppress(LogUnavailable):
                if is_done(await ask()):
                    return
            if time.monotonic() > deadline:
                raise RuntimeError(f"{otherwise} within {DEADLINE_S:.0f} s")
            await asyncio.sleep(_EVERY_S)


def _type_of(filters: tuple[dict[str, Any], ...]) -> str:
    """The type that our own triggers filter by."""
    return str(filters[0].get("exact", {}).get("type", "")) if filters else ""
