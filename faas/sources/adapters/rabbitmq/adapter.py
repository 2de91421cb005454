"""RabbitMQ: the messages of a queue, acknowledged after the sink has them.

Nothing is requeued by us: a message waits here until the sink takes it, and goes back by itself when the connection
ends before that. One that can never be an event is rejected, so the queue's dead letter exchange gets it.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import aio_pika
import msgspec
from aio_pika.abc import AbstractIncomingMessage, AbstractQueue
from aiormq import exceptions as amqp
from faas_runtime.errors import EventError
from faas_runtime.events.event import Event
from faas_runtime.events.shapes.rabbitmq import make_event
from yarl import URL

from faas.sources.adapters.rabbitmq.queues import find_queue
from faas.sources.errors import ConfigurationError, UpstreamError
from faas.sources.sink import BATCH_EVENTS
from faas.sources.source import Source
from faas.sources.tls import make_tls_context

_CONNECT_S = 15.0
_HEARTBEAT_S = 20  # a server that is silent for three of them is gone
_REASONS: tuple[tuple[type[Exception], str, str], ...] = (
    (amqp.AuthenticationError, "AuthenticationFailed", "correct username and password"),
    (amqp.ProbableAuthenticationError, "AuthenticationFailed", "correct username and password"),
    (amqp.ChannelAccessRefused, "AccessDenied", "allow the user to configure, write and read this queue"),
    (amqp.ChannelNotFoundEntity, "NotFound", "make it, or leave predeclared out"),
    (amqp.ChannelPreconditionFailed, "DeclarationDiffers", "it is there with other properties"),
    (amqp.ChannelLockedResource, "QueueLocked", "another connection has it for itself"),
)


class Options(msgspec.Struct, frozen=True):
    url: str  # amqp://HOST:5672/VHOST, or amqps://…
    queue: str
    exchange: str = ""  # the queue is bound to it
    exchange_type: Literal["", "direct", "fanout", "topic", "headers"] = ""  # of one that is made; direct
    routing_keys: tuple[str, ...] = ()  # by the exchange's type: the queue's name, all, or none
    prefetch: int = 100  # messages that are under way at once
    predeclared: bool = False  # nothing is made or bound
    durable: bool = True  # of what is made

    def __post_init__(self) -> None:
        if not self.queue:
            raise ValueError("queue is empty")
        if not self.url.startswith(("amqp://", "amqps://")):
            raise ValueError("url is like amqp://HOST:5672/VHOST or amqps://HOST:5671/VHOST")
        if not 1 <= self.prefetch <= 65535:
            raise ValueError(f"prefetch={self.prefetch} is not between 1 and 65535")


async def run(source: Source[Options]) -> None:
    url = _url(source)
    tls = make_tls_context(source.secrets) if url.scheme == "amqps" else None

    async def session(connected: Callable[[], None]) -> None:
        try:
            async with asyncio.timeout(_CONNECT_S):
                connection = await aio_pika.connect(
                    url, ssl_context=tls, client_properties={"connection_name": f"faas {source.key}"}
                )
            async with connection:
                await _Consumer(source, connection).work(connected)
        except amqp.AMQPError as error:
            raise _explained(error) from error

    # RuntimeError: what the library says of a channel that ends while it is asked for something.
    await source.keep_connected(session, away=(OSError, RuntimeError))


class _Consumer:
    """Takes messages as long as its connection lasts."""

    def __init__(self, source: Source[Options], connection: aio_pika.abc.AbstractConnection) -> None:
        self._source = source
        self._options = source.options
        self._connection = connection
        self._arrived: asyncio.Queue[AbstractIncomingMessage | UpstreamError] = asyncio.Queue()  # bound by the prefetch

    async def work(self, connected: Callable[[], None]) -> None:
        queue = await find_queue(self._connection, self._options)
        self._connection.close_callbacks.add(self._lost)
        await self._consume(queue)
        connected()
        while (group := await self._source.unless_stopping(self._gather())) is not None:
            await self._settle(group)

    async def _consume(self, queue: AbstractQueue) -> None:
        channel = queue.channel
        channel.close_callbacks.add(self._lost)
        underlay = await channel.get_underlay_channel()
        underlay.on_consumer_cancel_callbacks.add(self._cancelled)
        await channel.set_qos(prefetch_count=self._options.prefetch)
        await queue.consume(self._arrived.put)

    async def _gather(self) -> list[AbstractIncomingMessage]:
        """What has arrived, at least one. Raises: UpstreamError."""
        found = [await self._arrived.get()]
        while len(found) < BATCH_EVENTS and not self._arrived.empty():
            found.append(self._arrived.get_nowait())
        messages = []
        for one in found:
            if isinstance(one, UpstreamError):
                raise one  # those before it are the server's again
            messages.append(one)
        return messages

    async def _settle(self, messages: Sequence[AbstractIncomingMessage]) -> None:
        """Deliver; then acknowledge with one word what the sink has, and reject what it will never have."""
        events = {}
        for message in messages:
            try:
                events[message.delivery_tag] = self._event(message)
            except EventError as error:
                self._source.reports.drop(f"a message of the queue {self._options.queue}", str(error))
        refused = {id(event) for event in await self._source.sink.deliver(list(events.values()))}
        taken = [tag for tag, event in events.items() if id(event) not in refused]
        for message in messages:
            if message.delivery_tag not in events or id(events[message.delivery_tag]) in refused:
                await message.reject(requeue=False)
        if taken:
            last = next(message for message in reversed(messages) if message.delivery_tag == taken[-1])
            await last.ack(multiple=True)

    def _event(self, message: AbstractIncomingMessage) -> Event[Any]:
        environment = self._source.environment
        return make_event(
            environment.namespace, environment.name, self._options.queue, message.body,
            id=message.message_id or uuid.uuid4().hex, routing_key=message.routing_key or "",
            content_type=message.content_type, headers=_as_text(message.headers), time=message.timestamp,
        )  # fmt: skip

    def _lost(self, _: Any, error: BaseException | None = None) -> None:
        reason = f"the connection was closed: {error}" if error else "the connection was closed"
        self._arrived.put_nowait(UpstreamError("UpstreamUnavailable", reason))

    def _cancelled(self, _: Any) -> None:
        what = f"the queue {self._options.queue!r} was deleted, or moved to another node"
        self._arrived.put_nowait(UpstreamError("QueueGone", what))


def _url(source: Source[Options]) -> URL:
    secrets = source.secrets
    if secrets.password and not secrets.username:
        raise ConfigurationError("FAAS_SOURCE_PASSWORD is set without FAAS_SOURCE_USERNAME")
    try:
        url = URL(source.options.url)
    except ValueError as error:
        raise ConfigurationError(f"FAAS_SOURCE: url: {error}") from None
    if secrets.username:
        url = url.with_user(secrets.username).with_password(secrets.password)
    return url if "heartbeat" in url.query else url.update_query(heartbeat=str(_HEARTBEAT_S))


def _as_text(headers: Mapping[str, Any]) -> dict[str, str]:
    """Those headers that have a text; tables and arrays have none."""
    found = {}
    for name, value in headers.items():
        if isinstance(value, bytes):
            found[name] = value.decode("utf-8", "replace")
        elif isinstance(value, bool):
            found[name] = str(value).lower()
        elif isinstance(value, str | int | float):
            found[name] = str(value)
    return found


def _explained(error: Exception) -> UpstreamError:
    if isinstance(error, amqp.InvalidFrameError) and "Connection.OpenOk" in str(error):  # its library hides the answer
        why = "the server does not open the url's virtual host: it is missing, or closed to this user"
        return UpstreamError("VirtualHostRefused", why)
    for kind, reason, advice in _REASONS:
        if isinstance(error, kind):
            return UpstreamError(reason, f"{error}; {advice}")
    return UpstreamError("UpstreamUnavailable", str(error) or type(error).__name__)
