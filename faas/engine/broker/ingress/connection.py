"""One connection: requests are read in order, stored side by side, and answered in order."""

from __future__ import annotations

import asyncio
from collections import deque
from time import monotonic
from typing import Any, cast

from faas.engine.broker.ingress.answers import CONTINUE, MAY_SEND, Refused, last
from faas.engine.broker.ingress.door import Door
from faas.engine.broker.ingress.parsing import Head, RequestParser
from faas.engine.broker.ingress.requests import Fields, body_limit, broker_of, events_of, mode_of


class _Request:
    """One request and its place in the order of answers."""

    __slots__ = ("answer", "body", "broker", "closes", "fields", "limit", "max_event_bytes", "size")

    def __init__(self, fields: Fields, closes: bool) -> None:
        self.answer = b""
        self.broker = ""
        self.fields = fields
        self.closes = closes  # the connection ends behind this answer
        self.body: list[bytes] = []
        self.size = 0  # of the body, as far as memory is taken for it
        self.limit = 0
        self.max_event_bytes = 0


class IngressConnection(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self, door: Door) -> None:
        self._door = door
        self._limits = door.limits
        self._parser = RequestParser(self, door.limits)
        self._request: _Request | None = None  # whose body comes now
        self._waiting: deque[_Request] = deque()  # for their answers to be written, in order
        self._unwanted_bytes = 0  # of a body whose request is answered already
        self._is_last = False  # the last answer is written; a body that is still on its way is read and forgotten
        self._stopped = False  # nothing more is read
        self._half_closed = False  # by the other end, which still wants its answers
        self._reading = True
        self._writing = True  # the other end takes answers
        self._since_s = monotonic()  # of what the connection waits for

    # asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        if len(self._door.connections) >= self._limits.connections:
            self.transport.abort()
        self._door.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._door.connections.discard(self)
        self._stopped = True
        if self._request is not None and not self._request.answer:
            self._release(self._request)  # it will never be whole
        self._request = None
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        if self._stopped:
            self._unwanted_bytes += len(data)
            if self._unwanted_bytes > self._limits.linger_bytes:
                self._end()
            return
        if not self._is_last:
            self._since_s = monotonic()
        try:
            if not self._parser.feed(data):
                self._stopped = True
        except Refused as refused:
            self._stop(refused)
        if len(self._waiting) >= self._limits.pipelined:
            self._balance()

    def eof_received(self) -> bool:
        self._half_closed = bool(self._waiting) and self._request is None
        return self._half_closed

    def pause_writing(self) -> None:
        self._writing = False
        self._since_s = monotonic()
        self._balance()

    def resume_writing(self) -> None:
        self._writing = True
        self._since_s = monotonic()
        self._balance()

    # The parser's, within feed

    def request_begins(self) -> None:
        if self._is_last:
            raise Refused(400, "a request behind the last one", close=True)

    def head_came(self, head: Head) -> None:
        door = self._door
        door.counts.requests += 1
        door.begins()
        self._request = request = _Request(head.fields, closes=not head.keeps_alive or door.is_draining)
        self._waiting.append(request)
        try:
            self._admit(request, head)
        except Refused as refused:
            self._refuse(request, refused)

    def body_came(self, data: bytes) -> None:
        request = self._request
        if request is None or request.answer:
            self._unwanted(len(data))
            return
        request.body.append(data)
        if b"content-length" in request.fields:
            return  # counted, and within the limit
        try:
            self._take(request, len(data))
        except Refused as refused:
            self._refuse(request, refused)

    def trailer_came(self, size: int) -> None:
        self._unwanted(size)

    def request_ends(self) -> None:
        request, self._request = self._request, None
        self._unwanted_bytes = 0
        if self._is_last:
            self._end()
        elif request is not None and not request.answer:
            try:
                events = events_of(request.fields, b"".join(request.body), request.max_event_bytes)
            except Refused as refused:
                self._refuse(request, refused)
            else:
                request.body = []
                self._door.spawn(self._store(request, events))

    # Requests

    def _admit(self, request: _Request, head: Head) -> None:
        """What can be said before the body comes. Raises: Refused."""
        door = self._door
        if head.upgrades:
            raise Refused(400, "no other protocol is spoken here", close=True)
        request.broker = broker_of(head.target)
        method = head.method
        if method == b"OPTIONS":
            self._answer(request, MAY_SEND)
            return
        if method != b"POST":
            # Close behind HEAD: its answer has no body, and ours has one.
            raise Refused(405, "events are POSTed", close=method == b"HEAD")
        max_event_bytes = door.max_event_bytes(request.broker)
        if max_event_bytes is None:
            raise Refused(404, f"there is no Broker {request.broker}")
        request.max_event_bytes = max_event_bytes
        request.limit = body_limit(mode_of(request.fields), max_event_bytes)
        if door.in_flight > self._limits.in_flight:
            raise _busy()
        self._take(request, int(request.fields.get(b"content-length", b"0")))
        if request.fields.get(b"expect", b"").lower() == b"100-continue" and len(self._waiting) == 1:
            self.transport.write(CONTINUE)

    def _take(self, request: _Request, size: int) -> None:
        """Memory for a body. Raises: Refused."""
        if request.size + size > request.limit:
            raise Refused(413, f"the request's body has more than {request.limit} bytes", close=True)
        if self._door.in_flight_bytes + size > self._limits.in_flight_bytes:
            raise _busy()
        self._door.in_flight_bytes += size
        request.size += size

    def _release(self, request: _Request) -> None:
        request.body = []
        self._door.in_flight_bytes -= request.size
        request.size = 0
        self._door.ends()

    def _unwanted(self, size: int) -> None:
        self._unwanted_bytes += size
        if self._unwanted_bytes > self._limits.linger_bytes:
            raise Refused(413, "there is no end to what nobody wants", close=True)

    async def _store(self, request: _Request, events: list[tuple[dict[str, Any], bytes | None]]) -> None:
        try:
            answer = await self._door.store(request.broker, events)
        except BaseException:
            # A defect of ours, or the end of this process: it may be stored or not, so it has to be sent again.
            self._refuse(request, Refused(500, "the event may not be stored; send it again", close=True))
            raise
        self._answer(request, answer)

    # Answers

    def _refuse(self, request: _Request, refused: Refused) -> None:
        request.closes = request.closes or refused.close
        self._answer(request, self._door.refuse(refused))

    def _answer(self, request: _Request, answer: bytes) -> None:
        request.answer = answer
        self._release(request)
        self._write_answers()

    def _write_answers(self) -> None:
        """Those whose turn it is, in one write."""
        waiting = self._waiting
        ready = []
        while waiting and waiting[0].answer:
            request = waiting.popleft()
            ready.append(last(request.answer) if request.closes else request.answer)
            if request.closes:
                self._is_last = True
                waiting.clear()
        if not ready or self.transport.is_closing():
            return
        self._since_s = monotonic()
        self.transport.write(b"".join(ready))
        if self._is_last:
            # Closing with something unread resets the connection, and takes the answer with it. So what comes is still
            # read, to an end that is known, or to one that `check` and the limit set.
            if self._stopped:
                self.transport.write_eof()
            elif self._request is None:
                self._end()
        elif self._half_closed and not waiting:
            self._end()
        elif not self._reading:
            self._balance()

    def _end(self) -> None:
        self._stopped = True
        self.transport.close()

    def _stop(self, refused: Refused) -> None:
        """Nothing beyond this can be told apart; what is whole already is still stored and answered."""
        self._stopped = True
        request, self._request = self._request, None
        if request is not None and not request.answer:
            self._refuse(request, refused)
        elif request is not None and request in self._waiting:
            request.closes = True
        elif self._is_last:
            self._end()
        else:
            self._door.begins()
            request = _Request({}, closes=True)
            self._waiting.append(request)
            self._refuse(request, refused)

    def _balance(self) -> None:
        """Read while there is room for requests, and while their answers are taken."""
        wanted = self._writing and len(self._waiting) < self._limits.pipelined
        if wanted != self._reading and not self.transport.is_closing():
            self._reading = wanted
            if wanted:
                self.transport.resume_reading()
            else:
                self.transport.pause_reading()

    @property
    def _is_in_head(self) -> bool:
        return self._parser.in_head and not self._stopped

    # The door's

    def check(self, now_s: float) -> None:
        """Close when the other end keeps us waiting for too long."""
        waited_s, limits = now_s - self._since_s, self._limits
        if self.transport.is_closing() or not self._writing:
            if waited_s > limits.write_timeout_s:
                self.transport.abort()
        elif self._is_last:
            if waited_s > limits.linger_s:
                self._end()
        elif self._is_in_head or self._request is not None:
            if waited_s > (limits.head_timeout_s if self._is_in_head else limits.body_timeout_s):
                self._stop(Refused(408, "the request did not come in time", close=True))
        elif not self._waiting and waited_s > limits.keep_alive_s:
            self._end()

    def close(self) -> None:
        self.transport.close()

    def end_when_idle(self) -> None:
        if self._waiting:
            self._waiting[-1].closes = True
        elif not self._is_in_head:
            self._end()


def _busy() -> Refused:
    return Refused(503, "too many events are on their way; send it again", retry_after_s=1, close=True)
