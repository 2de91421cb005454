"""Sends events to K_SINK until they are taken.

In binary mode one after another; as one CloudEvents batch where FAAS_GATEWAY leads to the engine's own broker, which
stores a batch as a whole. Other sinks need not know batches, so to them every event is a request.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from faas_runtime.errors import EventError
from faas_runtime.events import wire
from faas_runtime.events.event import Event, check_extensions
from faas_runtime.outgoing.httpclient import Address, HTTPClient, Received

from faas.sources.delivery import Verdict, judge, retry_after_s, wait_s
from faas.sources.environment import Environment
from faas.sources.errors import ConfigurationError, Stopping
from faas.sources.reports import Reports

Events = Sequence[Event[Any]]
BATCH_EVENTS = 500
BATCH_BYTES = 512 * 1024  # of data; a single larger event goes alone
ATTEMPT_S = 310.0  # the sink may be a function, which has 300 s by default; cut off, it would be begun again for ever
ASK_ABOVE_BYTES = 512 * 1024  # half of what gateway and broker read of a body that they have refused
_CLUSTER = "svc.cluster.local"
_BROKER = f"broker-ingress.knative-eventing.{_CLUSTER}"
IN_FLIGHT = 32  # requests at once, of all that deliver at the same time


class Sink:
    """Belongs to one event loop. `stopping`: from then on a failed attempt is the last."""

    def __init__(self, environment: Environment, reports: Reports, stopping: asyncio.Event) -> None:
        """Raises: ConfigurationError."""
        parts = urlsplit(environment.sink)
        host = parts.hostname or ""
        is_ours = bool(environment.gateway) and host.endswith((f".{_CLUSTER}", f".{environment.domain}"))
        try:
            self._address = Address.parse(environment.gateway if is_ours else environment.sink)
            check_extensions(environment.extensions)
        except (ValueError, EventError) as error:
            raise ConfigurationError(f"FAAS_GATEWAY, K_SINK or K_CE_OVERRIDES: {error}") from None
        if parts.scheme not in ("http", "https") or not parts.netloc or not parts.netloc.isascii():
            raise ConfigurationError(f"K_SINK={environment.sink!r} is no http or https URL")
        self._url = environment.sink
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._host = (b"host", parts.netloc.rpartition("@")[2].encode("ascii"))
        self._extensions = environment.extensions
        self._batches = is_ours and host == _BROKER
        self._reports = reports
        self._stopping = stopping
        self._client = HTTPClient(ask_above=ASK_ABOVE_BYTES)
        self._slots = asyncio.Semaphore(IN_FLIGHT)

    async def deliver(self, events: Events, *, ordered: bool = True) -> Events:
        """Return when each event was taken, or dropped because the sink will never take it; these are returned.

        Args:
            ordered: one after another where they cannot travel together; else several at once.
        Raises: Stopping: not all were taken; upstream has to keep them.
        """
        for event in events:
            event.extensions.update(self._extensions)
        groups = list(_batches(events)) if self._batches else [[event] for event in events]
        refused: list[Event[Any]] = []
        if ordered or len(groups) == 1:
            for group in groups:
                refused += await self._deliver_group(group)
            return refused
        stopped = False
        try:
            async with asyncio.TaskGroup() as tasks:
                sent = [tasks.create_task(self._deliver_group(group)) for group in groups]
        except* Stopping:
            stopped = True
        if stopped:
            raise Stopping
        return [event for task in sent for event in task.result()]

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _deliver_group(self, events: list[Event[Any]]) -> list[Event[Any]]:
        """A refused batch is halved until the events that are at fault stand alone."""
        try:
            headers, body = wire.binary(events[0]) if len(events) == 1 else wire.batch(events)
            answer = await self._post(headers, body)
        except (EventError, TypeError, ValueError) as error:  # an attribute or data that cannot travel
            why = str(error)
        else:
            if answer is None:
                self._reports.taken(len(events))
                return []
            why = f"the sink answered {answer.status}: {answer.body[:200].decode('utf-8', 'replace')}"
        if len(events) == 1:
            self._reports.drop(f"event {events[0].id} of type {events[0].type} from {events[0].source}", why)
            return events
        middle = len(events) // 2
        return await self._deliver_group(events[:middle]) + await self._deliver_group(events[middle:])

    async def _post(self, headers: wire.Headers, body: bytes) -> Received | None:
        """The answer that refuses the message for good; None when it was taken."""
        failures = 0
        async with self._slots:
            while True:
                wait_at_least_s = 0.0
                try:
                    async with asyncio.timeout(ATTEMPT_S):
                        answer = await self._client.request(
                            self._address, "POST", self._target, [self._host, *headers], body
                        )
                except (TimeoutError, OSError) as error:
                    trouble = str(error) or f"no answer within {ATTEMPT_S:g} s"
                else:
                    verdict = judge(answer.status)
                    if verdict is Verdict.TAKEN:
                        return None
                    if verdict is Verdict.REFUSED:
                        return answer
                    trouble = f"it answered {answer.status} {answer.body[:200].decode('utf-8', 'replace')}".rstrip()
                    asked = dict(answer.headers).get(b"retry-after", b"").decode("latin-1")
                    wait_at_least_s = retry_after_s(asked, now=datetime.now(UTC))
                failures += 1
                if failures > 1 or wait_at_least_s:  # a single broken connection is no news
                    self._reports.sink_failing("SinkUnavailable", f"{self._url} does not take events: {trouble}")
                await self._pause(max(wait_at_least_s, wait_s(failures, chance=random.random())))

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return
        raise Stopping


def _batches(events: Events) -> Iterator[list[Event[Any]]]:
    group: list[Event[Any]] = []
    size = 0
    for event in events:
        length = len(event.payload or b"")
        if group and (len(group) >= BATCH_EVENTS or size + length > BATCH_BYTES):
            yield group
            group, size = [], 0
        group.append(event)
        size += length
    if group:
        yield group
