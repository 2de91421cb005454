"""Requests that change something: create, update, patch, delete."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from faas.client.errors import BadRequest, NotFound
from faas.client.protocol import PatchType
from faas.engine.api.guard import read_body
from faas.engine.api.objects.backend import Backend
from faas.engine.api.objects.options import Outcome, Subject, WriteOptions
from faas.engine.api.objects.patching import unsupported_patch
from faas.engine.api.objects.selection import make_selection
from faas.engine.api.resources.queries import delete_options, with_duplicates, write_options
from faas.engine.api.resources.responses import json_response, warn
from faas.engine.api.resources.versions import EVENTS_V1, as_is, as_shown, stored_kind
from faas.engine.api.wire import forms
from faas.engine.api.wire.events_v1 import to_core
from faas.engine.api.wire.media import negotiate, parse_body
from faas.engine.api.wire.paths import Target
from faas.engine.contract.storage import Record
from faas.resources.conversion import from_stored
from faas.resources.kinds import Kind

_PATCH_TYPES: Mapping[str, PatchType] = {
    "application/merge-patch+json": "merge",
    "application/json-patch+json": "json",
    "application/strategic-merge-patch+json": "strategic",
    "application/apply-patch+yaml": "apply",
}


class Writes:
    def __init__(self, backend: Backend, clock: Callable[[], datetime]) -> None:
        self._records, self._writer, self._remover = backend.records, backend.writer, backend.remover
        self._clock = clock

    async def create(self, request: Request, kind: Kind, target: Target) -> Response:
        obj, options = await self._body(request, kind)
        namespace = target.namespace or str((obj.get("metadata") or {}).get("namespace", ""))
        outcome = await self._writer.new(as_is(kind), namespace, obj, options)
        return self._written(request, kind, outcome, 201)

    async def update(self, request: Request, kind: Kind, target: Target) -> Response:
        obj, options = await self._body(request, kind)
        outcome = await self._writer.over(_subject(kind, target), obj, options)
        return self._written(request, kind, outcome, 200)

    async def patch(self, request: Request, kind: Kind, target: Target) -> Response:
        media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        type_ = _PATCH_TYPES.get(media)
        if type_ is None:
            raise unsupported_patch()
        options = write_options(request)
        patch, doubled = parse_body(
            media, await read_body(request), duplicates=options.field_validation in ("Strict", "Warn")
        )
        options = with_duplicates(options, doubled)
        outcome = await self._writer.patch(
            _subject(kind, target),
            to_core(patch) if kind is EVENTS_V1 and isinstance(patch, dict) else patch,
            type_,
            options,
            force=request.query_params.get("force") in ("true", "1"),
        )
        return self._written(request, kind, outcome, 201 if outcome.created else 200)

    async def delete(self, request: Request, kind: Kind, target: Target) -> Response:
        options = await delete_options(request)
        last, gone = await self._remover.remove(Subject(stored_kind(kind), target.name, target.namespace), options)
        if not gone:
            return json_response(msgspec.json.encode(from_stored(kind, last)))
        details = {"name": target.name, "kind": kind.plural, "uid": last["metadata"].get("uid", "")}
        if kind.group:
            details["group"] = kind.group
        return json_response(
            msgspec.json.encode(
                {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
            )
        )

    async def delete_all(self, request: Request, kind: Kind, target: Target) -> Response:
        query = request.query_params
        options = await delete_options(request)
        selection = make_selection(query.get("labelSelector", ""), query.get("fieldSelector", ""))
        stored = stored_kind(kind)
        doomed = [record for record in self._records.list(stored, target.namespace) if selection.matches(record)]
        for record in doomed:
            try:
                await self._remover.remove(Subject(stored, record.key.name, record.key.namespace), options)
            except NotFound:
                continue
        meta = forms.list_meta(self._records.store.version)
        shown = [as_shown(kind, record) for record in doomed]
        wanted = negotiate(request.headers.get("accept", ""))
        return json_response(forms.many(kind, shown, meta, wanted, "Metadata", self._clock()))

    async def _body(self, request: Request, kind: Kind) -> tuple[Any, WriteOptions]:
        options = write_options(request)
        strict = options.field_validation in ("Strict", "Warn")
        obj, doubled = parse_body(request.headers.get("content-type", ""), await read_body(request), duplicates=strict)
        if not isinstance(obj, dict):
            raise BadRequest(f"the body is not a {kind.kind} object")
        if kind is EVENTS_V1:
            obj = to_core(obj)
        return obj, with_duplicates(options, doubled)

    def _written(self, request: Request, kind: Kind, outcome: Outcome, status: int) -> Response:
        wanted = negotiate(request.headers.get("accept", ""))
        key = self._records.key(kind, outcome.object["metadata"]["name"])
        version = int(outcome.object["metadata"].get("resourceVersion", 0))
        record = as_shown(kind, Record(key, version, outcome.object, outcome.raw))
        raw = record.raw
        if wanted.form in ("Table", "PartialObjectMetadata"):
            raw = forms.one(as_is(kind), record, wanted, "Metadata", self._clock())
        response = json_response(raw, status)
        for warning in outcome.warnings:
            warn(response, warning)
        return response


def _subject(kind: Kind, target: Target) -> Subject:
    return Subject(as_is(kind), target.name, target.namespace, "status" if target.subresource == "status" else "")
