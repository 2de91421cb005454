"""Events in: what a Broker's address takes in each mode, and what the same events take in JetStream alone."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

from bench.events.engine import DATA, INGRESS, EventEngine, Spent, attributes, event_engine, headers
from bench.events.jetstream import published
from bench.load import drive, make_request
from bench.report import Figure
from faas.client.places.state import State, connect
from faas.resources import kinds

BATCH = 100
CONNECTIONS = 32
SECONDS = 2.0
_TYPE = "bench.in"


@dataclass(frozen=True)
class Mode:
    name: str
    body: bytes
    headers: dict[str, str]
    events: int  # in a request
    wanted: float  # of what JetStream alone takes

    def request(self) -> bytes:
        return make_request("/default/default", self.body, host=INGRESS, headers=self.headers)


def _document(id: str) -> dict[str, object]:
    return attributes(_TYPE, id) | {"data": json.loads(DATA)}


BINARY = Mode("binary", DATA, headers(_TYPE), 1, 0.3)
MODES = (
    BINARY,
    Mode("structured", json.dumps(_document("1")).encode(), {"content-type": "application/cloudevents+json"}, 1, 0.3),
    Mode(
        f"batches of {BATCH}",
        json.dumps([_document(str(n)) for n in range(BATCH)]).encode(),
        {"content-type": "application/cloudevents-batch+json"},
        BATCH,
        1.0,
    ),
)


def ingress() -> list[Figure]:
    """Through the gateway's internal socket, as functions and sources send; nobody wants these events."""
    figures: list[Figure] = []
    for durability, modes in (("os", MODES), ("fsync", (BINARY, MODES[-1]))):
        with event_engine("--durability", durability) as up:
            make_broker(up)
            alone = asyncio.run(published(up, publishers=CONNECTIONS, seconds=SECONDS))
            for mode in modes:
                rate, note = _taken(up, mode)
                name = f"ingress, {mode.name}, durability {durability}"
                figures.append(
                    Figure(name, rate, "events/s", mode.wanted, "more", "JetStream alone, nats-py", alone, note=note)
                )
    return figures


def make_broker(up: EventEngine, name: str = "default") -> None:
    async def make() -> None:
        document = {
            "apiVersion": kinds.BROKER.api_version,
            "kind": "Broker",
            "metadata": {"name": name, "namespace": "default"},
        }
        async with connect(State(up.state)) as client:
            await client.create(kinds.BROKER, document)

    asyncio.run(make())
    up.wait_taken(make_request(f"/default/{name}", DATA, host=INGRESS, headers=headers(_TYPE)))


def _taken(up: EventEngine, mode: Mode) -> tuple[float, str]:
    request = mode.request()
    drive(up.internal, request, connections=CONNECTIONS, seconds=0.3)
    spent = Spent(up)
    result = drive(up.internal, request, connections=CONNECTIONS, seconds=SECONDS)
    spent.stop()
    if result.failed:
        raise RuntimeError(f"{result.failed} requests failed: {result.statuses}")
    return result.rate * mode.events, spent.note(len(result.latencies) * mode.events)
