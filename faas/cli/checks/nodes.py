"""Whether there is a node that takes Pods: without one Knative's kinds are served, and nothing of it runs."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from faas.cli.checks.check import Check
from faas.client.errors import Forbidden
from faas.resources.kinds import NODE

if TYPE_CHECKING:
    from faas.cli.checks.view import View


async def nodes(view: View) -> Check:
    try:
        found = await view.list(NODE)
    except Forbidden:
        return Check(
            "nodes", "unknown", "they may not be read: images are for linux/amd64 unless the project says others"
        )
    return judge(found, view.target.context)


def judge(found: Sequence[Mapping[str, Any]], context: str) -> Check:
    """Pure. Args: context: what kubectl calls the cluster."""
    ready = [node for node in found if is_ready(node)]
    if not found:
        return Check("nodes", "warning", "there are none: Pods wait until somebody, or an autoscaler, adds one")
    if not ready:
        fix = f"Ask why:  kubectl describe nodes --context {shlex.quote(context)}"
        return Check("nodes", "error", f"none of {len(found)} takes Pods: nothing starts", fix)
    kinds = Counter(_platform(node) for node in ready)
    told = ", ".join(f"{count} of {kind}" for kind, count in sorted(kinds.items()))
    if len(ready) < len(found):
        return Check("nodes", "ok", f"{told}; {len(found) - len(ready)} more take no Pods now")
    return Check("nodes", "ok", told)


def is_ready(node: Mapping[str, Any]) -> bool:
    """Pure. Ready, and not cordoned."""
    conditions = (node.get("status") or {}).get("conditions") or ()
    states = {str(each.get("type")): each.get("status") for each in conditions}
    return states.get("Ready") == "True" and not (node.get("spec") or {}).get("unschedulable")


def _platform(node: Mapping[str, Any]) -> str:
    info = (node.get("status") or {}).get("nodeInfo") or {}
    return f"{info.get('operatingSystem') or 'unknown'}/{info.get('architecture') or 'unknown'}"
