"""Requests that read: get, list, watch, logs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from faas.client.errors import ApiError, BadRequest, Cause, Gone
from faas.engine.api.logs import ContainerLogs, begun, parse_log_query
from faas.engine.api.objects import refusals
from faas.engine.api.objects.records import Records
from faas.engine.api.objects.selection import make_selection, parse_version
from faas.engine.api.resources.queries import number
from faas.engine.api.resources.responses import json_response
from faas.engine.api.resources.versions import as_is, as_shown, stored_kind
from faas.engine.api.resources.watching import LONGEST_S, Watches, WatchRequest
from faas.engine.api.wire import forms, pages
from faas.engine.api.wire.media import negotiate
from faas.engine.api.wire.paths import Target
from faas.engine.contract.storage import Expired
from faas.resources import kinds
from faas.resources.kinds import Kind


class Reads:
    def __init__(
        self, records: Records, logs: ContainerLogs | None, watches: Watches, clock: Callable[[], datetime]
    ) -> None:
        self._records, self._logs, self._watches, self._clock = records, logs, watches, clock

    def get(self, request: Request, kind: Kind, target: Target) -> Response:
        wanted = negotiate(request.headers.get("accept", ""))
        if request.query_params.get("watch") in ("true", "1"):
            return self.watch(request, kind, target)
        record = as_shown(kind, self._records.get(stored_kind(kind), target.name, target.namespace))
        include = request.query_params.get("includeObject", "Metadata")
        return json_response(forms.one(as_is(kind), record, wanted, include, self._clock()))

    def list(self, request: Request, kind: Kind, target: Target) -> Response:
        query = request.query_params
        wanted = negotiate(request.headers.get("accept", ""))
        selection = make_selection(query.get("labelSelector", ""), query.get("fieldSelector", ""))
        version, at, after = self._records.store.version, None, None
        limit = number(query, "limit")
        if token := query.get("continue"):
            at, after = pages.parse_token(token)
        elif (asked := query.get("resourceVersion", "")) not in ("", "0"):
            at = self._known_version(asked)
            at = at if query.get("resourceVersionMatch") == "Exact" else None
        try:
            records = self._records.list(stored_kind(kind), target.namespace, at=at)
        except Expired as error:
            raise Gone(
                "The provided continue parameter is too old to display a consistent list result. List again without it."
                if token
                else str(error)
            ) from error
        if not selection.everything:
            records = [record for record in records if selection.matches(record)]
        page = pages.cut(records, at or version, limit, after)
        shown = page.records if kind == stored_kind(kind) else [as_shown(kind, record) for record in page.records]
        meta = forms.list_meta(at or version, page.token, page.remaining)
        include = query.get("includeObject", "Metadata")
        printed = kind if wanted.form != "Table" else as_is(kind)
        return json_response(forms.many(printed, shown, meta, wanted, include, self._clock()))

    def watch(self, request: Request, kind: Kind, target: Target) -> Response:
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
            since = self._records.store.version
        fields = query.get("fieldSelector", "")
        if target.name:
            fields = f"{fields},metadata.name={target.name}" if fields else f"metadata.name={target.name}"
        watch = WatchRequest(
            kind=kind,
            stored=stored_kind(kind),
            namespace=target.namespace,
            since=since,
            selection=make_selection(query.get("labelSelector", ""), fields),
            wanted=negotiate(request.headers.get("accept", "")),
            include=query.get("includeObject", "Metadata"),
            timeout_s=number(query, "timeoutSeconds") or LONGEST_S,
            bookmarks=query.get("allowWatchBookmarks") in ("true", "1"),
            initial_events=initial == "true",
            shown=lambda record: as_shown(kind, record),
        )
        lines = self._watches.stream(self._records.store, watch, self._clock)
        return StreamingResponse(lines, media_type="application/json")

    async def read_log(self, request: Request, target: Target) -> Response:
        pod = self._records.get(kinds.POD, target.name, target.namespace)
        names = [container["name"] for container in pod.object.get("spec", {}).get("containers", [])]
        container = request.query_params.get("container") or (names[0] if names else "")
        if container not in names:
            raise BadRequest(f"container {container} is not valid for pod {target.name}")
        if self._logs is None:
            raise ApiError("this engine keeps no logs", code=501, reason="NotImplemented")
        query = parse_log_query(request.query_params)
        chunks = self._logs.read(f"{target.namespace}/{target.name}", container, query)
        return StreamingResponse(await begun(chunks), media_type="text/plain")

    def _known_version(self, text: str) -> int:
        """Raises BadRequest; ApiError 504 for a version that is yet to come, which clients know how to handle."""
        version, newest = parse_version(text), self._records.store.version
        if version > newest:
            raise ApiError(
                f"Too large resource version: {version}, current: {newest}",
                code=504,
                reason="Timeout",
                retry_after_s=1,
                causes=(Cause("ResourceVersionTooLarge", "Too large resource version", ""),),
            )
        return version
