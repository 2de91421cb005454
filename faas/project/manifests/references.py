"""What objects only name: Secrets and ConfigMaps, accounts, volumes. One walk for all who ask. Pure.

A deploy looks whether it is there, an export says that it has to be, and a prune leaves what is still read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from faas.resources.kinds import CONFIG_MAP, SECRET, SERVICE_ACCOUNT, VOLUME_CLAIM, Kind


@dataclass(frozen=True, slots=True)
class Reference:
    """Something that an object only names."""

    kind: Kind
    name: str
    key: str = ""  # that has to be in it; "": whatever it has
    optional: bool = False  # what names it starts without it, too
    pulls: bool = False  # its image, where the registry wants a login; it starts without where none is wanted


def references_in(value: Any) -> Iterator[Reference]:
    """All that a spec names, wherever in it; the same as often as it is named."""
    if isinstance(value, list):
        for member in value:
            yield from references_in(member)
    if isinstance(value, Mapping):
        for field, member in value.items():
            yield from _named_by(field, member)
            yield from references_in(member)


def _pulling(name: object) -> Reference:
    return Reference(SECRET, str(name), optional=True, pulls=True)


def names_read(manifests: Iterable[Mapping[str, Any]]) -> set[str]:
    """Names of the Secrets and ConfigMaps that manifests refer to."""
    every = (reference for manifest in manifests for reference in references_in(manifest.get("spec") or {}))
    return {reference.name for reference in every if reference.kind in (SECRET, CONFIG_MAP)}


_KEYS = {"secretKeyRef": SECRET, "configMapKeyRef": CONFIG_MAP}
_WHOLE = {
    "secretRef": (SECRET, "name"), "configMapRef": (CONFIG_MAP, "name"),
    "secret": (SECRET, "secretName"), "configMap": (CONFIG_MAP, "name"),
    "password": (SECRET, "name"),  # of a RedisStreamSource
}  # fmt: skip


def _named_by(field: str, member: Any) -> Iterator[Reference]:
    if field == "serviceAccountName" and member and member != "default":
        yield Reference(SERVICE_ACCOUNT, str(member))
    elif field == "imagePullSecrets":  # an image that is public is pulled without
        yield from (_pulling(each["name"]) for each in member if each.get("name"))
    elif not isinstance(member, Mapping):
        return
    elif field in _KEYS and member.get("name"):
        yield Reference(_KEYS[field], str(member["name"]), str(member.get("key") or ""), bool(member.get("optional")))
    elif field in _WHOLE:
        kind, called = _WHOLE[field]
        name = member.get(called) or member.get("name")  # a projected volume's Secret has another word for its name
        if isinstance(name, str):
            keys = [str(item.get("key") or "") for item in member.get("items") or ()] or [""]
            yield from (Reference(kind, name, key, bool(member.get("optional"))) for key in keys)
    elif field == "persistentVolumeClaim" and isinstance(member.get("claimName"), str):
        yield Reference(VOLUME_CLAIM, member["claimName"])
