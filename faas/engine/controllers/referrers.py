"""Who has to look again when an object changes that he names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from faas.client.protocol import Object
from faas.engine.controllers.addressing import group_of
from faas.engine.controllers.cache import Cache, Key, key_of
from faas.engine.controllers.queue import WorkQueue
from faas.resources.keys import DEPENDENCY
from faas.resources.kinds import BROKER, TRIGGER

Queue = WorkQueue[Key]
# Where objects name others.
_PLACES = (
    ("spec", "subscriber", "ref"),
    ("spec", "delivery", "deadLetterSink", "ref"),
    ("spec", "sink", "ref"),
    ("spec", "reference"),
    ("spec", "ref"),
)


class Reference(NamedTuple):
    group: str
    kind: str
    namespace: str
    name: str


class Referrers:
    """An index from what is named to the queues and keys of those that name it."""

    def __init__(self) -> None:
        self._who: dict[Reference, set[tuple[Queue, Key]]] = {}

    def follow(self, cache: Cache[Any], queue: Queue) -> None:
        """Note what this kind's objects name, now and whenever they change."""

        def changed(old: Object | None, new: Object | None) -> None:
            for reference in set(references_of(old)) if old is not None else ():
                who = self._who[reference]
                who.discard((queue, key_of(old or {})))
                if not who:
                    del self._who[reference]
            for reference in references_of(new) if new is not None else ():
                self._who.setdefault(reference, set()).add((queue, key_of(new or {})))

        cache.listeners.append(changed)
        for key in cache:
            changed(None, cache.raw(key))

    def tell(self, cache: Cache[Any]) -> None:
        """When an object of this kind changes, put those that name it into their queues."""

        def changed(old: Object | None, new: Object | None) -> None:
            key = key_of(new or old or {})
            for queue, who in self._who.get(Reference(cache.kind.group, cache.kind.kind, *key), frozenset()):
                queue.add(who)

        cache.listeners.append(changed)


def references_of(raw: Object) -> Iterator[Reference]:
    """What an object names, wherever it does."""
    namespace = raw["metadata"].get("namespace", "")
    for place in _PLACES:
        found: Any = raw
        for name in place:
            found = found.get(name) if isinstance(found, dict) else None
        if isinstance(found, dict) and (reference := _reference(found, namespace)) is not None:
            yield reference
    if raw.get("kind") == TRIGGER.kind and (broker := broker_name(raw)):
        yield Reference(BROKER.group, BROKER.kind, namespace, broker)
    if text := (raw["metadata"].get("annotations") or {}).get(DEPENDENCY):
        try:
            named = json.loads(text)
        except ValueError:
            return
        if isinstance(named, dict) and (reference := _reference(named, namespace)) is not None:
            yield reference


def broker_name(trigger: Object) -> str:
    spec = trigger.get("spec") or {}
    return str(spec.get("broker") or (spec.get("brokerRef") or {}).get("name") or "")


def _reference(found: dict[str, Any], namespace: str) -> Reference | None:
    """None when it names nothing. An annotation may hold anything, so its members are taken as texts."""
    group = group_of(str(found.get("apiVersion") or ""), str(found.get("group") or ""))
    kind, name = str(found.get("kind") or ""), str(found.get("name") or "")
    return Reference(group, kind, str(found.get("namespace") or namespace), name) if kind and name else None
