"""Writes TOML: tables of plain values, as far as the files between a lifecycle and a buildpack have them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

Value = str | bool | int | Sequence[str]
Table = Mapping[str, "Value | Table | Sequence[Table]"]


def dumps(table: Table) -> str:
    """The same table gives the same text; `tomllib` reads it back."""
    return "\n".join(_lines(table, "")) + "\n"


def _lines(table: Table, name: str) -> list[str]:
    lines: list[str] = []
    below: list[str] = []
    for key, value in table.items():
        path = f"{name}.{_key(key)}" if name else _key(key)
        if isinstance(value, Mapping):
            below += ["", f"[{path}]", *_lines(value, path)]
        elif isinstance(value, Sequence) and value and isinstance(value[0], Mapping):
            for entry in value:
                assert isinstance(entry, Mapping)
                below += ["", f"[[{path}]]", *_lines(entry, path)]
        else:
            lines.append(f"{_key(key)} = {_value(value)}")
    return lines + below


def _value(value: object) -> str:
    if isinstance(value, str):
        # JSON's escapes are TOML's too, but for DEL, which JSON leaves as it is and TOML forbids.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Sequence):
        return f"[{', '.join(_value(item) for item in value)}]"
    return str(value)


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _value(key)
