"""What a DomainMapping leads to: the Route behind the address of what it names. Pure.

Source, also of the words: resolveRef of knative/serving pkg/reconciler/domainmapping/reconciler.go; knative/pkg
resolver/addressable_resolver.go.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from faas.client.protocol import Object
from faas.engine.contract.settings import LOCAL_DOMAIN
from faas.engine.controllers.addressing import Unresolved
from faas.engine.controllers.cache import Key
from faas.resources.duck import GroupReference
from faas.resources.kinds import Kind

_SUFFIX = f".{LOCAL_DOMAIN}"


def route_of(ref: GroupReference, namespace: str, kind: Kind | None, found: Object | None) -> Key | Unresolved:
    """The Route that answers for the named object.

    Args:
        namespace: of the DomainMapping.
        kind: what `ref` names, if objects of that kind have an address here.
        found: the object itself, if it is there.
    """
    where = f"failed to get object {ref.namespace or namespace}/{ref.name}"
    if kind is None:
        words = "has no address on this engine; it has Services and Routes of serving.knative.dev"
        return _failed(f"{where}: {ref.kind} ({ref.api_version}) {words}")
    if found is None:
        return _failed(f'{where}: {kind} "{ref.name}" not found')
    url = ((found.get("status") or {}).get("address") or {}).get("url", "")
    if not url:
        return _failed(f"address not set for {_text(ref)}")
    return _route_at(url, namespace)


def _route_at(url: str, namespace: str) -> Key | Unresolved:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.path.removesuffix("/"):
        return _failed(f'resolved URI "{url}" contains a path')
    labels = host.removesuffix(_SUFFIX).split(".")
    if not host.endswith(_SUFFIX) or len(labels) != 2:
        return _failed(f'resolved URI "{url}" must be of the form {{name}}.{{namespace}}{_SUFFIX}')
    if labels[1] != namespace:
        return _failed(f'resolved URI "{url}" must be in same namespace as DomainMapping')
    return Key(namespace, labels[0])


def _failed(message: str) -> Unresolved:
    return Unresolved("False", "ResolveFailed", message)


def _text(ref: GroupReference) -> str:
    return (
        f"Kind = {ref.kind}, Namespace = {ref.namespace}, Name = {ref.name}, APIVersion = {ref.api_version}, "
        f"Group = {ref.group}, Address = {getattr(ref, 'address', '')}"
    )
