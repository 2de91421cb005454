"""A control socket's connection, the same at both ends: one JSON message a line."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, cast

import msgspec

T = TypeVar("T")
M = TypeVar("M", contravariant=True)
_RETRY_S = 0.05  # the supervisor restarts who listens within this order; a connect costs nothing
_MAX_LINE_BYTES = 256 * 1024 * 1024  # a table; a longer line is nobody of ours


class _MessageReader(Generic[T]):
    """Cuts what arrives into messages; one that cannot be decoded is told to the log and left out.

    The other end may be of another version after an upgrade: what it says in words of its own must not end the
    connection.
    """

    def __init__(self, decoder: msgspec.json.Decoder[T], log: logging.Logger, complaint: str) -> None:
        self._decoder = decoder
        self._log = log
        self._complaint = complaint
        self._partial = bytearray()

    @property
    def pending_bytes(self) -> int:
        """What has arrived of a message that is not whole yet."""
        return len(self._partial)

    def feed(self, data: bytes) -> Iterator[T]:
        self._partial += data
        if b"\n" not in data:
            return
        *lines, rest = bytes(self._partial).split(b"\n")
        self._partial = bytearray(rest)
        for line in lines:
            try:
                message = self._decoder.decode(line)
            except msgspec.MsgspecError as error:
                self._log.warning("%s: %s", self._complaint, error)
                continue
            yield message


class Owner(Protocol[M]):
    """Who has a connection. It is named, because the end that listens may still have an older one."""

    def opened(self, connection: LineConnection[Any]) -> None: ...

    def closed(self, connection: LineConnection[Any]) -> None: ...

    def handle(self, message: M) -> None: ...


class LineConnection(asyncio.Protocol, Generic[T]):
    """What arrives goes to the owner, message by message; what it sends leaves in order.

    Args: complaint: the beginning of what the log is told of a message that cannot be decoded.
    """

    def __init__(self, owner: Owner[T], decoder: msgspec.json.Decoder[T], log: logging.Logger, complaint: str) -> None:
        self._owner = owner
        self._reader = _MessageReader(decoder, log, complaint)
        self._transport: asyncio.Transport

    @property
    def unsent_bytes(self) -> int:
        return self._transport.get_write_buffer_size()

    def send(self, message: msgspec.Struct) -> bool:
        """Whether it left; it does not when the connection is closing."""
        if self._transport.is_closing():
            return False
        self._transport.write(msgspec.json.encode(message) + b"\n")
        return True

    def close(self) -> None:
        self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._owner.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._owner.closed(self)

    def data_received(self, data: bytes) -> None:
        for message in self._reader.feed(data):
            self._owner.handle(message)
        if self._reader.pending_bytes > _MAX_LINE_BYTES:
            self.abort()


async def connect(path: Path, make_connection: Callable[[], LineConnection[T]]) -> None:
    """Connect to a control socket; returns when somebody listens there."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            await loop.create_unix_connection(make_connection, str(path))
            return
        except OSError:
            await asyncio.sleep(_RETRY_S)
