"""Options of where and beside what an instance runs: parsers for what a cluster has and one machine may not.

Each takes a user's value and gives its normal form, or raises ValueError, OptionError where it can say more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from faas_runtime.errors import OptionError
from faas_runtime.options.values import ENV_NAME, QUANTITY

_HOST_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"({_HOST_LABEL}\.)+{_HOST_LABEL}\Z")
_NAME = r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?"
_KEY_OF = re.compile(rf"(?P<name>{_NAME})/(?P<key>[-._a-zA-Z0-9]{{1,253}})\Z")
_VOLUME = re.compile(
    rf"(?P<kind>pvc|secret|config):(?P<name>{_NAME})(?P<write>:rw)?\Z|(?P<empty>empty|memory)(:(?P<size>\d+[KMGT]i?))?\Z"
)
_RESOURCE = re.compile(r"([a-z0-9.-]+/)?[a-zA-Z0-9._-]+\Z")
_RESERVED_PATHS = ("/dev", "/dev/log", "/var/run/faas")
_TOLERATION = {"key": str, "operator": str, "value": str, "effect": str, "tolerationSeconds": int}
_AFFINITY = ("nodeAffinity", "podAffinity", "podAntiAffinity")


def parse_domains(value: Any) -> list[str]:
    """Hosts of a list, or of a text with commas. Raises: ValueError."""
    hosts = [part.strip() for part in value.split(",")] if isinstance(value, str) else list(value)
    for host in hosts:
        if not isinstance(host, str) or len(host) > 253 or not _HOST.match(host):
            raise OptionError(
                "domains", f"{host!r} is no host", "write it as shop.example.org: no scheme, port or path"
            )
    if len(set(hosts)) < len(hosts):
        raise ValueError
    return hosts


def parse_volumes(value: Any) -> dict[str, str]:
    """What is mounted at each path. Raises: ValueError."""
    if not isinstance(value, Mapping):
        raise ValueError
    for path, volume in value.items():
        if not isinstance(path, str) or not path.startswith("/") or ".." in path.split("/"):
            raise OptionError("volumes", f"{path!r} is no path to mount at", "write it from the root, as '/data'")
        if path.rstrip("/") in ("", *_RESERVED_PATHS):
            raise OptionError("volumes", f"nothing can be mounted at {path}", "choose a folder of your own, as '/data'")
        match = _VOLUME.match(volume) if isinstance(volume, str) else None
        if match is None:
            hint = (
                "write 'pvc:NAME', 'pvc:NAME:rw', 'empty', 'empty:1Gi', 'memory:64Mi', 'secret:NAME' or 'config:NAME'"
            )
            raise OptionError("volumes", f"{path}: {volume!r} is no volume", hint)
        if match["write"] and match["kind"] != "pvc":
            raise OptionError("volumes", f"{path}: a {match['kind']} is read-only", f"write {volume[:-3]!r}")
    return {path.rstrip("/"): volume for path, volume in value.items()}


def split_volume(volume: str) -> tuple[str, str, bool]:
    """Its kind (pvc, secret, config, empty, memory), its name or size, and whether it is written to."""
    kind, _, rest = volume.partition(":")
    name = rest.removesuffix(":rw")
    return kind, name, kind in ("empty", "memory") or name != rest


def parse_keys(value: Any) -> dict[str, str]:
    """Variables, and the `NAME/KEY` that each gets its value from. Raises: ValueError."""
    if not isinstance(value, Mapping):
        raise ValueError
    for variable, reference in value.items():
        if not isinstance(variable, str) or not ENV_NAME.match(variable):
            raise ValueError
        if not isinstance(reference, str) or not _KEY_OF.match(reference):
            raise ValueError
    return dict(value)


def parse_annotations(value: Any) -> dict[str, str]:
    """Raises: ValueError."""
    if not isinstance(value, Mapping) or not all(
        isinstance(key, str) and _RESOURCE.match(key) and isinstance(item, str) for key, item in value.items()
    ):
        raise ValueError
    return dict(value)


def parse_resources(value: Any) -> dict[str, dict[str, str]]:
    """Requests and limits, amounts as text. Raises: ValueError."""
    if not isinstance(value, Mapping) or not set(value) <= {"requests", "limits"}:
        raise ValueError
    return {part: _amounts(amounts) for part, amounts in value.items()}


def parse_tolerations(value: Any) -> list[dict[str, Any]]:
    """Raises: ValueError."""
    if isinstance(value, str | Mapping):
        raise ValueError
    found = [dict(toleration) for toleration in value]
    for toleration in found:
        for field, item in toleration.items():
            if field not in _TOLERATION:
                raise OptionError("tolerations", f"there is no {field!r} in a toleration", f"{', '.join(_TOLERATION)}")
            if isinstance(item, bool) or not isinstance(item, _TOLERATION[field]):
                raise ValueError
    return found


def parse_affinity(value: Any) -> dict[str, Any]:
    """Raises: ValueError."""
    if not isinstance(value, Mapping) or not all(isinstance(item, Mapping) for item in value.values()):
        raise ValueError
    for field in value:
        if field not in _AFFINITY:
            raise OptionError("affinity", f"there is no {field!r} in an affinity", f"known are: {', '.join(_AFFINITY)}")
    return dict(value)


def _amounts(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise ValueError
    found = {}
    for name, amount in value.items():
        if isinstance(amount, bool) or not isinstance(amount, str | int | float):
            raise ValueError
        if not isinstance(name, str) or not _RESOURCE.match(name) or not QUANTITY.match(str(amount)):
            raise ValueError
        found[name] = str(amount)
    return found
