"""Secrets and ConfigMaps that a project declares: where each value is found, never the value itself.

`[tool.faas.secrets.NAME]` and `[tool.faas.config.NAME]` of pyproject.toml say it; `secret_values` reads the values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from faas_runtime.options.option import did_you_mean

from faas.project.pyproject.tables import Table

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\Z")
_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}\Z")


@dataclass(frozen=True, slots=True)
class FromVariable:
    """A variable of the deploy's environment."""

    variable: str

    def __str__(self) -> str:
        return f"the variable {self.variable}"


@dataclass(frozen=True, slots=True)
class FromFile:
    """A file, relative to the project; its bytes as they are."""

    path: str

    def __str__(self) -> str:
        return f"the file {self.path}"


@dataclass(frozen=True, slots=True)
class FromCommand:
    """What a program prints, without the last line's end. No shell reads it."""

    command: tuple[str, ...]

    def __str__(self) -> str:
        return f"the command {self.command[0]}"  # its arguments may say more than a log should hold


@dataclass(frozen=True, slots=True)
class Text:
    """What stands in pyproject.toml; of a ConfigMap only."""

    text: str


Origin = FromVariable | FromFile | FromCommand | Text


@dataclass(frozen=True, slots=True)
class Declared:
    """A Secret or ConfigMap: its name, and where the value of each key is found."""

    name: str
    keys: Mapping[str, Origin]


def is_key(text: str) -> bool:
    """Whether a key of a Secret or a ConfigMap may be called so."""
    return _KEY.match(text) is not None


def parse_secrets(tables: Mapping[str, Table]) -> dict[str, Declared]:
    """Raises: SettingsError."""
    return {name: _parse(name, table, _secret_origin) for name, table in tables.items()}


def parse_config(tables: Mapping[str, Table]) -> dict[str, Declared]:
    """Raises: SettingsError."""
    return {name: _parse(name, table, _config_origin) for name, table in tables.items()}


def over(weaker: Mapping[str, Declared], stronger: Mapping[str, Declared]) -> dict[str, Declared]:
    """What a stage declares over what the project does: by key."""
    found = dict(weaker)
    for name, declared in stronger.items():
        found[name] = Declared(name, {**found[name].keys, **declared.keys}) if name in found else declared
    return found


class _NotAnOrigin(ValueError):
    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


def _parse(name: str, table: Table, origin: Callable[[Any], Origin]) -> Declared:
    if not _NAME.match(name):
        raise table.refused("no object can have this name", "Use lower-case letters, digits and -")
    if not table.content:
        raise table.refused("this is a table of keys", f"Write [{table.key}] and below it KEY = …")
    return Declared(name, {key: _origin(key, value, table, origin) for key, value in table.content.items()})


def _origin(key: str, value: Any, table: Table, parse: Callable[[Any], Origin]) -> Origin:
    if not is_key(key):
        raise table.refused("no key can be called so", "Use letters, digits, '-', '_' and '.'", at=key)
    try:
        return parse(value)
    except _NotAnOrigin as error:
        raise table.refused(error.message, error.hint, at=key) from None


def _secret_origin(value: Any) -> Origin:
    if isinstance(value, str):
        raise _NotAnOrigin(
            "a secret's value does not belong into a file that is shared",
            'Say where it is found: {env = "VARIABLE"}, {file = "path"} or {command = ["pass", "show", "x"]}',
        )
    return _found(value, {"env": _variable, "file": _file, "command": _command})


def _config_origin(value: Any) -> Origin:
    return Text(value) if isinstance(value, str) else _found(value, {"file": _file, "env": _variable})


def _found(value: Any, known: Mapping[str, Callable[[Any], Origin]]) -> Origin:
    takes = " or ".join(_EXAMPLES[word] for word in known)
    if not isinstance(value, dict) or len(value) != 1:
        raise _NotAnOrigin("this is a table with one word", f"Write {takes}")
    ((word, said),) = value.items()
    if word not in known:
        raise _NotAnOrigin(f"nothing is found by {word!r}", did_you_mean(word, tuple(known)))
    try:
        return known[word](said)
    except ValueError:
        raise _NotAnOrigin(f"{word} does not take {type(said).__name__} {said!r}", f"Write {_EXAMPLES[word]}") from None


_EXAMPLES = {"env": '{env = "VARIABLE"}', "file": '{file = "path"}', "command": '{command = ["pass", "show", "x"]}'}


def _variable(said: Any) -> Origin:
    if not isinstance(said, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", said):
        raise ValueError
    return FromVariable(said)


def _file(said: Any) -> Origin:
    if not isinstance(said, str) or not said.strip():
        raise ValueError
    return FromFile(said)


def _command(said: Any) -> Origin:
    if not isinstance(said, list) or not said or not all(isinstance(word, str) and word for word in said):
        raise ValueError
    return FromCommand(tuple(said))
