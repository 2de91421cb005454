"""Which object is meant: its kind, in the version that it says, and its name. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from faas.client.protocol import Object
from faas.resources import kinds
from faas.resources.kinds import Kind

Which = tuple[Kind, str]  # kind and name

_KINDS = {(kind.api_version, kind.kind): kind for kind in vars(kinds).values() if isinstance(kind, Kind)}


def kind_of_manifest(manifest: Mapping[str, object]) -> Kind:
    """The kind that an object says it is, in the version it says."""
    return _KINDS[str(manifest["apiVersion"]), str(manifest["kind"])]


def which(manifest: Object) -> Which:
    return kind_of_manifest(manifest), str(manifest["metadata"]["name"])
