"""Requests for resources: get, list, watch, create, update, patch, delete, logs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from faas.client.errors import ApiError, BadRequest, Cause, Gone, NotFound
from faas.client.protocol import PatchType
from faas.engine.api import refusals, reviews
from faas.engine.api.backend import Backend, parse_version
from faas.engine.api.guard import read_body
from faas.engine.api.logs import ContainerLogs, begun, parse_log_query
from faas.engine.api.options import Outcome, Subresource, WriteOptions
from faas.engine.api.patching import unsupported_patch
from faas.engine.api.queries import delete_options, number, with_duplicates, write_options
from faas.engine.api.reading import decode, make_selection
from faas.engine.api.watching import LONGEST_S, Watches, WatchRequest
from faas.engine.api.wire import forms, pages
from faas.engine.api.wire.discovery import REVIEWS, events_view
from faas.engine.api.wire.events_v1 import to_core, to_events_v1
from faas.engine.api.wire.media import negotiate, parse_body
from faas.engine.api.wire.paths import Target
from faas.engine.contract.storage import Expired, Record
from faas.resources import kinds
from faas.resources.conversion import from_stored
from faas.resources.kinds import Kind

_PATCH_TYPES: Mapping[str, PatchType] = {
    "application/merge-patch+json": "merge",
    "application/json-patch+json": "json",
    "application/strategic-merge-patch+json": "strategic",
    "application/apply-patch+yaml": "apply",
}
_EVENTS_V1 = events_view()


class Resources:
    """Answers every request below /api/v1 and /apis/GROUP/VERSION."""

    def __init__(
        self, backend: Backend, logs: ContainerLogs | None, watches: Watches, clock: Callable[[], datetime]
    ) -> None:
        self._backend = backend
        self._logs = logs
        self._watches = watches
        self._clock = clock
        versions = [version for version in kinds.SERVED if kinds.stored(version) in backend.kinds]
        self.served = (*versions, *([_EVENTS_V1] if kinds.EVENT in backend.kinds else []))
        self._by_path = {(kind.group, kind.version, kind.plural): kind for kind in self.served}

    async def answer(self, request: Request, target: Target) -> Response:
        kind = self._by_path.get((target.group, target.version, target.plural))
        if kind is None:
            return await self._review(request, target)
        response = await self._answer(request, kind, target)
        if kind.deprecation:
            _warn(response, kind.deprecation)
        return response

    async def _answer(self, request: Request, kind: Kind, target: Target) -> Response:
        if kind.namespaced and target.name and not target.namespace:
            raise _no_such_path()
        if target.subresource == "log" and kind == kinds.POD:
            return await self._read_log(request, target)
        if target.subresource not in ("", "status", "finalize"):
            raise NotFound(f"{kind} have no subresource {target.subresource} here")
        match request.method, bool(target.name):
            case "GET" | "HEAD", True:
                return self._get(request, kind, target)
            case "GET" | "HEAD", False:
                watch = request.query_params.get("watch") in ("true", "1")
                return self._watch(request, kind, target) if watch else self._list(request, kind, target)
            case "POST", False:
                return await self._create(request, kind, target)
            case "PUT", True:
                return await self._update(request, kind, target)
            case "PATCH", True:
                return await self._patch(request, kind, target)
            case "DELETE", True:
                return await self._delete(request, kind, target)
            case "DELETE", False:
                return await self._delete_all(request, kind, target)
        raise ApiError(f"{request.method} is not allowed here", code=405, reason="MethodNotAllowed")

    # --- reading ---

    def _get(self, request: Request, kind: Kind, target: Target) -> Response:
        wanted = negotiate(request.headers.get("accept", ""))
        if request.query_params.get("watch") in ("true", "1"):
            return self._watch(request, kind, target)
        record = self._shown(kind, self._backend.read(_stored(kind), target.name, target.namespace))
        include = request.query_params.get("includeObject", "Metadata")
        return _json(forms.one(_as_is(kind), record, wanted, include, self._clock()))

    def _list(self, request: Request, kind: Kind, target: Target) -> Response:
        query = request.query_params
        wanted = negotiate(request.headers.get("accept", ""))
        selection = make_selection(query.get("labelSelector", ""), query.get("fieldSelector", ""))
        version, at, after = self._backend.store.version, None, None
        limit = number(query, "limit")
        if token := query.get("continue"):
            at, after = pages.parse_token(token)
        elif (asked := query.get("resourceVersion", "")) not in ("", "0"):
            at = self._known_version(asked)
            at = at if query.get("resourceVersionMatch") == "Exact" else None
        try:
            records = self._backend.records(_stored(kind), target.namespace, at=at)
        except Expired as error:
            raise Gone(
                "The provided continue parameter is too old to display a consistent list result. List again without it."
                if token
                else str(error)
            ) from error
        if not selection.everything:
            records = [record for record in records if selection.matches(record)]
        page = pages.cut(records, at or version, limit, after)
        shown = page.records if kind == _stored(kind) else [self._shown(kind, record) for record in page.records]
        meta = forms.list_meta(at or version, page.token, page.remaining)
        include = query.get("includeObject", "Metadata")
        printed = kind if wanted.form != "Table" else _as_is(kind)
        return _json(forms.many(printed, shown, meta, wanted, include, self._clock()))

    def _watch(self, request: Request, kind: Kind, target: Target) -> Response:
        query = request.query_params
        initial = query.get("sendInitialEvents")
        if initial == "true" and query.get("resourceVersionMatch") != "NotOlderThan":
            raise refusals.invalid(
                kind,
                "",
                [
                    Cause(
                        "FieldValueForbidden",
                        "Forbidden: sendInitialEvents needs resourceVersionMatch=NotOlderThan",
                        "resourceVersionMatch",
                    )
                ],
            )
        version = query.get("resourceVersion", "")
        # Unset or 0 begin with what there is; sendInitialEvents says so at any version, or says not to.
        since = None if version in ("", "0") or initial == "true" else self._known_version(version)
        if since is None and initial == "false":
            since = self._backend.store.version
        fields = query.get("fieldSelector", "")
        if target.name:
            fields = f"{fields},metadata.name={target.name}" if fields else f"metadata.name={target.name}"
        watch = WatchRequest(
            kind=kind,
            stored=_stored(kind),
            namespace=target.namespace,
            since=since,
            selection=make_selection(query.get("labelSelector", ""), fields),
            wanted=negotiate(request.headers.get("accept", "")),
            include=query.get("includeObject", "Metadata"),
            timeout_s=number(query, "timeoutSeconds") or LONGEST_S,
            bookmarks=query.get("allowWatchBookmarks") in ("true", "1"),
            initial_events=initial == "true",
            shown=lambda record: self._shown(kind, record),
        )
        lines = self._watches.stream(self._backend.store, watch, self._clock)
        return StreamingResponse(lines, media_type="application/json")

    async def _read_log(self, request: Request, target: Target) -> Response:
        pod = self._backend.read(kinds.POD, target.name, target.namespace)
        names = [container["name"] for container in pod.object.get("spec", {}).get("containers", [])]
        container = request.query_params.get("container") or (names[0] if names else "")
        if container not in names:
            raise BadRequest(f"container {container} is not valid for pod {target.name}")
        if self._logs is None:
            raise ApiError("this engine keeps no logs", code=501, reason="NotImplemented")
        query = parse_log_query(request.query_params)
        chunks = self._logs.read(f"{target.namespace}/{target.name}", container, query)
        return StreamingResponse(await begun(chunks), media_type="text/plain")

    # --- writing ---

    async def _create(self, request: Request, kind: Kind, target: Target) -> Response:
        obj, options = await self._body(request, kind)
        namespace = target.namespace or str((obj.get("metadata") or {}).get("namespace", ""))
        outcome = await self._backend.write_new(_as_is(kind), namespace, obj, options)
        return self._written(request, kind, outcome, 201)

    async def _update(self, request: Request, kind: Kind, target: Target) -> Response:
        obj, options = await self._body(request, kind)
        outcome = await self._backend.write_over(
            _as_is(kind), target.name, target.namespace, obj, _subresource(target), options
        )
        return self._written(request, kind, outcome, 200)

    async def _patch(self, request: Request, kind: Kind, target: Target) -> Response:
        media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        type_ = _PATCH_TYPES.get(media)
        if type_ is None:
            raise unsupported_patch()
        options = write_options(request)
        patch, doubled = parse_body(
            media, await read_body(request), duplicates=options.field_validation in ("Strict", "Warn")
        )
        options = with_duplicates(options, doubled)
        outcome = await self._backend.write_patch(
            _as_is(kind),
            target.name,
            target.namespace,
            to_core(patch) if kind is _EVENTS_V1 and isinstance(patch, dict) else patch,
            type_,
            _subresource(target),
            options,
            force=request.query_params.get("force") in ("true", "1"),
        )
        return self._written(request, kind, outcome, 201 if outcome.created else 200)

    async def _delete(self, request: Request, kind: Kind, target: Target) -> Response:
        options = await delete_options(request)
        last, gone = await self._backend.remove(_stored(kind), target.name, target.namespace, options)
        if not gone:
            return _json(msgspec.json.encode(from_stored(kind, last)))
        details = {"name": target.name, "kind": kind.plural, "uid": last["metadata"].get("uid", "")}
        if kind.group:
            details["group"] = kind.group
        return _json(
            msgspec.json.encode(
                {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
            )
        )

    async def _delete_all(self, request: Request, kind: Kind, target: Target) -> Response:
        query = request.query_params
        options = await delete_options(request)
        selection = make_selection(query.get("labelSelector", ""), query.get("fieldSelector", ""))
        stored = _stored(kind)
        doomed = [record for record in self._backend.records(stored, target.namespace) if selection.matches(record)]
        for record in doomed:
            try:
                await self._backend.remove(stored, record.key.name, record.key.namespace, options)
            except NotFound:
                continue
        meta = forms.list_meta(self._backend.store.version)
        shown = [self._shown(kind, record) for record in doomed]
        wanted = negotiate(request.headers.get("accept", ""))
        return _json(forms.many(kind, shown, meta, wanted, "Metadata", self._clock()))

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
            raise _no_such_path()
        if request.method != "POST":
            raise ApiError(f"{review.plural} can only be created", code=405, reason="MethodNotAllowed")
        body, _ = parse_body(request.headers.get("content-type", ""), await read_body(request))
        if not isinstance(body, dict):
            raise BadRequest(f"the body is not a {review.kind}")
        named = {**body, "apiVersion": f"{review.group}/{review.version}", "kind": review.kind}
        return _json(msgspec.json.encode(reviews.answer(review.kind, named, self.served)), 201)

    async def _body(self, request: Request, kind: Kind) -> tuple[Any, WriteOptions]:
        options = write_options(request)
        strict = options.field_validation in ("Strict", "Warn")
        obj, doubled = parse_body(request.headers.get("content-type", ""), await read_body(request), duplicates=strict)
        if not isinstance(obj, dict):
            raise BadRequest(f"the body is not a {kind.kind} object")
        if kind is _EVENTS_V1:
            obj = to_core(obj)
        return obj, with_duplicates(options, doubled)

    def _written(self, request: Request, kind: Kind, outcome: Outcome, status: int) -> Response:
        wanted = negotiate(request.headers.get("accept", ""))
        key = self._backend.key(kind, outcome.object["metadata"]["name"])
        version = int(outcome.object["metadata"].get("resourceVersion", 0))
        record = self._shown(kind, Record(key, version, outcome.object, outcome.raw))
        raw = record.raw
        if wanted.form in ("Table", "PartialObjectMetadata"):
            raw = forms.one(_as_is(kind), record, wanted, "Metadata", self._clock())
        response = _json(raw, status)
        for warning in outcome.warnings:
            _warn(response, warning)
        return response

    def _known_version(self, text: str) -> int:
        """Raises BadRequest; ApiError 504 for a version that is yet to come, which clients know how to handle."""
        version, newest = parse_version(text), self._backend.store.version
        if version > newest:
            raise ApiError(
                f"Too large resource version: {version}, current: {newest}",
                code=504,
                reason="Timeout",
                retry_after_s=1,
                causes=(Cause("ResourceVersionTooLarge", "Too large resource version", ""),),
            )
        return version

    def _shown(self, kind: Kind, record: Record) -> Record:
        if kind is _EVENTS_V1:
            obj = to_events_v1(decode(record))
        elif kinds.stored(kind) == kind:
            return record
        else:
            obj = from_stored(kind, decode(record))
        return Record(record.key, record.version, obj, msgspec.json.encode(obj))


def _stored(kind: Kind) -> Kind:
    return kinds.EVENT if kind is _EVENTS_V1 else kinds.stored(kind)


def _as_is(kind: Kind) -> Kind:
    """Events of another group are the same objects under other names; versions have fields and rules of their own."""
    return kinds.EVENT if kind is _EVENTS_V1 else kind


def _warn(response: Response, warning: str) -> None:
    quoted = warning.replace("\\", "\\\\").replace('"', '\\"')
    response.headers.append("Warning", f'299 - "{quoted}"')


def _subresource(target: Target) -> Subresource:
    return "status" if target.subresource == "status" else ""


def _json(body: bytes, status: int = 200) -> Response:
    return Response(body, status, media_type="application/json")


def _no_such_path() -> ApiError:
    return NotFound("the server could not find the requested resource")
