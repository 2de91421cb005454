"""What a client's bytes say: requests in order, their bodies in pieces, and where understanding ends.

llhttp (httptools) does the grammar, strictly; this bounds sizes, finds the end of each message, and deals with what
the binding leaves open: an upgrade that we do not offer, and fields without end.
"""

from __future__ import annotations

from collections import deque
from time import monotonic

import httptools

from faas.engine.gateway.clients.http1_writing import AnswerWriting
from faas.engine.gateway.exchanges.exchange import Exchange
from faas.engine.gateway.gateway import Gateway
from faas.engine.gateway.http.problem import Refused
from faas.engine.gateway.http.repeated import RepeatedRequest
from faas.engine.gateway.http.request import Headers, Origin, Request, make_request
from faas.engine.gateway.http.response import safe_trailers

PIPELINED = 8  # parsed ahead of the one that is answered; the last slice may bring more
# At most this much is parsed at a time. A read brings up to 256 KiB; as bytes that is what it is, but parsed it would
# be ten thousand small requests of a kilobyte or more, and clients that read no answers could ask for that at will.
_SLICE_BYTES = 4096


class RequestReading(AnswerWriting):
    """The reading half of a connection: it makes exchanges, whose answers the writing half takes."""

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway)
        self._limits = gateway.limits
        self._origin: Origin
        self._parser = httptools.HttpRequestParser(self)
        self._repeated = RepeatedRequest(self._limits.target_bytes)
        self._pipeline: deque[Exchange | Refused] = deque()  # parsed, and not yet its turn
        self._parsing: Exchange | None = None  # whose body comes now
        self._url = b""
        self._headers: Headers = []
        self._trailers: Headers = []
        self._head_bytes = 0
        self._in_head = False
        self._body: list[bytes] = []
        self._progress = True  # this read brought something but framing
        self._quiet_bytes = 0
        self._primed = False  # the parser was made in the middle of a message
        self._ahead = b""  # not parsed yet: enough requests wait
        self._stopped = False  # nothing more is parsed
        self._upgrading = False  # nothing more is parsed until a request for an upgrade is answered
        self._waits_since = monotonic()  # for the client: its next head, or the next piece of a body

    # Hooks of the connection

    def refuse_parsing(self, broken: Exchange, refused: Refused) -> None:
        """The body of the request being answered cannot be read any further."""
        raise NotImplementedError

    def discard(self, body: list[bytes]) -> bool:
        """Whether this body is of a request that has its answer already, so that nobody wants it."""
        raise NotImplementedError

    def hold(self, data: bytes) -> None:
        """Bytes that nobody may interpret yet, or ever."""
        raise NotImplementedError

    def head_is_partial(self) -> None:
        raise NotImplementedError

    # One read

    def recognise(self, data: bytes) -> Exchange | None:
        """The request that this read is, when it is known without being parsed."""
        request = self._repeated.recognise(data) if self._is_between_messages else None
        if request is None:
            return None
        exchange = Exchange(self._gateway, self, request)
        self._waits_since = exchange.arrived_s
        if request.length:
            exchange.request_data(data[-request.length :], True, [])
        return exchange

    def feed(self, data: bytes) -> None:
        """Parse, but not far ahead of the answers; `parse_ahead` takes what is left when there is room again."""
        for start in range(0, len(data), _SLICE_BYTES):
            if self._stopped or self._upgrading:
                self.hold(data[start:])
                return
            if self._ahead or len(self._pipeline) >= PIPELINED:
                self._ahead += data[start:]
                return
            self._feed(data[start : start + _SLICE_BYTES])

    def parse_ahead(self) -> None:
        data, self._ahead = self._ahead, b""
        self.feed(data)

    @property
    def _is_between_messages(self) -> bool:
        return (
            self._parsing is None
            and not self._in_head
            and not self._stopped
            and not self._upgrading
            and not self._ahead
        )

    def _feed(self, data: bytes) -> None:
        begins = self._is_between_messages
        waiting = len(self._pipeline)
        self._progress = False
        if self._in_head:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._flush_body()
            self._after_upgrade_request(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            self._flush_body()
            self._failed(error)
        else:
            if self._body:
                self._flush_body()
            if self._in_head:
                self._check_partial_head()
            elif self._parsing is not None:
                self._quiet_bytes = 0 if self._progress else self._quiet_bytes + len(data)
                if self._quiet_bytes > self._limits.head_bytes:
                    self.stop(Refused(400, "chunk extensions or trailers without end", close=True))
            elif begins and len(self._pipeline) == waiting + 1:
                whole = self._pipeline[-1]
                if isinstance(whole, Exchange):
                    self._repeated.learn(data, whole.request)

    def stop(self, refused: Refused) -> None:
        """Nothing beyond this can be told apart. A request whose body was being read ends with it."""
        self._stopped = True
        self._in_head = False
        broken, self._parsing = self._parsing, None
        self._gateway.metrics.malformed += 1
        if broken is None:
            self._pipeline.append(refused)
        elif broken is self._current:
            self.refuse_parsing(broken, refused)
        else:
            self._pipeline[-1] = refused

    def restart(self) -> None:
        """A declined upgrade: what follows is HTTP after all."""
        self._upgrading = False
        self._parser = httptools.HttpRequestParser(self)

    # httptools callbacks, each within feed

    def on_message_begin(self) -> None:
        if self._primed:
            return
        self._in_head = True
        self._waits_since = monotonic()
        self._url = b""
        self._headers = []
        self._trailers = []
        self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        if self._primed:
            return
        self._url += url
        if len(self._url) > self._limits.target_bytes:
            raise Refused(414, f"the request target has more than {self._limits.target_bytes} bytes", close=True)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._primed:
            return
        self._progress = True
        self._head_bytes += len(name) + len(value)
        fields = self._headers if self._in_head else self._trailers
        fields.append((name, value))
        if len(fields) > self._limits.head_fields or self._head_bytes > self._limits.head_bytes:
            raise Refused(431, "the header fields are too many or too large", close=True)

    def on_headers_complete(self) -> None:
        if self._primed:
            self._primed = False
            return
        request = self._make_request()
        self._in_head = False
        self._head_bytes = 0
        self._parsing = exchange = Exchange(self._gateway, self, request)
        self._pipeline.append(exchange)

    def on_body(self, data: bytes) -> None:
        self._progress = True
        if self._parsing is not None:
            self._body.append(data)

    def on_message_complete(self) -> None:
        exchange = self._parsing
        if exchange is None or (exchange.request.has_body and self._parser.should_upgrade()):
            return  # with an upgrade llhttp takes the body for the other protocol: see _after_upgrade_request
        self._parsing = None
        self._progress = True
        body, self._body = self._body, []
        if not (exchange is self._current and self.discard(body)):
            exchange.request_data(b"".join(body), True, safe_trailers(self._trailers))

    def _make_request(self) -> Request:
        parser, headers = self._parser, self._headers
        version = parser.get_http_version()
        if version == "1.1":
            request = make_request(parser.get_method(), self._url, headers, self._origin)
        elif version == "1.0":
            if not any(name.lower() == b"host" for name, _ in headers):
                headers = [*headers, (b"host", b"")]
            request = make_request(parser.get_method(), self._url, headers, self._origin)
            request.version_1_1 = request.expects_continue = False
            request.upgrade = b""
            if request.chunked:
                raise Refused(400, "chunked in an HTTP/1.0 request", close=True)
        else:
            raise Refused(505, "HTTP/1.1, HTTP/1.0 and HTTP/2 are spoken here", close=True)
        request.keep_alive = parser.should_keep_alive()
        if not request.keep_alive:
            self._repeated.forget()
        return request

    def _flush_body(self) -> None:
        body, self._body = self._body, []
        exchange = self._parsing
        if not body or exchange is None:
            return
        self._waits_since = monotonic()
        if not (exchange is self._current and self.discard(body)):
            exchange.request_data(body[0] if len(body) == 1 else b"".join(body), False, [])

    def _check_partial_head(self) -> None:
        if len(self._url) + self._head_bytes > self._limits.head_bytes:
            self.stop(Refused(431 if self._headers else 414, "the head of the request is too large", close=True))
        else:
            self.head_is_partial()

    def _after_upgrade_request(self, rest: bytes) -> None:
        """llhttp has stopped behind a head with Upgrade. Go on reading, or hold what follows until it is answered."""
        last = self._pipeline[-1] if self._pipeline else None
        if isinstance(last, Exchange) and last.request.upgrade:
            self._upgrading = True
            if rest:
                self.hold(rest)
            return
        # An upgrade we do not offer (h2c): its body, if any, is still to be read. The new parser gets a head
        # with the same framing, so that it goes on where the body begins.
        self._parser = httptools.HttpRequestParser(self)
        exchange = self._parsing
        if exchange is not None:
            self._primed = True
            request = exchange.request
            framing = (
                b"transfer-encoding: chunked" if request.chunked else b"content-length: %d" % (request.length or 0)
            )
            self._parser.feed_data(b"POST / HTTP/1.1\r\n" + framing + b"\r\n\r\n")
        if rest:
            self.feed(rest)

    def _failed(self, error: httptools.HttpParserError) -> None:
        cause = error.__context__
        last = self._pipeline[-1] if self._pipeline else self._current
        if isinstance(cause, Refused):
            self.stop(cause)
        elif isinstance(error, httptools.HttpParserCallbackError):
            raise error  # a defect of ours, for the loop's log; the connection ends
        elif isinstance(last, Exchange) and not last.request.keep_alive and self._parsing is None:
            self._stopped = True  # bytes behind a request that said it is the last one
        elif isinstance(error, httptools.HttpParserInvalidMethodError):
            self.stop(Refused(501, "an unknown method", close=True))
        else:
            self.stop(Refused(400, "malformed HTTP", close=True))
