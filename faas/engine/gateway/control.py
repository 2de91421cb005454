"""The gateway's end of the control socket: listens for the engine, and goes on without one."""

from __future__ import annotations

import asyncio
import logging
from typing import cast

import msgspec

from faas.engine.contract.dataplane import Load, ToEngine, ToGateway
from faas.engine.gateway.gateway import Gateway
from faas.engine.contract.lines import MessageReader

_log = logging.getLogger("faas.gateway")
_MAX_LINE_BYTES = 256 * 1024 * 1024  # a table; a longer line is no engine of ours
_MAX_BUFFERED_BYTES = 1024 * 1024  # an engine that does not read gets no more load samples


class Control:
    """The newest connection is the engine: an older one is of an engine that has died."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._engine: _EngineConnection | None = None
        gateway.tell_engine = self.send

    def make_protocol(self) -> _EngineConnection:
        return _EngineConnection(self, self._gateway)

    def connected(self, engine: _EngineConnection) -> None:
        if self._engine is not None:
            self._engine.transport.abort()
        self._engine = engine

    def lost(self, engine: _EngineConnection) -> None:
        if self._engine is engine:
            self._engine = None

    def send(self, message: ToEngine) -> None:
        """Tell the engine, if there is one: everything sent is a momentary fact and is said again if it stays."""
        engine = self._engine
        if engine is None or engine.transport.is_closing():
            return
        if isinstance(message, Load) and engine.transport.get_write_buffer_size() > _MAX_BUFFERED_BYTES:
            return
        engine.transport.write(msgspec.json.encode(message) + b"\n")

    def close(self) -> None:
        if self._engine is not None:
            self._engine.transport.close()


class _EngineConnection(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self, control: Control, gateway: Gateway) -> None:
        self._control = control
        self._gateway = gateway
        self._reader: MessageReader[ToGateway] = MessageReader(
            msgspec.json.Decoder(ToGateway), _log, "the engine sent what this gateway does not understand"
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._control.connected(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._control.lost(self)

    def data_received(self, data: bytes) -> None:
        for message in self._reader.feed(data):
            self._gateway.handle(message)
        if self._reader.pending_bytes > _MAX_LINE_BYTES:
            self.transport.abort()
