"""Events through the whole engine: from the log to the acknowledgement, and in and out at once."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.events.engine import DATA, INGRESS, EventEngine, Spent, Watched, event_engine, headers, make_project
from bench.events.jetstream import consumed
from bench.load import Result, drive, make_request
from bench.report import Figure

EVENTS = 20_000
CONNECTIONS = 32
HANDLER = """
@function.event(type="{type}", broker="{broker}", service="{service}", max_scale=1, scale_to_zero_after="10m")
{kind} {name}(event: Event) -> None:
    assert event.id
"""


@dataclass(frozen=True)
class Setting:
    """A function with that many triggers, at a Broker of its own."""

    name: str
    triggers: int
    kind: str = "def"

    @property
    def broker(self) -> str:
        return f"default/{self.name}"

    @property
    def types(self) -> list[str]:
        return [f"bench.{self.name}.{n}" for n in range(self.triggers)]

    def source(self) -> str:
        return "".join(
            HANDLER.format(type=type, broker=self.name, service=self.name, kind=self.kind, name=f"{self.name}{n}")
            for n, type in enumerate(self.types)
        )


SETTINGS = (Setting("one", 1), Setting("oneasync", 1, "async def"), Setting("ten", 10), Setting("hundred", 100))


def delivery() -> list[Figure]:
    """Stored first, then delivered: from the moment the broker may, to the last cursor that was stored."""
    figures: list[Figure] = []
    with event_engine() as up, tempfile.TemporaryDirectory() as folder:
        up.faas("deploy", make_project(Path(folder) / "events", "".join(setting.source() for setting in SETTINGS)))
        for setting in SETTINGS:
            spent = asyncio.run(_deliver(up, setting))
            triggers = "1 trigger" if setting.triggers == 1 else f"{setting.triggers} triggers"
            handler = "async" if setting.kind.startswith("async") else "sync"
            rate, note = EVENTS / spent.seconds, spent.note(EVENTS)
            name = f"stored to acknowledged, {triggers}, {handler} handler"
            figures.append(Figure(name, rate, "events/s", 2000, "more", note=note))
            if setting is SETTINGS[0]:
                alone = asyncio.run(consumed(up, EVENTS))
                name = "stored to acknowledged, 1 trigger, and a pull consumer that only acknowledges"
                figures.append(Figure(name, rate, "events/s", 0.25, "more", "JetStream alone, nats-py", alone))
        both = asyncio.run(_in_and_out(up, SETTINGS[0]))
        figures.append(
            Figure("ingress to acknowledged, in and out at once", EVENTS / both.seconds, "events/s", 2000, "more",
                   note=both.note(EVENTS))
        )  # fmt: skip
    return figures


async def _deliver(up: EventEngine, setting: Setting, count: int = EVENTS) -> Spent:
    async with up.open(setting.broker) as watched:
        await _warm_up(watched, setting)
        before = (await watched.log.state()).last
        with up.stopped("broker"):
            await watched.store(setting.types, count)
            spent = Spent(up)
        await watched.until_acknowledged(_ends(setting.types, before + count))
        return spent.stop()


async def _in_and_out(up: EventEngine, setting: Setting, count: int = EVENTS) -> Spent:
    (type,) = setting.types
    async with up.open(setting.broker) as watched:
        await _warm_up(watched, setting)
        before = (await watched.log.state()).last
        spent = Spent(up)
        result = await asyncio.to_thread(send, up, setting.name, type, count)
        await watched.until_acknowledged({type: before + len(result.latencies)})
        return spent.stop()


async def _warm_up(watched: Watched, setting: Setting) -> None:
    await watched.store(setting.types, 500)
    await watched.until_acknowledged(_ends(setting.types, (await watched.log.state()).last))


def _ends(types: Sequence[str], last: int) -> dict[str, int]:
    """The sequence of each type's last event, when they came in turns and the last one is of the last type."""
    return {type: last - back for back, type in enumerate(reversed(types))}


def send(up: EventEngine, broker: str, type: str, count: int) -> Result:
    request = make_request(f"/default/{broker}", DATA, host=INGRESS, headers=headers(type))
    result = drive(up.internal, request, connections=CONNECTIONS, limit=count)
    if result.failed:
        raise RuntimeError(f"{result.failed} events were not taken: {result.statuses}")
    return result
