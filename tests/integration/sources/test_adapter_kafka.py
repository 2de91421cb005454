"""The Kafka adapter against librdkafka's mock cluster: nothing is committed that the sink does not have."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from tests.programs import StandInKafka, free_port, running_kafka
from tests.sources_world import StandInSink, running_adapter, stand_in_sink


@pytest.fixture(scope="module")
def kafka() -> Iterator[StandInKafka]:
    with running_kafka() as cluster:
        yield cluster


@pytest.fixture
def topic(request: pytest.FixtureRequest) -> str:
    """A topic, and a group, of the test's own."""
    return str(request.node.name)[5:].replace("_", "-")


def options(kafka: StandInKafka, topic: str, **more: Any) -> dict[str, Any]:
    return {"bootstrap_servers": kafka.servers, "topics": [topic], "group": topic, "start": "earliest", **more}


def numbered(first: int, last: int) -> list[bytes]:
    return [str(number).encode() for number in range(first, last)]


def by_partition(sink: StandInSink) -> dict[str, list[int]]:
    """The numbers of each partition, in the order in which the sink had each for the first time."""
    found: dict[str, dict[int, None]] = {}
    for event in sink.events:
        found.setdefault((event.subject or "").partition("#")[0], {})[int(event.data)] = None
    return {partition: list(numbers) for partition, numbers in sorted(found.items())}


def total(sink: StandInSink) -> int:
    return sum(map(len, by_partition(sink).values()))


async def committed(kafka: StandInKafka, topic: str) -> int:
    """How many records the group has behind it, in all partitions."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.servers, group_id=topic, enable_auto_commit=False)
    await consumer.start()
    try:
        offsets = [await consumer.committed(TopicPartition(topic, number)) for number in range(4)]
    finally:
        await consumer.stop()
    return sum(offset or 0 for offset in offsets)


def test_records_become_knatives_events_with_key_and_headers(kafka: StandInKafka, topic: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stand_in_sink(tmp_path) as sink:
            async with running_adapter("kafka", sink, options(kafka, topic)) as adapter:
                headers = [("Trace-Id", b"t-1"), ("raw", b"\xff")]
                kafka.produce(topic, [b'{"n": 1}'], key=b"eu", partition=2, headers=headers)
                kafka.produce(topic, [None, b"\xfe"], key=b"\x00\x01", partition=3)
                await sink.has(3)
                events = {event.id: event for event in sink.events}
                event = events["partition:2/offset:0"]
                assert event.type == "dev.knative.kafka.event"
                assert event.source == f"/apis/v1/namespaces/default/kafkasources/a-source#{topic}"
                assert (event.subject, event.data) == ("partition:2#0", {"n": 1})
                assert event.extensions == {"key": "eu", "kafkaheadertraceid": "t-1"}
                assert events["partition:3/offset:0"].data is None
                assert events["partition:3/offset:1"].data == b"\xfe"
                assert events["partition:3/offset:1"].extensions == {"key": "AAE="}
                assert await adapter.end() == 0
            assert await committed(kafka, topic) == 3

    asyncio.run(scenario())


def test_cloudevents_in_records_are_passed_on_as_they_are(kafka: StandInKafka, topic: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stand_in_sink(tmp_path) as sink, running_adapter("kafka", sink, options(kafka, topic)):
            attributes = {"ce_specversion": "1.0", "ce_type": "shop.paid", "ce_source": "/tills/1", "ce_id": "7"}
            headers = [(name, value.encode()) for name, value in {**attributes, "content-type": "text/plain"}.items()]
            kafka.produce(topic, [b"9.50"], key=b"k", partition=1, headers=headers)
            structured = b'{"specversion": "1.0", "type": "shop.sent", "source": "/tills/1", "id": "8", "data": 1}'
            kind = [("content-type", b"application/cloudevents+json")]
            kafka.produce(topic, [structured], partition=1, headers=kind)
            await sink.has(2)
            paid, sent = sink.events
            assert (paid.type, paid.source, paid.id, paid.data) == ("shop.paid", "/tills/1", "7", "9.50")
            assert paid.extensions == {"partitionkey": "k"}
            assert (sent.type, sent.id, sent.data) == ("shop.sent", "8", 1)

    asyncio.run(scenario())


def test_from_the_latest_nothing_is_lost_when_the_adapter_is_killed_under_load(
    kafka: StandInKafka, topic: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        kafka.produce(topic, numbered(-4, 0))  # before the source began
        given = options(kafka, topic, start="latest")
        async with stand_in_sink(tmp_path) as sink:
            async with running_adapter("kafka", sink, given) as adapter:
                await adapter.until("running")
                sink.hold()
                kafka.produce(topic, numbered(0, 500))
                await sink.asked(1)
                await adapter.kill()  # the sink has some, and nothing is committed
            sink.release()
            kafka.produce(topic, numbered(500, 1000))
            async with running_adapter("kafka", sink, given) as adapter:
                await sink.until(lambda sink: total(sink) == 1000, "1000 different records")
                assert await adapter.end() == 0
        assert await committed(kafka, topic) == 1004
        for numbers in by_partition(sink).values():
            assert numbers == sorted(numbers)

    asyncio.run(scenario())


def test_while_the_sink_is_away_nothing_is_committed(kafka: StandInKafka, topic: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        given = options(kafka, topic, ordering="unordered")
        async with stand_in_sink(tmp_path) as sink:
            async with running_adapter("kafka", sink, given) as adapter:
                await adapter.until("running")
                sink.refuse(503)
                kafka.produce(topic, numbered(0, 50))
                await adapter.until("failing", "SinkUnavailable")
                assert await committed(kafka, topic) == 0
                sink.take()
                await sink.has(50)
                assert await adapter.end() == 0
            assert await committed(kafka, topic) == 50
            assert total(sink) == 50

    asyncio.run(scenario())


@asynccontextmanager
async def forwarding(port: int, server: str) -> AsyncIterator[None]:
    host, _, target = server.partition(":")

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(host, int(target))

        async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                sink.write(data)
            sink.close()

        await asyncio.gather(copy(reader, back), copy(there, writer))

    server_here = await asyncio.start_server(pass_on, "127.0.0.1", port)
    try:
        yield
    finally:
        server_here.close()


def test_servers_that_are_away_are_told_and_waited_for(topic: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        with running_kafka() as kafka:
            port = free_port()
            given = {**options(kafka, topic), "bootstrap_servers": [f"127.0.0.1:{port}"]}
            async with stand_in_sink(tmp_path) as sink, running_adapter("kafka", sink, given) as adapter:
                report = await adapter.until("failing", "UpstreamUnavailable")
                assert f"none of 127.0.0.1:{port} answers" in report["message"]
                assert "[Errno 111]" in report["message"]
                async with forwarding(port, kafka.servers[0]):
                    await adapter.until("running")
                    kafka.produce(topic, [b"1"])
                    await sink.has(1)
                kafka.stop()
                await adapter.until("failing", "UpstreamUnavailable")

    asyncio.run(scenario())
