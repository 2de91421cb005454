"""What a URL's path names. Source: the Kubernetes API's conventions for resource paths."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote


@dataclass(frozen=True, slots=True)
class Target:
    """A resource, an object of it, or a subresource of that object."""

    group: str
    version: str
    plural: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""


def parse_path(path: str) -> Target | None:
    """Read `/api/v1/...` or `/apis/GROUP/VERSION/...`; None when it names no resource."""
    parts = [unquote(part) for part in path.strip("/").split("/")]
    if parts[:1] == ["api"]:
        group, (version, *rest) = "", parts[1:] or [""]
    elif parts[:1] == ["apis"] and len(parts) > 2:
        group, (version, *rest) = parts[1], parts[2:]
    else:
        return None
    namespace = ""
    # /namespaces/NAME and /namespaces/NAME/status are the namespace itself.
    if rest[:1] == ["namespaces"] and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    if not rest or not all(rest) or len(rest) > 3:
        return None
    plural, name, subresource = (*rest, "", "")[:3]
    return Target(group, version, plural, namespace, name, subresource)
