"""What can be wrong with an expression, and with evaluating it.

CESQLError
├── CESQLSyntaxError             the text is no expression (the specification's ParseError)
│   └── MissingFunctionError     it calls a function there is not, or with a number of arguments it does not take
└── EvaluationError              for this event there is no answer but a zero value
    ├── MathError                division by zero, or a result beyond 32 bits
    ├── CastError                a value is not of the type that is needed, and cannot become it
    ├── MissingAttributeError    the event does not have the attribute
    ├── FunctionEvaluationError  arguments a function cannot work with
    └── GenericError             an attribute has a value of no CloudEvents type

`kind` is the name the specification's test kit has for it.
"""

from __future__ import annotations

from typing import Any, ClassVar

_SHOWN = 60  # characters each side of the position: a line of a terminal


class CESQLError(Exception):
    """Root of what this package raises or returns."""

    kind: ClassVar[str]


class CESQLSyntaxError(CESQLError, ValueError):
    """`position` counts characters from 0. The text of the exception is one line; `explain()` shows the place."""

    kind = "parse"

    def __init__(self, message: str, position: int, text: str = "") -> None:
        self.message, self.position, self.text = message, position, text
        super().__init__(f"{message} (at character {position + 1})")

    def explain(self) -> str:
        return explain(self.message, self.position, self.text)


class MissingFunctionError(CESQLSyntaxError):
    kind = "missingFunction"


class EvaluationError(CESQLError):
    """`value` is what the failed function gives all the same; None is the zero value of what it returns."""

    kind = "generic"

    def __init__(self, message: str, value: Any = None) -> None:
        super().__init__(message)
        self.value = value
        self.outermost = False  # nothing is around the function that failed, so its value is the expression's


class MathError(EvaluationError):
    kind = "math"


class CastError(EvaluationError):
    kind = "cast"


class MissingAttributeError(EvaluationError):
    kind = "missingAttribute"


class FunctionEvaluationError(EvaluationError):
    kind = "functionEvaluation"


class GenericError(EvaluationError):
    kind = "generic"


def explain(message: str, position: int, text: str) -> str:
    """The message, and below it the line of the text that the position is in with a caret under it."""
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    line, column = text[start : len(text) if end < 0 else end].rstrip("\r"), position - start
    left, right = max(0, column - _SHOWN), column + _SHOWN
    shown = ("…" if left else "") + line[left:right].replace("\t", " ") + ("…" if right < len(line) else "")
    return f"{message}\n  {shown}\n  {' ' * (column - left + bool(left))}^"
