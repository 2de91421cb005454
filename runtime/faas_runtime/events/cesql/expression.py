"""An expression that was read: evaluate it, or have its answer as a filter's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from faas_runtime.events.cesql.casts import ZERO
from faas_runtime.events.cesql.codegen import Generator, make_function, static_kind
from faas_runtime.events.cesql.errors import EvaluationError, MissingAttributeError
from faas_runtime.events.cesql.folding import Fault, fold, predicate_faults
from faas_runtime.events.cesql.nodes import Value
from faas_runtime.events.cesql.parser import Parser
from faas_runtime.events.cesql.required import required_by
from faas_runtime.events.conditions import Required

Predicate = Callable[[Mapping[str, Any]], bool]


class Expression:
    """A CESQL expression.

    `attributes`, of every method, is what an event has: names in lower case; values str, int or bool, and None for one
    that is absent. A datetime reads as RFC 3339, bytes as base64.

    Raises: CESQLSyntaxError.
    """

    def __init__(self, text: str) -> None:
        parser = Parser(text)
        self.text = text
        self._root = fold(parser.parse())
        self.warnings: tuple[Fault, ...] = tuple(parser.warnings)  # where others read the same text differently

    def evaluate(self, attributes: Mapping[str, Any]) -> tuple[Value, tuple[EvaluationError, ...]]:
        """The value, and what went wrong: nothing, or the first error; the value is the specified one also then."""
        try:
            return self._run(attributes), ()
        except KeyError as error:
            failed: EvaluationError = MissingAttributeError(f"the event has no attribute {error.args[0]}")
        except EvaluationError as error:
            failed = error
        if failed.outermost and failed.value is not None:
            return failed.value, (failed,)
        return ZERO[static_kind(self._root)], (failed,)

    @cached_property
    def matches(self) -> Predicate:
        """As a filter: whether the value is true and nothing went wrong."""
        generator = Generator()
        source, kind = generator.natural(self._root)
        if kind not in ("boolean", "any"):
            return lambda attributes: False
        answer = source if kind == "boolean" else f"{source} is True"
        return make_function(f" try:\n  return {answer}\n except Failed:\n  return False", generator.names)

    @cached_property
    def faults(self) -> tuple[Fault, ...]:
        """Why it cannot be right as a filter, whatever the event: (message, position)."""
        return tuple(predicate_faults(self._root))

    @cached_property
    def required(self) -> Required:
        """For an index: `matches` is false unless each of these attributes' text is one of its values."""
        return required_by(self._root)

    @cached_property
    def _run(self) -> Callable[[Mapping[str, Any]], Any]:
        generator = Generator()
        return make_function(f" return {generator.outermost(self._root)}", generator.names)

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"


def parse(text: str) -> Expression:
    """Raises: CESQLSyntaxError: with the position; MissingFunctionError, one of those, for an unknown function."""
    return Expression(text)


def compile(text: str) -> Predicate:
    """The filter's answer alone: fast, and false when anything goes wrong. Raises: CESQLSyntaxError."""
    return Expression(text).matches
