"""Objects as YAML that people read and that stays the same from one time to the next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from faas.resources.yaml_text import needs_quotes

Files = dict[str, str]
"""What a folder holds: text by path in it, with forward slashes."""

_NO_WRAPPING = 1_000_000  # a long value that is wrapped moves all lines after it when a word of it changes


class _Dumper(yaml.CSafeDumper):
    """Text of several lines is a block, and lists stand at the same column as their key."""


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else "'" if needs_quotes(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
_Dumper.ignore_aliases = lambda self, data: True  # type: ignore[method-assign]  # what is there twice is written twice


def to_yaml(data: Any) -> str:
    text: str = yaml.dump(
        data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=_NO_WRAPPING
    )
    return text


def to_documents(objects: Iterable[Mapping[str, Any]]) -> str:
    """For one file, or for `kubectl apply -f -`."""
    return "---\n".join(to_yaml(obj) for obj in objects)


def file_names(objects: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Each object by the name of its file; two kinds of one word are told apart by their group."""
    found: dict[str, Mapping[str, Any]] = {}
    for obj in objects:
        kind, name = obj["kind"].lower(), obj["metadata"]["name"]
        group = str(obj["apiVersion"]).partition("/")[0].partition(".")[0]
        path = f"{kind}-{name}.yaml"
        found[path if path not in found else f"{group}-{path}"] = obj
    return found
