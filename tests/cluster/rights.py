"""Who may do what on a cluster: a table of rights, and the words of a refusal as Kubernetes has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from faas.engine.api.wire.paths import Target

READ = "get,list,watch"
WRITE = "get,list,watch,create,update,patch,delete"


@dataclass(frozen=True, slots=True)
class Right:
    """`Right("get,list", "services.serving.knative.dev", "team")`, in kubectl's notation: PLURAL[.GROUP][/SUBRESOURCE].

    Each part may be *. A subresource is not part of its resource. A right in a namespace is none in all of them.
    """

    verbs: str = "*"
    resources: str = "*"
    namespace: str = "*"

    def covers(self, verb: str, resource: str, group: str, subresource: str, namespace: str) -> bool:
        if self.namespace not in ("*", namespace) or (self.verbs != "*" and verb not in self.verbs.split(",")):
            return False
        return any(_names(pattern, resource, group, subresource) for pattern in self.resources.split(","))


def _names(pattern: str, resource: str, group: str, subresource: str) -> bool:
    if pattern == "*":
        return True
    whole, _, sub = pattern.partition("/")
    plural, _, of = whole.partition(".")
    return plural in ("*", resource) and of == group and sub in ("*", subresource)


def verb_of(method: str, target: Target, query: Mapping[str, str]) -> str:
    """As an API server's authorizer calls it."""
    if method in ("GET", "HEAD"):
        if query.get("watch") in ("true", "1"):
            return "watch"
        return "get" if target.name else "list"
    if method == "DELETE":
        return "delete" if target.name else "deletecollection"
    return {"POST": "create", "PUT": "update", "PATCH": "patch"}[method]


def may(rights: list[Right], verb: str, target: Target) -> bool:
    # A namespace is in itself: who has rights in it may look at it.
    namespace = target.name if (target.group, target.plural) == ("", "namespaces") else target.namespace
    return any(right.covers(verb, target.plural, target.group, target.subresource, namespace) for right in rights)


def review(rights: list[Right], body: Mapping[str, Any]) -> dict[str, Any]:
    """A SelfSubjectAccessReview with its status."""
    asked = (body.get("spec") or {}).get("resourceAttributes") or {}
    target = Target(
        asked.get("group", ""),
        "",
        asked.get("resource", ""),
        asked.get("namespace", ""),
        asked.get("name", ""),
        asked.get("subresource", ""),
    )
    allowed = may(rights, asked.get("verb", ""), target) if asked else any(right.resources == "*" for right in rights)
    return {**body, "metadata": body.get("metadata") or {}, "status": {"allowed": allowed}}


def forbidden(user: str, verb: str, target: Target) -> dict[str, Any]:
    what = f"{target.plural}.{target.group}" if target.group else target.plural
    named = f'{what} "{target.name}"' if target.name else what
    resource = f"{target.plural}/{target.subresource}" if target.subresource else target.plural
    where = f'in the namespace "{target.namespace}"' if target.namespace else "at the cluster scope"
    message = (
        f'{named} is forbidden: User "{user}" cannot {verb} resource "{resource}" in API group "{target.group}" {where}'
    )
    details = {"name": target.name, "group": target.group, "kind": target.plural}
    return status(403, "Forbidden", message, {key: value for key, value in details.items() if value})


def status(code: int, reason: str, message: str, details: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        **({"details": dict(details)} if details else {}),
        "code": code,
    }
