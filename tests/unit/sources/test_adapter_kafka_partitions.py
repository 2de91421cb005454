"""What becomes of a partition that is given and taken, without a Kafka: its turns are played by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError
from faas_runtime.events.event import Event

from faas.sources.adapters.kafka.partitions import Partitions
from faas.sources.environment import Environment
from faas.sources.reports import Reports
from faas.sources.sink import Sink
from faas.sources.source import Source

ONE, TWO = TopicPartition("orders", 0), TopicPartition("orders", 1)


class Log:
    """Plays the consumer: partitions as lists, and what was committed."""

    def __init__(self, **records: int) -> None:
        self.ends = {ONE: records.get("one", 0), TWO: records.get("two", 0)}
        self.positions: dict[TopicPartition, int] = {}
        self.commits: dict[TopicPartition, int] = {}
        self.is_rebalancing = False
        self.news = asyncio.Event()

    async def committed(self, partition: TopicPartition) -> int | None:
        return self.commits.get(partition)

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {partition: self.ends[partition] for partition in partitions}

    async def beginning_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 0)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.positions[partition] = offset

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        if self.is_rebalancing:
            raise CommitFailedError("the group is rebalancing")
        self.commits.update(offsets)
        self.news.set()

    async def getmany(self, partition: TopicPartition, **_: Any) -> dict[TopicPartition, list[Any]]:
        first = self.positions.setdefault(partition, self.commits.get(partition, 0))
        if first == self.ends[partition]:
            await asyncio.Event().wait()
        self.positions[partition] = self.ends[partition]
        return {partition: [_record(partition, offset) for offset in range(first, self.ends[partition])]}

    async def until(self, enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not enough():
                self.news.clear()
                await self.news.wait()


def _record(partition: TopicPartition, offset: int) -> Any:
    return SimpleNamespace(
        topic=partition.topic, partition=partition.partition, offset=offset, value=b"1", key=None, headers=(),
        timestamp=1_767_000_000_000,
    )  # fmt: skip


class Taking:
    """Plays the sink."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.open = asyncio.Event()
        self.open.set()
        self.asked = asyncio.Event()

    async def deliver(self, events: list[Event[Any]], *, ordered: bool = True) -> list[Event[Any]]:
        self.asked.set()
        await self.open.wait()
        self.ids += [event.id for event in events]
        return []


Play = Callable[[Partitions, Log, Taking], Awaitable[None]]


def play(log: Callable[[], Log], turns: Play, *, start: Any = "earliest") -> None:
    async def scenario() -> None:
        consumer, sink = log(), Taking()
        environment = Environment(options=b"{}", sink="http://sink")
        source: Source[Any] = Source(cast(Any, None), environment, cast(Sink, sink), Reports(None))
        partitions = Partitions(source, cast(AIOKafkaConsumer, consumer), start, True)
        try:
            await turns(partitions, consumer, sink)
        finally:
            await partitions.end()

    asyncio.run(scenario())


def test_where_a_new_group_begins_is_committed_before_anything_is_read() -> None:
    async def turns(partitions: Partitions, log: Log, sink: Taking) -> None:
        assert not partitions.have_begun
        await partitions.on_partitions_assigned([ONE, TWO])
        await log.until(lambda: log.commits == {ONE: 5, TWO: 0})
        await partitions.news(10)
        assert partitions.have_begun
        assert sink.ids == []

    play(lambda: Log(one=5), turns, start="latest")


def test_a_partition_that_waits_for_the_sink_holds_up_no_other_and_is_handed_over_with_its_commit() -> None:
    async def turns(partitions: Partitions, log: Log, sink: Taking) -> None:
        sink.open.clear()
        await partitions.on_partitions_assigned([ONE, TWO])
        await sink.asked.wait()
        taken_away = asyncio.create_task(partitions.on_partitions_revoked([ONE, TWO]))
        await asyncio.sleep(0)
        assert not taken_away.done()
        sink.open.set()
        await taken_away
        assert (sink.ids, log.commits) == (["partition:0/offset:0", "partition:0/offset:1"], {ONE: 2, TWO: 0})
        assert not partitions.have_begun

    play(lambda: Log(one=2), turns)


def test_what_could_not_be_committed_is_read_again_by_whoever_is_next() -> None:
    async def turns(partitions: Partitions, log: Log, sink: Taking) -> None:
        log.commits[ONE] = 0
        log.is_rebalancing = True
        await partitions.on_partitions_assigned([ONE])
        await sink.asked.wait()
        await partitions.on_partitions_revoked([ONE])
        log.is_rebalancing = False
        log.positions.clear()  # the next one begins at the last commit
        await partitions.on_partitions_assigned([ONE])
        await log.until(lambda: log.commits == {ONE: 2})
        assert sink.ids == ["partition:0/offset:0", "partition:0/offset:1"] * 2

    play(lambda: Log(one=2), turns)


def test_what_a_partitions_task_fails_with_is_told() -> None:
    async def turns(partitions: Partitions, log: Log, sink: Taking) -> None:
        async def broken(*_: Any, **__: Any) -> Any:
            raise OSError("the disk is gone")

        log.getmany = broken  # type: ignore[method-assign]
        await partitions.on_partitions_assigned([ONE])
        await asyncio.wait(list(partitions._tasks.values()), timeout=10)
        with pytest.raises(OSError, match="the disk is gone"):
            await partitions.news(10)

    play(Log, turns)
