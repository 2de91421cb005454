"""A WebSocket to an application in this process, used from a plain test."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any

from faas_runtime.calls.websocket import WebSocketClosed
from faas_runtime.jsonic import make_decoder, to_json

_PATIENCE_S = 30.0  # real time; a handler that never answers fails the test instead of hanging it


class WebSocketSession:
    """`with client.websocket("/chat") as ws: ws.send("hi"); assert ws.receive() == "hi"`."""

    def __init__(self, app: Any, loop: asyncio.AbstractEventLoop, path: str, headers: list[tuple[bytes, bytes]],
                 subprotocols: list[str]) -> None:  # fmt: skip
        self._app, self._loop = app, loop
        self._scope = {
            "type": "websocket", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1",
            "scheme": "ws", "path": path.partition("?")[0], "raw_path": path.encode(),
            "query_string": path.partition("?")[2].encode(), "root_path": "", "headers": headers,
            "client": ("127.0.0.1", 1), "server": ("testserver", 80), "subprotocols": subprotocols,
        }  # fmt: skip
        self._to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._from_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self.subprotocol: str | None = None

    def __enter__(self) -> WebSocketSession:
        """Raises: WebSocketClosed: the function refused the connection."""
        self._run(self._start())
        message = self._next()
        if message["type"] != "websocket.accept":
            raise WebSocketClosed(message.get("code", 1006), message.get("reason") or "refused")
        self.subprotocol = message.get("subprotocol")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._finish())

    def send(self, message: str | bytes) -> None:
        kind = "text" if isinstance(message, str) else "bytes"
        self._put({"type": "websocket.receive", kind: message})

    def send_json(self, value: Any) -> None:
        self.send(to_json(value).decode())

    def receive(self) -> str | bytes:
        """The function's next message. Raises: WebSocketClosed: it has closed the connection."""
        message = self._next()
        if message["type"] == "websocket.close":
            raise WebSocketClosed(message.get("code", 1000), message.get("reason") or "")
        text = message.get("text")
        return text if text is not None else message["bytes"]  # type: ignore[no-any-return]

    def receive_json(self, into: Any = Any) -> Any:
        message = self.receive()
        return make_decoder(into)(message.encode() if isinstance(message, str) else message)

    def close(self, code: int = 1000) -> None:
        self._put({"type": "websocket.disconnect", "code": code})

    def _put(self, message: dict[str, Any]) -> None:
        self._loop.call_soon_threadsafe(self._to_app.put_nowait, message)

    def _next(self) -> dict[str, Any]:
        return self._run(asyncio.wait_for(self._from_app.get(), _PATIENCE_S))  # type: ignore[no-any-return]

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _start(self) -> None:
        self._to_app.put_nowait({"type": "websocket.connect"})
        self._task = asyncio.create_task(self._app(self._scope, self._to_app.get, self._from_app.put))

    async def _finish(self) -> None:
        self._to_app.put_nowait({"type": "websocket.disconnect", "code": 1000})
        assert self._task is not None
        async with asyncio.timeout(_PATIENCE_S):
            await self._task
