"""Which change of which object concerns which controller's keys."""

from __future__ import annotations

from faas.client.protocol import Object
from faas.engine.controllers.cache import Caches, Key, key_of
from faas.engine.controllers.queue import WorkQueue
from faas.resources import keys

Queue = WorkQueue[Key]


def owner_key(raw: Object, label: str) -> Key | None:
    """The key of the Service or Configuration that a label names."""
    name = (raw["metadata"].get("labels") or {}).get(label)
    return Key(raw["metadata"].get("namespace", ""), name) if name else None


def connect(
    caches: Caches,
    *,
    services: Queue,
    configurations: Queue,
    revisions: Queue,
    routes: Queue,
    labels: Queue,
    garbage: Queue,
) -> None:
    """Let changes of objects put keys into queues."""

    def service_changed(old: Object | None, new: Object | None) -> None:
        services.add(key_of(new or old or {}))

    def configuration_changed(old: Object | None, new: Object | None) -> None:
        raw = new or old or {}
        configurations.add(key_of(raw))
        garbage.add(key_of(raw))
        _add(services, owner_key(raw, keys.SERVICE_LABEL))
        if (before := _latest_created(old)) != (after := _latest_created(new)):
            for name in filter(None, (before, after)):  # one is superseded now, the other is not
                revisions.add(Key(key_of(raw).namespace, name))
        for route in _routes_naming(caches, key_of(raw), "configurationName"):
            routes.add(route)
            labels.add(route)

    def revision_changed(old: Object | None, new: Object | None) -> None:
        raw = new or old or {}
        revisions.add(key_of(raw))
        if old is not None and new is not None and _matter(old) == _matter(new):
            return  # replica counts and the like concern nobody else
        _add(configurations, owner_key(raw, keys.CONFIGURATION_LABEL))
        _add(garbage, owner_key(raw, keys.CONFIGURATION_LABEL))
        for route in _routes_naming(caches, key_of(raw), "revisionName"):
            routes.add(route)
            labels.add(route)

    def route_changed(old: Object | None, new: Object | None) -> None:
        raw = new or old or {}
        routes.add(key_of(raw))
        labels.add(key_of(raw))
        _add(services, owner_key(raw, keys.SERVICE_LABEL))

    caches.services.listeners.append(service_changed)
    caches.configurations.listeners.append(configuration_changed)
    caches.revisions.listeners.append(revision_changed)
    caches.routes.listeners.append(route_changed)


def _matter(revision: Object) -> tuple[object, ...]:
    """What others look at: whether it is ready, and whether it is routed."""
    ready = [
        (condition.get("status"), condition.get("message"))
        for condition in (revision.get("status") or {}).get("conditions", ())
        if condition.get("type") == "Ready"
    ]
    state = (revision["metadata"].get("labels") or {}).get(keys.ROUTING_STATE_LABEL)
    return ready, state, revision["metadata"].get("deletionTimestamp")


def _latest_created(configuration: Object | None) -> str:
    status = (configuration or {}).get("status") or {}
    return str(status.get("latestCreatedRevisionName", ""))


def _routes_naming(caches: Caches, key: Key, what: str) -> list[Key]:
    return caches.routes.having(key.namespace, what, key.name)


def _add(queue: Queue, key: Key | None) -> None:
    if key is not None:
        queue.add(key)
