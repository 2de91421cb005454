"""The partitions that a consumer has been given, each read by a task as long as it is ours."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Literal

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError
from faas_runtime.errors import EventError
from faas_runtime.events.event import Event
from faas_runtime.events.shapes.kafka import make_event

from faas.sources.sink import BATCH_EVENTS
from faas.sources.source import Source

_POLL_MS = 60_000
_HAND_OVER_S = 5.0  # for what is on its way when a partition is taken from us; then its next reader has it again
log = logging.getLogger("faas.sources")


class Partitions(ConsumerRebalanceListener):  # type: ignore[misc]  # the library has no types
    def __init__(
        self, source: Source[Any], consumer: AIOKafkaConsumer, start: Literal["latest", "earliest"], ordered: bool
    ) -> None:
        self._source, self._consumer = source, consumer
        self._start, self._ordered = start, ordered
        self._tasks: dict[TopicPartition, asyncio.Task[None]] = {}
        self._begun: set[TopicPartition] = set()
        self._settling: set[TopicPartition] = set()
        self._is_assigned = False
        self._news = asyncio.Event()

    @property
    def have_begun(self) -> bool:
        """Whether we are a member of the group, and it is certain where each of our partitions begins."""
        return self._is_assigned and self._begun >= self._tasks.keys()

    async def news(self, at_most_s: float) -> None:
        """Wait so long, or until something has changed. Raises: what a partition's task has failed with."""
        with suppress(TimeoutError):
            async with asyncio.timeout(at_most_s):
                await self._news.wait()
        self._news.clear()
        for task in self._tasks.values():
            if task.done() and not task.cancelled():
                task.result()

    async def end(self) -> None:
        """End reading; what was delivered is committed."""
        await self.on_partitions_revoked(list(self._tasks))

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        for partition in assigned:
            task = self._tasks[partition] = asyncio.create_task(self._read(partition))
            task.add_done_callback(lambda _: self._news.set())
        self._is_assigned = True
        self._news.set()

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self._is_assigned = False
        self._begun.difference_update(revoked)
        ending = {partition: self._tasks.pop(partition) for partition in list(revoked) if partition in self._tasks}
        for partition, task in ending.items():
            if partition not in self._settling:
                task.cancel()
        if not ending:
            return
        _, late = await asyncio.wait(ending.values(), timeout=_HAND_OVER_S)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)

    async def _read(self, partition: TopicPartition) -> None:
        """Raises: Stopping, KafkaError."""
        await self._begin(partition)
        while partition in self._tasks:
            found = await self._source.unless_stopping(
                self._consumer.getmany(partition, timeout_ms=_POLL_MS, max_records=BATCH_EVENTS)
            )
            if found is None:
                return
            if records := found.get(partition):
                await self._settle(partition, records)

    async def _begin(self, partition: TopicPartition) -> None:
        """Commit where the group begins, if it has not been here before."""
        consumer = self._consumer
        if await consumer.committed(partition) is None:
            offsets = consumer.end_offsets if self._start == "latest" else consumer.beginning_offsets
            first = (await offsets([partition]))[partition]
            consumer.seek(partition, first)
            await self._commit(partition, first)
        self._begun.add(partition)
        self._news.set()

    async def _settle(self, partition: TopicPartition, records: Sequence[Any]) -> None:
        self._settling.add(partition)
        try:
            events = []
            for record in records:
                try:
                    events.append(self._event(record))
                except EventError as error:
                    self._source.reports.drop(f"{record.topic} {record.partition}/{record.offset}", str(error))
            await self._source.sink.deliver(events, ordered=self._ordered)
            await self._commit(partition, records[-1].offset + 1)
        finally:
            self._settling.discard(partition)

    async def _commit(self, partition: TopicPartition, offset: int) -> None:
        try:
            await self._consumer.commit({partition: offset})
        except (CommitFailedError, IllegalStateError):
            # The group is dividing itself anew. Whoever reads next begins at the last commit.
            log.info("%s %d: offset %d could not be committed any more", partition.topic, partition.partition, offset)

    def _event(self, record: Any) -> Event[Any]:
        environment = self._source.environment
        headers = {name: text for name, value in record.headers if (text := _as_text(value)) is not None}
        return make_event(
            environment.namespace, environment.name, record.topic, record.partition, record.offset, record.value,
            key=_as_key(record.key), headers=headers, time=datetime.fromtimestamp(max(0, record.timestamp) / 1000, UTC),
        )  # fmt: skip


def _as_key(key: bytes | None) -> str:
    """Text as it is, everything else in base64: an attribute of an event cannot carry bytes."""
    text = _as_text(key or b"")
    return base64.b64encode(key or b"").decode() if text is None else text


def _as_text(value: bytes | None) -> str | None:
    try:
        text = (value or b"").decode()
    except UnicodeDecodeError:
        return None
    return None if any(char < " " or "\x7f" <= char <= "\x9f" for char in text) else text
