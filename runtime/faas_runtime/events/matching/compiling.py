"""A filter list as a function of an event's attributes. CESQL is loaded when a filter has it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from faas_runtime.events.attributes import Attributes, text_of
from faas_runtime.events.conditions import FilterError, Required, both, either

if TYPE_CHECKING:
    from faas_runtime.events.cesql import Expression

Matches = Callable[[Attributes], bool]

DIALECTS = ("exact", "prefix", "suffix", "all", "any", "not", "cesql")
MAX_DEPTH = 32  # Knative has no limit; nobody writes so many levels, and each takes some of the stack


@dataclass(frozen=True, slots=True)
class Matcher:
    """What became of a filter list."""

    matches: Matches
    required: Required = field(default_factory=dict)  # for an index: nothing passes that does not have these


def compile_filters(filters: Sequence[Mapping[str, Any]], old_filter: Mapping[str, Any] | None = None) -> Matcher:
    """What `spec.filters`, or without any the older `spec.filter`, lets pass.

    Raises: FilterError: one is none; `check_filters` tells beforehand.
    """
    return _all(_compiled(filters_of(filters, old_filter), "", 1)) or Matcher(lambda attributes: True)


def filters_of(filters: Sequence[Mapping[str, Any]], old_filter: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """`spec.filters`, which wins, or `spec.filter` said in its words: an empty prefix is any value, but one."""
    if filters or not old_filter:
        return list(filters)
    attributes: Mapping[str, Any] = old_filter.get("attributes") or {}
    exact = {name: value for name, value in attributes.items() if value != ""}
    present = {name: "" for name, value in attributes.items() if value == ""}
    return [{dialect: wanted} for dialect, wanted in (("exact", exact), ("prefix", present)) if wanted]


def _compiled(filters: Iterable[Mapping[str, Any]], at: str, depth: int) -> list[Matcher]:
    """Without those that filter nothing."""
    made = (_compile(each, f"{at}[{index}]", depth) for index, each in enumerate(filters))
    return [each for each in made if each is not None]


def _compile(each: Mapping[str, Any], at: str, depth: int) -> Matcher | None:
    """None filters nothing. Raises: FilterError."""
    if depth > MAX_DEPTH:
        raise FilterError(f"{at}: more than {MAX_DEPTH} levels")
    given = [(dialect, value) for dialect, value in each.items() if value]
    if not given:
        return None
    if len(given) > 1:
        raise FilterError(f"{at}: has {' and '.join(dialect for dialect, _ in given)}; a filter has one dialect")
    ((dialect, value),) = given
    match dialect:
        case "exact" | "prefix" | "suffix":
            return _all([_of_value(dialect, name, text_of(wanted)) for name, wanted in value.items()])
        case "all":
            return _all(_compiled(value, f"{at}.all", depth + 1))
        case "any":
            return _any_exact(value) or _any(_compiled(value, f"{at}.any", depth + 1))
        case "not":
            return _not(_compile(value, f"{at}.not", depth + 1))
        case "cesql":
            expression = _expression(value, at)
            return Matcher(expression.matches, expression.required)
    raise FilterError(f"{at}: there is no dialect {dialect!r}, but {', '.join(DIALECTS)}")


def _of_value(dialect: str, name: str, wanted: str) -> Matcher:
    """An empty prefix or suffix is any value but an empty one, as in the older `spec.filter`."""
    if dialect == "exact":
        return _exact(name, wanted)
    if not wanted:
        return Matcher(lambda attributes: attributes.get(name) not in (None, ""))
    return _prefix(name, wanted) if dialect == "prefix" else _suffix(name, wanted)


def _exact(name: str, wanted: str) -> Matcher:
    def matches(attributes: Attributes) -> bool:
        value: object = attributes.get(name)
        if value.__class__ is str:
            return value == wanted
        return value is not None and text_of(value) == wanted

    return Matcher(matches, {name: frozenset({wanted})})


def _one_of(name: str, wanted: frozenset[str]) -> Matcher:
    def matches(attributes: Attributes) -> bool:
        value: object = attributes.get(name)
        if value.__class__ is str:
            return value in wanted
        return value is not None and text_of(value) in wanted

    return Matcher(matches, {name: wanted})


def _prefix(name: str, wanted: str) -> Matcher:
    def matches(attributes: Attributes) -> bool:
        value = attributes.get(name)
        return value is not None and (value if value.__class__ is str else text_of(value)).startswith(wanted)

    return Matcher(matches)


def _suffix(name: str, wanted: str) -> Matcher:
    def matches(attributes: Attributes) -> bool:
        value = attributes.get(name)
        return value is not None and (value if value.__class__ is str else text_of(value)).endswith(wanted)

    return Matcher(matches)


def _all(parts: Sequence[Matcher]) -> Matcher | None:
    if len(parts) < 2:
        return parts[0] if parts else None
    each_matches = tuple(part.matches for part in parts)

    def matches(attributes: Attributes) -> bool:
        for each in each_matches:  # noqa: SIM110  # a generator in all() takes as long as two filters
            if not each(attributes):
                return False
        return True

    return Matcher(matches, both(part.required for part in parts))


def _any(parts: Sequence[Matcher]) -> Matcher | None:
    if len(parts) < 2:
        return parts[0] if parts else None
    each_matches = tuple(part.matches for part in parts)

    def matches(attributes: Attributes) -> bool:
        for each in each_matches:  # noqa: SIM110  # as above
            if each(attributes):
                return True
        return False

    return Matcher(matches, either(part.required for part in parts))


def _any_exact(filters: Sequence[Mapping[str, Any]]) -> Matcher | None:
    """One lookup for what a decorator's list of types becomes: `any` of `exact` of one attribute."""
    pairs = [
        next(iter(each["exact"].items()))
        for each in filters
        if len(each) == 1 and isinstance(each.get("exact"), Mapping) and len(each["exact"]) == 1
    ]
    if len(pairs) < len(filters) or len({name for name, _ in pairs}) != 1:
        return None
    return _one_of(pairs[0][0], frozenset(text_of(value) for _, value in pairs))


def _not(part: Matcher | None) -> Matcher | None:
    if part is None:
        return None
    inner = part.matches
    return Matcher(lambda attributes: not inner(attributes))


def _expression(text: Any, at: str) -> Expression:
    """Raises: FilterError."""
    from faas_runtime.events import cesql

    try:
        return cesql.parse(text)
    except cesql.CESQLSyntaxError as error:
        raise FilterError(f"{at}.cesql: {error.explain()}") from error
