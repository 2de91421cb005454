"""CloudEvents over HTTP: binary, structured and batch, both ways.

Source: CloudEvents HTTP protocol binding 1.0.2 (3.1 binary, 3.2 structured, 3.3 batched) and JSON event format 1.0.2.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec

from faas_runtime.errors import EventError
from faas_runtime.events.attributes import text_of
from faas_runtime.events.event import SPEC_VERSION, Event, Extension, check_extensions, is_json, parse_time
from faas_runtime.jsonic import to_json

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
Headers = list[tuple[bytes, bytes]]

_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_batch = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_any = msgspec.json.Decoder().decode
_decode_text = msgspec.json.Decoder(str).decode
_TO_ENCODE = re.compile(r"[^\x21\x23-\x24\x26-\x7e]")  # 3.1.3.2: space, ", % and all that is not printable ASCII
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"\Z')


def mode(headers: Mapping[bytes, bytes]) -> str:
    """Whether a message is a "binary", "structured" or "batch" one; "" is no CloudEvent. Names are in lower case."""
    content_type = headers.get(b"content-type", b"")
    if content_type[:23].lower() == b"application/cloudevents":
        media = content_type.partition(b";")[0].strip().lower().decode("latin-1")
        if media.startswith("application/cloudevents-batch"):
            return "batch"
        return "structured"
    return "binary" if b"ce-specversion" in headers or b"ce-type" in headers else ""


def parse(headers: Mapping[bytes, bytes], body: bytes) -> list[Event[Any]]:
    """The event, or the batch's events, of one HTTP message. Raises: EventError."""
    how = mode(headers)
    if how == "binary":
        return [parse_binary(headers, body)]
    if not how:
        raise EventError("this is no CloudEvent: neither ce-* headers nor content-type application/cloudevents+json")
    media = headers[b"content-type"].partition(b";")[0].strip().lower().decode("latin-1")
    if media not in (STRUCTURED, BATCH):
        raise EventError(f"the event format {media!r} is not supported; JSON is ({STRUCTURED}, {BATCH})")
    return parse_batch(body) if how == "batch" else [parse_structured(body)]


def parse_binary(headers: Mapping[bytes, bytes], body: bytes) -> Event[Any]:
    """Raises: EventError."""
    attributes: dict[str, Extension] = {
        name[3:].decode("latin-1"): _header_text(value) for name, value in headers.items() if name[:3] == b"ce-"
    }
    content_type = headers.get(b"content-type")
    if "datacontenttype" in attributes:
        raise EventError("in binary mode the data's type is Content-Type, not ce-datacontenttype")
    if content_type is not None:
        attributes["datacontenttype"] = content_type.decode("latin-1")
    return _event(attributes, body or None)


def parse_structured(body: bytes) -> Event[Any]:
    """Raises: EventError."""
    try:
        members = _decode_object(body)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise EventError(f"the event is not a JSON object: {error}") from None
    data, encoded = members.pop("data", None), members.pop("data_base64", None)
    attributes: dict[str, Extension] = {}
    for name, raw in members.items():
        try:
            value = _decode_any(raw)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:  # a number beyond all bounds, for example
            raise EventError(f"attribute {name!r} cannot be read: {error}") from None
        if isinstance(value, str | int):  # bool is an int
            attributes[name] = value
        elif value is not None:  # null is the same as absent
            raise EventError(f"attribute {name!r} is neither string, integer nor boolean")
    if data is not None and encoded is not None:
        raise EventError("the event has data and data_base64")
    payload: bytes | None = None
    if encoded is not None:
        payload = _from_base64(bytes(encoded))
        attributes.setdefault("datacontenttype", "application/octet-stream")
    elif data is not None:
        payload = _payload_of(bytes(data), attributes.get("datacontenttype"))
    return _event(attributes, payload)


def parse_batch(body: bytes) -> list[Event[Any]]:
    """Raises: EventError."""
    try:
        items = _decode_batch(body)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise EventError(f"the batch is not a JSON array: {error}") from None
    return [parse_structured(bytes(item)) for item in items]


def binary(event: Event[Any]) -> tuple[Headers, bytes]:
    """Headers and body of one message in binary mode. Raises: TypeError: the data has no JSON form."""
    payload = event.payload
    headers: Headers = [
        (b"ce-specversion", b"1.0"),
        (b"ce-id", header_text(event.id).encode()),
        (b"ce-source", header_text(event.source).encode()),
        (b"ce-type", header_text(event.type).encode()),
    ]
    if event.time_text is not None:
        headers.append((b"ce-time", event.time_text.encode("latin-1")))
    if event.subject is not None:
        headers.append((b"ce-subject", header_text(event.subject).encode()))
    if event.dataschema is not None:
        headers.append((b"ce-dataschema", header_text(event.dataschema).encode()))
    for name, value in event.extensions.items():
        headers.append((b"ce-" + name.encode("latin-1"), header_text(value).encode()))
    if event.datacontenttype is not None:
        headers.append((b"content-type", event.datacontenttype.encode("latin-1")))
    return headers, payload or b""


