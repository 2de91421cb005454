"""Each verb of the Protocol `Client` as a request: its path, query and body, and whether it may be sent twice. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import quote

import msgspec

from faas.client.errors import BadRequest
from faas.client.protocol import Object, PatchType
from faas.client.transport.ask import Ask
from faas.resources.kinds import POD, Kind

PATCH_TYPES: dict[PatchType, str] = {
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",  # JSON is YAML
}


def get_ask(kind: Kind, name: str, namespace: str) -> Ask:
    return Ask("GET", _path_of(kind, namespace, name))


def list_ask(kind: Kind, namespace: str, labels: str, fields: str, *, page: int = 0, token: str = "") -> Ask:
    """Args: page: objects at once, 0 for all; token: where the page before has ended."""
    query = _said(labelSelector=labels, fieldSelector=fields, limit=page or "")
    return Ask("GET", _path(kind, namespace), {**query, "continue": token} if token else query)


def watch_ask(kind: Kind, namespace: str, labels: str, fields: str, *, resource_version: str, timeout_s: int) -> Ask:
    query = _said(labelSelector=labels, fieldSelector=fields) | {"resourceVersion": resource_version}
    query |= {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(timeout_s)}
    return Ask("GET", _path(kind, namespace), query)


def create_ask(kind: Kind, obj: Object, *, dry_run: bool, field_manager: str) -> Ask:
    """A second try of one with a name says AlreadyExists; what the server names anew each time it would make twice."""
    name, namespace = (obj.get("metadata", {}).get(key, "") for key in ("name", "namespace"))
    content = msgspec.json.encode(obj)
    query = _write_query(dry_run, field_manager)
    return Ask("POST", _path(kind, namespace), query, content, idempotent=bool(name) or dry_run)


def update_ask(kind: Kind, obj: Object, subresource: str, *, dry_run: bool, field_manager: str) -> Ask:
    """With a resourceVersion a second try cannot overwrite anything: it would be a Conflict, as it should."""
    metadata = obj["metadata"]
    path = _path_of(kind, metadata.get("namespace", ""), metadata["name"], subresource)
    return Ask("PUT", path, _write_query(dry_run, field_manager), msgspec.json.encode(obj))


def patch_ask(
    kind: Kind,
    name: str,
    patch: Mapping[str, Any] | Sequence[Any],
    namespace: str,
    type: PatchType,
    subresource: str,
    *,
    dry_run: bool,
    field_manager: str,
    force: bool,
) -> Ask:
    query = _write_query(dry_run, field_manager)
    if type == "apply":
        query["force"] = str(force).lower()
    path, content = _path_of(kind, namespace, name, subresource), msgspec.json.encode(patch)
    # A list of operations may add twice; the others say what shall be.
    return Ask("PATCH", path, query, content, PATCH_TYPES[type], idempotent=type != "json")


def delete_ask(
    kind: Kind,
    name: str,
    namespace: str,
    propagation: Literal["Background", "Foreground", "Orphan"],
    *,
    dry_run: bool,
) -> Ask:
    options: Object = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation}
    query = {"dryRun": "All"} if dry_run else {}
    if dry_run:  # of a request with a body Kubernetes reads no option from the query: it would delete for real
        options["dryRun"] = ["All"]
    return Ask("DELETE", _path_of(kind, namespace, name), query, msgspec.json.encode(options))


def logs_ask(
    pod: str,
    namespace: str,
    *,
    container: str,
    follow: bool,
    previous: bool,
    tail: int | None,
    since_s: int | None,
    since: str,
    timestamps: bool,
) -> Ask:
    query = {"follow": str(follow).lower(), "timestamps": str(timestamps).lower()}
    if previous:
        query["previous"] = "true"
    query |= _said(container=container, tailLines=tail, sinceSeconds=since_s, sinceTime=since)
    return Ask("GET", _path_of(POD, namespace, pod, "log"), query)


def history_ask(
    namespace: str, service: str, *, revision: str, ended_only: bool, tail: int | None, since_s: int | None
) -> Ask:
    """Lines of ended instances, which the engine keeps."""
    query = {"namespace": namespace, "service": service, "ended": str(ended_only).lower()}
    return Ask("GET", "/faas/v1/logs", query | _said(revision=revision, tailLines=tail, sinceSeconds=since_s))


def _path_of(kind: Kind, namespace: str, name: str, subresource: str = "") -> str:
    """Of one object. Raises: BadRequest: without a name it would be the path of all, and a deletion that of all."""
    if not name:
        raise BadRequest(f"a {kind.kind} without a name was asked for")
    return _path(kind, namespace, name, subresource)


def _path(kind: Kind, namespace: str = "", name: str = "", subresource: str = "") -> str:
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    parts = ["namespaces", namespace] if kind.namespaced and namespace else []
    parts += [kind.plural, *([name] if name else []), *([subresource] if subresource else [])]
    return "/".join([root, *(quote(part, safe="") for part in parts)])


def _write_query(dry_run: bool, field_manager: str) -> dict[str, str]:
    query = {"fieldManager": field_manager, "fieldValidation": "Strict"}
    return {**query, "dryRun": "All"} if dry_run else query


def _said(**options: object) -> dict[str, str]:
    """Those that are given: neither None nor ""."""
    return {name: str(value) for name, value in options.items() if value not in (None, "")}
