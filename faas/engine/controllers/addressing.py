"""Where a destination is: an object with an address, a URL, or a path of that object. Source: knative/pkg resolver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from faas.engine.controllers.cache import Cache, Key
from faas.engine.controllers.caches import Caches
from faas.resources.duck import Endpoint, KReference
from faas.resources.meta import ConditionStatus

OIDC_OFF = "authentication-oidc feature disabled"  # Knative's own words for a True condition


@dataclass(frozen=True, slots=True)
class Unresolved:
    """Why a destination has no URL now."""

    status: ConditionStatus  # Unknown while waiting, False when somebody has to do something
    reason: str
    message: str


class Resolver:
    """Asks the caches, so that whoever is told of a change of the object finds its new address."""

    def __init__(self, caches: Caches) -> None:
        self._addressable: dict[tuple[str, str], Cache[Any]] = {
            (cache.kind.group, cache.kind.kind): cache for cache in caches.addressable
        }

    def cache_of(self, ref: KReference) -> Cache[Any] | None:
        """Where the named object is kept; None: its kind has no addresses."""
        return self._addressable.get((group_of(ref.api_version, getattr(ref, "group", "")), ref.kind))

    def resolve(self, destination: Endpoint, namespace: str) -> str | Unresolved:
        """Args: namespace: of the object that has the destination."""
        if destination.ref is None:
            return check_uri(destination.uri)
        base = self._address(destination.ref, namespace)
        if isinstance(base, Unresolved) or not destination.uri:
            return base
        return urljoin(base if urlsplit(base).path else f"{base}/", destination.uri)

    def _address(self, ref: KReference, namespace: str) -> str | Unresolved:
        cache = self.cache_of(ref)
        if cache is None:
            known = ", ".join(sorted(f"{kind} ({group})" for group, kind in self._addressable))
            message = f"{ref.kind} ({ref.api_version}) takes no events on this engine; these do: {known}"
            return Unresolved("False", "NotAddressable", message)
        key = Key(ref.namespace or namespace, ref.name)
        if cache.get(key) is None:
            return Unresolved("False", "NotFound", f'{cache.kind} "{key.name}" not found in namespace {key.namespace}')
        url = ((cache.raw(key).get("status") or {}).get("address") or {}).get("url", "")
        if not url:
            return Unresolved("Unknown", "NoAddress", f'{cache.kind} "{key.name}" has no address yet')
        return str(url)


def check_uri(uri: str) -> str | Unresolved:
    parts = urlsplit(uri)
    if parts.scheme in ("http", "https") and parts.hostname:
        return uri
    message = f"the URI {uri!r} is no absolute http or https URL, and there is no ref that it is relative to"
    return Unresolved("False", "InvalidURI", message)


def group_of(api_version: str, group: str = "") -> str:
    return group or api_version.rpartition("/")[0]
