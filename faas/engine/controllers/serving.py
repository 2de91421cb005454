"""Serving's controllers and which change concerns which of their keys, beside their own objects'."""

from __future__ import annotations

from contextlib import ExitStack

from faas.client.protocol import Object
from faas.engine.contract.revision import RevisionKey
from faas.engine.controllers.cache import Key, key_of
from faas.engine.controllers.configuration.reconcile import ConfigurationReconciler
from faas.engine.controllers.domainmapping import wiring as domains
from faas.engine.controllers.domainmapping.reconcile import DomainMappingReconciler
from faas.engine.controllers.gc.reconcile import GarbageCollector
from faas.engine.controllers.labeler.reconcile import LabelReconciler
from faas.engine.controllers.means import Means
from faas.engine.controllers.queue import WorkQueue
from faas.engine.controllers.reconciler import Controller
from faas.engine.controllers.revision.reconcile import RevisionReconciler
from faas.engine.controllers.route.reconcile import RouteReconciler
from faas.engine.controllers.service.reconcile import ServiceReconciler
from faas.resources import keys


class ServingControllers:
    """Services and what they consist of, and domains; a part of `Controllers`, which runs them."""

    def __init__(self, means: Means) -> None:
        self._caches = caches = means.caches
        self._board, clock = means.board, means.clock
        self._revision = RevisionReconciler(means)
        self.services = Controller("service", ServiceReconciler(means), clock, caches.services)
        self._configurations = Controller("configuration", ConfigurationReconciler(means), clock, caches.configurations)
        self._revisions = Controller("revision", self._revision, clock, caches.revisions)
        self._routes = Controller("route", RouteReconciler(means), clock, caches.routes)
        self._domains = Controller("domainmapping", DomainMappingReconciler(means), clock, caches.domain_mappings)
        self._labels = Controller("labeler", LabelReconciler(means), clock, caches.routes)
        self._garbage = Controller("gc", GarbageCollector(means), clock, caches.configurations)

    @property
    def all(self) -> tuple[Controller, ...]:
        return (
            self.services,
            self._configurations,
            self._revisions,
            self._routes,
            self._domains,
            self._labels,
            self._garbage,
        )

    async def settled(self) -> None:
        """Wait until the board says of every Revision, Route and domain that was there at the start what it has to."""
        for controller in (self._revisions, self._routes, self._domains):
            await controller.settled()

    def connect(self, exit: ExitStack) -> None:
        """Let changes of objects and of the board put keys into queues, until `exit` closes."""
        caches, board = self._caches, self._board
        caches.configurations.listeners.append(self._configuration_changed)
        caches.revisions.listeners.append(self._revision_changed)
        caches.routes.listeners.append(self._route_changed)
        domains.connect(caches, board, self._domains.queue, exit)
        exit.callback(board.decisions.listen(lambda key, _: self._instances_changed(key)))
        exit.callback(board.fleets.listen(lambda key, _: self._instances_changed(key)))

    def _configuration_changed(self, old: Object | None, new: Object | None) -> None:
        raw = new or old or {}
        _add(self.services.queue, owner_key(raw, keys.SERVICE_LABEL))
        if (before := _latest_created(old)) != (after := _latest_created(new)):
            for name in filter(None, (before, after)):  # one is superseded now, the other is not
                self._revisions.queue.add(Key(key_of(raw).namespace, name))
        self._add_routes(raw, "configurationName")

    def _revision_changed(self, old: Object | None, new: Object | None) -> None:
        if old is not None and new is not None and _matter(old) == _matter(new):
            return  # replica counts and the like concern nobody else
        raw = new or old or {}
        for controller in (self._configurations, self._garbage):
            _add(controller.queue, owner_key(raw, keys.CONFIGURATION_LABEL))
        self._add_routes(raw, "revisionName")

    def _route_changed(self, old: Object | None, new: Object | None) -> None:
        _add(self.services.queue, owner_key(new or old or {}, keys.SERVICE_LABEL))

    def _add_routes(self, raw: Object, what: str) -> None:
        """Those whose traffic names this object."""
        named = key_of(raw)
        for route in self._caches.routes.having(named.namespace, what, named.name):
            self._routes.queue.add(route)
            self._labels.queue.add(route)

    def _instances_changed(self, key: RevisionKey) -> None:
        """Something about a Revision's instances changed: tell the API, in a moment or at once."""
        name = Key(key.namespace, key.name)
        if self._caches.revisions.get(name) is None:
            return
        urgency_s = self._revision.urgency_s(name)
        if urgency_s:
            self._revisions.queue.add_after(name, urgency_s)
        else:
            self._revisions.queue.add(name)


def owner_key(raw: Object, label: str) -> Key | None:
    """The key of the Service or Configuration that a label names."""
    name = (raw["metadata"].get("labels") or {}).get(label)
    return Key(raw["metadata"].get("namespace", ""), name) if name else None


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


def _add(queue: WorkQueue[Key], key: Key | None) -> None:
    if key is not None:
        queue.add(key)
