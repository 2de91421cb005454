"""Kafka: a consumer group reads, and an offset is committed after the sink has what lies before it.

Each partition is read by a task of its own (`partitions`), so one waits for no other. Where a new group begins
is committed before anything is read: a source that starts at "latest" and is killed at once has missed nothing later.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka import errors as kafka

from faas.sources.adapters.kafka.partitions import Partitions
from faas.sources.errors import ConfigurationError, UpstreamError
from faas.sources.source import Source
from faas.sources.tls import make_tls_context

_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_CHECK_EVERY_S = 5.0
_ANSWER_S = 10.0
_CLOSE_S = 3.0  # to say goodbye to the group; without it the group notices after the session's timeout
_A_DAY_MS = 86_400_000  # who waits for its sink is not dead: its heartbeats say so
_METADATA_MS = 30_000  # so long a new partition may stay unnoticed
_AUTHENTICATION = (
    kafka.AuthenticationFailedError, kafka.AuthenticationMethodNotSupported, kafka.SaslAuthenticationFailed,
    kafka.UnsupportedSaslMechanismError, kafka.IllegalSaslStateError,
)  # fmt: skip
_DENIED = (
    kafka.TopicAuthorizationFailedError, kafka.GroupAuthorizationFailedError, kafka.ClusterAuthorizationFailedError
)  # fmt: skip

_library = logging.getLogger("aiokafka")
log = logging.getLogger("faas.sources")


class Options(msgspec.Struct, frozen=True):
    bootstrap_servers: tuple[str, ...]  # HOST:PORT
    topics: tuple[str, ...]
    group: str
    start: Literal["latest", "earliest"] = "latest"  # where a new group begins
    ordering: Literal["ordered", "unordered"] = "ordered"  # within a partition
    security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = ""  # PLAIN

    def __post_init__(self) -> None:
        if not (self.bootstrap_servers and self.topics and self.group):
            raise ValueError("bootstrap_servers, topics and group are not empty")


async def run(source: Source[Options]) -> None:
    if source.options.security.startswith("SASL") and not (source.secrets.username and source.secrets.password):
        raise ConfigurationError(
            f"security={source.options.security} needs FAAS_SOURCE_USERNAME and FAAS_SOURCE_PASSWORD"
        )
    if _mechanism(source) not in _MECHANISMS:
        raise ConfigurationError(f"sasl.mechanism {_mechanism(source)!r} is none of {', '.join(_MECHANISMS)}")
    make_tls_context(source.secrets)  # what is wrong with it is told now
    _library.addHandler(logging.NullHandler())  # it has an error to tell ten times a second while a server is away
    _library.propagate = source.environment.log_level == "DEBUG"
    await source.keep_connected(_Session(source).session, away=(OSError, kafka.KafkaError))


class _Session:
    def __init__(self, source: Source[Options]) -> None:
        self._source = source
        self._options = source.options

    async def session(self, connected: Callable[[], None]) -> None:
        consumer = self._make_consumer()
        partitions = Partitions(self._source, consumer, self._options.start, self._options.ordering == "ordered")
        consumer.subscribe(topics=self._options.topics, listener=partitions)
        try:
            await self._start(consumer)
            await self._watch(consumer, partitions, connected)
        except _AUTHENTICATION as error:
            raise UpstreamError("AuthenticationFailed", str(error)) from error
        except _DENIED as error:
            raise UpstreamError("AccessDenied", str(error)) from error
        finally:
            await partitions.end()
            await _close(consumer)

    def _make_consumer(self) -> AIOKafkaConsumer:
        options, secrets, environment = self._options, self._source.secrets, self._source.environment
        given: dict[str, Any] = {}
        if options.security.startswith("SASL"):
            given = {
                "sasl_mechanism": _mechanism(self._source),
                "sasl_plain_username": secrets.username,
                "sasl_plain_password": secrets.password,
            }
        if options.security.endswith("SSL"):
            given["ssl_context"] = make_tls_context(secrets)
        return AIOKafkaConsumer(
            bootstrap_servers=list(options.bootstrap_servers), group_id=options.group,
            client_id=f"faas-{environment.namespace}-{environment.name or 'kafka'}", security_protocol=options.security,
            enable_auto_commit=False, isolation_level="read_committed", metadata_max_age_ms=_METADATA_MS,
            max_poll_interval_ms=_A_DAY_MS, rebalance_timeout_ms=60_000,
            # For an offset that retention has taken away; where the group begins is `Partitions`' to say.
            auto_offset_reset="earliest", **given,
        )  # fmt: skip

    async def _start(self, consumer: AIOKafkaConsumer) -> None:
        with _heard_reasons() as reasons:
            try:
                await self._source.unless_stopping(consumer.start())
            except kafka.KafkaConnectionError as error:
                for reason in reasons:
                    if isinstance(reason, _AUTHENTICATION):
                        raise reason from error
                why = f": {reasons[-1]}" if reasons else ""
                servers = ", ".join(self._options.bootstrap_servers)
                raise UpstreamError("UpstreamUnavailable", f"none of {servers} answers{why}") from error

    async def _watch(self, consumer: AIOKafkaConsumer, partitions: Partitions, connected: Callable[[], None]) -> None:
        """Look whether the servers are there until the program stops: the library itself waits for ever and is silent.

        Raises: UpstreamError, KafkaError: also what the task of a partition has failed with.
        """
        any_partition = TopicPartition(self._options.topics[0], 0)
        told: list[str] = []
        while not self._source.stopping.is_set():
            missing = [topic for topic in self._options.topics if not consumer.partitions_for_topic(topic)]
            absence = UpstreamError("TopicMissing", f"there is no topic {', '.join(missing)}, or it may not be seen")
            if len(missing) == len(self._options.topics):
                raise absence
            if missing and missing != told:
                self._source.reports.failing(absence.reason, str(absence))  # and the others are read
            told = missing
            try:
                async with asyncio.timeout(_ANSWER_S):
                    await self._source.unless_stopping(consumer.committed(any_partition))
            except TimeoutError:
                raise UpstreamError("UpstreamUnavailable", f"no answer from Kafka within {_ANSWER_S:g} s") from None
            if partitions.have_begun and not missing:
                connected()
            await self._source.unless_stopping(partitions.news(_CHECK_EVERY_S))


def _mechanism(source: Source[Options]) -> str:
    return source.options.sasl_mechanism or source.secrets.mechanism or "PLAIN"


async def _close(consumer: AIOKafkaConsumer) -> None:
    """As a task of its own: what the library's tasks end with, also cancelled ones, is not ours."""
    closing = asyncio.ensure_future(consumer.stop())
    await asyncio.wait({closing}, timeout=_CLOSE_S)
    if not closing.done():
        closing.cancel()
        await asyncio.wait({closing})
    if not closing.cancelled() and (error := closing.exception()) is not None:
        log.info("the group was not left: %s", error)


@contextmanager
def _heard_reasons() -> Iterator[list[BaseException]]:
    """What the library says of servers that it cannot start with; its exception says only that it cannot."""
    reasons: list[BaseException] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if isinstance(record.args, tuple) and record.args and isinstance(record.args[-1], BaseException):
                reasons.append(record.args[-1])

    ear = Ear()
    _library.addHandler(ear)
    try:
        yield reasons
    finally:
        _library.removeHandler(ear)
