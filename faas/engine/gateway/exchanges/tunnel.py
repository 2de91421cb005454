"""After a 101: bytes both ways, until one side ends. Counted as one request in flight all the while."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Tunnel:
    """Owns both transports from now on; calls `ended` once, when both are closed."""

    def __init__(
        self,
        client: asyncio.Transport,
        instance: asyncio.Transport,
        *,
        moved: Callable[[], None],
        ended: Callable[[], None],
    ) -> None:
        self._ended = ended
        self._open = 2
        self._moved = moved
        self.client = _Side(self, client)
        self.instance = _Side(self, instance)
        self.client.peer, self.instance.peer = self.instance, self.client
        for side in (self.client, self.instance):
            side.transport.set_protocol(side)
            side.transport.resume_reading()

    def shut_down(self) -> None:
        """A tunnel ends when one of its sides does; the deadline of the drain is for the others."""

    def abort(self) -> None:
        self.client.transport.abort()
        self.instance.transport.abort()

    def moved(self) -> None:
        self._moved()

    def side_closed(self, side: _Side) -> None:
        self._open -= 1
        side.peer.transport.close()
        if not self._open:
            self._ended()


class _Side(asyncio.Protocol):
    peer: _Side
    ended = False

    def __init__(self, tunnel: Tunnel, transport: asyncio.Transport) -> None:
        self._tunnel = tunnel
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._tunnel.moved()
        if not self.peer.transport.is_closing():
            self.peer.transport.write(data)

    def eof_received(self) -> bool:
        """Half-closed: the other direction may go on, unless it has ended already."""
        self.ended = True
        if self.peer.ended:
            return False
        if self.peer.transport.can_write_eof() and not self.peer.transport.is_closing():
            self.peer.transport.write_eof()
            return True
        return False

    def pause_writing(self) -> None:
        if not self.peer.transport.is_closing():
            self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        if not self.peer.transport.is_closing():
            self.peer.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._tunnel.side_closed(self)
