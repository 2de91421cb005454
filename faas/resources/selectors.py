"""Label and field selectors: parsed once, matched many times. Source: Kubernetes' labels and fields packages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Operator = Literal["=", "!=", "in", "notin", "exists", "!", "gt", "lt"]


class SelectorError(ValueError):
    """The text is no selector; answer 400 with the message."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one key."""

    key: str
    operator: Operator
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Source: labels.Requirement.Matches; a label that is absent satisfies != and notin."""
        value = labels.get(self.key)
        match self.operator:
            case "exists":
                return value is not None
            case "!":
                return value is None
            case "=" | "in":
                return value in self.values
            case "!=" | "notin":
                return value not in self.values
        (bound,) = self.values
        try:
            return (
                value is not None and (int(value) > int(bound)) == (self.operator == "gt") and int(value) != int(bound)
            )
        except ValueError:
            return False


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """All requirements have to hold; none matches everything."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, raw: Mapping[str, Any]) -> bool:
        return self.matches_labels((raw.get("metadata") or {}).get("labels") or {})

    def matches_labels(self, labels: Mapping[str, str]) -> bool:
        return all(requirement.matches(labels) for requirement in self.requirements)


@dataclass(frozen=True, slots=True)
class FieldSelector:
    """Fields by path, each equal or not equal to a text; none matches everything. An absent field is the empty text."""

    requirements: tuple[tuple[tuple[str, ...], bool, str], ...] = ()  # path, equal, value

    def matches(self, raw: Mapping[str, Any]) -> bool:
        return all((_text_at(raw, path) == value) == equal for path, equal, value in self.requirements)

    def value_of(self, path: str) -> str | None:
        """The value that a field must have, if the selector says so: `value_of("metadata.name")`."""
        wanted = tuple(path.split("."))
        return next((value for path, equal, value in self.requirements if equal and path == wanted), None)


_TOKEN = re.compile(r"\s*(?:(==|!=|[=(),!<>])|([^\s=(),!<>]+))")
_KEY = re.compile(
    r"([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
)
_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


def parse_labels(text: str) -> LabelSelector:
    """Parse `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1`. Raises SelectorError."""
    return LabelSelector(tuple(_Parser(text).requirements()))


def parse_fields(text: str) -> FieldSelector:
    r"""Parse `metadata.name=x,status.phase!=Running`; `\,` `\=` and `\\` stand for themselves. Raises SelectorError."""
    requirements = []
    for term in re.split(r"(?<!\\),", text):
        if not term.strip():
            continue
        match = re.fullmatch(r"\s*([\w.\-/]+)\s*(!=|==|=)\s*(.*)", term, re.DOTALL)
        if match is None:
            raise SelectorError(
                f"invalid field selector {text!r}: {term!r} is not of the form path=value or path!=value"
            )
        value = re.sub(r"\\([\\,=])", r"\1", match[3])
        requirements.append((tuple(match[1].split(".")), match[2] != "!=", value))
    return FieldSelector(tuple(requirements))


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(self._split(text))
        self._position = 0

    def _split(self, text: str) -> Iterator[str]:
        position, end = 0, len(text.rstrip())
        while position < end:
            match = _TOKEN.match(text, position)
            assert match is not None  # the two alternatives cover every character
            yield match[1] or match[2]
            position = match.end()

    def requirements(self) -> Iterator[Requirement]:
        while self._peek():
            yield self._requirement()
            if self._peek() and self._take() != ",":
                raise self._error("expected ','")

    def _requirement(self) -> Requirement:
        if self._peek() == "!":
            self._take()
            return Requirement(self._key(), "!")
        key = self._key()
        match self._peek():
            case "" | ",":
                return Requirement(key, "exists")
            case "=" | "==":
                self._take()
                return Requirement(key, "=", frozenset({self._value()}))
            case "!=":
                self._take()
                return Requirement(key, "!=", frozenset({self._value()}))
            case "<" | ">" as sign:
                self._take()
                bound = self._value()
                if not re.fullmatch(r"-?\d+", bound):
                    raise self._error(f"{bound!r} is not an integer")
                return Requirement(key, "lt" if sign == "<" else "gt", frozenset({bound}))
            case "in":
                self._take()
                return Requirement(key, "in", self._values())
            case "notin":
                self._take()
                return Requirement(key, "notin", self._values())
        raise self._error(f"found {self._peek()!r}, expected: in, notin, =, ==, !=, gt, lt")

    def _values(self) -> frozenset[str]:
        if self._take() != "(":
            raise self._error("expected '('")
        values = {self._value()}
        while (token := self._take()) == ",":
            values.add(self._value())
        if token != ")":
            raise self._error("expected ')' or ','")
        return frozenset(values)

    def _key(self) -> str:
        key = self._take()
        if not _KEY.fullmatch(key):
            raise self._error(f"{key!r} is not a label key")
        return key

    def _value(self) -> str:
        if self._peek() in ("", ",", ")"):
            return ""
        value = self._take()
        if not _VALUE.fullmatch(value):
            raise self._error(f"{value!r} is not a label value")
        return value

    def _peek(self) -> str:
        return self._tokens[self._position] if self._position < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self._position += 1
        return token

    def _error(self, problem: str) -> SelectorError:
        return SelectorError(f"unable to parse label selector {self._text!r}: {problem}")


def _text_at(raw: Mapping[str, Any], path: tuple[str, ...]) -> str:
    value: Any = raw
    for name in path:
        if not isinstance(value, Mapping):
            return ""
        value = value.get(name)
    if value is None or isinstance(value, Mapping | list):
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
