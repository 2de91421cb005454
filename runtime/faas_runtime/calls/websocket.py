"""WebSocket: a connection as an async handler sees it; accepted at the first use, closed when the handler ends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from faas_runtime.calls.call import Call
from faas_runtime.jsonic import make_decoder, to_json


class WebSocketClosed(ConnectionError):
    """The other side has closed the connection; `code` says why (RFC 6455, 7.4)."""

    def __init__(self, code: int, reason: str = "") -> None:
        self.code, self.reason = code, reason
        super().__init__(f"the WebSocket is closed ({code}{' ' + reason if reason else ''})")


class WebSocket:
    """Ask for it by annotation: `async def chat(ws: WebSocket)`, then `async for message in ws: ...`."""

    __slots__ = ("_call", "_connected", "accepted", "closed")

    def __init__(self, call: Call) -> None:
        self._call = call
        self._connected = False
        self.accepted = False
        self.closed = False

    @classmethod
    def of(cls, call: Call) -> WebSocket:
        socket: WebSocket | None = call.scope.get("faas.websocket")
        if socket is None:
            socket = call.scope["faas.websocket"] = cls(call)
        return socket

    @property
    def path(self) -> str:
        return str(self._call.scope["path"])

    @property
    def headers(self) -> Mapping[str, str]:
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in self._call.headers.items()}

    @property
    def subprotocols(self) -> list[str]:
        """What the client offers."""
        return list(self._call.scope.get("subprotocols", ()))

    async def accept(self, subprotocol: str | None = None, headers: Mapping[str, str] | None = None) -> None:
        """Only needed to choose a subprotocol or to send headers. Raises: WebSocketClosed."""
        if self.accepted:
            return
        await self._connect()
        self.accepted = True
        pairs = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in (headers or {}).items()]
        await self._send({"type": "websocket.accept", "subprotocol": subprotocol, "headers": pairs})

    async def receive(self) -> str | bytes:
        """The next message. Raises: WebSocketClosed."""
        await self.accept()
        if self.closed:
            raise WebSocketClosed(1006)
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            self.closed = True
            raise WebSocketClosed(message.get("code") or 1005, message.get("reason") or "")
        text = message.get("text")
        return text if text is not None else message["bytes"]  # type: ignore[no-any-return]

    async def receive_json(self, into: Any = Any) -> Any:
        """The next message as JSON. Raises: WebSocketClosed, msgspec.DecodeError, msgspec.ValidationError."""
        message = await self.receive()
        return make_decoder(into)(message.encode() if isinstance(message, str) else message)

    async def send(self, message: str | bytes) -> None:
        """Raises: WebSocketClosed."""
        await self.accept()
        if self.closed:
            raise WebSocketClosed(1006)
        kind = "text" if isinstance(message, str) else "bytes"
        await self._send({"type": "websocket.send", kind: message})

    async def send_json(self, value: Any) -> None:
        """Raises: WebSocketClosed."""
        await self.send(to_json(value).decode())

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Closing before the first use refuses the connection (403)."""
        if not self.closed:
            await self._connect()
            self.closed = True
            await self._send({"type": "websocket.close", "code": code, "reason": reason})

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        while True:
            try:
                message = await self.receive()
            except WebSocketClosed:
                return
            yield message

    async def _connect(self) -> None:
        if not self._connected:
            self._connected = True
            message = await self._receive()
            if message["type"] != "websocket.connect":
                self.closed = True
                raise WebSocketClosed(1006)

    async def _receive(self) -> dict[str, Any]:
        assert self._call.receive is not None
        return await self._call.receive()  # type: ignore[no-any-return]

    async def _send(self, message: dict[str, Any]) -> None:
        assert self._call.send is not None
        try:
            await self._call.send(message)
        except OSError:
            self.closed = True
            raise WebSocketClosed(1006) from None
