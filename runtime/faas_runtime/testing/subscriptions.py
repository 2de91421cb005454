"""Which decorators of a test client take events, and which of them want one, as a broker decides it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from faas_runtime.declaring.paths import assign_paths
from faas_runtime.declaring.registry import Declaration, Declared
from faas_runtime.declaring.triggers import filters_of, trigger_names
from faas_runtime.events.event import Event
from faas_runtime.testing.matching import wants

DEFAULT_BROKER = "default"


@dataclass(frozen=True, slots=True)
class Subscription:
    """One decorator, as its Trigger would be. `name` is that of its source too."""

    function: Declared
    declaration: Declaration
    path: str
    name: str
    filters: list[dict[str, Any]]

    @property
    def kind(self) -> str:
        return self.declaration.kind

    @property
    def options(self) -> Mapping[str, Any]:
        return self.declaration.options

    @property
    def broker(self) -> str:
        return str(self.options.get("broker") or self.function.options.get("broker") or DEFAULT_BROKER)

    def wants(self, event: Event[Any]) -> bool:
        return wants(self.filters, event)

    def is_of(self, function: Callable[..., Any] | str | None) -> bool:
        return function is None or function in (self.function.handler, self.function.name)


def subscriptions_of(services: Mapping[str, Iterable[Declared]]) -> list[Subscription]:
    found = []
    for members in services.values():
        functions = list(members)
        names = {each.target: trigger_names(each.name, [d.kind for d in each.declarations]) for each in functions}
        for function, declaration, path in assign_paths(functions):
            name = names[function.target].pop(0)
            if declaration.takes_events:
                filters = filters_of(declaration.kind, declaration.options, name)
                found.append(Subscription(function, declaration, quote(path), name, filters))
    return found


def only_one(found: list[Subscription], what: str) -> Subscription:
    """The one decorator that is meant. Raises: LookupError: none is, or several functions'."""
    if not found:
        raise LookupError(f"no event decorator wants {what}")
    if len({each.function.target for each in found}) > 1:
        names = ", ".join(each.function.name for each in found)
        raise LookupError(f"several functions want {what}: {names}; say function=...")
    return found[0]
