"""Which events a decorator wants, as Knative's subscription filters (CloudEvents Subscriptions API dialects).

`events.matching` evaluates such filters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from faas_runtime.events.attributes import text_of
from faas_runtime.events.conditions import FilterError

_DIALECTS = ("exact", "prefix", "suffix")
_ATTRIBUTE = re.compile(r"[a-z][a-z0-9]*\Z")


def make_filters(
    type: str | Sequence[str] | Mapping[Any, Any] | None,
    source: Any,
    subject: Any,
    extensions: Mapping[str, Any] | None,
    sql: str | None,
) -> list[dict[str, Any]]:
    """The filter list of a Trigger: all of them have to match. Raises: FilterError."""
    filters: list[dict[str, Any]] = []
    if isinstance(type, Mapping):
        filters.append(_attribute_filter("type", type))
    elif type is not None:
        types = [type] if isinstance(type, str) else list(type)
        if not types or not all(isinstance(item, str) and item for item in types):
            raise FilterError(f"type={type!r} can never match; name one type or a list of types")
        each = [{"exact": {"type": item}} for item in types]
        filters.append(each[0] if len(each) == 1 else {"any": each})
    for name, wanted in (("source", source), ("subject", subject), *(extensions or {}).items()):
        if wanted is not None:
            filters.append(_attribute_filter(name, wanted))
    if sql is not None:
        _check_sql(sql)
        filters.append({"cesql": sql})
    return filters


def _check_sql(sql: str) -> None:
    if not sql.strip():
        raise FilterError("sql is empty; leave it out to get every event")
    from faas_runtime.events.matching import check_filters  # here: a parser, which only those who write SQL need

    for _, problem in check_filters([{"cesql": sql}]):
        raise FilterError(f"sql: {problem}")


def _attribute_filter(name: str, wanted: Any) -> dict[str, Any]:
    if not _ATTRIBUTE.match(name):
        raise FilterError(f"{name!r} is no attribute's name: lower-case letters and digits")
    if not isinstance(wanted, Mapping):
        wanted = {"exact": wanted}
    if not wanted:
        raise FilterError(f"{name}={{}} says nothing; use 'exact', 'prefix' or 'suffix'")
    parts = []
    for dialect, value in wanted.items():
        if dialect not in _DIALECTS:
            raise FilterError(f"{name}={{{dialect!r}: ...}}: known are 'exact', 'prefix' and 'suffix'")
        text = text_of(value)
        if not text:
            raise FilterError(f"{name}: an empty {dialect} can never match")
        parts.append({dialect: {name: text}})
    return parts[0] if len(parts) == 1 else {"all": parts}
