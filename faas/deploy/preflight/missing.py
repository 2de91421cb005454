"""What objects only name and is not there, and who names it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from faas.client.protocol import Object
from faas.deploy.facts import Missing
from faas.deploy.objects.which import Which, which
from faas.project.manifests.references import Reference, references_in


def users_of(objects: Sequence[Object]) -> dict[Reference, tuple[str, ...]]:
    """Who does not start without what, or whose image may not be pulled, of that which is none of them itself."""
    made = set(map(which, objects))
    found: dict[Reference, tuple[str, ...]] = {}
    for obj in objects:
        for reference in dict.fromkeys(references_in(obj.get("spec") or {})):
            if (reference.pulls or not reference.optional) and (reference.kind, reference.name) not in made:
                found[reference] = (*found.get(reference, ()), str(obj["metadata"]["name"]))
    return found


def missing_of(users: Mapping[Reference, tuple[str, ...]], there: Mapping[Which, Any]) -> list[Missing]:
    """Args: there: objects, None for what is not there, True for what cannot be told."""
    found = []
    for reference, names in users.items():
        obj = there[reference.kind, reference.name]
        if obj is None:
            found.append(Missing(replace(reference, key=""), names, whole=True))
        elif obj is not True and reference.key and reference.key not in _keys(obj):
            found.append(Missing(reference, names, whole=False))
    return list(dict.fromkeys(found))


def _keys(obj: Mapping[str, Any]) -> set[str]:
    return {*(obj.get("data") or {}), *(obj.get("binaryData") or {})}
