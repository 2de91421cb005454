"""How a config map's texts become a frozen dataclass: each field says its key, how it is read, and what it is for."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol, TypeVar

from faas.resources import durations, quantities


class ConfigError(ValueError):
    """A config map has a value that cannot be used; the message names the key, the value and the rule."""


class ConfigClass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]


MAX_INT32 = 2**31 - 1
C = TypeVar("C", bound=ConfigClass)
Reader = Callable[[str], Any]


def setting(key: str, read: Reader, default: str | None, description: str) -> Any:
    """A dataclass field that is read from the key of a config map; `default` is the text that it would have there."""
    value = None if default is None else read(default)
    return dataclasses.field(
        default=value, metadata={"key": key, "read": read, "default": default, "description": description}
    )


def read(cls: type[C], data: Mapping[str, str]) -> C:
    """The dataclass with what the config map sets; keys that nobody knows are left alone. Raises ConfigError."""
    values = {}
    for field in dataclasses.fields(cls):
        key = field.metadata["key"]
        if key not in data:
            continue
        try:
            values[field.name] = field.metadata["read"](data[key])
        except ValueError as error:
            raise ConfigError(f'failed to parse "{key}": {error}') from error
    return cls(**values)


def example(cls: type[ConfigClass]) -> str:
    """The documentation of all settings, as a config map's `_example` has it."""
    return "\n\n".join(_example_entry(**field.metadata) for field in dataclasses.fields(cls))


def _example_entry(key: str, default: str | None, description: str, read: Reader) -> str:
    line = f"# {key} is not set" if default is None else f'{key}: "{default}"'
    return f"# {description}\n{line}"


def number(text: str) -> float:
    with contextlib.suppress(ValueError):
        if math.isfinite(value := float(text)) and "_" not in text:
            return value
    raise ValueError(f'strconv.ParseFloat: parsing "{text}": invalid syntax')


def integer(text: str) -> int:
    if not re.fullmatch(r"[+-]?\d+", text, re.ASCII):
        raise ValueError(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    if len(text) > 11 or abs(int(text)) > MAX_INT32:
        raise ValueError(f'strconv.ParseInt: parsing "{text}": value out of range')
    return int(text)


def boolean(text: str) -> bool:
    if text in ("1", "t", "T", "true", "TRUE", "True"):
        return True
    if text in ("0", "f", "F", "false", "FALSE", "False"):
        return False
    raise ValueError(f'strconv.ParseBool: parsing "{text}": invalid syntax')


def tri_state(text: str) -> bool | None:
    """true, false, or anything else for: leave it to what runs the Pod."""
    return {"true": True, "false": False}.get(text.lower())


def duration_s(text: str) -> float:
    return durations.parse(text)


def quantity(text: str) -> str:
    quantities.parse(text)
    return text


def text(text: str) -> str:
    return text


def show(seconds: float) -> str:
    """A duration in a message, as Go writes it."""
    return durations.format(seconds)
