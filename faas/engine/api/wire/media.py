"""Which form of an answer a client wants, and how to read the form in which it sends."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from faas.client.errors import ApiError, BadRequest
from faas.engine.api.wire.protobuf import ProtobufError
from faas.engine.api.wire.protobuf_kinds import decode_object
from faas.resources.fields import loads_with_duplicates

# Of lists and objects in one another: a schema of a CustomResourceDefinition has some thirty, and what walks an object
# by recursion, msgspec and json included, has room for several times as many.
_MAX_DEPTH = 128


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
        values = {name: value for name, _, value in (parameter.partition("=") for parameter in parameters)}
        if values.get("as"):
            return Wanted(values["as"], values.get("v", "v1"), values.get("g", ""))
        return Wanted()
    raise ApiError("only the following media types are accepted: application/json", code=406, reason="NotAcceptable")


def parse_body(content_type: str, body: bytes, *, duplicates: bool = False) -> tuple[Any, tuple[str, ...]]:
    """The value in a body, and the members that it has twice. Raises BadRequest, ApiError 415."""
    media = content_type.partition(";")[0].strip().lower()
    value: Any
    doubled: list[str] = []
    try:
        if media == "application/vnd.kubernetes.protobuf":
            return decode_object(body), ()
        if media and not media.endswith(("json", "yaml")):
            raise unsupported(media)
        if media.endswith("yaml") and not body.lstrip().startswith((b"{", b"[")):
            from faas.engine.api.wire.yaml_body import parse_yaml

            value = parse_yaml(body)
        elif duplicates:
            value, doubled = loads_with_duplicates(body)
        else:
            value = json.loads(body)
        _check(value)
    except (ValueError, ProtobufError, RecursionError) as error:
        raise BadRequest(f"the body cannot be read as {media or 'JSON'}: {error}") from error
    return value, tuple(doubled)


def _check(value: Any) -> None:
    """Refuse what parses but cannot be an object: nested without end, or text that has no UTF-8. Raises ValueError."""
    level = [value]
    for _ in range(_MAX_DEPTH):
        below: list[Any] = []
        for each in level:
            if isinstance(each, str):
                each.encode()  # UnicodeEncodeError: half of a surrogate pair
            elif isinstance(each, dict):
                below += each
                below += each.values()
            elif isinstance(each, list):
                below += each
        if not below:
            return
        level = below
    raise ValueError(f"more than {_MAX_DEPTH} lists and objects within one another")


def unsupported(media: str) -> ApiError:
    return ApiError(
        f"the body of the request was in an unknown format ({media}) - accepted media types include: "
        f"application/json, application/yaml, application/vnd.kubernetes.protobuf",
        code=415,
        reason="UnsupportedMediaType",
    )
