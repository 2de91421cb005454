"""What every decorator does with what it was given: checks it, and writes it down beside the callable."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from faas_runtime.declaring.registry import REGISTRY, Declaration, Declared, Place, caller, place_of
from faas_runtime.errors import DeclarationError, OptionError
from faas_runtime.options.checking import validate
from faas_runtime.options.known import DELIVERY, OPTIONS
from faas_runtime.options.option import Option

F = TypeVar("F", bound=Callable[..., Any])


def declare_source(
    kind: str, given: Mapping[str, Any], options: Mapping[str, Any], *, reply_type: str | None = None
) -> Callable[[F], F]:
    """Record a source's decorator; what a kind takes is looked up when the first of them is declared.

    Args:
        given: what that kind of source was given, by the names in `faas_runtime.options.sources`.
        options: of the function and of its deliveries, together.
    """
    from faas_runtime.options import sources as source_options  # a function without sources need not know them

    place = caller()
    if any(callable(value) for value in given.values()):
        hint = f"say what it listens to: @function.{kind}({source_options.EXAMPLES[kind]})"
        words = f"@function.{kind} stands without parentheses"
        raise DeclarationError(words, file=place.file, line=place.line, hint=hint)
    known = source_options.OPTIONS[kind]
    names = (*known, "reply_type")
    function_options, delivery = split_options(options)
    checked = checked_options(function_options, place, (*names, *DELIVERY))
    recorded = checked_options({k: v for k, v in given.items() if v is not None}, place, names, known)
    try:
        recorded = source_options.complete(kind, recorded)
    except OptionError as error:
        raise DeclarationError(error.message, hint=error.hint, file=place.file, line=place.line) from None
    recorded |= checked_options(delivery, place, names, DELIVERY)
    if reply_type is not None:
        recorded["reply_type"] = reply_type
    return recorder(Declaration(kind, "", ("POST",), recorded, place), checked)


def split_options(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Those of the function, and those of its deliveries without those that are None."""
    function = {name: value for name, value in options.items() if name not in DELIVERY}
    delivery = {name: value for name, value in options.items() if name in DELIVERY and value is not None}
    return function, delivery


def recorder(declaration: Declaration, options: dict[str, Any]) -> Callable[[F], F]:
    def record(handler: F) -> F:
        place = declaration.place
        if not callable(handler) or isinstance(handler, type):
            raise DeclarationError(f"{handler!r} is no function", hint="decorate a def or an async def",
                                   file=place.file, line=place.line)  # fmt: skip
        known = REGISTRY.declared(handler)
        if known is None:
            name = getattr(handler, "__qualname__", type(handler).__qualname__)
            target = f"{getattr(handler, '__module__', '__main__')}:{name}"
            known = Declared(handler, target, "function", place_of(handler, place))
            REGISTRY.add(known)
        merge_options(known, options, place)
        known.declarations.insert(0, declaration)  # decorators run from the bottom up; the source reads from the top
        return handler

    return record


def merge_options(function: Declared, options: dict[str, Any], place: Place) -> None:
    for name, value in options.items():
        before = function.options.get(name, value)
        if before != value:
            raise DeclarationError(
                f"{name}={value!r} contradicts {name}={before!r} in line {function.given_at[name].line}",
                hint="stacked decorators make one service: give each option once", file=place.file, line=place.line,
            )  # fmt: skip
        function.options[name] = value
        function.given_at[name] = place


def checked_options(
    given: dict[str, Any], place: Place, also: Sequence[str], known: Mapping[str, Option] = OPTIONS
) -> dict[str, Any]:
    try:
        return validate(given, known=known, also=also)
    except OptionError as error:
        raise DeclarationError(error.message, hint=error.hint, file=place.file, line=place.line) from None
