"""JSON for what handlers take and return: msgspec, with pydantic's models where the user has pydantic."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import msgspec

from faas_runtime.completing import make_filler


def is_pydantic(kind: Any) -> bool:
    """A pydantic model or dataclass. pydantic is never imported for this: such a class implies that it is there."""
    return "pydantic" in sys.modules and isinstance(kind, type) and hasattr(kind, "__pydantic_validator__")


def _enc_hook(value: Any) -> Any:
    if is_pydantic(type(value)):
        return msgspec.Raw(type(value).__pydantic_serializer__.to_json(value))
    if isinstance(value, range):
        return list(value)
    raise TypeError(f"{type(value).__module__}.{type(value).__qualname__} has no JSON form")


def _dec_hook(kind: type, value: Any) -> Any:
    if is_pydantic(kind):
        return kind.__pydantic_validator__.validate_python(value)  # type: ignore[attr-defined]
    raise TypeError(f"{kind.__module__}.{kind.__qualname__} cannot be read from JSON")


to_json: Callable[[Any], bytes] = msgspec.json.Encoder(enc_hook=_enc_hook).encode


def make_decoder(kind: Any) -> Callable[[bytes], Any]:
    """A function from JSON bytes to `kind`. It raises msgspec.DecodeError, msgspec.ValidationError or pydantic's."""
    if is_pydantic(kind):
        validator = kind.__pydantic_validator__
        return validator.validate_json  # type: ignore[no-any-return]
    decode = msgspec.json.Decoder(kind, dec_hook=_dec_hook).decode
    fill = make_filler(kind)
    if fill is None:
        return decode

    def decode_and_fill(body: bytes) -> Any:
        value = decode(body)
        fill(value)
        return value

    return decode_and_fill


def make_converter(kind: Any) -> Callable[[Any], Any]:
    """A function from plain values (str, dict, list) to `kind`, lax about numbers in text. Raises as `make_decoder`."""
    if is_pydantic(kind):
        validator = kind.__pydantic_validator__
        return validator.validate_python  # type: ignore[no-any-return]

    fill = make_filler(kind)

    def convert(value: Any) -> Any:
        converted = msgspec.convert(value, kind, strict=False, dec_hook=_dec_hook)
        if fill is not None:
            fill(converted)
        return converted

    return convert
