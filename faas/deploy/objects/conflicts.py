"""Fields that somebody else set and a deploy wants otherwise: who has which. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from faas.client.errors import Conflict
from faas.deploy.facts import FieldConflict
from faas.project.manifests.labels import MANAGER, PROJECT_LABEL, STAGE_LABEL

_OWNER = re.compile(r'conflicts? with "(?P<name>(?:[^"\\]|\\.)*)"')


def conflicts_of(kind: str, name: str, error: Conflict) -> tuple[FieldConflict, ...]:
    """The fields in conflict; () for a conflict of another kind, as a stale version is."""
    return tuple(
        FieldConflict(kind, name, owner_of(cause.message), cause.field)
        for cause in error.causes
        if cause.reason == "FieldManagerConflict"
    )


def claimed_by(manifest: Mapping[str, Any], live: Mapping[str, Any]) -> str:
    """Who else has an object that a project is about to take; "": nobody, or it has no project's label to give.

    Server-side apply alone would not tell: two projects are one field manager, and of what somebody else made it only
    refuses fields that differ. What was taken silently would be pruned one day.
    """
    wanted, there = _labels(manifest), _labels(live)
    if PROJECT_LABEL not in wanted:
        return ""
    project, stage = there.get(PROJECT_LABEL), there.get(STAGE_LABEL)
    if project is None:
        entries = (live.get("metadata") or {}).get("managedFields") or ()
        managers = {str(each.get("manager")) for each in entries if not each.get("subresource")}
        return "" if managers == {MANAGER} else ", ".join(sorted(managers - {MANAGER})) or "somebody else"
    if project != wanted[PROJECT_LABEL]:
        return f"project {project}"
    return f"stage {stage}" if stage and stage != wanted.get(STAGE_LABEL) else ""


def _labels(obj: Mapping[str, Any]) -> Mapping[str, str]:
    return (obj.get("metadata") or {}).get("labels") or {}


def owner_of(message: str) -> str:
    """`conflict with "kubectl-edit" using serving.knative.dev/v1` is kubectl-edit's; words that say no name stay."""
    found = _OWNER.search(message)
    return found["name"] if found else message
