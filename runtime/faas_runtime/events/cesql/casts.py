"""The values of the type system: how an attribute becomes one, and how one becomes another (3.1, 3.2, 3.7).

The functions take values of any type, because generated code calls them only when the fast path did not fit.
"""

from __future__ import annotations

import binascii
import re
from datetime import datetime
from typing import Any

from faas_runtime.events.attributes import text_of
from faas_runtime.events.cesql.errors import CastError, GenericError, MathError, MissingAttributeError
from faas_runtime.events.cesql.nodes import Kind, Value

MIN_INTEGER, MAX_INTEGER = -(2**31), 2**31 - 1
ZERO: dict[Kind, Value] = {"string": "", "integer": 0, "boolean": False, "any": False}

_INTEGER = re.compile(r"([+-]?)0*([0-9]{1,10})\Z")
_BOOLEANS = {"true": True, "false": False}


def attribute(value: Any, name: str) -> Value:
    """An attribute's value as one of the three types. Raises: MissingAttributeError, GenericError."""
    if isinstance(value, str | bool):
        return value
    if isinstance(value, int):  # beyond 32 bits it is no CloudEvents Integer, so it is what it says, as text
        return value if MIN_INTEGER <= value <= MAX_INTEGER else str(value)
    if value is None:
        raise MissingAttributeError(f"the event has no attribute {name}")
    if isinstance(value, datetime):
        return text_of(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return binascii.b2a_base64(value, newline=False).decode("ascii")
    raise GenericError(f"attribute {name} is a {type(value).__name__}, which no attribute can be")


def attribute_string(value: Any, name: str) -> str:
    return to_string(attribute(value, name))


def attribute_integer(value: Any, name: str) -> int:
    return to_integer(attribute(value, name))


def attribute_boolean(value: Any, name: str) -> bool:
    return to_boolean(attribute(value, name))


def to_string(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def to_integer(value: Value) -> int:
    """Raises: CastError."""
    if isinstance(value, str):
        match = _INTEGER.match(value)
        number = int(match[1] + match[2]) if match else None
        if number is None or not MIN_INTEGER <= number <= MAX_INTEGER:
            raise CastError(f"{_shown(value)} is not an Integer")
        return number
    return int(value)


def to_boolean(value: Value) -> bool:
    """Raises: CastError."""
    if isinstance(value, str):
        try:
            return _BOOLEANS[value.lower()]
        except KeyError:
            raise CastError(f"{_shown(value)} is not a Boolean") from None
    return bool(value)


def kind_of(value: Value) -> Kind:
    if isinstance(value, str):
        return "string"
    return "boolean" if isinstance(value, bool) else "integer"


def cast(value: Value, kind: Kind) -> Value:
    """Raises: CastError."""
    match kind:
        case "string":
            return to_string(value)
        case "integer":
            return to_integer(value)
        case "boolean":
            return to_boolean(value)
    return value


def equal(left: Value, right: Value) -> bool:
    """`left = right`: the right one's type decides. Raises: CastError."""
    return left == right if left.__class__ is right.__class__ else cast(left, kind_of(right)) == right


def bounded(number: int) -> int:
    """Raises: MathError."""
    if MIN_INTEGER <= number <= MAX_INTEGER:
        return number
    raise MathError(f"{number} is beyond 32 bits")


def divide(left: int, right: int) -> int:
    """Rounded towards 0. Raises: MathError."""
    if right == 0:
        raise MathError("division by zero")
    quotient = abs(left) // abs(right)
    return bounded(quotient if (left < 0) == (right < 0) else -quotient)


def remainder(left: int, right: int) -> int:
    """With the sign of the left one. Raises: MathError."""
    if right == 0:
        raise MathError("division by zero")
    rest = abs(left) % abs(right)
    return -rest if left < 0 else rest


def _shown(value: str) -> str:
    return repr(value if len(value) <= 40 else value[:40] + "…")
