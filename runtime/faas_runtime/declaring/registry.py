"""What the decorators have seen so far: one `Declared` a function, and the lifecycle hooks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

import msgspec

from faas_runtime.declaring.names import dns_label
from faas_runtime.errors import DeclarationError
from faas_runtime.frames import calling_frame

Handler = Callable[..., Any]
HookKind = Literal["on_start", "on_stop", "before_snapshot", "after_restore", "ready", "live"]


class Place(msgspec.Struct, frozen=True):
    """Where a declaration stands in the user's source."""

    file: str
    line: int


class Declaration(msgspec.Struct, frozen=True):
    """One decorator. `path` is "" while nobody chose one; `assign_paths` does then."""

    kind: str  # http, event, or a source's: schedule, mqtt …
    path: str
    methods: tuple[str, ...]
    options: dict[str, Any]
    place: Place

    @property
    def takes_events(self) -> bool:
        return self.kind != "http"


class Declared(msgspec.Struct, eq=False):
    """One function, or one mounted application, with all its decorators."""

    handler: Handler
    target: str  # module:qualname
    kind: Literal["function", "asgi", "wsgi"]
    place: Place
    declarations: list[Declaration] = []
    options: dict[str, Any] = {}
    given_at: dict[str, Place] = {}  # which decorator gave an option

    @property
    def name(self) -> str:
        """The function's DNS label. Raises: DeclarationError."""
        if "name" in self.options:
            return str(self.options["name"])
        python_name = self.target.partition(":")[2].rpartition(".")[2]
        try:
            return dns_label(python_name)
        except ValueError as error:
            raise DeclarationError(
                str(error),
                hint="name it yourself: @function(name='shorter')",
                file=self.place.file,
                line=self.place.line,
            ) from None

    @property
    def service(self) -> str:
        return str(self.options.get("service") or self.name)

    @property
    def module(self) -> str:
        return self.target.partition(":")[0]


class Registry(msgspec.Struct, eq=False):
    """All declarations of this process, in the order of their source."""

    functions: dict[str, Declared] = {}  # by target
    hooks: list[tuple[HookKind, Handler]] = []
    shadowed: list[Declared] = []  # defined again under the same name, so lost

    def declared(self, handler: Handler) -> Declared | None:
        """The record of this very callable, so that decorators stack."""
        return next((found for found in reversed(self.functions.values()) if found.handler is handler), None)

    def add(self, function: Declared) -> None:
        """Remember a function; the same definition imported again takes the place of the former."""
        former = self.functions.pop(function.target, None)
        if former is not None and former.place != function.place:
            self.shadowed.append(former)
        self.functions[function.target] = function

    def in_modules(self, modules: Iterable[str]) -> list[Declared]:
        wanted = set(modules)
        return [function for function in self.functions.values() if function.module in wanted]

    def hooks_of(self, kind: HookKind) -> list[Handler]:
        return [handler for hook, handler in self.hooks if hook == kind]

    def clear(self) -> None:
        self.functions.clear()
        self.hooks.clear()
        self.shadowed.clear()


REGISTRY = Registry()


def caller() -> Place:
    """The innermost frame outside this package: the line of the user's decorator."""
    frame = calling_frame()
    return Place(frame.f_code.co_filename, frame.f_lineno)


def caller_module() -> str:
    return str(calling_frame().f_globals.get("__name__", "__main__"))


def place_of(handler: Handler, otherwise: Place) -> Place:
    code = getattr(handler, "__code__", None)
    return Place(code.co_filename, code.co_firstlineno) if code is not None else otherwise
