"""JetStream alone, by its own client, on a server of the same settings: what our way is measured against."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import nats
import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, StreamConfig

from bench.events.engine import DATA, EventEngine, attributes
from faas.engine.broker.jetstream import server_of
from faas.engine.broker.jetstream.records import encode_event

SUBJECT = "bench"
RECORD = encode_event(attributes("bench.alone", "1") | {"knativebrokerttl": 255}, DATA)
_FETCHED = 100


async def published(up: EventEngine, *, publishers: int, seconds: float) -> float:
    """Messages a second, each publisher waiting for an acknowledgement before its next one."""
    async with _stream(up) as stream:
        end = time.perf_counter() + seconds
        counts = await asyncio.gather(*(_publish(stream, end) for _ in range(publishers)))
        return sum(counts) / seconds


async def _publish(stream: JetStreamContext, end: float) -> int:
    count = 0
    while time.perf_counter() < end:
        await stream.publish(SUBJECT, RECORD)
        count += 1
    return count


async def consumed(up: EventEngine, count: int) -> float:
    """Messages a second by a pull consumer that acknowledges each, from a stream that has them."""
    async with _stream(up) as stream:
        for _ in range(0, count, _FETCHED):
            answers = [await stream.publish_async(SUBJECT, RECORD) for _ in range(_FETCHED)]
            await asyncio.gather(*answers)
        subscription = await stream.pull_subscribe(
            SUBJECT, durable="bench", config=ConsumerConfig(max_ack_pending=10 * _FETCHED)
        )
        begun, done = time.perf_counter(), 0
        while done < count:
            for message in await subscription.fetch(_FETCHED):
                await message.ack()
                done += 1
        return count / (time.perf_counter() - begun)


@contextlib.asynccontextmanager
async def _stream(up: EventEngine) -> AsyncIterator[JetStreamContext]:
    server = server_of(up.settings)
    client: Client = await nats.connect(server.url, user=server.user, password=server.password)
    try:
        stream = client.jetstream()
        await stream.add_stream(StreamConfig(name="BENCH", subjects=[SUBJECT]))
        try:
            yield stream
        finally:
            await stream.delete_stream("BENCH")
    finally:
        await client.close()
