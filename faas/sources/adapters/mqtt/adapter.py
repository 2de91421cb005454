"""MQTT: subscribes with a lasting session, acknowledges each message after the sink has its event.

What comes while the adapter is away waits in the session at the broker (as long as the broker's own limits allow:
Mosquitto keeps 1000 messages for each client unless `max_queued_messages` says otherwise). QoS 0 messages have no
acknowledgement: those of an outage, or above a bound while the sink is away, are gone.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

import msgspec
from faas_runtime.events.event import Event
from faas_runtime.events.shapes.mqtt import make_event
from paho.mqtt.client import MQTTMessage

from faas.sources.adapters.mqtt.client import Connection, Delivery, PatientClient
from faas.sources.errors import ConfigurationError
from faas.sources.lane import Lane
from faas.sources.ledger import Ledger
from faas.sources.source import Source
from faas.sources.tls import make_tls_context

_PORTS = {"mqtt": 1883, "tcp": 1883, "mqtts": 8883, "ssl": 8883, "tls": 8883}
_QOS0_WAITING = 10_000  # more than a burst of a thousand devices, little enough for a small machine's memory


class Options(msgspec.Struct, frozen=True):
    url: str  # mqtt://HOST:1883, mqtts://HOST:8883
    topics: tuple[str, ...]  # filters, with + and #
    qos: Literal[0, 1, 2] = 1
    client_id: str = ""  # names the session: it has to stay the same; made from the source's name by default
    share: str = ""  # a group of shared subscribers, each message goes to one of them
    version: Literal[4, 5] = 5  # 4 is MQTT 3.1.1

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError(f"url={self.url!r} is not like mqtt://HOST:1883 or mqtts://HOST:8883")
        if not self.topics or not all(self.topics):
            raise ValueError("topics names no topic")
        if any(character in self.share for character in "/+#"):
            raise ValueError(f"share={self.share!r} is a plain name, without /, + and #")


async def run(source: Source[Options]) -> None:
    ledger = source.ledger("mqtt")
    try:
        await source.keep_connected(lambda connected: _session(source, ledger, connected))
    finally:
        ledger.close()


async def retire(source: Source[Options]) -> None:
    """End the session: the source is deleted, and the broker must not keep messages for it any more."""
    parts = urlsplit(source.options.url)
    client = _make_client(source, lambda message: None, lasting=False)
    connection = Connection(client, source.options.version)
    try:
        await connection.open(parts.hostname or "", parts.port or _PORTS[parts.scheme], lasting=False)
    finally:
        await connection.close()


async def _session(source: Source[Options], ledger: Ledger, connected: Callable[[], None]) -> None:
    options = source.options
    parts = urlsplit(options.url)
    arrivals = _Arrivals(source)
    lane, connection = arrivals.lane, Connection(arrivals.client, options.version)
    sending = asyncio.create_task(lane.run())

    async def open_session() -> bool:
        kept = await connection.open(parts.hostname or "", parts.port or _PORTS[parts.scheme])
        await _subscribe(connection, options, ledger, kept=kept)
        return True

    try:
        if await source.unless_stopping(open_session()):
            connected()
            await source.unless_stopping(_first_end(connection.lost, sending))
            connection.stop_reading()
            await _first_end(connection.lost, sending, lane.drained())
    finally:
        sending.cancel()
        await asyncio.wait({sending})
        await connection.close()


class _Arrivals:
    """The messages of one session: into the lane as events, and acknowledged when the sink has them."""

    def __init__(self, source: Source[Options]) -> None:
        parts = urlsplit(source.options.url)
        self._broker = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        self._reports = source.reports
        # nats-server sends again each 30 s, on the same connection, what was not acknowledged: an outage of the sink
        # would bring everything many times.
        self._under_way: set[Delivery] = set()
        self.client = _make_client(source, self._arrived)
        self.lane = Lane(source.sink, self._taken)

    def _arrived(self, message: MQTTMessage) -> None:
        delivery = message.mid, message.qos
        if delivery in self._under_way:
            return
        try:
            topic = message.topic
        except UnicodeDecodeError as error:
            self._reports.drop("a message", f"its topic is no UTF-8: {error}")
            self.client.settle(delivery)
            return
        if message.qos == 0 and self.lane.waiting >= _QOS0_WAITING:
            self._reports.drop(f"a QoS 0 message of {topic}", "the sink is away and too many wait for it")
            return
        if message.qos:
            self._under_way.add(delivery)
        self.lane.push(self._event_of(message, topic), delivery)

    def _event_of(self, message: MQTTMessage, topic: str) -> Event[Any]:
        properties = getattr(message.properties, "UserProperty", None)
        return make_event(
            self._broker, topic, bytes(message.payload), id=uuid.uuid4().hex, time=datetime.now(UTC), qos=message.qos,
            retained=message.retain, content_type=getattr(message.properties, "ContentType", None),
            properties=dict(properties) if properties else None,
        )  # fmt: skip

    def _taken(self, delivery: Delivery) -> None:
        self._under_way.discard(delivery)
        self.client.settle(delivery)


async def _first_end(*awaited: Awaitable[None]) -> None:
    """Return with the first of them; what raises first is raised."""
    waiting = {asyncio.ensure_future(one) for one in awaited}
    done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for future in done:
        future.result()


async def _subscribe(connection: Connection, options: Options, ledger: Ledger, *, kept: bool) -> None:
    """A session that the broker kept has its subscriptions: asking again would bring every retained message again."""
    prefix = f"$share/{options.share}/" if options.share else ""
    wanted = {f"{prefix}{topic}": str(options.qos) for topic in options.topics}
    known = dict(ledger) if kept else {}
    if known == wanted:
        return
    await connection.subscribe(list(wanted), options.qos)
    if gone := [name for name in known if name not in wanted]:
        await connection.unsubscribe(gone)
    for name in ledger:
        if name not in wanted:
            ledger.forget(name)
    for name, qos in wanted.items():
        ledger.record(name, qos)


def _make_client(
    source: Source[Options], arrived: Callable[[MQTTMessage], None], *, lasting: bool = True
) -> PatientClient:
    options, secrets = source.options, source.secrets
    parts = urlsplit(options.url)
    environment = source.environment
    client_id = options.client_id or f"faas-{environment.namespace}-{environment.name or 'mqtt'}"
    client = PatientClient(client_id, options.version, arrived, lasting=lasting)
    username, password = (
        secrets.username or unquote(parts.username or ""),
        secrets.password or unquote(parts.password or ""),
    )
    if username:
        client.username_pw_set(username, password or None)
    elif password:
        raise ConfigurationError("FAAS_SOURCE_PASSWORD is set without FAAS_SOURCE_USERNAME")
    if _PORTS[parts.scheme] == 8883:
        client.tls_set_context(make_tls_context(secrets))
    return client
