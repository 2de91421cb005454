"""What a million stored events take: of memory while they lie there, and of the disk."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from bench.events.engine import INGRESS, EventEngine, attributes, event_engine
from bench.events.ingress import make_broker
from bench.load import make_request
from bench.processes import pss_bytes
from bench.report import Figure

EVENTS = 1_000_000
BATCH = 500
CONNECTIONS = 4
_PARTS = ("nats-server", "broker", "engine")


def memory() -> list[Figure]:
    with event_engine() as up:
        make_broker(up)
        before, disk = _memory(up), _disk_bytes(up.state / "nats")
        began = time.monotonic()
        asyncio.run(_store(up))
        seconds = time.monotonic() - began
        after, used = _memory(up), _disk_bytes(up.state / "nats") - disk
    figures = [
        Figure(f"{part} with {EVENTS:,} stored events, PSS", after[part], "MiB", wanted, "less",
               note=f"{before[part]:.0f} MiB with none")
        for part, wanted in zip(_PARTS, (256, 64, 64), strict=True)
    ]  # fmt: skip
    note = f"stored at {EVENTS / seconds:,.0f}/s in batches of {BATCH}"
    figures.append(Figure("disk for a stored small event", used / EVENTS, "bytes", 512, "less", note=note))
    return figures


async def _store(up: EventEngine) -> None:
    documents = [attributes("bench.stored", str(n)) | {"data": {"n": n}} for n in range(BATCH)]
    content = {"content-type": "application/cloudevents-batch+json"}
    request = make_request("/default/default", json.dumps(documents).encode(), host=INGRESS, headers=content)
    left = EVENTS // BATCH

    async def sender() -> None:
        nonlocal left
        reader, writer = await asyncio.open_unix_connection(up.internal)
        try:
            while left > 0:
                left -= 1
                if left % 200 == 0:
                    print(f"  {left * BATCH:,} events to store …", file=sys.stderr, flush=True)
                writer.write(request)
                answer = await reader.readuntil(b"\r\n\r\n")
                if not answer.startswith(b"HTTP/1.1 202"):
                    raise RuntimeError(f"a batch was not stored: {answer.decode()}")
        finally:
            writer.close()

    async with asyncio.TaskGroup() as senders:
        for _ in range(CONNECTIONS):
            senders.create_task(sender())


def _memory(up: EventEngine) -> dict[str, float]:
    """MiB by part."""
    return {part: pss_bytes(pids) / 2**20 for part, pids in up.pids().items()}


def _disk_bytes(folder: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
