"""How late events are: from the beginning of the request that brings one to the beginning of its handler."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.engine import wait_zero
from bench.events.engine import DATA, DEADLINE_S, INGRESS, EventEngine, attributes, event_engine, headers, make_project
from bench.load import make_request
from bench.processes import try_request
from bench.report import Figure

# An event's id is the time when its request was begun; the clock is the machine's, not the process's.
HANDLER = """
LATE = os.open("{path}", os.O_WRONLY | os.O_APPEND | os.O_CREAT)


@function.event(type="bench.late", scale_to_zero_after="1s", max_scale={most})
def late(event: Event) -> None:
    begun = time.monotonic_ns()
    os.write(LATE, b"%d\\n" % (begun - int(event.id)))
"""
CONNECTIONS = 64
_TYPE = "bench.late"
_RATES = {"unloaded": (50, 200), "1,000 events/s": (1000, 4000)}  # events a second, and how many
_WAITING = 1000
_BATCH = 100


class Lateness:
    """What the handler has written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def forget(self) -> None:
        os.truncate(self.path, 0)

    def when(self, count: int) -> list[float]:
        """Milliseconds of each, once there are so many."""
        deadline = time.monotonic() + DEADLINE_S
        while len(lines := self.path.read_bytes().splitlines()) < count:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{len(lines)} of {count} events were handled within {DEADLINE_S:.0f} s")
            time.sleep(0.01)
        return sorted(int(line) / 1e6 for line in lines)


def latency() -> list[Figure]:
    figures: list[Figure] = []
    with event_engine() as up, tempfile.TemporaryDirectory() as folder:
        late = Lateness(Path(folder) / "late")
        up.faas("deploy", make_project(Path(folder) / "late-events", HANDLER.format(path=late.path, most=1)))
        up.wait_taken(_request())
        for load, (rate, count) in _RATES.items():
            figures += _under_load(up, late, load, rate, count)
        figures += _from_zero(up, late)
    return figures


def _under_load(up: EventEngine, late: Lateness, load: str, rate: int, count: int) -> Iterator[Figure]:
    asyncio.run(_send(up.internal, rate, rate // 2))  # an instance is there, and warm
    late.when(rate // 2)
    late.forget()
    asyncio.run(_send(up.internal, rate, count))
    ordered = late.when(count)
    p50, p99 = statistics.median(ordered), ordered[int(len(ordered) * 0.99)]
    yield Figure(f"from ingress to handler, {load}, p50", p50, "ms", 10.0, "less", note=f"worst {ordered[-1]:.0f} ms")
    yield Figure(f"from ingress to handler, {load}, p99", p99, "ms", 100.0, "less")


def _from_zero(up: EventEngine, late: Lateness) -> Iterator[Figure]:
    """A queue in front of a function that is scaled to zero."""
    wait_zero(up, "late")
    late.forget()
    for start in range(0, _WAITING, _BATCH):
        documents = [attributes(_TYPE, str(time.monotonic_ns())) | {"data": {"n": start + n}} for n in range(_BATCH)]
        content = {"content-type": "application/cloudevents-batch+json"}
        request = make_request("/default/default", json.dumps(documents).encode(), host=INGRESS, headers=content)
        if try_request(up.internal, request) != 202:
            raise RuntimeError("the ingress did not take a batch")
    ordered = late.when(_WAITING)
    yield Figure(
        f"from zero, {_WAITING:,} events at once: the first is handled after", ordered[0], "ms", 1000.0, "less"
    )
    yield Figure(f"from zero, {_WAITING:,} events at once: the last", ordered[-1], "ms", 3000.0, "less")


def _request() -> bytes:
    event = headers(_TYPE, str(time.monotonic_ns()))
    return make_request("/default/default", DATA, host=INGRESS, headers=event)


async def _send(path: str, rate: int, count: int) -> None:
    """One event every 1/rate seconds, whether or not the ones before were answered."""
    begun = time.monotonic_ns()

    async def sender(numbers: range) -> None:
        reader, writer = await asyncio.open_unix_connection(path)
        try:
            for number in numbers:
                due = begun + number * 1_000_000_000 // rate
                await asyncio.sleep((due - time.monotonic_ns()) / 1e9)
                event = headers(_TYPE, str(due))  # late or not, this is when it was to be sent
                writer.write(make_request("/default/default", DATA, host=INGRESS, headers=event))
                answer = await reader.readuntil(b"\r\n\r\n")
                if not answer.startswith(b"HTTP/1.1 202"):
                    raise RuntimeError(f"an event was not taken: {answer.decode()}")
        finally:
            writer.close()

    async with asyncio.TaskGroup() as senders:
        for n in range(min(CONNECTIONS, count)):
            senders.create_task(sender(range(n, count, CONNECTIONS)))
