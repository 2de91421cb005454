"""Read Kubernetes' protobuf bodies. client-go sends built-in kinds so and does not fall back to JSON on a 415.

Source: apimachinery, runtime/serializer/protobuf; the .proto files of k8s.io/api for the field numbers.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

MAGIC = b"k8s\0"

Scalar = Literal["string", "int", "bool", "bytes", "strings", "time", "microtime", "json"]


class ProtobufError(ValueError):
    """The bytes are no message, or one that nobody sends here."""


@dataclass(frozen=True, slots=True)
class Each:
    """A repeated message."""

    message: Message


@dataclass(frozen=True, slots=True)
class MapOf:
    """A map from string to string or bytes."""

    value: Literal["string", "bytes"]


Type = Scalar | Each | MapOf | dict[int, tuple[str, Any]]
Message = dict[int, tuple[str, Any]]


def decode_envelope(body: bytes) -> tuple[str, str, bytes]:
    """apiVersion, kind and the message of a body. Raises ProtobufError."""
    if not body.startswith(MAGIC):
        raise ProtobufError("the body does not begin with Kubernetes' protobuf prefix")
    unknown = dict(_fields(body[len(MAGIC) :]))
    meta = dict(_fields(_chunk(unknown.get(1, b""))))
    return _text(meta.get(1, b"")), _text(meta.get(2, b"")), _chunk(unknown.get(2, b""))


def decode_message(message: Message, data: bytes) -> dict[str, Any]:
    """The message as an object of the JSON form; fields that the table does not have are left out."""
    result: dict[str, Any] = {}
    for number, value in _fields(data):
        if number not in message:
            continue
        name, type_ = message[number]
        match type_:
            case Each(inner):
                result.setdefault(name, []).append(decode_message(inner, _chunk(value)))
            case MapOf(kind):
                entry = dict(_fields(_chunk(value)))
                raw = _chunk(entry.get(2, b""))
                result.setdefault(name, {})[_text(entry.get(1, b""))] = (
                    _text(raw) if kind == "string" else base64.b64encode(raw).decode()
                )
            case "strings":
                result.setdefault(name, []).append(_text(value))
            case dict():
                result[name] = decode_message(type_, _chunk(value))
            case _:
                _put(result, name, type_, value)
    return result


def _put(result: dict[str, Any], name: str, type_: Scalar, value: int | bytes) -> None:
    """Set a scalar; gogo writes empty strings and zero times for what is not there, the JSON form leaves them out."""
    if type_ == "int":
        number = int(value) if isinstance(value, int) else 0
        result[name] = number - (1 << 64) if number >> 63 else number
    elif type_ == "bool":
        result[name] = bool(value)
    elif type_ == "string":
        if text := _text(value):
            result[name] = text
    elif type_ == "bytes":
        result[name] = base64.b64encode(_chunk(value)).decode()
    elif type_ == "json":
        result[name] = json.loads(_chunk(dict(_fields(_chunk(value))).get(1, b"{}")) or b"{}")
    elif moment := dict(_fields(_chunk(value))):
        seconds, nanos = moment.get(1, 0), moment.get(2, 0)
        assert isinstance(seconds, int)
        assert isinstance(nanos, int)
        stamp = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        result[name] = f"{stamp}.{nanos // 1000:06}Z" if type_ == "microtime" else f"{stamp}Z"


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, position = _varint(data, position)
            yield number, value
            continue
        if wire == 2:
            size, position = _varint(data, position)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ProtobufError(f"unknown wire type {wire}")
        if position + size > len(data):
            raise ProtobufError("the message is cut off")
        yield number, data[position : position + size]
        position += size


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if position >= len(data) or shift > 63:
            raise ProtobufError("the message is cut off")
        byte = data[position]
        value |= (byte & 0x7F) << shift
        position += 1
        if byte < 0x80:
            return value, position
        shift += 7


def _chunk(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ProtobufError("a number where a message should be")
    return value


def _text(value: int | bytes) -> str:
    try:
        return _chunk(value).decode()
    except UnicodeDecodeError as error:
        raise ProtobufError("a text is not UTF-8") from error
