"""The RabbitMQ adapter against a real server: what was not acknowledged is with the server still."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel

from tests.programs import Program, running_rabbitmq
from tests.sources_world import DEADLINE_S, StandInSink, running_adapter, stand_in_sink


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with running_rabbitmq(tmp_path_factory.mktemp("rabbitmq")) as program:
        yield program


@pytest.fixture
def queue(request: pytest.FixtureRequest) -> str:
    """A queue of the test's own."""
    return str(request.node.name)[5:]


def url(server: Program) -> str:
    return f"amqp://{server.address}"


@asynccontextmanager
async def channel_to(server: Program) -> AsyncIterator[AbstractChannel]:
    async with await aio_pika.connect(f"amqp://guest:guest@{server.address}") as connection:
        yield await connection.channel()


async def publish(channel: AbstractChannel, queue: str, first: int, last: int) -> None:
    for number in range(first, last):
        message = aio_pika.Message(str(number).encode(), delivery_mode=2)
        await channel.default_exchange.publish(message, queue)


async def waiting_in(server: Program, queue: str) -> int:
    """How many messages the queue has; what a closed connection had is back with it."""
    async with channel_to(server) as channel:
        return (await channel.declare_queue(queue, passive=True)).declaration_result.message_count or 0


def numbers(sink: StandInSink) -> list[int]:
    return [int(event.data) for event in sink.events]


