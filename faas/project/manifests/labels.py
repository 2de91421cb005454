"""What marks an object as a project's: labels on everything that a deploy makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

PROJECT_LABEL: Final = "faas.dev/project"
FUNCTION_LABEL: Final = "faas.dev/function"
STAGE_LABEL: Final = "faas.dev/stage"
MANAGED_BY_LABEL: Final = "app.kubernetes.io/managed-by"
MANAGER: Final = "faas"  # its value; also the field manager of what is applied

Object = dict[str, Any]


def is_deployed(obj: Mapping[str, Any]) -> bool:
    """Whether it is a project's: a deploy has made it, or will. What somebody wrote by hand is not."""
    return PROJECT_LABEL in (obj["metadata"].get("labels") or {})


@dataclass(frozen=True, slots=True)
class Belonging:
    """Whose the objects of a deploy are, and where they go."""

    project: str
    namespace: str
    stage: str = ""  # "": the project has none, or none is meant

    def labels(self, function: str = "") -> dict[str, str]:
        found = {PROJECT_LABEL: self.project, MANAGED_BY_LABEL: MANAGER}
        if self.stage:
            found[STAGE_LABEL] = self.stage
        return {**found, FUNCTION_LABEL: function} if function else found

    def metadata(self, name: str, *, function: str = "", annotations: Mapping[str, str] = {}) -> Object:
        found: Object = {"name": name, "namespace": self.namespace, "labels": self.labels(function)}
        return {**found, "annotations": dict(sorted(annotations.items()))} if annotations else found
