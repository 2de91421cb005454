"""Defaults of Kubernetes' own kinds. Source: core/v1."""

from __future__ import annotations

import base64

from faas.resources.config import Config
from faas.resources.defaulting.members import member
from faas.resources.views import Raw


def default_secret(raw: Raw, config: Config, old: Raw | None, user: str) -> None:
    raw["type"] = raw.get("type") or "Opaque"
    text = raw.pop("stringData", None) or {}
    if text:
        member(raw, "data").update({key: base64.b64encode(value.encode()).decode() for key, value in text.items()})


def default_namespace(raw: Raw, config: Config, old: Raw | None, user: str) -> None:
    metadata = member(raw, "metadata")
    if metadata.get("name"):
        member(metadata, "labels")["kubernetes.io/metadata.name"] = metadata["name"]
    if old is None:
        spec, status = member(raw, "spec"), member(raw, "status")
        spec["finalizers"] = list(dict.fromkeys([*(spec.get("finalizers") or []), "kubernetes"]))
        status["phase"] = "Active"
