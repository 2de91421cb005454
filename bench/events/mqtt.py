"""Messages by MQTT at QoS 1: from many devices into a Broker's log, through the engine's own door or a Mosquitto."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.events.devices import Sent, publish
from bench.events.engine import EventEngine, Spent, event_engine, make_project
from bench.processes import free_port, running
from bench.report import Figure
from faas.client.places.state import State, connect
from faas.resources import kinds

FUNCTION = """
@function.mqtt("bench/#"{url})
def on_reading(event: Event) -> None:
    assert event.id
"""
DEVICES = 200
EACH = 100
_PAYLOAD = b'{"celsius": 21.5, "n": 4711}'
_PORT_DEADLINE_S = 20.0


def mqtt() -> list[Figure]:
    door = free_port()
    with event_engine("--mqtt", str(door)) as up:
        figures = [_through(up, door, "the engine's own door", "")]
    if mosquitto := shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"):
        with _running_mosquitto(mosquitto) as port, event_engine() as up:
            figures.append(_through(up, port, "Mosquitto", f', url="mqtt://127.0.0.1:{port}"'))
    return figures


def _through(up: EventEngine, port: int, way: str, url: str) -> Figure:
    with tempfile.TemporaryDirectory() as folder:
        up.faas("deploy", make_project(Path(folder) / "readings", FUNCTION.format(url=url)))
    return asyncio.run(_measure(up, port, way))


async def _measure(up: EventEngine, port: int, way: str) -> Figure:
    """The function's Trigger goes first: it is the way into the log that is measured."""
    async with connect(State(up.state)) as client:
        for trigger in (await client.list(kinds.TRIGGER, "default")).items:
            await client.delete(kinds.TRIGGER, trigger["metadata"]["name"], "default")
    async with up.open("default/default") as watched:
        before = (await watched.log.state()).last
        spent = Spent(up)
        sent: Sent = await publish(port, devices=DEVICES, each=EACH, payload=_PAYLOAD)
        await watched.until_stored(before + sent.messages)
        spent.stop()
    note = (
        f"{DEVICES} devices; acknowledged to them at {sent.messages / sent.seconds:,.0f}/s; {spent.note(sent.messages)}"
    )
    name = f"MQTT QoS 1, {way}, to the Broker's log"
    return Figure(name, sent.messages / spent.seconds, "messages/s", 1000, "more", note=note)


@contextlib.contextmanager
def _running_mosquitto(program: str) -> Iterator[int]:
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        config = Path(folder) / "mosquitto.conf"
        config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nuser root\n")
        with running([program, "-c", config]):
            _wait_for(port)
            yield port


def _wait_for(port: int) -> None:
    async def connects() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    deadline = time.monotonic() + _PORT_DEADLINE_S
    while not asyncio.run(connects()):
        if time.monotonic() > deadline:
            raise RuntimeError(f"nothing listens at {port}")
        time.sleep(0.05)
