"""One HTTP request and its answer: the two callables that ASGI gives an application, and what its task comes to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Protocol

from faas_runtime.serving.response_head import ResponseHead

_MOST_DISCARDED = 262144  # bytes of a body that nobody reads, to keep its connection
_NO_COPY_SIZE = 65536  # a body of this size is handed to the transport beside its head instead of being joined to it


class Carrier(Protocol):
    """What an exchange asks of the connection that carries it; names with an underscore are gunicorn's."""

    app: Any
    cfg: Any
    log: Any
    transport: Any
    worker: Any
    _closed: Any
    _flow_control: Any

    @property
    def may_be_kept(self) -> bool:
        """For another request."""
        ...

    def advance(self) -> None:
        """The answer is complete, or the rest of a body that nobody reads has arrived."""

    def body_taken(self) -> None:
        """The application has had what was buffered."""

    def call_done(self, exchange: Exchange) -> None:
        """The application has returned."""

    def _send_error_response(self, status: int, message: str) -> None: ...

    def _safe_write(self, data: bytes) -> Any: ...

    def _close_transport(self) -> Any: ...


class Exchange:
    """Made when a request's head is complete; the connection feeds its body.

    The scope has it as "faas.exchange": an application that knows it answers with one call (`answer`) instead of two
    messages, reads its own task, and may ask for time when the client leaves (`grace_s`).
    """

    # Defaults stand on the class, since most requests change few of them.
    task: asyncio.Task[None] | None = None  # None again when the call is done: a context that holds us is the task's
    grace_s = 0.0  # from the client's leaving to the cancellation of the application's call
    body_complete = False  # the request has arrived in full
    buffered = 0  # bytes of it that the application has not taken
    complete = False  # the answer has been written, or there will be no more of it
    _is_running = False
    _is_gone = False  # the client
    _is_taken = False  # the application has had the whole request
    _is_discarding = False  # the rest of the request, which nobody reads any more
    _waiter: asyncio.Future[None] | None = None
    _head: ResponseHead | None = None
    _unsent = b""  # the answer's head, until it is known what goes with it
    _left: int | None = None  # bytes that the answer has announced and not sent yet

    def __init__(
        self, connection: Carrier, method: str, version: tuple[int, int], *, keep_alive: bool, expects_continue: bool
    ) -> None:
        self._connection = connection
        self._method = method
        self._version = version
        self._expects_continue = expects_continue
        self._chunks: list[bytes] = []
        self.keep_alive = keep_alive

    async def run(self, scope: dict[str, Any]) -> None:
        """Call the application; whatever it does, the connection learns what may happen next."""
        connection = self._connection
        self._is_running = True
        try:
            if not self._is_gone:
                await connection.app(scope, self.receive, self.send)
        except asyncio.CancelledError:
            self.keep_alive = self.keep_alive and self.complete
            self.complete = True  # nobody is there, or the server ends
        except Exception:  # whatever the application raises
            if not self.complete:
                connection.log.exception("the application failed")
        if not self.complete:
            self._give_up()
        self.task = None
        connection.call_done(self)

    def _give_up(self) -> None:
        """The application returned without an answer, or in the middle of one: the client must see that."""
        if not self._connection._closed:
            if self._head is None:
                self._connection._send_error_response(500, "Internal Server Error")
            else:
                self._connection.log.error("the application did not complete its answer; closing the connection")
        self.keep_alive = False
        self.complete = True

    def feed(self, chunk: bytes) -> None:
        """A piece of the request's body."""
        self.buffered += len(chunk)
        if self._is_discarding:
            if self.buffered > _MOST_DISCARDED:
                self._connection._close_transport()
            return
        self._chunks.append(chunk)
        self._expects_continue = False  # it did not wait to be told
        if self._waiter is not None:
            self._wake()

    def end_body(self) -> None:
        self.body_complete = True
        if self._waiter is not None:
            self._wake()
        if self._is_discarding:
            self._connection.worker.loop.call_soon(self._connection.advance)  # the parser is not to be reset in here

    def discard_body(self) -> None:
        """The answer is complete and the application has returned: what is still to come is for nobody."""
        self._is_discarding = True
        self._chunks.clear()
        self.buffered = 0

    def client_left(self) -> None:
        """Tell the application, and cancel it unless its answer is complete already."""
        self._is_gone = True
        self._wake()
        if self.complete or not self._is_running or self.task is None:
            return  # what goes on after an answer owes the client nothing; `run` looks before it begins
        if self.grace_s:
            self._connection.worker.loop.call_later(self.grace_s, self.task.cancel)
        else:
            self.task.cancel()

    @property
    def has_begun(self) -> bool:
        return self._head is not None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def receive(self) -> dict[str, Any]:
        """ASGI's: the next piece of the request's body, or that the client has left."""
        if self._is_taken and not self._is_gone:
            await self._wait(None)
        elif not (self._chunks or self.body_complete or self._is_gone):
            if self._expects_continue:
                self._expects_continue = False
                self._connection._safe_write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await self._wait(self._connection.cfg.timeout)
        if self._is_gone or self._is_taken or not (self._chunks or self.body_complete):
            return {"type": "http.disconnect"}
        body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self.buffered = 0
        self._is_taken = self.body_complete
        self._connection.body_taken()
        return {"type": "http.request", "body": body, "more_body": not self.body_complete}

    async def _wait(self, timeout_s: float | None) -> None:
        """Until more of the body comes, the client leaves, or time is up."""
        self._waiter = self._connection.worker.loop.create_future()
        try:
            async with asyncio.timeout(timeout_s):
                await self._waiter
        except TimeoutError:
            self._is_taken = True  # the rest would come too late
        finally:
            self._waiter = None

    async def send(self, message: dict[str, Any]) -> None:
        """ASGI's. Raises: RuntimeError: out of turn; gunicorn's InvalidResponseHeader."""
        if self._connection._closed:
            return
        kind = message["type"]
        if kind == "http.response.start":
            self._begin(message["status"], message.get("headers", ()))
        elif kind == "http.response.body":
            self._write(message.get("body", b""), bool(message.get("more_body", False)))
            flow_control = self._connection._flow_control
            if flow_control.write_paused:
                await flow_control.drain()

    def answer(self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> None:
        """The whole answer; raises as `send`. A client that does not read it is not read from either."""
        if not self._connection._closed:
            self._begin(status, headers)
            self._write(body, False)

    def _begin(self, status: int, headers: Iterable[tuple[Any, Any]]) -> None:
        if self._head is not None:
            raise RuntimeError("the answer has begun already")
        if self._expects_continue:
            # RFC 9110, 10.1.1: a final status instead of the 100, after which the client need not send the body.
            self._expects_continue = self.keep_alive = False
        closes = not (self.keep_alive and self._connection.may_be_kept)
        self._head = head = ResponseHead(self._version, self._method, status, headers, closes=closes)
        self._left = head.length
        self._unsent = head.data
        if head.is_framed_by_close:
            self.keep_alive = False

    def _write(self, body: Any, more: bool) -> None:
        head = self._head
        if head is None or self.complete:
            raise RuntimeError("the answer is complete" if head is not None else "the answer has not begun")
        if head.omits_body:
            body = b""
        elif body.__class__ is not bytes:
            body = bytes(body)  # a buffer that the application may use again while the transport still holds it
        if self._left is not None:
            body = body[: self._left]  # more would be read as the start of the next answer
            self._left -= len(body)
        before, after = self._unsent, b""
        self._unsent = b""
        if head.is_chunked:
            if body:
                before, after = b"%b%x\r\n" % (before, len(body)), b"\r\n"
            if not more:
                after += b"0\r\n\r\n"
        try:
            if len(body) < _NO_COPY_SIZE:
                self._connection.transport.write(before + body + after)
            else:
                self._connection.transport.writelines((before, body, after))
        except (OSError, RuntimeError):
            pass  # the client is gone: `connection_lost` follows
        if not more:
            self.complete = True
            if self._left:
                self.keep_alive = False  # the client waits for bytes that do not come
            self._connection.advance()
