r"""The JSONPath of printer columns: .a.b, .a['b\.c'], .a[0], .a[*].b, .a[?(@.type=='Ready')].status.

Source: additionalPrinterColumns of CustomResourceDefinitions; kubectl's templates with ranges are its own affair.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

_STEP = re.compile(
    r"\.(?P<name>(?:[^.\[\\]|\\.)+)"
    r"|\[(?P<index>-?\d+|\*)\]"
    r"|\[(?P<quote>['\"])(?P<quoted>.*?)(?P=quote)\]"
    r"|\[\?\(@\.(?P<key>[\w.\\/-]+)\s*(?P<operator>==|!=)\s*(?P<q>['\"])(?P<value>.*?)(?P=q)\)\]"
)

Step = Callable[[list[Any]], list[Any]]


class PathError(ValueError):
    """The text is no JSONPath that a printer column may have."""


@cache
def compile_path(path: str) -> Callable[[Mapping[str, Any]], Any]:
    """A function that reads the value at `path` from a raw object: the first of several, None if there is none."""
    steps = _parse(path)

    def read(raw: Mapping[str, Any]) -> Any:
        values: list[Any] = [raw]
        for step in steps:
            values = step(values)
        return values[0] if values else None

    return read


def _parse(path: str) -> list[Step]:
    text = path.removeprefix("{").removesuffix("}").removeprefix("$")
    steps: list[Step] = []
    position = 0
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise PathError(f"cannot read the JSONPath {path!r} from {text[position:]!r} on")
        steps.append(_step(match))
        position = match.end()
    return steps


def _step(match: re.Match[str]) -> Step:
    if match["index"] == "*":
        return _every_item
    if match["index"]:
        return _item(int(match["index"]))
    if match["key"]:
        return _where(_unescape(match["key"]).split("."), match["value"], match["operator"] == "==")
    return _member(_unescape(match["name"] or match["quoted"]))


def _member(name: str) -> Step:
    return lambda values: [value[name] for value in values if isinstance(value, Mapping) and name in value]


def _every_item(values: list[Any]) -> list[Any]:
    return [item for value in values if isinstance(value, list) for item in value]


def _item(index: int) -> Step:
    return lambda values: [v[index] for v in values if isinstance(v, list) and -len(v) <= index < len(v)]


def _where(key: list[str], wanted: str, equal: bool) -> Step:
    def at_key(item: Any) -> Any:
        for name in key:
            item = item.get(name) if isinstance(item, Mapping) else None
        return item

    return lambda values: [item for item in _every_item(values) if (at_key(item) == wanted) == equal]


def _unescape(name: str) -> str:
    return re.sub(r"\\(.)", r"\1", name)
