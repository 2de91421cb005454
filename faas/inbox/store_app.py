"""The store of dead letters over HTTP.

    POST /[BROKER[/TRIGGER[/STREAM]]]               events, of brokers; 202 when they are on the disk
    GET  /v1/brokers/BROKER/deadletters             {"total", "trouble", "setAside"}, then the newest letters, a line of
                                                    JSON each; trouble: why none can be stored now; setAside: files
    GET  /v1/brokers/BROKER/deadletters/streams     how many there are
    POST /v1/brokers/BROKER/deadletters/replay      sends them once more; body: `Destinations`
    POST /v1/brokers/BROKER/deadletters/purge       forgets them
    GET  /healthz (ready), /livez, /metrics

What begins with /v1 wants the token as X-Faas-Token; events need none, as with every sink of a cluster.
"""

from __future__ import annotations

import hmac
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any

import msgspec
from faas_runtime.events.event import Event
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from faas.inbox.documents import Document, encode, letter_line
from faas.inbox.expiring import expiring
from faas.inbox.letters import Choice, Letter, StoreFull
from faas.inbox.receiving import Bodies, Refusal, refuse
from faas.inbox.redriving import Destinations, redrive
from faas.inbox.settings import StoreSettings
from faas.inbox.writing import Store

TOKEN_HEADER = "X-Faas-Token"
_LIMIT = 10_000
log = logging.getLogger("faas.inbox")
Endpoint = Callable[[Request], Awaitable[Response]]


def make_store_app(settings: StoreSettings) -> Starlette:
    return _StoreApp(settings).app


