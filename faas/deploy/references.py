"""What objects only name, and do not start without: Secrets and ConfigMaps, accounts, volumes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from faas.resources.kinds import CONFIG_MAP, SECRET, SERVICE_ACCOUNT, VOLUME_CLAIM, Kind

_ONE_OF = {"secretKeyRef": SECRET, "configMapKeyRef": CONFIG_MAP, "secretRef": SECRET, "configMapRef": CONFIG_MAP}
_VOLUMES = {
    "secret": (SECRET, "secretName"),
    "configMap": (CONFIG_MAP, "name"),
    "persistentVolumeClaim": (VOLUME_CLAIM, "claimName"),
}


@dataclass(frozen=True, slots=True)
class Reference:
    """Something that an object only names; it does not start without it."""

    kind: Kind
    name: str
    key: str = ""  # that has to be in it


@dataclass(frozen=True, slots=True)
class Missing:
    reference: Reference
    users: tuple[str, ...]  # who names it
    whole: bool  # not only its key

    def __str__(self) -> str:
        kind, name = self.reference.kind.kind, self.reference.name
        what = f"there is no {kind} {name}" if self.whole else f"{kind} {name} has no key {self.reference.key}"
        return f"{what}, which {', '.join(self.users)} needs"


def references_in(value: Any) -> Iterator[Reference]:
    """What has to be there of all that a spec names."""
    if isinstance(value, list):
        for member in value:
            yield from references_in(member)
    if not isinstance(value, Mapping):
        return
    for field, member in value.items():
        if field == "serviceAccountName" and member and member != "default":
            yield Reference(SERVICE_ACCOUNT, str(member))
        if isinstance(member, Mapping) and not member.get("optional"):
            if field in _ONE_OF and member.get("name"):
                yield Reference(_ONE_OF[field], str(member["name"]), str(member.get("key") or ""))
            kind, name = _VOLUMES.get(field, (SECRET, ""))
            if name and isinstance(member.get(name), str):
                yield Reference(kind, member[name])
        yield from references_in(member)