def structured(event: Event[Any]) -> tuple[Headers, bytes]:
    """Headers and body of one message in structured mode. Raises: TypeError: the data has no JSON form."""
    return [(b"content-type", STRUCTURED.encode())], to_json(_members(event))


def batch(events: Iterable[Event[Any]]) -> tuple[Headers, bytes]:
    """Headers and body of several events in one message. Raises: TypeError: some data has no JSON form."""
    return [(b"content-type", BATCH.encode())], to_json([_members(event) for event in events])


def header_text(value: Extension) -> str:
    """An attribute's value as the text of its header: printable ASCII (HTTP binding 3.1.3.2)."""
    text = value if isinstance(value, str) else text_of(value)
    if _TO_ENCODE.search(text) is None:
        return text
    return _TO_ENCODE.sub(lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), text)


def header_map(headers: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Lower-case names to values, for messages that do not come from an ASGI server."""
    return {name.lower(): value for name, value in headers}


def _members(event: Event[Any]) -> dict[str, Any]:
    members: dict[str, Any] = {**event.attributes}
    payload = event.payload
    if payload is None:
        return members
    if is_json(event.datacontenttype):
        members["data"] = msgspec.Raw(_checked_json(payload))
        return members
    try:
        members["data"] = payload.decode() if event.datacontenttype != "application/octet-stream" else None
    except UnicodeDecodeError:
        members["data"] = None
    if members["data"] is None:
        del members["data"]
        members["data_base64"] = base64.b64encode(payload).decode()
    return members


def _checked_json(payload: bytes) -> bytes:
    try:
        _decode_any(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EventError(f"the data is not the JSON that datacontenttype promises: {error}") from None
    return payload


def _event(attributes: dict[str, Extension], payload: bytes | None) -> Event[Any]:
    take = attributes.pop
    version = take("specversion", None)
    if version != SPEC_VERSION:
        raise EventError(f"specversion is {version!r}; this speaks {SPEC_VERSION!r}")
    id, source, type = take("id", None), take("source", None), take("type", None)
    subject, time = take("subject", None), take("time", None)
    datacontenttype, dataschema = take("datacontenttype", None), take("dataschema", None)
    for name, value in (("id", id), ("source", source), ("type", type)):
        if value.__class__ is not str or not value:
            raise EventError(f"the attribute {name!r} is missing" if value is None else f"{name}={value!r} is not text")
    for name, value in (
        ("subject", subject), ("time", time), ("datacontenttype", datacontenttype), ("dataschema", dataschema)
    ):  # fmt: skip
        if value is not None and (value.__class__ is not str or not value):
            raise EventError(f"{name}={value!r} is not text")
    if time is not None:
        parse_time(time)  # type: ignore[arg-type]  # text, checked above
    if attributes:
        check_extensions(attributes)
    return Event.received(type, source, id, subject, time, datacontenttype, dataschema, attributes, payload)  # type: ignore[arg-type]


def _payload_of(raw: bytes, content_type: Extension | None) -> bytes | None:
    if raw == b"null":
        return None
    if content_type is None or is_json(str(content_type)):
        return raw
    if raw[:1] == b'"':  # JSON format 3.1.1: a string is the text itself when the content type is not JSON
        try:
            return _decode_text(raw).encode()
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise EventError(f"the data is not text: {error}") from None
    return raw


def _from_base64(raw: bytes) -> bytes:
    try:
        return base64.b64decode(_decode_text(raw), validate=True)
    except (binascii.Error, msgspec.MsgspecError, ValueError) as error:
        raise EventError(f"data_base64 is not base64 text: {error}") from None


def _header_text(value: bytes) -> str:
    if value.isascii() and b"%" not in value and b'"' not in value:
        return value.decode("ascii")
    text = value.decode("utf-8", "surrogateescape")
    if match := _QUOTED.match(text):
        text = re.sub(r"\\(.)", r"\1", match[1])
    try:
        return unquote_to_bytes(text.encode("utf-8", "surrogateescape")).decode()
    except UnicodeDecodeError:
        raise EventError(f"the header value {value!r} is not UTF-8") from None
