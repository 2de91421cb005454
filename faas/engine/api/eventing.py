"""The engine's own endpoints for events: `/faas/v1/eventing` and what is below `/faas/v1/namespaces/`.

    GET  /faas/v1/eventing?namespace=NS                  brokers, triggers and sources as they are now
    POST /faas/v1/namespaces/NS/brokers/B/events         a CloudEvents request: stored by the Broker's ingress
    GET  /faas/v1/namespaces/NS/brokers/B/events         stored events; with follow=true those to come
    GET  /faas/v1/namespaces/NS/brokers/B/types          types of events, and who wants them
    GET  /faas/v1/namespaces/NS/brokers/B/deadletters    dead letters; .../streams counts them
    POST /faas/v1/namespaces/NS/brokers/B/deadletters/replay   and .../purge
    POST /faas/v1/namespaces/NS/triggers/T/replay        stored events once more

Lists and whatever takes long are JSON lines; what goes wrong after the first one is a Status in a line of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any, Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from faas.client.errors import ApiError, BadRequest, Conflict, NotFound, Unavailable
from faas.engine.api.eventing_queries import parse_event_query, parse_letter_query, parse_limit, parse_span
from faas.engine.api.guard import read_body
from faas.engine.contract.inspecting import (
    EventingError,
    EventNotTaken,
    EventQuery,
    LetterQuery,
    NotDeliverable,
    Unknown,
)

_PREFIX = "/faas/v1/namespaces/"
# A client that keeps a connection for later does not read it meanwhile (anyio); so closing it, which takes two in TLS,
# kept a shutdown waiting for five seconds.
_LAST = {"Connection": "close"}
_CONTENT = ("content-type", "content-encoding", "traceparent", "tracestate")


class Eventing(Protocol):
    """Keys are "namespace/name". Raises EventingError; iterators raise it also after their first line."""

    def report(self, namespace: str) -> dict[str, Any]: ...

    async def send(self, broker: str, headers: Mapping[str, str], body: bytes) -> None: ...

    def events(self, broker: str, query: EventQuery) -> AsyncIterator[bytes]: ...

    async def types(self, broker: str) -> list[dict[str, Any]]: ...

    def replay(self, trigger: str, *, since_s: float, until_s: float, dry_run: bool) -> AsyncIterator[bytes]: ...

    def dead_letters(self, broker: str, query: LetterQuery, limit: int) -> AsyncIterator[bytes]: ...

    async def dead_letter_streams(self, broker: str) -> dict[str, int]: ...

    def replay_dead(self, broker: str, query: LetterQuery) -> AsyncIterator[bytes]: ...

    async def purge_dead(self, broker: str, query: LetterQuery) -> int: ...


class EventingEndpoints:
    """Answers requests; `close` ends the streams that are open, so that a shutdown need not wait for them."""

    def __init__(self, eventing: Eventing) -> None:
        self._eventing = eventing
        self._closing = asyncio.Event()

    def close(self) -> None:
        self._closing.set()

    async def answer(self, request: Request, path: str) -> Response | None:
        """None: this path is somebody else's. Raises ApiError."""
        if path == "/faas/v1/eventing" and request.method == "GET":
            return _json(self._eventing.report(request.query_params.get("namespace", "")))
        if not path.startswith(_PREFIX):
            return None
        if self._closing.is_set():  # whoever was told that his stream has ended asks again at once
            stopping = Unavailable("the engine is stopping", retry_after_s=1)
            return Response(msgspec.json.encode(stopping.status), 503, _LAST, media_type="application/json")
        try:
            return await self._route(request, path.removeprefix(_PREFIX).split("/"))
        except EventingError as error:
            raise refusal_of(error) from error

    async def _route(self, request: Request, parts: list[str]) -> Response | None:
        eventing, asked = self._eventing, request.query_params
        match request.method, parts:
            case "POST", [namespace, "brokers", name, "events"]:
                await eventing.send(f"{namespace}/{name}", _event_headers(request), await read_body(request))
                return _json({"stored": True}, 202)
            case "GET", [namespace, "brokers", name, "events"]:
                return await self._stream(eventing.events(f"{namespace}/{name}", parse_event_query(asked)))
            case "GET", [namespace, "brokers", name, "types"]:
                return _json({"types": await eventing.types(f"{namespace}/{name}")})
            case "GET", [namespace, "brokers", name, "deadletters"]:
                query = parse_letter_query(asked, namespace)
                return await self._stream(eventing.dead_letters(f"{namespace}/{name}", query, parse_limit(asked)))
            case "GET", [namespace, "brokers", name, "deadletters", "streams"]:
                return _json({"streams": await eventing.dead_letter_streams(f"{namespace}/{name}")})
            case "POST", [namespace, "brokers", name, "deadletters", "replay"]:
                query = parse_letter_query(asked, namespace)
                return await self._stream(eventing.replay_dead(f"{namespace}/{name}", query))
            case "POST", [namespace, "brokers", name, "deadletters", "purge"]:
                query = parse_letter_query(asked, namespace)
                return _json({"purged": await eventing.purge_dead(f"{namespace}/{name}", query)})
            case "POST", [namespace, "triggers", name, "replay"]:
                since_s, until_s = parse_span(asked)
                dry_run = asked.get("dryRun") == "true"
                lines = eventing.replay(f"{namespace}/{name}", since_s=since_s, until_s=until_s, dry_run=dry_run)
                return await self._stream(lines)
        return None

    async def _stream(self, lines: AsyncIterator[bytes]) -> Response:
        """What is refused before the first line is an answer of its own."""
        first = await anext(lines, b"")
        return StreamingResponse(self._rest(first, lines), headers=_LAST, media_type="application/x-ndjson")

    async def _rest(self, first: bytes, lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        closing = asyncio.ensure_future(self._closing.wait())
        following: asyncio.Future[bytes | None] | None = None
        try:
            yield first
            while True:
                following = asyncio.ensure_future(anext(lines, None))
                await asyncio.wait({closing, following}, return_when=asyncio.FIRST_COMPLETED)
                if not following.done() or (line := following.result()) is None:
                    return
                yield line
        except EventingError as error:
            yield msgspec.json.encode(refusal_of(error).status) + b"\n"
        finally:
            closing.cancel()
            if following is not None and not following.done():
                following.cancel()
                await asyncio.wait({following})
            if isinstance(lines, AsyncGenerator):
                await lines.aclose()


def refusal_of(error: EventingError) -> ApiError:
    match error:
        case Unknown():
            known = f"; there are: {', '.join(error.known[:10])}" if error.known else ""
            return NotFound(f"{error}{known}", kind=f"{error.what}s", name=error.name.rpartition("/")[2])
        case NotDeliverable():
            return Conflict(str(error))
        case EventNotTaken():
            return _not_taken(error)
    return Unavailable(str(error), retry_after_s=1)


def _not_taken(error: EventNotTaken) -> ApiError:
    reason = {413: "RequestEntityTooLarge", 415: "UnsupportedMediaType", 503: "ServiceUnavailable"}
    kind = BadRequest if error.status == 400 else ApiError
    return kind(
        error.detail,
        code=error.status,
        reason=reason.get(error.status, "BadRequest"),
        retry_after_s=error.retry_after_s,
    )


def _event_headers(request: Request) -> dict[str, str]:
    return {name: value for name, value in request.headers.items() if name.startswith("ce-") or name in _CONTENT}


def _json(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")
