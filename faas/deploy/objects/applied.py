"""Whether an object is still as the last deploy left it, told without asking the server anything more. Pure.

What is applied carries the digest of its manifest. The same digest, and a live object that still holds all of the
manifest, is an unchanged object: no field can have been taken out of the code, and nobody has changed one of ours.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from faas.client.protocol import Object

APPLIED = "faas.dev/applied"
"""Annotation on metadata, never on a template: the digest of the manifest that was applied."""

_VALUES = ("data", "stringData")  # of a Secret


def digest_of(manifest: Mapping[str, Any]) -> str:
    """The digest of a manifest; of a Secret only the names of its keys count, a digest could confirm a guess."""
    metadata = dict(manifest["metadata"])
    annotations = {key: value for key, value in (metadata.pop("annotations", None) or {}).items() if key != APPLIED}
    counted = {**manifest, "metadata": {**metadata, "annotations": annotations}}
    if manifest.get("kind") == "Secret":
        counted |= {name: sorted(manifest[name]) for name in _VALUES if name in manifest}
    text = json.dumps(counted, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def stamped(manifest: Object) -> Object:
    """The manifest with its digest, as it is applied."""
    metadata = manifest["metadata"]
    annotations = {**(metadata.get("annotations") or {}), APPLIED: digest_of(manifest)}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


def is_unchanged(manifest: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    """Whether applying `manifest` to `live` would certainly change nothing.

    False says nothing: a server writes some values in its own way (1000m of CPU are 1), and a dry run tells.
    """
    return stamp_of(live) == digest_of(manifest) and holds(live, manifest)


def stamp_of(obj: Mapping[str, Any]) -> str:
    """The digest of what was applied last; "" when that was nobody who leaves one."""
    return str((obj["metadata"].get("annotations") or {}).get(APPLIED) or "")


def holds(live: object, manifest: object) -> bool:
    """Whether all that `manifest` says is so in `live`; lists are as long, maps may have more in them."""
    match manifest, live:
        case Mapping(), Mapping():
            return all(key in live and holds(live[key], value) for key, value in manifest.items())
        case list(), list():
            return len(live) == len(manifest) and all(map(holds, live, manifest))
    return type(manifest) is type(live) and manifest == live
