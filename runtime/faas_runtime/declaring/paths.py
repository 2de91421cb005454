"""Which path each decorator answers at, in one service: a pure function, so that manifests and runtime agree.

An HTTP decorator has its own path. A decorator that takes events has `path=`, or `/_faas/events/FUNCTION`, and
`/_faas/events/FUNCTION/2` for a second: what is added beside it moves no path that a Trigger knows. When it is the only
one of its service and nothing else answers "/", it answers there too (`answers_root`), for people.
"""

from __future__ import annotations

from collections.abc import Sequence

from faas_runtime.declaring.registry import Declaration, Declared
from faas_runtime.errors import DeclarationError

EVENTS = "/_faas/events"


def assign_paths(functions: Sequence[Declared]) -> list[tuple[Declared, Declaration, str]]:
    """All decorators of the functions of one service with their paths. Raises: DeclarationError: two want the same."""
    every = [(function, declaration) for function in functions for declaration in function.declarations]
    assigned: list[tuple[Declared, Declaration, str]] = []
    for function, declaration in every:
        path = declaration.path or _event_path(function, declaration)
        for other, earlier, taken in assigned:
            if taken == path and _overlap(declaration.methods, earlier.methods):
                raise DeclarationError(
                    f"{function.target} and {other.target} both answer {path} in the service {function.service!r}",
                    hint="give one another path, other methods, or a service of its own",
                    file=declaration.place.file, line=declaration.place.line,
                )  # fmt: skip
        assigned.append((function, declaration, path))
    return assigned


def answers_root(functions: Sequence[Declared]) -> tuple[Declared, Declaration] | None:
    """The decorator that gets the events that are sent to "/", when it is clear which."""
    every = [(function, declaration) for function in functions for declaration in function.declarations]
    events = [entry for entry in every if entry[1].takes_events]
    root_is_taken = any(declaration.path == "/" or function.kind != "function" for function, declaration in every)
    return events[0] if len(events) == 1 and not root_is_taken else None


def _event_path(function: Declared, declaration: Declaration) -> str:
    own = [each for each in function.declarations if each.takes_events]
    number = next(index for index, each in enumerate(own, 1) if each is declaration)
    return f"{EVENTS}/{function.name}" + (f"/{number}" if number > 1 else "")


def _overlap(some: tuple[str, ...], others: tuple[str, ...]) -> bool:
    """The same method twice; an empty tuple is "any other", which two cannot be."""
    if not some or not others:
        return some == others
    return bool(set(some) & set(others))
