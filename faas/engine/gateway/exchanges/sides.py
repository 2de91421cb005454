"""The two sides of an exchange, as it sees them: who asked, and who answers. Neither knows the other's protocol."""

from __future__ import annotations

import asyncio
from typing import Protocol

from faas.engine.gateway.http.problem import Refused
from faas.engine.gateway.http.request import Headers
from faas.engine.gateway.http.response import Response


class Downstream(Protocol):
    """The client's side of one request."""

    def respond(self, head: Response | None, data: bytes, end: bool, trailers: Headers) -> None:
        """Send the next part of the answer; the first call has its head, the last one `end`."""
        ...

    def respond_interim(self, head: Response) -> None: ...

    def refuse(self, refused: Refused) -> None:
        """Answer with a problem document; only before any `respond`."""
        ...

    def cut(self) -> None:
        """Break off an answer that has begun, so that the client can tell."""
        ...

    def pause_request(self) -> None: ...

    def resume_request(self) -> None: ...

    def switch(self, head: Response) -> tuple[asyncio.Transport, bytes] | None:
        """Send a 101 and give up the connection, with what came behind the request; None when it is gone."""
        ...


class Upstream(Protocol):
    """The instance's side of one request, once a connection is there."""

    def send(self, data: bytes, end: bool, trailers: Headers) -> None: ...

    def abort(self) -> None:
        """Stop: the instance sees a broken connection or a reset stream. No callback follows."""
        ...

    def pause_response(self) -> None: ...

    def resume_response(self) -> None: ...
