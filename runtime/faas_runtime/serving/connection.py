"""An HTTP/1.1 connection: gunicorn's protocol with another way from a request's head to its answer.

gunicorn parses, refuses what is malformed, speaks WebSocket and keeps its header policy. What is ours is the loop
around it. There, a request costs one task and no timer, where gunicorn's needs two tasks, three wake-ups and a timer;
and what a client sends behind a request that is being answered waits in front of the parser. (gunicorn lets its parser
keep it, which holds 64 KiB and gives the connection up when there is more: a kept-alive client whose next request, with
a larger body, arrived before the loop had come round was cut off.)
"""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

from gunicorn.asgi.parser import RFC9112_TARGET_INVALID
from gunicorn.asgi.protocol import ASGIProtocol, _normalize_sockaddr, _RequestHeaderPolicy
from gunicorn.http.errors import InvalidRequestLine

from faas_runtime.serving.exchange import Exchange

# gunicorn looks its C parser up on the class of the connection and reads what it found on ASGIProtocol: asked of a
# subclass, it would quietly parse in Python. Also, what is looked up here is not looked up after a fork.
ASGIProtocol._check_h1c_protocol_available()

_PIECE_SIZE = 65536  # fed at once; what may follow a message in it is what the parser can hand back (its own limit)
_MOST_BUFFERED = 262144  # bytes of a request's body that wait for the application before reading pauses, as gunicorn
_MOST_RUNNING = 16  # calls that go on after their answers, before the next request waits; as gunicorn
_DISCARD_S = 5.0  # for a client to send the rest of a body that nobody reads
_ASGI = {"version": "3.0", "spec_version": "2.4"}
_METHODS = {name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")}
# With one of these, or a name that gunicorn's policy may drop, or a name that comes twice, gunicorn reads the head.
_UNUSUAL = frozenset({b"upgrade", b"expect", b"transfer-encoding", b"x-forwarded-protocol", b"x-forwarded-ssl"})


class Worker(Protocol):
    """What a connection asks of the process that accepted it."""

    alive: bool  # False: no connection is kept for another request
    loop: asyncio.AbstractEventLoop
    state: dict[str, Any]  # of the application's lifespan
    head_timeout_s: float
    connections: set[Connection]

    def forget(self, connection: Connection) -> None:
        """It is closed, and nothing of it runs any more."""


class Connection(ASGIProtocol):  # type: ignore[misc]  # gunicorn has no types
    """Reads one request at a time; the next one is read when the answer is complete."""

    worker: Worker
    _current_request: Any  # gunicorn's, while it reads an unusual head

    def __init__(self, worker: Worker) -> None:
        super().__init__(worker)
        self._exchange: Exchange | None = None  # the request that is being read or answered
        self._running: set[Exchange] = set()  # whose application calls have not returned; more than one after an answer
        self._held: list[bytes] = []  # what came behind the request that is being answered
        self._requests = 0
        self._trusts_scheme: bool | None = None

    def connection_made(self, transport: Any) -> None:
        self.worker.connections.add(self)
        super().connection_made(transport)

    def _start_http1(self, buffered: bytes = b"") -> None:
        self._setup_callback_parser()
        loop = self.worker.loop
        self._context = copy_context()  # of no request: what one sets, the next one does not see
        self._scope = {
            "type": "http", "asgi": _ASGI, "root_path": self._root_path,
            "server": _normalize_sockaddr(self.transport.get_extra_info("sockname")),
            "client": _normalize_sockaddr(self.transport.get_extra_info("peername")),
        }  # fmt: skip
        self._idle_since: float = loop.time()
        self._idle_timer = loop.call_later(self.worker.head_timeout_s, self._close_if_idle)
        if buffered:
            self.data_received(buffered)

    def connection_lost(self, exc: Exception | None) -> None:
        self._idle_timer.cancel()
        super().connection_lost(exc)
        self._held.clear()
        for exchange in list(self._running):
            exchange.client_left()
        if not self._running:
            self.worker.forget(self)

    @property
    def is_idle(self) -> bool:
        """No request is being read or answered, nor a call still running after its answer."""
        return self._exchange is None and not self._running and not self._held and self._task is None

    @property
    def may_be_kept(self) -> bool:
        return bool(self.worker.alive and self._keepalive)

    def _close_if_idle(self) -> None:
        """One timer a connection, which looks how long it has been idle, instead of one for each pause."""
        limit = self._keepalive if self._requests else self.worker.head_timeout_s
        left = limit
        if self.is_idle:
            left = self._idle_since + limit - self.worker.loop.time()
        if left <= 0:
            self._close_transport()
        else:
            self._idle_timer = self.worker.loop.call_later(left, self._close_if_idle)

    def data_received(self, data: bytes) -> None:
        exchange = self._exchange
        if self._task is not None:  # a WebSocket's
            super().data_received(data)
        elif self._held or (exchange is not None and exchange.body_complete):
            self._held.append(data)
            self._pause_reading()
        elif len(data) <= _PIECE_SIZE:
            self._feed_callback_parser(data)
            if exchange is not None and exchange.buffered > _MOST_BUFFERED:
                self._pause_reading()
        elif self._feed_callback_parser(data[:_PIECE_SIZE]):
            self.data_received(data[_PIECE_SIZE:])

    def _feed_held(self) -> None:
        held, self._held = self._held, []
        if not self._closed:
            self._resume_reading()
            for data in held:
                self.data_received(data)

    def body_taken(self) -> None:
        if self._reading_paused and not self._held:
            self._resume_reading()

    def _on_headers_complete(self) -> bool:
        parser = self._callback_parser
        headers = getattr(parser, "asgi_headers", ())  # none of the Python parser: gunicorn reads those
        fields = dict(headers)
        version: tuple[int, int] = parser.http_version
        if (
            fields
            and len(fields) == len(headers)
            and _UNUSUAL.isdisjoint(fields)
            and fields.get(b"connection", b"keep-alive") == b"keep-alive"
            and b"_" not in b"".join(fields)
            and version == (1, 1)
            and parser.method in _METHODS
        ):
            scope = self._scope.copy()
            scope["http_version"] = "1.1"
            scope["method"] = _METHODS[parser.method]
            scope["scheme"] = "http"
            if b"x-forwarded-proto" in fields and fields[b"x-forwarded-proto"] == b"https" and self._is_trusted():
                scope["scheme"] = "https"
            target = parser.path
            read = _read_target if len(target) > _LONGEST_REMEMBERED else _remembered_target
            scope["path"], scope["raw_path"], scope["query_string"] = read(target)
            scope["headers"] = headers
            scope["state"] = self.worker.state.copy()
            self._begin(scope, fields, version, keep_alive=True, expects_continue=False)
            return False
        super()._on_headers_complete()
        request: Any = self._current_request
        self._current_request = self._body_receiver = None
        sockname, peername = self.transport.get_extra_info("sockname"), self.transport.get_extra_info("peername")
        if request.may_upgrade() and self._is_websocket_upgrade(request):
            self._task = self.worker.loop.create_task(self._serve_websocket(request, sockname, peername))
            return False
        scope = self._build_http_scope(request, sockname, peername)
        self._begin(
            scope, dict(scope["headers"]), version,
            keep_alive=not request.should_close(), expects_continue=request._expect_100_continue,
        )  # fmt: skip
        return False

    def _is_trusted(self) -> bool:
        """Whether this peer may say by which scheme the client came."""
        if self._trusts_scheme is None:
            policy = _RequestHeaderPolicy(self.cfg, self.transport.get_extra_info("peername"), "http", (1, 1))
            self._trusts_scheme = bool(policy._peer_trusted_for_forwarded()[0])
        return self._trusts_scheme

    def _begin(
        self, scope: dict[str, Any], fields: dict[bytes, bytes], version: tuple[int, int], *,
        keep_alive: bool, expects_continue: bool,
    ) -> None:  # fmt: skip
        exchange = Exchange(self, scope["method"], version, keep_alive=keep_alive, expects_continue=expects_continue)
        scope["faas.exchange"] = exchange
        scope["faas.headers"] = fields
        self._requests += 1
        self._exchange = exchange
        self._running.add(exchange)
        exchange.task = self.worker.loop.create_task(exchange.run(scope))

    async def _serve_websocket(self, request: Any, sockname: Any, peername: Any) -> None:
        try:
            await self._handle_websocket(request, sockname, peername)
        except Exception:  # whatever the application raises
            self.log.exception("the application failed in a WebSocket")
        finally:
            self._close_transport()

    def _on_body(self, chunk: bytes) -> None:
        if self._exchange is not None:
            self._exchange.feed(chunk)

    def _on_message_complete(self) -> None:
        if self._exchange is not None:
            self._exchange.end_body()

    def call_done(self, exchange: Exchange) -> None:
        """The application has returned."""
        self._running.discard(exchange)
        if self._conn_lost_handled:
            if not self._running:
                self.worker.forget(self)
        else:
            self.advance()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.advance()

    def advance(self) -> None:
        """Go on to the next request, or end the connection, unless there is something to wait for."""
        exchange = self._exchange
        if exchange is None:
            if self.is_idle and not self.worker.alive:
                self._close_transport()
            return
        if not exchange.complete:
            return
        parser = self._callback_parser
        if not (exchange.keep_alive and self.may_be_kept) or parser.remaining_truncated:
            if not self._running:  # closing would tell those that the client left
                self._close_transport()
            return
        if not exchange.body_complete:
            if not self._running:
                self._discard_body(exchange)
            return
        if len(self._running) > _MOST_RUNNING or self._flow_control.write_paused:
            return
        if tail := parser.remaining():
            self._held.insert(0, tail)
        parser.reset()
        self._exchange = None
        self._idle_since = self.worker.loop.time()
        if self._held:
            self.worker.loop.call_soon(self._feed_held, context=self._context)
        elif self._reading_paused:
            self._resume_reading()

    def _discard_body(self, exchange: Exchange) -> None:
        """Read on: a client that is closed upon while it sends may lose the answer, and its connection."""
        exchange.discard_body()
        self._resume_reading()
        self.worker.loop.call_later(_DISCARD_S, self._close_if_still, exchange)

    def _close_if_still(self, exchange: Exchange) -> None:
        if self._exchange is exchange:
            self._close_transport()

    def _send_error_response(self, status: int, message: str, extra_headers: Any = ()) -> None:
        """Refuse what cannot be parsed, but never in the middle of an answer."""
        if self._exchange is None or not self._exchange.has_begun:
            super()._send_error_response(status, message, extra_headers)


_LONGEST_REMEMBERED = 256  # bytes of a request's target; with the cache's size, half a MiB at worst


def _read_target(target: bytes) -> tuple[str, bytes, bytes]:
    """Path, raw path and query of a request. Raises: gunicorn's InvalidRequestLine."""
    if RFC9112_TARGET_INVALID.search(target):
        raise InvalidRequestLine("Invalid request line")
    raw_path, _, query = target.partition(b"?")
    path = unquote_to_bytes(raw_path) if b"%" in raw_path else raw_path
    return path.decode("utf-8", "replace"), raw_path, query


_remembered_target = lru_cache(maxsize=512)(_read_target)
