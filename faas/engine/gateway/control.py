"""The gateway's end of the control socket: listens for the engine, and goes on without one."""

from __future__ import annotations

import logging

import msgspec

from faas.engine.contract.dataplane import Load, ToEngine, ToGateway
from faas.engine.contract.lines import LineConnection
from faas.engine.gateway.gateway import Gateway

_log = logging.getLogger("faas.gateway")
_MAX_BUFFERED_BYTES = 1024 * 1024  # an engine that does not read gets no more load samples


class Control:
    """The newest connection is the engine: an older one is of an engine that has died."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._engine: LineConnection[ToGateway] | None = None
        gateway.tell_engine = self.send

    def make_protocol(self) -> LineConnection[ToGateway]:
        return LineConnection(
            self, msgspec.json.Decoder(ToGateway), _log, "the engine says what this gateway does not know"
        )

    def opened(self, connection: LineConnection[ToGateway]) -> None:
        if self._engine is not None:
            self._engine.abort()
        self._engine = connection

    def closed(self, connection: LineConnection[ToGateway]) -> None:
        if self._engine is connection:
            self._engine = None

    def send(self, message: ToEngine) -> None:
        """Tell the engine, if there is one: everything sent is a momentary fact and is said again if it stays."""
        engine = self._engine
        if engine is None:
            return
        if isinstance(message, Load) and engine.unsent_bytes > _MAX_BUFFERED_BYTES:
            return
        engine.send(message)

    def handle(self, message: ToGateway) -> None:
        self._gateway.handle(message)

    def close(self) -> None:
        if self._engine is not None:
            self._engine.close()
