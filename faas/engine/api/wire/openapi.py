"""OpenAPI v3 documents, one a group and version, with a hash by which clients cache them. Source: KEP-2896."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from faas.engine.api.wire.discovery import Discovery
from faas.resources.kinds import Kind
from faas.resources.schema import openapi_schemas, schema_name

# kubectl looks here, as protobuf only, for a kind that version 3 does not know. That there is none here either lets it
# come to the words "no matches for kind". An empty message is an empty document.
OPENAPI_V2: Final = b""
OPENAPI_V2_TYPE: Final = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"

_WRITE_PARAMETERS = ("dryRun", "fieldManager", "fieldValidation")
_PATCHES = {
    True: ("application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json"),
    False: (
        "application/apply-patch+yaml",
        "application/json-patch+json",
        "application/merge-patch+json",
        "application/strategic-merge-patch+json",
    ),
}


class OpenApi:
    """The documents, made when they are first asked for."""

    def __init__(self, kinds: Sequence[Kind], discovery: Discovery) -> None:
        self._kinds = tuple(kinds)
        self._paths = {_path(group, version): (group, version) for group, version in discovery.group_versions}
        self._documents: dict[str, bytes] = {}

    def index(self) -> dict[str, Any]:
        return {
            "paths": {
                path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={self.digest(path)}"} for path in self._paths
            }
        }

    def digest(self, path: str) -> str:
        return hashlib.sha512(self.document(path) or b"").hexdigest().upper()

    def document(self, path: str) -> bytes | None:
        """The document of `api/v1` or `apis/GROUP/VERSION`; None: no such group."""
        if path not in self._paths:
            return None
        if path not in self._documents:
            self._documents[path] = msgspec.json.encode(self._make(*self._paths[path]))
        return self._documents[path]

    def _make(self, group: str, version: str) -> dict[str, Any]:
        paths: dict[str, Any] = {}
        schemas = openapi_schemas(group, version)
        for kind in self._kinds:
            if (kind.group, kind.version) == (group, version) and kind.group != "events.k8s.io":
                paths |= _operations(kind)
        return {
            "openapi": "3.0.0",
            "info": {"title": "faas", "version": "v1"},
            "paths": paths,
            "components": {
                "schemas": schemas,
                "securitySchemes": {"BearerToken": {"type": "apiKey", "name": "authorization", "in": "header"}},
            },
        }


def _path(group: str, version: str) -> str:
    return f"apis/{group}/{version}" if group else f"api/{version}"


def _operations(kind: Kind) -> dict[str, Any]:
    root = f"/{_path(kind.group, kind.version)}"
    collection = f"{root}/namespaces/{{namespace}}/{kind.plural}" if kind.namespaced else f"{root}/{kind.plural}"
    reference = {"$ref": f"#/components/schemas/{schema_name(kind)}"}
    scope = [_parameter("namespace", "path")] if kind.namespaced else []
    one = [_parameter("name", "path"), *scope]

    def operation(verb: str, *, body: tuple[str, ...] = (), listed: bool = False) -> dict[str, Any]:
        answer = {"$ref": f"{reference['$ref']}List"} if listed else reference
        made: dict[str, Any] = {
            "operationId": f"{verb}{kind.group.title().replace('.', '')}{kind.version.title()}{kind.kind}",
            "responses": {"200": {"description": "OK", "content": {"application/json": {"schema": answer}}}},
            "x-kubernetes-action": verb,
            "x-kubernetes-group-version-kind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
        }
        if body:
            made["parameters"] = [_parameter(name, "query") for name in _WRITE_PARAMETERS]
            schema = {"type": "object"} if verb == "patch" else reference
            made["requestBody"] = {"content": {media: {"schema": schema} for media in body}, "required": True}
        if verb == "patch":
            made["parameters"].append({**_parameter("force", "query"), "schema": {"type": "boolean"}})
        return made

    json_body = ("application/json",)
    paths = {
        collection: {
            "get": operation("list", listed=True),
            "post": operation("post", body=json_body),
            "delete": operation("deletecollection"),
            "parameters": scope,
        },
        f"{collection}/{{name}}": {
            "get": operation("get"),
            "put": operation("put", body=json_body),
            "patch": operation("patch", body=_PATCHES[kind.custom]),
            "delete": operation("delete"),
            "parameters": one,
        },
    }
    if kind.status_subresource:
        paths[f"{collection}/{{name}}/status"] = {
            "get": operation("get"),
            "put": operation("put", body=json_body),
            "patch": operation("patch", body=_PATCHES[kind.custom]),
            "parameters": one,
        }
    return paths


def _parameter(name: str, where: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": where,
        **({"required": True} if where == "path" else {}),
        "schema": {"type": "string", "uniqueItems": True},
    }
