"""Which form of an answer a client wants, and how to read the form in which it sends."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import yaml

from faas.client.errors import ApiError, BadRequest
from faas.engine.api.wire.protobuf import ProtobufError
from faas.engine.api.wire.protobuf_kinds import decode_object
from faas.resources.fields import loads_with_duplicates


@dataclass(frozen=True, slots=True)
class Wanted:
    """The form of the answer; `version` is that of the Table or of the discovery document."""

    form: str = "Object"  # or Table, PartialObjectMetadata, PartialObjectMetadataList, a discovery document's kind
    version: str = "v1"
    group: str = ""


@lru_cache(maxsize=64)
def negotiate(accept: str) -> Wanted:
    """The first form in the Accept header that can be had. Raises ApiError 406."""
    if not accept.strip():
        return Wanted()
    for entry in accept.split(","):
        media, *parameters = (part.strip() for part in entry.split(";"))
        if media not in ("application/json", "application/*", "*/*"):
            continue
        values = dict(parameter.partition("=")[::2] for parameter in parameters)
        if values.get("as"):
            return Wanted(values["as"], values.get("v", "v1"), values.get("g", ""))
        return Wanted()
    raise ApiError("only the following media types are accepted: application/json", code=406, reason="NotAcceptable")


def parse_body(content_type: str, body: bytes, *, duplicates: bool = False) -> tuple[Any, tuple[str, ...]]:
    """The value in a body, and the members that it has twice. Raises BadRequest, ApiError 415."""
    media = content_type.partition(";")[0].strip().lower()
    try:
        if media == "application/vnd.kubernetes.protobuf":
            return decode_object(body), ()
        if media.endswith("yaml") and not body.lstrip().startswith((b"{", b"[")):
            return _parse_yaml(body), ()
        if media and not media.endswith(("json", "yaml")):
            raise unsupported(media)
        if duplicates:
            value, doubled = loads_with_duplicates(body)
            return value, tuple(doubled)
        return json.loads(body), ()
    except (ValueError, yaml.YAMLError, ProtobufError, RecursionError) as error:
        raise BadRequest(f"the body cannot be read as {media or 'JSON'}: {error}") from error


def _parse_yaml(body: bytes) -> Any:
    """YAML as Kubernetes reads it: what looks like a date stays a text."""
    return yaml.load(body, Loader=_Loader)


class _Loader(yaml.SafeLoader):
    pass


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def unsupported(media: str) -> ApiError:
    return ApiError(
        f"the body of the request was in an unknown format ({media}) - accepted media types include: "
        f"application/json, application/yaml, application/vnd.kubernetes.protobuf",
        code=415,
        reason="UnsupportedMediaType",
    )