def test_messages_become_knatives_events_in_order(server: Program, queue: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        options = {"url": url(server), "queue": queue}
        async with stand_in_sink(tmp_path) as sink, running_adapter("rabbitmq", sink, options) as adapter:
            await adapter.until("running")
            async with channel_to(server) as channel:
                message = aio_pika.Message(
                    b'{"n": 1}', message_id="m-1", content_type="application/json", headers={"retries": 2},
                    timestamp=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
                )  # fmt: skip
                await channel.default_exchange.publish(message, queue)
                await channel.default_exchange.publish(aio_pika.Message(b"\xff"), queue)
            await sink.has(2)
            first, second = sink.events
            assert (first.type, first.id, first.subject) == ("dev.knative.rabbitmq.event", "m-1", "m-1")
            assert first.source == f"/apis/v1/namespaces/default/rabbitmqsources/a-source#{queue}"
            assert (first.data, first.time) == ({"n": 1}, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
            assert first.extensions["routingkey"] == queue
            assert (second.data, second.subject) == (b"\xff", second.id)
            assert await adapter.end() == 0
        assert await waiting_in(server, queue) == 0

    asyncio.run(scenario())


def test_a_cloudevent_in_a_message_is_passed_on_as_it_is(server: Program, queue: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        options = {"url": url(server), "queue": queue}
        async with stand_in_sink(tmp_path) as sink, running_adapter("rabbitmq", sink, options) as adapter:
            await adapter.until("running")
            async with channel_to(server) as channel:
                attributes = {"specversion": "1.0", "type": "shop.paid", "source": "/tills/1", "id": "7"}
                headers: Any = {f"cloudEvents:{name}": value for name, value in attributes.items()}
                message = aio_pika.Message(b"9.50", content_type="text/plain", headers=headers)
                await channel.default_exchange.publish(message, queue)
            await sink.has(1)
            event = sink.events[0]
            assert (event.type, event.source, event.id, event.data) == ("shop.paid", "/tills/1", "7", "9.50")

    asyncio.run(scenario())


def test_nothing_is_lost_when_the_adapter_is_killed_under_load(server: Program, queue: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        options = {"url": url(server), "queue": queue, "prefetch": 50}
        async with stand_in_sink(tmp_path) as sink:
            async with channel_to(server) as channel, running_adapter("rabbitmq", sink, options) as adapter:
                await adapter.until("running")
                publishing = asyncio.create_task(publish(channel, queue, 0, 1000))
                await sink.has(200)
                await adapter.kill()
                await publishing
            sink.hold()
            async with running_adapter("rabbitmq", sink, options) as adapter:
                await sink.asked(len(sink.requests) + 1)
                await adapter.kill()  # taken, and not acknowledged
            sink.release()
            async with running_adapter("rabbitmq", sink, options) as adapter:
                await sink.until(lambda sink: len(set(numbers(sink))) == 1000, "1000 different messages")
                assert await adapter.end() == 0
        assert await waiting_in(server, queue) == 0
        assert list(dict.fromkeys(numbers(sink))) == list(range(1000))

    asyncio.run(scenario())


def test_while_the_sink_is_away_messages_wait_without_being_sent_round(
    server: Program, queue: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        options = {"url": url(server), "queue": queue, "prefetch": 10}
        async with stand_in_sink(tmp_path) as sink, running_adapter("rabbitmq", sink, options) as adapter:
            await adapter.until("running")
            sink.refuse(503)
            async with channel_to(server) as channel:
                await publish(channel, queue, 0, 100)
                await adapter.until("failing", "SinkUnavailable")
                found = await channel.declare_queue(queue, passive=True)
                assert found.declaration_result.message_count == 90
            assert await adapter.end() == 0
            assert await waiting_in(server, queue) == 100
            assert sink.events == []

    asyncio.run(scenario())


def test_what_the_sink_refuses_goes_to_the_dead_letter_exchange(server: Program, queue: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with channel_to(server) as channel:
            dead = await channel.declare_queue(f"{queue}-dead")
            arguments: Any = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead.name}
            await channel.declare_queue(queue, durable=True, arguments=arguments)
            options = {"url": url(server), "queue": queue}  # it is there: taken as it is
            async with stand_in_sink(tmp_path) as sink, running_adapter("rabbitmq", sink, options) as adapter:
                await adapter.until("running")
                sink.answer = lambda events: 400 if any(event.data == "1" for event in events) else 202
                for text in (b"a", b"1", b"b"):
                    await channel.default_exchange.publish(aio_pika.Message(text, content_type="text/plain"), queue)
                await sink.has(2)
                message = await dead.get(timeout=DEADLINE_S, fail=False)
                while message is None:
                    message = await dead.get(timeout=DEADLINE_S, fail=False)
                assert message.body == b"1"
                assert [event.data for event in sink.events] == ["a", "b"]
                await message.ack()
                await adapter.until("running", "EventsDropped")

    asyncio.run(scenario())


def test_the_queue_is_bound_to_an_exchange_that_is_made(server: Program, queue: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        options = {
            "url": url(server), "queue": queue, "exchange": f"{queue}-x", "exchange_type": "topic",
            "routing_keys": ["eu.*", "us.new"],
        }  # fmt: skip
        async with stand_in_sink(tmp_path) as sink, running_adapter("rabbitmq", sink, options) as adapter:
            await adapter.until("running")
            async with channel_to(server) as channel:
                exchange = await channel.get_exchange(f"{queue}-x")
                for key in ("eu.new", "us.old", "us.new"):
                    await exchange.publish(aio_pika.Message(key.encode(), content_type="text/plain"), key)
            await sink.has(2)
            assert [(event.data, event.extensions["routingkey"]) for event in sink.events] == [
                ("eu.new", "eu.new"),
                ("us.new", "us.new"),
            ]

    asyncio.run(scenario())


def test_what_is_missing_or_refused_is_told_until_it_is_there(server: Program, queue: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        options = {"url": url(server), "queue": queue, "predeclared": True}
        async with stand_in_sink(tmp_path) as sink:
            async with running_adapter("rabbitmq", sink, options, FAAS_SOURCE_USERNAME="who") as adapter:
                await adapter.until("failing", "AuthenticationFailed")
            async with running_adapter("rabbitmq", sink, {**options, "url": f"{url(server)}/elsewhere"}) as adapter:
                await adapter.until("failing", "VirtualHostRefused")
            async with running_adapter("rabbitmq", sink, options) as adapter:
                await adapter.until("failing", "NotFound")
                async with channel_to(server) as channel:
                    await channel.declare_queue(queue)
                    await adapter.until("running")
                    await channel.queue_delete(queue)
                    await adapter.until("failing")
                    await channel.declare_queue(queue)
                    await publish(channel, queue, 0, 3)
                await sink.has(3)
                await adapter.until("running")

    asyncio.run(scenario())


def test_a_server_that_is_killed_is_waited_for(server: Program, queue: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        options = {"url": url(server), "queue": queue}
        async with stand_in_sink(tmp_path) as sink, running_adapter("rabbitmq", sink, options) as adapter:
            await adapter.until("running")
            async with channel_to(server) as channel:
                sink.refuse(503)
                await publish(channel, queue, 0, 20)
            await adapter.until("failing", "SinkUnavailable")
            await asyncio.to_thread(server.kill)
            sink.take()
            await adapter.until("failing", "UpstreamUnavailable")
            await asyncio.to_thread(server.start)
            async with channel_to(server) as channel:
                await publish(channel, queue, 20, 40)
            await sink.until(lambda sink: set(numbers(sink)) == set(range(40)), "40 different messages")
            assert list(dict.fromkeys(numbers(sink))) == list(range(40))
            assert await adapter.end() == 0

    asyncio.run(scenario())
