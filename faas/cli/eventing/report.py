"""Objects beside what the engine reports of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from faas.cli.output import key_of

if TYPE_CHECKING:
    from faas.client.protocol import Object

UNKNOWN = "?"  # in tables: only the engine knows it, and this server is none


def by_key(entries: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], Mapping[str, Any]]:
    return {key_of(entry): entry for entry in entries}


def count_text(facts: Mapping[str, Any] | None, name: str) -> str:
    """A number of the engine's report; before anybody has counted it is not known."""
    value = (facts or {}).get(name)
    return UNKNOWN if value is None else str(value)


def with_observed(obj: Object, facts: Mapping[str, Any] | None) -> Object:
    """An object as data, with what the engine says of it beside the status: `observed`."""
    from faas.deploy.objects.plan import clean

    if facts is None:
        return clean(obj)
    observed = {key: value for key, value in facts.items() if key not in ("namespace", "name", "resource")}
    return {**clean(obj), "observed": observed}
