"""The built-in functions (3.5), by name and number of arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from faas_runtime.events.cesql.casts import MAX_INTEGER, MIN_INTEGER, to_boolean, to_integer, to_string
from faas_runtime.events.cesql.errors import CastError, FunctionEvaluationError, MathError
from faas_runtime.events.cesql.nodes import Kind, Value

# Unicode's White_Space. `str.strip()` without an argument takes four control characters more.
_SPACES = "".join(map(chr, range(0x2000, 0x200B)))  # of all widths
_WHITE_SPACE = f"\t\n\v\f\r \x85\xa0\u1680{_SPACES}\u2028\u2029\u202f\u205f\u3000"
# All attributes of an event together have less; a sender's text, joined with itself again and again, has no end.
_MAX_TEXT = 1 << 20


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    parameters: tuple[Kind, ...]
    returns: Kind
    run: Callable[..., Any]
    rest: Kind | None = None  # of any number of further arguments

    def takes(self, count: int) -> bool:
        return count == len(self.parameters) or (self.rest is not None and count > len(self.parameters))

    def parameter(self, index: int) -> Kind:
        return self.parameters[index] if index < len(self.parameters) else self.rest or "any"


def find(name: str, count: int) -> Function | None:
    return next((each for each in FUNCTIONS.get(name, ()) if each.takes(count)), None)


def _left(text: str, count: int) -> str:
    if count < 0:
        raise FunctionEvaluationError(f"LEFT of {count} characters", text)
    return text[:count]


def _right(text: str, count: int) -> str:
    if count < 0:
        raise FunctionEvaluationError(f"RIGHT of {count} characters", text)
    return text[max(0, len(text) - count) :]


def _substring(text: str, position: int, length: int = MAX_INTEGER) -> str:
    if length < 0:
        raise FunctionEvaluationError(f"SUBSTRING of {length} characters")
    if position == 0:
        return ""
    if abs(position) > len(text):
        raise FunctionEvaluationError(f"SUBSTRING from {position} of a string of {len(text)}")
    start = position - 1 if position > 0 else len(text) + position
    return text[start : start + length]


def _joined(delimiter: str, *texts: str) -> str:
    size = sum(map(len, texts)) + len(delimiter) * len(texts)
    if size > _MAX_TEXT:
        raise FunctionEvaluationError(f"a string of more than {_MAX_TEXT} characters")
    return delimiter.join(texts)


def _absolute(number: int) -> int:
    if number == MIN_INTEGER:
        raise MathError(f"the absolute value of {MIN_INTEGER} is beyond 32 bits", MAX_INTEGER)
    return abs(number)


def _can(cast: Callable[[Value], Value]) -> Callable[[Value], bool]:
    def can(value: Value) -> bool:
        try:
            cast(value)
        except CastError:
            return False
        return True

    return can


_ALL = (
    Function("LENGTH", ("string",), "integer", len),
    Function("CONCAT", (), "string", lambda *texts: _joined("", *texts), rest="string"),
    Function("CONCAT_WS", ("string",), "string", _joined, rest="string"),
    Function("LOWER", ("string",), "string", str.lower),
    Function("UPPER", ("string",), "string", str.upper),
    Function("TRIM", ("string",), "string", lambda text: text.strip(_WHITE_SPACE)),
    Function("LEFT", ("string", "integer"), "string", _left),
    Function("RIGHT", ("string", "integer"), "string", _right),
    Function("SUBSTRING", ("string", "integer"), "string", _substring),
    Function("SUBSTRING", ("string", "integer", "integer"), "string", _substring),
    Function("ABS", ("integer",), "integer", _absolute),
    Function("INT", ("any",), "integer", to_integer),
    Function("BOOL", ("any",), "boolean", to_boolean),
    Function("STRING", ("any",), "string", to_string),
    Function("IS_INT", ("any",), "boolean", _can(to_integer)),
    Function("IS_BOOL", ("any",), "boolean", _can(to_boolean)),
)
FUNCTIONS: dict[str, tuple[Function, ...]] = {
    name: tuple(each for each in _ALL if each.name == name) for name in dict.fromkeys(each.name for each in _ALL)
}
