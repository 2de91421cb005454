"""`kubectl auth can-i` and `whoami`: whoever has the token may do everything that is served."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from faas.engine.api.wire.discovery import verbs
from faas.resources.kinds import Kind

USER = "faas-admin"


def answer(kind: str, body: dict[str, Any], served: Sequence[Kind]) -> dict[str, Any]:
    """The review with its status filled in."""
    if kind == "SelfSubjectAccessReview":
        status = _access(body.get("spec") or {}, served)
    elif kind == "SelfSubjectRulesReview":
        status = {
            "incomplete": False,
            "nonResourceRules": [{"nonResourceURLs": ["*"], "verbs": ["*"]}],
            "resourceRules": [
                {"apiGroups": [item.group], "resources": [item.plural], "verbs": verbs(item)} for item in served
            ],
        }
    else:
        status = {"userInfo": {"username": USER, "groups": ["system:masters", "system:authenticated"]}}
    return {**body, "metadata": body.get("metadata") or {}, "status": status}


def _access(spec: dict[str, Any], served: Sequence[Kind]) -> dict[str, Any]:
    asked = spec.get("resourceAttributes")
    if asked is None or "*" in (asked.get("resource"), asked.get("verb")):
        return {"allowed": True}
    group, plural = asked.get("group", ""), asked.get("resource", "")
    kind = next((kind for kind in served if kind.plural == plural and group in (kind.group, "*")), None)
    if kind is None:
        return {"allowed": False, "reason": f"{plural} in group {group!r} are not served here"}
    if asked.get("verb") not in verbs(kind) and not asked.get("subresource"):
        return {"allowed": False, "reason": f"{kind} are read-only here"}
    return {"allowed": True}
