"""One HTTP exchange with an ASGI application in this process."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from faas_runtime.events import wire
from faas_runtime.events.event import Event
from faas_runtime.jsonic import make_decoder


@dataclass(frozen=True, slots=True)
class Response:
    """What a function answered."""

    status: int
    raw_headers: list[tuple[bytes, bytes]]
    content: bytes
    complete: bool = True  # False: a stream broke off

    @property
    def headers(self) -> dict[str, str]:
        """By lower-case name; the last of several with one name."""
        return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in self.raw_headers}

    @property
    def text(self) -> str:
        return self.content.decode()

    def json(self, into: Any = Any) -> Any:
        return make_decoder(into)(self.content)

    @property
    def events(self) -> list[Event[Any]]:
        """The CloudEvents of the answer; empty when it is none."""
        headers = wire.header_map(self.raw_headers)
        return wire.parse(headers, self.content) if wire.mode(headers) else []


class Pending:
    """A request under way: move the clock, then ask for the `result()`."""

    def __init__(self, future: Future[Response], task: asyncio.Task[Response], loop: asyncio.AbstractEventLoop) -> None:
        self._future, self._task, self._loop = future, task, loop

    def result(self, timeout_s: float = 30.0) -> Response:
        """Raises: TimeoutError: no answer within `timeout_s` of real time; CancelledError: after `disconnect`."""
        return self._future.result(timeout_s)

    def disconnect(self) -> None:
        """Leave, as a client does that closes its connection: the handler is cancelled."""
        self._loop.call_soon_threadsafe(self._task.cancel)


async def exchange(
    app: Any, method: str, path: str, query: bytes, headers: list[tuple[bytes, bytes]], body: bytes
) -> Response:
    """Send one request to the application and take its whole answer."""
    status, answered, parts, complete = 0, list[tuple[bytes, bytes]](), list[bytes](), False
    given, gone = False, asyncio.Event()

    async def receive() -> dict[str, Any]:
        nonlocal given
        if given:
            await gone.wait()
            return {"type": "http.disconnect"}
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status, complete
        if message["type"] == "http.response.start":
            status = message["status"]
            answered.extend(message["headers"])
        elif message["type"] == "http.response.body":
            parts.append(bytes(message.get("body", b"")))
            complete = not message.get("more_body", False)

    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": query, "root_path": "",
        "headers": headers, "client": ("127.0.0.1", 1), "server": ("testserver", 80),
    }  # fmt: skip
    await app(scope, receive, send)
    return Response(status, answered, b"" if method == "HEAD" else b"".join(parts), complete)
