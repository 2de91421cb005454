"""The HTTP server that both programs have: bounds on who holds a connection and how long, beside uvicorn's own."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import uvicorn
from faas_runtime.calls import logs
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from faas.inbox.connections import Connections, Doing

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from faas.inbox.settings import CollectorSettings, StoreSettings

HEAD_S = 10.0  # for a request's head to be there, from the connection's or its own first byte on
IDLE_S = 100  # longer than the 90 s for which Knative's senders keep an idle connection, so none ends under a request
END_S = 8  # for what is on its way; a Pod is given 10 s or more
_BACKLOG = 128  # so many are accepted at once, before one of them is counted


def serve(app: Starlette, settings: StoreSettings | CollectorSettings) -> int:
    """Serve until SIGTERM; the exit status."""
    logs.configure(settings.log_level)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=_bounded_by(Connections()),
        ws="none",
        log_config=None,
        log_level="warning",  # its own words are for terminals
        access_log=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=END_S,
    )
    server = uvicorn.Server(config)
    server.run()
    return 0 if server.started else 1


def _bounded_by(connections: Connections) -> type[asyncio.Protocol]:
    """uvicorn's protocol with a bound on the time for a head, counted among `connections`.

    uvicorn's own `limit_concurrency` counts idle connections too, and answers 503 to everybody else's requests.
    """

    class Bounded(AutoHTTPProtocol):  # type: ignore[misc,valid-type]  # of whichever parser there is
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self.peer = self.client[0] if self.client else ""
            self.since_s = time.monotonic()
            self._head_timer = self.loop.call_later(HEAD_S, self.end)
            connections.add(self)

        def connection_lost(self, exc: Exception | None) -> None:
            self._head_timer.cancel()
            connections.remove(self)
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            was = self.doing
            super().data_received(data)
            if self.doing is not was:
                self.since_s = time.monotonic()
            if self.doing is not Doing.WAITING:
                self._head_timer.cancel()
            elif self._head_timer.cancelled():
                self._head_timer = self.loop.call_later(HEAD_S, self.end)

        def on_response_complete(self) -> None:
            self.since_s = time.monotonic()
            super().on_response_complete()

        @property
        def doing(self) -> Doing:
            if self.cycle is None or self.cycle.response_complete:
                return Doing.WAITING
            return Doing.SENDING if self.cycle.more_body else Doing.ANSWERED

        def end(self) -> None:
            """Whoever has nothing on its way is told properly; what cannot be written out is not waited for."""
            if self.doing is Doing.WAITING and not self.transport.get_write_buffer_size():
                self.transport.close()
            else:
                self.transport.abort()

    return Bounded
