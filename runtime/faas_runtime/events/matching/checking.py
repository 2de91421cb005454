"""Whether filters can be right, before there is an event: shape, names, expressions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from faas_runtime.events.matching.compiling import DIALECTS, MAX_DEPTH

Problem = tuple[str, str]  # where, as "[0].any[1].cesql", and what
_NAME = re.compile(r"[a-z][a-z0-9]*\Z")  # Knative's rule
# What an empty value lets pass here, in words. Knative's webhook takes it, and pkg/eventfilter then fails to make it.
_EMPTY = {
    "exact": "with an empty value of that attribute only",
    "prefix": "with any value of that attribute but an empty one",
    "suffix": "with any value of that attribute but an empty one",
}


def check_filters(filters: Any, at: str = "") -> list[Problem]:
    """Why filters cannot be right: the shape, names, and expressions that no event can pass."""
    return list(_check_list(filters, at, 1))


def filter_warnings(filters: Iterable[Mapping[str, Any]], at: str = "") -> list[Problem]:
    """Where a cluster understands filters that are right in another way, each in one line."""
    return [warning for index, each in enumerate(filters) for warning in _warnings(each, f"{at}[{index}]")]


def _warnings(each: Mapping[str, Any], at: str) -> Iterator[Problem]:
    for dialect in ("all", "any"):
        yield from filter_warnings(each.get(dialect) or (), f"{at}.{dialect}")
    if inner := each.get("not"):
        yield from _warnings(inner, f"{at}.not")
    for dialect, meaning in _EMPTY.items():
        for name in sorted(name for name, wanted in (each.get(dialect) or {}).items() if not wanted):
            words = f"an empty {dialect} passes events {meaning}; Knative's own broker leaves such a filter out"
            yield f"{at}.{dialect}.{name}", f"{words} and passes all events: say what is meant, or leave it out"
    if text := each.get("cesql"):
        from faas_runtime.events import cesql

        for message, position in cesql.parse(text).warnings:
            yield f"{at}.cesql", f"{message} (at character {position + 1})"


def _check_list(filters: Any, at: str, depth: int) -> Iterator[Problem]:
    if not isinstance(filters, Sequence) or isinstance(filters, str):
        yield at, f"expected a list of filters, not {filters!r}"
        return
    for index, each in enumerate(filters):
        yield from _check(each, f"{at}[{index}]", depth)


def _check(each: Any, at: str, depth: int) -> Iterator[Problem]:
    if depth > MAX_DEPTH:
        yield at, f"filters are nested more than {MAX_DEPTH} levels deep"
        return
    if not isinstance(each, Mapping):
        yield at, f"expected a filter, as {{exact: {{type: …}}}}, not {each!r}"
        return
    for dialect in each:
        if dialect not in DIALECTS:
            yield f"{at}.{dialect}", f"there is no such dialect; there are {', '.join(DIALECTS)}"
    given = [dialect for dialect in DIALECTS if each.get(dialect) not in (None, "", {}, [])]
    if len(given) > 1:
        yield at, f"has {' and '.join(given)}; a filter has one dialect, and `all` takes several filters"
    for dialect in given:
        yield from _check_dialect(dialect, each[dialect], f"{at}.{dialect}", depth)


def _check_dialect(dialect: str, value: Any, at: str, depth: int) -> Iterator[Problem]:
    match dialect:
        case "all" | "any":
            yield from _check_list(value, at, depth + 1)
        case "not":
            yield from _check(value, at, depth + 1)
        case "cesql":
            yield from _check_expression(value, at)
        case _ if not isinstance(value, Mapping):
            yield at, f"expected attributes and their values, not {value!r}"
        case _:
            yield from _check_attributes(value, at)


def _check_attributes(attributes: Mapping[Any, Any], at: str) -> Iterator[Problem]:
    for name, wanted in attributes.items():
        if not isinstance(name, str) or not _NAME.match(name):
            yield at, f"{name!r} is no attribute's name: a lower-case letter, then lower-case letters and digits"
        elif not isinstance(wanted, str):
            yield f"{at}.{name}", f"expected a string, not {wanted!r}"


def _check_expression(text: Any, at: str) -> Iterator[Problem]:
    if not isinstance(text, str):
        yield at, f"expected an expression, not {text!r}"
        return
    from faas_runtime.events import cesql

    try:
        expression = cesql.parse(text)
    except cesql.CESQLSyntaxError as error:
        yield at, error.explain()
        return
    for fault in expression.faults:
        yield at, cesql.explain(*fault, text)
