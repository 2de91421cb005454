"""Redis streams: a consumer group reads, XACK after the sink has the events.

What was read and not acknowledged stays in the group's list of pending entries: under our own consumer's name it is
read again first, after a restart as after a lost connection; under another's it is claimed once that consumer has been
silent for some minutes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec
from faas_runtime.events.shapes.redis import make_event
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError, ResponseError

from faas.sources.errors import ConfigurationError, UpstreamError
from faas.sources.source import Source
from faas.sources.tls import CredentialFiles

_BLOCK_MS = 2000  # a stream that was deleted meanwhile is noticed after this at the latest
_CLAIM_IDLE_MS = 330_000  # longer than an attempt at the sink takes: who waits for its sink is not dead
_CLAIM_EVERY_S = 30.0
Entry = tuple[bytes, list[bytes] | None]  # id; field, value … or None when it was deleted while it was pending


class Options(msgspec.Struct, frozen=True):
    address: str  # HOST:PORT, or redis://HOST:PORT/DB, rediss://… with TLS
    stream: str
    group: str
    tls: bool = False  # for HOST:PORT; a URL says it itself
    consumer: str = ""  # the source's name by default; of two processes each needs its own
    start: str = "$"  # where a group that is made here begins: "$" now, "0" the first entry, or an entry's id
    batch: int = 100

    def __post_init__(self) -> None:
        if not (self.address and self.stream and self.group):
            raise ValueError("address, stream and group are not empty")
        if not 1 <= self.batch <= 10_000:
            raise ValueError(f"batch={self.batch} is not between 1 and 10000")


async def run(source: Source[Options]) -> None:
    with CredentialFiles(source.secrets) as credentials:
        client = _make_client(source, credentials)
        try:
            await source.keep_connected(_Reader(source, client).session, away=(OSError, RedisError))
        finally:
            await client.aclose()


def _make_client(source: Source[Options], credentials: CredentialFiles) -> Redis:
    secrets = source.secrets
    url = _url(source.options.address, tls=source.options.tls)
    # No retries inside: after a lost answer the pending entries have to be read first.
    given: dict[str, Any] = {"protocol": 2, "retry": Retry(NoBackoff(), 0), "socket_timeout": 30}
    if secrets.username:
        given["username"] = secrets.username
    if secrets.password:
        given["password"] = secrets.password
    if url.startswith("rediss://"):
        given |= {"ssl_certfile": credentials.cert, "ssl_keyfile": credentials.key}
        if secrets.ca:
            given["ssl_ca_data"] = secrets.ca
    try:
        client = Redis.from_url(url, **given)
    except ValueError as error:
        raise ConfigurationError(f"FAAS_SOURCE: address: {error}") from None
    for command in ("XREADGROUP", "XAUTOCLAIM"):  # its own parsing makes a dict of fields, which may repeat
        client.set_response_callback(command, _as_it_came)
    return client


def _as_it_came(response: Any, **_: Any) -> Any:
    return response


class _Reader:
    def __init__(self, source: Source[Options], client: Redis) -> None:
        options = source.options
        self._source = source
        self._client = client
        self._stream, self._group, self._batch = options.stream, options.group, options.batch
        self._consumer = options.consumer or source.environment.name or "faas"
        self._address = _public(options.address)
        self._start = options.start
        self._claims = True
        self._command: Callable[..., Awaitable[Any]] = client.execute_command

    async def session(self, connected: Callable[[], None]) -> None:
        try:
            await self._make_group()
            connected()
            await self._read_pending()
            await self._read_new()
        except AuthenticationError as error:
            raise UpstreamError("AuthenticationFailed", str(error)) from error

    async def _make_group(self) -> None:
        try:
            await self._client.xgroup_create(self._stream, self._group, id=self._start, mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
        self._start = "0"  # should the group vanish with its stream: all of the next stream is new

    async def _read_pending(self) -> None:
        """What this consumer had read before it was ended or cut off."""
        after = b"0"
        while not self._source.stopping.is_set() and (entries := await self._read(after)):
            await self._settle(entries)
            after = entries[-1][0]

    async def _read_new(self) -> None:
        clock = asyncio.get_running_loop().time
        claim_at = clock()
        while not self._source.stopping.is_set():
            try:
                if self._claims and clock() >= claim_at:
                    await self._claim()
                    claim_at = clock() + _CLAIM_EVERY_S
                entries = await self._source.unless_stopping(self._read(b">", block_ms=_BLOCK_MS))
            except ResponseError as error:
                if not str(error).startswith(("NOGROUP", "UNBLOCKED")):
                    raise
                await self._make_group()
            else:
                await self._settle(entries or [])

    async def _claim(self) -> None:
        """Take over what consumers that are gone have left."""
        cursor = b"0-0"
        while not self._source.stopping.is_set():
            try:
                cursor, entries, *_ = await self._command(
                    "XAUTOCLAIM", self._stream, self._group, self._consumer, _CLAIM_IDLE_MS, cursor,
                    "COUNT", self._batch,
                )  # fmt: skip
            except ResponseError as error:
                if "unknown command" not in str(error):
                    raise
                self._claims = False  # before Redis 6.2
                return
            await self._settle([entry for entry in entries if entry])
            if cursor == b"0-0":
                return

    async def _read(self, after: bytes, *, block_ms: int | None = None) -> Sequence[Entry]:
        blocking = () if block_ms is None else ("BLOCK", block_ms)
        streams = await self._command(
            "XREADGROUP", "GROUP", self._group, self._consumer, "COUNT", self._batch, *blocking,
            "STREAMS", self._stream, after,
        )  # fmt: skip
        entries: Sequence[Entry] = streams[0][1] if streams else []
        return entries

    async def _settle(self, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        await self._source.sink.deliver(
            [
                make_event(
                    self._address, self._stream, id.decode(), [part.decode("utf-8", "replace") for part in fields]
                )
                for id, fields in entries
                if fields is not None
            ]
        )
        await self._client.xack(self._stream, self._group, *(id for id, _ in entries))


def _url(address: str, *, tls: bool = False) -> str:
    return address if "://" in address else f"{'rediss' if tls else 'redis'}://{address}"


def _public(address: str) -> str:
    """The address without credentials: it becomes the events' source."""
    parts = urlsplit(_url(address))
    bare = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{bare}{parts.path}" if "://" in address else bare + parts.path
