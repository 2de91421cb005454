"""The store as records of kinds, and what is known of everything in it at once: the config maps, the time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime

from faas.client.errors import BadRequest
from faas.engine.api.objects import refusals
from faas.engine.api.objects.admission import namespace_is_gone
from faas.engine.contract.storage import Key, Record, Store
from faas.resources import kinds
from faas.resources.config import (
    CONFIG_NAMESPACE,
    EVENTING_NAMESPACE,
    Config,
    ConfigError,
    config_namespace,
    parse_config,
)
from faas.resources.kinds import Kind


class Records:
    """What readers and writers ask of the store. A namespace counts where the kind has one."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self.store = store
        self._clock = clock
        self._config = Config()
        self._config_versions: tuple[int, ...] = ()

    def get(self, kind: Kind, name: str, namespace: str = "") -> Record:
        """As every reader sees it. Raises NotFound."""
        record = self.store.get(self.key(kind, name, namespace))
        if record is None:
            raise refusals.not_found(kind, name)
        return record

    def head(self, kind: Kind, name: str, namespace: str = "") -> Record:
        """As the next writer has to know it. Raises NotFound."""
        record = self.store.head(self.key(kind, name, namespace))
        if record is None:
            raise refusals.not_found(kind, name)
        return record

    def list(self, kind: Kind, namespace: str = "", *, at: int | None = None) -> Sequence[Record]:
        return self.store.list(str(kind), namespace if kind.namespaced else "", at=at)

    def key(self, kind: Kind, name: str, namespace: str = "") -> Key:
        return Key(str(kind), namespace if kind.namespaced else "", name)

    @property
    def config(self) -> Config:
        """Knative's config maps as they are now; a damaged one leaves the values from before."""
        records = [
            record
            for namespace in (CONFIG_NAMESPACE, EVENTING_NAMESPACE)
            for record in self.store.list(str(kinds.CONFIG_MAP), namespace)
            if config_namespace(record.key.name) == namespace
        ]
        versions = tuple(record.version for record in records)
        if versions != self._config_versions:
            self._config_versions = versions
            # A damaged one is refused at the door; only a store from another release can hold it.
            with suppress(ConfigError):
                self._config = parse_config({record.key.name: record.object.get("data") or {} for record in records})
        return self._config

    def now(self) -> str:
        return self._clock().strftime("%Y-%m-%dT%H:%M:%SZ")

    def require_namespace(self, kind: Kind, namespace: str) -> None:
        """Raises BadRequest; NotFound; Forbidden: it is being deleted."""
        if not kind.namespaced:
            return
        if not namespace:
            raise BadRequest(f"a {kind.kind} needs a namespace (metadata.namespace)")
        record = self.store.head(Key(str(kinds.NAMESPACE), "", namespace))
        if record is None:
            raise refusals.not_found(kinds.NAMESPACE, namespace)
        if "deletionTimestamp" in record.object["metadata"]:
            raise namespace_is_gone(namespace)
