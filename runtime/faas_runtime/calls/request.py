"""Request: the raw HTTP request, for handlers that read the body as a stream."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from faas_runtime.calls.call import Call


class ClientDisconnected(ConnectionError):
    """The client left before its request body was complete."""


class Request:
    """The HTTP request. A handler that takes it reads the body itself, piece by piece and without a size limit:
    `async for chunk in request` in an async handler, `for chunk in request` in a sync one.
    """

    __slots__ = ("_call", "_done")

    def __init__(self, call: Call) -> None:
        self._call = call
        self._done = call.receive is None  # the body has been read for another parameter: it is one piece

    @property
    def method(self) -> str:
        return str(self._call.scope["method"])

    @property
    def path(self) -> str:
        return str(self._call.scope["path"])

    @property
    def headers(self) -> Mapping[str, str]:
        """By lower-case name; the last of several with one name."""
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in self._call.headers.items()}

    @property
    def query(self) -> Mapping[str, str]:
        """By name; the last of several with one name."""
        return dict(parse_qsl(self._call.scope["query_string"].decode("latin-1"), keep_blank_values=True))

    @property
    def path_params(self) -> Mapping[str, str]:
        return dict(zip(self._call.endpoint.path_names, self._call.values, strict=True))

    @property
    def client(self) -> str:
        """The peer's address: the gateway's, behind one."""
        client = self._call.scope.get("client")
        return str(client[0]) if client else ""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._call.body:
            yield self._call.body
        while not self._done:
            if chunk := await self._next():
                yield chunk

    def __iter__(self) -> Iterator[bytes]:
        instance = self._call.instance
        if threading.get_ident() == instance.loop_thread:
            raise RuntimeError("in an async handler write `async for chunk in request`")
        if self._call.body:
            yield self._call.body
        while not self._done:
            if chunk := asyncio.run_coroutine_threadsafe(self._next(), instance.loop).result():
                yield chunk

    async def body(self) -> bytes:
        """The whole body in memory."""
        return b"".join([chunk async for chunk in self])

    async def _next(self) -> bytes:
        assert self._call.receive is not None
        message: dict[str, Any] = await self._call.receive()
        if message["type"] == "http.disconnect":
            self._done = True
            self._call.gone = True
            raise ClientDisconnected("the client left before its request body was complete")
        self._done = not message.get("more_body", False)
        return message.get("body", b"")  # type: ignore[no-any-return]
