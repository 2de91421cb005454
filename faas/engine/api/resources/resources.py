"""Requests for resources: which kind is meant, and what is to be done with it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from faas.client.errors import ApiError, BadRequest, NotFound
from faas.engine.api.guard import read_body
from faas.engine.api.logs import ContainerLogs
from faas.engine.api.objects.backend import Backend
from faas.engine.api.resources import reviews
from faas.engine.api.resources.reads import Reads
from faas.engine.api.resources.responses import json_response, no_such_path, warn
from faas.engine.api.resources.versions import EVENTS_V1
from faas.engine.api.resources.watching import Watches
from faas.engine.api.resources.writes import Writes
from faas.engine.api.wire.discovery import REVIEWS
from faas.engine.api.wire.media import parse_body
from faas.engine.api.wire.paths import Target
from faas.resources import kinds
from faas.resources.kinds import Kind


class Resources:
    """Answers every request below /api/v1 and /apis/GROUP/VERSION."""

    def __init__(
        self, backend: Backend, logs: ContainerLogs | None, watches: Watches, clock: Callable[[], datetime]
    ) -> None:
        self._reads, self._writes = Reads(backend.records, logs, watches, clock), Writes(backend, clock)
        versions = [version for version in kinds.SERVED if kinds.stored(version) in backend.kinds]
        self.served = (*versions, *([EVENTS_V1] if kinds.EVENT in backend.kinds else []))
        self._by_path = {(kind.group, kind.version, kind.plural): kind for kind in self.served}

    async def answer(self, request: Request, target: Target) -> Response:
        kind = self._by_path.get((target.group, target.version, target.plural))
        if kind is None:
            return await self._review(request, target)
        response = await self._answer(request, kind, target)
        if kind.deprecation:
            warn(response, kind.deprecation)
        return response

    async def _answer(self, request: Request, kind: Kind, target: Target) -> Response:
        if kind.namespaced and target.name and not target.namespace:
            raise no_such_path()
        if target.subresource == "log" and kind == kinds.POD:
            return await self._reads.read_log(request, target)
        if target.subresource not in ("", "status", "finalize"):
            raise NotFound(f"{kind} have no subresource {target.subresource} here")
        match request.method, bool(target.name):
            case "GET" | "HEAD", True:
                return self._reads.get(request, kind, target)
            case "GET" | "HEAD", False:
                watch = request.query_params.get("watch") in ("true", "1")
                return self._reads.watch(request, kind, target) if watch else self._reads.list(request, kind, target)
            case "POST", False:
                return await self._writes.create(request, kind, target)
            case "PUT", True:
                return await self._writes.update(request, kind, target)
            case "PATCH", True:
                return await self._writes.patch(request, kind, target)
            case "DELETE", True:
                return await self._writes.delete(request, kind, target)
            case "DELETE", False:
                return await self._writes.delete_all(request, kind, target)
        raise ApiError(f"{request.method} is not allowed here", code=405, reason="MethodNotAllowed")

    async def _review(self, request: Request, target: Target) -> Response:
        review = next(
            (
                item
                for item in REVIEWS
                if (item.group, item.version, item.plural) == (target.group, target.version, target.plural)
            ),
            None,
        )
        if review is None:
            raise no_such_path()
        if request.method != "POST":
            raise ApiError(f"{review.plural} can only be created", code=405, reason="MethodNotAllowed")
        body, _ = parse_body(request.headers.get("content-type", ""), await read_body(request))
        if not isinstance(body, dict):
            raise BadRequest(f"the body is not a {review.kind}")
        named = {**body, "apiVersion": f"{review.group}/{review.version}", "kind": review.kind}
        return json_response(msgspec.json.encode(reviews.answer(review.kind, named, self.served)), 201)