class _StoreApp:
    def __init__(self, settings: StoreSettings) -> None:
        self._settings = settings
        self._store = Store(settings.database, settings.max_bytes)
        self._bodies = Bodies()
        letters = "/v1/brokers/{broker}/deadletters"
        self.app = Starlette(
            lifespan=self._running,
            routes=[
                Route("/healthz", self._health, methods=["GET"]),
                Route("/livez", self._alive, methods=["GET"]),
                Route("/metrics", self._metrics, methods=["GET"]),
                Route(letters, self._guarded(self._list), methods=["GET"]),
                Route(f"{letters}/streams", self._guarded(self._streams), methods=["GET"]),
                Route(f"{letters}/replay", self._guarded(self._replay), methods=["POST"]),
                Route(f"{letters}/purge", self._guarded(self._purge), methods=["POST"]),
                Route("/", self._take, methods=["POST"]),
                Route("/{broker}", self._take, methods=["POST"]),
                Route("/{broker}/{trigger}", self._take, methods=["POST"]),
                Route("/{broker}/{trigger}/{stream}", self._take, methods=["POST"]),
            ],
        )

    @asynccontextmanager
    async def _running(self, app: Starlette) -> AsyncIterator[None]:
        async with self._store, expiring(self._store, self._settings.max_age_s):
            with suppress(sqlite3.Error):  # it has said so, and tries again when it is asked
                log.info("serving %d dead letters, %d bytes", await self._store.count(), self._store.size_bytes)
            yield

    async def _take(self, request: Request) -> Response:
        try:
            events, size = await self._bodies.events_of(request)
        except Refusal as refusal:
            log.warning("events refused: %s", refusal)
            return refuse(refusal.status, str(refusal))
        try:
            place = [request.path_params.get(name, "") for name in ("broker", "trigger", "stream")]
            letters = [_letter(event, *place) for event in events]
            del events  # small ones take five times what their letters do
            await self._store.add(letters)
        except StoreFull as full:
            log.error("dead letters refused: %s; deal with some, or give it more room", full)
            return refuse(507, f"this store is full: {full}")
        except sqlite3.Error as error:
            return refuse(503, f"the letters cannot be stored now: {error}")
        finally:
            self._bodies.release(size)
        return Response(status_code=202)

    async def _list(self, request: Request) -> Response:
        limit = max(1, min(int(request.query_params.get("limit", "50")), _LIMIT))
        choice = _choice(request)
        head = {
            "total": await self._store.count(choice),
            "trouble": self._store.trouble,
            "setAside": msgspec.to_builtins(await self._store.files_set_aside()),
        }

        async def lines() -> AsyncIterator[bytes]:
            yield _line(head)
            async for letter in self._store.newest(choice, limit):
                yield _line(letter_line(letter, self._settings.namespace))

        return StreamingResponse(lines(), media_type="application/x-ndjson")

    async def _streams(self, request: Request) -> Response:
        return JSONResponse({"streams": await self._store.by_stream(_choice(request))})

    async def _replay(self, request: Request) -> Response:
        try:
            destinations = msgspec.json.decode(await request.body() or b"{}", type=Destinations)
        except msgspec.DecodeError as error:
            return refuse(400, f"this does not say where letters go: {error}")
        lines = redrive(self._store, _choice(request), destinations, self._settings.namespace)
        return StreamingResponse((_line(line) async for line in lines), media_type="application/x-ndjson")

    async def _purge(self, request: Request) -> Response:
        return JSONResponse({"purged": await self._store.delete(_choice(request))})

    async def _health(self, request: Request) -> Response:
        """Ready as long as it can be asked; one that takes no more is, too, for people have to get at it."""
        await self._store.look()
        try:
            await self._store.count(Choice(sequences=(0,)))
        except sqlite3.Error as error:
            return refuse(503, f"the letters cannot be read now: {error}")
        if self._store.trouble:
            return PlainTextResponse(f"the letters cannot be stored now: {self._store.trouble}\n")
        return PlainTextResponse("full\n" if self._store.is_full else "ok\n")

    async def _alive(self, request: Request) -> Response:
        """Whether a new process would help; with what is the volume's own it would not."""
        return PlainTextResponse("ok\n")

    async def _metrics(self, request: Request) -> Response:
        store = self._store
        try:
            count: float = await store.count()
        except sqlite3.Error:
            count = float("nan")
        values = (
            ("faas_dead_letters", "gauge", "Dead letters that are kept.", count),
            ("faas_dead_letter_bytes", "gauge", "What they take.", store.size_bytes),
            ("faas_dead_letters_max_bytes", "gauge", "What they may take.", self._settings.max_bytes),
            ("faas_dead_letters_trouble", "gauge", "1 while none can be stored.", int(bool(store.trouble))),
            ("faas_dead_letters_set_aside", "gauge", "Damaged files.", len(await store.files_set_aside())),
            ("faas_dead_letters_received_total", "counter", "Stored since the start.", store.received),
            ("faas_dead_letters_refused_total", "counter", "Refused: the store was full or broken.", store.refused),
            ("faas_dead_letters_expired_total", "counter", "Forgotten for their age.", store.expired),
        )
        text = "".join(
            f"# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n" for name, kind, help, value in values
        )
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4")

    def _guarded(self, endpoint: Endpoint) -> Endpoint:
        async def guarded(request: Request) -> Response:
            given = request.headers.get(TOKEN_HEADER, "")
            if not hmac.compare_digest(given.encode(), self._settings.token.encode()):
                return refuse(401, f"the header {TOKEN_HEADER} does not have this store's token")
            try:
                return await endpoint(request)
            except (ValueError, OverflowError) as error:
                return refuse(400, f"the query cannot be read: {error}")
            except sqlite3.Error as error:
                return refuse(503, str(error))

        return guarded


def _letter(event: Event[Any], broker: str, trigger: str, stream: str) -> Letter:
    return Letter(int(time.time() * 1000), broker, trigger, stream, event.id, event.type, encode(event))


def _choice(request: Request) -> Choice:
    """Raises: ValueError."""
    asked = request.query_params
    until = datetime.fromisoformat(asked["untilTime"]) if "untilTime" in asked else None
    return Choice(
        broker=request.path_params["broker"],
        trigger=asked.get("trigger", ""),
        type=asked.get("type", ""),
        id=asked.get("id", ""),
        sequences=tuple(int(part) for part in asked.get("sequences", "").split(",") if part),
        stream=asked.get("stream"),
        until_ms=int(until.timestamp() * 1000) if until else 0,
    )


def _line(document: Document) -> bytes:
    return msgspec.json.encode(document) + b"\n"
