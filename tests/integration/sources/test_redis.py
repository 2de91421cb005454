"""The Redis adapter against a real Redis: nothing that was acknowledged upstream is missing at the sink."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from tests.programs import Program, free_port, make_certificate, running_redis
from tests.sources_world import running_adapter, stand_in_sink


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
    with client.pipeline() as pipeline:  # all at once: a reader that waits gets them together
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


def test_nothing_is_lost_when_the_adapter_is_killed_under_load(server: Program, client: Redis, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stand_in_sink(tmp_path) as sink:
            async with running_adapter("redis", sink, options(server, batch=20)) as adapter:
                await adapter.until("running")
                adding = asyncio.create_task(asyncio.to_thread(add, client, 0, 3000))
                await sink.has(200)
                await adapter.kill()
                await adding
            sink.hold()  # read, on its way, not acknowledged
            async with running_adapter("redis", sink, options(server, batch=20)) as adapter:
                asked = len(sink.requests)
                await sink.asked(asked + 1)
                await adapter.kill()
            sink.release()
            assert client.xpending("orders", "faas")["pending"] > 0
            async with running_adapter("redis", sink, options(server)) as adapter:
                await sink.until(lambda sink: len(set(numbers(sink))) == 3000, "3000 different entries")
                assert await adapter.end() == 0
            assert list(dict.fromkeys(numbers(sink))) == list(range(3000))
            assert client.xpending("orders", "faas")["pending"] == 0

    asyncio.run(scenario())


def test_nothing_is_lost_when_redis_is_killed_or_the_sink_away(server: Program, client: Redis, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stand_in_sink(tmp_path) as sink, running_adapter("redis", sink, options(server)) as adapter:
            await adapter.until("running")
            sink.refuse(503)
            add(client, 0, 150)
            await adapter.until("failing", "SinkUnavailable")
            await asyncio.to_thread(server.kill)
            sink.take()
            await sink.has(100)  # the first batch arrives, and cannot be acknowledged
            await adapter.until("failing", "UpstreamUnavailable")
            await asyncio.to_thread(server.start)
            await adapter.until("running")
            add(client, 150, 200)
            await sink.until(lambda sink: len(set(numbers(sink))) == 200, "200 different entries")
            assert list(dict.fromkeys(numbers(sink))) == list(range(200))
            assert await adapter.end() == 0

    asyncio.run(scenario())


def test_the_group_is_made_again_when_the_stream_was_deleted(server: Program, client: Redis, tmp_path: Path) -> None:
    async def scenario() -> None:
        given = options(server, start="$")
        client.xadd("orders", {"number": -1})  # before the source began
        async with stand_in_sink(tmp_path) as sink, running_adapter("redis", sink, given) as adapter:
            await adapter.until("running")
            add(client, 0, 10)
            await sink.has(10)
            client.delete("orders")
            add(client, 10, 20)  # a new stream without our group; `$` would leave these out
            await sink.has(20)
            assert numbers(sink) == list(range(20))
            assert (await adapter.until("running"))["state"] == "running"

    asyncio.run(scenario())


def test_what_another_consumer_has_left_is_claimed(server: Program, client: Redis, tmp_path: Path) -> None:
    async def scenario() -> None:
        client.xgroup_create("orders", "faas", id="0", mkstream=True)
        add(client, 0, 10)
        client.xreadgroup("faas", "the-dead", {"orders": ">"}, count=6)
        client.xclaim(  # as if it had been silent for ten minutes
            "orders", "faas", "the-dead", 0, [id for id, _ in client.xrange("orders", count=6)], idle=600_000
        )
        async with stand_in_sink(tmp_path) as sink, running_adapter("redis", sink, options(server)) as adapter:
            await sink.has(10)
            assert sorted(numbers(sink)) == list(range(10))
            assert await adapter.end() == 0
        assert client.xpending("orders", "faas")["pending"] == 0

    asyncio.run(scenario())


def test_entries_that_were_deleted_while_they_were_pending_hold_up_nothing(
    server: Program, client: Redis, tmp_path: Path
) -> None:
    async def scenario() -> None:
        client.xgroup_create("orders", "faas", id="0", mkstream=True)
        add(client, 0, 4)
        client.xreadgroup("faas", "a-source", {"orders": ">"}, count=2)
        client.xdel("orders", client.xrange("orders", count=1)[0][0])
        async with stand_in_sink(tmp_path) as sink, running_adapter("redis", sink, options(server)) as adapter:
            await sink.has(3)
            assert await adapter.end() == 0
            assert numbers(sink) == [1, 2, 3]
        assert client.xpending("orders", "faas")["pending"] == 0

    asyncio.run(scenario())


def test_repeated_fields_and_bytes_arrive(server: Program, client: Redis, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stand_in_sink(tmp_path) as sink, running_adapter("redis", sink, options(server)) as adapter:
            await adapter.until("running")
            client.execute_command("XADD", "orders", "*", "tag", "a", "tag", "b", "raw", b"\xff")
            await sink.has(1)
            assert sink.events[0].data == ["tag", "a", "tag", "b", "raw", "\ufffd"]

    asyncio.run(scenario())


def test_tls_with_a_certificate_of_our_own(tmp_path: Path) -> None:
    pem, key = make_certificate()
    cert_file, key_file, port = tmp_path / "cert.pem", tmp_path / "key.pem", free_port()
    cert_file.write_text(pem)
    key_file.write_text(key)
    tls = [
        "--tls-port", str(port), "--tls-cert-file", str(cert_file), "--tls-key-file", str(key_file),
        "--tls-ca-cert-file", str(cert_file), "--tls-auth-clients", "yes",
    ]  # fmt: skip

    async def scenario() -> None:
        with running_redis(tmp_path / "redis", *tls) as server:
            given = options(server, address=f"rediss://127.0.0.1:{port}")
            secrets = {"FAAS_SOURCE_CA": pem, "FAAS_SOURCE_CERT": pem, "FAAS_SOURCE_KEY": key}
            async with stand_in_sink(tmp_path) as sink, running_adapter("redis", sink, given, **secrets) as adapter:
                await adapter.until("running")
                with Redis(port=server.port) as client:
                    add(client, 0, 1)
                await sink.has(1)
                assert await adapter.end() == 0
            async with stand_in_sink(tmp_path / "redis") as sink, running_adapter("redis", sink, given) as adapter:
                report = await adapter.until("failing", "UpstreamUnavailable")
                assert "certificate" in report["message"].lower()

    asyncio.run(scenario())


def test_a_wrong_password_is_told_and_a_database_chosen(tmp_path: Path) -> None:
    async def scenario() -> None:
        with running_redis(tmp_path / "redis", "--requirepass", "a word") as server:
            given = options(server, address=f"redis://127.0.0.1:{server.port}/3")
            async with stand_in_sink(tmp_path) as sink:
                async with running_adapter("redis", sink, given, FAAS_SOURCE_PASSWORD="wrong") as adapter:
                    await adapter.until("failing", "AuthenticationFailed")
                async with running_adapter("redis", sink, given, FAAS_SOURCE_PASSWORD="a word") as adapter:
                    await adapter.until("running")
                    with Redis(port=server.port, db=3, password="a word") as client:
                        add(client, 0, 1)
                    await sink.has(1)
                    assert sink.events[0].source == f"redis://127.0.0.1:{server.port}/3/orders"

    asyncio.run(scenario())
