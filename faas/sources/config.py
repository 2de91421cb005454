"""An adapter's options, out of the one JSON object in FAAS_SOURCE."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TypeVar

import msgspec

from faas.sources.errors import ConfigurationError

O = TypeVar("O", bound=msgspec.Struct)  # noqa: E741 - an Options struct


def read_options(document: bytes, kind: type[O]) -> O:
    """`kind` from JSON; a field it does not have is refused. Raises: ConfigurationError."""
    try:
        given = msgspec.json.decode(document)
    except msgspec.DecodeError as error:
        raise ConfigurationError(f"FAAS_SOURCE is no JSON: {error}") from None
    if not isinstance(given, dict):
        raise ConfigurationError("FAAS_SOURCE is not a JSON object")
    known = kind.__struct_fields__
    for name in given:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there is {', '.join(known)}"
            raise ConfigurationError(f"FAAS_SOURCE has no field {name!r}; {hint}")
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"FAAS_SOURCE: {error}") from None
