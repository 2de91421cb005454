"""The rules for filters of events. Source: knative/eventing pkg/apis/eventing/v1/trigger_validation.go."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from faas.resources.eventing import SubscriptionsAPIFilter
from faas.resources.validation.errors import FieldError, invalid_key, invalid_value
from faas.resources.views import Raw

_ATTRIBUTE = re.compile(r"[a-z][a-z0-9]*")
# Filters can be nested without end, and whoever evaluates them has a stack: no filter that somebody wrote is so deep.
# As `faas_runtime.events.matching` has it.
MAX_DEPTH = 32


def validate_filters(filters: Sequence[SubscriptionsAPIFilter], at: str, depth: int = 1) -> Iterator[FieldError]:
    """The list of a Trigger, or of an `all` or `any` that is `depth` levels down."""
    for index, filter in enumerate(filters):
        yield from _validate_filter(filter, f"{at}[{index}]", depth)


def validate_attributes(attributes: Mapping[str, str], at: str) -> Iterator[FieldError]:
    for name in sorted(attributes):
        if not _ATTRIBUTE.fullmatch(name):
            details = "Attribute name must start with a letter and can only contain lowercase alphanumeric"
            yield invalid_key(name, f"{at}[{name}]", details)


def warnings_of(filters: Sequence[Raw]) -> list[str]:
    """Where a cluster would understand good filters of a Trigger in another way."""
    if not filters:
        return []
    from faas_runtime.events.matching import filter_warnings

    return [f"{at}: {words}" for at, words in filter_warnings(filters, "spec.filters")]


def _validate_filter(filter: SubscriptionsAPIFilter, at: str, depth: int) -> Iterator[FieldError]:
    dialects = (filter.exact, filter.prefix, filter.suffix, filter.all, filter.any, filter.not_, filter.cesql)
    count = sum(dialect is not None and dialect not in ({}, (), "") for dialect in dialects)
    if count > 1:
        yield FieldError("multiple dialects found, filters can have only one dialect set", (at,))
    if depth > MAX_DEPTH:
        yield FieldError(f"filters are nested more than {MAX_DEPTH} deep", (at,))
        return
    for dialect, attributes in (("exact", filter.exact), ("prefix", filter.prefix), ("suffix", filter.suffix)):
        yield from validate_attributes(attributes, f"{at}.{dialect}")
    yield from validate_filters(filter.all, f"{at}.all", depth + 1)
    yield from validate_filters(filter.any, f"{at}.any", depth + 1)
    if filter.not_ is not None:
        yield from _validate_filter(filter.not_, f"{at}.not", depth + 1)
    if filter.cesql:
        yield from _validate_expression(filter.cesql, f"{at}.cesql")


def _validate_expression(expression: str, at: str) -> Iterator[FieldError]:
    from faas_runtime.events.cesql import (  # loaded by the first expression: most have none
        CESQLSyntaxError,
        explain,
        parse,
    )

    try:
        parsed = parse(expression)
    except CESQLSyntaxError as error:
        yield invalid_value(expression, at, explain(f"syntax error: {error}", error.position, expression))
        return
    for message, position in parsed.faults:
        yield invalid_value(expression, at, explain(f"{message} (at character {position + 1})", position, expression))
