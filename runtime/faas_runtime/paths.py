"""Which path each decorator answers at, in one service: a pure function, so that manifests and runtime agree.

An HTTP decorator has its own path. An event decorator without `path=` gets "/" when it is the only event decorator of
the service and no HTTP decorator has "/"; else `/_faas/events/FUNCTION`, and `/_faas/events/FUNCTION/2` for a second.
"""

from __future__ import annotations

from collections.abc import Sequence

from faas_runtime.errors import DeclarationError
from faas_runtime.registry import Declaration, Declared

EVENTS = "/_faas/events"


def assign_paths(functions: Sequence[Declared]) -> list[tuple[Declared, Declaration, str]]:
    """All decorators of the functions of one service with their paths. Raises: DeclarationError: two want the same."""
    every = [(function, declaration) for function in functions for declaration in function.declarations]
    events = [declaration for _, declaration in every if declaration.kind == "event"]
    root_is_taken = any(declaration.path == "/" or function.kind != "function" for function, declaration in every)
    alone = len(events) == 1 and not root_is_taken
    assigned: list[tuple[Declared, Declaration, str]] = []
    for function, declaration in every:
        path = declaration.path or ("/" if alone else _event_path(function, declaration))
        for other, earlier, taken in assigned:
            if taken == path and _overlap(declaration.methods, earlier.methods):
                raise DeclarationError(
                    f"{function.target} and {other.target} both answer {path} in the service {function.service!r}",
                    hint="give one another path, other methods, or a service of its own",
                    file=declaration.place.file, line=declaration.place.line,
                )  # fmt: skip
        assigned.append((function, declaration, path))
    return assigned


def _event_path(function: Declared, declaration: Declaration) -> str:
    own = [each for each in function.declarations if each.kind == "event"]
    number = next(index for index, each in enumerate(own, 1) if each is declaration)
    return f"{EVENTS}/{function.name}" + (f"/{number}" if number > 1 else "")


def _overlap(some: tuple[str, ...], others: tuple[str, ...]) -> bool:
    """The same method twice; an empty tuple is "any other", which two cannot be."""
    if not some or not others:
        return some == others
    return bool(set(some) & set(others))
