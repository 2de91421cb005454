"""Events to lines of this program's log: {"storedTime", "event"}. Nothing is kept.

Whoever made the collector reads its log and removes it. When it was left behind it shows nothing any more after its
time: it goes on to take events, so that no broker tries again and again what nobody wants.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from faas.inbox.documents import encode, rfc3339
from faas.inbox.receiving import Bodies, Refusal, refuse
from faas.inbox.settings import CollectorSettings


def make_collector_app(settings: CollectorSettings, write: Callable[[str], object] = sys.stdout.write) -> Starlette:
    bodies = Bodies()

    async def take(request: Request) -> Response:
        try:
            events, size = await bodies.events_of(request)
        except Refusal as refusal:
            return refuse(refusal.status, str(refusal))
        bodies.release(size)
        now = time.time()
        if now < settings.until.timestamp():
            moment = rfc3339(int(now * 1000))
            lines = [{"storedTime": moment, "event": msgspec.Raw(encode(event))} for event in events]
            write("".join(msgspec.json.encode(line).decode() + "\n" for line in lines))  # whole lines in one write
            sys.stdout.flush()
        return Response(status_code=202)

    async def health(request: Request) -> Response:
        over = datetime.now(UTC) >= settings.until
        return PlainTextResponse("its time is over\n" if over else "ok\n")

    return Starlette(routes=[Route("/healthz", health, methods=["GET"]), Route("/{rest:path}", take, methods=["POST"])])
