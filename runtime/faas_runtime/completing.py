"""Gives decoded dataclasses the defaults their JSON left out.

msgspec (0.22) leaves a plain default to the class attribute: `order.item` reads "x", but the instance's `__dict__` has
no `item`, so encoding, copying or comparing by `vars()` would lose it. Types without such dataclasses cost nothing.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Mapping
from typing import Any

Fill = Callable[[Any], None]


def make_filler(kind: Any) -> Fill | None:
    """What completes a decoded value of this type in place, or None when nothing in it can be incomplete."""
    fillers: dict[type, Fill | None] = {}
    return _filler(kind, fillers)


def _filler(kind: Any, known: dict[type, Fill | None]) -> Fill | None:
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return _dataclass_filler(kind, known)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is None:
        return None
    inner = [filler for filler in (_filler(argument, known) for argument in arguments) if filler is not None]
    if not inner:
        return None
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return lambda value: _fill_each(inner, value.values() if isinstance(value, Mapping) else ())
    if isinstance(origin, type) and hasattr(origin, "__iter__"):
        return lambda value: _fill_each(inner, value if isinstance(value, list | tuple | set | frozenset) else ())
    return lambda value: _fill_each(inner, (value,))  # a union: each filler ignores what is not its own


def _dataclass_filler(kind: type, known: dict[type, Fill | None]) -> Fill | None:
    if kind in known:
        return lambda value: _fill_each([known[kind]], (value,))  # recursive types meet themselves here
    known[kind] = None
    try:
        hints = typing.get_type_hints(kind)
    except Exception:  # noqa: BLE001  # msgspec will say what is wrong with it
        return None
    fields = dataclasses.fields(kind)
    defaults = {field.name: field.default for field in fields if field.default is not dataclasses.MISSING}
    nested = [(field.name, filler) for field in fields
              if (filler := _filler(hints.get(field.name, field.type), known)) is not None]  # fmt: skip
    if "__slots__" in vars(kind):
        defaults = {}  # slots are always set
    if not defaults and not nested:
        return None

    def fill(value: Any) -> None:
        if type(value) is not kind:
            return
        if defaults:
            own = value.__dict__
            for name, default in defaults.items():
                if name not in own:
                    own[name] = default
        for name, filler in nested:
            filler(getattr(value, name))

    known[kind] = fill
    return fill


def _fill_each(fillers: list[Any], values: Any) -> None:
    for value in values:
        for filler in fillers:
            if filler is not None:
                filler(value)
