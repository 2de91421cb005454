"""The Redis adapter against a real Redis: nothing that was acknowledged upstream is missing at the sink."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from tests.sources_world import Program, running_adapter, running_redis, stand_in_sink


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Program]:
    with running_redis(tmp_path / "redis") as program:
        yield program


@pytest.fixture
def client(server: Program) -> Iterator[Redis]:
    with Redis(port=server.port) as client:
        yield client


def options(server: Program, **more: Any) -> dict[str, Any]:
    return {"address": server.address, "stream": "orders", "group": "faas", "start": "0", **more}


def add(client: Redis, first: int, last: int) -> None:
    with client.pipeline(transaction=False) as pipeline:
        for number in range(first, last):
            pipeline.xadd("orders", {"number": number})
        pipeline.execute()


def numbers(sink: Any) -> list[int]:
    return [int(event.data[1]) for event in sink.events]


def test_entries_become_events_in_order_and_are_acknowledged(server: Program, client: Redis, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stand_in_sink(tmp_path) as sink, running_adapter("redis", sink, options(server)) as adapter:
            await adapter.until("running")
            id = client.xadd("orders", {"item": "tea", "count": "2"}).decode()
            await sink.has(1)
            event = sink.events[0]
            assert event.type == "dev.knative.sources.redisstream"
            assert event.source == f"127.0.0.1:{server.port}/orders"
            assert event.id == id
            assert event.data == ["item", "tea", "count", "2"]
            assert await adapter.end() == 0
            assert client.xpending("orders", "faas")["pending"] == 0

    asyncio.run(scenario())
